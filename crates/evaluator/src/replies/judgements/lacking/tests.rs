use std::fmt::Write as _;

use promptassay_registry::version::Version;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::RecordedJudgements;
use super::*;

/// Parts of a question, one letter each: judge, instructions, rubric, inputs, reference, reply, the unreadable answer (`-`: none).
fn parts(letters: &str) -> Value {
    let keys = ["judge", "instructions", "rubric", "inputs", "reference", "reply", "unreadable"];
    let digest = |letter: char| letter.to_string().repeat(12);
    let written = keys.into_iter().zip(letters.chars()).filter(|(_, letter)| *letter != '-');
    json!(written.map(|(key, letter)| (key, digest(letter))).collect::<std::collections::BTreeMap<_, _>>())
}

/// `VERSION PARTS SAMPLE AUTHOR`, with `old` for a row without parts. Rows of the same parts answer the same question.
fn row(written: &str) -> String {
    let words: Vec<&str> = written.split_whitespace().collect();
    let [version, letters, sample, author] = words[..] else { panic!("{written}") };
    let mut row = json!({
        "case": "a", "version": version, "model": "default", "repeat": 1, "judge": "judge", "sample": sample.parse::<u32>().unwrap(),
        "request_sha256": Digest::of(letters).to_string(), "text": "{\"pass\":true}", "finish_reason": "stop", "source": author,
    });
    if letters != "old" {
        row["parts"] = parts(letters);
    }
    row.to_string()
}

/// What is said where version 1.0.0 is asked this in sample 1, by one of these rubrics, and these rows are recorded.
fn reason(today: &str, rubrics: &str, rows: &[&str]) -> NoJudgement {
    let text: Vec<String> = rows.iter().map(|written| row(written)).collect();
    let mut problems = Vec::new();
    let recorded = RecordedJudgements::parse(Path::new("j.jsonl"), &text.join("\n"), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let key =
        ReplyKey { case: "a".into(), version: Version::release(1, 0, 0), model: "default".into(), repeat: 1 };
    let rubric = |letter: char| serde_json::from_value(json!(letter.to_string().repeat(12))).unwrap();
    let sought = Sought {
        judge: "judge",
        key: &key,
        request: Digest::of(today),
        parts: &serde_json::from_value(parts(today)).unwrap(),
        sample: 1,
        rubrics: rubrics.chars().map(rubric).collect(),
    };
    let mut rows: Vec<&Row> = recorded.rows.values().collect();
    rows.sort_by_key(|row| row.line);
    sought.reason(Path::new("j.jsonl"), &rows)
}

#[test]
fn what_has_changed_is_said_of_the_nearest_answer() {
    const TODAY: &str = "0000-0-";
    let cases: [(&str, &str, &[&str]); 24] = [
        ("nothing is there", TODAY, &[]),
        ("the rubric", TODAY, &["1.0.0 0010-0- 1 recorded"]),
        ("the inputs", TODAY, &["1.0.0 0001-0- 1 recorded"]),
        ("a reference is new", "000000-", &["1.0.0 0000-0- 1 recorded"]),
        ("the reply", TODAY, &["1.0.0 0000-1- 1 recorded"]),
        ("the judge", TODAY, &["1.0.0 1000-0- 1 recorded"]),
        ("our own words", TODAY, &["1.0.0 0100-0- 1 recorded"]),
        ("two of them", TODAY, &["1.0.0 1010-0- 1 recorded"]),
        ("all", "000000-", &["1.0.0 111111- 1 recorded"]),
        ("the nearest of two", TODAY, &["1.0.0 1011-0- 1 recorded", "1.0.0 0001-0- 1 recorded"]),
        (
            "the trial's own of two that are as near",
            TODAY,
            &["2.0.0 0001-0- 1 recorded", "1.0.0 0010-0- 1 recorded"],
        ),
        ("an equal reply of another version", TODAY, &["2.0.0 0010-0- 1 recorded"]),
        ("another reply of another version", TODAY, &["2.0.0 0000-1- 1 recorded"]),
        ("another reply, and more", TODAY, &["2.0.0 0010-1- 1 recorded"]),
        ("another check of today", TODAY, &["1.0.0 00a0-0- 1 recorded"]),
        (
            "another check of today, and its own",
            TODAY,
            &["1.0.0 00a0-0- 1 recorded", "1.0.0 1110-0- 1 recorded"],
        ),
        ("another sample", TODAY, &["1.0.0 0000-0- 3 recorded"]),
        ("its own digests do not go together", TODAY, &["1.0.0 0000-0-x 1 recorded", "1.0.0 old 2 recorded"]),
        ("by hand", TODAY, &["1.0.0 0010-0- 1 hand"]),
        ("an old row", TODAY, &["1.0.0 old 1 recorded"]),
        ("an old row by hand", TODAY, &["1.0.0 old 1 hand"]),
        ("an old row of another version", TODAY, &["2.0.0 old 1 recorded", "2.0.0 0000-1- 1 recorded"]),
        ("no second answer", "0000-00", &["1.0.0 0000-0- 1 recorded", "1.0.0 old 1 hand"]),
        ("another second answer", "0000-00", &["1.0.0 0000-0- 1 recorded", "1.0.0 0000-01 1 recorded"]),
    ];
    let mut said = String::new();
    for (name, today, rows) in cases {
        writeln!(said, "{name}\n  {}", reason(today, "0a", rows)).unwrap();
    }
    let digest = regex::Regex::new("[0-9a-f]{64}").unwrap();
    insta::assert_snapshot!(digest.replace_all(&said, "[DIGEST]"));
}

proptest! {
    #[test]
    fn no_answer_about_the_reply_is_nearer_than_the_one_that_is_named(
        today in "[01]{4}[-01][01]-",
        rows in proptest::collection::btree_set("[12]\\.0\\.0 [01]{4}[-01][01]- 1 (hand|recorded)", 0..8),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        let letters = |row: &str| row.split(' ').nth(1).unwrap().to_owned();
        let rows: Vec<&str> = rows.iter().map(String::as_str).filter(|row| letters(row) != today && seen.insert(letters(row))).collect();
        let changed = |row: &str| {
            let read = |letters: &str| serde_json::from_value::<Parts>(parts(letters)).unwrap();
            read(&today).changed_since(&read(&letters(row)))
        };
        let is_about_reply = |row: &&&str| row.starts_with('1') || !changed(row).contains(&Part::Reply);
        let nearest = rows.iter().filter(is_about_reply).map(|row| changed(row).len()).min();
        match reason(&today, "01", &rows) {
            // Both rubrics are of today's checks, so that only rows with the same one are of this check.
            NoJudgement::Stale { line, changed: Some(parts), .. } => {
                prop_assert_eq!(&parts, &changed(rows[line - 1]));
                prop_assert!(!parts.contains(&Part::Rubric));
            }
            NoJudgement::Stale { changed: None, .. } => prop_assert!(false, "each row says what it was asked about"),
            NoJudgement::Missing { .. } => {}
        }
        match (reason(&today, "", &rows), nearest) {
            (NoJudgement::Stale { line, changed: Some(parts), .. }, Some(nearest)) => {
                prop_assert_eq!(&parts, &changed(rows[line - 1]));
                prop_assert_eq!(parts.len(), nearest);
            }
            (NoJudgement::Missing { beside, .. }, None) => prop_assert_eq!(beside == Beside::Nothing, rows.is_empty()),
            (reason, nearest) => prop_assert!(false, "{reason:?} {nearest:?}"),
        }
    }
}
