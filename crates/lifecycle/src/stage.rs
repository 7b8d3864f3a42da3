//! The stages of a version, and every move between them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a version is on its way. What no ledger mentions is a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Not proposed yet; an unregistered text may still be edited.
    Draft,
    /// Proposed: the text is frozen.
    Testing,
    /// Served to a share of the users.
    Canary,
    /// Served to everybody else.
    Production,
    /// Was in production; may be rolled back to.
    Deprecated,
    /// Never served again.
    Archived,
}

impl Stage {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 6] =
        [Self::Draft, Self::Testing, Self::Canary, Self::Production, Self::Deprecated, Self::Archived];

    /// The stages that a version can go to from here, adoption aside.
    pub fn next(self) -> impl Iterator<Item = Self> {
        TABLE.iter().filter(move |row| row.0 != Move::Adopt && row.1 == self).map(|row| row.2)
    }

    /// The name, as in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Testing => "testing",
            Self::Canary => "canary",
            Self::Production => "production",
            Self::Deprecated => "deprecated",
            Self::Archived => "archived",
        }
    }

    /// What a version in it is said to be: "v1.1.0 is …".
    pub(crate) fn predicate(self) -> &'static str {
        match self {
            Self::Draft => "a draft",
            Self::Testing => "in testing",
            Self::Canary => "a canary",
            Self::Production => "in production",
            Self::Deprecated => "deprecated",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The text is no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stages are draft, testing, canary, production, deprecated and archived, in lower case")]
pub struct UnknownStage;

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, UnknownStage> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or(UnknownStage)
    }
}

/// A move from one stage to another. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// Draft to testing: the text is frozen.
    BeginTesting,
    /// Draft to archived.
    DropDraft,
    /// Testing to draft: the label changes, the text stays frozen.
    ReturnToDraft,
    /// Testing to canary.
    StartCanary,
    /// Testing to production, past the canary.
    GoLive,
    /// Testing to archived.
    DropTested,
    /// Canary to testing.
    AbortCanary,
    /// Canary to production.
    CompleteCanary,
    /// Production to deprecated.
    Deprecate,
    /// Deprecated to production.
    Restore,
    /// Deprecated to archived.
    Retire,
    /// Draft to production: what was live before there was a ledger.
    Adopt,
}

/// Each move with where it begins and ends.
const TABLE: [(Move, Stage, Stage); 12] = [
    (Move::BeginTesting, Stage::Draft, Stage::Testing),
    (Move::DropDraft, Stage::Draft, Stage::Archived),
    (Move::ReturnToDraft, Stage::Testing, Stage::Draft),
    (Move::StartCanary, Stage::Testing, Stage::Canary),
    (Move::GoLive, Stage::Testing, Stage::Production),
    (Move::DropTested, Stage::Testing, Stage::Archived),
    (Move::AbortCanary, Stage::Canary, Stage::Testing),
    (Move::CompleteCanary, Stage::Canary, Stage::Production),
    (Move::Deprecate, Stage::Production, Stage::Deprecated),
    (Move::Restore, Stage::Deprecated, Stage::Production),
    (Move::Retire, Stage::Deprecated, Stage::Archived),
    (Move::Adopt, Stage::Draft, Stage::Production),
];

impl Move {
    /// The move between two stages, if there is one; adoption is asked for by name and never found here.
    pub fn between(from: Stage, to: Stage) -> Option<Self> {
        TABLE.iter().find(|row| row.0 != Self::Adopt && (row.1, row.2) == (from, to)).map(|row| row.0)
    }

    /// All of them, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// Where it begins.
    pub fn from(self) -> Stage {
        self.row().1
    }

    /// Where it ends.
    pub fn to(self) -> Stage {
        self.row().2
    }

    fn row(self) -> (Self, Stage, Stage) {
        // The table is in the order of the variants; a test holds it to that.
        TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_moves() {
        for (index, step) in Move::all().enumerate() {
            assert_eq!((step as usize, step.row().0), (index, step));
        }
    }

    #[test]
    fn there_are_these_moves_and_no_others() {
        let allowed = [
            ("draft", "testing archived"),
            ("testing", "draft canary production archived"),
            ("canary", "testing production"),
            ("production", "deprecated"),
            ("deprecated", "production archived"),
            ("archived", ""),
        ];
        for (from, targets) in allowed {
            let from: Stage = from.parse().unwrap();
            for to in Stage::ALL {
                let expected = targets.split(' ').any(|target| target == to.name());
                let step = Move::between(from, to);
                assert_eq!(step.is_some(), expected, "{from} to {to}");
                assert!(step.is_none_or(|step| (step.from(), step.to()) == (from, to)));
            }
            assert_eq!(from.next().map(Stage::name).collect::<Vec<_>>().join(" "), targets);
        }
        assert_eq!((Move::Adopt.from(), Move::Adopt.to()), (Stage::Draft, Stage::Production));
    }

    #[test]
    fn a_stage_is_written_in_one_way() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(stage));
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
        }
        for wrong in ["Production", "PRODUCTION", " draft", "3", ""] {
            assert_eq!(wrong.parse::<Stage>(), Err(UnknownStage), "{wrong}");
        }
    }
}
