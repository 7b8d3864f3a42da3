//! `docs/validators.md` is held to the code: every check and option is there, and every example gives the outcome that it states.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promptassay_llm::{Reply, Secrets, ToolCall, Usage};
use promptassay_registry::template::Values;
use schemars::schema_for;
use serde::Deserialize;
use serde_json::Value;

use super::tests::{build, describe, reply};
use super::{CHECKS, Subject, ValidatorSpec, check_all};
use crate::event::{AskError, AskErrorKind, ReplySource};
use crate::judge::JudgeCall;
use crate::outcome::CheckOutcome;
use crate::programs::Programs;
use crate::run::{Asked, Unanswered};

const PAGE: &str = include_str!("../../../../docs/validators.md");

/// What `# given:` may say.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    inputs: Values,
    reference: Option<String>,
    latency_ms: Option<u64>,
    cost: Option<f64>,
    usage: Usage,
    finish_reason: Option<String>,
    refusal: Option<String>,
    tool_calls: Vec<Value>,
    /// The answers of the judge in turn; `null`: it cannot be asked.
    judge: VecDeque<Option<String>>,
}

/// The text under a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let start =
        PAGE.find(&format!("\n### `{heading}`\n")).unwrap_or_else(|| panic!("no section `{heading}`"));
    let rest = &PAGE[start + 1..];
    &rest[..rest.find("\n##").unwrap_or(rest.len())]
}

fn examples(text: &str) -> impl Iterator<Item = &str> {
    text.split("```yaml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap())
}

/// The outcome of an example for one reply.
async fn outcome(example: &str, given: Given, text: &str) -> (String, String) {
    let tool_calls = given.tool_calls.into_iter().map(|call| ToolCall {
        id: String::new(),
        name: call["name"].as_str().unwrap().to_owned(),
        arguments: call["arguments"].clone(),
    });
    let reply = Reply {
        usage: given.usage,
        refusal: given.refusal,
        tool_calls: tool_calls.collect(),
        finish_reason: given.finish_reason.unwrap_or_else(|| "stop".to_owned()).into(),
        ..reply(text)
    };
    let latency = given.latency_ms.map(Duration::from_millis);
    let subject = Subject::new(&reply, &given.inputs).reference(given.reference.as_deref());
    let subject = subject.cost(given.cost).latency(latency);
    let answers = Mutex::new(given.judge);
    let ask_judge = |_: JudgeCall| {
        let answer = answers.lock().unwrap().pop_front().expect("the example gives enough answers");
        std::future::ready::<Result<Asked, Unanswered>>(match answer {
            Some(text) => Ok(Asked { reply: super::tests::reply(&text), source: ReplySource::Recorded }),
            None => {
                Err(AskError { kind: AskErrorKind::NoRecordedReply, message: "nobody is there".into() }
                    .into())
            }
        })
    };
    let validators = [Arc::new(build(example).unwrap_or_else(|problem| panic!("{example}\n{problem}")))];
    let (results, _) =
        check_all(&validators, &subject, &ask_judge, Some(&Programs::new(&Secrets::none()))).await;
    assert!(answers.lock().unwrap().is_empty(), "{example}: an answer was not asked for");
    let outcome = match results[0].outcome {
        CheckOutcome::Pass => "passes",
        CheckOutcome::Fail(_) => "fails",
        CheckOutcome::Error(_) => "error",
        CheckOutcome::Unscored(_) => "unscored",
    };
    (outcome.to_owned(), describe(&results[0]))
}

#[tokio::test]
async fn every_example_gives_the_outcome_that_it_states() {
    let mut outcomes = 0;
    for example in examples(PAGE) {
        assert!(build(example).is_ok(), "{example}\n{}", build(example).unwrap_err());
        let mut given = "{}";
        for line in example.lines().filter_map(|line| line.strip_prefix("# ")) {
            let (stated, text) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            if stated == "given" {
                given = text;
                continue;
            }
            let text =
                if text.starts_with('"') { serde_json::from_str(text).unwrap() } else { text.to_owned() };
            let given = serde_json::from_str(given).unwrap_or_else(|error| panic!("{given}: {error}"));
            let (found, reason) = outcome(example, given, &text).await;
            assert_eq!(stated, found, "{example}\n{text}\n{reason}");
            outcomes += 1;
        }
    }
    assert!(outcomes > 60, "{outcomes}");
}

#[test]
fn every_check_is_described_in_the_order_of_the_table_with_an_example() {
    let headings: Vec<&str> =
        PAGE.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    let checks: Vec<&str> = headings.into_iter().filter(|heading| *heading != "at").collect();
    assert_eq!(checks, CHECKS.iter().map(|check| check.name).collect::<Vec<_>>());
    for check in CHECKS {
        let has_example = examples(section(check.name))
            .any(|example| example.lines().any(|line| line.starts_with(&format!("{}:", check.name))));
        assert!(has_example, "{}", check.name);
    }
}

/// The keys of the options of a check, wherever its schema allows a map.
fn options(schema: &Value) -> BTreeSet<String> {
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    forms
        .filter_map(|form| form["properties"].as_object())
        .flat_map(|options| options.keys().cloned())
        .collect()
}

#[test]
fn every_option_is_described() {
    let schema = schema_for!(ValidatorSpec).to_value();
    let properties = schema["properties"].as_object().unwrap();
    let of_every_check = |key: &str| PAGE.contains(&format!("\n| `{key}` |"));
    for key in properties.keys().filter(|key| {
        !CHECKS.iter().any(|check| *key == check.name || key[..].strip_prefix("not_") == Some(check.name))
    }) {
        assert!(of_every_check(key), "no row for `{key}`");
    }
    for check in CHECKS {
        for option in options(&properties[check.name]).into_iter().filter(|option| option != "value") {
            assert!(section(check.name).contains(&format!("`{option}")), "`{option}` of `{}`", check.name);
        }
    }
}

#[test]
fn the_limits_in_the_text_are_those_in_the_code() {
    let number = |number: usize| {
        let digits = number.to_string();
        if digits.len() > 3 {
            format!("{},{}", &digits[..digits.len() - 3], &digits[digits.len() - 3..])
        } else {
            digits
        }
    };
    for (check, sentence) in [
        ("levenshtein", format!("may have {} characters", number(super::levenshtein::LONGEST_TEXT))),
        ("judge", format!("an odd number up to {}", super::judged::MAX_SAMPLES)),
        ("command", format!("{}s by default", super::program::DEFAULT_TIMEOUT.as_secs())),
        ("command", format!("at most {} KiB", super::program::OUTPUT_LIMIT / 1024)),
        ("json", format!("deeper than {}", super::contains_json::MAX_DEPTH)),
    ] {
        assert!(section(check).contains(&sentence), "{check}: {sentence}");
    }
}
