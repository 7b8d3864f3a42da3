//! Commit hooks, as git runs them: what they let through is what every clone has.

use std::fmt::Write as _;
use std::fs;
use std::process::Output;

use crate::sandbox::{Sandbox, git_command};

const PROMPT: &str = "prompts/support_reply";

/// A repository with the sample of `init` and the hook that looks at what is registered; nothing is committed. `None` where
/// git is missing.
fn hooked() -> Option<Sandbox> {
    let sandbox = Sandbox::empty();
    fs::remove_dir(sandbox.path(".git")).unwrap();
    if !sandbox.git(&["init", "-q", "-b", "main"]) {
        return None;
    }
    assert_eq!(sandbox.run(&["init"]).code, Some(0));
    let program = assert_cmd::cargo::cargo_bin!("promptassay").display().to_string();
    let hook = format!("#!/bin/sh\nexec '{program}' check --frozen-since HEAD\n");
    sandbox.write(".git/hooks/pre-commit", hook);
    let script = sandbox.path(".git/hooks/pre-commit");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert!(script.exists());
    Some(sandbox)
}

/// The same after a first commit.
fn committed() -> Option<Sandbox> {
    let sandbox = hooked()?;
    assert_eq!(committing(&sandbox, &[]), "ok");
    Some(sandbox)
}

fn git(sandbox: &Sandbox, directory: &str, arguments: &[&str]) -> Output {
    git_command()
        .current_dir(sandbox.path(directory))
        .env_remove("PROMPTASSAY_PROMPTS")
        .env("NO_COLOR", "1")
        .args(arguments)
        .output()
        .unwrap()
}

/// What the hook says to a commit: `ok`, or why not. Without arguments everything is staged before.
fn committing(sandbox: &Sandbox, arguments: &[&str]) -> String {
    if arguments.is_empty() {
        sandbox.git(&["add", "-A"]);
    }
    let output = git(sandbox, "", &[&["commit", "-qm", "x"], arguments].concat());
    if output.status.success() {
        return "ok".to_owned();
    }
    sandbox.clean(&String::from_utf8(output.stderr).unwrap())
}

/// Registers v1.4.0, and stages nothing.
fn register_another(sandbox: &Sandbox) {
    sandbox.write(&format!("{PROMPT}/v1.4.0.txt"), "Dear customer of {shop_name}: {question}\n");
    let registered = sandbox.run(&["register", "support_reply", "v1.4.0", "-m", "k", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.shown());
}

/// Each step, and what the hook says to it. What it refused is taken back.
fn steps(sandbox: &Sandbox, steps: &[(&str, &dyn Fn())]) -> String {
    let mut seen = String::new();
    for (what, step) in steps {
        step();
        writeln!(seen, "# {what}\n{}", committing(sandbox, &["--allow-empty"])).unwrap();
        sandbox.git(&["reset", "-q", "--hard"]);
        sandbox.git(&["clean", "-fdq"]);
    }
    seen
}

#[test]
fn a_commit_takes_the_index_and_so_does_the_hook() {
    let Some(sandbox) = committed() else { return };
    let version = format!("{PROMPT}/v1.0.0.txt");
    let cached = |path: &str| sandbox.git(&["rm", "-rq", "--cached", path]);
    let seen = steps(
        &sandbox,
        &[
            ("a version is taken out of the index", &|| {
                cached(&version);
            }),
            ("prompt.lock is taken out of the index", &|| {
                cached(&format!("{PROMPT}/prompt.lock"));
            }),
            ("the whole prompt is taken out of the index", &|| {
                cached(PROMPT);
            }),
            ("a rewrite is staged, and the file put back", &|| {
                let text = sandbox.read(&version);
                sandbox.write(&version, "Something else, {shop_name}: {question}\n");
                sandbox.git(&["add", "-A"]);
                sandbox.write(&version, text);
            }),
            ("a registered version, of which only the row is staged", &|| {
                register_another(&sandbox);
                sandbox.git(&["add", &format!("{PROMPT}/prompt.lock")]);
            }),
            ("the same, and the file is only promised", &|| {
                register_another(&sandbox);
                sandbox.git(&["add", &format!("{PROMPT}/prompt.lock")]);
                sandbox.git(&["add", "--intent-to-add", "-A"]);
            }),
            ("the same, with its file", &|| {
                register_another(&sandbox);
                sandbox.git(&["add", "-A"]);
            }),
            ("something else is committed", &|| {
                sandbox.write("notes.txt", "hello\n");
                sandbox.git(&["add", "notes.txt"]);
            }),
        ],
    );
    insta::assert_snapshot!(seen);
}

#[test]
fn an_index_of_its_own_is_the_one_that_is_looked_at() {
    let Some(sandbox) = committed() else { return };
    let version = format!("{PROMPT}/v1.0.0.txt");
    // Staged, and not part of what is committed: git hands the hook an index without it.
    sandbox.git(&["rm", "-q", "--cached", &version]);
    sandbox.write("notes.txt", "hello\n");
    sandbox.git(&["add", "notes.txt"]);
    let others = committing(&sandbox, &["--", "notes.txt"]);
    // `--all` stages the lock, and knows nothing of a file that was never added.
    sandbox.git(&["reset", "-q", "--hard"]);
    register_another(&sandbox);
    let all = committing(&sandbox, &["--all"]);
    sandbox.git(&["add", "-A"]);
    let lock_only = committing(&sandbox, &["--", &format!("{PROMPT}/prompt.lock")]);
    let whole = committing(&sandbox, &["--", PROMPT]);
    insta::assert_snapshot!(format!(
        "# a file\n{others}\n# all\n{all}\n# the lock\n{lock_only}\n# the prompt\n{whole}\n"
    ));
}

#[test]
fn before_the_first_commit_the_index_is_sound_in_itself() {
    let Some(sandbox) = hooked() else { return };
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["rm", "-q", "--cached", &format!("{PROMPT}/v1.0.0.txt")]);
    let refused = committing(&sandbox, &["--allow-empty"]);
    insta::assert_snapshot!(refused);
    assert_eq!(committing(&sandbox, &[]), "ok");
}

#[test]
fn hooks_hold_in_a_worktree_and_from_a_directory_below() {
    let Some(sandbox) = committed() else { return };
    sandbox.git(&["worktree", "add", "-q", "-b", "side", "side"]);
    let attempt = |directory: &str| {
        let file = "v1.0.0.txt";
        let below = format!("{directory}/{PROMPT}");
        assert!(git(&sandbox, &below, &["rm", "-q", "--cached", file]).status.success());
        let refused = git(&sandbox, &below, &["commit", "-qm", "x"]);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && message.contains("in the index"), "{directory}: {message}");
        assert!(git(&sandbox, &below, &["add", file]).status.success());
        let again = git(&sandbox, &below, &["commit", "-qm", "x", "--allow-empty"]);
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    };
    attempt(".");
    attempt("side");
}

#[test]
#[cfg(unix)]
fn links_of_the_index_lead_where_they_lead_in_a_clone() {
    let Some(sandbox) = hooked() else { return };
    let shared = sandbox.path("prompts/common.txt");
    fs::rename(sandbox.path(&format!("{PROMPT}/v1.0.0.txt")), &shared).unwrap();
    std::os::unix::fs::symlink("../common.txt", sandbox.path(&format!("{PROMPT}/v1.0.0.txt"))).unwrap();
    assert_eq!(committing(&sandbox, &[]), "ok");
    let checked = sandbox.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.shown());
    let description = format!("{PROMPT}/prompt.yaml");
    sandbox.write(&description, format!("{}# a remark\n", sandbox.read(&description)));
    assert_eq!(committing(&sandbox, &[]), "ok");
    sandbox.git(&["rm", "-q", "--cached", "prompts/common.txt"]);
    let refused = committing(&sandbox, &["--allow-empty"]);
    assert!(refused.contains("in the index"), "{refused}");
}

#[test]
fn a_prompts_directory_that_is_the_repository_has_an_index_too() {
    let Some(sandbox) = committed() else { return };
    let prompts = sandbox.path("prompts");
    let inside = |arguments: &[&str]| {
        let output = git(&sandbox, "prompts", arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    inside(&["init", "-q"]);
    inside(&["add", "-A"]);
    inside(&["commit", "-qm", "x"]);
    let frozen = ["check", "--frozen-since", "HEAD", "--prompts", prompts.to_str().unwrap()];
    assert_eq!(sandbox.run(&frozen).code, Some(0));
    inside(&["rm", "-q", "--cached", "support_reply/v1.0.0.txt"]);
    let refused = sandbox.run(&frozen);
    assert!(refused.code == Some(2) && refused.stderr.contains("in the index"), "{}", refused.shown());
}
