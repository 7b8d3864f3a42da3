//! `eval` against models: the real binary and a scripted server on the loopback interface.

mod attempts;
mod caching;
mod costs;
mod failing;
mod hostile;
mod judging;
mod mock_command;
mod models;
mod recording;
mod redacted;
mod resuming;
mod tools;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use promptassay_mock_llm::{Counters, RawServer, RunningRawServer, Script};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::sandbox::{Sandbox, Seen};

/// A key that no text holds by accident.
pub(crate) const KEY: &str = "sk-test-5up3rS3cr3tK3yOfATest";

/// The most calls that a row makes before its circuit opens: 10 at once, and one more for each of the first two answers.
const CALLS_FOR_NOTHING: u64 = 12;

/// A scripted model that listens until it is dropped.
pub(crate) struct Mock {
    server: RunningRawServer,
    _runtime: Runtime,
}

impl Mock {
    pub(crate) fn start(script: Value) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(async {
            RawServer::bind(address, Script::from_json(script).unwrap()).await.unwrap().start()
        });
        Self { server, _runtime: runtime }
    }

    /// One that thanks for everything.
    pub(crate) fn polite() -> Self {
        Self::start(json!({"default": {"answer": {"text": "Thank you, Ada"}}}))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.server.counters()
    }

    pub(crate) fn row(&self) -> String {
        format!(
            "{{provider: openai, base_url: \"{}/v1\", model: m, api_key_env: TEST_KEY}}",
            self.server.uri()
        )
    }
}

/// A repository with `cases` cases for this model row.
fn sandbox(row: &str, cases: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/registry.yaml",
        format!(
            "models:\n  default: {row}\nreplies: ../replies\nproperties:\n  polite: {{regex: '(?i)thank'}}\n"
        ),
    );
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite(1, cases));
    sandbox
}

fn suite(repeat: usize, cases: usize) -> String {
    let mut text = format!("repeat: {repeat}\ncases:\n");
    for number in 0..cases {
        write!(text, "  - {{name: case_{number:04}, inputs: {{name: Ada {number}}}, ").unwrap();
        text.push_str("expected: {polite: true}}\n");
    }
    text
}

/// Runs `eval` with the key in place.
fn eval(sandbox: &Sandbox, arguments: &[&str]) -> Seen {
    Seen::of(sandbox.command(&[&["eval"], arguments].concat()).env("TEST_KEY", KEY))
}

/// The same text of every run.
fn without_run_ids(text: &str) -> String {
    regex::Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap().replace_all(text, "[RUN]").into_owned()
}

fn report(seen: &Seen) -> Value {
    serde_json::from_str(&seen.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen.shown()))
}

/// What a report says, without where its replies came from.
fn without_sources(report: &Value) -> Value {
    let mut report = report.clone();
    for key in ["replies", "calls", "oldest_cached_reply", "cost"] {
        report.as_object_mut().unwrap().shift_remove(key);
    }
    for prompt in report["prompts"].as_array_mut().unwrap() {
        for variant in prompt["variants"].as_array_mut().unwrap() {
            for key in ["latency", "cost", "unpriced", "judging"] {
                variant.as_object_mut().unwrap().shift_remove(key);
            }
        }
    }
    for repeat in repeats(&mut report) {
        let answer = repeat["answer"]["reply"].as_object_mut().unwrap();
        answer.shift_remove("source");
        for key in ["latency_ms", "request_id", "served_model"] {
            answer["reply"].as_object_mut().unwrap().shift_remove(key);
        }
    }
    report
}

/// Every repeat of every case of a report.
fn repeats(report: &mut Value) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for prompt in report["prompts"].as_array_mut().unwrap() {
        for variant in prompt["variants"].as_array_mut().unwrap() {
            for case in variant["results"].as_array_mut().unwrap() {
                found.extend(case["repeats"].as_array_mut().unwrap());
            }
        }
    }
    found
}
