//! What is read from a ledger: status, history, blame, verify, resolve, snapshots.

use insta::assert_snapshot;
use promptassay_registry::digest::Digest;

use super::{RECORDED, clean, done, head, sandbox, session, tested};
use crate::sandbox::Sandbox;

const LEDGER: &str = "prompts/greet/lifecycle.jsonl";

fn with_canary() -> Sandbox {
    let sandbox = tested(RECORDED);
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest"]);
    sandbox
}

#[test]
fn any_line_that_was_touched_is_found() {
    let sandbox = with_canary();
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest"]);
    let text = sandbox.read(LEDGER);
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        for position in [0, line.len() / 3, line.len() / 2, line.len() - 2, line.len() - 1] {
            let mut bytes = text.clone().into_bytes();
            bytes[start + position] ^= 1;
            sandbox.write(LEDGER, bytes);
            let seen = sandbox.run(&["verify", "greet"]);
            assert_eq!(seen.code, Some(1), "line {}, byte {position}\n{}", index + 1, seen.shown());
            assert!(seen.stdout.contains("NOT SOUND"), "{}", seen.shown());
        }
        start += line.len();
    }
    sandbox.write(LEDGER, &text);
    assert_eq!(sandbox.run(&["verify", "greet"]).code, Some(0));
}

#[test]
fn tampering_is_named_with_its_line() {
    let sandbox = with_canary();
    let (text, seen) = (sandbox.read(LEDGER), head(&sandbox));
    sandbox.edit(LEDGER, "Live since spring", "Live since summer");
    assert_snapshot!(
        "changed",
        session(
            &sandbox,
            &[&["verify"], &["check"], &["status"], &["history", "greet"], &["resolve", "greet"]]
        )
    );
    let first: String = text.split_inclusive('\n').take(1).collect();
    sandbox.write(LEDGER, first);
    let short: &[&str] = &["verify", "greet", "--expect-head", &seen[..12]];
    let cut = sandbox.run(short);
    assert_eq!(cut.code, Some(1), "{}", cut.shown());
    assert_snapshot!("cut", clean(&sandbox, &cut.stderr.replace(&seen[..12], "[SHORT]")));
    // Without the head nobody can tell.
    assert_eq!(sandbox.run(&["verify"]).code, Some(0));
    std::fs::remove_file(sandbox.path(LEDGER)).unwrap();
    assert_eq!(sandbox.run(short).code, Some(1));
    assert_snapshot!(
        "gone",
        session(
            &sandbox,
            &[
                &["verify"],
                &["verify", "greet"],
                &["verify", "gret"],
                &["verify", "--expect-head", "00000000"],
                &["verify", "greet", "--expect-head", "0"],
            ]
        )
    );
}

/// Whoever asks for all prompts hears of what could not be looked at, and of the others as well.
#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_not_passed_over() {
    let every: &[&[&str]] = &[&["verify"], &["status"], &["blame"]];
    let sandbox = with_canary();
    std::os::unix::fs::symlink("other", sandbox.path("prompts/other")).unwrap();
    assert_snapshot!("a_prompt_that_cannot_be_read", session(&sandbox, every));
    std::fs::remove_file(sandbox.path("prompts/other")).unwrap();
    std::fs::remove_file(sandbox.path(LEDGER)).unwrap();
    std::os::unix::fs::symlink("lifecycle.jsonl", sandbox.path(LEDGER)).unwrap();
    assert_snapshot!(
        "a_ledger_that_cannot_be_read",
        session(&sandbox, &[every, &[&["resolve", "greet"], &["history", "greet"], &["check"]]].concat())
    );
}

#[test]
fn a_ledger_that_git_left_with_a_conflict_or_that_a_newer_program_wrote_says_so() {
    let sandbox = with_canary();
    let text = sandbox.read(LEDGER);
    sandbox.write(LEDGER, format!("<<<<<<< HEAD\n{text}"));
    let conflict = sandbox.run(&["verify"]).stderr;
    sandbox.write(LEDGER, text.replacen("\"action\":\"transition\"", "\"action\":\"approve\"", 1));
    let newer = sandbox.run(&["verify"]).stderr;
    assert_snapshot!(clean(&sandbox, &format!("{conflict}\n{newer}")));
}

#[test]
fn the_same_user_is_served_the_same_version() {
    let sandbox = with_canary();
    let resolve = |unit: &str| sandbox.json(&["resolve", "greet", "--unit", unit]);
    // The salt is drawn: of twelve users all may have the same version.
    let mut versions: Vec<String> = Vec::new();
    let is_seen = |versions: &[String], version: &str| versions.iter().any(|seen| seen == version);
    while versions.len() < 12 || !(is_seen(&versions, "1.0.0") && is_seen(&versions, "1.1.0")) {
        assert!(versions.len() < 200, "{versions:?}");
        let served = resolve(&format!("user-{}", versions.len()));
        versions.push(served["version"].as_str().unwrap().to_owned());
    }
    // A wider share moves nobody back.
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "90"]);
    for (unit, before) in versions.iter().enumerate() {
        let now = resolve(&format!("user-{unit}"));
        assert!(now["version"] == "1.1.0" || (before == "1.0.0" && now["version"] == "1.0.0"));
        assert_eq!(now["text"], format!("{{name}} {{tone}} {}\n", now["version"].as_str().unwrap()));
    }
    assert_snapshot!(session(
        &sandbox,
        &[&["resolve", "greet"], &["resolve", "greet", "--at", "2020-01-01T00:00:00Z"], &["resolve", "gret"],]
    ));
}

#[test]
fn nothing_is_guessed() {
    let sandbox = sandbox(RECORDED);
    let resolved = sandbox.json(&["resolve", "greet"]);
    assert_eq!(
        (&resolved["decision"]["by"], &resolved["template_format"]),
        (&"active_version".into(), &"format".into())
    );
    sandbox.edit("prompts/greet/prompt.yaml", "v1.0.0 ", "latest ");
    let latest = session(&sandbox, &[&["resolve", "greet"]]);
    done(&sandbox, &["promote", "greet", "1.1.0", "--to", "testing"]);
    sandbox.edit("prompts/greet/prompt.yaml", "latest ", "v1.0.0 ");
    let nothing = session(&sandbox, &[&["resolve", "greet"], &["snapshot"], &["check"]]);
    assert_snapshot!(latest + "\n" + &nothing);
}

#[test]
fn a_snapshot_serves_the_same_without_the_repository() {
    let sandbox = with_canary();
    let written = sandbox.json(&["snapshot", "--output", "dist.json"]);
    assert_eq!(written["prompts"], 1);
    for unit in 0..8 {
        let unit = format!("user-{unit}");
        let here = sandbox.json(&["resolve", "greet", "--unit", &unit]);
        let there = sandbox.json(&[
            "resolve",
            "greet",
            "--unit",
            &unit,
            "--snapshot",
            "dist.json",
            "--prompts",
            "nowhere",
        ]);
        assert_eq!(here, there);
    }
    assert_eq!(sandbox.run(&["snapshot", "greet"]).code, Some(0));
    let shown = session(&sandbox, &[&["resolve", "gret", "--snapshot", "dist.json"]]);
    sandbox.edit("dist.json", "1.1.0", "1.1.1");
    let changed = session(
        &sandbox,
        &[
            &["resolve", "greet", "--snapshot", "dist.json"],
            &["resolve", "greet", "--snapshot", "prompts/registry.yaml"],
            &["snapshot", "gret"],
        ],
    );
    assert_snapshot!(shown + "\n" + &changed);
    let before = sandbox.read("prompts/greet/v1.0.0.txt");
    let refused = sandbox.run(&["snapshot", "--output", "prompts/greet/v1.0.0.txt"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert_eq!(sandbox.read("prompts/greet/v1.0.0.txt"), before);
}

#[test]
fn a_running_experiment_decides_first() {
    let sandbox = with_canary();
    let experiment = |start: &str, exposure: &str| {
        format!(
            "schema: 1\nname: tones\nvariants:\n  - {{name: control, version: v1.0.0, weight: 1}}\n  - {{name: treatment, version: v1.2.0, weight: 1}}\nscheme: sha256-u64-v2\nseed: 000102030405060708090a0b0c0d0e0f\nexposure: {exposure}\nmetrics:\n  happy: {{kind: binary, role: success, direction: higher}}\nstart: {start}\nend: 2099-01-01T00:00:00Z\n"
        )
    };
    let file = "prompts/greet/experiments/tones.yaml";
    let by = |unit: &str| {
        let answer = sandbox.json(&["resolve", "greet", "--unit", unit]);
        (
            answer["decision"]["by"].as_str().unwrap().to_owned(),
            answer["version"].as_str().unwrap().to_owned(),
        )
    };
    sandbox.write(file, experiment("2026-01-01T00:00:00Z", "1.0"));
    let units: Vec<String> = (0..12).map(|unit| format!("user-{unit}")).collect();
    let versions: Vec<String> = units
        .iter()
        .map(|unit| {
            let (decided, version) = by(unit);
            assert_eq!(decided, "experiment");
            version
        })
        .collect();
    assert!(
        versions.iter().any(|version| version == "1.2.0")
            && versions.iter().any(|version| version == "1.0.0")
    );
    // It says the same as the experiment itself.
    let assigned = sandbox.run(&["assign", "tones", "user-0"]).stdout;
    assert_eq!(assigned.contains("treatment"), versions[0] == "1.2.0");
    assert_snapshot!(session(&sandbox, &[&["resolve", "greet", "--unit", "user-0"], &["resolve", "greet"]]));
    // Before it begins, and for whoever takes no part, the canary decides.
    sandbox.write(file, experiment("2098-01-01T00:00:00Z", "1.0"));
    assert_eq!(by("user-0").0, "bucket");
    sandbox.write(file, experiment("2026-01-01T00:00:00Z", "0.0"));
    assert_eq!(by("user-0").0, "bucket");
    // Nobody knows whether a broken one runs.
    sandbox.edit(file, "weight: 1", "weihgt: 1");
    assert_eq!(sandbox.run(&["resolve", "greet", "--unit", "user-0"]).code, Some(2));
}

#[test]
fn what_was_live_is_answered_from_the_ledger() {
    let sandbox = with_canary();
    assert_snapshot!(session(
        &sandbox,
        &[
            &["blame", "greet", "--at", "2099-01-01T00:00:00Z"],
            &["blame", "greet", "--at", "2020-01-01T00:00:00Z"],
            &["blame", "gret", "--at", "2020-01-01T00:00:00Z"],
            &["blame", "greet", "--at", "yesterday"],
            &["blame", "greet"],
        ]
    ));
    let blamed = sandbox.json(&["blame", "--at", "2099-01-01T00:00:00Z"]);
    assert_eq!(
        (&blamed[0]["production"]["version"], &blamed[0]["canary"]["version"]),
        (&"1.0.0".into(), &"1.1.0".into())
    );
}

#[test]
fn the_log_and_the_text_of_a_version_tell_its_stage() {
    let sandbox = with_canary();
    done(&sandbox, &["archive", "greet", "1.2.0", "--reason", "Unused"]);
    let log = sandbox.run(&["log", "greet"]);
    let states = |stdout: &str| -> Vec<String> {
        let entries = stdout.lines().filter(|line| line.starts_with("v1"));
        entries.map(|line| clean(&sandbox, line)).collect()
    };
    assert_snapshot!(states(&log.stdout).join("\n"), @"
    v1.2.0  [SHORT]  registered, archived
    v1.1.0  [SHORT]  registered, canary
    v1.0.0  [SHORT]  registered, production
    ");
    let shown = sandbox.run(&["show", "greet", "1.2.0"]);
    assert_eq!(states(&shown.stdout), ["v1.2.0  registered, archived"]);
    let json = sandbox.json(&["log", "greet"]);
    assert_eq!(json["versions"][0]["stage"], "archived");
    // What is wrong with the ledger is said, and hides nothing else.
    sandbox.edit(LEDGER, "Unused", "unused");
    let seen = sandbox.run(&["log", "greet"]);
    assert_snapshot!(clean(&sandbox, &seen.shown()), @"
    --- stdout
    v1.2.0  [SHORT]  registered
      when      [TIME]
      who       Ada

    v1.1.0  [SHORT]  registered
      when      [TIME]
      who       Ada

    v1.0.0  [SHORT]  registered, active
      when      [TIME]
      who       Ada
      why       Live since spring
    --- stderr
    error: the content of this line does not fit its hash: it was changed after it was written
     --> prompts/greet/lifecycle.jsonl:5:1
      = help: nothing changes a ledger but promptassay: `git log -p` shows who did; restore it with git
    --- exit 2
    ");
}

#[test]
fn the_json_of_every_command_is_a_document() {
    let sandbox = with_canary();
    let shown: Vec<String> = [
        &["status"][..],
        &["status", "greet"],
        &["history", "greet"],
        &["blame", "--at", "2099-01-01T00:00:00Z"],
        &["verify"],
        &["repair", "greet"],
        &["resolve", "greet", "--unit", "a"],
        &["abort", "greet", "--reason", "x", "--by", "Ada"],
    ]
    .iter()
    .map(|command| {
        let (long, short) = (&["--format", "json"][..], &["--json"][..]);
        let form = if command[0] == "abort" { long } else { short };
        let seen = sandbox.run(&[*command, form].concat());
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{command:?}");
        let value: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
        format!("$ {}\n{}", command.join(" "), serde_json::to_string_pretty(&value).unwrap())
    })
    .collect();
    let text = clean(&sandbox, &shown.join("\n"));
    let bucket =
        regex::Regex::new("\"bucket\": \\d+").unwrap().replace_all(&text, "\"bucket\": 0").into_owned();
    // Which of the two it is depends on the salt, which depends on the time.
    let (others, _) = bucket.split_once("$ resolve").unwrap();
    let (_, abort) = bucket.split_once("$ abort").unwrap();
    assert_snapshot!(format!("{others}$ abort{abort}"));
}

#[test]
fn a_text_that_the_ledger_knows_otherwise_is_neither_rendered_nor_judged() {
    let sandbox = tested(RECORDED);
    let (before, forged) = ("{name} {tone} 1.1.0\n", "{name} {tone}, forged\n");
    sandbox.edit("prompts/greet/v1.1.0.txt", before, forged);
    let digest = |text: &str| Digest::of(text).to_string();
    sandbox.edit("prompts/greet/prompt.lock", &digest(before), &digest(forged));
    let shown = session(
        &sandbox,
        &[
            &["render", "greet", "1.1.0", "--var", "name=Ada"],
            &["check", "greet", "--quiet"],
            &["eval", "greet", "--offline", "--candidate", "1.1.0"],
        ],
    );
    assert_snapshot!(shown);
    assert_eq!(sandbox.run(&["render", "greet", "1.2.0", "--var", "name=Ada"]).code, Some(0));
}

#[test]
fn a_snapshot_of_all_leaves_out_what_is_not_live() {
    let sandbox = sandbox("");
    sandbox.write("prompts/young/prompt.yaml", "name: young\n");
    sandbox.write("prompts/young/v0.1.0.txt", "Hello\n");
    done(&sandbox, &["adopt", "greet", "1.0.0"]);
    done(&sandbox, &["promote", "young", "0.1.0", "--to", "testing"]);
    assert_snapshot!(session(
        &sandbox,
        &[&["snapshot", "-o", "all.json"], &["snapshot", "young", "-o", "one.json"]]
    ));
    assert!(sandbox.read("all.json").contains("\"greet\"") && !sandbox.read("all.json").contains("young"));
    assert!(!sandbox.path("one.json").exists());
    std::fs::remove_dir_all(sandbox.path("prompts/greet")).unwrap();
    let seen = sandbox.run(&["snapshot"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
}
