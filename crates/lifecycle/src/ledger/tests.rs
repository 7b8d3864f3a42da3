use std::fs;

use proptest::prelude::*;

use super::*;
use crate::event::Change;
use crate::plan::{Request, Warrant, plan};
use crate::policy::Policy;
use crate::stage::Stage;
use crate::testing::{Prompts, command, hour, proof_at, v};

fn name() -> PromptName {
    "support".parse().unwrap()
}

/// The way of v1.1.0 to production, and back: single lines, several in one command, evidence, a canary that widens.
fn requests() -> Vec<Request> {
    let version = || v("1.1.0");
    let canary = |share: &str| Request::Canary {
        version: version(),
        share: share.parse().unwrap(),
        warrant: proof_at("1.1.0", 0),
    };
    vec![
        Request::Adopt { version: v("1.0.0") },
        Request::Promote { version: version(), to: Stage::Testing, warrant: Warrant::None },
        canary("5"),
        canary("25"),
        Request::Promote { version: version(), to: Stage::Production, warrant: proof_at("1.1.0", 0) },
        Request::Rollback { to: None },
    ]
}

fn ledger_text() -> String {
    let mut text = String::new();
    for (index, request) in (0..).zip(requests()) {
        let ledger = parse(&text);
        let planned = plan(ledger.state(), &command(request), hour(index), &Policy::default()).unwrap();
        text += &lines_of(&name(), ledger.lines().last(), &planned.events).text;
    }
    text
}

fn parse(text: &str) -> Ledger {
    Ledger::parse("lifecycle.jsonl", &name(), text)
}

fn problems(text: &str) -> String {
    let problems = parse(text).problems();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_ledger_reads_back_as_it_was_written() {
    let text = ledger_text();
    let ledger = parse(&text);
    assert_eq!(ledger.problems(), []);
    assert_eq!((ledger.lines().len(), commands(ledger.lines()).count()), (8, 6));
    assert_eq!(ledger.state().production(), Some(&v("1.0.0")));
    assert!(matches!(ledger.lines()[3].event.change, Change::Widen(_)));
    // The line as others read it. The hashes depend on everything before them.
    insta::assert_snapshot!(text.lines().take(5).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_hash_is_that_of_the_canonical_json() {
    let text = ledger_text();
    let mut previous = serde_json::Value::Null;
    for line in text.lines() {
        let mut fields: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        let hash = fields.remove("hash").unwrap();
        assert_eq!(fields["prev"], previous);
        // All keys are ASCII and all numbers of these lines are short, so sorting is all there is to it.
        let sorted: std::collections::BTreeMap<_, _> = sorted(&Value::Object(fields));
        let digest = Digest::of(serde_json::to_string(&sorted).unwrap());
        assert_eq!(Value::from(digest.to_string()), hash);
        previous = hash;
    }
}

/// The same with sorted keys at every level.
fn sorted(value: &Value) -> std::collections::BTreeMap<String, Value> {
    let inner =
        |value: &Value| match value {
            Value::Object(_) => serde_json::to_value(sorted(value)).unwrap(),
            Value::Array(items) => items
                .iter()
                .map(|item| {
                    if item.is_object() { serde_json::to_value(sorted(item)).unwrap() } else { item.clone() }
                })
                .collect(),
            other => other.clone(),
        };
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), inner(value))).collect()
}

#[test]
fn a_time_with_a_part_of_a_second_is_that_time_and_one_without_is_the_second() {
    let half = |millisecond: i64| hour(0) + jiff::SignedDuration::from_millis(millisecond);
    let adopt = command(Request::Adopt { version: v("1.0.0") });
    let planned = plan(parse("").state(), &adopt, half(500), &Policy::default()).unwrap();
    let ledger = parse(&lines_of(&name(), None, &planned.events).text);
    let live = |millisecond: i64| ledger.state_at(half(millisecond)).production().cloned();
    let adopted = Some(v("1.0.0"));
    assert_eq!(
        [live(0), live(1), live(499), live(500), live(1000)],
        [adopted.clone(), None, None, adopted.clone(), adopted]
    );
}

#[test]
fn what_was_live_is_answered_from_the_log() {
    let ledger = parse(&ledger_text());
    let live = |hours: i64| ledger.state_at(hour(hours)).production().cloned();
    assert_eq!(live(-1), None);
    assert_eq!(
        [live(0), live(3), live(4), live(5)],
        ["1.0.0", "1.0.0", "1.1.0", "1.0.0"].map(|it| Some(v(it)))
    );
    assert_eq!(ledger.state_at(hour(99)).head(), ledger.head());
}

#[test]
fn lines_that_are_gone_there_twice_or_moved_are_found() {
    let text = ledger_text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for index in 0..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(index);
        assert!(!parse(&without.concat()).faults().is_empty(), "without line {}", index + 1);
        let mut swapped = lines.clone();
        swapped.swap(index, index + 1);
        assert!(!parse(&swapped.concat()).faults().is_empty(), "line {} swapped", index + 1);
    }
    for index in 0..lines.len() {
        let mut twice = lines.clone();
        twice.insert(index, lines[index]);
        assert!(!parse(&twice.concat()).faults().is_empty(), "line {} twice", index + 1);
    }
    let dropped = [&lines[..1], &lines[2..]].concat().concat();
    insta::assert_snapshot!(problems(&dropped));
}

#[test]
fn what_a_newer_program_wrote_is_said_to_be_so() {
    let text = ledger_text();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        problems(&changed).lines().next().unwrap().to_owned()
    };
    let shown = [
        with("{\"schema\":1", "{\"schema\":2"),
        with("\"action\":\"transition\"", "\"action\":\"approve\""),
        with("\"command\":\"rollback\"", "\"command\":\"rollforward\""),
        with("\"to\":\"canary\"", "\"to\":\"Canary\""),
        with("\"prompt\":\"support\"", "\"prompt\":\"greet\""),
        with("\"seq\":2", "\"seq\":2,\"note\":\"\""),
        with("\"from\":\"draft\",\"to\":\"testing\"", "\"from\":\"draft\",\"to\":\"production\""),
        with("\"seq\":2,", "\"seq\": 2,"),
        with("\"reason\":\"because\"", "\"reason\":\"why not\""),
        with("{\"schema\"", "<<<<<<< HEAD\n{\"schema\""),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn every_cut_of_the_last_append_is_a_torn_tail_that_a_repair_takes_back() {
    let prompts = Prompts::new();
    let text = ledger_text();
    // The last command has two lines.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before: String = lines[..6].concat();
    let cuts =
        (before.len() + 1..text.len() - 1).step_by(29).chain([text.len() - lines[7].len(), text.len() - 2]);
    for cut in cuts {
        let ledger = parse(&text[..cut]);
        assert_eq!(ledger.faults(), []);
        let tail = ledger.tail().unwrap_or_else(|| panic!("cut at {cut} is not seen"));
        assert_eq!((tail.start, tail.line), (before.len(), 7));
        assert_eq!(ledger.state(), parse(&before).state());
    }
    assert_eq!(parse(&before).tail(), None);
    for cut in
        [before.len() + 1, text.len() - lines[7].len() - 1, text.len() - lines[7].len(), text.len() - 2]
    {
        prompts.write(FILE_NAME, &text[..cut]);
        let repaired = repair(&prompts.lock(), &prompts.ledger()).unwrap();
        assert_eq!(repaired.cut.unwrap().text, &text[before.len()..cut]);
        assert_eq!(prompts.read(FILE_NAME), before);
        assert_eq!(repair(&prompts.lock(), &prompts.ledger()).unwrap(), Repaired::default());
    }
}

#[test]
fn of_a_torn_first_command_nothing_stays() {
    let prompts = Prompts::new();
    let text = ledger_text();
    prompts.write(FILE_NAME, &text[..text.find('\n').unwrap() / 2]);
    assert!(repair(&prompts.lock(), &prompts.ledger()).unwrap().cut.is_some());
    assert!(!exists(&prompts.directory()));
    assert_eq!(prompts.ledger().problems(), []);
}

#[test]
fn a_whole_line_without_its_line_feed_happened_and_is_ended() {
    let prompts = Prompts::new();
    let text = ledger_text();
    let cut = &text[..text.len() - 1];
    let ledger = parse(cut);
    assert_eq!((ledger.faults(), ledger.tail(), ledger.lacks_line_feed()), (&[][..], None, true));
    assert_eq!((ledger.state(), ledger.lines()), (parse(&text).state(), parse(&text).lines()));
    insta::assert_snapshot!(problems(cut));
    prompts.write(FILE_NAME, cut);
    assert_eq!(repair(&prompts.lock(), &prompts.ledger()).unwrap(), Repaired { cut: None, line_feed: true });
    assert_eq!(prompts.read(FILE_NAME), text);
    assert_eq!(repair(&prompts.lock(), &prompts.ledger()).unwrap(), Repaired::default());
}

#[test]
fn the_next_append_ends_a_line_that_lacks_its_line_feed() {
    let prompts = Prompts::new();
    let text = ledger_text();
    let (before, last) = text.split_at(text[..text.len() - 1].rfind('\n').unwrap() + 1);
    prompts.write(FILE_NAME, &before[..before.len() - 1]);
    append(&prompts.lock(), &path(&prompts.directory()), last).unwrap();
    assert_eq!(prompts.read(FILE_NAME), text);
}

#[test]
fn what_somebody_wrote_to_its_end_is_no_torn_end() {
    let text = ledger_text();
    for (from, to) in
        [("\"seq\":8,", "\"seq\": 8,"), ("\"seq\":8,", "\"seq\":8,\"note\":\"\","), ("because", "no reason")]
    {
        let start = text[..text.len() - 1].rfind('\n').unwrap() + 1;
        let last = text[start..].trim_end().replacen(from, to, 1);
        assert_ne!(last, text[start..].trim_end());
        let ledger = parse(&format!("{}{last}", &text[..start]));
        assert_eq!((ledger.faults()[0].line, ledger.tail()), (8, None), "{last}");
    }
}

#[test]
fn a_repair_does_not_hide_what_somebody_did() {
    let prompts = Prompts::new();
    let text = ledger_text().replacen("because", "no reason", 1);
    prompts.write(FILE_NAME, &text[..text.len() - 4]);
    assert!(matches!(repair(&prompts.lock(), &prompts.ledger()), Err(RepairError::Faults)));
    assert_eq!(prompts.read(FILE_NAME), &text[..text.len() - 4]);
}

#[test]
fn a_file_that_is_no_text_is_read_as_far_as_it_goes() {
    let prompts = Prompts::new();
    let mut bytes = ledger_text().into_bytes();
    let position = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 20;
    bytes[position] = 0xff;
    fs::remove_file(path(&prompts.directory())).unwrap_err();
    promptassay_registry::files::write_atomic(&path(&prompts.directory()), &bytes).unwrap();
    let ledger = prompts.ledger();
    assert_eq!((ledger.faults()[0].line, ledger.lines().len()), (2, 1));
    promptassay_registry::files::write_atomic(&path(&prompts.directory()), "\u{feff}").unwrap();
    assert!(Ledger::read(&prompts.directory(), &name()).is_err());
}

#[test]
fn appending_keeps_every_byte_that_is_there() {
    let prompts = Prompts::new();
    let text = ledger_text();
    let path = path(&prompts.directory());
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for line in &lines {
        append(&prompts.lock(), &path, line).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(
        standing(&prompts.directory(), &name()).map(|standing| standing.production),
        Ok(Some(v("1.0.0")))
    );
    prompts.write(FILE_NAME, &text.replacen("because", "no reason", 1));
    assert!(standing(&prompts.directory(), &name()).is_err());
    fs::remove_file(&path).unwrap();
    assert_eq!(standing(&prompts.directory(), &name()), Ok(Standing::default()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_changed_byte_is_found(position in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let mut bytes = TEXT.with(|text| text.as_bytes().to_vec());
        let position = position.index(bytes.len());
        bytes[position] ^= change;
        // As `Ledger::read` does where the file is no text any more.
        let found = !parse(&String::from_utf8_lossy(&bytes)).problems().is_empty();
        prop_assert!(found, "byte {} changed by {:#x} is not found", position, change);
    }

    #[test]
    fn a_cut_takes_the_commands_that_are_not_whole_and_no_other(position in any::<prop::sample::Index>()) {
        TEXT.with(|text| {
            let cut = position.index(text.len());
            let ledger = parse(&text[..cut]);
            let whole = parse(text);
            let ends = commands(whole.lines()).map(|command| command.last().unwrap().seq);
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            // A line is whole with or without its line feed.
            let is_whole =
                |seq: &u64| (1..=*seq).zip(&lines).map(|(_, line)| line.len()).sum::<usize>() <= cut + 1;
            let expected = ends.take_while(is_whole).last().unwrap_or(0);
            prop_assert_eq!(ledger.faults(), &[]);
            prop_assert_eq!(ledger.lines().len() as u64, expected);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,40}\n?\\PC{0,40}") {
        let ledger = parse(&text);
        prop_assert!(text.is_empty() || !ledger.problems().is_empty());
    }
}

thread_local! {
    static TEXT: String = ledger_text();
}
