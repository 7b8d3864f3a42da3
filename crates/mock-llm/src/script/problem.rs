//! Problems of a script: what, where, and what to do. Drawing them beside the source is the caller's.

use std::fmt;

/// One thing that is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptProblem {
    /// Keys and indices from the root of the script to the value, such as `["rules", "0", "delay", "fixed"]`.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What would be accepted.
    pub help: String,
}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.path.join("."), self.message, self.help)
    }
}

/// A script that cannot be used, with every problem it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid mock script:\n{}", lines(problems))]
pub struct InvalidScript {
    /// Never empty; in the order of the file.
    pub problems: Vec<ScriptProblem>,
}

fn lines(problems: &[ScriptProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    lines.join("\n")
}

/// Why a JSON value is not a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptFromJsonError {
    /// A key or a type is wrong.
    #[error("the value does not have the shape of a mock script: {0}")]
    Shape(#[source] serde_json::Error),
    /// The shape is right, the content is not.
    #[error(transparent)]
    Invalid(#[from] InvalidScript),
}

/// Where in the script a check is, and the list that it reports to.
pub(super) struct Place<'a> {
    problems: &'a mut Vec<ScriptProblem>,
    path: Vec<String>,
}

impl<'a> Place<'a> {
    pub(super) fn root(problems: &'a mut Vec<ScriptProblem>) -> Self {
        Self { problems, path: Vec::new() }
    }

    pub(super) fn key(&mut self, key: &str) -> Place<'_> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Place { problems: self.problems, path }
    }

    pub(super) fn index(&mut self, index: usize) -> Place<'_> {
        self.key(&index.to_string())
    }

    pub(super) fn report(&mut self, message: impl Into<String>, help: impl Into<String>) {
        let problem = ScriptProblem { path: self.path.clone(), message: message.into(), help: help.into() };
        self.problems.push(problem);
    }
}
