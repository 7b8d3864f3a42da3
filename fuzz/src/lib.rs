//! What is fuzzed: every place where bytes from elsewhere are read. A target fails by a panic, here or in the code it calls; each
//! also holds what must be true of any input. `cargo fuzz run TARGET` searches for inputs, `cargo test` runs those that are kept in
//! `fuzz/corpus/`.

use std::collections::HashMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use promptassay_evaluator::event::{Answer, Event, ReplySource, TrialResult};
use promptassay_evaluator::journal::{Entry, JournalReader};
use promptassay_evaluator::judge;
use promptassay_evaluator::outcome::RepeatOutcome;
use promptassay_evaluator::replies::{RecordedJudgements, RecordedReplies, without_lines};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{DatasetFile, Files, Suite, no_files, resolve};
use promptassay_experiments::definition::{Experiment, Owner};
use promptassay_experiments::event as experiments;
use promptassay_experiments::table::{self, TableFormat, TableWriter};
use promptassay_lifecycle::ledger::Ledger;
use promptassay_llm::{FinishReason, HttpResponse, Provider, RateHint, Reply, decode};
use promptassay_mock_llm::{Delivery, HttpReply, Memory, Request, Script, respond};
use promptassay_registry::digest::Digest;
use promptassay_registry::lock_file::Lock;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::template::{MAX_RENDERED_BYTES, Template, TemplateFormat, Values};
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
    ("lock_file", lock_file),
    ("journal", journal),
    ("mock_script", mock_script),
    ("recorded_replies", recorded_replies),
    ("experiment_table", experiment_table),
    ("experiment_definition", experiment_definition),
];

/// A template of the `format` language: what another, simpler reader makes of it is what comes out. A value is never read again.
pub fn template(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let Some(template) = parsed(TemplateFormat::Format, source) else { return };
    let rendered = template.render(&values_for(&template, &Value::from(VALUE)));
    assert_eq!(rendered.ok(), Some(rendered_otherwise(source, VALUE)));
    if !template.variables().is_empty() {
        assert!(template.render(&Values::new()).is_err(), "missing variables are an error");
    }
}

/// A template of the `jinja` language: fuel and sizes bound whatever it says, and the same values give the same text.
pub fn jinja(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let Some(template) = parsed(TemplateFormat::Jinja, source) else { return };
    let values = values_for(&template, &Value::from(VALUE));
    let rendered = template.render(&values);
    assert_eq!(rendered, template.render(&values));
    for value in [json!([1.5, {"a": null, "b": [true]}, "c"]), json!(3)] {
        let rendered = template.render(&values_for(&template, &value));
        assert!(rendered.map_or(0, |text| text.len()) <= MAX_RENDERED_BYTES);
    }
}

const VALUE: &str = "{a}{{b}}{{ c }}{% d %}";

fn parsed(format: TemplateFormat, source: &str) -> Option<Template> {
    match Template::parse(format, source) {
        Ok(template) => {
            assert_eq!(template.source(), source);
            Some(template)
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let Some(before) = source.get(..problem.span.start) else {
                    panic!("{:?} is no part of the text", problem.span)
                };
                assert!(source.get(problem.span.clone()).is_some(), "{:?} is no part", problem.span);
                assert_eq!(problem.line, before.matches('\n').count() + 1);
                let on_line = before.rsplit('\n').next().unwrap_or_default();
                assert_eq!(problem.column, on_line.chars().count() + 1);
            }
            None
        }
    }
}

fn values_for(template: &Template, value: &Value) -> Values {
    template.variables().into_iter().map(|name| (name.to_owned(), value.clone())).collect()
}

/// A sound template of the `format` language, with `value` in every field.
fn rendered_otherwise(source: &str, value: &str) -> String {
    let mut text = String::new();
    let mut rest = source.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '{' | '}' if rest.peek() == Some(&character) => {
                rest.next();
                text.push(character);
            }
            '{' => {
                rest.by_ref().find(|character| *character == '}');
                text.push_str(value);
            }
            _ => text.push(character),
        }
    }
    text
}

/// The text of a suite, with settings that have a model and properties. A comment above it changes nothing but line numbers.
pub fn suite(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let files = |name: &str| match name {
        "cases.csv" => Ok(vec![dataset_file(name, "name,query\nrow,Hello\n")]),
        "cases.jsonl" => Ok(vec![dataset_file(name, "{\"name\":\"line\",\"query\":\"Hello\"}\n")]),
        _ => no_files(name),
    };
    let (suite, problems) = resolved(text, &files);
    // A directive or a byte order mark stands before everything else; and what has no parts is found at its beginning.
    let is_part = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if text.starts_with(['%', '\u{feff}']) || !text.lines().any(is_part) {
        return;
    }
    let (moved, moved_problems) = resolved(&format!("# comment\n{text}"), &files);
    assert_eq!(suite.map(|suite| suite.digest), moved.map(|suite| suite.digest));
    let places = |problems: &[Problem], lines: usize| -> Vec<_> {
        let place = |problem: &Problem| {
            let place = problem.place.clone()?;
            let lines = if place.file == Path::new(SUITE) { lines } else { 0 };
            Some((place.line + lines, place.column, place.width, place.line_text))
        };
        problems.iter().map(|problem| (problem.code, place(problem))).collect()
    };
    // What concerns the whole file stands in its first line.
    let of_parts = |problems: Vec<Problem>| -> Vec<Problem> {
        let of_whole = |place: &Place| place.line == 1 && place.line_text.is_empty();
        let kept = |problem: &Problem| !problem.place.as_ref().is_some_and(of_whole);
        problems.into_iter().filter(kept).collect()
    };
    assert_eq!(places(&of_parts(problems), 1), places(&of_parts(moved_problems), 0));
}

/// A CSV file of cases. Another reader finds the same cells.
pub fn dataset_csv(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(suite) = dataset("cases.csv", text) else { return };
    // The other reader ends a line at a lone carriage return, and drops a byte order mark.
    if text.replace("\r\n", "").contains('\r') || text.starts_with('\u{feff}') {
        return;
    }
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = rows.records().map(|row| row.expect("what is sound is sound for every reader"));
    let is_blank = |row: &csv::StringRecord| row.len() == 1 && row[0].trim().is_empty();
    let columns: Vec<String> = rows
        .by_ref()
        .find(|row| !is_blank(row))
        .map(|row| row.iter().map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let mut rows = rows.filter(|row| columns.len() == 1 || !is_blank(row)).collect::<Vec<_>>().into_iter();
    for case in &suite.cases {
        let texts = |row: &csv::StringRecord| {
            ["query", "company_name"].iter().all(|variable| {
                let Some(value) = case.inputs.get(*variable) else { return true };
                let column = |name: &String| name.strip_prefix("inputs.").unwrap_or(name) == *variable;
                let Some(at) = columns.iter().position(column) else { return true };
                row.get(at).is_some_and(|cell| value.as_str() == Some(cell))
            })
        };
        assert!(rows.any(|row| texts(&row)), "`{}` has other inputs than its row", case.name);
    }
}

/// A JSON Lines file of cases. The order of its rows changes no digest.
pub fn dataset_jsonl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(suite) = dataset("cases.jsonl", text) else { return };
    let rows: Vec<&str> = text.split('\n').filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(suite.cases.len(), rows.len(), "every row of a sound file is a case");
    let reversed: String = rows.iter().rev().flat_map(|row| [row, "\n"]).collect();
    let again = dataset("cases.jsonl", &reversed);
    assert_eq!(again.map(|suite| suite.digest), Some(suite.digest));
}

fn dataset(name: &str, text: &str) -> Option<Suite> {
    let suite =
        format!("schema: 1\nmodels: [default]\nvalidators: [max_words: 5]\ndatasets: [{{file: {name}}}]\n");
    let (suite_read, problems) = resolved(&suite, &|_| Ok(vec![dataset_file(name, text)]));
    check_places(&problems, &[(name, text)]);
    suite_read
}

fn dataset_file(name: &str, text: &str) -> DatasetFile {
    DatasetFile { path: PathBuf::from(name), text: text.to_owned() }
}

const SUITE: &str = "test_cases.yaml";

const REGISTRY: &str = "schema: 1
models:
  default: {provider: openai, model: m}
  judge: {provider: anthropic, model: j}
properties:
  polite: {regex: '(?i)please'}
gate: {confidence: 0.95}
";

/// Read once: it takes longer than a small suite.
static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let mut problems = Vec::new();
    let document = Document::parse("registry.yaml", REGISTRY, &mut problems);
    let settings = document.map(|document| Settings::read(&document, &mut problems)).unwrap_or_default();
    assert!(problems.is_empty(), "the registry of these targets is sound: {problems:?}");
    settings
});

fn resolved(text: &str, files: &Files<'_>) -> (Option<Suite>, Vec<Problem>) {
    let names = ["query", "company_name"];
    let interface =
        Interface::new(TemplateFormat::Format, Variables::inferred(TemplateFormat::Format, names));
    let mut problems = Vec::new();
    let suite = Document::parse(SUITE, text, &mut problems).and_then(|document| {
        let unsound = has_errors(&problems);
        resolve(&document, &interface, &SETTINGS, files, &mut problems).filter(|_| !unsound)
    });
    assert_eq!(suite.is_none(), has_errors(&problems), "a suite is there if and only if nothing is wrong");
    check_places(&problems, &[(SUITE, text)]);
    (suite, problems)
}

/// A place is a part of one line of its file; of the files whose texts are known, this is checked.
fn check_places(problems: &[Problem], texts: &[(&str, &str)]) {
    for place in problems.iter().filter_map(|problem| problem.place.as_ref()) {
        assert!(place.line >= 1 && place.column >= 1 && place.width >= 1);
        let Some((_, text)) = texts.iter().find(|(file, _)| place.file == Path::new(file)) else { continue };
        let Some(line) = text.split('\n').nth(place.line - 1) else {
            panic!("{place} is no line of {}", text.split('\n').count())
        };
        let characters = line.chars().count();
        assert!(place.column <= characters + 1, "{place} is behind its line, {line:?}");
        assert!(place.column - 1 + place.width <= characters.max(place.column), "{place}: {line:?}");
        let (shown, whole) = (place.line_text.as_str(), line.trim_end_matches('\r'));
        // What may be a secret is starred out, and carets still stand below what they mean.
        let is_shown = |whole: &str| {
            shown.chars().count() == whole.chars().count()
                && shown.chars().zip(whole.chars()).all(|(shown, whole)| shown == whole || shown == '*')
        };
        // The one byte order mark that a dataset may begin with is no part of its first line.
        let is_the_line = is_shown(whole) || whole.strip_prefix('\u{feff}').is_some_and(is_shown);
        assert!(shown.is_empty() || is_the_line, "{place} shows {shown:?} of {whole:?}");
    }
}

/// What a judge answers. A code fence around it changes nothing.
pub fn judge_reply(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for threshold in [None, Some(0.0), Some(0.7), Some(1.0)] {
        let Ok(judgement) = judge::read(text, threshold) else { continue };
        assert!((0.0..=1.0).contains(&judgement.score));
        if let Some(threshold) = threshold {
            assert!(!judgement.pass || judgement.score >= threshold);
        }
        assert!(!judgement.reason.is_empty() && !judgement.reason.contains('\n'));
        if !text.contains("```") {
            assert_eq!(judge::read(&format!("```json\n{text}\n```"), threshold), Ok(judgement));
        }
    }
}

/// What a provider answers: a byte for the status, headers up to an empty line if there is one, and a body; whoever it was.
pub fn provider_body(data: &[u8]) {
    const STATUS: [u16; 8] = [200, 200, 200, 400, 401, 429, 500, 503];
    let Some((first, rest)) = data.split_first() else { return };
    let status = STATUS[usize::from(first % 8)];
    let end_of_head = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = end_of_head.map_or((&[][..], rest), |end| (&rest[..end], &rest[end + 4..]));
    let headers: HashMap<String, String> = String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let response = HttpResponse {
        status,
        headers: (&headers).try_into().unwrap_or_default(),
        body: body.to_vec(),
        ..HttpResponse::default()
    };
    RateHint::read(&response, Timestamp::UNIX_EPOCH);
    for provider in Provider::ALL {
        check_decoded(provider, &response);
    }
}

fn check_decoded(provider: Provider, response: &HttpResponse) {
    match decode(provider, response, Timestamp::UNIX_EPOCH) {
        Ok(reply) => {
            // With some errors, providers also say that a filter withheld the answer, which is one.
            let is_filtered = reply.finish_reason == FinishReason::Filter;
            let may_be = if is_filtered {
                matches!(response.status, 200..=299 | 400..=499)
            } else {
                response.status < 300
            };
            assert!(may_be && !matches!(response.status, 401 | 429), "an outage is never a reply");
            let cost = reply.usage.provider_cost.unwrap_or(0.0);
            assert!(cost.is_finite() && cost >= 0.0, "a cost of {cost}");
            kept_as_it_is(reply);
        }
        Err(error) => {
            let detail = error.detail();
            assert!(!detail.contains(char::is_control), "a message is one line: {detail:?}");
            assert!(detail.chars().count() < 700, "a message is short: {detail}");
        }
    }
}

/// A reply comes out of a journal as it went into it.
fn kept_as_it_is(reply: Reply) {
    let event = Event::TrialFinished(Box::new(TrialResult {
        trial: "00000000000000ff".parse().expect("the id of a trial"),
        answer: Answer::Reply { reply: Box::new(reply), source: ReplySource::Live },
        checks: Vec::new(),
        outcome: RepeatOutcome::Passed,
        answered_before: false,
        judging: None,
    }));
    let line = serde_json::to_string(&event).expect("every event has a line");
    let read: Event = serde_json::from_str(&line).expect("every line of an event can be read");
    assert_eq!(read, event);
}

/// A `prompt.lock`: a lock in the form in which it is written is not read by YAML, and both readers give the same. What is read is
/// written and read back.
pub fn lock_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = |text: &str| {
        let mut problems = Vec::new();
        let lock = Lock::parse(Path::new("prompt.lock"), text, &mut problems);
        assert_eq!(lock.is_none(), has_errors(&problems), "{problems:?}");
        lock
    };
    if text.starts_with('\u{feff}') {
        return;
    }
    let lock = read(text);
    // No lock is written with a comment of somebody else's at its head, so YAML reads this one.
    assert_eq!(read(&format!("# by hand\n{text}")), lock);
    if let Some(lock) = lock {
        let written = lock.to_text();
        assert_eq!(read(&written).as_ref(), Some(&lock));
        assert_eq!(read(&format!("# by hand\n{written}")), Some(lock));
    }
}

/// The ledger of a prompt, as it is and with the chain of hashes mended, which no change of a byte would ever hit.
pub fn ledger(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_ledger(text);
    check_ledger(&chained(text));
}

fn check_ledger(text: &str) {
    let Ok(prompt) = "greet".parse::<PromptName>() else { return };
    let ledger = Ledger::parse("lifecycle.jsonl", &prompt, text);
    check_places(&ledger.problems(), &[("lifecycle.jsonl", text)]);
    if !ledger.faults().is_empty() {
        return;
    }
    assert_eq!(ledger.head(), ledger.lines().last().map(|line| &line.hash));
    let end = ledger.tail().map_or(text.len(), |tail| tail.start);
    let whole = text[..end].matches('\n').count();
    assert_eq!(ledger.lines().len(), whole, "every line of a sound ledger counts");
    if ledger.lines().is_sorted_by_key(|line| line.event.at) {
        let state = ledger.state_at(Timestamp::MAX);
        assert_eq!(&state, ledger.state(), "at the end of time everything has happened");
    }
    if ledger.tail().is_some() {
        let cut = Ledger::parse("lifecycle.jsonl", &prompt, &text[..end]);
        assert!(cut.tail().is_none() && cut.faults().is_empty(), "without its tail a ledger is sound");
        assert_eq!(cut.state(), ledger.state());
    }
}

/// The text with the numbers and hashes that its lines ought to have.
fn chained(text: &str) -> String {
    let mut previous = Value::Null;
    let mut number = 0;
    let mut lines = String::new();
    for line in text.split_inclusive('\n') {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else {
            lines.push_str(line);
            continue;
        };
        number += 1;
        let mut put = |key: &str, value: Value| fields.get_mut(key).map(|field| *field = value);
        put("seq", json!(number));
        put("prev", previous.clone());
        let mut hashed = fields.clone();
        hashed.remove("hash");
        hashed.sort_keys();
        let mut hashed = Value::Object(hashed);
        hashed.sort_all_objects();
        let hash = json!(Digest::of(hashed.to_string()));
        fields.insert("hash".to_owned(), hash.clone());
        previous = hash;
        lines.push_str(&Value::Object(fields).to_string());
        lines.push_str(if line.ends_with('\n') { "\n" } else { "" });
    }
    lines
}

/// The journal of a run. What counts as whole is read again to the same events, and so is each event that is written again.
pub fn journal(data: &[u8]) {
    let Some((entries, sound, torn)) = entries(data) else { return };
    assert_eq!(sound + torn, data.len() as u64, "at its end every byte was looked at");
    for Entry { event, span } in &entries {
        let line = serde_json::to_string(event).expect("every event has a line");
        assert_eq!(serde_json::from_str::<Event>(&line).ok().as_ref(), Some(event));
        let start = usize::try_from(span.offset).unwrap_or(usize::MAX);
        let line = &data[start..start + span.length as usize];
        assert_eq!(
            serde_json::from_slice::<Event>(line).ok().as_ref(),
            Some(event),
            "a line is where it says"
        );
    }
    if torn > 0 {
        let whole = usize::try_from(sound).unwrap_or(usize::MAX);
        assert_eq!(self::entries(&data[..whole]), Some((entries, sound, 0)));
    }
}

fn entries(data: &[u8]) -> Option<(Vec<Entry>, u64, u64)> {
    let mut file = tempfile::NamedTempFile::new().ok()?;
    file.write_all(data).ok()?;
    let mut reader = JournalReader::open(file.path()).ok()?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().ok()? {
        entries.push(entry);
    }
    Some((entries, reader.sound_bytes(), reader.torn_bytes()))
}

/// The script of a mock, and a question to it in the words of each provider. The same calls get the same answers.
pub fn mock_script(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(script) = Script::from_json(value) else { return };
    let said = json!([{"role": "user", "content": "hello"}]);
    let calls = [
        (Provider::OpenAiChat, "/v1/chat/completions", json!({"model": "m", "messages": said})),
        (Provider::OpenAiResponses, "/v1/responses", json!({"model": "m", "input": said})),
        (Provider::Anthropic, "/v1/messages", json!({"model": "m", "max_tokens": 9, "messages": said})),
        (
            Provider::Gemini,
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}),
        ),
    ];
    let (mut memory, mut other_memory) = (Memory::default(), Memory::default());
    for (second, (provider, path, body)) in (0..).zip(calls.iter().chain(&calls)) {
        let body = body.to_string();
        let headers = [("x-api-key", &b"k"[..]), ("anthropic-version", &b"2023-06-01"[..])];
        let request = Request { method: "POST", path, headers: &headers, body: body.as_bytes() };
        let now = Duration::from_secs(second);
        let reply = respond(&script, &mut memory, &request, now);
        assert_eq!(reply, respond(&script, &mut other_memory, &request, now));
        if let Delivery::Whole(HttpReply { status, body, .. }) = reply.delivery {
            check_decoded(*provider, &HttpResponse { status, body, ..HttpResponse::default() });
        }
    }
}

/// A file of recorded replies, or of what judges said about them.
pub fn recorded_replies(data: &[u8]) {
    const FILE: &str = "greet.jsonl";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = |text: &str| {
        let mut problems = Vec::new();
        let replies = RecordedReplies::parse(Path::new(FILE), text, &mut problems);
        (replies.count(), problems)
    };
    let (count, problems) = read(text);
    check_places(&problems, &[(FILE, text)]);
    assert!(count + problems.len() <= text.lines().count() + 1, "a row is one reply or one problem");
    // Whoever takes the bad lines out has a sound file with the same replies. The first line may be a header.
    let lines: Vec<usize> =
        problems.iter().filter_map(|problem| Some(problem.place.as_ref()?.line)).collect();
    if !lines.contains(&1) {
        assert_eq!(read(&without_lines(text, &lines)), (count, Vec::new()));
    }
    let mut problems = Vec::new();
    RecordedJudgements::parse(Path::new(FILE), text, &mut problems);
    check_places(&problems, &[(FILE, text)]);
}

/// A table of exposures and outcomes. What is read can be written in both formats, and read again.
pub fn experiment_table(data: &[u8]) {
    for format in [TableFormat::Csv, TableFormat::Jsonl] {
        // What stands beside a broken row is handed out all the same.
        let events = table_events(format, data, Result::ok);
        for format in [TableFormat::Csv, TableFormat::Jsonl] {
            let mut bytes = Vec::new();
            let mut writer = TableWriter::new(format, &mut bytes).expect("memory takes everything");
            for event in events.iter().cloned() {
                writer.write(event).expect("memory takes everything");
            }
            writer.finish().expect("memory takes everything");
            let again = table_events(format, &bytes, |event| {
                Some(event.unwrap_or_else(|reason| panic!("{format:?}: {reason}")))
            });
            assert_eq!(again, events, "{format:?}");
        }
    }
}

fn table_events(
    format: TableFormat,
    data: &[u8],
    take: impl Fn(Result<experiments::Event, String>) -> Option<experiments::Event>,
) -> Vec<experiments::Event> {
    let mut events = Vec::new();
    table::read(format, data, "series", 1, &mut |_line, event| {
        events.extend(take(event));
        ControlFlow::Continue(())
    });
    events
}

/// The file of an experiment.
pub fn experiment_definition(data: &[u8]) {
    const FILE: &str = "series.yaml";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(prompt) = "greet".parse::<PromptName>() else { return };
    let versions: Vec<_> = ["1.0.0", "1.1.0"].iter().filter_map(|version| version.parse().ok()).collect();
    let owner = Owner { prompt: &prompt, versions: &versions };
    let mut problems = Vec::new();
    if let Some(document) = Document::parse(FILE, text, &mut problems) {
        let experiment = Experiment::read(&document, owner, &mut problems);
        assert!(experiment.is_some() || has_errors(&problems), "what is refused says why");
    }
    check_places(&problems, &[(FILE, text)]);
}
