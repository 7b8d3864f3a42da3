//! A runner for one composite action: reads action.yml, runs the steps that are scripts as a job would, and notes those that only
//! GitHub can run. It knows as much of the language as our action uses, and panics at the rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use promptassay_registry::yaml::Document;
use serde::Deserialize;

#[derive(Deserialize)]
struct ActionFile {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Output>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    default: String,
}

#[derive(Deserialize)]
struct Output {
    value: String,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    id: Option<String>,
    #[serde(rename = "if")]
    condition: Option<String>,
    run: Option<String>,
    uses: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// A job that uses the action once.
pub(super) struct Job {
    /// What the workflow writes below `with:`.
    pub(super) inputs: BTreeMap<String, String>,
    /// The variables of the job: those of the runner, and keys.
    pub(super) variables: BTreeMap<String, String>,
    /// The checked out repository.
    pub(super) workspace: PathBuf,
    /// The temporary directory of the job.
    pub(super) temporary: PathBuf,
}

/// What came of a job.
pub(super) struct Done {
    /// The exit code of the first step that failed, or 0.
    pub(super) code: i32,
    /// Everything that was printed.
    pub(super) log: String,
    /// What stands on the page of the run.
    pub(super) summary: String,
    pub(super) outputs: BTreeMap<String, String>,
    /// The steps that only GitHub can run and that it would have run.
    pub(super) elsewhere: Vec<String>,
}

/// Where the action is.
pub(super) fn directory() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.github/actions/prompt-gate")).unwrap()
}

fn read() -> ActionFile {
    let path = directory().join("action.yml");
    let mut problems = Vec::new();
    let document = Document::parse(&path, fs::read_to_string(&path).unwrap(), &mut problems).unwrap();
    let reading = document.read::<ActionFile>();
    reading.value.unwrap_or_else(|| panic!("{:?}", reading.problems))
}

/// The values that expressions see.
struct Scope {
    values: BTreeMap<String, String>,
    has_failed: bool,
}

impl Job {
    pub(super) fn run(&self) -> Done {
        let action = read();
        let mut scope = Scope { values: BTreeMap::new(), has_failed: false };
        for (name, input) in &action.inputs {
            let value = self.inputs.get(name).unwrap_or(&input.default);
            let value = if value == "${{ github.token }}" { super::github::TOKEN } else { value };
            scope.values.insert(format!("inputs.{name}"), value.to_owned());
        }
        for name in self.inputs.keys() {
            assert!(action.inputs.contains_key(name), "the action has no input `{name}`");
        }
        fs::create_dir_all(&self.temporary).unwrap();
        let summary = self.temporary.join("summary.md");
        fs::write(&summary, "").unwrap();
        let mut done = Done {
            code: 0,
            log: String::new(),
            summary: String::new(),
            outputs: BTreeMap::new(),
            elsewhere: Vec::new(),
        };
        for (index, step) in action.runs.steps.iter().enumerate() {
            if !scope.lets(step.condition.as_deref()) {
                continue;
            }
            let Some(script) = &step.run else {
                assert!(step.uses.is_some(), "{}: neither a script nor an action", step.name);
                done.elsewhere.push(step.name.clone());
                continue;
            };
            assert!(
                !script.contains("${{"),
                "{}: an expression inside of a script is run by the shell",
                step.name
            );
            let output_file = self.temporary.join(format!("output-{index}"));
            fs::write(&output_file, "").unwrap();
            let output = Command::new("bash")
                .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script])
                .current_dir(&self.workspace)
                .env_clear()
                .envs(&self.variables)
                .env("GITHUB_ACTION_PATH", directory())
                .env("GITHUB_OUTPUT", &output_file)
                .env("GITHUB_STEP_SUMMARY", &summary)
                .env("RUNNER_TEMP", &self.temporary)
                .envs(step.env.iter().map(|(name, value)| (name, scope.fill(value))))
                .output()
                .unwrap();
            done.log.push_str(&String::from_utf8(output.stdout).unwrap());
            done.log.push_str(&String::from_utf8(output.stderr).unwrap());
            if !output.status.success() && !scope.has_failed {
                scope.has_failed = true;
                done.code = output.status.code().unwrap();
            }
            if let Some(id) = &step.id {
                for line in fs::read_to_string(&output_file).unwrap().lines() {
                    let (name, value) = line.split_once('=').unwrap();
                    scope.values.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
                }
            }
        }
        for (name, output) in &action.outputs {
            done.outputs.insert(name.clone(), scope.fill(&output.value));
        }
        done.summary = fs::read_to_string(&summary).unwrap();
        done
    }
}

impl Scope {
    /// Whether a step with this condition runs.
    fn lets(&self, condition: Option<&str>) -> bool {
        let Some(condition) = condition else { return !self.has_failed };
        let condition = condition.trim_start_matches("${{").trim_end_matches("}}").trim();
        let runs_always = condition.contains("always()") || condition.contains("!cancelled()");
        (runs_always || !self.has_failed) && condition.split(" && ").all(|term| self.holds(term))
    }

    /// A comparison, a function, or some of them in parentheses with `||`.
    fn holds(&self, term: &str) -> bool {
        let term = term.trim();
        if let Some(inner) = term.strip_prefix('(').and_then(|term| term.strip_suffix(')'))
            && term.contains("||")
        {
            return inner.split(" || ").any(|term| self.holds(term));
        }
        if matches!(term, "always()" | "!cancelled()") {
            return true;
        }
        let (left, right, is_equal) = match (term.split_once(" == "), term.split_once(" != ")) {
            (Some((left, right)), None) => (left, right, true),
            (None, Some((left, right))) => (left, right, false),
            _ => panic!("this runner does not understand `{term}`"),
        };
        let right = right.strip_prefix('\'').and_then(|right| right.strip_suffix('\'')).unwrap();
        (self.value(left) == right) == is_equal
    }

    /// A text with its expressions replaced.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            filled.push_str(before);
            filled.push_str(&self.value(expression.trim()));
            rest = after;
        }
        filled + rest
    }

    fn value(&self, name: &str) -> String {
        let is_known = self.values.contains_key(name) || name.starts_with("steps.");
        assert!(is_known, "this runner does not understand `{name}`");
        self.values.get(name).cloned().unwrap_or_default()
    }
}

impl Done {
    /// The workflow commands that the runner obeys: none of those that stand in text between `stop-commands` and its token.
    pub(super) fn commands(&self) -> Vec<&str> {
        let (mut commands, mut token) = (Vec::new(), None);
        for line in self.log.lines().map(str::trim_start) {
            match token {
                Some(resume)
                    if line.strip_prefix("::").and_then(|line| line.strip_suffix("::")) == Some(resume) =>
                {
                    token = None;
                }
                Some(_) => {}
                None => match line.strip_prefix("::stop-commands::") {
                    Some(resume) => token = Some(resume),
                    None if line.starts_with("::") => commands.push(line),
                    None => {}
                },
            }
        }
        commands
    }
}
