//! A repository of its own for each test, and the binary in it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;
use tempfile::TempDir;

pub(crate) const PROMPT: &str = "\
name: greet
description: A greeting
active_version: v1.0.0            # what is served
variables:
  name: {type: string, max_length: 20}
  tone: {type: string, enum: [warm, dry], default: warm}
";

pub(crate) const TEXT: &str = "Greet {name} in a {tone} tone.\n";

pub(crate) const SUITE: &str = "\
cases:
  - name: one
    inputs: {name: Ada}
    expected: {polite: true}
    validators:
      - max_words: 5
";

/// An experiment of `greet` that is ready to start: two versions, a metric that decides and a guardrail.
pub(crate) const EXPERIMENT: &str = "\
name: trial
variants:
  - {name: control, version: v1.0.0, weight: 50}
  - {name: treatment, version: v1.1.0, weight: 50}
seed: 000102030405060708090a0b0c0d0e0f
window: 1d
metrics:
  resolved: {kind: binary, role: primary, direction: higher}
  cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}
plan: {smallest_effect: 0.1, baseline: 0.4, units: 800}
end: 2099-01-01T00:00:00Z
";

const REGISTRY: &str = "\
models:
  default: {provider: openai, model: gpt-6-luna}
replies: ../replies
properties:
  polite: {regex: '(?i)please|thank'}
";

/// A repository in a temporary directory.
pub(crate) struct Sandbox {
    directory: TempDir,
}

/// What a process did.
pub(crate) struct Seen {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// A repository with nothing in it.
    pub(crate) fn empty() -> Self {
        let sandbox = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(sandbox.path(".git")).unwrap();
        sandbox
    }

    /// A repository with one sound prompt, `greet`.
    pub(crate) fn new() -> Self {
        let sandbox = Self::empty();
        sandbox.write("prompts/registry.yaml", REGISTRY);
        sandbox.write("prompts/greet/prompt.yaml", PROMPT);
        sandbox.write("prompts/greet/v1.0.0.txt", TEXT);
        sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
        sandbox
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = self.read(path);
        assert!(text.contains(from), "`{from}` is not in {path}");
        self.write(path, text.replace(from, to))
    }

    /// The binary, without anything of the machine that it runs on.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("promptassay"));
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_remove("PROMPTASSAY_PROMPTS")
            .env_remove("PROMPTASSAY_STORE")
            .env_remove("NO_COLOR")
            .env_remove("OPENAI_API_KEY")
            .env_remove("CI")
            .env_remove("TF_BUILD")
            .env_remove("JENKINS_URL")
            .env("NO_PROXY", "127.0.0.1")
            .env("HOME", self.directory.path())
            .env("GIT_CONFIG_GLOBAL", self.path(".gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Seen {
        Seen::of(&mut self.command(arguments))
    }

    /// The same with text on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Seen {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its options reads nothing, and may be gone before it is written to.
        if let Err(error) = child.stdin.take().unwrap().write_all(input.as_ref()) {
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        }
        let output = child.wait_with_output().unwrap();
        Seen::from(output)
    }

    /// Makes it a repository of git whose branch `main` holds what is there. `false` where there is no git, which is said.
    pub(crate) fn commit_to_main(&self) -> bool {
        let _ = fs::remove_dir(self.path(".git"));
        if !self.git(&["init", "-q", "-b", "main"]) {
            return false;
        }
        self.commit("first");
        true
    }

    /// Commits everything.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["commit", "-qm", message]);
    }

    /// Runs git; `false` where there is none, which is said.
    pub(crate) fn git(&self, arguments: &[&str]) -> bool {
        let output = git_command().arg("-C").arg(self.directory.path()).args(arguments).output();
        let Ok(output) = output else {
            skipped!("SKIPPED: git is not installed; changes were not looked for");
            return false;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        true
    }

    /// What `--format json` prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let Seen { code, stdout, stderr } = self.run(&[arguments, &["--format", "json"]].concat());
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        serde_json::from_str(&stdout).unwrap()
    }

    /// Commands one after the other, as a terminal would show them; without what differs from run to run.
    pub(crate) fn session(&self, commands: &[&[&str]]) -> String {
        let shown = commands.iter().map(|arguments| {
            let typed: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
            format!("$ promptassay {}\n{}", typed.join(" "), self.run(arguments).shown())
        });
        self.clean(&shown.collect::<Vec<_>>().join("\n"))
    }

    /// Without what differs from run to run.
    pub(crate) fn clean(&self, text: &str) -> String {
        let text = text.replace(&self.directory.path().display().to_string(), "[DIRECTORY]");
        let time = Regex::new(r"2[01]\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap();
        time.replace_all(&text, "[TIME]").into_owned()
    }

    /// Every file below a directory, sorted.
    pub(crate) fn files(&self, directory: &str) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.path(directory)];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { files.push(self.relative(&path)) }
            }
        }
        files.sort();
        files
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.directory.path()).unwrap().display().to_string()
    }
}

/// Git by Ada, without the settings of the machine and of a hook around the tests: another first branch, signatures, filters.
pub(crate) fn git_command() -> Command {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
        git.env_remove(variable);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").args([
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.com",
        "-c",
        "init.defaultBranch=main",
    ]);
    git
}

/// Copies a directory with everything below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn quoted(argument: &str) -> String {
    if argument.is_empty() || argument.contains([' ', '{', '<', '*']) {
        format!("'{argument}'")
    } else {
        argument.to_owned()
    }
}

impl Seen {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Standard output, standard error and exit code, each marked.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                let end = if stream.ends_with('\n') { "" } else { "⏎ (no line feed)\n" };
                text.push_str(&[&format!("--- {name}\n"), stream.as_str(), end].concat());
            }
        }
        text + &format!("--- exit {}\n", self.code.map_or("by a signal".to_owned(), |code| code.to_string()))
    }
}

impl From<std::process::Output> for Seen {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
