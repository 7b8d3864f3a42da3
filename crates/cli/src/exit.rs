//! Exit codes: what a pipeline reads. Documented in `docs/cli.md`; a code never changes its meaning.

use std::process::ExitCode;

use promptassay_evaluator::gate::Verdict;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: passed, or done.
    Success,
    /// 1: the gate failed.
    Failed,
    /// 2: the command line or a file is invalid, or nothing matches the selection; known before the first question.
    Invalid,
    /// 4: it could not be judged or done: a missing reply, a provider that failed, a file that cannot be written.
    Broken,
    /// 130: interrupted; reports are still written.
    Interrupted,
}

impl Exit {
    /// The number that the operating system gets.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Broken => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Success,
            Verdict::Failed => Self::Failed,
            Verdict::Broken => Self::Broken,
        }
    }
}
