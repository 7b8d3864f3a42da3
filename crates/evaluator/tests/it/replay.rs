//! A stored journal gives back what the run knew, whatever happened to it that may happen: another order, repeated trials, a torn
//! end, a crash and a resume.

use std::fs;
use std::future::ready;
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use futures::FutureExt as _;
use promptassay_evaluator::event::{Answer, AskError, AskErrorKind, Event, ReplySource, RunEnd, TrialResult};
use promptassay_evaluator::gate;
use promptassay_evaluator::journal::JournalWriter;
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{self, Plan, PromptInput, VersionRequest};
use promptassay_evaluator::record::Record;
use promptassay_evaluator::replay::{Remaining, Replay, replay};
use promptassay_evaluator::report::{self, Evaluation, FileNames, JunitLook, Look};
use promptassay_evaluator::run::{self, Asked, Unanswered, Work};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_llm::{EnvironmentName, FinishReason, Reply, Usage};
use promptassay_registry::files::write_atomic;
use promptassay_registry::tree::Tree;
use promptassay_registry::yaml::Document;
use proptest::prelude::*;
use tempfile::TempDir;

/// Two versions, one model, six cases, two repeats: 24 trials.
fn plan() -> (TempDir, Plan) {
    let directory = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_atomic(&path, text).unwrap();
    };
    write(
        "prompts/registry.yaml",
        "schema: 1\nmodels:\n  default: {provider: openai, model: m, price: {input: 1.0, output: 2.0}}\n",
    );
    write(
        "prompts/greet/prompt.yaml",
        "name: greet\nactive_version: v1.0.0\nvariables: {name: {type: string}}\n",
    );
    write("prompts/greet/v1.0.0.txt", "Greet {name}.");
    write("prompts/greet/v1.1.0.txt", "Greet {name} warmly.");
    let cases: String = (0..6)
        .map(|case| format!("  - {{name: c{case}, inputs: {{name: N{case}}}}}\n"))
        .collect::<Vec<_>>()
        .concat();
    write(
        "prompts/greet/tests/test_cases.yaml",
        &format!("repeat: 2\nvalidators:\n  - contains: hello\n  - max_words: 4\ncases:\n{cases}"),
    );
    let loaded = Tree::load(directory.path().join("prompts"));
    let mut problems = loaded.problems;
    let settings = Settings::read(loaded.tree.registry().document.as_ref().unwrap(), &mut problems);
    let prompt = loaded.tree.prompts().next().unwrap();
    let text = fs::read_to_string(prompt.suite_path()).unwrap();
    let document = Document::parse(prompt.suite_path(), text, &mut problems).unwrap();
    let suite =
        suite::resolve(&document, prompt.interface(), &settings, &suite::no_files, &mut problems).unwrap();
    let versions: Vec<_> = prompt.versions().map(|version| version.version.clone()).collect();
    let versions = plan::choose("greet", &versions, &versions[0], &VersionRequest::default()).unwrap();
    let plan = plan::build(vec![PromptInput { prompt, suite, versions }], &settings, &mut problems);
    (directory, plan.unwrap_or_else(|| panic!("{problems:?}")))
}

fn reply(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        refusal: None,
        tool_calls: Vec::new(),
        finish_reason: FinishReason::Stop,
        usage: Usage { input: Some(10), output: Some(5), ..Usage::default() },
        served_model: None,
        request_id: None,
        latency: Duration::from_millis(12),
        redacted: Vec::new(),
    }
}

/// What comes of the plan's trial at `index` when it is drawn as `draw`.
fn result(plan: &Plan, index: usize, draw: u8) -> TrialResult {
    let answer = match draw % 4 {
        0 => {
            Answer::Error(AskError { kind: AskErrorKind::NoRecordedReply, message: "none\nthere".to_owned() })
        }
        1 => Answer::Reply { reply: Box::new(reply("no\u{0}\u{1b}[31m")), source: ReplySource::Live },
        2 => Answer::Reply {
            reply: Box::new(reply("hello with far too many words")),
            source: ReplySource::Live,
        },
        3 if draw > 127 => {
            let name = EnvironmentName::try_from("SITE_KEY".to_owned()).unwrap();
            let reply = Reply { redacted: vec![name], ..reply("hello [redacted]") };
            Answer::Reply { reply: Box::new(reply), source: ReplySource::Live }
        }
        _ => Answer::Reply { reply: Box::new(reply("hello")), source: ReplySource::Live },
    };
    let ask_judge = |_| ready(Err(Unanswered::LeftOut));
    run::judge_asking(plan, plan.trials()[index], answer, &ask_judge, None).now_or_never().unwrap()
}

/// What the JSON report promises to be.
static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(report::json_schema().as_value()).unwrap());

#[test]
fn the_report_of_nothing_is_one_that_the_schema_knows() {
    let nothing = report::Nothing { schema: 1, skipped: "no prompt changed", remarks: Vec::new() };
    let shown = serde_json::to_value(&nothing).unwrap();
    assert!(SCHEMA.is_valid(&shown), "{shown}");
    assert!(!SCHEMA.is_valid(&serde_json::json!({"schema": 1})));
}

/// All reports in one text.
fn reports(plan: &Plan, record: &Record, outputs: &Outputs) -> String {
    let (summaries, gates) = gate::judge(plan, record);
    let evaluation = Evaluation {
        plan,
        record,
        summaries: &summaries,
        gates: &gates,
        outputs,
        attempts: None,
        files: &FileNames::default(),
    };
    let json = written(|out| report::json(&evaluation, out));
    let faults: Vec<String> =
        SCHEMA.iter_errors(&serde_json::from_str(&json).unwrap()).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "the schema refuses the report: {faults:?}\n{json}");
    let terminal = report::terminal(&evaluation, Look { color: false, outputs: true });
    let github = report::github(&evaluation);
    [
        terminal,
        report::markdown(&evaluation),
        json,
        written(|out| report::junit(&evaluation, JunitLook::default(), out)),
        written(|out| report::csv(&evaluation, out)),
        github,
    ]
    .join("\n")
}

fn written(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn store(path: &Path, events: &[Event]) {
    let mut writer = JournalWriter::create(path).unwrap();
    for event in events {
        writer.append(event).unwrap();
    }
    writer.finish().unwrap();
}

/// The reports of a run whose results were kept in memory.
fn in_memory(plan: &Plan, events: &[Event]) -> String {
    let (mut record, mut outputs) = (Record::new(plan), Outputs::in_memory());
    for event in events {
        record.apply(plan, event);
        outputs.apply(event, None);
    }
    reports(plan, &record, &outputs)
}

fn replayed(plan: &Plan, path: &Path) -> (String, Replay) {
    let replay = replay(path, plan).unwrap();
    let text = reports(plan, &replay.record, &replay.outputs);
    assert!(replay.outputs.take_error().is_none());
    (text, replay)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// `draws` are a trial and what comes of it, in the order of the events; a trial may come several times, and the last counts.
    #[test]
    fn a_journal_in_any_order_gives_the_same_reports(
        draws in proptest::collection::vec((0..24_usize, any::<u8>()), 0..60),
        keys in proptest::collection::vec(any::<u32>(), 60),
        torn in 0..200_usize,
    ) {
        let (directory, plan) = plan();
        let mut last = vec![None; plan.trials().len()];
        for &(index, draw) in &draws {
            last[index] = Some(draw);
        }
        let finished = |index: usize, draw: u8| Event::TrialFinished(Box::new(result(&plan, index, draw)));
        let end = Event::RunFinished { end: RunEnd::Interrupted };
        let start = Event::RunStarted { trials: plan.trials().len() };
        // As they came. What was superseded counts among the calls, because it was paid for.
        let mut events = vec![start.clone()];
        events.extend(draws.iter().map(|&(index, draw)| finished(index, draw)));
        events.push(end.clone());
        let expected = in_memory(&plan, &events);
        // In another order, the events of one trial among themselves as they came.
        let mut shuffled: Vec<(u32, usize, u8)> =
            draws.iter().map(|&(index, draw)| (keys[index], index, draw)).collect();
        shuffled.sort_by_key(|(key, ..)| *key);
        let mut events = vec![start];
        events.extend(shuffled.iter().map(|&(_, index, draw)| finished(index, draw)));
        events.push(end);
        let path = directory.path().join("events.jsonl");
        store(&path, &events);
        // And whatever a crash left at the end.
        let sound = fs::metadata(&path).unwrap().len();
        let bytes = fs::read(&path).unwrap();
        let piece = &bytes[..torn.min(bytes.iter().position(|&byte| byte == b'\n').unwrap())];
        write_atomic(&path, [bytes.as_slice(), piece].concat()).unwrap();
        let (text, replay) = replayed(&plan, &path);
        prop_assert_eq!(text, expected);
        // A torn piece may be a whole event that lacks its line feed only; then it is dropped all the same.
        prop_assert_eq!((replay.sound_bytes, replay.torn_bytes), (sound, piece.len() as u64));
        let live = draws.iter().filter(|(_, draw)| draw % 4 != 0).count() as u64;
        prop_assert_eq!(replay.spent.calls, live, "what was superseded was paid for");
        prop_assert!((replay.spent.cost - live as f64 * 20e-6).abs() < 1e-12);
        for (index, draw) in last.iter().enumerate() {
            let expected = if draw.is_none_or(|draw| draw % 4 == 0) { Remaining::Ask } else { Remaining::Nothing };
            prop_assert_eq!(replay.remaining(&plan, index), expected);
        }
    }
}

/// Runs what is left of a plan and stores it; stops before the `stop_after`th question.
fn run_rest(plan: &Plan, path: &Path, concurrency: usize, stop_after: usize) -> Vec<String> {
    let replay = if path.exists() { Some(replay(path, plan).unwrap()) } else { None };
    let mut writer = match &replay {
        Some(replay) => JournalWriter::resume(path, replay.sound_bytes).unwrap(),
        None => JournalWriter::create(path).unwrap(),
    };
    let left = |index: &usize| {
        replay.as_ref().is_none_or(|replay| replay.remaining(plan, *index) != Remaining::Nothing)
    };
    let trials: Vec<_> = (0..plan.trials().len()).filter(left).map(|index| plan.trials()[index]).collect();
    let asked = std::cell::RefCell::new(Vec::new());
    let ask = |trial: plan::Trial, _, _| {
        asked.borrow_mut().push(trial.id.to_string());
        let text = if trial.case.is_multiple_of(3) { "good bye" } else { "hello" };
        ready(Ok::<_, Unanswered>(Asked { reply: reply(text), source: ReplySource::Live }))
    };
    let few = trials[..stop_after.min(trials.len())].to_vec();
    let work = Work { trials: few, ..Work::default() };
    let judge = |_, _, _| ready(Err::<Asked, _>(Unanswered::Withdrawn));
    let run = run::run(plan, &work, ask, judge, concurrency, std::future::pending(), |event| {
        writer.append(event).unwrap();
    });
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run);
    writer.finish().unwrap();
    asked.into_inner()
}

#[test]
fn concurrency_changes_no_byte_of_a_report() {
    let (directory, plan) = plan();
    let texts = [1, 2, 7, 64].map(|concurrency| {
        let path = directory.path().join(format!("{concurrency}.jsonl"));
        run_rest(&plan, &path, concurrency, usize::MAX);
        replayed(&plan, &path).0
    });
    assert!(texts[0].contains("\"verdict\": \"failed\""), "{}", texts[0]);
    assert!(texts.iter().all(|text| *text == texts[0]));
}

#[test]
fn a_run_in_pieces_asks_each_question_once_and_reports_the_same() {
    let (directory, plan) = plan();
    let whole = directory.path().join("whole.jsonl");
    run_rest(&plan, &whole, 3, usize::MAX);
    let pieces = directory.path().join("pieces.jsonl");
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.extend(run_rest(&plan, &pieces, 3, 5));
    }
    asked.sort_unstable();
    let mut all: Vec<String> = plan.trials().iter().map(|trial| trial.id.to_string()).collect();
    all.sort_unstable();
    assert_eq!(asked, all);
    assert_eq!(replayed(&plan, &pieces).0, replayed(&plan, &whole).0);
}

#[test]
fn an_answer_of_which_a_check_could_not_be_carried_out_is_judged_again_and_not_asked_for() {
    use promptassay_evaluator::outcome::{CheckOutcome, Reason, RepeatOutcome};
    let (directory, plan) = plan();
    let mut result = result(&plan, 0, 3);
    result.checks[0].outcome = CheckOutcome::Error(Reason::new("out of reach"));
    result.outcome = RepeatOutcome::of(&result.checks);
    let path = directory.path().join("events.jsonl");
    store(&path, &[Event::TrialFinished(Box::new(result.clone()))]);
    let (_, replay) = replayed(&plan, &path);
    let Answer::Reply { reply, source } = result.answer else { panic!("it has a reply") };
    let asked = run::Asked { reply: *reply, source };
    assert_eq!(replay.remaining(&plan, 0), Remaining::Judge(Box::new(asked)));
}

#[test]
fn a_run_that_was_killed_is_broken_and_says_so() {
    let (directory, plan) = plan();
    let path = directory.path().join("events.jsonl");
    let mut events = vec![Event::RunStarted { trials: 24 }];
    events.extend((0..23).map(|index| Event::TrialFinished(Box::new(result(&plan, index, 3)))));
    store(&path, &events);
    let (text, _) = replayed(&plan, &path);
    assert!(text.contains("BROKEN  killed: 1 of 24 questions not asked"), "{text}");
}

#[test]
fn a_journal_that_vanishes_under_a_report_is_an_error_and_no_empty_result() {
    let (directory, plan) = plan();
    let path = directory.path().join("events.jsonl");
    store(&path, &[Event::TrialFinished(Box::new(result(&plan, 0, 3)))]);
    let replay = replay(&path, &plan).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    assert_eq!(replay.outputs.get(plan.trials()[0].id), None);
    let error = replay.outputs.take_error().unwrap().to_string();
    assert!(error.starts_with("cannot read `"), "{error}");
}
