//! The lifecycle as people and pipelines meet it: real files, real processes.

mod adopting;
mod comparing;
mod crashing;
mod going_back;
mod guarding;
mod moving;
mod named_active;
mod ordering;
mod proving;
mod racing;
mod reading;
mod shown;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use regex::Regex;

use crate::sandbox::{SUITE, Sandbox, Seen, copy};

/// A policy under which recorded replies prove something; the safe default does not allow them.
pub(crate) const RECORDED: &str = "lifecycle: {replies: [live, cached, recorded]}\n";

const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];

/// A prompt with three versions, recorded replies for each, and this text at the end of registry.yaml.
fn sandbox(policy: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let registry = sandbox.read("prompts/registry.yaml") + policy;
    sandbox.write("prompts/registry.yaml", registry);
    let second = "  - {name: two, inputs: {name: Bob}, expected: {polite: true}}\n";
    sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE.to_owned() + second);
    let mut replies = String::new();
    for version in VERSIONS {
        sandbox.write(&format!("prompts/greet/v{version}.txt"), format!("{{name}} {{tone}} {version}\n"));
        for case in ["one", "two"] {
            let row = serde_json::json!({
                "case": case, "version": version, "model": "default", "repeat": 1,
                "text": "Thank you", "finish_reason": "stop", "source": "hand",
            });
            writeln!(replies, "{row}").unwrap();
        }
    }
    sandbox.write("replies/greet.jsonl", replies);
    sandbox
}

/// The same with v1.0.0 in production and the others in testing, and a run that proves both against it.
fn tested(policy: &str) -> Sandbox {
    let sandbox = sandbox(policy);
    done(&sandbox, &["adopt", "greet", "1.0.0", "--reason", "Live since spring"]);
    for version in &VERSIONS[1..] {
        done(&sandbox, &["promote", "greet", version, "--to", "testing"]);
    }
    evaluate(&sandbox, &["--candidate", "1.1.0", "--candidate", "1.2.0"]);
    sandbox
}

/// Evaluates from recorded replies; the run is the latest then.
fn evaluate(sandbox: &Sandbox, arguments: &[&str]) {
    let seen = sandbox.run(&[&["eval", "greet", "--offline"], arguments].concat());
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

/// Runs a command of Ada that must succeed.
fn done(sandbox: &Sandbox, arguments: &[&str]) -> Seen {
    let seen = by_ada(sandbox, arguments);
    assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    seen
}

fn by_ada(sandbox: &Sandbox, arguments: &[&str]) -> Seen {
    sandbox.run(&[arguments, &["--by", "Ada"]].concat())
}

/// Commands one after the other, as a terminal would show them.
fn session(sandbox: &Sandbox, commands: &[&[&str]]) -> String {
    clean(sandbox, &sandbox.session(commands))
}

/// Without what differs from run to run.
fn clean(sandbox: &Sandbox, text: &str) -> String {
    let replace = |text: &str, pattern: &str, word: &str| {
        Regex::new(pattern).unwrap().replace_all(text, word).into_owned()
    };
    let text = replace(text, "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[RUN]");
    let text = replace(&text, r"\b[0-9a-f]{64}\b", "[DIGEST]");
    let text = replace(&text, r"\b[0-9a-f]{12}\b", "[SHORT]");
    let text = replace(&text, r"\b[0-9a-f]{32}\b", "[SALT]");
    // A time has as many digits as it needs.
    let text = replace(&text, r"\b\d+ bytes of a command", "[COUNT] bytes of a command");
    sandbox.clean(&text)
}

/// Every file of the prompts with its bytes; the lock file says who wrote last, and is no part of it.
fn bytes(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    sandbox
        .files("prompts")
        .into_iter()
        .filter(|file| file != "prompts/.promptassay.lock")
        .map(|file| (file.clone(), fs::read(sandbox.path(&file)).unwrap()))
        .collect()
}

fn head(sandbox: &Sandbox) -> String {
    sandbox.json(&["status", "greet"])["head"].as_str().unwrap().to_owned()
}

/// The same files in a repository of their own.
fn copy_of(sandbox: &Sandbox) -> Sandbox {
    let copied = Sandbox::empty();
    for directory in ["prompts", "replies", ".promptassay"] {
        if sandbox.path(directory).exists() {
            copy(&sandbox.path(directory), &copied.path(directory));
        }
    }
    copied
}
