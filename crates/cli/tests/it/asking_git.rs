//! How often git is asked about a change, and that it is asked for files of any name.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;

use crate::linking::{EVAL, rows};
use crate::sandbox::{Sandbox, Seen, git_command};

/// Prompts with a registered version and a dataset, and a change of each; the base has moved on since.
fn changed(prompts: usize) -> Option<Sandbox> {
    let sandbox = Sandbox::empty();
    sandbox.write(".gitignore", ".promptassay/\n.asked/\n*.lock\n!prompt.lock\n");
    sandbox.write(
        "prompts/registry.yaml",
        "models: {default: {provider: openai, model: m}}\nreplies: ../replies\n",
    );
    for number in 0..prompts {
        let directory = format!("prompts/p{number}");
        let write = |file: &str, text: &str| sandbox.write(&format!("{directory}/{file}"), text);
        write(
            "prompt.yaml",
            &format!("name: p{number}\ndescription: d\nactive_version: v1.0.0\nvariables: [name]\n"),
        );
        write("v1.0.0.txt", "Greet {name}.\n");
        write("tests/rows.jsonl", &rows(&[("one", true), ("two", false)]));
        write(
            "tests/test_cases.yaml",
            "gate: {min_pass_rate: 0.5}\nrepeat: 1\nvalidators: [{contains: please}]\ndatasets: [{file: '*.jsonl'}]\n",
        );
        let registered =
            sandbox.run(&["register", &format!("p{number}"), "1.0.0", "-m", "first", "--by", "Ada"]);
        assert_eq!(registered.code, Some(0), "{}", registered.stderr);
    }
    if !sandbox.commit_to_main() {
        return None;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    for number in 0..prompts {
        sandbox.write(&format!("prompts/p{number}/v1.1.0.txt"), "Greet {name} well.\n");
        sandbox
            .write(&format!("prompts/p{number}/tests/rows.jsonl"), rows(&[("one", true), ("three", false)]));
    }
    sandbox.commit("change");
    sandbox.git(&["checkout", "-q", "main"]);
    sandbox.write("README.md", "moved on\n");
    sandbox.commit("move on");
    sandbox.git(&["checkout", "-q", "change"]);
    Some(sandbox)
}

/// What git is asked by a command, a line for each process, without what differs from run to run.
fn asked(sandbox: &Sandbox, arguments: &[&str]) -> (Seen, String) {
    let path = std::env::var("PATH").unwrap();
    let log = sandbox.path(".asked/log");
    sandbox.write(
        ".asked/git",
        format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nPATH='{path}' exec git \"$@\"\n", log.display()),
    );
    fs::set_permissions(sandbox.path(".asked/git"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.write(".asked/log", "");
    let asking = format!("{}:{path}", sandbox.path(".asked").display());
    let seen = Seen::of(sandbox.command(arguments).env("PATH", asking));
    let written_out = regex::Regex::new("--prefix=[^ ]+").unwrap();
    let log = sandbox.clean(&fs::read_to_string(log).unwrap());
    (seen, without_ids(&written_out.replace_all(&log, "--prefix=[INDEX]")))
}

fn without_ids(text: &str) -> String {
    let ids = regex::Regex::new("[0-9a-f]{40}").unwrap();
    ids.replace_all(text, "[ID]").into_owned()
}

#[test]
fn git_is_asked_about_many_prompts_as_often_as_about_few() {
    let (Some(few), Some(many)) = (changed(2), changed(7)) else { return };
    let mut told = String::new();
    for arguments in
        [&["eval", "--dry-run", "--changed-since", "main"][..], &["check", "--frozen-since", "main"]]
    {
        let ((seen, of_few), (_, of_many)) = (asked(&few, arguments), asked(&many, arguments));
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        assert_eq!(of_many, of_few);
        writeln!(told, "$ promptassay {}\n{of_few}", arguments.join(" ")).unwrap();
    }
    assert_snapshot!(told);
}

#[test]
fn files_of_any_name_are_read_as_they_were() {
    let sandbox = crate::linking::sandbox("../../../../data/*/rows *.jsonl");
    // All of it lies in a directory whose name is two lines.
    let odd = "of all\nteams";
    fs::create_dir(sandbox.path(odd)).unwrap();
    fs::rename(sandbox.path("prompts"), sandbox.path(&format!("{odd}/prompts"))).unwrap();
    fs::rename(sandbox.path("replies"), sandbox.path(&format!("{odd}/replies"))).unwrap();
    sandbox.write("data/a\nb\"c\\/rows 1\n2.jsonl", rows(&[("one", true), ("two", true)]));
    sandbox.write("far\toff/rows \u{e9}.jsonl", rows(&[("three", true)]));
    symlink("../far\toff", sandbox.path("data/by link")).unwrap();
    // What is no text is in nobody's way.
    let bytes = sandbox.path("data").join(std::ffi::OsStr::from_bytes(b"\xff\n"));
    fs::create_dir(&bytes).unwrap();
    fs::write(bytes.join("rows x.jsonl"), rows(&[("a", false)])).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    fs::remove_dir_all(&bytes).unwrap();
    sandbox.write("data/a\nb\"c\\/rows 1\n2.jsonl", rows(&[("two", false)]));
    sandbox.write("far\toff/rows \u{e9}.jsonl", rows(&[("four", false)]));
    let prompts = format!("{odd}/prompts");
    let seen = sandbox.run(&[&EVAL[..], &["--prompts", &prompts]].concat());
    assert_snapshot!(sandbox.clean(&seen.shown()));
}

#[test]
fn a_content_that_is_lost_is_said_to_be() {
    let Some(sandbox) = changed(1) else { return };
    let asked = git_command()
        .arg("-C")
        .arg(sandbox.path("."))
        .args(["rev-parse", "main:prompts/p0/prompt.lock"])
        .output()
        .unwrap();
    let id = String::from_utf8(asked.stdout).unwrap();
    let (directory, file) = id.trim().split_at(2);
    fs::remove_file(sandbox.path(&format!(".git/objects/{directory}/{file}"))).unwrap();
    let seen = sandbox.run(&["check", "--frozen-since", "main"]);
    assert_snapshot!(without_ids(&sandbox.clean(&seen.shown())));
}
