//! What is fuzzed: every place where bytes from elsewhere are read. A target fails by a panic, here or in the code it calls; each
//! also holds what must be true of any input. `cargo fuzz run TARGET` searches for inputs, `cargo test` runs those that are kept in
//! `fuzz/corpus/`.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use promptassay_evaluator::journal::JournalReader;
use promptassay_evaluator::judge;
use promptassay_evaluator::replies::RecordedReplies;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{DatasetFile, Files, no_files, resolve};
use promptassay_experiments::definition::{Experiment, Owner};
use promptassay_experiments::table::{self, TableFormat, TableWriter};
use promptassay_lifecycle::ledger::Ledger;
use promptassay_llm::{HttpResponse, Provider, decode};
use promptassay_mock_llm::{Memory, Request, Script, respond};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::template::{Template, TemplateFormat, Values};
use promptassay_registry::variables::{Interface, Variables};
use promptassay_registry::yaml::Document;
use serde_json::{Value, json};

/// A target's name, as in `fuzz_targets/` and `corpus/`, and what it does with its input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("template", template),
    ("jinja", jinja),
    ("suite", suite),
    ("dataset_csv", dataset_csv),
    ("dataset_jsonl", dataset_jsonl),
    ("judge_reply", judge_reply),
    ("provider_body", provider_body),
    ("ledger", ledger),
    ("journal", journal),
    ("mock_script", mock_script),
    ("recorded_replies", recorded_replies),
    ("experiment_table", experiment_table),
    ("experiment_definition", experiment_definition),
];

/// A template of the `format` language. A value is never read again.
pub fn template(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let (Some(empty), Some(full)) =
        (rendered(TemplateFormat::Format, source, ""), rendered(TemplateFormat::Format, source, VALUE))
    else {
        return;
    };
    let fields = (full.len() - empty.len()) / VALUE.len();
    assert_eq!(
        full.len(),
        empty.len() + fields * VALUE.len(),
        "whole values, and nothing else, were inserted"
    );
    assert!(full.matches(VALUE).count() >= fields, "a value was changed");
}

/// A template of the `jinja` language: fuel and sizes bound whatever it says.
pub fn jinja(data: &[u8]) {
    if let Ok(source) = std::str::from_utf8(data) {
        rendered(TemplateFormat::Jinja, source, VALUE);
    }
}

const VALUE: &str = "{a}{{b}}{{ c }}{% d %}";

fn rendered(format: TemplateFormat, source: &str, value: &str) -> Option<String> {
    match Template::parse(format, source) {
        Ok(template) => {
            assert_eq!(template.source(), source);
            let values: Values =
                template.variables().into_iter().map(|name| (name.to_owned(), Value::from(value))).collect();
            let rendered = template.render(&values);
            if !values.is_empty() && format == TemplateFormat::Format {
                assert!(template.render(&Values::new()).is_err(), "missing variables are an error");
            }
            rendered.ok()
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(problem.line >= 1 && problem.column >= 1);
                assert!(
                    source.get(problem.span.clone()).is_some(),
                    "{:?} is no part of the text",
                    problem.span
                );
            }
            None
        }
    }
}

/// The text of a suite, with settings that have a model and properties.
pub fn suite(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    resolve_suite(text, &no_files);
}

/// A CSV file of cases.
pub fn dataset_csv(data: &[u8]) {
    dataset("cases.csv", data);
}

/// A JSON Lines file of cases.
pub fn dataset_jsonl(data: &[u8]) {
    dataset("cases.jsonl", data);
}

fn dataset(name: &str, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let suite =
        format!("schema: 1\nmodels: [default]\nvalidators: [max_words: 5]\ndatasets: [{{file: {name}}}]\n");
    resolve_suite(&suite, &|_| Ok(vec![DatasetFile { path: PathBuf::from(name), text: text.to_owned() }]));
}

const REGISTRY: &str = "schema: 1
models:
  default: {provider: openai, model: m}
  judge: {provider: anthropic, model: j}
properties:
  polite: {regex: '(?i)please'}
gate: {confidence: 0.95}
";

fn resolve_suite(text: &str, files: &Files<'_>) {
    let mut problems = Vec::new();
    let settings = Document::parse("registry.yaml", REGISTRY, &mut problems)
        .map(|document| Settings::read(&document, &mut problems))
        .unwrap_or_default();
    assert!(problems.is_empty(), "the registry of this target is sound: {problems:?}");
    let names = ["query", "company_name"];
    let interface =
        Interface::new(TemplateFormat::Format, Variables::inferred(TemplateFormat::Format, names));
    let Some(document) = Document::parse("test_cases.yaml", text, &mut problems) else {
        assert!(has_errors(&problems));
        return check_places(&problems);
    };
    let suite = resolve(&document, &interface, &settings, files, &mut problems);
    assert_eq!(suite.is_none(), has_errors(&problems), "a suite is there if and only if nothing is wrong");
    check_places(&problems);
}

fn check_places(problems: &[Problem]) {
    for place in problems.iter().filter_map(|problem| problem.place.as_ref()) {
        assert!(place.line >= 1 && place.column >= 1);
    }
}

/// What a judge answers.
pub fn judge_reply(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for threshold in [None, Some(0.0), Some(0.7), Some(1.0)] {
        if let Ok(judgement) = judge::read(text, threshold) {
            assert!((0.0..=1.0).contains(&judgement.score));
            if let Some(threshold) = threshold {
                assert!(!judgement.pass || judgement.score >= threshold);
            }
        }
    }
}

/// What a provider answers: a status and a body, whoever it was.
pub fn provider_body(data: &[u8]) {
    const STATUS: [u16; 8] = [200, 200, 200, 400, 401, 429, 500, 503];
    let Some((first, body)) = data.split_first() else { return };
    let status = STATUS[usize::from(first % 8)];
    let response = HttpResponse { status, body: body.to_vec(), ..HttpResponse::default() };
    for provider in [Provider::OpenAiChat, Provider::OpenAiResponses, Provider::Anthropic, Provider::Gemini] {
        let reply = decode(provider, &response, Timestamp::UNIX_EPOCH);
        // With a 400, providers also say that a filter withheld the answer, which is one.
        assert!(matches!(status, 200 | 400) || reply.is_err(), "an outage is never a reply");
    }
}

/// The ledger of a prompt.
pub fn ledger(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(prompt) = "greet".parse::<PromptName>() else { return };
    let ledger = Ledger::parse("lifecycle.jsonl", &prompt, text);
    check_places(&ledger.problems());
    if ledger.faults().is_empty() && ledger.tail().is_none() {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert_eq!(ledger.lines().len(), lines, "every line of a sound ledger counts");
    }
}

/// The journal of a run. What counts as whole is read again to the same events.
pub fn journal(data: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(data).is_err() {
        return;
    }
    let Some((events, sound, torn)) = events(file.path()) else { return };
    assert_eq!(sound + torn, data.len() as u64, "at its end every byte was looked at");
    let whole = usize::try_from(sound).unwrap_or(usize::MAX);
    let Ok(mut prefix) = tempfile::NamedTempFile::new() else { return };
    if prefix.write_all(&data[..whole]).is_ok() {
        assert_eq!(self::events(prefix.path()), Some((events, sound, 0)));
    }
}

fn events(path: &Path) -> Option<(usize, u64, u64)> {
    let mut reader = JournalReader::open(path).ok()?;
    let mut count = 0;
    while reader.next_entry().ok()?.is_some() {
        count += 1;
    }
    Some((count, reader.sound_bytes(), reader.torn_bytes()))
}

/// The script of a mock, and a question to it.
pub fn mock_script(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(script) = Script::from_json(value) else { return };
    let mut memory = Memory::default();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let request =
        Request { method: "POST", path: "/v1/chat/completions", headers: &[], body: body.as_bytes() };
    for second in 0..3 {
        respond(&script, &mut memory, &request, Duration::from_secs(second));
    }
}

/// A file of recorded replies.
pub fn recorded_replies(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut problems = Vec::new();
    let replies = RecordedReplies::parse(Path::new("greet.jsonl"), text, &mut problems);
    assert!(replies.count() + problems.len() <= text.lines().count() * 2 + 1);
    check_places(&problems);
}

/// A table of exposures and outcomes. What is read can be written and read again.
pub fn experiment_table(data: &[u8]) {
    for format in [TableFormat::Csv, TableFormat::Jsonl] {
        let mut events = Vec::new();
        // What stands beside a broken row is handed out; it must be writable all the same.
        table::read(format, data, "series", 1, &mut |_line, event| {
            events.extend(event);
            ControlFlow::Continue(())
        });
        let mut writer = TableWriter::new(TableFormat::Jsonl, Vec::new()).expect("memory takes everything");
        for event in events {
            writer.write(event).expect("memory takes everything");
        }
    }
}

/// The file of an experiment.
pub fn experiment_definition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(prompt) = "greet".parse::<PromptName>() else { return };
    let versions: Vec<_> = ["1.0.0", "1.1.0"].iter().filter_map(|version| version.parse().ok()).collect();
    let owner = Owner { prompt: &prompt, versions: &versions };
    let mut problems = Vec::new();
    if let Some(document) = Document::parse("series.yaml", text, &mut problems) {
        let experiment = Experiment::read(&document, owner, &mut problems);
        assert!(experiment.is_some() || has_errors(&problems), "what is refused says why");
    }
    check_places(&problems);
}
