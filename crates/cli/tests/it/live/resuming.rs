//! What survives: `kill -9` at any moment, a spent budget, Ctrl-C, a full disk; and that concurrency changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{KEY, Mock, eval, report, sandbox, without_run_ids, without_sources};
use crate::sandbox::{Sandbox, Seen};

/// A rule for each case, so that the server counts the calls of each; every third answer is not polite.
fn script(cases: usize, delay: &str) -> Value {
    let rule = |number: usize| {
        let text = if number.is_multiple_of(3) { "No." } else { "Thank you" };
        json!({
            "name": format!("case_{number:04}"),
            "when": {"last_user_message": {"contains": format!("Ada {number} ")}},
            "answer": {"text": text},
            "delay": {"fixed": delay},
        })
    };
    json!({"rules": (0..cases).map(rule).collect::<Vec<_>>()})
}

/// Starts `eval` without waiting for it.
fn spawn(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(&[&["eval", "--no-cache"], arguments].concat());
    command.env("TEST_KEY", KEY).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// The directories of the runs that were described.
fn runs(sandbox: &Sandbox) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(sandbox.path(".promptassay/runs")) else { return Vec::new() };
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.retain(|run| run.join("run.json").exists());
    runs.sort();
    runs
}

/// The journal's whole lines, in JSON; a torn last one is left out.
fn events(run: &std::path::Path) -> Vec<Value> {
    let text = fs::read(run.join("events.jsonl")).unwrap_or_default();
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
    text[..whole]
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The trials that have a reply in the journal, each as often as it has.
fn answered(run: &std::path::Path) -> Vec<String> {
    let trial = |event: &Value| {
        let finished = event.get("trial_finished")?;
        finished["answer"].get("reply")?;
        Some(finished["trial"].as_str()?.to_owned())
    };
    events(run).iter().filter_map(trial).collect()
}

/// How often the server was asked for each case.
fn calls(mock: &Mock) -> BTreeMap<String, u64> {
    let mut counters = mock.counters().answered_by;
    counters.remove("unmatched");
    counters
}

/// Moments that look random and are the same in every run of the test.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % below)
    }
}

#[test]
fn a_run_that_is_killed_a_hundred_times_loses_no_reply_and_asks_for_none_twice() {
    const CASES: usize = 400;
    let mock = Mock::start(script(CASES, "50ms"));
    let sandbox = sandbox(&mock.row(), CASES);
    let (mut moments, mut kept, mut in_doubt) = (Moments(7), BTreeSet::new(), 0);
    for kill in 0..100 {
        let resume: &[&str] = if runs(&sandbox).is_empty() { &[] } else { &["--resume"] };
        let mut child = spawn(&sandbox, &[&["--max-concurrency", "2"], resume].concat());
        // Every second one dies while it starts, or soon after; the others after a reply, while they write.
        let replies = || runs(&sandbox).pop().map_or(0, |run| answered(&run).len());
        while kill % 2 == 1 && replies() <= kept.len() {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(moments.next(60));
        assert!(child.try_wait().unwrap().is_none(), "the run is too short for the test");
        child.kill().unwrap();
        child.wait().unwrap();
        in_doubt += 2;
        let Some(run) = runs(&sandbox).pop() else { continue };
        // Nothing that was in the journal is gone, and nothing stands there twice.
        let now = answered(&run);
        let unique: BTreeSet<String> = now.iter().cloned().collect();
        assert_eq!(unique.len(), now.len(), "a reply was stored twice");
        assert!(unique.is_superset(&kept), "a reply was lost");
        kept = unique;
    }
    assert!(kept.len() > 25, "{} replies only: the kills come too early", kept.len());
    let last = spawn(&sandbox, &["--resume", "--max-concurrency", "64"]).wait().unwrap();
    assert_eq!(last.code(), Some(1));
    let [run] = runs(&sandbox).try_into().unwrap_or_else(|runs| panic!("{runs:?}"));
    let all = answered(&run);
    assert_eq!(all.len(), CASES);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), CASES);
    // Two questions at most were under way at each kill; their replies never came, so they were asked again.
    let calls: u64 = calls(&mock).values().sum();
    assert!(calls >= CASES as u64);
    assert!(calls <= CASES as u64 + in_doubt, "{calls} calls for {CASES} cases, {in_doubt} in doubt");
}

#[test]
fn no_case_is_asked_again_once_its_reply_is_in_the_journal() {
    let mock = Mock::start(script(40, "5ms"));
    let sandbox = sandbox(&mock.row(), 40);
    let mut child = spawn(&sandbox, &["--max-concurrency", "1"]);
    let enough = || runs(&sandbox).pop().is_some_and(|run| answered(&run).len() >= 10);
    while !enough() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = runs(&sandbox).pop().unwrap();
    let before = answered(&run);
    let asked_before = calls(&mock);
    let seen = eval(&sandbox, &["--no-cache", "--resume", "--format", "json"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    // One at a time and in order: all but the one under way had their replies, and those were not asked for again.
    let asked_again: Vec<_> = calls(&mock).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(asked_again.len() <= 1, "{asked_again:?}");
    assert!(asked_before.values().sum::<u64>() - before.len() as u64 <= 1);
    let whole = report(&seen);
    assert_eq!(whole["prompts"][0]["variants"][0]["trials"]["not_asked"], 0);
}

#[test]
fn one_at_a_time_and_many_at_once_report_the_same_bytes() {
    let mock = Mock::start(script(60, "2ms"));
    let sandbox = sandbox(&mock.row(), 60);
    let reports = ["1", "64"].map(|concurrency| {
        let junit = format!("{concurrency}.xml");
        let seen = eval(
            &sandbox,
            &[
                "--no-cache",
                "--runs",
                concurrency,
                "--max-concurrency",
                concurrency,
                "--format",
                "json",
                "--junit",
                &junit,
            ],
        );
        let replayed =
            sandbox.run(&["report", "--runs", concurrency, "--format", "json", "--junit", "again.xml"]);
        assert_eq!((seen.stdout.as_str(), seen.code), (replayed.stdout.as_str(), replayed.code));
        assert_eq!(sandbox.read(&junit), sandbox.read("again.xml"));
        let times = regex::Regex::new(r#" (timestamp|time)="[^"]*""#).unwrap();
        let junit = times.replace_all(&sandbox.read(&junit), "").into_owned();
        (without_sources(&report(&seen)).to_string(), junit, seen.code)
    });
    assert_eq!(reports[0], reports[1]);
}

#[test]
fn a_budget_of_calls_is_kept_exactly_and_counts_what_was_spent_before() {
    let mock = Mock::start(script(30, "2ms"));
    let sandbox = sandbox(&mock.row(), 30);
    let seen = eval(&sandbox, &["--no-cache", "--max-calls", "12"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("the budget is spent: 18 of 30 questions not asked"), "{}", seen.shown());
    assert_eq!(calls(&mock).values().sum::<u64>(), 12);
    let seen = eval(&sandbox, &["--no-cache", "--resume", "--max-calls", "20"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert_eq!(calls(&mock).values().sum::<u64>(), 20);
    let seen = eval(&sandbox, &["--no-cache", "--resume"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert_eq!(calls(&mock).values().sum::<u64>(), 30);
}

#[test]
fn the_command_that_goes_on_with_a_run_works_as_it_is_typed() {
    let mock = Mock::start(script(3, "1ms"));
    let sandbox = sandbox(&mock.row(), 3);
    std::fs::rename(sandbox.path("prompts"), sandbox.path("the team's")).unwrap();
    let elsewhere = ["--prompts", "the team's", "--runs", "it's kept", "--no-cache", "--max-calls", "1"];
    let seen = eval(&sandbox, &elsewhere);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let (_, typed) = seen.stderr.rsplit_once("; `promptassay ").unwrap();
    let typed = typed.split('`').next().unwrap();
    assert!(typed.ends_with(r" --prompts 'the team'\''s' --runs 'it'\''s kept'"), "{typed}");
    let mut shell = Command::new("sh");
    let text = format!("\"$0\" {typed} --no-cache");
    shell.args(["-c", &text]).arg(assert_cmd::cargo::cargo_bin!("promptassay"));
    let seen =
        Seen::of(shell.current_dir(sandbox.path(".")).env("TEST_KEY", KEY).env("NO_PROXY", "127.0.0.1"));
    assert_eq!((seen.code, mock.counters().calls), (Some(1), 3), "{}", seen.shown());
}

#[test]
fn a_budget_of_cost_stops_and_keeps_what_was_done() {
    let mut script = script(30, "2ms");
    for rule in script["rules"].as_array_mut().unwrap() {
        rule["usage"] = json!({"tokens": {"input": 1000, "output": 1000}});
    }
    let mock = Mock::start(script);
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let sandbox = sandbox(&row, 30);
    // 0.002 dollars a question, one at a time.
    let seen = eval(&sandbox, &["--no-cache", "--max-cost", "0.009", "--max-concurrency", "1"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("the budget is spent: 26 of 30 questions not asked"), "{}", seen.shown());
    assert_eq!(calls(&mock).values().sum::<u64>(), 4);
    // Side by side they do not run past it either.
    let seen = eval(&sandbox, &["--no-cache", "--max-cost", "0.021", "--max-concurrency", "64"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("the budget is spent: 20 of 30 questions not asked"), "{}", seen.shown());
    assert_eq!(calls(&mock).values().sum::<u64>(), 4 + 10);
}

#[test]
fn a_resumed_run_asks_as_it_began() {
    let mock = Mock::start(script(6, "1ms"));
    let sandbox = sandbox(&mock.row(), 6);
    let asked = || mock.counters().calls;
    let sources = |seen: &Seen| report(seen)["replies"].clone();
    eval(&sandbox, &[]);
    assert_eq!(asked(), 6, "the cache knows everything");
    // Two are asked anew, and the rest when it goes on, though the cache has answers.
    eval(&sandbox, &["--refresh", "--max-calls", "2"]);
    let seen = eval(&sandbox, &["--resume", "--format", "json"]);
    assert_eq!((asked(), sources(&seen)), (12, json!(["live"])), "{}", seen.shown());
    // What is said again goes before.
    eval(&sandbox, &["--refresh", "--max-calls", "2"]);
    let seen = eval(&sandbox, &["--resume", "--max-reply-age", "1d", "--format", "json"]);
    assert_eq!((asked(), sources(&seen)), (14, json!(["live", "cached"])), "{}", seen.shown());
    eval(&sandbox, &["--no-cache", "--max-calls", "2"]);
    let seen = eval(&sandbox, &["--resume", "--format", "json"]);
    assert_eq!((asked(), sources(&seen)), (20, json!(["live"])), "{}", seen.shown());
    // A run that records goes on recording, and one from recorded replies needs no model.
    eval(&sandbox, &["--record", "--refresh", "--max-calls", "2"]);
    eval(&sandbox, &["--resume"]);
    assert_eq!(sandbox.read("replies/greet.jsonl").lines().count(), 7, "a header and six rows");
    let offline = eval(&sandbox, &["--offline"]);
    let run = runs(&sandbox).pop().unwrap();
    let journal =
        sandbox.read(&format!(".promptassay/runs/{}/events.jsonl", run.file_name().unwrap().display()));
    let first: Vec<&str> = journal.lines().take(3).collect();
    fs::write(run.join("events.jsonl"), first.join("\n") + "\n").unwrap();
    let before = asked();
    let seen = Seen::of(&mut sandbox.command(&["eval", "--resume"]));
    assert_eq!((seen.code, asked()), (offline.code, before), "{}", seen.shown());
    assert!(seen.stdout.contains("replies recorded"), "{}", seen.shown());
}

#[test]
fn a_budget_that_is_spent_is_said_also_where_everything_else_was_an_error_before() {
    let mock = Mock::start(script(10, "1ms"));
    let sandbox = sandbox(&mock.row(), 10);
    eval(&sandbox, &["--no-cache", "--max-calls", "3"]);
    let seen = Seen::of(&mut sandbox.command(&["eval", "--resume", "--offline"]));
    assert_eq!((seen.code, mock.counters().calls), (Some(4), 3), "{}", seen.shown());
    let seen = eval(&sandbox, &["--no-cache", "--resume", "--max-calls", "4"]);
    assert_eq!((seen.code, mock.counters().calls), (Some(4), 4), "{}", seen.shown());
    assert!(
        without_run_ids(&seen.stderr)
            .contains("the budget is spent; `promptassay eval --resume [RUN]` goes on"),
        "{}",
        seen.shown()
    );
}

#[test]
fn time_that_is_up_is_said() {
    let mock = Mock::start(script(50, "20ms"));
    let sandbox = sandbox(&mock.row(), 50);
    let seen = eval(&sandbox, &["--no-cache", "--max-time", "100ms", "--max-concurrency", "1"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("the time is up: "), "{}", seen.shown());
}

/// Sends `first` once some replies are there, and `second` after it; says how the process ended.
fn interrupted(first: &str, second: Option<&str>, delay: &str) -> (Sandbox, Mock, i32) {
    let mock = Mock::start(script(200, delay));
    let sandbox = sandbox(&mock.row(), 200);
    let mut child = spawn(&sandbox, &["--max-concurrency", "4", "--junit", "report.xml"]);
    while mock.counters().calls < 4 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, first);
    while let Some(second) = second
        && child.try_wait().unwrap().is_none()
    {
        // Two that come at once are one to the process, so it is asked until it hears.
        std::thread::sleep(Duration::from_millis(50));
        signal(&child, second);
    }
    let code = child.wait().unwrap().code();
    (sandbox, mock, code.unwrap_or_else(|| panic!("ended by the signal")))
}

#[test]
fn the_first_signal_finishes_what_is_under_way_and_reports() {
    for name in ["-INT", "-TERM"] {
        let (sandbox, mock, code) = interrupted(name, None, "60ms");
        assert_eq!(code, 130);
        let run = runs(&sandbox).pop().unwrap();
        let answers = answered(&run).len() as u64;
        assert_eq!(answers, mock.counters().calls, "what was under way is finished and kept");
        assert!(answers < 200);
        assert_eq!(events(&run).last().unwrap(), &json!({"run_finished": {"end": "interrupted"}}));
        let junit = sandbox.read("report.xml");
        assert!(junit.contains("interrupted: ") && junit.contains("<error"), "{junit}");
        let seen = eval(&sandbox, &["--no-cache", "--resume"]);
        assert_eq!(seen.code, Some(1), "{}", seen.shown());
        assert_eq!(mock.counters().calls, 200);
    }
}

#[test]
fn the_second_signal_does_not_wait() {
    let (sandbox, _mock, code) = interrupted("-INT", Some("-INT"), "30s");
    assert_eq!(code, 130);
    assert_eq!(answered(&runs(&sandbox).pop().unwrap()), Vec::<String>::new());
    assert!(sandbox.read("report.xml").contains("interrupted: 200 of 200 questions not asked"));
}

#[test]
fn a_full_disk_ends_the_run_and_nothing_that_was_written_is_lost() {
    let mock = Mock::start(script(100, "2ms"));
    let sandbox = sandbox(&mock.row(), 100);
    assert_eq!(eval(&sandbox, &["--no-cache", "--max-calls", "10", "--runs", "kept runs"]).code, Some(4));
    let run = fs::read_dir(sandbox.path("kept runs")).unwrap().next().unwrap().unwrap().path();
    let journal = run.join("events.jsonl");
    let blocks = (fs::metadata(&journal).unwrap().len() / 512 + 8).to_string();
    // The shell lets no file grow beyond that, and a process that ignores the signal is told by an error.
    let binary = assert_cmd::cargo::cargo_bin!("promptassay");
    let text =
        format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" eval --no-cache --resume --runs 'kept runs'");
    let mut command = Command::new("sh");
    command.args(["-c", &text]).arg(binary).current_dir(sandbox.path(".")).env("TEST_KEY", KEY);
    let seen = Seen::of(&mut command);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let again = format!(
        "make room, then `promptassay eval --resume {} --runs 'kept runs'`",
        run.file_name().unwrap().display()
    );
    assert!(seen.stderr.contains("cannot write `") && seen.stderr.contains(&again), "{}", seen.shown());
    let kept = answered(journal.parent().unwrap()).len();
    assert!((11..100).contains(&kept), "{kept}");
    let before = mock.counters().calls;
    let seen = eval(&sandbox, &["--no-cache", "--resume", "--runs", "kept runs"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert_eq!(mock.counters().calls - before, 100 - kept as u64, "what was written was not asked again");
}

#[test]
fn a_run_that_asks_what_another_one_is_asking_says_so_first() {
    let mock = Mock::start(script(2, "60s"));
    let sandbox = sandbox(&mock.row(), 2);
    let mut other = spawn(&sandbox, &[]);
    while runs(&sandbox).first().is_none_or(|run| events(run).is_empty()) {
        assert!(other.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
    let beside = eval(&sandbox, &["--max-calls", "0"]).stderr;
    let offline = eval(&sandbox, &["--max-calls", "0", "--quiet", "--offline"]).stderr;
    other.kill().unwrap();
    other.wait().unwrap();
    let after = eval(&sandbox, &["--max-calls", "0"]).stderr;
    insta::assert_snapshot!(without_run_ids(&beside));
    assert!(!offline.contains("under way") && !after.contains("under way"), "{offline}{after}");
}

#[test]
fn a_resumed_run_counts_by_the_prices_that_it_began_with() {
    let mut script = script(4, "1ms");
    for rule in script["rules"].as_array_mut().unwrap() {
        rule["usage"] = json!({"tokens": {"input": 1000, "output": 1000}});
    }
    let mock = Mock::start(script);
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let sandbox = sandbox(&row, 4);
    sandbox.write(".gitignore", ".promptassay/\n*.lock\n");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.edit("prompts/registry.yaml", "price: {input: 1.0, output: 1.0}", "price: {input: 0, output: 0}");
    // 0.002 dollars a question at the price of the base, none at that of the change.
    let limits = ["--no-cache", "--max-cost", "0.005", "--max-concurrency", "1"];
    let began = eval(&sandbox, &[&["--changed-since", "main"], &limits[..]].concat());
    assert_eq!((began.code, mock.counters().calls), (Some(4), 2), "{}", began.shown());
    let resumed = eval(&sandbox, &[&["--resume"], &limits[..]].concat());
    // What was learnt of the price holds on, and a third question would exceed the limit.
    assert_eq!((resumed.code, mock.counters().calls), (Some(4), 2), "{}", resumed.shown());
}
