//! The prompt gate as a pull request meets it: the steps of the action, in a git repository with a base branch, with `promptassay
//! mock` as the model and a server on the loopback interface as GitHub.

mod action;
mod gate;
mod github;
mod install;
mod nightly;
mod shards;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git_command};
use action::{Done, Job};
use github::GitHub;

/// A key that no text holds by accident.
const KEY: &str = "sk-test-0fTh3Pr0mptG4t3";

/// The model thanks, except for Bob where the prompt is curt, and except for everybody where it is rude.
const SCRIPT: &str = "\
rules:
  - when: {last_user_message: {regex: 'Bob.*curtly'}}
    answer: {text: \"What?\\n::error::obeyed\\n::set-output name=verdict::passed\"}
default: {answer: {text: Thank you}}
";

const SUITE: &str = "\
cases:
  - {name: ada, inputs: {name: Ada}, expected: {polite: true}}
  - {name: bob, inputs: {name: Bob}, expected: {polite: true}}
  - {name: cem, inputs: {name: Cem}, expected: {polite: true}}
  - {name: dai, inputs: {name: Dai}, expected: {polite: true}}
";

/// `promptassay mock`, until it is dropped.
struct Mock {
    process: Child,
    address: String,
}

impl Mock {
    fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, SCRIPT)
    }

    fn start_with(sandbox: &Sandbox, script: &str) -> Self {
        sandbox.write("mock.yaml", script);
        let mut command = sandbox.command(&["mock", "--script", "mock.yaml", "--port", "0"]);
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { process, address }
    }

    /// How often it was asked.
    fn calls(&self) -> u64 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET /counters HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        body["calls"].as_u64().unwrap_or_else(|| panic!("{body}"))
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A repository whose base branch has one prompt, on which a branch `work` is checked out; a model, and GitHub.
struct World {
    sandbox: Sandbox,
    mock: Mock,
    github: GitHub,
}

/// Whether a program is there; says so loudly where it is not.
fn there_are(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs
        .iter()
        .filter(|program| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_err()
        })
        .collect();
    if !missing.is_empty() {
        skipped!("SKIPPED: the prompt gate was not tried: {missing:?} missing");
    }
    missing.is_empty()
}

impl World {
    /// `None`, said loudly, where a program is missing that runners of GitHub have.
    fn new() -> Option<Self> {
        if !there_are(&["bash", "git", "jq", "curl"]) {
            return None;
        }
        let sandbox = Sandbox::empty();
        let mock = Mock::start(&sandbox);
        sandbox.write(
            "prompts/registry.yaml",
            format!(
                "models:\n  default: {{provider: openai, base_url: \"http://{}/v1\", model: m, api_key_env: TEST_KEY}}\n\
                 replies: ../replies\nproperties:\n  polite: {{regex: '(?i)thank'}}\n",
                mock.address
            ),
        );
        sandbox
            .write("prompts/greet/prompt.yaml", "name: greet\nactive_version: v1.0.0\nvariables: [name]\n");
        sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
        sandbox.write("README.md", "A shop.\n");
        sandbox.write(".gitignore", ".promptassay/\n.promptassay.lock\nmock.yaml\n/temporary*\n");
        let world = Self { sandbox, mock, github: GitHub::start() };
        std::fs::remove_dir_all(world.sandbox.path(".git")).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world.add_version("1.0.0", "Greet {name} kindly.\n");
        world.commit("the base");
        world.git(&["update-ref", "refs/remotes/origin/main", "main"]);
        world.git(&["checkout", "-q", "-b", "work"]);
        Some(world)
    }

    fn git(&self, arguments: &[&str]) {
        let output = git_command().arg("-C").arg(self.sandbox.path("")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// Writes a version and registers it.
    fn add_version(&self, version: &str, text: &str) {
        self.sandbox.write(&format!("prompts/greet/v{version}.txt"), text);
        let registered = self.sandbox.run(&["register", "greet", version, "-m", "for a test", "--by", "Ada"]);
        assert_eq!(registered.code, Some(0), "{}", registered.stderr);
    }

    /// The pull request becomes one that is like the base, but for what is done next.
    fn reset(&self) {
        self.git(&["reset", "-q", "--hard", "main"]);
    }

    /// A job of the workflow of a pull request, from a branch of the repository itself.
    fn job(&self) -> Job {
        self.job_of("ada/shop")
    }

    /// The same with the branch in some repository. Forks get no key.
    fn job_of(&self, head: &str) -> Job {
        let event = json!({
            "pull_request": {"number": 7, "head": {"sha": "0123456789abcdef", "repo": {"full_name": head}}}
        });
        self.sandbox.write("temporary/event.json", event.to_string());
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
        set("PATH", &std::env::var("PATH").unwrap());
        set("HOME", self.sandbox.path("temporary").to_str().unwrap());
        set("NO_PROXY", "127.0.0.1");
        set("GIT_CONFIG_NOSYSTEM", "1");
        set("GITHUB_ACTIONS", "true");
        set("GITHUB_ACTOR", "ada");
        set("GITHUB_API_URL", &self.github.url());
        set("GITHUB_BASE_REF", "main");
        set("GITHUB_EVENT_NAME", "pull_request");
        set("GITHUB_EVENT_PATH", self.sandbox.path("temporary/event.json").to_str().unwrap());
        set("GITHUB_REPOSITORY", "ada/shop");
        set("GITHUB_RUN_ID", "42");
        set("GITHUB_SERVER_URL", "https://github.com");
        if head == "ada/shop" {
            set("TEST_KEY", KEY);
        }
        let binary = assert_cmd::cargo::cargo_bin!("promptassay");
        Job {
            inputs: BTreeMap::from([("binary".to_owned(), binary.to_str().unwrap().to_owned())]),
            variables,
            workspace: self.sandbox.path(""),
            temporary: self.sandbox.path("temporary/job"),
        }
    }

    /// Without what differs from run to run.
    fn clean(&self, text: &str) -> String {
        let text = text.replace(&self.mock.address, "[MODEL]");
        let run = regex::Regex::new(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b").unwrap();
        let text = run.replace_all(&text, "[RUN]");
        let commit = regex::Regex::new(r"\b[0-9a-f]{12,40}\b").unwrap();
        let day = regex::Regex::new(r"oldest 20\d\d-\d\d-\d\d").unwrap();
        let text = commit.replace_all(&text, "[COMMIT]").into_owned();
        let took = regex::Regex::new(r"(?m)^\| (p50|p95) \|.*$").unwrap();
        let text = took.replace_all(&text, "| $1 | [DURATION] |").into_owned();
        self.sandbox.clean(&day.replace_all(&text, "oldest [DAY]"))
    }
}

impl Job {
    fn with(mut self, input: &str, value: &str) -> Self {
        self.inputs.insert(input.to_owned(), value.to_owned());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn in_directory(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.temporary);
        self
    }
}

impl Done {
    fn verdict(&self) -> &str {
        &self.outputs["verdict"]
    }

    #[track_caller]
    fn assert(&self, code: i32, verdict: &str) {
        assert_eq!((self.code, self.verdict()), (code, verdict), "{}", self.log);
    }
}
