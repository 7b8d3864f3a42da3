//! Disks without room, and disks that may not be written to: a command that cannot write says so, is not green, and leaves what was
//! there as it was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use super::{OFFLINE_MODEL, bytes, sandbox};
use crate::live::{KEY, Mock};
use crate::sandbox::{EXPERIMENT, Sandbox, Seen, copy};

/// Commands that write, each on what those before it left, and the model that they ask.
const WRITERS: [&[&str]; 19] = [
    &["new", "fresh"],
    &["add", "greet", "--from", "text.txt", "--version", "1.2.0"],
    &["register", "greet", "1.0.0", "-m", "First", "--by", "Ada"],
    &["activate", "greet", "1.1.0"],
    &["activate", "greet", "1.0.0"],
    &["adopt", "greet", "1.0.0", "--reason", "Live", "--by", "Ada"],
    &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"],
    &["eval", "greet", "--candidate", "1.1.0", "--offline"],
    &["eval", "greet", "--candidate", "1.1.0", "--record", "--refresh"],
    &["baseline", "bless", "latest", "--force"],
    &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--by", "Ada"],
    &["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest", "--by", "Ada"],
    &["rollback", "greet", "--reason", "Wrong", "--by", "Ada"],
    &["experiment", "start", "trial"],
    &["expose", "trial", "u1"],
    &["record", "trial", "u1", "resolved", "1"],
    &["import", "trial", "events.csv"],
    &["rescore", "latest"],
    &["report", "--junit", "report.xml", "--report", "csv=trials.csv"],
];

/// What may not change where a command fails: what people wrote, what was recorded, what is in the ledger.
const KEPT: [&str; 2] = ["prompts", "replies"];

fn prepared(mock: &Mock) -> Sandbox {
    let sandbox = sandbox(&mock.row());
    // Rows written by hand would be kept as they are.
    fs::remove_file(sandbox.path("replies/greet.jsonl")).unwrap();
    let row = |version: &str| {
        format!(
            "{{\"case\":\"one\",\"version\":\"{version}\",\"model\":\"default\",\"repeat\":1,\"text\":\"Thanks\",\"finish_reason\":\"stop\",\"source\":\"recorded\"}}\n"
        )
    };
    sandbox.write("replies/greet.jsonl", row("1.0.0") + &row("1.1.0"));
    sandbox.write("prompts/greet/experiments/trial.yaml", EXPERIMENT);
    sandbox.write("text.txt", "Greet {name} {tone}.\n");
    sandbox.write("events.csv", "unit,variant,metric,value,at\nu9,control,resolved,1,2026-01-01T00:00:00Z\n");
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Seen {
    Seen::of(sandbox.command(arguments).env("TEST_KEY", KEY))
}

/// The same where no file may grow beyond so many blocks of 512 bytes. The signal for that is ignored, so the process gets an error.
fn run_without_room(sandbox: &Sandbox, blocks: u32, arguments: &[&str]) -> Seen {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(assert_cmd::cargo::cargo_bin!("promptassay"))
        .args(arguments)
        .current_dir(sandbox.path("."))
        .env("TEST_KEY", KEY)
        .env("NO_PROXY", "127.0.0.1")
        .env("HOME", sandbox.path("."))
        .env_remove("CI")
        .stdin(Stdio::null());
    Seen::of(&mut command)
}

fn kept(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    KEPT.iter().flat_map(|directory| bytes(sandbox, directory)).collect()
}

fn assert_failed(what: &[&str], seen: &Seen) {
    assert_eq!(seen.code, Some(4), "{what:?}\n{}", seen.shown());
    assert!(
        seen.stderr.contains("error:") && !seen.stderr.contains("panicked"),
        "{what:?}\n{}",
        seen.shown()
    );
}

#[cfg(unix)]
#[test]
fn a_command_without_room_fails_changes_nothing_and_works_once_there_is_room() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    for arguments in WRITERS {
        let mut done = false;
        for blocks in [0, 1] {
            let before = kept(&sandbox);
            let runs = sandbox.run(&["runs", "list", "--format", "json"]).stdout;
            let seen = run_without_room(&sandbox, blocks, arguments);
            // A block may be room enough for a short file.
            done = blocks > 0 && matches!(seen.code, Some(0 | 1));
            if done {
                break;
            }
            assert_failed(arguments, &seen);
            assert_eq!(kept(&sandbox), before, "{arguments:?} with {blocks} blocks\n{}", seen.shown());
            assert_eq!(sandbox.run(&["runs", "list", "--format", "json"]).stdout, runs, "{arguments:?}");
            assert!(!has_leftovers(&sandbox), "{arguments:?}: {:?}", sandbox.files("."));
            let checked = sandbox.run(&["check"]);
            assert_eq!(checked.code, Some(0), "{arguments:?}\n{}", checked.shown());
        }
        if !done {
            let seen = run(&sandbox, arguments);
            assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
        }
    }
    assert_eq!(sandbox.run(&["verify"]).code, Some(0));
}

/// What nobody made is nobody's to remove: a link to a volume that is full would be a store beside the volume the next time.
#[cfg(unix)]
#[test]
fn a_store_that_cannot_be_made_leaves_the_link_to_it() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    let start = ["experiment", "start", "trial", "--store", "link.db"];
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(
            run(&sandbox, &["register", "greet", version, "-m", "First", "--by", "Ada"]).code,
            Some(0)
        );
    }
    fs::create_dir(sandbox.path("volume")).unwrap();
    std::os::unix::fs::symlink("volume/e.db", sandbox.path("link.db")).unwrap();
    assert_failed(&start, &run_without_room(&sandbox, 0, &start));
    assert_eq!(fs::read_link(sandbox.path("link.db")).unwrap().to_str(), Some("volume/e.db"));
    assert!(fs::read_dir(sandbox.path("volume")).unwrap().next().is_none());
    assert_eq!(run(&sandbox, &start).code, Some(0));
    assert!(fs::metadata(sandbox.path("volume/e.db")).unwrap().len() > 0);
}

/// Temporary files that nobody will ever look at again.
fn has_leftovers(sandbox: &Sandbox) -> bool {
    sandbox.files(".").iter().any(|file| file.contains("/.promptassay-") || file.contains("/.tmp"))
}

#[cfg(unix)]
#[test]
fn a_ledger_without_room_keeps_every_line_it_had() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    assert_eq!(run(&sandbox, &["adopt", "greet", "1.0.0", "--by", "Ada"]).code, Some(0));
    let ledger = "prompts/greet/lifecycle.jsonl";
    let mut refused = 0;
    for step in 0..20 {
        let to = if step % 2 == 0 { "testing" } else { "draft" };
        let long = "because ".repeat(40);
        let arguments = ["promote", "greet", "1.1.0", "--to", to, "--reason", long.trim(), "--by", "Ada"];
        let before = sandbox.read(ledger);
        // Room for a part of the line, wherever the block ends in it.
        let blocks = u32::try_from(before.len() / 512).unwrap() + 1;
        let seen = run_without_room(&sandbox, blocks, &arguments);
        if seen.code != Some(0) {
            assert_failed(&arguments, &seen);
            assert_eq!(sandbox.read(ledger), before);
            refused += 1;
            assert_eq!(run(&sandbox, &arguments).code, Some(0));
        }
        assert_eq!(sandbox.run(&["verify"]).code, Some(0), "{step}");
    }
    assert!(refused > 5, "{refused}");
}

#[cfg(unix)]
#[test]
fn what_follows_the_ledger_and_has_no_room_is_finished_by_the_next_command() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    let prompt = sandbox.read("prompts/greet/prompt.yaml") + &"# long\n".repeat(10_000);
    sandbox.write("prompts/greet/prompt.yaml", prompt);
    for arguments in [
        &["adopt", "greet", "1.0.0", "--by", "Ada"][..],
        &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"],
        &["eval", "--offline"],
        &["canary", "greet", "1.1.0", "--percent", "5", "--evidence", "latest", "--by", "Ada"],
    ] {
        let seen = run(&sandbox, arguments);
        assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    }
    let promote = ["promote", "greet", "1.1.0", "--to", "production", "--evidence", "latest", "--by", "Ada"];
    // Room for the ledger, and not for prompt.yaml.
    let seen = run_without_room(&sandbox, 100, &promote);
    assert_failed(&promote, &seen);
    assert!(seen.stderr.contains("the ledger is written"), "{}", seen.shown());
    // What the ledger says is true already, and the next command finishes what follows it.
    assert!(sandbox.read("prompts/greet/prompt.yaml").contains("active_version: v1.0.0"));
    let resolved = sandbox.run(&["resolve", "greet"]);
    assert_eq!((resolved.code, resolved.stdout.contains("v1.1.0")), (Some(0), true), "{}", resolved.shown());
    let checked = sandbox.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.shown());
    assert_eq!(sandbox.json(&["status", "greet"])["production"], "1.1.0");
    assert!(sandbox.read("prompts/greet/prompt.yaml").contains("active_version: v1.1.0"));
}

#[cfg(unix)]
#[test]
fn output_that_nobody_could_read_is_not_green() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    sandbox.run(&["eval", "--offline"]);
    for arguments in [
        &["check"][..],
        &["list"],
        &["show", "greet"],
        &["render", "greet", "--var", "name=Ada"],
        &["eval", "--offline"],
        &["eval", "--offline", "--format", "json"],
        &["report"],
        &["runs", "list"],
        &["status"],
        &["schema", "test_cases"],
        &["completions", "bash"],
        &["man"],
        &["--version"],
        &["--help"],
        &["power", "--pass-rate", "0.9", "--flaky", "0.1"],
    ] {
        let whole = run(&sandbox, arguments);
        assert_eq!(whole.code, Some(0), "{arguments:?}\n{}", whole.shown());
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = sandbox.command(arguments);
        let status = command.stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(4), "{arguments:?}");
        let output = sandbox.command(arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("cannot write to standard output"), "{arguments:?}: {said}");
    }
}

/// Runs a script as root of a namespace of its own, in which it may mount: `$PA` is the binary. `None`, loudly, where that is not
/// possible.
fn in_namespace(sandbox: &Sandbox, script: &str) -> Option<Seen> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-euc", script])
            .env("PA", assert_cmd::cargo::cargo_bin!("promptassay"))
            .env("TEST_KEY", KEY)
            .env("NO_PROXY", "127.0.0.1")
            .env("HOME", sandbox.path("."))
            .env_remove("CI")
            .current_dir(sandbox.path("."))
            .stdin(Stdio::null());
        command
    };
    sandbox.write("mounted/.keep", "");
    let probe = unshare("mount -t tmpfs -o size=64k tmpfs mounted").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped!("SKIPPED: `unshare --user --mount` with a tmpfs is not possible here");
        return None;
    }
    Some(Seen::of(&mut unshare(script)))
}

#[test]
fn a_disk_that_is_full_loses_no_reply_that_was_kept() {
    let mock = Mock::polite();
    let source = prepared(&mock);
    let mut suite = "cases:\n".to_owned();
    for case in 0..300 {
        writeln!(suite, "  - {{name: case_{case}, inputs: {{name: A{case}}}, expected: {{polite: true}}}}")
            .unwrap();
    }
    source.write("prompts/greet/tests/test_cases.yaml", suite);
    let outer = Sandbox::empty();
    copy(&source.path("prompts"), &outer.path("tree/prompts"));
    let script = "
        mount -t tmpfs -o size=400k tmpfs mounted
        cp -r tree/prompts mounted; cd mounted; mkdir .git
        \"$PA\" eval >out 2>err && echo green || echo \"exit $?\"
        cat err
        mount -o remount,size=40m .
        answered() { cat .promptassay/runs/*/events.jsonl | grep -c trial_finished; }
        echo \"kept $(answered)\"
        \"$PA\" eval --resume >out 2>err && echo green || { echo \"exit $?\"; cat out err; }
        echo \"all $(answered)\"
    ";
    let Some(seen) = in_namespace(&outer, script) else { return };
    let text = &seen.stdout;
    assert!(text.starts_with("exit 4\n"), "{}", seen.shown());
    assert!(text.contains("No space left on device") && text.contains("eval --resume"), "{}", seen.shown());
    let number = |word: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        line.unwrap_or_else(|| panic!("{}", seen.shown())).parse().unwrap()
    };
    let (kept, all) = (number("kept "), number("all "));
    assert!(kept > 0 && kept < 600, "{}", seen.shown());
    assert!(text.contains("\ngreen\n"), "{}", seen.shown());
    assert_eq!(all, 600, "{}", seen.shown());
    // What was kept was not asked again; what was under way when the disk was full was lost with it.
    let calls = mock.counters().calls;
    assert!((600..=600 + 64).contains(&calls), "{calls} calls, {kept} kept");
}

/// The place of a report is tried before anything is done: it is the command line that is wrong.
const REPORT: &str = "report --junit report.xml";

#[test]
fn a_disk_that_may_not_be_written_to_is_read_and_nothing_on_it_is_green_that_writes() {
    let mock = Mock::polite();
    let source = prepared(&mock);
    for arguments in [
        &["adopt", "greet", "1.0.0", "--by", "Ada"][..],
        &["promote", "greet", "1.1.0", "--to", "testing", "--by", "Ada"],
        &["eval"],
        &["experiment", "start", "trial"],
        &["expose", "trial", "u1"],
    ] {
        let seen = run(&source, arguments);
        assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    }
    let outer = Sandbox::empty();
    for directory in ["prompts", "replies", "data", ".promptassay"] {
        copy(&source.path(directory), &outer.path("tree").join(directory));
    }
    outer.write("tree/text.txt", "Greet {name} {tone}.\n");
    let readers = [
        "check",
        "list",
        "show greet",
        "render greet --var name=Ada",
        "status",
        "verify",
        "history greet",
        "resolve greet --unit u1",
        "runs list",
        "report",
        "eval --offline --runs ../elsewhere",
        "analyze trial",
        "assign trial u1",
        "experiment list",
        "cache stats",
        "replies prune",
    ];
    let writers = [
        "new fresh",
        "add greet --from text.txt --version 1.2.0",
        "register greet 1.1.0 -m x --by Ada",
        "promote greet 1.1.0 --to draft --by Ada",
        "archive greet 1.1.0 --reason x --by Ada",
        "eval --offline",
        "eval",
        "baseline bless latest --force",
        "rescore latest",
        "expose trial u2",
        "record trial u1 resolved 1",
        "experiment stop trial --reason x",
        "cache clear",
        "runs rm latest",
    ];
    let script = format!(
        "
        mount -t tmpfs -o size=40m tmpfs mounted
        cp -r tree/. mounted; mkdir mounted/.git elsewhere; cd mounted
        mount -o remount,ro .
        while read -r arguments; do
            code=0; \"$PA\" $arguments >../out 2>../err || code=$?
            echo \"$code $arguments\"
            if [ $code != 0 ]; then cat ../err; fi
        done <<'END'\n{}\nEND\n",
        [&readers[..], &writers[..], &[REPORT]].concat().join("\n")
    );
    let Some(seen) = in_namespace(&outer, &script) else { return };
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    for arguments in readers {
        assert!(seen.stdout.contains(&format!("0 {arguments}\n")), "{arguments}\n{}", seen.shown());
    }
    assert!(seen.stdout.contains(&format!("2 {REPORT}\n")), "{}", seen.shown());
    for arguments in writers {
        assert!(seen.stdout.contains(&format!("4 {arguments}\n")), "{arguments}\n{}", seen.shown());
    }
    assert!(!seen.stdout.contains("panicked"), "{}", seen.shown());
}

#[test]
fn replies_that_could_not_be_recorded_are_not_paid_for() {
    let mock = Mock::polite();
    let sandbox = prepared(&mock);
    // The directory may be written to, and the file is somewhere else.
    let script = "
        mount -t tmpfs -o size=400k tmpfs mounted
        mkdir -p .git; mv replies/greet.jsonl mounted; ln -s ../mounted/greet.jsonl replies/greet.jsonl
        mount -o remount,ro mounted
        \"$PA\" eval --record && echo green || echo \"exit $?\"
    ";
    let Some(seen) = in_namespace(&sandbox, script) else { return };
    assert!(seen.stdout.ends_with("exit 4\n"), "{}", seen.shown());
    assert!(
        seen.stderr.contains("replies cannot be recorded: cannot write `replies/greet.jsonl`"),
        "{}",
        seen.shown()
    );
    mock.counters().assert_calls(0);
}

#[test]
fn a_cache_that_cannot_be_written_to_is_a_warning_and_costs_no_verdict() {
    let mock = Mock::polite();
    let sandbox = sandbox(OFFLINE_MODEL);
    let registry = sandbox.read("prompts/registry.yaml").replace(OFFLINE_MODEL, &mock.row());
    sandbox.write("prompts/registry.yaml", registry);
    sandbox.write(".promptassay/cache", "a file where a directory belongs");
    let seen = run(&sandbox, &["eval"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert!(seen.stderr.contains("warning: replies could not be kept in the cache: "), "{}", seen.shown());
    // They are in the journal all the same.
    assert_eq!(run(&sandbox, &["report"]).stdout, seen.stdout);
}
