//! What can be wrong with a line of a ledger.

use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;

use crate::state::Illegal;

/// Something wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What.
    pub kind: FaultKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The file is there and holds nothing: it is made with its first line.
    #[error("the ledger is empty, and a ledger is never written without a line")]
    Emptied,
    /// It is no line of a ledger.
    #[error("this is no line of a ledger: {message}")]
    Unreadable {
        /// Why.
        message: String,
    },
    /// A merge went wrong.
    #[error("git left a conflict in the ledger")]
    ConflictMarker,
    /// A newer program wrote it.
    #[error("this line has the format {schema}; this promptassay reads format 1")]
    UnknownSchema {
        /// The format.
        schema: u64,
    },
    /// A newer program wrote it, or nobody did.
    #[error("the {what} `{name}` is not known")]
    UnknownWord {
        /// `action`, `command`, `stage`.
        what: &'static str,
        /// The word.
        name: String,
    },
    /// Its parts contradict each other.
    #[error("this line contradicts itself: {message}")]
    Contradiction {
        /// How.
        message: String,
    },
    /// It says the same, but not in the one way it is written.
    #[error("this line is not written as promptassay writes it")]
    NotExact,
    /// Its content was changed.
    #[error("the content of this line does not fit its hash: it was changed after it was written")]
    WrongHash,
    /// The line before it is not the one that it was written behind.
    #[error("this line was written behind another one: it names {}, and {} stands before it", head(named.as_ref(), found.as_ref()), head(found.as_ref(), named.as_ref()))]
    BrokenChain {
        /// The hash that it names.
        named: Option<Digest>,
        /// The hash of the line before it.
        found: Option<Digest>,
    },
    /// A line is missing or there twice.
    #[error("this line has the number {found}, and should have {expected}")]
    WrongNumber {
        /// The number.
        found: u64,
        /// The number that it should have.
        expected: u64,
    },
    /// It belongs to another prompt.
    #[error("this line is about the prompt `{found}`")]
    OtherPrompt {
        /// The prompt.
        found: PromptName,
    },
    /// It does not continue the command before it.
    #[error(
        "this line is part {index} of {of} of a command, and the lines before it are not the other parts"
    )]
    WrongPart {
        /// Which part.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// No such move.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// A hash beside another one: whole where the first digits of both are the same.
fn head(digest: Option<&Digest>, beside: Option<&Digest>) -> String {
    match digest {
        None => "the beginning".to_owned(),
        Some(digest) if beside.is_some_and(|beside| beside != digest && beside.short() == digest.short()) => {
            digest.to_string()
        }
        Some(digest) => digest.short(),
    }
}

impl FaultKind {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Emptied => "lifecycle::emptied",
            Self::Unreadable { .. } => "lifecycle::unreadable",
            Self::ConflictMarker => "lifecycle::conflict_marker",
            Self::UnknownSchema { .. } => "lifecycle::unknown_schema",
            Self::UnknownWord { .. } => "lifecycle::unknown_word",
            Self::Contradiction { .. } => "lifecycle::contradiction",
            Self::NotExact => "lifecycle::not_exact",
            Self::WrongHash => "lifecycle::wrong_hash",
            Self::BrokenChain { .. } => "lifecycle::broken_chain",
            Self::WrongNumber { .. } => "lifecycle::wrong_number",
            Self::OtherPrompt { .. } => "lifecycle::other_prompt",
            Self::WrongPart { .. } => "lifecycle::wrong_part",
            Self::Illegal(_) => "lifecycle::illegal",
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::UnknownSchema { .. } | Self::UnknownWord { .. } => {
                Some("a newer promptassay may have written it: use that one")
            }
            Self::ConflictMarker => Some(
                "keep the ledger of one side whole (`git checkout --ours` or `--theirs`), and do the commands of the other side again",
            ),
            Self::OtherPrompt { .. } => Some("a ledger stays with its prompt; a new name is a new prompt"),
            _ => Some(
                "nothing changes a ledger but promptassay: `git log -p` shows who did; restore it with git",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hashes_are_never_shown_alike() {
        let digest = |last: char| -> Digest { format!("{}{last}", "a".repeat(63)).parse().unwrap() };
        let broken = |named: Option<Digest>, found: Option<Digest>| {
            FaultKind::BrokenChain { named, found }.to_string()
        };
        let shown = [
            broken(Some(digest('1')), Some(digest('2'))),
            broken(Some(digest('1')), Some(Digest::of("other"))),
            broken(Some(digest('1')), None),
        ];
        insta::assert_snapshot!(shown.join("\n"), @"
        this line was written behind another one: it names aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1, and aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2 stands before it
        this line was written behind another one: it names aaaaaaaaaaaa, and d9298a10d1b0 stands before it
        this line was written behind another one: it names aaaaaaaaaaaa, and the beginning stands before it
        ");
    }
}
