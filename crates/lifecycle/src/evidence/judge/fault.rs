//! Why evidence does not count.

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use super::{ReplySource, Verdict};

/// Why evidence does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// It says nothing of this version.
    #[error("run {run} says nothing of {version}; it is about {about}")]
    OtherVersion {
        /// The run.
        run: String,
        /// The version.
        version: Version,
        /// What it is about.
        about: String,
    },
    /// The text is another one.
    #[error("the text of {version} changed since: evaluated {evaluated}, now {now}", evaluated = evaluated.short(), now = now.short())]
    Text {
        /// The version.
        version: Version,
        /// What was evaluated.
        evaluated: Digest,
        /// What is there.
        now: Digest,
    },
    /// Something else that the verdict depends on is another one.
    #[error("{what} changed since: evaluated {evaluated}, now {now}", evaluated = evaluated.short(), now = now.short())]
    Changed {
        /// What.
        what: String,
        /// What was evaluated.
        evaluated: Digest,
        /// What is there.
        now: Digest,
    },
    /// The row names another model.
    #[error("the row `{row}` named the model `{evaluated}` then, and names `{now}` now")]
    Model {
        /// The row.
        row: String,
        /// The model that was asked.
        evaluated: String,
        /// The model that would be asked.
        now: String,
    },
    /// The row is gone.
    #[error("the model row `{row}` is gone from registry.yaml")]
    ModelGone {
        /// The row.
        row: String,
    },
    /// A model that the policy names was not asked.
    #[error("the policy wants the model `{row}`, which was not evaluated")]
    ModelMissing {
        /// The row.
        row: String,
    },
    /// It did not pass.
    #[error("the verdict on `{row}` is {verdict}")]
    NotPassed {
        /// The model's row.
        row: String,
        /// The verdict.
        verdict: Verdict,
    },
    /// Questions are missing.
    #[error("the run was not complete: not every planned question was asked")]
    Incomplete,
    /// Cases were left out.
    #[error("the run was filtered: not every case of the suite was asked")]
    Filtered,
    /// Not from there.
    #[error("the replies of the evidence are {source_name}, and the policy allows {allowed}", source_name = source_of_replies)]
    Replies {
        /// Where they came from.
        source_of_replies: ReplySource,
        /// What is allowed.
        allowed: String,
    },
    /// The replies are too old.
    #[error(
        "the oldest reply of the evidence is from {oldest_at:.0}, and the policy allows replies of the last {allowed}"
    )]
    TooOld {
        /// When it was given.
        oldest_at: Timestamp,
        /// What is allowed.
        allowed: String,
    },
    /// Nobody knows how old the replies are.
    #[error("the evidence does not say how old its replies are")]
    AgeUnknown,
    /// Its time is to come.
    #[error("the evidence is from the future: it says {at}")]
    FromTheFuture {
        /// The time.
        at: Timestamp,
    },
    /// Too small.
    #[error("the evidence has {cases} cases on `{row}`, and the policy wants {least}")]
    TooFewCases {
        /// The model's row.
        row: String,
        /// How many.
        cases: u64,
        /// How many are wanted.
        least: u64,
    },
    /// Somebody else was faster.
    #[error("production moved from {from} to {to} since this was evaluated", to = to.as_ref().map_or_else(|| "nothing".to_owned(), Version::to_string))]
    ProductionMoved {
        /// What was in production then, and was compared with.
        from: Version,
        /// What is there now.
        to: Option<Version>,
    },
    /// It was compared with something else.
    #[error("the evidence compares with {baseline}, and {production} is in production")]
    OtherBaseline {
        /// What it was compared with.
        baseline: Version,
        /// What is in production.
        production: Version,
    },
    /// It was not compared, and its gate has a margin.
    #[error(
        "the evidence was not compared with {production}, which is in production, and the gate has a margin by which it may be worse"
    )]
    NoBaseline {
        /// What is in production.
        production: Version,
    },
    /// It is older than the rollback.
    #[error("the evidence {} the rollback of {version} at {at}", older(*finished_at, *at))]
    BeforeRollback {
        /// When the run ended.
        finished_at: Timestamp,
        /// The version.
        version: Version,
        /// When somebody rolled back from it.
        at: Timestamp,
    },
    /// Its run is younger than the rollback, and a reply in it is not.
    #[error("the oldest reply of the evidence is from {}, {} the rollback of {version} at {at}", shown(*oldest_at), before(*oldest_at, *at))]
    RepliesBeforeRollback {
        /// When the model gave it, or at the earliest began to.
        oldest_at: Timestamp,
        /// The version.
        version: Version,
        /// When somebody rolled back from it.
        at: Timestamp,
    },
    /// Nobody knows whether its replies are younger than the rollback.
    #[error(
        "the replies of the evidence are {source_of_replies}, and nothing says that they were given after the rollback of {version} at {at}"
    )]
    UndatedSinceRollback {
        /// Where they came from.
        source_of_replies: ReplySource,
        /// The version.
        version: Version,
        /// When somebody rolled back from it.
        at: Timestamp,
    },
}

/// With what tells it from another time of the same second, where it has that.
fn shown(time: Timestamp) -> String {
    if time.subsec_nanosecond() == 0 { time.to_string() } else { format!("{time:.3}") }
}

/// Within a second to which one of the two is cut nobody can tell what came first; nor where the clock of the ledger's line was slow.
fn is_open(time: Timestamp, of_ledger: Timestamp) -> bool {
    if time > of_ledger {
        return true;
    }
    let is_cut = time.subsec_nanosecond() == 0 || of_ledger.subsec_nanosecond() == 0;
    is_cut && time.as_second() == of_ledger.as_second()
}

fn before(time: Timestamp, of_ledger: Timestamp) -> &'static str {
    if is_open(time, of_ledger) { "and so perhaps from before" } else { "before" }
}

fn older(time: Timestamp, of_ledger: Timestamp) -> &'static str {
    if is_open(time, of_ledger) { "may be older than" } else { "is older than" }
}

impl EvidenceFault {
    /// Whether asking the models anew is what it takes: its replies are too old, or of unknown age.
    pub fn is_of_age(&self) -> bool {
        matches!(
            self,
            Self::TooOld { .. }
                | Self::AgeUnknown
                | Self::BeforeRollback { .. }
                | Self::RepliesBeforeRollback { .. }
                | Self::UndatedSinceRollback { .. }
        )
    }
}
