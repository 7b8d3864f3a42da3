//! What a reader of a run should know beside its numbers.

use promptassay_registry::problem::{Problem, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A warning about how a run came to be judged, such as a rule that a change writes and that does not count for it. It is kept with
/// the run, so that reports say it to whoever was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// A stable name for programs, such as `changes::rules_not_counted`.
    pub code: String,
    /// What there is to know.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The file or the directory that it is about, as text: a path need not be any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The prompt that it is about; left out where it is about none, or about several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

impl Remark {
    /// The warnings among these that are about a change as a whole: their code begins with `changes::`.
    pub fn of_changes(problems: &[Problem]) -> Vec<Self> {
        let remark = |problem: &Problem| Self {
            code: problem.code.to_owned(),
            message: problem.message.clone(),
            help: problem.help.clone(),
            file: problem.place.as_ref().map(|place| place.file.display().to_string()),
            prompt: problem.prompt.clone(),
        };
        problems.iter().filter(|problem| Self::is_one(problem)).map(remark).collect()
    }

    /// Whether a problem is a warning about what a change does to its own gate.
    pub fn is_one(problem: &Problem) -> bool {
        problem.severity == Severity::Warning && problem.code.starts_with("changes::")
    }
}
