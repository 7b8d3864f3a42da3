//! Why a command ends without doing what was asked.

use promptassay_registry::files::WriteError;
use promptassay_registry::problem::Problem;

use crate::exit::Exit;

/// What the user is told, and how the process ends.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What is wrong; drawn one after the other.
    pub(crate) problems: Vec<Problem>,
}

impl Failure {
    /// The command line or a file is invalid.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        Self { exit: Exit::Invalid, problems }
    }

    /// One thing is invalid.
    pub(crate) fn invalid_one(problem: Problem) -> Self {
        Self::invalid(vec![problem])
    }

    /// A file was not written: one of its name is there, or the system refused.
    pub(crate) fn from_write(error: &WriteError) -> Self {
        match error {
            WriteError::Exists { .. } => {
                Self::invalid_one(Problem::error("cli::file_exists", error.to_string()))
            }
            WriteError::Io { .. } => Self::broken(Problem::error("cli::cannot_write", error.to_string())),
        }
    }

    /// It could not be done: a file that cannot be written, an internal error.
    pub(crate) fn broken(problem: Problem) -> Self {
        Self { exit: Exit::Broken, problems: vec![problem] }
    }
}
