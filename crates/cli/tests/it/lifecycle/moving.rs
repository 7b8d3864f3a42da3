//! Moves and refusals.

use std::fs;

use insta::assert_snapshot;

use super::{RECORDED, by_ada, bytes, clean, done, evaluate, head, sandbox, session, tested};
use crate::sandbox::{EXPERIMENT, Sandbox, Seen};

#[test]
fn the_way_to_production_and_back() {
    let sandbox = sandbox(RECORDED);
    assert_snapshot!(
        "adopted",
        session(
            &sandbox,
            &[
                &["status"],
                &[
                    "adopt",
                    "greet",
                    "1.0.0",
                    "--reason",
                    "Live since spring",
                    "--by",
                    "Ada <ada@example.com>"
                ],
                &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"],
                &["status", "greet"],
            ]
        )
    );
    evaluate(&sandbox, &["--candidate", "1.1.0"]);
    assert_snapshot!(
        "walked",
        session(
            &sandbox,
            &[
                &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--by", "Ada"],
                &["canary", "greet", "1.1.0", "--percent", "25", "--by", "ops[bot]"],
                &["status"],
                &[
                    "promote",
                    "greet",
                    "1.1.0",
                    "--to",
                    "production",
                    "--evidence",
                    "latest",
                    "--reason",
                    "Fewer calls",
                    "--by",
                    "Ada"
                ],
                &["check"],
                &["rollback", "greet", "--reason", "Wrong hours", "--by", "Eve"],
                &["status", "greet"],
                &["history", "greet"],
                &["verify"],
            ]
        )
    );
    assert!(
        sandbox
            .read("prompts/greet/prompt.yaml")
            .contains("active_version: v1.0.0            # what is served")
    );
    // What somebody rolled back from does not bounce back on the same evidence.
    let again: &[&str] =
        &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest", "--by", "Ada"];
    assert_snapshot!(
        "bounced",
        session(&sandbox, &[again, &["rollback", "greet", "--to", "1.1.0", "--reason", "x", "--by", "Ada"]])
    );
}

#[test]
fn a_refused_command_changes_no_byte() {
    let sandbox = tested(RECORDED);
    let before = bytes(&sandbox);
    let refused: &[&[&str]] = &[
        &["promote", "greet", "1.0.0", "--to", "production"],
        &["promote", "greet", "1.1.0", "--to", "canary"],
        &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"],
        &["promote", "greet", "1.1.0", "--to", "archived"],
        &["promote", "greet", "9.9.9", "--to", "testing"],
        &["promote", "greet", "1.1.0", "--to", "Production"],
        &["promote", "gret", "1.1.0", "--to", "testing"],
        &["canary", "greet", "1.1.0", "--percent", "5"],
        &["canary", "greet", "1.1.0", "--percent", "5", "--break-glass", "--reason", "x"],
        &["canary", "greet", "1.1.0", "--percent", "0"],
        &["canary", "greet", "1.1.0", "--percent", "100"],
        &["canary", "greet", "1.0.0", "--percent", "5", "--evidence", "latest"],
        &["abort", "greet", "--reason", "x"],
        &["abort", "greet"],
        &["rollback", "greet"],
        &["rollback", "greet", "--reason", " "],
        &["rollback", "greet", "--reason", "x"],
        &["rollback", "greet", "--to", "1.1.0", "--reason", "x"],
        &["rollback", "greet", "--to", "1.0.0", "--reason", "x"],
        &["deprecate", "greet", "1.1.0", "--reason", "x"],
        &["archive", "greet", "1.0.0"],
        &["adopt", "greet", "1.0.0"],
        &["activate", "greet", "1.1.0"],
    ];
    let mut shown = String::new();
    for command in refused {
        let all = if command[0] == "activate" {
            command.to_vec()
        } else {
            [command, &["--by", "Ada"][..]].concat()
        };
        let seen = sandbox.run(&all);
        assert!(matches!(seen.code, Some(1 | 2)), "{command:?}\n{}", seen.shown());
        assert_eq!(bytes(&sandbox), before, "{command:?}");
        shown.extend([format!("$ {}\n{}\n", command.join(" "), seen.shown())]);
    }
    assert_snapshot!(clean(&sandbox, &shown));
}

/// An archived version may be removed; what its number stood for stays in the ledger.
#[test]
fn the_number_of_an_archived_version_is_used() {
    let sandbox = tested(RECORDED);
    done(&sandbox, &["archive", "greet", "1.2.0", "--reason", "Unused"]);
    fs::remove_file(sandbox.path("prompts/greet/v1.2.0.txt")).unwrap();
    let lock = sandbox.read("prompts/greet/prompt.lock");
    let row = lock.find("  1.2.0:").or_else(|| lock.find("  v1.2.0:")).unwrap();
    sandbox.write("prompts/greet/prompt.lock", &lock[..row]);
    assert_eq!(sandbox.run(&["check"]).code, Some(0), "{}", sandbox.run(&["check"]).shown());
    let verified = sandbox.run(&["verify", "greet"]);
    assert_eq!(verified.code, Some(0), "{}", verified.shown());
    assert!(
        verified.stdout.ends_with("\n  v1.2.0 is archived, and its text is gone\n"),
        "{}",
        verified.stdout
    );
    sandbox.write("draft.txt", "{name} {tone}, another text\n");
    let by_number = session(&sandbox, &[&["add", "greet", "1.2.0", "--from", "draft.txt"]]);
    // By hand it can be written all the same, and is not frozen.
    sandbox.write("prompts/greet/v1.2.0.txt", "{name} {tone}, another text\n");
    let by_hand = session(&sandbox, &[&["register", "greet", "1.2.0", "-m", "x", "--by", "Ada"]]);
    fs::remove_file(sandbox.path("prompts/greet/v1.2.0.txt")).unwrap();
    let next = session(&sandbox, &[&["add", "greet", "--from", "draft.txt"]]);
    // The text that it had is what it is.
    sandbox.write("prompts/greet/v1.2.0.txt", "{name} {tone} 1.2.0\n");
    let again = session(&sandbox, &[&["register", "greet", "1.2.0", "-m", "x", "--by", "Ada"]]);
    assert_snapshot!([by_number, by_hand, next, again].concat());
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let sandbox = tested(RECORDED);
    let before = bytes(&sandbox);
    assert_snapshot!(session(
        &sandbox,
        &[
            &[
                "canary",
                "greet",
                "1.1.0",
                "--percent",
                "5",
                "--evidence",
                "latest",
                "--by",
                "Ada",
                "--dry-run"
            ],
            &["deprecate", "greet", "1.0.0", "--reason", "Gone", "--by", "Ada", "--dry-run"],
            &["rollback", "greet", "--reason", "x", "--by", "Ada", "--dry-run"],
        ]
    ));
    assert_eq!(bytes(&sandbox), before);
}

#[test]
fn a_promotion_says_that_it_does_not_ask_the_guard() {
    let sandbox = tested(
        "lifecycle: {replies: [recorded], guardrails: [error, thumbs_down], max_failure_rate: 0.05}\n",
    );
    let promote = ["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"];
    let canary = done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest"]);
    assert_eq!(canary.stderr, "");
    assert_snapshot!(done(&sandbox, &promote).stderr, @"
    warning: `promote` does not ask whether the canary's guardrails hold: error, thumbs_down
      = help: `promptassay canary check greet` does, and with `--apply` acts on it
    ");
}

#[test]
fn broken_glass_is_shown_wherever_the_version_is() {
    let sandbox = sandbox("lifecycle: {break_glass: allowed}\n");
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    assert_snapshot!(session(
        &sandbox,
        &[
            &["promote", "greet", "1.1.0", "--to", "production", "--break-glass", "--by", "Ada"],
            &[
                "promote",
                "greet",
                "1.1.0",
                "--to",
                "production",
                "--break-glass",
                "--reason",
                "Prices are wrong",
                "--by",
                "Ada"
            ],
            &["status"],
            &["status", "greet"],
            &["blame", "--at", "2099-01-01T00:00:00Z"],
        ]
    ));
    // The same words in colour.
    let colored = sandbox.run(&["status", "greet", "--color", "always"]).stdout;
    let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(&colored, "").into_owned();
    assert_ne!(colored, plain);
    assert_eq!(plain, sandbox.run(&["status", "greet"]).stdout);
    let status = sandbox.json(&["status", "greet"]);
    assert_eq!(
        (&status["versions"][0]["version"], &status["versions"][0]["break_glass"]),
        (&"1.1.0".into(), &true.into())
    );
}

#[test]
fn whoever_saw_another_head_is_told_so() {
    let sandbox = tested(RECORDED);
    let seen = head(&sandbox);
    let canary = |version: &str, head: &str| {
        by_ada(
            &sandbox,
            &["canary", "greet", version, "--percent", "5", "--evidence", "latest", "--expect-head", head],
        )
    };
    assert_eq!(canary("1.1.0", &seen[..12]).code, Some(0));
    let before = bytes(&sandbox);
    let late = canary("1.2.0", &seen[..12]);
    assert_eq!(late.code, Some(5), "{}", late.shown());
    assert_snapshot!(clean(&sandbox, &late.shown()));
    assert_eq!(bytes(&sandbox), before);
    assert_eq!(canary("1.2.0", "xyz").code, Some(2));
}

#[test]
fn who_acts_is_known_by_flag_pipeline_or_git() {
    let sandbox = sandbox(RECORDED);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = sandbox.command(&[arguments, &["--json"]].concat());
        command.env_remove("GITHUB_ACTOR").envs(variables.iter().copied());
        Seen::of(&mut command)
    };
    let actor = |arguments: &[&str], variables: &[(&str, &str)]| {
        let seen = run(arguments, variables);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        let answer: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
        let actor = &answer["events"][0]["actor"];
        format!("{} {} {}", actor["name"], actor["kind"], actor["known_by"])
    };
    let nobody = run(&["adopt", "greet", "1.0.0"], &[]);
    assert_eq!(nobody.code, Some(2));
    assert!(nobody.stderr.contains("nobody says who does this"), "{}", nobody.stderr);
    sandbox.write(".gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.com\n");
    let promote = |version| ["promote", "greet", version, "--to", "testing"];
    let back = |version| ["promote", "greet", version, "--to", "draft"];
    let seen = [
        actor(&["adopt", "greet", "1.0.0"], &[]),
        actor(&promote("1.1.0"), &[("CI", "true"), ("GITHUB_ACTOR", "octo")]),
        actor(&back("1.1.0"), &[("CI", "true")]),
        actor(&promote("1.1.0"), &[("CI", "false"), ("GITHUB_ACTOR", "octo")]),
        actor(&[&back("1.1.0")[..], &["--by", "Eve"]].concat(), &[("CI", "1")]),
        actor(&[&promote("1.1.0")[..], &["--by", "release[bot]"]].concat(), &[]),
    ];
    assert_snapshot!(seen.join("\n"));
}

#[test]
fn a_canary_that_expired_is_served_to_nobody_and_promoted_by_nobody() {
    let sandbox = tested("lifecycle: {replies: [recorded], canary_expires_after: 1s, evidence_for: []}\n");
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "99.99"]);
    // It expires at read time: no clock has to come by.
    let at = ["--at", "2099-01-01T00:00:00Z"];
    let resolved = sandbox.json(&[&["resolve", "greet", "--unit", "a"][..], &at].concat());
    assert_eq!(
        (&resolved["version"], &resolved["decision"]["by"]),
        (&"1.0.0".into(), &"canary_expired".into())
    );
}

#[test]
fn what_is_in_production_is_what_candidates_are_compared_with() {
    let sandbox = tested(RECORDED);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest"]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"]);
    let planned = sandbox.run(&["eval", "greet", "--offline", "--dry-run"]);
    assert!(planned.stdout.contains("baseline v1.1.0 is in production"), "{}", planned.shown());
}

#[test]
fn the_policy_is_checked_with_places() {
    let sandbox = sandbox(
        "lifecycle:\n  evidence_fro: [canary]\n  evidence_for: [canery]\n  min_cases: -1\n  max_reply_age: 7 days\n  replies: []\n  models: [defualt]\n  canary: maybe\n  canary_expires_after: 0d\n  break_glass: yes\n",
    );
    assert_snapshot!(session(&sandbox, &[&["check"]]));
    // A file with mistakes sets no policy.
    let before = bytes(&sandbox);
    assert_eq!(by_ada(&sandbox, &["adopt", "greet", "1.0.0"]).code, Some(2));
    assert_eq!(bytes(&sandbox), before);
}

/// v1.0.0 is live and v1.1.0 its canary; v9.0.0, which nobody registered, uses a variable that is not declared.
fn with_a_canary_and_a_draft_with_a_mistake(registry: &str) -> Sandbox {
    let sandbox = sandbox(registry);
    for command in [
        &["adopt", "greet", "1.0.0"][..],
        &["promote", "greet", "1.1.0", "--to", "testing"],
        &["canary", "greet", "1.1.0", "--percent", "50"],
    ] {
        done(&sandbox, command);
    }
    sandbox.write("prompts/greet/v9.0.0.txt", "Greet {name} in a {mood} mood.\n");
    sandbox
}

#[test]
fn a_draft_with_a_mistake_is_in_the_way_of_nobody_who_goes_back() {
    let sandbox = with_a_canary_and_a_draft_with_a_mistake("lifecycle: {evidence_for: []}\n");
    let said = |arguments: &[&str]| {
        let seen = by_ada(&sandbox, arguments);
        assert!(seen.stderr.contains("`mood`"), "{}", seen.shown());
        seen.code
    };
    let look = |arguments: &[&str]| {
        let seen = sandbox.run(arguments);
        assert!(seen.stderr.contains("`mood`"), "{}", seen.shown());
        seen.code
    };
    assert_eq!(look(&["resolve", "greet"]), Some(0));
    assert_eq!(look(&["status", "greet"]), Some(0));
    // Whoever goes on mends it first; whoever goes back need not.
    assert_eq!(said(&["promote", "greet", "1.1.0", "--to", "production"]), Some(2));
    assert_eq!(said(&["abort", "greet", "--reason", "Wrong"]), Some(0));
    assert_eq!(look(&["snapshot"]), Some(0));
    assert_eq!(look(&["snapshot", "greet"]), Some(0));
    // What a registered text says is no draft's matter: it is frozen, and an experiment may serve it.
    sandbox.write("prompts/greet/v9.0.0.txt", "Hi {name}\n");
    done(&sandbox, &["register", "greet", "v9.0.0", "-m", "Shorter"]);
    sandbox.write("prompts/greet/v9.0.0.txt", "Greet {name} in a {mood} mood.\n");
    assert_eq!(look(&["resolve", "greet"]), Some(2));
    // A mistake in what is live is another matter.
    sandbox.write("prompts/greet/v1.0.0.txt", "Greet {name} in a {mood} mood.\n");
    assert_eq!(look(&["resolve", "greet"]), Some(2));
    assert_eq!(look(&["snapshot"]), Some(2));
}

#[test]
fn a_draft_under_a_name_that_is_not_read_is_in_the_way_of_nobody_who_goes_back() {
    let sandbox = with_a_canary_and_a_draft_with_a_mistake("lifecycle: {evidence_for: []}\n");
    let draft = sandbox.path("prompts/greet/v9.0.0.txt");
    for name in ["v2.0.txt", "v1.2.3.4.txt"] {
        fs::rename(&draft, sandbox.path(&format!("prompts/greet/{name}"))).unwrap();
        let seen = sandbox.run(&["resolve", "greet"]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        assert!(seen.stderr.starts_with("warning: ") && seen.stderr.contains(name), "{}", seen.shown());
        fs::rename(sandbox.path(&format!("prompts/greet/{name}")), &draft).unwrap();
    }
    fs::rename(&draft, sandbox.path("prompts/greet/v2.0.txt")).unwrap();
    let aborted = by_ada(&sandbox, &["abort", "greet", "--reason", "Wrong"]);
    assert_eq!(aborted.code, Some(0), "{}", aborted.shown());
    // Of a version that the ledger knows it is no draft's matter.
    fs::rename(sandbox.path("prompts/greet/v2.0.txt"), sandbox.path("prompts/greet/v1.0.txt")).unwrap();
    assert_eq!(sandbox.run(&["resolve", "greet"]).code, Some(2));
}

#[test]
fn what_becomes_of_a_canarys_users_is_recorded_and_looked_at_beside_a_draft_with_a_mistake() {
    let sandbox = with_a_canary_and_a_draft_with_a_mistake(
        "lifecycle: {evidence_for: [], guardrails: [error], max_failure_rate: 0.1}\nstore: ../data/canary.db\n",
    );
    let told = |arguments: &[&str]| {
        let seen = sandbox.run(arguments);
        assert!(seen.stderr.contains("warning: v9.0.0 uses `mood`"), "{}", seen.shown());
        seen.code
    };
    assert_eq!(told(&["expose", "--canary", "greet", "u1"]), Some(0));
    assert_eq!(told(&["record", "--canary", "greet", "u1", "error", "1"]), Some(0));
    assert_eq!(told(&["canary", "check", "greet"]), Some(3));
    // The same for an experiment's, which is started while all is sound.
    fs::remove_file(sandbox.path("prompts/greet/v9.0.0.txt")).unwrap();
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    sandbox.write("prompts/greet/v9.0.0.txt", "Greet {name} in a {mood} mood.\n");
    for command in
        [&["expose", "trial", "u1"][..], &["record", "trial", "u1", "resolved", "1"], &["analyze", "trial"]]
    {
        let seen = sandbox.run(command);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
}

#[test]
fn a_rollback_leads_back_beside_a_draft_with_a_mistake_and_an_interrupted_one_is_finished() {
    let sandbox = sandbox("lifecycle: {evidence_for: [], canary: optional}\n");
    for command in [
        &["adopt", "greet", "1.0.0"][..],
        &["promote", "greet", "1.1.0", "--to", "testing"],
        &["canary", "greet", "1.1.0", "--percent", "50"],
        &["promote", "greet", "1.1.0", "--to", "production", "--reason", "Looked at"],
    ] {
        done(&sandbox, command);
    }
    let promoted = sandbox.read("prompts/greet/prompt.yaml");
    sandbox.write("prompts/greet/v9.0.0.txt", "Greet {name} in a {mood} mood.\n");
    let back = by_ada(&sandbox, &["rollback", "greet", "--reason", "Wrong"]);
    assert_eq!(back.code, Some(0), "{}", back.shown());
    assert!(back.stderr.contains("`mood`"), "{}", back.shown());
    assert!(back.stdout.contains("`active_version` is v1.0.0"), "{}", back.shown());
    let served = sandbox.run(&["resolve", "greet"]);
    assert_eq!((served.code, served.stdout.contains("1.0.0")), (Some(0), true), "{}", served.shown());
    // `active_version` may be behind after a crash: `repair` lets it follow beside the draft as well.
    sandbox.write("prompts/greet/prompt.yaml", &promoted);
    let repaired = sandbox.run(&["repair", "greet"]);
    assert_eq!(repaired.code, Some(0), "{}", repaired.shown());
    assert_eq!(sandbox.run(&["resolve", "greet"]).code, Some(0));
    let aside = by_ada(&sandbox, &["deprecate", "greet", "1.0.0", "--reason", "Over"]);
    assert_eq!(aside.code, Some(0), "{}", aside.shown());
    // `active_version` names it still; nobody is served.
    fs::remove_file(sandbox.path("prompts/greet/v9.0.0.txt")).unwrap();
    assert_snapshot!("set_aside", session(&sandbox, &[&["list"], &["render", "greet", "--var", "name=Ada"]]));
    assert_eq!(sandbox.json(&["list"])["prompts"][0]["active_stage"], "deprecated");
    let named = sandbox.run(&["render", "greet", "v1.0.0", "--var", "name=Ada"]);
    assert_eq!((named.code, named.stderr.as_str()), (Some(0), ""), "{}", named.shown());
}
