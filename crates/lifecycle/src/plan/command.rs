//! What somebody wants of the lifecycle, and what they bring along for it.

use std::collections::BTreeMap;

use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use crate::actor::Actor;
use crate::event::{Share, Verb};
use crate::evidence::{Evidence, Today};
use crate::stage::Stage;

/// What somebody wants, and who.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who.
    pub actor: Actor,
    /// Why; not empty.
    pub reason: Option<String>,
    /// SHA-256 of the file of every version that has one.
    pub files: BTreeMap<Version, Digest>,
    /// The version that `active_version` names, which is served where nothing has been in the ledger yet.
    pub active: Option<Version>,
    /// What.
    pub request: Request,
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// One step on: to testing or production, or from testing back to draft.
    Promote {
        /// The version.
        version: Version,
        /// Where to.
        to: Stage,
        /// What allows it.
        warrant: Warrant,
    },
    /// Record what is live already.
    Adopt {
        /// The version.
        version: Version,
    },
    /// Begin a canary, or widen the one that runs.
    Canary {
        /// The version.
        version: Version,
        /// The share of the users.
        share: Share,
        /// What allows it.
        warrant: Warrant,
    },
    /// End the canary that runs.
    Abort {
        /// The version that must be it; whichever it is, if none.
        version: Option<Version>,
    },
    /// Go back to what was in production before, or to a version that was.
    Rollback {
        /// The version; the last that was in production before, if none.
        to: Option<Version>,
    },
    /// Take a version out of production, with nothing in its place.
    Deprecate {
        /// The version.
        version: Version,
    },
    /// Take a version out of use for ever.
    Archive {
        /// The version.
        version: Version,
    },
}

/// What somebody brings along for a move.
#[derive(Debug, Clone, PartialEq)]
pub enum Warrant {
    /// Nothing.
    None,
    /// A run's evidence, and what is there today to hold it against.
    Evidence(Box<(Evidence, Today)>),
    /// The policy is to be overridden.
    BreakGlass,
}

impl Request {
    /// The command's name.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Promote { .. } => Verb::Promote,
            Self::Adopt { .. } => Verb::Adopt,
            Self::Canary { .. } => Verb::Canary,
            Self::Abort { .. } => Verb::Abort,
            Self::Rollback { .. } => Verb::Rollback,
            Self::Deprecate { .. } => Verb::Deprecate,
            Self::Archive { .. } => Verb::Archive,
        }
    }
}
