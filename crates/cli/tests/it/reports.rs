//! Reports as files: which are written, where to, and what independent readers find in them.

mod endings;
mod hostile;
pub(crate) mod readers;

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

/// The formats of reports.
pub(crate) const FORMATS: [&str; 6] = ["terminal", "junit", "json", "markdown", "github", "csv"];

/// Every report, each into a file of its own.
pub(crate) const ALL_REPORTS: [&str; 12] = [
    "--report",
    "terminal=report.txt",
    "--report",
    "json=report.json",
    "--report",
    "csv=trials.csv",
    "--report",
    "github=annotations.txt",
    "--report",
    "markdown=report.md",
    "--report",
    "junit=report.xml",
];

const SUITE: &str = "\
cases:
  - name: one
    inputs: {name: Ada}
    expected: {polite: true}
    validators:
      - max_words: 5
  - name: two
    inputs: {name: Bob}
    expected: {polite: true}
    validators:
      - max_words: 5
";

/// One prompt with two cases and these replies.
fn sandbox(replies: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
    let rows = replies.iter().map(|(case, text)| {
        let row = serde_json::json!({
            "case": case, "version": "1.0.0", "model": "default", "repeat": 1,
            "text": text, "finish_reason": "stop", "source": "hand",
        });
        format!("{row}\n")
    });
    sandbox.write("replies/greet.jsonl", rows.collect::<String>());
    sandbox
}

fn one_fails() -> Sandbox {
    sandbox(&[("one", "Thank you, Ada"), ("two", "No, Bob, I am not going to: 100 %, never")])
}

#[test]
fn no_format_is_left_out_of_the_tests() {
    let seen = Sandbox::empty().run(&["report", "--report", "which"]);
    let known = seen.stderr.split("formats are ").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!(known, Some(FORMATS.join(", ").as_str()), "{}", seen.shown());
    for format in FORMATS {
        assert!(ALL_REPORTS.iter().any(|report| report.starts_with(&format!("{format}="))), "{format}");
    }
}

#[test]
fn several_reports_at_once() {
    let sandbox = one_fails();
    let arguments = [
        "eval",
        "--offline",
        "--report",
        "terminal=deep/er/report.txt",
        "--report",
        "json=report.json",
        "--report",
        "csv=trials.csv",
        "--report",
        "github=annotations.txt",
        "--junit",
        "report.xml",
    ];
    let seen = sandbox.run(&arguments);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert_eq!(sandbox.read("deep/er/report.txt"), seen.stdout);
    assert_eq!(sandbox.read("report.json"), sandbox.run(&["report", "--format", "json"]).stdout);
    assert_snapshot!("trials_csv", sandbox.read("trials.csv").replace('\r', "␍"));
    assert_snapshot!("annotations", sandbox.read("annotations.txt"));
    // A kept run gives the same ones.
    for (format, file) in [
        ("terminal", "deep/er/report.txt"),
        ("csv", "trials.csv"),
        ("github", "annotations.txt"),
        ("junit", "report.xml"),
    ] {
        let again = sandbox.run(&["report", "--report", &format!("{format}=-")]);
        assert_eq!((again.code, again.stdout), (Some(1), sandbox.read(file)), "{format}");
    }
}

#[test]
fn standard_output_takes_one_report_in_place_of_the_usual_one() {
    let sandbox = one_fails();
    let seen =
        sandbox.run(&["eval", "--offline", "--report", "github=-", "--format", "json", "--color", "always"]);
    assert_snapshot!(seen.shown());
    let seen = sandbox.run(&[
        "report",
        "--report",
        "terminal=-",
        "--report",
        "terminal=report.txt",
        "--color",
        "always",
    ]);
    assert!(seen.stdout.contains("\u{1b}[31m"), "{}", seen.shown());
    assert!(!sandbox.read("report.txt").contains('\u{1b}'));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let sandbox = one_fails();
    let mut shown = String::new();
    for reports in [
        &["--report", "junit"][..],
        &["--report", "junti=report.xml"],
        &["--report", "yaml=report.yaml"],
        &["--report", "json="],
        &["--report", "json=report", "--report", "csv=./report"],
        &["--report", "json=new/report", "--report", "csv=./new/report"],
        &["--junit", "report.xml", "--report", "junit=report.xml"],
        &["--report", "csv=-", "--report", "github=-"],
        &["--shard", "1/2", "--report", "csv=-"],
        &["--report", "json=prompts/greet/prompt.yaml"],
        &["--report", "json=replies/greet.jsonl"],
        &["--junit", "./prompts/../prompts/registry.yaml"],
    ] {
        let seen = sandbox.run(&[&["eval", "--offline"], reports].concat());
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
        writeln!(shown, "$ eval {}\n{}", reports.join(" "), sandbox.clean(&seen.stderr)).unwrap();
    }
    assert_snapshot!(shown);
    assert!(!sandbox.path(".promptassay").exists());
}

#[test]
fn a_report_that_cannot_be_written_keeps_no_other_from_being_written() {
    // Everything passes, and still the exit code is not 0; so JUnit is red.
    let sandbox = sandbox(&[("one", "Thank you, Ada"), ("two", "Please, Bob")]);
    // Nothing is in the way before there is the first of them.
    let arguments = [
        "eval",
        "--offline",
        "--junit",
        "first.xml",
        "--report",
        "json=report.json",
        "--report",
        "csv=report.json/trials.csv",
        "--report",
        "junit=report.json/second.xml",
    ];
    let seen = sandbox.run(&arguments);
    assert_snapshot!(sandbox.clean(&seen.shown()));
    assert!(sandbox.read("report.json").contains("\"verdict\": \"passed\""));
    assert_snapshot!(
        "junit_of_a_run_whose_report_could_not_be_written",
        readers::dateless_lines(&sandbox.read("first.xml"))
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let sandbox = one_fails();
    let seen =
        sandbox.run(&["eval", "--offline", "--report", "github=/dev/stderr", "--report", "csv=/dev/full"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.starts_with("::error file=prompts/greet/tests/test_cases.yaml,"), "{}", seen.shown());
    assert!(seen.stderr.contains("cannot write `/dev/full`"), "{}", seen.shown());
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn a_stream_that_leads_to_a_file_is_added_to_and_not_replaced() {
    let sandbox = one_fails();
    sandbox.write("cron.log", "yesterday\n");
    let log = fs::OpenOptions::new().append(true).open(sandbox.path("cron.log")).unwrap();
    let mut command = sandbox.command(&["eval", "--offline", "--report", "github=/dev/stderr"]);
    assert_eq!(command.stderr(log).output().unwrap().status.code(), Some(1));
    let log = sandbox.read("cron.log");
    assert!(log.starts_with("yesterday\n") && log.contains("\n::error file=prompts/greet/"), "{log}");

    // A stream that is not opened for adding has a place of its own; what comes later is written behind the report and not over it.
    let fresh = fs::File::create(sandbox.path("fresh.log")).unwrap();
    let failing = ["eval", "--offline", "--report", "github=/dev/stderr", "--report", "csv=/dev/full"];
    assert_eq!(sandbox.command(&failing).stderr(fresh).output().unwrap().status.code(), Some(4));
    let log = sandbox.read("fresh.log");
    assert!(log.contains("::error file=prompts/greet/") && log.contains("cannot write `/dev/full`"), "{log}");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_stream_is_the_stream_and_its_log_keeps_the_error_of_a_refused_run() {
    let sandbox = one_fails();
    std::os::unix::fs::symlink("/dev/stderr", sandbox.path("report.json")).unwrap();
    let run = |name: &str| {
        let log = fs::File::create(sandbox.path(name)).unwrap();
        let mut command = sandbox.command(&["eval", "--offline", "--report", "json=report.json"]);
        let status = command.stdout(std::process::Stdio::null()).stderr(log).status().unwrap();
        (status.code(), sandbox.read(name))
    };
    let (code, log) = run("good.log");
    assert!(code == Some(1) && log.contains("\"schema\""), "{code:?} {log}");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "casis:");
    let (code, log) = run("refused.log");
    assert!(code == Some(2) && log.contains("unknown key `casis`"), "{code:?} {log}");
}

#[test]
fn what_somebody_puts_in_the_place_of_a_report_meanwhile_costs_that_report_and_no_verdict() {
    let sandbox = sandbox(&[("one", "Thank you, Ada"), ("two", "Please, Bob")]);
    let program = "echo mine > report.md\necho '{\"text\": \"Thank you\"}'\n";
    sandbox.write("answer.sh", program);
    sandbox.edit(
        "prompts/registry.yaml",
        "models:",
        "models:\n  slow: {provider: command, command: [sh, answer.sh]}",
    );
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "models: [slow]\ncases:");
    let arguments = ["eval", "--allow-commands", "--report", "markdown=report.md", "--junit", "report.xml"];
    let seen = sandbox.run(&arguments);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert_eq!(sandbox.read("report.md"), "mine\n");
    assert!(seen.stdout.contains("PASSED"), "{}", seen.shown());
    assert!(seen.stderr.contains("it is not written over"), "{}", seen.shown());
    assert!(sandbox.read("report.xml").contains("it is not written over"), "{}", sandbox.read("report.xml"));
}

#[test]
fn places_are_told_from_the_root_of_the_repository() {
    let sandbox = one_fails();
    fs::create_dir_all(sandbox.path("some/where")).unwrap();
    let mut command = sandbox.command(&["eval", "--offline", "--report", "github=-"]);
    let seen = crate::sandbox::Seen::of(command.current_dir(sandbox.path("some/where")));
    assert!(seen.stdout.contains(" file=prompts/greet/tests/test_cases.yaml,line=7,"), "{}", seen.shown());
}

#[test]
fn a_redacted_report_holds_no_word_of_a_model() {
    let sandbox = one_fails();
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "repeat: 2\ncases:");
    let seen = sandbox.run(&["eval", "--offline", "--junit", "report.xml", "--junit-redact"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let report = sandbox.read("report.xml");
    assert!(
        !report.contains("Bob, I am") && !report.contains("going") && !report.contains("10 words"),
        "{report}"
    );
    readers::check_junit(&sandbox.path("report.xml"));
    assert_snapshot!(readers::dateless_lines(&report));
}

#[test]
fn a_case_named_gate_stays_apart_from_the_gate() {
    let sandbox = sandbox(&[("gate", "Thank you, Ada"), ("two", "Please, Bob")]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "name: one", "name: gate");
    let seen = sandbox.run(&["eval", "--offline", "--junit", "report.xml"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    readers::check_junit(&sandbox.path("report.xml"));
    assert_snapshot!(readers::dateless_lines(&sandbox.read("report.xml")));
}

#[test]
fn reports_that_are_kept_are_the_same_wherever_one_stands() {
    let sandbox = sandbox(&[("one", "Thank you"), ("two", "no")]);
    sandbox.write("prompts/greet/tests/test_cases.yaml", format!("{SUITE}  - {{name: three, inputs: {{name: Eve}}, expected: {{polite: true}}, skip: 'waits for `x` <b>'}}\n"));
    sandbox.run(&["eval", "--offline"]);
    for format in FORMATS.into_iter().filter(|format| *format != "terminal") {
        let report = ["report", "--report", &format!("{format}=-")];
        let above = sandbox.run(&report);
        let below = Seen::of(sandbox.command(&report).current_dir(sandbox.path("prompts/greet/tests")));
        assert!(above.stdout.contains("prompts/greet/tests/test_cases.yaml"), "{format}: {}", above.shown());
        assert_eq!(above.stdout, below.stdout, "{format}");
        if matches!(format, "markdown" | "github") {
            insta::assert_snapshot!(format!("skipped.{format}"), above.stdout);
        }
    }
    // The terminal's names files so that they can be opened from where its reader stands.
    let below = Seen::of(sandbox.command(&["report"]).current_dir(sandbox.path("prompts/greet")));
    let place = "  two   ../../prompts/greet/tests/test_cases.yaml:7";
    assert!(below.stdout.contains(place), "{}", below.stdout);
}

/// What people have lying about, each in the place of a report.
const OF_SOMEBODY: [(&str, &str, &str); 7] = [
    ("csv", "data/c.csv", "name,question\na,Why?\n"),
    ("json", "package.json", "{\"name\": \"app\", \"version\": \"1.0.0\"}\n"),
    ("json", "run.json", "{\"schema\": 1, \"id\": \"x\", \"verdict\": \"passed\"}\n"),
    ("markdown", "README.md", "# An application\n\n<!-- promptassay -->\n"),
    ("terminal", "check.sh", "#!/bin/sh\nexit 1\n"),
    ("github", "notes.txt", "tomorrow\n"),
    ("junit", "logo.svg", "<?xml version=\"1.0\"?><svg/>"),
];

#[test]
fn what_is_no_report_is_neither_written_over_nor_removed() {
    let sandbox = one_fails();
    let mut shown = String::new();
    for (format, file, text) in OF_SOMEBODY {
        sandbox.write(file, text);
        let seen = sandbox.run(&["eval", "--offline", "--report", &format!("{format}={file}")]);
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
        writeln!(shown, "$ eval --report {format}={file}\n{}", seen.stderr).unwrap();
    }
    assert_snapshot!(shown);
    assert!(!sandbox.path(".promptassay").exists(), "nothing was asked");
    // Nor where the run is refused for something else; an older report beside it does not stay.
    sandbox.run(&["eval", "--offline", "--report", "json=report.json"]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 5", "max_wrods: 5");
    for (format, file, _) in OF_SOMEBODY {
        let further = ["--report", &format!("{format}={file}")];
        let seen =
            sandbox.run(&[&["eval", "--offline", "--report", "json=report.json"], &further[..]].concat());
        assert_eq!(seen.code, Some(2), "{}", seen.shown());
    }
    for (_, file, text) in OF_SOMEBODY {
        assert_eq!(sandbox.read(file), text, "{file}");
    }
    assert!(!sandbox.path("report.json").exists());
}

#[cfg(unix)]
#[test]
fn an_older_report_behind_a_link_does_not_stay_and_the_link_does() {
    let sandbox = one_fails();
    let eval =
        || sandbox.run(&["eval", "--offline", "--report", "json=report.json", "--report", "csv=t.csv"]);
    for (link, file) in [("report.json", "store/real.json"), ("t.csv", "notes.txt")] {
        sandbox.write(file, "");
        std::os::unix::fs::symlink(file, sandbox.path(link)).unwrap();
    }
    assert_eq!(eval().code, Some(1));
    assert!(sandbox.read("store/real.json").starts_with('{'));
    sandbox.write("notes.txt", "tomorrow\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_words: 5", "max_wrods: 5");
    let seen = eval();
    assert_eq!((seen.code, sandbox.read("store/real.json").as_str()), (Some(2), ""), "{}", seen.shown());
    assert_eq!(sandbox.read("notes.txt"), "tomorrow\n", "what is no report stays behind a link as well");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "max_wrods: 5", "max_words: 5");
    sandbox.write("notes.txt", "");
    assert_eq!(eval().code, Some(1));
    assert!(sandbox.read("store/real.json").starts_with('{'), "it is written through the link as before");
}

#[test]
fn yesterdays_reports_are_replaced_and_so_is_what_holds_nothing() {
    let sandbox = one_fails();
    let files: Vec<&str> =
        ALL_REPORTS.iter().filter_map(|one| one.split_once('=')).map(|(_, file)| file).collect();
    for file in &files {
        sandbox.write(file, "");
    }
    let eval = |arguments: &[&str]| {
        let seen = sandbox.run(&[&["eval", "--offline"], arguments, &ALL_REPORTS[..]].concat());
        assert!(matches!(seen.code, Some(0 | 1)), "{}", seen.shown());
        for file in &files {
            assert_ne!(sandbox.read(file), "", "{file}");
        }
    };
    for _ in 0..2 {
        eval(&[]);
    }
    // Reports of a run in which nothing was to be evaluated are reports.
    sandbox.git(&["init", "-q"]);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "all"]);
    eval(&["--changed-since", "HEAD"]);
    eval(&["--changed-since", "HEAD"]);
    eval(&[]);
    // So are those of older versions of this program.
    for (file, head) in [
        ("report.json", "{\n  \"schema\": 1,\n  \"verdict\": \"failed\",\n  \"interrupted\": false,\n"),
        ("report.md", "<!-- promptassay -->\n## promptassay: nothing to evaluate\n"),
        (
            "trials.csv",
            "prompt,version,model,role,case,repeat,outcome,score,failed_checks,reasons,error,source\r\n",
        ),
        ("report.txt", "greet   2 cases × 1   default (m)   replies live\n"),
        ("report.xml", "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites></testsuites>"),
        ("annotations.txt", "::warning title=promptassay::nothing\n"),
    ] {
        sandbox.write(file, head);
    }
    eval(&[]);
}

#[test]
fn a_report_may_be_called_as_its_user_likes() {
    let sandbox = one_fails();
    let seen = sandbox.run(&["eval", "--offline", "--report", "json=out/report.jsonl"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    assert!(sandbox.read("out/report.jsonl").starts_with('{'));
}
