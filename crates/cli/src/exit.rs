//! Exit codes: what a pipeline reads. Documented in `docs/cli.md`; a code never changes its meaning.

use std::process::ExitCode;

use promptassay_evaluator::gate::{self, Gate, Verdict};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: passed, or done.
    Success,
    /// 1: the gate failed, a move was refused, or a ledger was tampered with.
    Failed,
    /// 2: the command line or a file is invalid, or nothing matches the selection; known before the first question.
    Invalid,
    /// 3: the gate is inconclusive, and the policy says that this blocks.
    Inconclusive,
    /// 4: it could not be judged or done: a missing reply, a provider that failed, a file that cannot be written.
    Broken,
    /// 5: somebody else moved the lifecycle first.
    Conflict,
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
            Self::Inconclusive => 3,
            Self::Broken => 4,
            Self::Conflict => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Exit {
    /// The exit of these gates: that of the worst one that blocks.
    pub(crate) fn of_gates(gates: &[Gate]) -> Self {
        match gate::blocking(gates) {
            None | Some(Verdict::Passed) => Self::Success,
            Some(Verdict::Failed) => Self::Failed,
            Some(Verdict::Inconclusive) => Self::Inconclusive,
            Some(Verdict::Broken) => Self::Broken,
        }
    }
}
