//! Evidence: what a run leaves, that the reader reads it, and every byte that voids it.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use promptassay_lifecycle::evidence::{Evidence, Statement};
use serde_json::{Value, json};

use super::{RECORDED, by_ada, bytes, clean, copy_of, done, evaluate, sandbox, session, tested};
use crate::live::{KEY, Mock};
use crate::sandbox::{Sandbox, Seen};

/// The evidence of the latest run.
fn file(sandbox: &Sandbox) -> PathBuf {
    let mut runs: Vec<PathBuf> =
        fs::read_dir(sandbox.path(".promptassay/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs.last().unwrap().join("evidence.json")
}

fn canary(sandbox: &Sandbox, evidence: &str) -> Seen {
    by_ada(sandbox, &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", evidence])
}

#[test]
fn what_is_written_is_what_is_read() {
    let sandbox = tested(RECORDED);
    let text = fs::read_to_string(file(&sandbox)).unwrap();
    let evidence = Evidence::parse(&text).unwrap();
    let about: Vec<String> = evidence
        .findings
        .iter()
        .map(|finding| format!("{} {} on {}", finding.prompt, finding.version, finding.details.model.row))
        .collect();
    assert_eq!(about, ["greet v1.1.0 on default", "greet v1.2.0 on default"]);
    // Not a field more, not a field less, not in another form: the writer and the reader know the same shape.
    let statements: Vec<Statement> = serde_json::from_str(&text).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    let read = serde_json::to_value(&statements).unwrap();
    // A list without names is left out by the one and written by the other.
    let without_empty = |mut value: Value| {
        for statement in value.as_array_mut().unwrap() {
            let predicate = statement["predicate"].as_object_mut().unwrap();
            predicate.retain(|_, value| value != &json!([]));
        }
        value
    };
    assert_eq!(without_empty(read), without_empty(written.clone()));
    assert_snapshot!(clean(&sandbox, &serde_json::to_string_pretty(&written[0]).unwrap()));
}

#[test]
fn only_a_whole_run_leaves_evidence() {
    let sandbox = tested(RECORDED);
    let run = |arguments: &[&str]| {
        sandbox.run(&[&["eval", "greet", "--offline", "--candidate", "1.1.0"], arguments].concat());
        file(&sandbox).exists()
    };
    assert!(run(&[]));
    assert!(run(&["--model", "default"]), "the suite has no other");
    assert!(!run(&["--min-pass-rate", "0.1"]), "whoever relaxes the gate proves nothing");
    assert!(!run(&["--case", "one"]) && !run(&["--sample", "1"]) && !run(&["--shard", "1/1"]));
    assert_snapshot!(session(
        &sandbox,
        &[&["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--by", "Ada"]]
    ));
    // Shards prove something together.
    let merged = sandbox.run(&[
        "merge",
        fs::read_dir(sandbox.path(".promptassay/runs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| fs::read_to_string(path.join("run.json")).unwrap().contains("\"shard\""))
            .map(|path| path.display().to_string())
            .next()
            .unwrap()
            .as_str(),
    ]);
    assert_eq!(merged.code, Some(0), "{}", merged.shown());
    assert!(file(&sandbox).exists());
    let rescored = sandbox.run(&["rescore", "latest"]);
    assert_eq!(rescored.code, Some(0), "{}", rescored.shown());
    assert!(file(&sandbox).exists());
    assert_eq!(canary(&sandbox, "latest").code, Some(0));
}

#[test]
fn a_rescored_run_that_lacks_a_case_or_a_model_of_today_is_no_evidence() {
    let said = |change: &dyn Fn(&Sandbox)| {
        let sandbox = tested(RECORDED);
        change(&sandbox);
        let rescored = sandbox.run(&["rescore", "latest"]);
        assert_eq!(rescored.code, Some(0), "{}", rescored.shown());
        assert!(!file(&sandbox).exists());
        let blessed = sandbox.run(&["baseline", "bless", "latest"]);
        assert_eq!(blessed.code, Some(2), "{}", blessed.shown());
        let moved = canary(&sandbox, "latest");
        assert_eq!(moved.code, Some(2), "{}", moved.shown());
        clean(&sandbox, &format!("{}{}{}\n", rescored.stderr, blessed.stderr, moved.stderr))
    };
    let suite = "prompts/greet/tests/test_cases.yaml";
    let case = |sandbox: &Sandbox| {
        sandbox.write(
            suite,
            sandbox.read(suite)
                + "  - {name: new, inputs: {name: Bob}, must_pass: true, validators: [{contains: no}]}\n",
        );
    };
    let model = |sandbox: &Sandbox| {
        sandbox.edit(
            "prompts/registry.yaml",
            "models:\n",
            "models:\n  two: {provider: openai, model: two}\n",
        );
        sandbox.write(suite, format!("models: [default, two]\n{}", sandbox.read(suite)));
    };
    assert_snapshot!(said(&case) + &said(&model));
}

/// What is said of the latest evidence after the files were changed so.
fn after(change: impl Fn(&Sandbox)) -> String {
    let sandbox = tested(RECORDED);
    change(&sandbox);
    refused(&sandbox, "latest")
}

fn refused(sandbox: &Sandbox, evidence: &str) -> String {
    let before = bytes(sandbox);
    let seen = canary(sandbox, evidence);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert_eq!(bytes(sandbox), before);
    clean(sandbox, &seen.stderr)
}

#[test]
fn whatever_changed_since_voids_it_and_is_named() {
    let registry = "prompts/registry.yaml";
    let mut shown = Vec::new();
    let mut say = |what: &str, said: String| shown.push(format!("--- {what}\n{said}"));
    let default_policy = |sandbox: &Sandbox| {
        sandbox.edit(registry, RECORDED, "");
    };
    let with_policy = |policy: &'static str| {
        move |sandbox: &Sandbox| {
            sandbox.edit(registry, RECORDED, &format!("lifecycle: {{replies: [recorded], {policy}}}\n"));
        }
    };
    say(
        "the suite",
        after(|sandbox| {
            sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 5", "max_words: 6");
        }),
    );
    say(
        "a property that the suite uses",
        after(|sandbox| {
            sandbox.edit(registry, "please|thank", "please|thanks?");
        }),
    );
    say(
        "what the gate asks for",
        after(|sandbox| {
            let suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
            sandbox.write("prompts/greet/tests/test_cases.yaml", suite + "gate: {min_pass_rate: 0.5}\n");
        }),
    );
    say(
        "the interface",
        after(|sandbox| {
            sandbox.edit("prompts/greet/prompt.yaml", "default: warm", "default: dry");
        }),
    );
    say(
        "the parameters",
        after(|sandbox| {
            sandbox.edit(registry, "gpt-6-luna}", "gpt-6-luna, params: {max_output_tokens: 9}}");
        }),
    );
    say(
        "the model",
        after(|sandbox| {
            sandbox.edit(registry, "gpt-6-luna", "gpt-6-sol");
        }),
    );
    say("recorded replies, which the policy does not allow by default", after(default_policy));
    say("fewer cases than the policy wants", after(with_policy("min_cases: 40")));
    say(
        "a model that the policy wants",
        after(|sandbox| {
            sandbox.edit(
                registry,
                "gpt-6-luna}",
                "gpt-6-luna}\n  claude: {provider: anthropic, model: claude-sonnet-5}",
            );
            with_policy("models: [claude]")(sandbox);
        }),
    );
    say("a comment changes nothing", {
        let sandbox = tested(RECORDED);
        sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "# the cases\ncases:");
        let seen = canary(&sandbox, "latest");
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        clean(&sandbox, &seen.stdout)
    });
    assert_snapshot!(shown.join("\n"));
}

#[test]
fn one_byte_of_the_text_voids_it() {
    // Before it is registered a text can be edited.
    let sandbox = sandbox("lifecycle: {replies: [recorded], evidence_for: [testing, canary, production]}\n");
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    evaluate(&sandbox, &["--candidate", "1.1.0"]);
    sandbox.edit("prompts/greet/v1.1.0.txt", "1.1.0", "1.1.0.");
    let testing = &["promote", "greet", "1.1.0", "--to", "testing", "--evidence", "latest"];
    let seen = by_ada(&sandbox, testing);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert_snapshot!(clean(&sandbox, &seen.stderr));
    sandbox.edit("prompts/greet/v1.1.0.txt", "1.1.0.", "1.1.0");
    done(&sandbox, testing);
    // Afterwards it is frozen: whoever edits it has no prompt any more.
    sandbox.edit("prompts/greet/v1.1.0.txt", "1.1.0", "1.1.0.");
    let seen = canary(&sandbox, "latest");
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert_snapshot!("a_frozen_text", clean(&sandbox, &seen.stderr));
}

#[test]
fn a_result_that_is_not_good_enough_is_named() {
    let sandbox = tested(RECORDED);
    let good: Value = serde_json::from_str(&fs::read_to_string(file(&sandbox)).unwrap()).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed[0]["predicate"]);
        sandbox.write("evidence.json", changed.to_string());
        let seen = canary(&sandbox, "evidence.json");
        assert!(matches!(seen.code, Some(1 | 2)), "{}", seen.shown());
        clean(&sandbox, &seen.stderr)
    };
    let verdict = |word: &'static str| {
        move |predicate: &mut Value| {
            predicate["result"] = json!("FAILED");
            predicate["promptassay"]["verdict"] = json!(word);
        }
    };
    let detail = |key: &'static str, value: Value| {
        move |predicate: &mut Value| predicate["promptassay"][key] = value.clone()
    };
    let shown = [
        ("failed", with(&verdict("failed"))),
        ("inconclusive", with(&verdict("inconclusive"))),
        (
            "broken: such as another served model, where the gate's policy wants the same",
            with(&verdict("broken")),
        ),
        ("not complete", with(&detail("complete", json!(false)))),
        ("filtered", with(&detail("unfiltered", json!(false)))),
        (
            "old replies",
            with(&detail("replies", json!({"source": "cached", "oldest_at": "2020-01-01T00:00:00Z"}))),
        ),
        ("replies of unknown age", with(&detail("replies", json!({"source": "cached", "oldest_at": null})))),
        ("from the future", with(&detail("finished_at", json!("2099-01-01T00:00:00Z")))),
        ("a row that is gone", with(&|predicate| predicate["promptassay"]["model"]["row"] = json!("gone"))),
        (
            "another baseline",
            with(&|predicate| predicate["promptassay"]["baseline"]["version"] = json!("1.2.0")),
        ),
        (
            "another text of the baseline",
            with(&|predicate| {
                predicate["promptassay"]["baseline"]["sha256"] = json!("0".repeat(64));
            }),
        ),
        ("a newer format", with(&detail("schema", json!(2)))),
        ("a verdict that contradicts the result", with(&|predicate| predicate["result"] = json!("FAILED"))),
    ];
    let shown: Vec<String> = shown.iter().map(|(what, said)| format!("--- {what}\n{said}")).collect();
    assert_snapshot!(shown.join("\n"));
    // What failed leaves evidence too, and it allows nothing.
    let failing = copy_of(&sandbox);
    failing.edit("replies/greet.jsonl", "Thank you", "No");
    assert_eq!(
        failing.run(&["eval", "greet", "--offline", "--candidate", "1.1.0"]).code.map(|code| code > 0),
        Some(true)
    );
    assert!(
        refused(&failing, "latest").contains("the verdict on `default` is"),
        "{}",
        refused(&failing, "latest")
    );
}

/// Evidence that lies beside its run is held against it; one of the two was changed where they disagree.
#[test]
fn evidence_that_its_own_run_contradicts_allows_nothing() {
    let failing = tested(RECORDED);
    failing.edit("replies/greet.jsonl", "Thank you", "No");
    failing.run(&["eval", "greet", "--offline", "--candidate", "1.1.0"]);
    let forged = fs::read_to_string(file(&failing)).unwrap();
    let forged = forged.replace("\"FAILED\"", "\"PASSED\"");
    let forged = ["failed", "broken"].iter().fold(forged, |text, word| {
        text.replace(&format!("\"verdict\": \"{word}\""), "\"verdict\": \"passed\"")
    });
    failing.write(file(&failing).to_str().unwrap(), &forged);
    let mut told = canary(&failing, "latest").shown();
    let sandbox = tested(RECORDED);
    let directory = file(&sandbox).parent().unwrap().to_owned();
    let damage = |name: &str, change: &dyn Fn(&str) -> String| {
        let path = directory.join(name);
        let whole = fs::read_to_string(&path).unwrap();
        sandbox.write(path.to_str().unwrap(), change(&whole));
        let seen = canary(&sandbox, "latest");
        sandbox.write(path.to_str().unwrap(), whole);
        format!("--- {name}\n{}", seen.shown())
    };
    told += &damage("events.jsonl", &|text| text[..text.len() / 3].to_owned());
    told += &damage("events.jsonl", &|text| text.replace("\"pass\"", "\"fail\""));
    told += &damage("run.json", &|_| "{".to_owned());
    assert_snapshot!(clean(&sandbox, &clean(&failing, &told)));
    assert_eq!(canary(&sandbox, "latest").code, Some(0));
}

#[test]
fn evidence_is_found_by_run_by_directory_and_by_file() {
    let sandbox = tested(RECORDED);
    let path = file(&sandbox);
    let directory = path.parent().unwrap();
    let id = directory.file_name().unwrap().to_str().unwrap();
    for reference in [id, &id[..20], "latest", directory.to_str().unwrap(), path.to_str().unwrap()] {
        let seen = by_ada(
            &sandbox,
            &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", reference, "--dry-run"],
        );
        assert_eq!(seen.code, Some(0), "{reference}\n{}", seen.shown());
    }
    sandbox.write("other.json", "{}");
    assert_snapshot!(session(
        &sandbox,
        &[
            &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "other.json", "--by", "Ada"],
            &[
                "canary",
                "greet",
                "1.1.0",
                "--percent",
                "5",
                "--evidence",
                "019",
                "--runs",
                "nowhere",
                "--by",
                "Ada"
            ],
        ]
    ));
}

/// The sandbox with v1.0.0 in production and v1.1.0 in testing, for a model that answers.
fn asked(mock: &Mock) -> Sandbox {
    let sandbox = sandbox("lifecycle: {canary: optional, replies: [live, cached, recorded]}\n");
    let registry = sandbox.read("prompts/registry.yaml");
    let row = registry.lines().find(|line| line.contains("default:")).unwrap();
    sandbox.edit("prompts/registry.yaml", row, &format!("  default: {}", mock.row()));
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    sandbox
}

#[test]
fn what_was_said_before_a_rollback_brings_nothing_back() {
    let mock = Mock::polite();
    let sandbox = asked(&mock);
    let eval = |arguments: &[&str]| {
        let whole = [&["eval", "greet", "--candidate", "1.1.0"], arguments].concat();
        let seen = Seen::of(sandbox.command(&whole).env("TEST_KEY", KEY));
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    };
    // All that happens here may happen within one second, so evidence is moved a minute on: clocks may differ by that much.
    let soon = |replies_too: bool| {
        let mut evidence: Value = serde_json::from_str(&fs::read_to_string(file(&sandbox)).unwrap()).unwrap();
        let details = &mut evidence[0]["predicate"]["promptassay"];
        let finished: jiff::Timestamp = serde_json::from_value(details["finished_at"].clone()).unwrap();
        let finished = finished + jiff::SignedDuration::from_mins(1);
        details["finished_at"] = json!(finished);
        if replies_too {
            details["replies"]["oldest_at"] = json!(finished);
        }
        sandbox.write("evidence.json", evidence.to_string());
        by_ada(&sandbox, &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "evidence.json"])
    };
    eval(&[]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"]);
    done(&sandbox, &["rollback", "greet", "--reason", "Wrong hours"]);
    let calls = mock.counters().calls;
    eval(&[]);
    assert_eq!(mock.counters().calls, calls, "the cache knows everything");
    let from_cache = soon(false);
    assert_eq!(from_cache.code, Some(1), "{}", from_cache.shown());
    eval(&["--offline"]);
    let recorded = soon(false);
    assert_eq!(recorded.code, Some(1), "{}", recorded.shown());
    assert_snapshot!(clean(&sandbox, &(from_cache.stderr + "\n" + &recorded.stderr)));
    eval(&["--refresh"]);
    let live = soon(true);
    assert_eq!(live.code, Some(0), "{}", live.shown());
}

#[test]
fn live_and_cached_replies_prove_something_by_default() {
    let mock = Mock::polite();
    let sandbox = asked(&mock);
    sandbox.edit(
        "prompts/registry.yaml",
        "lifecycle: {canary: optional, replies: [live, cached, recorded]}\n",
        "",
    );
    let cut_short = ["eval", "greet", "--candidate", "1.1.0", "--max-calls", "1"];
    let seen = Seen::of(sandbox.command(&cut_short).env("TEST_KEY", KEY));
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(!file(&sandbox).exists(), "what was cut short proves nothing");
    for source in ["live", "cached"] {
        let whole = ["eval", "greet", "--candidate", "1.1.0"];
        let refresh: &[&str] = if source == "live" { &["--refresh"] } else { &[] };
        let seen = Seen::of(sandbox.command(&[&whole[..], refresh].concat()).env("TEST_KEY", KEY));
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        let written: Value = serde_json::from_str(&fs::read_to_string(file(&sandbox)).unwrap()).unwrap();
        let details = &written[0]["predicate"]["promptassay"];
        assert_eq!(details["replies"]["source"], source);
        assert!(details["replies"]["oldest_at"].is_string(), "{details:#}");
        let seen = by_ada(
            &sandbox,
            &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--dry-run"],
        );
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
}

#[test]
fn what_is_not_served_because_of_a_hand_written_active_version_does_not_pass() {
    let sandbox = tested(RECORDED);
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "active_version: v1.1.0");
    let seen = sandbox.run(&["eval", "greet", "--offline"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert_snapshot!(clean(&sandbox, &seen.stderr), @r"
    error: `active_version` is v1.1.0, and v1.0.0 is in production according to the ledger
     --> prompts/greet/prompt.yaml:3:17
      |
    3 | active_version: v1.1.0            # what is served
      |                 ^^^^^^
      |
      = help: `promptassay promote` or `rollback` moves production; `promptassay repair greet` lets `active_version` follow the ledger
    ");
    assert_eq!(sandbox.run(&["check", "greet"]).code, Some(2));
}
