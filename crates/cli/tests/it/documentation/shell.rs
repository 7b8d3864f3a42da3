//! The shell that a page's commands are typed into.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::page::{Page, Step};
use super::root;
use crate::sandbox::copy;

/// What a command printed on both streams, and how it ended.
pub(super) struct Printed {
    pub(super) output: String,
    pub(super) code: i32,
}

/// Between the outputs of two commands; no output has it.
const MARK: char = '\u{1e}';

/// Runs the commands of a page, in its order.
pub(super) fn run(page: &Page) -> Vec<Printed> {
    let directory = TempDir::new().unwrap();
    let home = directory.path().join("home");
    let repository = directory.path().join("repository");
    fs::create_dir_all(&home).unwrap();
    samples(&repository);
    let mut script =
        String::from("git init -q && git add -A && git commit -q -m 'Sample prompts' || exit 9\n");
    for step in &page.steps {
        let text = match step {
            Step::File { path, content } => {
                // Quoted, so that nothing in it is read by the shell.
                format!(
                    "mkdir -p \"$(dirname '{path}')\" && cat > '{path}' <<'END OF FILE'\n{content}END OF FILE\n"
                )
            }
            Step::Command(command) if command.is_skipped() => format!("printf '{MARK}0\\n'\n"),
            Step::Command(command) => format!("{}\nprintf '{MARK}%d\\n' $?\n", command.script()),
        };
        script.push_str(&text);
    }
    let script_file = directory.path().join("page.sh");
    fs::write(&script_file, script).unwrap();
    let binary = assert_cmd::cargo::cargo_bin!("promptassay");
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .arg("-c")
        .arg("exec sh \"$0\" 2>&1")
        .arg(&script_file)
        .current_dir(&repository)
        .env_clear()
        .env("PATH", format!("{}:{path}", binary.parent().unwrap().display()))
        .env("HOME", &home)
        .env("NO_PROXY", "127.0.0.1")
        .envs([("GIT_AUTHOR_NAME", "Ada Lovelace"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Ada Lovelace"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
        .envs([("GIT_CONFIG_COUNT", "3"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_CONFIG_KEY_0", "init.defaultBranch"), ("GIT_CONFIG_VALUE_0", "main")])
        .envs([("GIT_CONFIG_KEY_1", "user.name"), ("GIT_CONFIG_VALUE_1", "Ada Lovelace")])
        .envs([("GIT_CONFIG_KEY_2", "user.email"), ("GIT_CONFIG_VALUE_2", "ada@example.com")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut printed = Vec::new();
    let mut rest = output.as_str();
    while let Some((text, behind)) = rest.split_once(MARK) {
        let (code, behind) = behind.split_once('\n').unwrap();
        printed.push(Printed { output: text.to_owned(), code: code.parse().unwrap() });
        rest = behind;
    }
    assert_eq!(rest, "", "the shell ended before the page did");
    assert_eq!(printed.len(), page.commands().count(), "a command ended the shell:\n{output}");
    printed
}

/// The sample prompts and their replies, as in this repository.
fn samples(repository: &Path) {
    for directory in ["prompts", "fixtures/replies"] {
        copy(&root().join(directory), &repository.join(directory));
    }
    for file in [".gitignore", ".gitattributes"] {
        fs::copy(root().join(file), repository.join(file)).unwrap();
    }
}
