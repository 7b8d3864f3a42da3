//! Kept runs: reported again, resumed, judged anew, listed, removed.

mod offered;
mod renamed;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use promptassay_registry::files::DirectoryLock;
use regex::Regex;

use crate::sandbox::Sandbox;

const SUITE: &str = "\
repeat: 2
validators:
  - max_words: 3
cases:
  - {name: one, inputs: {name: Ada}, expected: {polite: true}}
  - {name: two, inputs: {name: Bob}, expected: {polite: true}}
  - {name: three, inputs: {name: Cy}, expected: {polite: true}}
";

/// Three cases, two repeats, one reply that is too long.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
    let mut replies = String::new();
    for (case, repeat, text) in [
        ("one", 1, "Thank you"),
        ("one", 2, "Thanks"),
        ("two", 1, "Thank you"),
        ("two", 2, "Thank you so very much"),
        ("three", 1, "Please"),
        ("three", 2, "Please"),
    ] {
        let row = serde_json::json!({
            "case": case, "version": "1.0.0", "model": "default", "repeat": repeat,
            "text": text, "finish_reason": "stop", "source": "hand",
        });
        writeln!(replies, "{row}").unwrap();
    }
    sandbox.write("replies/greet.jsonl", replies);
    sandbox
}

/// The directories of all runs, oldest first.
fn runs(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> =
        fs::read_dir(sandbox.path(".promptassay/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

fn clean(sandbox: &Sandbox, text: &str) -> String {
    let text = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap().replace_all(text, "[RUN]").into_owned();
    let text = Regex::new(r"20\d\d-\d\d-\d\dT[0-9:.]+Z").unwrap().replace_all(&text, "[TIME]").into_owned();
    let text =
        Regex::new(r"\b[0-9a-f]{8}-[0-9a-f]{4}\b").unwrap().replace_all(&text, "[RUN-SHORT--]").into_owned();
    let text = Regex::new(r"20\d\d-\d\d-\d\d \d\d:\d\d")
        .unwrap()
        .replace_all(&text, "[TIME-TO-MINUTE]")
        .into_owned();
    sandbox.clean(&text)
}

fn session(sandbox: &Sandbox, commands: &[&[&str]]) -> String {
    clean(sandbox, &sandbox.session(commands))
}

#[test]
fn what_cannot_be_wanted_together_is_refused_with_what_can() {
    let sandbox = sandbox();
    let shown = session(
        &sandbox,
        &[
            &["eval", "greet", "--resume"],
            &["eval", "--resume", "greet"],
            &["eval", "--resume", "latest", "--case", "a", "--tag", "b"],
            &["eval", "--resume", "--shard", "1/2", "--dry-run"],
            &["eval", "--timeout", "0s"],
            &["eval", "--deadline", "0ms"],
            &["eval", "--max-time", "0m"],
        ],
    );
    assert_snapshot!(shown);
}

#[test]
fn a_run_is_reported_again_with_the_same_bytes() {
    let sandbox = sandbox();
    for format in ["human", "json"] {
        let first = sandbox.run(&["eval", "--offline", "--format", format, "--junit", "first.xml"]);
        let again = sandbox.run(&["report", "--format", format, "--junit", "again.xml"]);
        assert_eq!(first.code, Some(1), "{}", first.shown());
        assert_eq!((again.code, again.stdout), (first.code, first.stdout));
        assert_eq!(sandbox.read("first.xml"), sandbox.read("again.xml"));
    }
}

#[test]
fn git_ignores_what_is_kept() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(1));
    let ignored = ".promptassay/.gitignore";
    assert_snapshot!(sandbox.read(ignored), @r"
    # Written by promptassay: runs and the cache hold what models said. Remove this file to commit them.
    *
    ");
    // What somebody wrote there stays, and runs that are kept elsewhere are none of its business.
    sandbox.write(ignored, "cache/\n");
    sandbox.run(&["eval", "--offline"]);
    assert_eq!(sandbox.read(ignored), "cache/\n");
    let elsewhere = self::sandbox();
    elsewhere.run(&["eval", "--offline", "--runs", "kept"]);
    assert!(elsewhere.path("kept").is_dir());
    assert!(!elsewhere.path(".promptassay").exists());
}

#[test]
fn a_journal_in_another_order_and_with_a_torn_end_reports_the_same() {
    let sandbox = sandbox();
    let first = sandbox.run(&["eval", "--offline", "--format", "json"]);
    let journal = runs(&sandbox)[0].join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.len() - 1;
    lines[1..last].reverse();
    fs::write(&journal, format!("{}\n{{\"trial_fin", lines.join("\n"))).unwrap();
    let again = sandbox.run(&["report", "--format", "json"]);
    assert_eq!((again.code, again.stdout), (first.code, first.stdout));
}

#[test]
fn a_cut_journal_is_resumed_and_only_what_lacks_is_asked() {
    let sandbox = sandbox();
    let whole = sandbox.run(&["eval", "--offline", "--format", "json"]);
    let journal = runs(&sandbox)[0].join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&journal, format!("{}\n{}", lines[..4].join("\n"), &lines[4][..40])).unwrap();
    assert_snapshot!(session(&sandbox, &[&["runs", "list"], &["report"]]));
    let resumed = sandbox.run(&["eval", "--offline", "--resume"]);
    assert!(resumed.stderr.contains("its 40 bytes are dropped"), "{}", resumed.shown());
    let again = sandbox.run(&["report", "--format", "json"]);
    assert_eq!((again.code, again.stdout), (whole.code, whole.stdout));
    let text = fs::read_to_string(&journal).unwrap();
    let trials = |text: &str| text.lines().filter(|line| line.contains("trial_finished")).count();
    assert_eq!(trials(&text), 6, "{text}");
    // Nothing is left, so nothing is asked.
    assert_eq!(sandbox.run(&["eval", "--offline", "--resume"]).code, Some(1));
    assert_eq!(trials(&fs::read_to_string(&journal).unwrap()), 6);
}

#[test]
fn errors_are_asked_again_and_failures_are_not() {
    let sandbox = sandbox();
    let replies = sandbox.read("replies/greet.jsonl");
    let without: String = replies.lines().skip(1).fold(String::new(), |text, line| text + line + "\n");
    sandbox.write("replies/greet.jsonl", without);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(4));
    sandbox.write("replies/greet.jsonl", replies);
    let resumed = sandbox.run(&["eval", "--offline", "--resume"]);
    assert_eq!(resumed.code, Some(1), "{}", resumed.shown());
    let text = fs::read_to_string(runs(&sandbox)[0].join("events.jsonl")).unwrap();
    assert!(text.contains("{\"run_started\":{\"trials\":1}}"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("trial_finished")).count(), 7);
}

#[test]
fn a_plan_that_changed_is_refused_by_name() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 3", "max_words: 4");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "repeat: 2", "repeat: 3");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "name: three", "name: four");
    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "Welcome");
    sandbox.edit("prompts/registry.yaml", "gpt-6-luna", "gpt-6-sol");
    assert_snapshot!(session(&sandbox, &[&["eval", "--offline", "--resume"]]));
    // A comment is no change.
    let sandbox = self::sandbox();
    sandbox.run(&["eval", "--offline"]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "# all of them\ncases:");
    assert_eq!(sandbox.run(&["eval", "--offline", "--resume"]).code, Some(1));
}

#[test]
fn a_run_of_another_route_is_gone_on_with_by_nothing() {
    let sandbox = sandbox();
    sandbox.edit("prompts/registry.yaml", "gpt-6-luna", "gpt-6-luna, headers: {X-Route: first-route}");
    sandbox.run(&["eval", "--offline"]);
    assert_eq!(sandbox.run(&["report"]).code, Some(1));
    sandbox.edit("prompts/registry.yaml", "first-route", "second-route");
    for command in [&["eval", "--offline", "--resume"][..], &["rescore"], &["report"]] {
        let seen = sandbox.run(command);
        assert_eq!(seen.code, Some(2), "{command:?} {}", seen.shown());
        assert!(seen.stderr.contains("the settings of v1.0.0 on default: headers"), "{}", seen.shown());
    }
    let kept = fs::read_to_string(runs(&sandbox)[0].join("run.json")).unwrap();
    assert!(!kept.contains("-route"), "{kept}");
}

#[test]
fn answers_are_judged_anew_with_the_suite_of_today() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(1));
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 3", "max_words: 5");
    assert_eq!(sandbox.run(&["report"]).code, Some(2));
    assert_snapshot!(session(&sandbox, &[&["rescore"], &["runs", "list"]]));
    // The first run is as it was.
    let first = runs(&sandbox)[0].file_name().unwrap().to_str().unwrap().to_owned();
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 5", "max_words: 3");
    assert_eq!(sandbox.run(&["report", &first]).code, Some(1));
    // Another question has no answer, and another text was never asked.
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "name: Cy", "name: Cyrus");
    let seen = sandbox.run(&["rescore", &first]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert_snapshot!("an_answer_is_missing", clean(&sandbox, &seen.shown()));
    assert_eq!(sandbox.json(&["runs", "show"])["state"], "answers are missing");
    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "Welcome");
    let seen = sandbox.run(&["rescore", &first]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("greet: the text of v1.0.0"), "{}", seen.shown());
}

#[test]
fn one_case_is_no_cases() {
    let sandbox = sandbox();
    for other in ["two", "three"] {
        let case = SUITE.lines().find(|line| line.contains(other)).unwrap();
        sandbox.edit("prompts/greet/tests/test_cases.yaml", &format!("{case}\n"), "");
    }
    sandbox.run(&["eval", "--offline"]);
    for (command, shown) in
        [(["runs", "show"], "greet   1 case × 2 "), (["baseline", "bless"], "default: 1 case, pass rate")]
    {
        let seen = sandbox.run(&command);
        assert!(seen.code == Some(0) && seen.stdout.contains(shown), "{}", seen.shown());
    }
}

#[test]
fn runs_are_listed_shown_and_removed() {
    let sandbox = sandbox();
    assert_snapshot!(session(&sandbox, &[&["runs", "list"], &["runs", "show"], &["report"]]));
    sandbox.run(&["eval", "--offline"]);
    sandbox.run(&["eval", "--offline"]);
    assert_snapshot!(session(&sandbox, &[&["runs", "list"], &["runs", "show"], &["runs", "rm", "0"]]));
    let listed = sandbox.json(&["runs", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let first = listed[0]["id"].as_str().unwrap();
    assert_eq!(listed[0]["state"], "complete");
    assert_eq!(sandbox.run(&["runs", "rm", first]).code, Some(0));
    assert_eq!(sandbox.json(&["runs", "list"])[0]["id"], listed[1]["id"]);
    assert_eq!(runs(&sandbox).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_run_that_cannot_be_read_is_the_latest_all_the_same() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    sandbox.run(&["eval", "--offline"]);
    let latest = runs(&sandbox).pop().unwrap().join("run.json");
    fs::remove_file(&latest).unwrap();
    std::os::unix::fs::symlink("run.json", &latest).unwrap();
    let listed = sandbox.run(&["runs", "list"]);
    assert!(listed.stderr.contains("run.json"), "{}", listed.shown());
    for arguments in [&["report"][..], &["baseline", "bless"]] {
        let seen = sandbox.run(arguments);
        assert!(seen.code == Some(2) && seen.stdout.is_empty(), "{}", seen.shown());
    }
}

#[test]
fn a_run_of_another_place_is_found_by_its_directory() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline", "--runs", "elsewhere"]);
    assert!(!sandbox.path(".promptassay/runs").exists());
    let directory = fs::read_dir(sandbox.path("elsewhere")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(sandbox.run(&["report", directory.to_str().unwrap()]).code, Some(1));
    assert_eq!(sandbox.run(&["report", "--runs", "elsewhere"]).code, Some(1));
}

#[test]
fn a_damaged_journal_is_an_error_with_its_line() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let journal = runs(&sandbox)[0].join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replacen("trial_finished", "trial_funished", 1)).unwrap();
    let seen = sandbox.run(&["report"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.contains("line 2 of `"), "{}", seen.shown());
}

/// Twelve cases, of which every fourth is not polite, evaluated in so many shards, each in a directory of its own.
fn sharded(count: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut suite = "cases:\n".to_owned();
    let mut replies = String::new();
    for case in 0..12 {
        writeln!(suite, "  - {{name: c{case}, inputs: {{name: N{case}}}, expected: {{polite: true}}}}")
            .unwrap();
        let text = if case % 4 == 0 { "No" } else { "Thanks" };
        let row = serde_json::json!({
            "case": format!("c{case}"), "version": "1.0.0", "model": "default", "repeat": 1,
            "text": text, "finish_reason": "stop", "source": "hand",
        });
        writeln!(replies, "{row}").unwrap();
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", replies);
    for shard in 1..=count {
        let (part, runs) = (format!("{shard}/{count}"), format!("machine{shard}"));
        let seen = sandbox.run(&["eval", "--offline", "--shard", &part, "--runs", &runs]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        assert!(seen.stdout.starts_with(&format!("shard {part}   4 of 4")), "{}", seen.shown());
    }
    sandbox
}

/// The one run in a directory.
fn only(sandbox: &Sandbox, directory: &str) -> String {
    let entry = fs::read_dir(sandbox.path(directory)).unwrap().next().unwrap().unwrap();
    format!("{directory}/{}", entry.file_name().to_str().unwrap())
}

#[test]
fn merged_shards_report_what_the_whole_run_reports() {
    let sandbox = sharded(3);
    let whole = sandbox.run(&["eval", "--offline", "--format", "json", "--junit", "whole.xml"]);
    assert_eq!(whole.code, Some(1), "{}", whole.shown());
    let [one, two, three] = ["machine1", "machine2", "machine3"].map(|directory| only(&sandbox, directory));
    let merged = sandbox.run(&["merge", &three, &one, &two, "--format", "json", "--junit", "merged.xml"]);
    assert_eq!(
        (merged.code, merged.stdout.as_str()),
        (whole.code, whole.stdout.as_str()),
        "{}",
        merged.stderr
    );
    let without_date = |file: &str| {
        Regex::new(r#" timestamp="[^"]*""#).unwrap().replace_all(&sandbox.read(file), "").into_owned()
    };
    assert_eq!(without_date("merged.xml"), without_date("whole.xml"));
    // The merged run is a run like any other.
    let again = sandbox.run(&["report", "--format", "json"]);
    assert_eq!((again.code, again.stdout), (whole.code, whole.stdout));
}

#[test]
fn shards_that_make_no_whole_are_refused_by_name() {
    let sandbox = sharded(3);
    let [one, two, three] = ["machine1", "machine2", "machine3"].map(|directory| only(&sandbox, directory));
    assert_snapshot!(clean(&sandbox, &sandbox.run(&["merge", &one, &three]).shown()));
    assert_snapshot!(clean(&sandbox, &sandbox.run(&["merge", &one, &three, &one]).shown()));
    sandbox.run(&["eval", "--offline"]);
    assert_snapshot!(clean(&sandbox, &sandbox.run(&["merge", "latest"]).shown()));
    // One machine had other files.
    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "Welcome");
    assert_eq!(sandbox.run(&["eval", "--offline", "--shard", "2/3", "--runs", "other"]).code, Some(0));
    let other = only(&sandbox, "other");
    assert_snapshot!(clean(&sandbox, &sandbox.run(&["merge", &one, &other, &three]).shown()));
    assert_snapshot!(clean(&sandbox, &sandbox.run(&["merge", &one, &two, &three]).shown()));
}

#[test]
fn a_shard_has_no_verdict_and_goes_on_where_it_was() {
    let sandbox = sharded(3);
    let journal = sandbox.path(&only(&sandbox, "machine1")).join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.lines().take(3).fold(String::new(), |text, line| text + line + "\n")).unwrap();
    let [one, two, three] = ["machine1", "machine2", "machine3"].map(|directory| only(&sandbox, directory));
    let seen = sandbox.run(&["report", &one]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.starts_with("shard 1/3   2 of 4"), "{}", seen.shown());
    assert_eq!(sandbox.run(&["merge", &one, &two, &three]).code, Some(4));
    let seen = sandbox.run(&["eval", "--offline", "--resume", &one]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_eq!(sandbox.run(&["merge", &one, &two, &three]).code, Some(1));
    assert_eq!(sandbox.run(&["eval", "--offline", "--shard", "1/3", "--junit", "x.xml"]).code, Some(2));
    assert_eq!(sandbox.run(&["report", &one, "--junit", "x.xml"]).code, Some(2));
}

/// A run of which only the first trials are left, as if it had been killed.
fn cut(run: &Path) -> String {
    let journal = run.join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let cut: Vec<&str> = text.lines().take(3).collect();
    fs::write(&journal, cut.join("\n") + "\n").unwrap();
    run.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn resume_without_a_name_goes_on_with_no_older_run_than_the_latest() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let first = runs(&sandbox)[0].clone();
    let id = cut(&first);
    sandbox.run(&["eval", "--offline"]);
    // The copy that judges answers anew asks for none, though it is the youngest.
    sandbox.run(&["rescore"]);
    let before = fs::read_to_string(first.join("events.jsonl")).unwrap();
    assert_snapshot!(session(&sandbox, &[&["eval", "--offline", "--resume"]]));
    assert_eq!(fs::read_to_string(first.join("events.jsonl")).unwrap(), before);
    let named = sandbox.run(&["eval", "--offline", "--resume", &id]);
    assert_eq!(named.code, Some(1), "{}", named.shown());
    assert!(
        named.stderr.contains(&id) && named.stderr.contains("4 of 6 questions left"),
        "{}",
        named.shown()
    );
    // Now every run has come to its end: the latest is reported.
    let nothing = sandbox.run(&["eval", "--offline", "--resume"]);
    assert!(nothing.stderr.contains("nothing was left"), "{}", nothing.shown());
}

#[test]
fn of_shards_in_one_directory_the_one_that_was_cut_short_goes_on() {
    let sandbox = sandbox();
    let shard = |shard: &str, runs: &str| {
        sandbox.run(&["eval", "--offline", "--shard", shard, "--runs", runs]);
        let mut all: Vec<PathBuf> =
            fs::read_dir(sandbox.path(runs)).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all.pop().unwrap()
    };
    let first = cut(&shard("1/2", "shards"));
    shard("2/2", "shards");
    let resumed = sandbox.run(&["eval", "--offline", "--resume", "--runs", "shards"]);
    assert!(resumed.stderr.contains(&format!("goes on with run {first}")), "{}", resumed.shown());
    // A run of another plan is not taken for a shard of this one.
    let other = cut(&shard("1/2", "other ones"));
    sandbox.run(&["eval", "--offline", "--runs", "other ones"]);
    let refused = sandbox.run(&["eval", "--offline", "--resume", "--runs", "other ones"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    let told = format!("`promptassay eval --resume {other} --runs 'other ones'` goes on with");
    assert!(refused.stderr.contains(&told), "{}", refused.shown());
}

#[test]
fn a_shard_of_an_earlier_night_does_not_go_on_where_tonights_are_whole() {
    let sandbox = sandbox();
    let shard = |shard: &str| {
        sandbox.run(&["eval", "--offline", "--shard", shard]);
        runs(&sandbox).pop().unwrap()
    };
    let first = cut(&shard("1/2"));
    let second = cut(&shard("2/2"));
    let tonight = shard("1/2");
    shard("2/2");
    let refused = sandbox.run(&["eval", "--offline", "--resume"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    for earlier in [&first, &second] {
        assert!(refused.stderr.contains(&format!("--resume {earlier}` goes on with")), "{}", refused.shown());
    }
    // Of tonight's it is the one that lacks something, though one of the other night does as well.
    let tonight = cut(&tonight);
    let resumed = sandbox.run(&["eval", "--offline", "--resume"]);
    assert!(resumed.stderr.contains(&format!("goes on with run {tonight}")), "{}", resumed.shown());
}

#[test]
fn the_latest_run_is_not_another_one_while_somebody_goes_on_with_it() {
    let sandbox = sandbox();
    let resume = ["eval", "--offline", "--resume"];
    let whole = |shard: &[&str]| {
        sandbox.run(&[&["eval", "--offline"], shard].concat());
        runs(&sandbox).pop().unwrap()
    };
    let first = whole(&[]);
    let latest = whole(&[]);
    cut(&latest);
    {
        let _asks = DirectoryLock::try_acquire(&latest).unwrap();
        assert_snapshot!(session(&sandbox, &[&resume]));
        cut(&first);
        assert_snapshot!(session(&sandbox, &[&resume]));
    }
    // Of shards, each is somebody's.
    let one = whole(&["--shard", "1/2"]);
    let other = whole(&["--shard", "2/2"]);
    let id = cut(&one);
    cut(&other);
    let _asks = DirectoryLock::try_acquire(&other).unwrap();
    let resumed = sandbox.run(&resume);
    assert!(resumed.stderr.contains(&format!("goes on with run {id}")), "{}", resumed.shown());
}

#[test]
fn a_broken_run_is_resumed_before_one_that_was_cut_short_earlier() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let cut = cut(&runs(&sandbox)[0]);
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("replies/greet.jsonl", replies.lines().next().unwrap().to_owned() + "\n");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(4));
    sandbox.write("replies/greet.jsonl", replies);
    let resumed = sandbox.run(&["eval", "--offline", "--resume"]);
    assert!(!resumed.stderr.contains(&cut), "{}", resumed.shown());
    assert_snapshot!(clean(&sandbox, &resumed.stderr), @"goes on with run [RUN] of [TIME], greet v1.0.0; 5 of 6 questions left");
    let left = sandbox.run(&["runs", "list"]);
    assert!(left.stdout.lines().nth(1).unwrap().contains("killed"), "{}", left.shown());
}

#[test]
fn a_run_that_is_named_twice_is_removed_once() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    sandbox.run(&["eval", "--offline"]);
    let id = runs(&sandbox)[1].file_name().unwrap().to_str().unwrap().to_owned();
    let seen = sandbox.run(&["runs", "rm", "latest", &id, "latest"]);
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{}", seen.shown());
    assert_eq!(runs(&sandbox).len(), 1);
}

#[test]
fn a_run_that_was_killed_before_it_was_described_is_listed_and_removed() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let id = "019aae2f-3a51-7c04-a1c2-6d2f6f1b7a10";
    let directory = runs(&sandbox)[0].with_file_name(id);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join(".promptassay-a1b2c3.tmp"), "{\"schema\"").unwrap();
    let listed = sandbox.run(&["runs", "list"]);
    assert!(
        listed.stdout.contains("019aae2f-3a51  2025-11-23 00:48  –       –         no run.json"),
        "{}",
        listed.shown()
    );
    let listed: serde_json::Value =
        serde_json::from_str(&sandbox.run(&["runs", "list", "--json"]).stdout).unwrap();
    assert_eq!((&listed[0]["id"], listed.as_array().unwrap().len()), (&serde_json::json!(id), 2));
    assert_snapshot!(session(
        &sandbox,
        &[&["runs", "show", "019aae2f"], &["report", "019aae2f"], &["runs", "show", "019aae30"]]
    ));
    assert_eq!(sandbox.run(&["report"]).code, Some(1), "the latest is the one that was described");
    // The other one is named by this as well, and what it holds was paid for.
    let other = &runs(&sandbox)[0].file_name().unwrap().to_str().unwrap().to_owned();
    let refused = sandbox.run(&["runs", "rm", "01"]);
    assert!(
        refused.code == Some(2) && refused.stderr.contains("several runs begin with `01`"),
        "{}",
        refused.shown()
    );
    assert!(refused.stderr.contains(id) && refused.stderr.contains(other.as_str()), "{}", refused.shown());
    assert_eq!(sandbox.run(&["runs", "list", "--json"]).stdout.matches("\"id\"").count(), 2);
    let removed = sandbox.run(&["runs", "rm", "019aae2f"]);
    assert_eq!(removed.code, Some(0), "{}", removed.shown());
    assert!(!directory.exists());
    assert_eq!(runs(&sandbox).len(), 1);
}

#[test]
fn a_resumed_run_that_proves_nothing_keeps_no_older_proof() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let evidence = runs(&sandbox)[0].join("evidence.json");
    assert!(evidence.is_file());
    let resumed = sandbox.run(&["eval", "--offline", "--resume"]);
    assert!(resumed.code == Some(1) && evidence.is_file(), "{}", resumed.shown());
    // Judged by a gate that was relaxed on the command line.
    let resumed = sandbox.run(&["eval", "--offline", "--resume", "--min-pass-rate", "0.1"]);
    assert!(resumed.code == Some(0) && !evidence.exists(), "{}", resumed.shown());
}

#[test]
fn a_run_under_way_is_reported_as_one() {
    let sandbox = sandbox();
    sandbox.run(&["eval", "--offline"]);
    let run = runs(&sandbox)[0].clone();
    let journal = run.join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let so_far: Vec<&str> = text.lines().take(3).collect();
    fs::write(&journal, format!("{}\n", so_far.join("\n"))).unwrap();
    let compare = ["compare", "latest", "latest"];
    {
        // Whoever asks holds the run's lock.
        let _asks = DirectoryLock::try_acquire(&run).unwrap();
        assert_snapshot!(session(&sandbox, &[&["report"]]));
        let compared = sandbox.run(&compare).stdout;
        assert!(compared.contains("the run is under way: 4 of 6 questions not asked"), "{compared}");
    }
    let killed = sandbox.run(&["report"]).stdout;
    assert!(
        !killed.contains("interrupted") && killed.contains("killed: 4 of 6 questions not asked"),
        "{killed}"
    );
    assert!(sandbox.run(&compare).stdout.contains("killed: 4 of 6"));
}

#[test]
fn a_report_that_has_no_place_is_refused_before_anything_is_asked() {
    let sandbox = sandbox();
    sandbox.write("out/kept.txt", "").write("file", "");
    let session = session(
        &sandbox,
        &[
            &["eval", "--offline", "--report", "json=out"],
            &["eval", "--offline", "--junit", "file/deeper/report.xml"],
            &["eval", "--offline", "--report", "json=new/"],
            &["eval", "--offline", "--junit", "./new/deeper/."],
        ],
    );
    assert_snapshot!(session);
    assert!(!sandbox.path("new").exists(), "nothing was made");
    assert!(!sandbox.path(".promptassay/runs").exists(), "nothing was run");
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_in_a_directory_in_which_nothing_can_be_made_is_refused_before_anything_is_asked() {
    let sandbox = sandbox();
    let session = session(
        &sandbox,
        &[
            &["eval", "--offline", "--junit", "/proc/report.xml"],
            &["eval", "--offline", "--report", "csv=/proc/new/trials.csv"],
        ],
    );
    assert_snapshot!(session);
    assert!(!sandbox.path(".promptassay/runs").exists(), "nothing was run");
    // A directory that is made may be a slip of the pen.
    let seen = sandbox.run(&["eval", "--offline", "--report", "csv=new/trials.csv", "--junit", "new/r.xml"]);
    assert_eq!(seen.stderr, "made the directory `new` for `new/trials.csv`\n", "{}", seen.shown());
}

#[test]
fn where_there_is_no_verdict_no_older_report_stays() {
    let sandbox = sandbox();
    let reports =
        ["--junit", "out/report.xml", "--report", "json=out/report.json", "--report", "csv=out/report.csv"];
    let eval = |further: &[&str]| sandbox.run(&[&["eval", "--offline"], &reports[..], further].concat());
    eval(&[]);
    assert_eq!(sandbox.files("out"), ["out/report.csv", "out/report.json", "out/report.xml"]);
    sandbox.write("out/others.txt", "not ours\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 3", "max_wrods: 3");
    let seen = eval(&[]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert_eq!(sandbox.files("out"), ["out/others.txt", "out/report.xml"]);
    let junit = sandbox.read("out/report.xml");
    assert!(
        junit.contains("max_wrods") && junit.contains("<error") && !junit.contains("<failure"),
        "{junit}"
    );
    let seen = sandbox.run(&["merge", "nowhere", "--junit", "out/merged.xml"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(sandbox.read("out/merged.xml").contains("there is no run"), "{}", seen.shown());
}

#[test]
fn a_lost_shard_is_broken_and_a_torn_last_line_is_not() {
    let sandbox = sandbox();
    for shard in ["1/2", "2/2"] {
        sandbox.run(&["eval", "--offline", "--shard", shard, "--runs", &format!("shards/{}", &shard[..1])]);
    }
    let run_of = |shard: &str| {
        let mut runs = fs::read_dir(sandbox.path(&format!("shards/{shard}"))).unwrap();
        runs.next().unwrap().unwrap().path()
    };
    let (one, two) = (run_of("1"), run_of("2"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let lost = sandbox.run(&["merge", one, "--junit", "merged.xml"]);
    assert_eq!(lost.code, Some(4), "{}", lost.shown());
    assert!(sandbox.read("merged.xml").contains("shard 2 of 2 is missing"), "{}", lost.shown());
    let whole = sandbox.run(&["merge", one, two]);
    let journal = std::path::Path::new(two).join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let torn = text.rfind("{\"run_finished\"").unwrap();
    fs::write(&journal, &text[..torn + 9]).unwrap();
    let merged = sandbox.run(&["merge", one, two]);
    assert_eq!((merged.code, merged.stdout), (whole.code, whole.stdout));
    // Without an answer it did not come to its end.
    let torn = text[..torn].trim_end().rfind('\n').unwrap();
    fs::write(&journal, &text[..torn]).unwrap();
    let merged = sandbox.run(&["merge", one, two]);
    assert!(merged.stdout.contains("BROKEN  killed: "), "{}", merged.shown());
    // Nor has it while somebody asks.
    let _asks = DirectoryLock::try_acquire(std::path::Path::new(two)).unwrap();
    let merged = sandbox.run(&["merge", one, two]);
    assert_eq!(merged.code, Some(4), "{}", merged.shown());
    assert!(merged.stderr.contains("is under way"), "{}", merged.shown());
}

#[test]
fn what_lies_beside_a_run_is_not_removed_with_it() {
    let sandbox = Sandbox::new();
    sandbox.run(&["eval", "--offline", "-q"]);
    let run = fs::read_dir(sandbox.path(".promptassay/runs")).unwrap().next().unwrap().unwrap().path();
    // As an archive of a run is unpacked without a directory of its own.
    for file in ["run.json", "events.jsonl"] {
        fs::copy(run.join(file), sandbox.path(file)).unwrap();
    }
    sandbox.write("work.txt", "not committed");
    sandbox.write(".promptassay-half.tmp", "");
    let seen = sandbox.run(&["runs", "rm", "."]);
    assert!(seen.code == Some(0) && seen.stderr.contains("and not what lies beside it"), "{}", seen.shown());
    assert_eq!(sandbox.read("work.txt"), "not committed");
    assert!(sandbox.path("prompts/greet/prompt.yaml").exists());
    for file in ["run.json", "events.jsonl", ".promptassay-half.tmp"] {
        assert!(!sandbox.path(file).exists(), "{file}");
    }
    let seen = sandbox.run(&["runs", "rm", "latest"]);
    assert!(seen.code == Some(0) && seen.stderr.is_empty() && !run.exists(), "{}", seen.shown());
}

#[test]
fn the_latest_run_is_that_of_these_prompts_where_another_directory_keeps_its_runs_there_as_well() {
    let sandbox = Sandbox::empty();
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    for (service, says) in [("a", "Thank you"), ("b", "No")] {
        let file = |path: &str| format!("services/{service}/{path}");
        sandbox.write(
            &file("prompts/registry.yaml"),
            "schema: 1\nmodels: {default: {provider: openai, model: m}}\nreplies: ../replies\n",
        );
        sandbox.write(&file("prompts/greet/prompt.yaml"), "schema: 1\nname: greet\nvariables: [name]\n");
        sandbox.write(&file("prompts/greet/v1.0.0.txt"), "Greet {name}.");
        sandbox.write(
            &file("prompts/greet/tests/test_cases.yaml"),
            "validators: [contains: Thank]\ncases: [{name: one, inputs: {name: Ada}}]\n",
        );
        let row = serde_json::json!({
            "case": "one", "version": "1.0.0", "model": "default", "repeat": 1,
            "text": says, "finish_reason": "stop", "source": "hand",
        });
        sandbox.write(&file("replies/greet.jsonl"), format!("{row}\n"));
    }
    let of = |service: &str, arguments: &[&str]| {
        let prompts = format!("services/{service}/prompts");
        sandbox.run(&[arguments, &["--prompts", &prompts]].concat())
    };
    let first = of("a", &["eval", "--offline"]);
    assert_eq!(first.code, Some(0), "{}", first.shown());
    let only_of_others = of("b", &["report"]);
    assert_eq!(of("b", &["eval", "--offline"]).code, Some(4));
    // The latest of all is the other's.
    let blessed = of("a", &["baseline", "bless"]);
    assert!(blessed.stdout.contains("100.0 %"), "{}", blessed.shown());
    assert_eq!(of("a", &["report"]).code, Some(0));
    assert_eq!(of("b", &["report"]).code, Some(4));
    assert_eq!(of("a", &["eval", "--offline", "--resume"]).code, Some(0));
    let id = runs(&sandbox).pop().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let named = of("a", &["report", &id]);
    let too_far = of("a", &["report", "latest~1"]);
    let shown = [only_of_others, named, too_far].map(|seen| clean(&sandbox, &seen.shown())).concat();
    assert_snapshot!(shown);
}
