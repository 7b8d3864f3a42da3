use std::fs;

use promptassay_registry::problem::Problem;

use super::*;
use crate::commit::prepare;
use crate::plan::{Request, Warrant};
use crate::policy::Policy;
use crate::testing::{Prompts, command, hour, v};

fn two_lines() -> Prompts {
    let prompts = Prompts::new();
    let requests = [
        (Request::Adopt { version: v("1.0.0") }, 5),
        (Request::Promote { version: v("1.1.0"), to: Stage::Testing, warrant: Warrant::None }, 4),
    ];
    for (request, at) in requests {
        let command = command(request);
        let policy = Policy::default();
        prepare(&prompts.prompt(), &prompts.ledger(), None, &command, hour(at), &policy)
            .unwrap()
            .commit(&prompts.lock())
            .unwrap();
    }
    prompts
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn a_clock_that_went_backwards_is_a_warning() {
    let problems = verify(&two_lines().ledger(), None);
    assert_eq!(codes(&problems), ["lifecycle::time_backwards"]);
    assert!(!problems[0].is_error());
}

#[test]
fn a_head_that_is_gone_shows_that_lines_were_cut_off() {
    let prompts = two_lines();
    let ledger = prompts.ledger();
    let (first, head) = (ledger.lines()[0].hash, *ledger.head().unwrap());
    let found = |expected: &Digest| {
        let expected = expected.short().parse().unwrap();
        codes(&verify(&prompts.ledger(), Some(&expected))).contains(&"lifecycle::head_gone")
    };
    assert!(!found(&first) && !found(&head), "a ledger may grow");
    let text = prompts.read("lifecycle.jsonl");
    prompts.write("lifecycle.jsonl", text.split_inclusive('\n').next().unwrap());
    assert!(found(&head) && !found(&first));
}

#[test]
fn a_text_that_cannot_be_read_is_not_gone() {
    let prompts = two_lines();
    fs::remove_file(prompts.directory().join("v1.0.0.txt")).unwrap();
    fs::create_dir(prompts.directory().join("v1.0.0.txt")).unwrap();
    let problem = text(&prompts.ledger(), &v("1.0.0")).unwrap();
    assert!(problem.message.starts_with("v1.0.0 is in the ledger, and cannot be read: "), "{problem:?}");
}

#[test]
fn every_frozen_text_is_looked_at() {
    let prompts = two_lines();
    prompts.write("v1.1.0.txt", "Answer {query} otherwise.\n");
    fs::remove_file(prompts.directory().join("v1.0.0.txt")).unwrap();
    let problems = verify(&prompts.ledger(), None);
    assert_eq!(codes(&problems), ["lifecycle::time_backwards", "lifecycle::text", "lifecycle::text"]);
    // What the ledger does not know may change.
    prompts.write("v1.2.0.txt", "Another {query}.\n");
    assert_eq!(verify(&prompts.ledger(), None).len(), 3);
}

#[test]
fn what_mirrors_the_ledger_must_agree_with_it() {
    let prompts = two_lines();
    assert_eq!(mirrors(&prompts.ledger(), &prompts.prompt()), []);
    prompts.write("prompt.yaml", "name: support\nactive_version: v1.1.0\nvariables: [query]\n");
    let problems = mirrors(&prompts.ledger(), &prompts.prompt());
    assert_eq!(codes(&problems), ["lifecycle::mirror"]);
    assert_eq!(problems[0].place.as_ref().unwrap().line, 2);
    // While a command writes, the ledger is right.
    prompts.write(pending::FILE_NAME, "{}");
    assert_eq!(mirrors(&prompts.ledger(), &prompts.prompt()), []);
    fs::remove_file(prompts.directory().join("prompt.lock")).unwrap();
    assert_eq!(codes(&mirrors(&prompts.ledger(), &prompts.prompt())), ["lifecycle::lock", "lifecycle::lock"]);
}
