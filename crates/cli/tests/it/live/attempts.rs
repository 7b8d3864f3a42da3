//! Asking again until the gate is open leaves a trace: in every report, in the evidence, in the ledger.

use regex::Regex;
use serde_json::{Value, json};

use super::{Mock, eval, sandbox};
use crate::sandbox::{Sandbox, Seen};

const TRACE: &str = "the 4th attempt; 3 earlier runs failed";

/// A model that answers one of two cases wrong, the first three times.
fn lucky_in_the_end() -> Mock {
    Mock::start(json!({
        "rules": [{
            "name": "unlucky",
            "when": {"last_user_message": {"contains": "Ada 0"}, "call": {"to": 3}},
            "answer": {"text": "no"},
        }],
        "default": {"answer": {"text": "Thank you"}},
    }))
}

/// Three runs that failed, and the one that passed in the end.
fn asked_until_green(sandbox: &Sandbox) -> Seen {
    for _ in 0..3 {
        assert_eq!(eval(sandbox, &["--refresh"]).code, Some(1));
    }
    eval(
        sandbox,
        &[
            "--refresh",
            "--junit",
            "junit.xml",
            "--report",
            "json=report.json",
            "--report",
            "markdown=report.md",
            "--report",
            "github=github.txt",
        ],
    )
}

fn evidence(sandbox: &Sandbox, run: &str) -> Value {
    let text = sandbox.read(&format!(".promptassay/runs/{run}/evidence.json"));
    serde_json::from_str::<Value>(&text).unwrap()[0]["predicate"]["promptassay"].clone()
}

/// The runs that are kept, the oldest first.
fn runs(sandbox: &Sandbox) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(sandbox.path(".promptassay/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_report_says_which_attempt_it_is() {
    let mock = lucky_in_the_end();
    let sandbox = sandbox(&mock.row(), 2);
    let seen = asked_until_green(&sandbox);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    insta::assert_snapshot!(seen.stdout.lines().skip(6).collect::<Vec<_>>().join("\n"), @r"
    asked  greet v1.0.0  the 4th attempt; 3 earlier runs failed; the first result
           counts, not the best
    gate  greet v1.0.0  PASSED  2 of 2 cases passed, every case must   replies live
    ");
    let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    let gate = &report["prompts"][0]["variants"][0]["gate"];
    assert_eq!(gate["attempt"], json!({"number": 4, "earlier_failed": 3}));
    for file in ["junit.xml", "report.md", "github.txt"] {
        assert!(sandbox.read(file).contains(TRACE), "{file}: {}", sandbox.read(file));
    }
    insta::assert_snapshot!(sandbox.read("report.md").lines().skip(5).take(5).collect::<Vec<_>>().join("\n"), @r"
    ### `greet v1.0.0`: PASSED

    `2 of 2 cases passed, every case must`

    the 4th attempt; 3 earlier runs failed
    ");

    // It is a matter of the run, not of what is kept beside it: a copy says the same elsewhere, and when the others are gone.
    let latest = runs(&sandbox).pop().unwrap();
    for run in &runs(&sandbox)[..3] {
        std::fs::remove_dir_all(sandbox.path(&format!(".promptassay/runs/{run}"))).unwrap();
    }
    let again = sandbox.run(&["report", &latest, "--report", "json=again.json"]);
    assert_eq!(again.stdout, seen.stdout);
    assert_eq!(sandbox.read("again.json"), sandbox.read("report.json"));
    // Nor does the next one begin at 1.
    let next = eval(&sandbox, &["--refresh"]);
    assert!(next.stdout.contains("the 5th attempt; 3 of 4 earlier runs failed"), "{}", next.shown());
}

#[test]
fn the_trace_goes_with_the_evidence_into_the_ledger() {
    let mock = lucky_in_the_end();
    let sandbox = sandbox(&mock.row(), 2);
    sandbox.edit("prompts/registry.yaml", "replies:", "lifecycle: {canary: optional}\nreplies:");
    assert_eq!(asked_until_green(&sandbox).code, Some(0));
    let all = runs(&sandbox);
    assert_eq!(evidence(&sandbox, &all[0]).get("attempt"), None, "the first is nothing to tell of");
    assert_eq!(evidence(&sandbox, &all[3])["attempt"], json!({"number": 4, "earlier_failed": 3}));

    // Neither answers from the cache nor judging anew make it forgotten.
    for command in [&["eval"][..], &["rescore"], &["rescore"]] {
        let mut command = sandbox.command(command);
        command.env("TEST_KEY", super::KEY);
        let seen = Seen::of(&mut command);
        assert!(seen.code == Some(0) && seen.stdout.contains(TRACE), "{}", seen.shown());
        let latest = runs(&sandbox).pop().unwrap();
        assert_eq!(evidence(&sandbox, &latest)["attempt"]["number"], 4);
    }

    let by = ["--by", "ada"];
    let promote = |stage: &str, more: &[&str]| {
        let command = [&["promote", "greet", "v1.0.0", "--to", stage][..], &by, more].concat();
        let seen = sandbox.run(&command);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        seen.stdout
    };
    // Nobody is served it yet.
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "");
    promote("testing", &[]);
    let id = Regex::new("run [0-9a-f-]{36}").unwrap();
    let promoted = promote("production", &["--evidence", "latest"]);
    insta::assert_snapshot!(id.replace(promoted.lines().nth(1).unwrap(), "run RUN"), @"  evidence: 2 of 2 cases passed on default (the 4th attempt; 3 earlier runs failed); replies cached; run RUN");
    for command in ["history", "log", "show", "status"] {
        let seen = sandbox.run(&[command, "greet"]);
        assert!(seen.code == Some(0) && seen.stdout.contains(TRACE), "{command}: {}", seen.shown());
    }
    let shown = sandbox.run(&["show", "greet", "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let model = &shown["version"]["evidence"]["models"][0];
    assert_eq!(model["attempt"], json!({"number": 4, "earlier_failed": 3}));
    assert_eq!(sandbox.run(&["verify"]).code, Some(0));
}

#[test]
fn each_prompt_is_counted_for_itself() {
    let mock = lucky_in_the_end();
    let sandbox = sandbox(&mock.row(), 2);
    sandbox.write("prompts/other/prompt.yaml", "name: other\nvariables: [name]\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Thank {name}, else\n");
    sandbox.write("prompts/other/tests/test_cases.yaml", super::suite(1, 1).replace("Ada 0", "Bob"));
    eval(&sandbox, &["--refresh"]);
    eval(&sandbox, &["--refresh"]);
    let seen = sandbox.command(&["eval", "greet", "--refresh"]).env("TEST_KEY", super::KEY).output().unwrap();
    let text = String::from_utf8(seen.stdout).unwrap();
    assert!(text.contains("the 3rd attempt; 2 earlier runs failed"), "{text}");
    // Another text is another question.
    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "Salute");
    let seen = eval(&sandbox, &["--refresh"]);
    assert!(!seen.stdout.contains("greet v1.0.0  the"), "{}", seen.shown());
    assert!(
        seen.stdout.contains("other v1.0.0  the 3rd attempt; both earlier runs passed"),
        "{}",
        seen.shown()
    );
}

#[test]
fn shards_are_an_attempt_when_they_are_merged() {
    let mock = lucky_in_the_end();
    let sandbox = sandbox(&mock.row(), 2);
    let attempt = || {
        let before = if sandbox.path(".promptassay/runs").exists() { runs(&sandbox) } else { Vec::new() };
        for shard in ["1/2", "2/2"] {
            assert_eq!(eval(&sandbox, &["--refresh", "--shard", shard]).code, Some(0));
        }
        let shards: Vec<String> = runs(&sandbox).into_iter().filter(|run| !before.contains(run)).collect();
        let merge = ["merge", &shards[0], &shards[1]];
        (sandbox.run(&merge), sandbox.run(&merge))
    };
    let (first, again) = attempt();
    assert!(!first.stdout.contains("attempt") && !again.stdout.contains("attempt"), "{}", again.shown());
    let (second, again) = attempt();
    for seen in [second, again] {
        assert!(seen.stdout.contains("the 2nd attempt; 1 earlier run failed"), "{}", seen.shown());
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 1);
    eval(&sandbox, &[]);
    let run = runs(&sandbox).pop().unwrap();
    sandbox.write(&format!(".promptassay/runs/{run}/attempts.json"), "{}");
    let seen = sandbox.run(&["report"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let place = sandbox.path(".promptassay/runs").canonicalize().unwrap();
    let shown = seen.stderr.replace(&run, "RUN").replace(place.to_str().unwrap(), "RUNS");
    insta::assert_snapshot!(shown, @r"
    error: these are no attempts: missing field `schema` at line 1 column 2
     --> RUNS/RUN/attempts.json
      = help: copy the run's directory again; without this file the run is reported as a first attempt
    ");
}
