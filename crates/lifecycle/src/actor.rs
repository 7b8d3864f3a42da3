//! Who does something, and how that is known.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who moved a version. A file can prove no identity: how the name is known stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// A name, often with an address.
    pub name: String,
    /// A person or a program.
    pub kind: ActorKind,
    /// Where the name comes from.
    pub known_by: KnownBy,
}

/// A person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// Somebody at a keyboard.
    Human,
    /// A pipeline or another program.
    Bot,
}

/// Where the name of an actor comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownBy {
    /// The configuration of git.
    Git,
    /// The environment of a pipeline.
    Ci,
    /// An option on the command line.
    Flag,
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ActorKind::Human => "human",
            ActorKind::Bot => "bot",
        };
        let known_by = match self.known_by {
            KnownBy::Git => "git",
            KnownBy::Ci => "ci",
            KnownBy::Flag => "flag",
        };
        write!(formatter, "{} ({kind}, by {known_by})", self.name)
    }
}
