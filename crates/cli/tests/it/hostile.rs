//! Surroundings that do harm: links out of the repository, disks without room or without leave, clocks that jump, servers that never
//! stop talking or repeat what they were told. Nothing is lost, nothing is shown that is not the repository's, and nothing is green.

mod clocks;
mod disks;
mod keys;
mod links;
mod rows;
mod server;
mod sizes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use crate::sandbox::Sandbox;

/// Two versions, a suite with recorded replies, a judge's row for the key, and a store.
fn sandbox(model: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/registry.yaml",
        format!(
            "models:\n  default: {model}\nreplies: ../replies\nstore: ../data/experiments.db\n\
             properties:\n  polite: {{regex: '(?i)please|thank'}}\n\
             lifecycle: {{replies: [live, cached, recorded]}}\n"
        ),
    );
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name} in a {tone} tone.\n");
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases:\n  - {name: one, inputs: {name: Ada}, expected: {polite: true}}\n",
    );
    let mut replies = String::new();
    for version in ["1.0.0", "1.1.0"] {
        let row = serde_json::json!({
            "case": "one", "version": version, "model": "default", "repeat": 1,
            "text": "Thank you", "finish_reason": "stop", "source": "hand",
        });
        writeln!(replies, "{row}").unwrap();
    }
    sandbox.write("replies/greet.jsonl", replies);
    sandbox
}

const OFFLINE_MODEL: &str = "{provider: openai, model: m}";

/// Every file of a directory with its bytes; the lock says who wrote last, and is no part of it.
fn bytes(sandbox: &Sandbox, directory: &str) -> BTreeMap<String, Vec<u8>> {
    if !sandbox.path(directory).exists() {
        return BTreeMap::new();
    }
    let mut files = sandbox.files(directory);
    files.retain(|file| !file.ends_with(".promptassay.lock"));
    files.into_iter().map(|file| (file.clone(), fs::read(sandbox.path(&file)).unwrap())).collect()
}
