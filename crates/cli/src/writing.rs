//! What the commands that change files have in common: the lock of the prompts directory, and why a prompt cannot be changed.

use promptassay_registry::files::{DirectoryLock, LockError};
use promptassay_registry::name::PromptName;
use promptassay_registry::operations::PromptError;
use promptassay_registry::problem::Problem;

use crate::commands::Context;
use crate::failure::Failure;
use crate::prompts;

impl Context<'_> {
    /// The right to write into the prompts directory; waits for whoever has it, and says so.
    pub(crate) fn lock(&self) -> Result<DirectoryLock, Failure> {
        if !self.prompts.is_dir() {
            return Err(Failure::invalid(self.load().problems));
        }
        let lock = DirectoryLock::try_acquire(&self.prompts).or_else(|error| match error {
            LockError::Held { holder, .. } => {
                self.console
                    .note(&format!("waiting for {holder}, which is writing to {}", self.prompts.display()));
                DirectoryLock::acquire(&self.prompts)
            }
            LockError::Io { .. } => Err(error),
        });
        lock.map_err(|error| Failure::broken(Problem::error("cli::cannot_lock", error.to_string())))
    }

    /// The name of a prompt that is there. Whether it is sound is for the operation to say.
    pub(crate) fn existing_name(&self, name: &str) -> Result<PromptName, Failure> {
        match name.parse() {
            Ok(name) => Ok(name),
            // What is no name is no name of a prompt that is there, and the close ones are worth more than the rules.
            Err(_) => self.prompt(name).map(|prompt| prompt.name().clone()),
        }
    }
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        let message = error.to_string();
        match error {
            PromptError::Unknown { name, help } => Self::invalid_one(prompts::unknown(name.as_str(), help)),
            PromptError::Io { .. } => Self::broken(Problem::error("cli::cannot_read", message)),
            PromptError::Broken { problems, .. } => {
                let mut problems: Vec<Problem> = problems.into_iter().filter(Problem::is_error).collect();
                problems.push(Problem::error("cli::prompt_has_errors", message).help("nothing was changed"));
                Self::invalid(problems)
            }
        }
    }
}
