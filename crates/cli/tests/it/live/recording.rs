//! Replies that are kept for review and for runs without a network.

use std::process::Stdio;

use promptassay_registry::files::DirectoryLock;
use serde_json::json;

use super::{KEY, Mock, eval, report, sandbox, suite, without_sources};

const FILE: &str = "replies/greet.jsonl";
const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

#[test]
fn what_is_recorded_gives_the_same_report_without_a_network() {
    let mock = Mock::start(json!({"default": {"answer": {"template": "Thank you for {last_user_message}"}}}));
    let sandbox = sandbox(&mock.row(), 5);
    sandbox.edit(SUITE, "repeat: 1", "repeat: 2\nvalidators: [{not_contains: Ada 3}]");
    let live = eval(&sandbox, &["--record", "--format", "json", "--junit", "live.xml"]);
    let calls = mock.counters().calls;
    let offline = sandbox.run(&["eval", "--offline", "--format", "json", "--junit", "offline.xml"]);
    assert_eq!((live.code, offline.code), (Some(1), Some(1)), "{}", offline.shown());
    assert_eq!(report(&offline)["replies"], json!(["recorded"]));
    assert_eq!(without_sources(&report(&live)), without_sources(&report(&offline)));
    // Nobody waited for recorded replies, and the one run came after the other.
    let timeless = |file: &str| {
        let times = regex::Regex::new(r#" (timestamp|time)="[^"]*""#).unwrap();
        times.replace_all(&sandbox.read(file), "").into_owned()
    };
    assert_eq!(timeless("live.xml").replace("live", "recorded"), timeless("offline.xml"));
    mock.counters().assert_calls(calls);
}

/// A command that waits for a lock, and what it says from then on.
#[cfg(unix)]
fn who_waits(
    sandbox: &crate::sandbox::Sandbox,
    arguments: &[&str],
) -> (std::process::Child, impl Iterator<Item = String>) {
    use std::io::{BufRead as _, BufReader};
    let mut command = sandbox.command(arguments);
    let command =
        command.env("TEST_KEY", KEY).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::null());
    let mut waiting = command.spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("waiting for")));
    (waiting, said)
}

/// The exit code with which it ends at this signal. Its standard input stays open.
#[cfg(unix)]
fn ended_by(signal: &str, child: &mut std::process::Child) -> Option<i32> {
    let input = child.stdin.take();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
    let ended = child.wait().unwrap();
    drop(input);
    ended.code()
}

#[cfg(unix)]
#[test]
fn who_waits_to_write_says_that_nothing_was_changed_when_it_is_stopped() {
    let sandbox = crate::sandbox::Sandbox::new();
    let before = sandbox.read("prompts/greet/prompt.yaml");
    let _lock = DirectoryLock::acquire(&sandbox.path("prompts")).unwrap();
    let (mut waiting, said) = who_waits(&sandbox, &["activate", "greet", "latest"]);
    assert_eq!(ended_by("-INT", &mut waiting), Some(130));
    assert_eq!(
        said.collect::<Vec<_>>(),
        ["error: interrupted while another process was writing to `prompts`: nothing was changed"]
    );
    assert_eq!(sandbox.read("prompts/greet/prompt.yaml"), before);
}

#[cfg(unix)]
#[test]
fn who_has_waited_to_write_can_still_be_stopped() {
    use std::io::Write as _;
    for signal in ["-INT", "-TERM"] {
        let sandbox = crate::sandbox::Sandbox::new();
        let lock = DirectoryLock::acquire(&sandbox.path("prompts")).unwrap();
        let (mut waiting, _said) = who_waits(&sandbox, &["add", "greet", "v1.1.0", "--from", "-"]);
        drop(lock);
        // More than a pipe holds: it has the lock and reads, and waits for the end, which never comes.
        let mut input = waiting.stdin.take().unwrap();
        input.write_all("Greet {name}.\n".repeat(20_000).as_bytes()).unwrap();
        assert_eq!(ended_by(signal, &mut waiting), Some(130), "{signal}");
        drop(input);
        assert!(!sandbox.path("prompts/greet/v1.1.0.txt").exists());
    }
}

#[cfg(unix)]
#[test]
fn who_waits_for_another_recording_can_be_stopped_and_records_later() {
    use std::io::{BufRead as _, BufReader};
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    std::fs::create_dir_all(sandbox.path(".promptassay")).unwrap();
    let lock = DirectoryLock::acquire(&sandbox.path(".promptassay")).unwrap();
    let mut waiting = sandbox
        .command(&["eval", "--record", "--runs", "my runs"])
        .env("TEST_KEY", KEY)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("waiting for")));
    let id = waiting.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(130));
    let rest = said.collect::<Vec<_>>().join("\n");
    let run = std::fs::read_dir(sandbox.path("my runs")).unwrap().next().unwrap().unwrap().file_name();
    let way = format!("`promptassay eval --resume {} --runs 'my runs' --record`", run.display());
    assert!(rest.contains("no reply was recorded") && rest.contains(&way), "{rest}");
    assert!(!sandbox.path(FILE).exists());
    // The way that the help names.
    drop(lock);
    let calls = mock.counters().calls;
    // A later run is not gone on with in its place.
    assert_eq!(eval(&sandbox, &["--runs", "my runs"]).code, Some(0));
    let resumed = eval(&sandbox, &["--resume", run.to_str().unwrap(), "--runs", "my runs", "--record"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.shown());
    mock.counters().assert_calls(calls);
    let rows = sandbox.read(FILE).lines().filter(|line| line.contains("\"case\":")).count();
    assert_eq!(rows, 2);
}

#[cfg(unix)]
#[test]
fn who_has_waited_to_record_writes_what_was_asked_before_it_stops() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    let fifo = sandbox.path("report.fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::fs::create_dir_all(sandbox.path(".promptassay")).unwrap();
    let lock = DirectoryLock::acquire(&sandbox.path(".promptassay")).unwrap();
    let (mut waiting, mut said) = who_waits(&sandbox, &["eval", "--record", "--junit", "report.fifo"]);
    drop(lock);
    assert!(said.any(|line| line.starts_with("recorded ")));
    // Now it waits for whoever reads its report.
    let id = waiting.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(said.any(|line| line.starts_with("stopping: ")));
    let report = std::fs::read_to_string(&fifo).unwrap();
    assert!(report.contains("</testsuites>"), "{report}");
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    // Whoever has no patience ends it.
    let lock = DirectoryLock::acquire(&sandbox.path(".promptassay")).unwrap();
    let (mut waiting, mut said) = who_waits(&sandbox, &["eval", "--record", "--junit", "report.fifo"]);
    drop(lock);
    assert!(said.any(|line| line.contains(" says all of this already")));
    let id = waiting.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(said.any(|line| line.starts_with("stopping: ")));
    assert_eq!(ended_by("-TERM", &mut waiting), Some(130));
}

/// A run has taken over the signals: what comes behind it can be stopped whether there was a lock to wait for or not.
#[cfg(unix)]
#[test]
fn who_has_not_waited_can_be_stopped_while_it_writes_its_reports() {
    use std::io::{BufRead as _, BufReader};
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    assert!(
        std::process::Command::new("mkfifo").arg(sandbox.path("report.fifo")).status().unwrap().success()
    );
    for arguments in
        [&["eval", "--junit", "report.fifo"][..], &["eval", "--record", "--junit", "report.fifo"]]
    {
        let mut command = sandbox.command(arguments);
        let command = command.env("TEST_KEY", KEY).stderr(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The verdict is printed before the report is written, for which nobody comes.
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(printed.any(|line| line.starts_with("gate ")));
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(said.any(|line| line.starts_with("stopping: ")), "{arguments:?}");
        assert_eq!(ended_by("-TERM", &mut child), Some(130), "{arguments:?}");
    }
}

#[test]
fn replies_that_cannot_be_recorded_make_junit_as_red_as_the_exit_code() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    // The place of the replies is taken while the run goes on.
    let replies = sandbox.path(FILE);
    let program =
        format!("mkdir -p '{}'\necho '{{\"pass\": true, \"reason\": \"taken\"}}'\n", replies.display());
    sandbox.write("take.sh", program);
    let check =
        format!("repeat: 1\nvalidators: [{{command: [sh, '{}']}}]", sandbox.path("take.sh").display());
    sandbox.edit(SUITE, "repeat: 1", &check);
    let seen = eval(&sandbox, &["--record", "--allow-commands", "--junit", "report.xml"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let error = "the replies of greet were not recorded";
    assert!(seen.stdout.contains("PASSED") && seen.stderr.contains(error), "{}", seen.shown());
    let junit = sandbox.read("report.xml");
    assert!(junit.contains("errors=\"1\"") && junit.contains(error), "{junit}");
}

#[test]
fn what_another_process_records_meanwhile_is_kept() {
    use std::io::{BufRead as _, BufReader};
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    let lock = {
        std::fs::create_dir_all(sandbox.path(".promptassay")).unwrap();
        DirectoryLock::acquire(&sandbox.path(".promptassay")).unwrap()
    };
    let mut first = sandbox
        .command(&["eval", "--record", "--case", "case_0000"])
        .env("TEST_KEY", KEY)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(first.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("waiting for")), "it waits until the other has written");
    // As the other would: it has the lock.
    sandbox.write(
        FILE,
        "{\"case\":\"case_0001\",\"version\":\"1.0.0\",\"model\":\"default\",\"repeat\":1,\"text\":\"Thanks\",\"finish_reason\":\"stop\",\"source\":\"hand\"}\n",
    );
    drop(lock);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    let kept = sandbox.read(FILE);
    assert!(kept.contains("case_0000") && kept.contains("case_0001"), "{kept}");
}

#[test]
fn what_another_process_records_while_it_is_pruned_is_kept() {
    use std::io::{BufRead as _, BufReader};
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    eval(&sandbox, &["--record", "--case", "case_0000"]);
    let row = |case: &str| {
        format!(
            "{{\"case\":\"{case}\",\"version\":\"1.0.0\",\"model\":\"default\",\"repeat\":1,\"text\":\"Thanks\",\"finish_reason\":\"stop\",\"source\":\"hand\"}}\n"
        )
    };
    sandbox.write(FILE, sandbox.read(FILE) + &row("nobody_asks"));
    let lock = DirectoryLock::acquire(&sandbox.path(".promptassay")).unwrap();
    let mut pruning =
        sandbox.command(&["replies", "prune"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(pruning.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("waiting for")), "it waits until the other has written");
    sandbox.write(FILE, sandbox.read(FILE) + &row("case_0001"));
    drop(lock);
    assert_eq!(pruning.wait().unwrap().code(), Some(0));
    let kept = sandbox.read(FILE);
    assert!(kept.contains("case_0001") && !kept.contains("nobody_asks"), "{kept}");
}

#[test]
fn beside_the_replies_nothing_is_written_that_git_sees() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 1);
    // As in a container that may not write to the prompts: nobody gets their lock.
    std::fs::create_dir(sandbox.path("prompts/.promptassay.lock")).unwrap();
    let seen = eval(&sandbox, &["--record"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(sandbox.read(FILE).contains("case_0000"));
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        suite(1, 0) + "  - {name: other, inputs: {name: A}, expected: {polite: true}}\n",
    );
    let seen = sandbox.run(&["replies", "prune"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_eq!(sandbox.files("replies"), [FILE]);
    let lock = sandbox.path(".promptassay/.promptassay.lock");
    if sandbox.git(&["init", "-q"]) {
        sandbox.git(&["check-ignore", "-q", ".promptassay/.promptassay.lock"]);
    }
    // Who could not lock is told before anything is paid for.
    let calls = mock.counters().calls;
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let seen = eval(&sandbox, &["--record", "--refresh"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.contains("cannot lock"), "{}", seen.stderr);
    mock.counters().assert_calls(calls);
    let seen = eval(&sandbox, &["--record", "--dry-run"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn where_only_the_replies_may_be_written_to_they_are() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    // As in a checkout that is read-only: whoever runs this may be root, so what cannot be made is what is there already.
    sandbox.write(".promptassay", "");
    let seen = eval(&sandbox, &["--record", "--no-cache", "--runs", "runs-elsewhere"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(sandbox.read(FILE).contains("Thank"), "{}", sandbox.read(FILE));
}

#[test]
fn a_file_is_made_for_review_and_recorded_again_without_churn() {
    let mock = Mock::start(json!({"default": {"answer": {"text": "Thank you"}, "usage": {"absent": {}}}}));
    let sandbox = sandbox(&mock.row(), 2);
    let seen = eval(&sandbox, &["--record"]);
    insta::assert_snapshot!(seen.stderr, @"recorded 2 replies in replies/greet.jsonl");
    let digest = regex::Regex::new("[0-9a-f]{64}").unwrap();
    let first = sandbox.read(FILE);
    insta::assert_snapshot!(digest.replace_all(&first, "[DIGEST]"), @r#"
    {"schema":1}
    {"case":"case_0000","version":"1.0.0","model":"default","repeat":1,"request_sha256":"[DIGEST]","text":"Thank you","finish_reason":"stop","source":"recorded"}
    {"case":"case_0001","version":"1.0.0","model":"default","repeat":1,"request_sha256":"[DIGEST]","text":"Thank you","finish_reason":"stop","source":"recorded"}
    "#);
    let seen = eval(&sandbox, &["--record", "--refresh"]);
    mock.counters().assert_calls(4);
    insta::assert_snapshot!(seen.stderr, @"replies/greet.jsonl says all of this already");
    assert_eq!(sandbox.read(FILE), first);

    // A new case comes to its place, and nothing else moves.
    sandbox.edit(
        SUITE,
        "  - {name: case_0001",
        "  - {name: between, inputs: {name: Eve}, expected: {polite: true}}\n  - {name: case_0001",
    );
    eval(&sandbox, &["--record"]);
    let second = sandbox.read(FILE);
    let (before, after): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
    assert_eq!((after.len(), &after[..2], after[3]), (4, &before[..2], before[2]));
    assert!(after[2].contains("between"));
}

#[test]
fn what_a_person_wrote_is_never_replaced() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    let header = r#"{"schema":1,"source":"hand","note":"by hand"}"#;
    let row = r#"{"case":"case_0001", "version":"1.0.0","model":"default","repeat":1,"text":"Thanks!","finish_reason":"stop","source":"hand"}"#;
    sandbox.write(FILE, format!("{header}\n{row}\n"));
    let seen = eval(&sandbox, &["--record"]);
    insta::assert_snapshot!(seen.stderr, @r"
    recorded 1 reply in replies/greet.jsonl
    1 reply written by hand in replies/greet.jsonl answered in the place of a model; delete its row to have it recorded
    ");
    let text = sandbox.read(FILE);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, header, row));
    mock.counters().assert_calls(1);
}

#[test]
fn what_a_recording_could_neither_use_nor_replace_is_known_before_it_is_paid_for() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    let row = r#"{"case":"case_0001","version":"1.0.0","model":"default","repeat":1,"request_sha256":"DIGEST","text":"Thanks!","finish_reason":"stop","source":"hand"}"#;
    sandbox.write(FILE, row.replace("DIGEST", &"0".repeat(64)));
    insta::assert_snapshot!(sandbox.session(&[&["eval", "--record"]]));
    // A row that cannot be read would be lost.
    sandbox.write(FILE, row.replace("\"request_sha256\":\"DIGEST\",", "\"kase\":1,"));
    insta::assert_snapshot!(sandbox.session(&[&["eval", "--record"]]));
    mock.counters().assert_calls(0);
}

#[test]
fn stale_missing_and_unused_replies_are_named_and_pruned() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 3);
    eval(&sandbox, &["--record"]);
    sandbox.edit(SUITE, "Ada 0", "Grace");
    sandbox.edit(SUITE, "case_0001", "renamed");
    let session = sandbox.session(&[
        &["eval", "--offline"],
        &["replies", "prune", "--dry-run"],
        &["replies", "prune"],
        &["replies", "prune"],
    ]);
    // The digest covers the server's port.
    let digest = regex::Regex::new(r"[0-9a-f]{40,}(\.\.\.)?").unwrap();
    insta::assert_snapshot!(digest.replace_all(&session, "[DIGEST]"));
    let left: Vec<String> = sandbox.read(FILE).lines().skip(1).map(|line| line[..20].to_owned()).collect();
    assert_eq!(left, [r#"{"case":"case_0002","#]);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(4));
    eval(&sandbox, &["--record"]);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
}

#[test]
fn repeats_that_only_a_margin_asks_for_are_kept() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 2);
    sandbox.edit(SUITE, "repeat: 1", "repeat: 4");
    eval(&sandbox, &["--record"]);
    let recorded = sandbox.read(FILE);
    // Nobody says how often: a margin may be set tomorrow, and asks three times.
    sandbox.edit(SUITE, "repeat: 4\n", "");
    let offline = sandbox.run(&["eval", "--offline"]);
    let remark = "it is repeat 4, and the suite asks for 3 at most";
    assert_eq!(offline.stderr.matches(remark).count(), 1, "{}", offline.shown());
    assert!(offline.stderr.contains("= and 1 more: line "), "{}", offline.shown());
    assert_eq!(offline.stderr.matches("nothing asks for").count(), 1, "{}", offline.shown());
    sandbox.run(&["replies", "prune"]);
    let kept: Vec<&str> = recorded.lines().filter(|line| !line.contains(r#""repeat":4"#)).collect();
    assert_eq!(sandbox.read(FILE).lines().collect::<Vec<_>>(), kept);
}

#[test]
fn recording_needs_a_place_and_a_network() {
    let mock = Mock::polite();
    let sandbox = sandbox(&mock.row(), 1);
    sandbox.edit("prompts/registry.yaml", "replies: ../replies\n", "");
    sandbox.write(SUITE, suite(1, 1));
    insta::assert_snapshot!(sandbox.session(&[&["eval", "--record"], &["eval", "--record", "--offline"]]), @r"
    $ promptassay eval --record
    --- stderr
    error: `--record` keeps replies, and nothing says where
     --> prompts/registry.yaml
      = help: add `replies: ../fixtures/replies` to registry.yaml
    --- exit 2

    $ promptassay eval --record --offline
    --- stderr
    error: `--offline` asks no model, so there is nothing for `--record` to keep
      = help: `promptassay eval --record` asks the models and keeps their replies; from then on `promptassay eval --offline` answers from them
    --- exit 2
    ");
    mock.counters().assert_calls(0);
}
