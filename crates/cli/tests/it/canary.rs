//! The guard of a canary, as a process: what is recorded of its users, what is said, what is done.

mod tables;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use promptassay_experiments::canary::{Arm, Canary, Step};
use promptassay_experiments::event::Event;
use promptassay_experiments::store::{SqliteStore, Store as _};
use promptassay_lifecycle::event::{Change, Event as Happened};
use promptassay_lifecycle::ledger::{Ledger, Line, lines_of};
use regex::Regex;

use crate::sandbox::{EXPERIMENT, Sandbox, Seen};

const POLICY: &str =
    "lifecycle: {evidence_for: [], guardrails: [error, thumbs_down], max_failure_rate: 0.2}\n";

/// Half of the users are served v1.1.0.
fn sandbox(policy: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write("prompts/registry.yaml", format!("{registry}store: ../data/experiments.db\n{policy}"));
    for arguments in [
        &["adopt", "greet", "v1.0.0", "--reason", "It is live"][..],
        &["promote", "greet", "v1.1.0", "--to", "testing"],
        &["canary", "greet", "v1.1.0", "--percent", "50"],
    ] {
        let seen = sandbox.run(&[arguments, &["--by", "Ada"]].concat());
        assert_eq!(seen.code, Some(0), "{arguments:?} {}", seen.shown());
    }
    sandbox
}

/// The canary as an application knows it from the ledger.
fn canary(sandbox: &Sandbox) -> Canary {
    let ledger = sandbox.read("prompts/greet/lifecycle.jsonl");
    let line: serde_json::Value = serde_json::from_str(ledger.lines().last().unwrap()).unwrap();
    let settings = &line["canary"];
    let salt = settings["salt"].as_str().unwrap();
    Canary {
        id: format!("greet:{salt}"),
        salt: salt.to_owned(),
        steps: vec![Step { basis_points: 5000, from: line["at"].as_str().unwrap().parse().unwrap() }],
        expires_at: settings["expires_at"].as_str().unwrap().parse().unwrap(),
    }
}

fn hours(canary: &Canary, hours: i64) -> Timestamp {
    canary.steps[0].from.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

/// The ledger as it would stand there if all of it had happened so many hours earlier: a canary of a day, without waiting for one.
pub(crate) fn backdate(sandbox: &Sandbox, hours: i64) {
    let earlier = |at: Timestamp| at.checked_sub(SignedDuration::from_hours(hours)).unwrap();
    let name = "greet".parse().unwrap();
    let ledger = Ledger::read(&sandbox.path("prompts/greet"), &name).unwrap();
    let (mut text, mut last): (String, Option<Line>) = (String::new(), None);
    for command in ledger.lines().chunk_by(|_, next| next.part.index > 1) {
        let mut events: Vec<Happened> = command.iter().map(|line| line.event.clone()).collect();
        for event in &mut events {
            event.at = earlier(event.at);
            if let Change::StartCanary(settings, _) | Change::Widen(settings) = &mut event.change {
                settings.expires_at = earlier(settings.expires_at);
            }
        }
        let appended = lines_of(&name, last.as_ref(), &events);
        text.push_str(&appended.text);
        last = appended.lines.last().cloned();
    }
    sandbox.write("prompts/greet/lifecycle.jsonl", text);
    let verified = sandbox.run(&["verify", "greet"]);
    assert_eq!(verified.code, Some(0), "{}", verified.shown());
}

/// Five hundred users of an hour in each arm, whatever the salt, of whom every so many fail in the canary and in production.
pub(crate) fn record(sandbox: &Sandbox, hour: i64, every: [usize; 2]) {
    record_users(sandbox, 500, hour, every);
}

fn record_users(sandbox: &Sandbox, users: usize, hour: i64, every: [usize; 2]) {
    let canary = canary(sandbox);
    let at = hours(&canary, hour);
    let (mut events, mut seen): (Vec<Event>, [usize; 2]) = (Vec::new(), [0; 2]);
    for unit in (0..4000).map(|unit| format!("u{hour}-{unit}")) {
        let arm = usize::from(canary.arm(unit.as_bytes(), at) == Some(Arm::Production));
        if seen[arm] == users {
            continue;
        }
        seen[arm] += 1;
        events.extend(canary.exposure(unit.as_bytes(), at));
        for guardrail in ["error", "thumbs_down"] {
            let failed = guardrail == "error" && seen[arm] % every[arm] == 0;
            events.extend(canary.outcome(unit.as_bytes(), guardrail, failed, at, b"1".to_vec()));
        }
    }
    let path = sandbox.path("data/experiments.db");
    SqliteStore::open(&path).unwrap().write(&events).unwrap();
}

fn check(sandbox: &Sandbox, rest: &[&str]) -> (Option<i32>, String) {
    let seen = sandbox.run(&[&["canary", "check", "greet"], rest].concat());
    (seen.code, without_largest(&sandbox.clean(&seen.shown())))
}

/// The order in which users of one moment are looked at follows from the salt, and so does the largest evidence on the way.
pub(crate) fn without_largest(shown: &str) -> String {
    Regex::new("the largest [^;]+;").unwrap().replace_all(shown, "the largest [N];").into_owned()
}

#[test]
fn a_good_canary_is_held_and_then_promoted() {
    let sandbox = sandbox(POLICY);
    let (code, said) = check(&sandbox, &[]);
    assert_eq!(code, Some(3), "{said}");
    assert_snapshot!(said);
    record(&sandbox, 1, [20, 20]);
    let later = hours(&canary(&sandbox), 25).to_string();
    let (code, said) = check(&sandbox, &["--at", &later]);
    assert_eq!(code, Some(0), "{said}");
    assert_snapshot!(said);
    // Before its time nothing is done.
    let before = sandbox.read("prompts/greet/lifecycle.jsonl");
    assert_eq!(check(&sandbox, &["--apply", "--by", "Guard[bot]"]).0, Some(3));
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), before);
}

#[test]
fn a_harmful_canary_is_rolled_back() {
    let sandbox = sandbox(POLICY);
    record(&sandbox, 0, [4, 20]);
    let (code, said) = check(&sandbox, &["--by", "Guard[bot]"]);
    assert_eq!(code, Some(1), "{said}");
    assert_snapshot!(said);
    let (code, said) = check(&sandbox, &["--apply", "--by", "Guard[bot]"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("canary → testing"), "{said}");
    let ledger = sandbox.read("prompts/greet/lifecycle.jsonl");
    assert!(ledger.lines().last().unwrap().contains("canary check: `error` fails more often"), "{ledger}");
    // It is gone, so there is nothing to check, and nothing to do a second time.
    let (code, said) = check(&sandbox, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert_snapshot!(said);
    assert_eq!(check(&sandbox, &["--apply", "--by", "Guard[bot]"]), (Some(2), said));
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), ledger);
    assert!(sandbox.read("prompts/greet/prompt.yaml").contains("active_version: v1.0.0"));
}

#[test]
fn what_was_rolled_back_does_not_begin_again_as_if_nothing_had_been() {
    let sandbox = sandbox(POLICY);
    record(&sandbox, 0, [4, 20]);
    assert_eq!(check(&sandbox, &["--apply", "--by", "Guard[bot]"]).0, Some(1));
    let ledger = sandbox.read("prompts/greet/lifecycle.jsonl");
    let again = ["canary", "greet", "v1.1.0", "--percent", "50", "--by", "Ada"];
    let refused = sandbox.session(&[&again]);
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), ledger);
    let why = [&again[..], &["--reason", "The failing calls were those of a broken client"]].concat();
    let shown = refused + &sandbox.session(&[&why, &["status", "greet"]]);
    let digits = Regex::new("[0-9a-f]{64}").unwrap();
    assert_snapshot!(digits.replace_all(&sandbox.clean(&shown), "[DIGEST]"));
    let status = sandbox.json(&["status", "greet"]);
    let ended = &status["versions"][1];
    assert_eq!(ended["version"], "1.1.0");
    assert!(ended["canary_ended_at"].is_string() && ended["rolled_back_at"].is_null(), "{ended}");
}

#[test]
fn a_good_canary_of_two_days_is_promoted() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 48);
    record(&sandbox, 1, [20, 20]);
    let locked = sandbox.read("prompts/greet/prompt.lock");
    let before = sandbox.read("prompts/greet/lifecycle.jsonl");
    let apply = ["--apply", "--by", "Guard[bot]"];
    // First what would be done.
    let (code, said) = check(&sandbox, &[&apply[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), before);

    let (code, said) = check(&sandbox, &apply);
    assert_eq!(code, Some(0), "{said}");
    let head = Regex::new("head [0-9a-f]{64}").unwrap();
    assert_snapshot!(head.replace_all(&said, "head [HEAD]"));
    let after = sandbox.read("prompts/greet/lifecycle.jsonl");
    let added: Vec<serde_json::Value> = after
        .strip_prefix(before.as_str())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let moves: Vec<(&str, &str, &str)> = added
        .iter()
        .map(|line| (&line["version"], &line["from"], &line["to"]))
        .map(|(version, from, to)| (version.as_str().unwrap(), from.as_str().unwrap(), to.as_str().unwrap()))
        .collect();
    assert_eq!(moves, [("1.0.0", "production", "deprecated"), ("1.1.0", "canary", "production")]);
    for line in &added {
        assert_eq!((&line["command"], &line["actor"]["kind"]), (&"promote".into(), &"bot".into()));
        assert!(line["reason"].as_str().unwrap().starts_with("canary check: 500 users"), "{line}");
    }
    assert!(
        sandbox.read("prompts/greet/prompt.yaml").contains("active_version: v1.1.0            # what is")
    );
    assert_eq!(sandbox.read("prompts/greet/prompt.lock"), locked);
    assert_eq!(sandbox.json(&["resolve", "greet", "--unit", "u1"])["version"], "1.1.0");
    for sound in [&["verify"][..], &["check"]] {
        let seen = sandbox.run(sound);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }

    // It is in production, so there is nothing to check, and nothing to do a second time.
    let (code, said) = check(&sandbox, &apply);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no canary of `greet` runs"), "{said}");
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), after);
}

#[test]
fn a_canary_that_few_users_have_seen_is_held() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 48);
    record_users(&sandbox, 150, 1, [20, 20]);
    let before = sandbox.read("prompts/greet/lifecycle.jsonl");
    for _ in 0..2 {
        let (code, said) = check(&sandbox, &["--apply", "--by", "Guard[bot]"]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("150 of 200 users have been served the canary"), "{said}");
        assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), before);
    }
}

#[test]
fn an_expired_canary_is_not_promoted() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 24 * 8);
    record(&sandbox, 1, [20, 20]);
    let before = sandbox.read("prompts/greet/lifecycle.jsonl");
    let (code, said) = check(&sandbox, &["--apply", "--by", "Guard[bot]"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("it expired at"), "{said}");
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), before);
}

#[test]
fn lost_users_are_no_verdict() {
    let sandbox = sandbox(POLICY);
    record(&sandbox, 0, [20, 20]);
    let canary = canary(&sandbox);
    let lost: Vec<Event> = (0..600)
        .map(|unit| format!("lost-{unit}"))
        .filter(|unit| canary.arm(unit.as_bytes(), hours(&canary, 0)) == Some(Arm::Canary))
        .filter_map(|unit| canary.exposure(unit.as_bytes(), hours(&canary, 0)))
        .collect();
    SqliteStore::open(&sandbox.path("data/experiments.db")).unwrap().write(&lost).unwrap();
    let (code, said) = check(&sandbox, &[]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("no verdict: step 1 served"), "{said}");
}

#[test]
fn what_is_recorded_from_a_shell_is_what_an_application_records() {
    let sandbox = sandbox(POLICY);
    backdate(&sandbox, 12);
    let canary = canary(&sandbox);
    let unit = (0..100)
        .map(|unit| format!("u{unit}"))
        .find(|unit| canary.arm(unit.as_bytes(), hours(&canary, 0)) == Some(Arm::Canary))
        .unwrap();
    let at = hours(&canary, 1).to_string();
    let record = ["record", "--canary", "greet", &unit, "error", "1", "--at", &at];
    assert_eq!(sandbox.json(&["expose", "--canary", "greet", &unit, "--at", &at])["arm"], "canary");
    assert_eq!(sandbox.json(&record)["recorded"], true);
    // Outside the canary's life nobody decided.
    let early = hours(&canary, -1).to_string();
    let outside = sandbox.json(&["expose", "--canary", "greet", &unit, "--at", &early]);
    assert_eq!((&outside["arm"], &outside["recorded"]), (&serde_json::Value::Null, &false.into()));
    let after = hours(&canary, 2).to_string();
    let report = sandbox.run(&["canary", "check", "greet", "--at", &after, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["canary_exposed"], 1);
    assert_eq!(report["guardrails"][0]["canary_failing"], 1);
    assert_snapshot!(sandbox.session(&[
        &["record", "--canary", "greet", "u1", "erorr", "1"],
        &["record", "--canary", "greet", "u1", "error", "2"],
        &["record", "--canary", "greet", "", "error", "1"],
        &["expose", "--canary", "great", "u1"],
    ]));
}

#[test]
fn a_policy_without_guardrails_cannot_judge() {
    let sandbox = sandbox("lifecycle: {evidence_for: []}\n");
    let (code, said) = check(&sandbox, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert_snapshot!(said);
}

proptest::proptest! {
    /// Who routes and who derives the arm afterwards know nothing of each other.
    #[test]
    fn a_user_is_in_the_same_bucket_for_whoever_serves_and_for_whoever_guards(salt: String, unit: String) {
        let served = promptassay_lifecycle::routing::bucket(&salt, &unit);
        let guarded = promptassay_experiments::canary::bucket(&salt, unit.as_bytes());
        proptest::prop_assert_eq!(u32::from(served), guarded);
    }
}

#[test]
fn a_path_in_the_variable_is_one_store_wherever_one_stands_and_a_new_one_is_said() {
    let sandbox = sandbox(POLICY);
    let expose = |user: &str, directory: &str| {
        let mut command = sandbox.command(&["expose", "--canary", "greet", user]);
        command.current_dir(sandbox.path(directory)).env("PROMPTASSAY_STORE", "kept/e.db");
        let seen = Seen::of(&mut command);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        seen.stderr
    };
    assert_eq!(expose("u1", ""), "made the store `kept/e.db`\n");
    assert_eq!(expose("u2", "prompts/greet"), "");
    assert!(!sandbox.path("prompts/greet/kept").exists());
    let mut check = sandbox.command(&["canary", "check", "greet", "--json"]);
    let seen = Seen::of(check.env("PROMPTASSAY_STORE", "kept/e.db"));
    let report: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    let [canary, production] =
        ["canary_exposed", "production_exposed"].map(|arm| report[arm].as_u64().unwrap());
    assert_eq!(canary + production, 2, "{}", seen.shown());
}

#[test]
fn what_a_canary_did_to_a_user_counts_also_where_an_experiment_decides_today() {
    let sandbox = sandbox(POLICY);
    for user in ["u1", "u3"] {
        assert_eq!(sandbox.run(&["expose", "--canary", "greet", user]).code, Some(0));
    }
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    let started = sandbox.run(&["experiment", "start", "trial"]);
    assert_eq!(started.code, Some(0), "{}", started.shown());
    let record = |user: &str| sandbox.run(&["record", "--canary", "greet", user, "error", "1"]).stdout;
    assert_eq!(record("u1"), "recorded\n");
    assert_eq!(
        record("u2"),
        "not recorded: an experiment decides what this user is served, and no exposure by the canary is known\n"
    );
    let failing = || {
        let checked = sandbox.run(&["canary", "check", "greet", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        let error = &report["guardrails"][0];
        error["canary_failing"].as_u64().unwrap() + error["production_failing"].as_u64().unwrap()
    };
    assert_eq!(failing(), 1);
    // Nor does a slip in the file of the experiment lose what becomes of those who are known.
    let trial = sandbox.read("prompts/greet/experiments/trial.yaml");
    sandbox.write("prompts/greet/experiments/trial.yaml", trial + "bogus: 1\n");
    assert_eq!(record("u3"), "recorded\n");
    assert_eq!(failing(), 2);
    let unknown = sandbox.run(&["record", "--canary", "greet", "u4", "error", "1"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("bogus"), "{}", unknown.shown());
}

/// All who have no id would be one user of the guard, which counts none of them, and could all be served the canary.
#[test]
fn an_empty_id_is_nobody_and_nobody_is_served_a_canary() {
    let sandbox = sandbox(POLICY);
    sandbox.run(&["snapshot", "-o", "s.json"]);
    for rest in [&[][..], &["--snapshot", "s.json"]] {
        let resolved = sandbox.json(&[&["resolve", "greet", "--unit", ""], rest].concat());
        assert_eq!(
            (&resolved["version"], &resolved["decision"]["by"]),
            (&"1.0.0".into(), &"no_unit".into()),
            "{resolved}"
        );
    }
}
