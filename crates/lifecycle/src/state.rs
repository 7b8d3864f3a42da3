//! What a ledger amounts to: the stage of every version, what is served, what was served when. A fold of events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use crate::actor::Actor;
use crate::event::{Canary, Change, Event, Grounds, Verb};
use crate::stage::{Move, Stage};

/// The state of a prompt's versions. At most one is in production, at most one is a canary, and no canary runs without production.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    versions: BTreeMap<Version, VersionState>,
    production: Option<Version>,
    canary: Option<RunningCanary>,
    tenures: Vec<Tenure>,
    /// The latest time of any line: where clocks differ it is not that of the last one.
    latest: Option<Timestamp>,
    /// The hash of the last line; none before the first.
    head: Option<Digest>,
}

/// The state of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionState {
    /// Its stage.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// Who moved it there.
    pub by: Actor,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// SHA-256 of its file; it never changes again.
    pub sha256: Digest,
    /// What allowed the last move to canary or production; break-glass is shown wherever the version is.
    pub grounds: Option<Grounds>,
    /// Whether it was adopted: live before there was a ledger.
    pub adopted: bool,
    /// Whether somebody rolled back from it, and so nothing rolls back to it.
    pub mark: Option<Mark>,
    /// Whether somebody ended its last canary, and so it needs more than it had to begin again.
    pub aborted: Option<Mark>,
}

/// Somebody rolled back from a version, or ended its canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When. A whole second is of a ledger of before there were milliseconds: it was somewhere within it.
    pub at: Timestamp,
    /// The latest time that the ledger knew then: later than `at` where that was said by a clock that was slow.
    pub latest: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

/// The canary that runs, expired or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningCanary {
    /// The version.
    pub version: Version,
    /// To whom it is served.
    pub settings: Canary,
    /// Since when at this share.
    pub since: Timestamp,
}

/// A time that a version was in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// The version.
    pub version: Version,
    /// From then on.
    pub from: Timestamp,
    /// Until then; none where it still is.
    pub until: Option<Timestamp>,
}

/// Why a ledger's events do not add up. Nothing that this program wrote looks so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The version was somewhere else.
    #[error("{version} cannot go from {from} to {to}: it is {stage}", from = step.from(), to = step.to(), stage = stage.predicate())]
    WrongStage {
        /// The version.
        version: Version,
        /// The move.
        step: Move,
        /// Its stage.
        stage: Stage,
    },
    /// The command does not make such moves.
    #[error("`{verb}` does not move a version from {from} to {to}", from = step.from(), to = step.to())]
    WrongCommand {
        /// The command.
        verb: Verb,
        /// The move.
        step: Move,
    },
    /// The version had another text.
    #[error("{version} was recorded with the text {recorded}, and here with {found}", recorded = recorded.short(), found = found.short())]
    OtherText {
        /// The version.
        version: Version,
        /// The digest of before.
        recorded: Digest,
        /// The digest here.
        found: Digest,
    },
    /// Two in production.
    #[error("{version} cannot go to production: {current} is in production")]
    TwoInProduction {
        /// The version.
        version: Version,
        /// What is there.
        current: Version,
    },
    /// Two canaries, or a canary beside nothing.
    #[error("{version} cannot be a canary here")]
    CanaryNotPossible {
        /// The version.
        version: Version,
    },
    /// A canary that shrinks, changes its salt or is not there.
    #[error("the canary of {version} cannot be widened so")]
    NotWider {
        /// The version.
        version: Version,
    },
    /// Adoption after something was in production.
    #[error("{version} cannot be adopted: something was in production before")]
    LateAdoption {
        /// The version.
        version: Version,
    },
    /// After a whole command a canary runs beside nothing.
    #[error("the command leaves the canary {version} without production")]
    CanaryAlone {
        /// The version.
        version: Version,
    },
}

impl State {
    /// The versions that the ledger mentions, in the order of semantic versioning.
    pub fn versions(&self) -> &BTreeMap<Version, VersionState> {
        &self.versions
    }

    /// The stage of a version.
    pub fn stage(&self, version: &Version) -> Stage {
        self.versions.get(version).map_or(Stage::Draft, |state| state.stage)
    }

    /// The version in production.
    pub fn production(&self) -> Option<&Version> {
        self.production.as_ref()
    }

    /// The canary that runs, expired or not.
    pub fn canary(&self) -> Option<&RunningCanary> {
        self.canary.as_ref()
    }

    /// Every time that something was in production, the oldest first.
    pub fn tenures(&self) -> &[Tenure] {
        &self.tenures
    }

    /// The hash of the last line that was folded in.
    pub fn head(&self) -> Option<&Digest> {
        self.head.as_ref()
    }

    /// The same state with another head.
    pub(crate) fn set_head(&mut self, head: Digest) {
        self.head = Some(head);
    }

    /// The version in production at that time.
    #[cfg(test)]
    pub(crate) fn production_at(&self, time: Timestamp) -> Option<&Version> {
        let covers = |tenure: &&Tenure| tenure.from <= time && tenure.until.is_none_or(|until| time < until);
        self.tenures.iter().rev().find(covers).map(|tenure| &tenure.version)
    }

    /// Folds in the events of one whole command, or none of them.
    pub fn apply(&mut self, events: &[Event]) -> Result<(), Illegal> {
        let mut next = self.clone();
        for event in events {
            next.apply_one(event)?;
        }
        if let (Some(canary), None) = (&next.canary, &next.production) {
            return Err(Illegal::CanaryAlone { version: canary.version.clone() });
        }
        *self = next;
        Ok(())
    }

    fn apply_one(&mut self, event: &Event) -> Result<(), Illegal> {
        let version = &event.version;
        if let Some(known) = self.versions.get(version).filter(|known| known.sha256 != event.sha256) {
            return Err(Illegal::OtherText {
                version: version.clone(),
                recorded: known.sha256,
                found: event.sha256,
            });
        }
        self.latest = self.latest.max(Some(event.at));
        match &event.change {
            Change::Widen(canary) => self.widen(event, canary),
            Change::StartCanary(canary, grounds) => {
                self.check_step(event, Move::StartCanary)?;
                if self.canary.is_some() || self.production.is_none() {
                    return Err(Illegal::CanaryNotPossible { version: version.clone() });
                }
                self.canary = Some(RunningCanary {
                    version: version.clone(),
                    settings: canary.clone(),
                    since: event.second(),
                });
                self.place(event, Stage::Canary, Some(grounds));
                Ok(())
            }
            Change::Move(step, grounds) => self.step(event, *step, grounds),
        }
    }

    fn check_step(&self, event: &Event, step: Move) -> Result<(), Illegal> {
        let stage = self.stage(&event.version);
        if stage != step.from() {
            return Err(Illegal::WrongStage { version: event.version.clone(), step, stage });
        }
        if !event.command.may(step) {
            return Err(Illegal::WrongCommand { verb: event.command, step });
        }
        Ok(())
    }

    fn step(&mut self, event: &Event, step: Move, grounds: &Grounds) -> Result<(), Illegal> {
        self.check_step(event, step)?;
        let version = &event.version;
        if step == Move::Adopt && !self.tenures.is_empty() {
            return Err(Illegal::LateAdoption { version: version.clone() });
        }
        if step.from() == Stage::Canary {
            self.canary = None;
        }
        if step.from() == Stage::Production {
            self.production = None;
            if let Some(tenure) = self.tenures.last_mut() {
                tenure.until = Some(event.second());
            }
        }
        if step.to() == Stage::Production {
            if let Some(current) = &self.production {
                return Err(Illegal::TwoInProduction { version: version.clone(), current: current.clone() });
            }
            self.production = Some(version.clone());
            self.tenures.push(Tenure { version: version.clone(), from: event.second(), until: None });
        }
        // Who was in production before needs no new grounds to come back: the old ones still stand.
        let new_grounds = step.to() == Stage::Production && event.command != Verb::Rollback;
        self.place(event, step.to(), new_grounds.then_some(grounds));
        let latest = self.latest.unwrap_or(event.at);
        let is_rolled_back = step == Move::Deprecate && event.command == Verb::Rollback;
        if let Some(state) = self.versions.get_mut(version) {
            state.adopted |= step == Move::Adopt;
            if is_rolled_back {
                state.mark = Some(Mark { at: event.at, latest, reason: event.reason.clone() });
            } else if step.to() == Stage::Production {
                (state.mark, state.aborted) = (None, None);
            } else if event.command == Verb::Abort {
                state.aborted = Some(Mark { at: event.at, latest, reason: event.reason.clone() });
            }
        }
        Ok(())
    }

    fn widen(&mut self, event: &Event, canary: &Canary) -> Result<(), Illegal> {
        let refused = || Illegal::NotWider { version: event.version.clone() };
        let running = self
            .canary
            .as_mut()
            .filter(|running| {
                event.command == Verb::Canary
                    && running.version == event.version
                    && running.settings.salt == canary.salt
                    && running.settings.basis_points < canary.basis_points
            })
            .ok_or_else(refused)?;
        running.settings = canary.clone();
        running.since = event.second();
        Ok(())
    }

    fn place(&mut self, event: &Event, stage: Stage, grounds: Option<&Grounds>) {
        let old = self.versions.remove(&event.version);
        let (old_grounds, adopted, mark, aborted) =
            old.map_or((None, false, None, None), |old| (old.grounds, old.adopted, old.mark, old.aborted));
        self.versions.insert(
            event.version.clone(),
            VersionState {
                stage,
                since: event.second(),
                by: event.actor.clone(),
                reason: event.reason.clone(),
                sha256: event.sha256,
                grounds: grounds.cloned().or(old_grounds),
                adopted,
                mark,
                aborted,
            },
        );
    }
}

#[cfg(test)]
mod tests;
