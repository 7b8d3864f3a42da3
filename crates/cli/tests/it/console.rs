//! Streams, colours, help: what holds for every command.

use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

pub(crate) const COMMANDS: [&str; 47] = [
    "init",
    "new",
    "add",
    "register",
    "list",
    "show",
    "render",
    "diff",
    "log",
    "activate",
    "check",
    "eval",
    "report",
    "merge",
    "rescore",
    "compare",
    "baseline",
    "runs",
    "cache",
    "replies",
    "mock",
    "status",
    "promote",
    "adopt",
    "canary",
    "abort",
    "rollback",
    "deprecate",
    "archive",
    "history",
    "blame",
    "verify",
    "repair",
    "resolve",
    "snapshot",
    "experiment",
    "assign",
    "expose",
    "record",
    "import",
    "export",
    "analyze",
    "power",
    "simulate",
    "schema",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::empty();
    for command in COMMANDS {
        for option in ["-h", "--help"] {
            let seen = sandbox.run(&[command, option]);
            assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{command}");
            assert!(seen.stdout.contains(&format!("Examples:\n  promptassay {command}")), "{command}");
            assert!(
                seen.stdout.lines().all(|line| line.chars().count() <= 120),
                "{command}: {}",
                seen.stdout
            );
        }
    }
    let help = sandbox.run(&["--help"]).stdout;
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command}\n{help}");
    }
    assert_snapshot!(help);
}

#[test]
fn usage_errors_end_with_2() {
    let sandbox = Sandbox::empty();
    assert_snapshot!(sandbox.session(&[
        &["chek"],
        &["show"],
        &["show", "a", "--versio", "v1.0.0"],
        &["schema", "promt"],
        &["list", "--format", "xml"],
        &["list", "-q", "-v"],
        &["eval", "--max-cost", "-1"],
    ]));
    assert_eq!(sandbox.run(&[]).code, Some(2));
}

#[test]
fn the_version_names_the_commit() {
    let version = Sandbox::empty().run(&["--version"]).stdout;
    // Without a repository, as in a source archive, there is none.
    let shape = regex::Regex::new(r"^promptassay \d+\.\d+\.\d+( \([0-9a-f]{12}\))?\n$").unwrap();
    assert!(shape.is_match(&version), "{version}");
    assert!(version.starts_with(concat!("promptassay ", env!("CARGO_PKG_VERSION"))), "{version}");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    if std::path::Path::new(root).join(".git").exists() {
        let commit = version.split(['(', ')']).nth(1).unwrap_or_default();
        let known = Command::new("git").args(["-C", root, "cat-file", "-e", commit]).status();
        assert!(known.is_ok_and(|known| known.success()), "{version}");
    }
}

#[test]
fn manual_pages_are_there_for_every_command() {
    let sandbox = Sandbox::empty();
    let page = sandbox.run(&["man", "eval"]);
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    assert!(
        page.stdout.contains(".SH SYNOPSIS") && page.stdout.contains("changed\\-since"),
        "{}",
        page.stdout
    );
    std::fs::create_dir(sandbox.path("man1")).unwrap();
    assert_eq!(sandbox.run(&["man", "--directory", "man1"]).code, Some(0));
    let mut expected: Vec<String> =
        COMMANDS.iter().map(|command| format!("man1/promptassay-{command}.1")).collect();
    expected.push("man1/promptassay.1".into());
    expected.sort();
    assert_eq!(sandbox.files("man1"), expected);
    assert_snapshot!(sandbox.session(&[&["man", "evl"], &["man", "--directory", "nowhere"]]));
}

#[test]
fn colour_is_for_terminals_or_on_demand() {
    let sandbox = Sandbox::new();
    sandbox.edit("prompts/greet/prompt.yaml", "v1.0.0 ", "v1.0.1 ");
    let colored = |seen: &Seen| seen.stderr.contains('\u{1b}') || seen.stdout.contains('\u{1b}');
    let check = |arguments: &[&str], no_color: bool| {
        let mut command = sandbox.command(&[&["check"], arguments].concat());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        Seen::of(&mut command)
    };
    assert!(!colored(&check(&[], false)), "a pipe is no terminal");
    assert!(colored(&check(&["--color", "always"], false)));
    assert!(colored(&check(&["--color", "always"], true)), "who says it on the command line means it");
    assert!(!colored(&check(&["--color", "never"], false)));
    assert!(!colored(&check(&["--color", "always", "--format", "json"], false)), "data has no colour");
    // The same words with and without.
    let strip = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let always = check(&["--color", "always"], false).stderr;
    assert_eq!(strip.replace_all(&always, ""), check(&[], false).stderr);
}

#[test]
fn errors_are_lines_of_json_where_a_program_asks() {
    let sandbox = Sandbox::new();
    let seen = sandbox.run(&["render", "greet", "--var", "x=1", "--var", "tone=no", "--format", "json"]);
    assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""));
    let problems: Vec<serde_json::Value> =
        seen.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    insta::assert_json_snapshot!(problems);
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, so that the writer meets the closed end.
    sandbox.write("prompts/greet/v1.0.0.txt", "{name} {tone} ".to_owned() + &"x".repeat(900_000));
    for arguments in [
        &["render", "greet", "--var", "name=Ada"][..],
        &["show", "greet"],
        &["show", "greet", "--format", "json"],
        &["render", "greet", "--var", "name=Ada", "--format", "json"],
    ] {
        let mut command = sandbox.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn completions_name_every_command() {
    let sandbox = Sandbox::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let seen = sandbox.run(&["completions", shell]);
        assert_eq!(seen.code, Some(0), "{shell}");
        for command in COMMANDS {
            assert!(seen.stdout.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn what_is_text_is_in_a_document_for_programs() {
    let sandbox = Sandbox::empty();
    let texts = [
        (&["completions", "bash"][..], "script", ("shell", "bash")),
        (&["man"], "page", ("command", "promptassay")),
        (&["man", "eval"], "page", ("command", "promptassay-eval")),
    ];
    for (arguments, key, (name, value)) in texts {
        let text = sandbox.run(arguments).stdout;
        let document = sandbox.json(arguments);
        assert!(!text.is_empty());
        assert_eq!((&document[key], &document[name]), (&text.into(), &value.into()), "{arguments:?}");
    }
}

#[test]
fn prompts_are_found_from_below_and_by_name() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path("src/deep")).unwrap();
    let mut below = sandbox.command(&["list", "--format", "json"]);
    let seen = Seen::of(below.current_dir(sandbox.path("src/deep")));
    let listed: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(listed["prompts"][0]["directory"], "../../prompts/greet");
    let mut named = sandbox.command(&["list"]);
    let seen = Seen::of(named.env("PROMPTASSAY_PROMPTS", "prompts").current_dir(sandbox.path("")));
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_snapshot!(
        sandbox.session(&[&["list", "--prompts", "prompts/greet"], &["list", "--prompts", "nowhere"]])
    );
}
