//! What happens to versions: the events that a ledger keeps.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::evidence::EvidenceSummary;
use crate::stage::Move;

/// One thing that happened to one version. A command makes one or several, which are written together.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When: not before it happened, and less than a millisecond later. In ledgers of earlier versions to the second, cut.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The command that it is part of.
    pub command: Verb,
    /// The version.
    pub version: Version,
    /// SHA-256 of the version's file.
    pub sha256: Digest,
    /// What happened.
    pub change: Change,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// SHA-256 of the policy that the command was held against.
    pub policy: Digest,
}

impl Event {
    /// When, to the second, cut: what people are told, and compared with by what they say.
    pub fn second(&self) -> Timestamp {
        to_the_second(self.at)
    }
}

/// Cut, not rounded: nothing happens in the future.
pub(crate) fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// What happened to a version.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It went from one stage to another.
    Move(Move, Grounds),
    /// It became a canary, with these settings.
    StartCanary(Canary, Grounds),
    /// Its canary is served to more users.
    Widen(Canary),
}

/// What allowed a move.
#[derive(Debug, Clone, PartialEq)]
pub enum Grounds {
    /// The move itself needs nothing more, or the policy asks for nothing.
    Policy,
    /// A passed evaluation.
    Evidence(EvidenceSummary),
    /// Somebody overrode the policy and said why.
    BreakGlass,
}

/// The commands that move versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// One step on.
    Promote,
    /// What is live already is recorded.
    Adopt,
    /// A canary begins or widens.
    Canary,
    /// A canary ends.
    Abort,
    /// Back to what was in production before.
    Rollback,
    /// Out of production.
    Deprecate,
    /// Out of use for ever.
    Archive,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Promote,
        Self::Adopt,
        Self::Canary,
        Self::Abort,
        Self::Rollback,
        Self::Deprecate,
        Self::Archive,
    ];

    /// The name, as in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Adopt => "adopt",
            Self::Canary => "canary",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
            Self::Deprecate => "deprecate",
            Self::Archive => "archive",
        }
    }

    /// Whether a command of this name may make this move.
    pub fn may(self, step: Move) -> bool {
        use Move as M;
        match self {
            Self::Promote => matches!(
                step,
                M::BeginTesting
                    | M::ReturnToDraft
                    | M::GoLive
                    | M::CompleteCanary
                    | M::Restore
                    | M::Deprecate
                    | M::AbortCanary
            ),
            Self::Adopt => step == M::Adopt,
            Self::Canary => step == M::StartCanary,
            Self::Abort => step == M::AbortCanary,
            Self::Rollback => matches!(step, M::AbortCanary | M::Deprecate | M::Restore),
            Self::Deprecate => matches!(step, M::AbortCanary | M::Deprecate),
            Self::Archive => matches!(step, M::DropDraft | M::DropTested | M::Retire),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Change {
    /// The move, if it is one.
    pub fn step(&self) -> Option<Move> {
        match self {
            Self::Move(step, _) => Some(*step),
            Self::StartCanary(..) => Some(Move::StartCanary),
            Self::Widen(_) => None,
        }
    }

    /// What allowed it.
    pub fn grounds(&self) -> &Grounds {
        match self {
            Self::Move(_, grounds) | Self::StartCanary(_, grounds) => grounds,
            Self::Widen(_) => &Grounds::Policy,
        }
    }

    /// The canary's settings, where it begins or widens.
    pub fn canary(&self) -> Option<&Canary> {
        match self {
            Self::StartCanary(canary, _) | Self::Widen(canary) => Some(canary),
            Self::Move(..) => None,
        }
    }
}

/// To whom a canary is served, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The share of the users.
    pub basis_points: Share,
    /// Which users: the same through one canary, another for every canary.
    pub salt: String,
    /// From then on production is served to all.
    pub expires_at: Timestamp,
}

impl Canary {
    /// Whether it has run out.
    pub fn expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

/// A share of the users in hundredths of a per cent: more than none, fewer than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

/// The largest share, and one more.
pub(crate) const WHOLE: u16 = 10_000;

/// The text or number is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a share is more than 0 and less than 100 per cent, with at most two decimal places, such as `5` or `0.25`"
)]
pub struct InvalidShare;

impl Share {
    /// Hundredths of a per cent, from 1 to 9999.
    pub fn basis_points(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Share {
    type Error = InvalidShare;

    fn try_from(basis_points: u16) -> Result<Self, InvalidShare> {
        if (1..WHOLE).contains(&basis_points) { Ok(Self(basis_points)) } else { Err(InvalidShare) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    /// Per cent: `5`, `5%`, `12.5`, `0.25`.
    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 2) || !digits(fraction, 2) {
            return Err(InvalidShare);
        }
        let parse = |part: &str| part.parse::<u16>().map_err(|_| InvalidShare);
        let hundredths = parse(fraction)? * if fraction.len() == 1 { 10 } else { 1 };
        Self::try_from(parse(whole)? * 100 + hundredths)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.0 / 100, self.0 % 100);
        let text = match hundredths {
            0 => format!("{whole} %"),
            _ if hundredths % 10 == 0 => format!("{whole}.{} %", hundredths / 10),
            _ => format!("{whole}.{hundredths:02} %"),
        };
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_more_than_none_and_fewer_than_all() {
        let read = |text: &str| text.parse::<Share>().map(Share::basis_points).ok();
        for (text, expected) in
            [("5", 500), ("5%", 500), ("5 %", 500), ("12.5", 1250), ("0.01", 1), ("99.99", 9999), ("05", 500)]
        {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for wrong in ["0", "0.00", "100", "101", "-1", "NaN", "inf", "1e1", "", ".", "5.", ".5", "0.001", "٥"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        for text in ["5 %", "12.5 %", "0.25 %", "0.01 %"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        assert!(
            serde_json::from_str::<Share>("0").is_err() && serde_json::from_str::<Share>("10000").is_err()
        );
        assert!(serde_json::from_str::<Share>("\"500\"").is_err(), "a number is no text");
    }

    #[test]
    fn every_command_may_something_and_every_move_is_made_by_one() {
        for verb in Verb::ALL {
            assert!(Move::all().any(|step| verb.may(step)), "{verb}");
        }
        for step in Move::all() {
            assert!(Verb::ALL.iter().any(|verb| verb.may(step)), "{step:?}");
        }
    }
}
