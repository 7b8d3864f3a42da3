//! From a stored journal to the verdict: 10,000 cases × 2 versions × 3 repeats are read, summed up, compared and judged.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use promptassay_evaluator::event::{Answer, Event, ReplySource, RunEnd, TrialResult};
use promptassay_evaluator::gate::judge;
use promptassay_evaluator::journal::JournalWriter;
use promptassay_evaluator::outcome::{CheckOutcome, CheckResult, Reason, RepeatOutcome};
use promptassay_evaluator::plan::{self, ChosenVersions, Plan, PromptInput};
use promptassay_evaluator::replay::replay;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_llm::{FinishReason, Reply, Usage};
use promptassay_registry::files::write_atomic;
use promptassay_registry::tree::Tree;
use promptassay_registry::yaml::Document;

const CASES: usize = 10_000;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    write_atomic(path, text).expect("a file");
}

fn plan_in(root: &Path) -> Plan {
    write(&root.join("registry.yaml"), "models: {default: {provider: openai, model: gpt-6-luna}}\n");
    write(&root.join("greet/prompt.yaml"), "name: greet\nvariables: {name: {type: string}}\n");
    write(&root.join("greet/v1.0.0.txt"), "Greet {name}.\n");
    write(&root.join("greet/v1.1.0.txt"), "Greet {name} well.\n");
    let mut text = "repeat: 3\ngate: {margin: auto}\nvalidators: [max_words: 9]\ncases:\n".to_owned();
    for case in 0..CASES {
        // A tenth of the cases stand in clusters of ten.
        let cluster =
            if case % 100 < 10 { format!(", cluster: group_{}", case / 100) } else { String::new() };
        writeln!(text, "  - {{name: case_{case:05}, inputs: {{name: Ada}}{cluster}}}").expect("memory");
    }
    let tree = Tree::load(root).tree;
    let mut problems = Vec::new();
    let settings = Settings::read(tree.registry().document.as_ref().expect("a registry"), &mut problems);
    let prompt = tree.prompts().next().expect("a prompt");
    let document = Document::parse("test_cases.yaml", text, &mut problems).expect("a document");
    let suite = suite::resolve(&document, prompt.interface(), &settings, &suite::no_files, &mut problems);
    let versions = ChosenVersions {
        baseline: Some("1.0.0".parse().expect("a version")),
        candidates: vec!["1.1.0".parse().expect("a version")],
        why: String::new(),
    };
    let input = PromptInput { prompt, suite: suite.expect("a suite"), versions };
    plan::build(vec![input], &settings, &mut problems).unwrap_or_else(|| panic!("{problems:?}"))
}

fn journal_of(plan: &Plan, path: &Path) {
    let mut writer = JournalWriter::create(path).expect("a journal");
    writer.append(&Event::RunStarted { trials: plan.trials().len() }).expect("an event");
    for (index, trial) in plan.trials().iter().enumerate() {
        let fails = index % 17 == 0;
        let check = CheckResult {
            name: "max_words".into(),
            outcome: if fails {
                CheckOutcome::Fail(Reason::new("14 words, limit 9"))
            } else {
                CheckOutcome::Pass
            },
            score: if fails { 0.0 } else { 1.0 },
            weight: 1.0,
            warn: false,
        };
        let reply = Reply {
            text: "A reply of some twenty words, so that there is something to read over, as there is in real life. ".repeat(3),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            served_model: Some("gpt-6-luna-2026-10-01".into()),
            request_id: None,
            latency: Duration::from_millis(300 + (index as u64 * 7919) % 900),
            redacted: Vec::new(),
        };
        let result = TrialResult {
            trial: trial.id,
            answer: Answer::Reply { reply: Box::new(reply), source: ReplySource::Live },
            outcome: if fails { RepeatOutcome::Failed } else { RepeatOutcome::Passed },
            checks: vec![check],
            answered_before: false,
            judging: None,
        };
        writer.append(&Event::TrialFinished(Box::new(result))).expect("an event");
    }
    writer.append(&Event::RunFinished { end: RunEnd::Completed }).expect("an event");
    writer.finish().expect("a journal");
}

fn verdict(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let plan = plan_in(&directory.path().join("prompts"));
    let path = directory.path().join("events.jsonl");
    journal_of(&plan, &path);
    let mut group = criterion.benchmark_group("verdict of 10,000 cases × 2 versions × 3 repeats");
    group.sample_size(10);
    group.bench_function("from the journal", |bencher| {
        bencher.iter(|| {
            let replay = replay(black_box(&path), &plan).expect("a journal");
            judge(&plan, &replay.record)
        });
    });
    let replay = replay(&path, &plan).expect("a journal");
    group.bench_function("from the record", |bencher| {
        bencher.iter(|| judge(&plan, black_box(&replay.record)));
    });
    // The floor of this JSON library: the same file, its tokens, and nothing kept.
    group.bench_function("the same lines, tokens only", |bencher| {
        bencher.iter(|| {
            let bytes = std::fs::read(black_box(&path)).expect("a journal");
            for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                serde_json::from_slice::<serde::de::IgnoredAny>(line).expect("an event");
            }
            bytes.len()
        });
    });
    group.finish();
}

criterion_group!(benches, verdict);
criterion_main!(benches);
