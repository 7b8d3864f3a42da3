//! What is tested, and who answers: the prompts directory, the versions, the replies. Nothing is read before it is needed.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use promptassay_evaluator::outcome::{CheckOutcome, Reason};
use promptassay_evaluator::validator::Validator;
use promptassay_llm::Reply;
use promptassay_mock_llm::MockLlm;

use crate::answers::Answers;
use crate::evaluation::PromptRun;
use crate::mock_script::MockScript;
use crate::outcome::{CaseOutcome, Invalid, PromptOutcome};
use crate::prepare;

/// The prompts of a directory, and how they are tested. Without further words: the active versions, from the recorded replies that
/// `registry.yaml` names.
#[derive(Debug, Clone)]
pub struct Prompts {
    pub(crate) directory: PathBuf,
    pub(crate) versions: Versions,
    pub(crate) answers: Answers,
    pub(crate) validators: Vec<OwnValidator>,
    pub(crate) allow_commands: bool,
}

/// A check in Rust, and the prompt or case whose replies it looks at.
#[derive(Clone)]
pub(crate) struct OwnValidator {
    /// `prompt`, or `prompt::case`.
    pub(crate) target: String,
    pub(crate) validator: Arc<Validator>,
}

impl fmt::Debug for OwnValidator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.validator.name(), self.target)
    }
}

/// Which versions of a prompt are tested.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// The one that is active: what the application serves.
    #[default]
    Active,
    /// The newest, registered or not: the one that somebody is writing, and that `promptassay eval` judges.
    Newest,
    /// Every one; the version is then a part of a test's name: `prompt::v1.0.0::case`.
    All,
}

impl Prompts {
    /// The prompts in `directory`, as seen from the package: that is where `cargo test` runs tests.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            versions: Versions::default(),
            answers: Answers::Recorded { directory: None },
            validators: Vec::new(),
            allow_commands: false,
        }
    }

    /// Tests these versions.
    pub fn versions(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// Answers from the recorded replies in `directory`, whatever `registry.yaml` says.
    pub fn replies(self, directory: impl Into<PathBuf>) -> Self {
        Self { answers: Answers::Recorded { directory: Some(directory.into()) }, ..self }
    }

    /// Answers from a script, over HTTP in this process. Every model row is answered by it.
    pub fn mock(self, script: MockScript) -> Self {
        Self { answers: Answers::Script(Box::new(script)), ..self }
    }

    /// Answers from a script file in YAML, the same that `promptassay mock` reads.
    pub fn mock_file(self, file: impl Into<PathBuf>) -> Self {
        Self { answers: Answers::ScriptFile(file.into()), ..self }
    }

    /// Lets a mock answer that is running already, so that its requests and counters can be looked at afterwards.
    pub fn answered_by(self, mock: &MockLlm) -> Self {
        Self { answers: Answers::Server(mock.uri()), ..self }
    }

    /// Checks replies in Rust too, beside the validators of the suite: those to every case of a prompt, or to one case, by the name
    /// that its test has (`prompt` or `prompt::case`). `check` looks at a reply and says what is wrong with it. It counts like every
    /// other validator; a name that nothing has is an error.
    pub fn validator(
        mut self,
        target: impl Into<String>,
        name: impl Into<String>,
        check: impl Fn(&Reply) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let check = move |reply: &Reply| match check(reply) {
            Ok(()) => CheckOutcome::Pass,
            Err(what) => CheckOutcome::Fail(Reason::new(what)),
        };
        let validator = Arc::new(Validator::from_fn(name, check));
        self.validators.push(OwnValidator { target: target.into(), validator });
        self
    }

    /// Lets the checks `command` of suites run their programs; without it they are an error.
    pub fn allow_commands(self) -> Self {
        Self { allow_commands: true, ..self }
    }

    /// Asks one case, on every model of its suite, and judges the answers. For `#[tokio::test]`.
    pub async fn evaluate_case(&self, prompt: &str, case: &str) -> Result<CaseOutcome, Invalid> {
        self.run_of(prompt)?.evaluate_case(case).await
    }

    /// Asks every case of a prompt's suite, and lets its gate judge. For `#[tokio::test]`.
    pub async fn evaluate_prompt(&self, prompt: &str) -> Result<PromptOutcome, Invalid> {
        Ok(self.run_of(prompt)?.evaluate().await)
    }

    fn run_of(&self, prompt: &str) -> Result<PromptRun, Invalid> {
        prepare::prepare(self).into_prompt(prompt)
    }
}

impl<T: Into<PathBuf>> From<T> for Prompts {
    fn from(directory: T) -> Self {
        Self::new(directory)
    }
}
