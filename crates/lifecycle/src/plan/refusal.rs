//! Why a command is refused, and what to do.

mod help;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use crate::event::Share;
use crate::evidence::EvidenceFault;
use crate::stage::Stage;

use help::{help_with_evidence, help_with_move};

/// Why a command is refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such move.
    #[error("{version} cannot go from {from} to {to}")]
    NoSuchMove {
        /// The version.
        version: Version,
        /// Its stage.
        from: Stage,
        /// Where it was to go.
        to: Stage,
    },
    /// It is there already.
    #[error("{version} is {} already", stage.predicate())]
    Already {
        /// The version.
        version: Version,
        /// Its stage.
        stage: Stage,
    },
    /// There is no text.
    #[error("{version} has no file")]
    NoFile {
        /// The version.
        version: Version,
    },
    /// The text is another one.
    #[error("{version} was edited since it entered the ledger: recorded {recorded}, found {found}", recorded = recorded.short(), found = found.short())]
    EditedSince {
        /// The version.
        version: Version,
        /// What the ledger knows.
        recorded: Digest,
        /// What is there.
        found: Digest,
    },
    /// The policy wants a canary.
    #[error("{version} has to be a canary before it replaces {production}")]
    CanaryRequired {
        /// The version.
        version: Version,
        /// What is in production.
        production: Version,
    },
    /// The canary has run out.
    #[error("the canary {version} expired at {at}; nobody has been served it since")]
    CanaryExpired {
        /// The version.
        version: Version,
        /// When.
        at: Timestamp,
    },
    /// One canary at a time.
    #[error("{running} is the canary; there is one at a time")]
    AnotherCanary {
        /// The canary that runs.
        running: Version,
    },
    /// Its last canary was ended for a reason.
    #[error("the last canary of {version} was ended at {at}, and nothing that is brought along is younger{}", because(reason.as_deref()))]
    Aborted {
        /// The version.
        version: Version,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// A canary only grows.
    #[error("the canary {version} is served to {current} already, and {asked} is not more")]
    NotWider {
        /// The version.
        version: Version,
        /// The share now.
        current: Share,
        /// The share asked for.
        asked: Share,
    },
    /// A canary needs something beside it.
    #[error("{version} cannot be a canary: nothing is in production beside it")]
    NothingInProduction {
        /// The version.
        version: Version,
    },
    /// Another version is the canary.
    #[error("{version} is not the canary; {running} is")]
    NotTheCanary {
        /// The version.
        version: Version,
        /// The canary that runs.
        running: Version,
    },
    /// No canary runs.
    #[error("no canary runs")]
    NoCanary,
    /// The policy wants evidence.
    #[error("{version} needs evidence to go to {to}")]
    NoEvidence {
        /// The version.
        version: Version,
        /// Where it was to go.
        to: Stage,
    },
    /// The evidence does not count.
    #[error("the evidence does not allow {version} to go to {to}")]
    Evidence {
        /// The version.
        version: Version,
        /// Where it was to go.
        to: Stage,
        /// Why, all of it; never empty.
        faults: Vec<EvidenceFault>,
        /// Whether its replies are recorded ones, which the policy allows.
        offline: bool,
    },
    /// The policy is not to be overridden.
    #[error("the policy does not allow breaking the glass")]
    BreakGlassRefused,
    /// Nobody says why.
    #[error("this needs a reason")]
    NoReason,
    /// There was something before.
    #[error("there is nothing left to adopt: the ledger has had {last} in production")]
    TooLateToAdopt {
        /// What was in production last.
        last: Version,
    },
    /// Only what the ledger does not know can be adopted.
    #[error("{version} is {}, and only a draft can be adopted", stage.predicate())]
    NotADraft {
        /// The version.
        version: Version,
        /// Its stage.
        stage: Stage,
    },
    /// There is nothing to go back to.
    #[error("there is nothing to roll back to: no version that was in production before can be again")]
    NothingToRollBackTo {
        /// What is in production.
        production: Option<Version>,
        /// What is a canary.
        canary: Option<Version>,
    },
    /// It is there already.
    #[error("{version} is in production already")]
    InProductionAlready {
        /// The version.
        version: Version,
    },
    /// It never was.
    #[error("{version} was never in production")]
    NeverInProduction {
        /// The version.
        version: Version,
    },
    /// It was left for a reason.
    #[error("{version} was rolled back from at {at}{}", because(reason.as_deref()))]
    RolledBackFrom {
        /// The version.
        version: Version,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// The ledger would begin without what is served, and from then on the ledger alone decides.
    #[error(
        "{active} is served by `active_version`, and a ledger that begins without it would serve nothing"
    )]
    NotAdopted {
        /// What is served.
        active: Version,
    },
    /// What is not live cannot be recorded as live: that would serve it.
    #[error("{version} is not live, so it cannot be adopted: {active} is served by `active_version`")]
    NotServed {
        /// The version.
        version: Version,
        /// What is served.
        active: Version,
    },
    /// It is served, and would never be again.
    #[error("{version} is served by `active_version`, and an archived version is never served again")]
    ArchivesWhatIsServed {
        /// The version.
        version: Version,
    },
    /// Only a ledger knows what was before.
    #[error(
        "there is no ledger that knows what was in production before; {active} is served by `active_version`"
    )]
    NothingRecorded {
        /// What is served.
        active: Version,
    },
    /// It is out of use.
    #[error("{version} is archived")]
    Archived {
        /// The version.
        version: Version,
    },
    /// `active_version` could not follow.
    #[error("`active_version` could not follow: `prompt.yaml` cannot be changed at one place")]
    NoMirror {
        /// The line to write by hand.
        line: String,
    },
    /// Somebody else moved the lifecycle in between.
    #[error("somebody else moved the lifecycle first: its head was {expected}, and is {found}")]
    HeadMoved {
        /// The head that the command was decided on, in short; `empty` where there was no line.
        expected: String,
        /// The head that is there, in short.
        found: String,
    },
}

impl Refusal {
    pub(super) fn no_such_move(version: &Version, from: Stage, to: Stage) -> Self {
        let version = version.clone();
        if from == to { Self::Already { version, stage: to } } else { Self::NoSuchMove { version, from, to } }
    }

    /// The head is not the one that the command was decided on.
    pub fn head_moved(expected: Option<&Digest>, found: Option<&Digest>) -> Self {
        let short = |head: Option<&Digest>| head.map_or_else(|| "empty".to_owned(), Digest::short);
        Self::HeadMoved { expected: short(expected), found: short(found) }
    }

    /// Whether it would have been done, had not somebody else been faster.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::HeadMoved { .. } => true,
            Self::Evidence { faults, .. } => {
                faults.iter().any(|fault| matches!(fault, EvidenceFault::ProductionMoved { .. }))
            }
            _ => false,
        }
    }

    /// What to do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchMove { from, to, version } => help_with_move(version, *from, *to),
            Self::Already { .. } | Self::InProductionAlready { .. } => "there is nothing to do".to_owned(),
            Self::NoFile { version } => {
                format!("`promptassay add` makes a version; one that was there is restored with git: {version}")
            }
            Self::EditedSince { .. } => {
                "restore the file with git, and add the new text as a new version".to_owned()
            }
            Self::CanaryRequired { version, .. } => format!(
                "`promptassay canary NAME {version} --percent 5` begins one; `canary: optional` in the policy does without"
            ),
            Self::CanaryExpired { .. } | Self::AnotherCanary { .. } => {
                "`promptassay abort NAME --reason WHY` ends it".to_owned()
            }
            Self::Aborted { version, .. } => format!(
                "`promptassay eval NAME --candidate {version} --refresh` asks the models again, and `--evidence latest` then brings what they say now; or say why it may be served all the same: the ledger keeps `--reason WHY`"
            ),
            Self::NotWider { .. } => {
                "a canary only widens, so that nobody is moved back and forth; `promptassay abort NAME --reason WHY` ends it".to_owned()
            }
            Self::NothingInProduction { version } => format!(
                "`promptassay promote NAME {version} --to production` puts it there; `promptassay adopt` records what is live already"
            ),
            Self::NotTheCanary { running, .. } => {
                format!("`promptassay abort NAME {running} --reason WHY` ends that one")
            }
            Self::NoCanary => "`promptassay status NAME` shows what there is".to_owned(),
            Self::NoEvidence { version, .. } => format!(
                "`promptassay eval NAME --candidate {version}` asks its whole suite; `--evidence latest` here brings what it found"
            ),
            Self::Evidence { version, faults, offline, .. } => help_with_evidence(version, faults, *offline),
            Self::BreakGlassRefused => "bring evidence; or let somebody who may write `break_glass: allowed` under `lifecycle` in registry.yaml".to_owned(),
            Self::NoReason => "say why in a sentence: `--reason \"The error rate doubled\"`".to_owned(),
            Self::TooLateToAdopt { .. } => "use `promote` from now on".to_owned(),
            Self::NotADraft { .. } => "use `promote`".to_owned(),
            Self::NothingToRollBackTo { canary: Some(canary), .. } => {
                format!("`promptassay abort NAME --reason WHY` ends the canary {canary}")
            }
            Self::NothingToRollBackTo { production, canary: None } => match production {
                Some(version) => format!(
                    "`promptassay deprecate NAME {version} --reason WHY` takes it out of production with nothing in its place"
                ),
                None => "`promptassay status NAME` shows what there is".to_owned(),
            },
            Self::NeverInProduction { .. } => {
                "only what was in production can be gone back to; `promote` brings others there".to_owned()
            }
            Self::RolledBackFrom { version, .. } => format!(
                "`promptassay eval NAME --candidate {version} --refresh` asks the models again; with what it finds, `promptassay promote NAME {version} --to production --evidence latest`"
            ),
            Self::NotAdopted { active } => format!(
                "`promptassay adopt NAME {active}` records first that it is in production; where nobody is to be served it yet, take `active_version` out of prompt.yaml"
            ),
            Self::NotServed { version, active } => format!(
                "`promptassay adopt NAME {active}` records what is served; `promptassay activate NAME {version}` comes first where {version} is to be it"
            ),
            Self::ArchivesWhatIsServed { .. } => {
                "`promptassay activate NAME VERSION` serves another one; what is in no ledger need not be archived".to_owned()
            }
            Self::NothingRecorded { .. } => "`promptassay activate NAME VERSION` serves another one".to_owned(),
            Self::Archived { .. } => "an archived version stays so; add its text as a new version".to_owned(),
            Self::NoMirror { line } => format!("write `{line}` into it by hand, and do this again"),
            Self::HeadMoved { .. } => {
                "look at `promptassay status NAME`, and decide again".to_owned()
            }
        })
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}
