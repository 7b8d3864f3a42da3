//! A key is in no artefact: whatever a server does with it, and whatever is written of a run and after it.

use std::fs;

use super::sandbox;
use super::server::{Asked, Server};
use crate::live::KEY;
use crate::reports::ALL_REPORTS;
use crate::sandbox::{EXPERIMENT, Sandbox, Seen};

/// The value of a header that is taken from the environment; shorter than keys mostly are.
const TOKEN: &str = "tok/SECRET+gat";
/// `KEY` and `Bearer KEY` in Base64, and `TOKEN` in a URL.
const ENCODED: [&str; 3] = [
    "c2stdGVzdC01dXAzclMzY3IzdEszeU9mQVRlc3Q=",
    "QmVhcmVyIHNrLXRlc3QtNXVwM3JTM2NyM3RLM3lPZkFUZXN0",
    "tok%2FSECRET%2Bgat",
];
/// Parts of the secrets that nothing may hold. Half a key is no key, but nobody has a use for it either.
const PARTS: [&str; 5] =
    ["5up3rS3cr3tK3yOfATest", "SECRET+gat", "dXAzclMzY3IzdEszeU9", "NXVwM3JTM2NyM3RLM3lP", "SECRET%2B"];

/// The secrets in every spelling in which they may stand in JSON.
fn spellings() -> String {
    let escaped = format!("\\u{:04x}{}", KEY.as_bytes()[0], &KEY[1..]);
    format!("{KEY}; {escaped}; {TOKEN}; {}; {}", TOKEN.replace('/', "\\/"), ENCODED.join("; "))
}

/// A row that has a key and a header from the environment.
fn row(server: &Server) -> String {
    server.row().replace("model: m,", "model: m, headers: {X-Gateway: {env: TEST_TOKEN}},")
}

/// Thanks, and repeats the secrets in the text, in a header and in the served model; judges well.
fn repeat(asked: &mut Asked<'_>) -> std::io::Result<()> {
    let spelled = spellings();
    let text = if asked.request.contains("judge-model") {
        format!(r#"{{\"reasoning\":\"as {spelled} say\",\"score\":1,\"pass\":true}}"#)
    } else {
        format!("Thank you, {spelled}")
    };
    let body = format!(
        r#"{{"id":"{KEY}","model":"m-{TOKEN}","choices":[{{"finish_reason":"stop","message":{{"role":"assistant","content":"{text}"}}}}],"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#
    );
    write!(
        asked.to,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        ENCODED[0],
        body.len()
    )
}

/// Refuses with the secrets in the message.
fn refuse(asked: &mut Asked<'_>) -> std::io::Result<()> {
    let body = format!(r#"{{"error":{{"message":"no {}","code":"{KEY}"}}}}"#, spellings());
    write!(
        asked.to,
        "HTTP/1.1 400 Bad {KEY}\r\nx-request-id: {KEY}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

struct Keyed {
    sandbox: Sandbox,
    /// Everything that was printed.
    printed: String,
}

impl Keyed {
    fn run(&mut self, arguments: &[&str]) -> Seen {
        let seen = Seen::of(
            self.sandbox
                .command(arguments)
                .env("TEST_KEY", KEY)
                .env("TEST_TOKEN", TOKEN)
                .env("RUST_LOG", "trace"),
        );
        self.printed.push_str(&seen.shown());
        seen
    }

    fn done(&mut self, arguments: &[&str]) {
        let seen = self.run(arguments);
        assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    }

    /// Looks through everything that was printed and everything that lies below the repository. `kinds` are parts of paths that
    /// must be among it.
    fn assert_clean(&self, kinds: &[&str]) {
        let holds = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            PARTS.iter().any(|part| text.contains(part))
        };
        assert!(!holds(self.printed.as_bytes()), "{}", self.printed);
        let files = self.sandbox.files(".");
        for file in &files {
            assert!(!holds(&fs::read(self.sandbox.path(file)).unwrap()), "{file} holds the key");
        }
        for kind in kinds {
            assert!(files.iter().any(|file| file.contains(kind)), "no {kind} among {files:#?}");
        }
    }
}

#[test]
fn no_artefact_of_a_run_and_of_what_follows_holds_the_key() {
    let server = Server::start(repeat);
    let sandbox = sandbox(&row(&server));
    let judge = row(&server).replace("model: m,", "model: judge-model,");
    sandbox.edit("prompts/registry.yaml", "replies: ../", &format!("  judge: {judge}\nreplies: ../"));
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "expected: {polite: true}",
        "expected: {polite: true}, validators: [{judge: It thanks, threshold: 0.5}, {contains: Thank}]",
    );
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "judge: judge\ncases:");
    fs::remove_file(sandbox.path("replies/greet.jsonl")).unwrap();
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    let mut keyed = Keyed { sandbox, printed: String::new() };

    keyed.done(&["adopt", "greet", "1.0.0", "--reason", "Live", "--by", "Ada"]);
    keyed.done(&["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"]);
    keyed.done(&[&["eval", "-v", "--record"], &ALL_REPORTS[..]].concat());
    for arguments in [
        &["eval", "--format", "json"][..],
        &["eval", "--offline", "-v"],
        &["report", "--format", "json"],
        &["report", "-v"],
        &["runs", "list"],
        &["runs", "show", "latest"],
        &["compare", "latest", "latest"],
        &["rescore", "latest", "-v"],
        &["baseline", "bless", "latest", "--force"],
        &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest", "--by", "Ada"],
        &["experiment", "start", "trial"],
        &["expose", "trial", "u1"],
        &["record", "trial", "u1", "resolved", "1"],
        &["history", "greet", "--format", "json"],
        &["snapshot"],
        &["cache", "stats"],
        &["verify"],
    ] {
        let seen = keyed.run(arguments);
        assert!(matches!(seen.code, Some(0..=4)), "{}", seen.shown());
        assert_ne!(seen.code, Some(2), "{arguments:?}\n{}", seen.shown());
    }
    keyed.assert_clean(&[
        ".promptassay/cache/",
        "events.jsonl",
        "run.json",
        "evidence.json",
        "replies/greet.jsonl",
        "report.txt",
        "report.json",
        "trials.csv",
        "annotations.txt",
        "report.md",
        "report.xml",
        "lifecycle.jsonl",
        "prompt.lock",
        "baseline.json",
        "data/experiments.db",
    ]);
    // The key was there to be found.
    assert!(server.sent() > 0);
}

#[test]
fn no_artefact_of_a_refusal_holds_the_key() {
    let server = Server::start(refuse);
    let mut keyed = Keyed { sandbox: sandbox(&row(&server)), printed: String::new() };
    // What people wrote would answer in the place of the model.
    keyed.sandbox.write("replies/greet.jsonl", "");
    let seen = keyed.run(&[&["eval", "-v", "--record", "--attempts", "1"], &ALL_REPORTS[..]].concat());
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("[redacted]"), "{}", seen.shown());
    keyed.run(&["report", "-v"]);
    keyed.run(&["eval", "--resume", "-v", "--format", "json"]);
    keyed.assert_clean(&["events.jsonl", "report.xml", "report.json", "trials.csv"]);
}

/// A key that is a word: an answer may hold it, and nothing else does.
const WORD: &str = "hunterandgate";

fn refuse_the_word(asked: &mut Asked<'_>) -> std::io::Result<()> {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {WORD}."}}}}"#);
    write!(
        asked.to,
        "HTTP/1.1 401 No\r\nx-request-id: {WORD}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Says that it is no answer, with a status that is one.
fn refuse_the_word_quietly(asked: &mut Asked<'_>) -> std::io::Result<()> {
    let body = format!(r#"{{"error":{{"message":"Incorrect API key provided: {WORD}."}}}}"#);
    write!(asked.to, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn no_artefact_of_a_refusal_holds_a_key_that_is_a_word() {
    for refusal in [refuse_the_word, refuse_the_word_quietly] {
        let server = Server::start(refusal);
        let sandbox = sandbox(&server.row());
        sandbox.write("replies/greet.jsonl", "");
        let arguments = [&["eval", "-v", "--attempts", "1"], &ALL_REPORTS[..]].concat();
        let seen = Seen::of(sandbox.command(&arguments).env("TEST_KEY", WORD));
        assert_eq!(seen.code, Some(4), "{}", seen.shown());
        assert!(seen.stdout.contains("[redacted]") && !seen.shown().contains(WORD), "{}", seen.shown());
        for file in sandbox.files(".") {
            let text = fs::read(sandbox.path(&file)).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(WORD), "{file}");
        }
    }
}

#[cfg(unix)]
#[test]
fn no_artefact_holds_a_key_that_the_program_of_a_check_repeats() {
    let server = Server::start(repeat);
    let sandbox = sandbox(&row(&server));
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "cases:",
        r#"validators:
      - command: [sh, -c, 'printf "{\"pass\": false, \"reason\": \"cannot log in with %s\"}" "$TEST_KEY"']
      - command: [sh, -c, 'echo "bad key $TEST_KEY" >&2; exit 3']
      - command: [sh, -c, 'echo "no answer but $TEST_KEY"']
cases:"#,
    );
    let mut keyed = Keyed { sandbox, printed: String::new() };
    let seen = keyed.run(&[&["eval", "-v", "--allow-commands", "--record"], &ALL_REPORTS[..]].concat());
    assert!(seen.stdout.contains("cannot log in with [redacted]"), "{}", seen.shown());
    assert!(seen.stdout.contains("(exit status: 3): \"bad key"), "{}", seen.shown());
    keyed.run(&["eval", "-v", "--allow-commands", "--offline"]);
    keyed.run(&["rescore", "latest", "-v", "--allow-commands"]);
    keyed.run(&["report", "-v"]);
    keyed.assert_clean(&["events.jsonl", "report.xml", "report.json", "trials.csv"]);
}

#[cfg(unix)]
#[test]
fn a_key_of_digits_changes_no_score_of_a_program() {
    let server = Server::start(repeat);
    let sandbox = sandbox(&server.row());
    fs::remove_file(sandbox.path("replies/greet.jsonl")).unwrap();
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        r#"cases:
  - name: one
    inputs: {name: Ada}
    validators:
      - command: {values: [echo, '{"pass": true, "score": 0.6000000000000001, "reason": "of 000000"}']}
        threshold: 0.5
"#,
    );
    let arguments = ["eval", "--allow-commands", "--version", "1.0.0", "--format", "json"];
    let seen = Seen::of(sandbox.command(&arguments).env("TEST_KEY", "000000"));
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(
        seen.stdout.contains("0.6000000000000001") && !seen.stdout.contains("of 000000"),
        "{}",
        seen.shown()
    );
}
