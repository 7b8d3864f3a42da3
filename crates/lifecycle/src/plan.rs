//! From a command to events, or to a refusal. Pure: everything is decided here before anything is written.

mod command;
mod marks;
mod refusal;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use promptassay_registry::digest::Digest;
use promptassay_registry::version::Version;

use crate::event::{Canary, Change, Event, Grounds, Share, Verb, to_the_second};
use crate::evidence::{Finding, ReplySource, judge};
use crate::policy::{BreakGlassRule, CanaryRule, Policy};
use crate::stage::{Move, Stage};
use crate::state::State;

pub use command::{Command, Request, Warrant};
pub use refusal::Refusal;

/// The events of a command, and what there is to say about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The events, in order; never empty.
    pub events: Vec<Event>,
    /// What the evidence could not be compared with.
    pub not_compared: Vec<&'static str>,
}

/// Plans a command. The state that results from the events is always one that [`State::apply`] accepts.
pub fn plan(state: &State, command: &Command, now: Timestamp, policy: &Policy) -> Result<Planned, Refusal> {
    let mut planner = Planner {
        state,
        command,
        now: to_the_second(now),
        at: to_the_millisecond(now),
        policy,
        policy_digest: policy.digest(),
        not_compared: Vec::new(),
    };
    let events = planner.events()?;
    Ok(Planned { events, not_compared: planner.not_compared })
}

struct Planner<'a> {
    state: &'a State,
    command: &'a Command,
    /// To the second, cut: what is judged and set lies in no future.
    now: Timestamp,
    /// To the millisecond, not before it.
    at: Timestamp,
    policy: &'a Policy,
    policy_digest: Digest,
    not_compared: Vec<&'static str>,
}

impl Planner<'_> {
    fn events(&mut self) -> Result<Vec<Event>, Refusal> {
        let command = self.command;
        self.keep_serving()?;
        match &command.request {
            Request::Promote { version, to, warrant } => self.promote(version, *to, warrant),
            Request::Adopt { version } => self.adopt(version),
            Request::Canary { version, share, warrant } => self.canary(version, *share, warrant),
            Request::Abort { version } => {
                self.need_reason()?;
                if let (Some(version), Some(running)) = (version, self.state.canary())
                    && *version != running.version
                {
                    return Err(Refusal::NotTheCanary {
                        version: version.clone(),
                        running: running.version.clone(),
                    });
                }
                self.abort_running(None).ok_or(Refusal::NoCanary).map(|event| vec![event])
            }
            Request::Rollback { to } => self.rollback(to.as_ref()),
            Request::Deprecate { version } => self.deprecate(version),
            Request::Archive { version } => self.archive(version),
        }
    }

    /// A ledger ends what `active_version` serves by itself: it begins with that, or not at all.
    fn keep_serving(&self) -> Result<(), Refusal> {
        let Command { active, request, .. } = self.command;
        let Some(active) = active.clone().filter(|_| self.state.versions().is_empty()) else { return Ok(()) };
        match request {
            Request::Archive { version } if *version == active => {
                Err(Refusal::ArchivesWhatIsServed { version: active })
            }
            Request::Promote { version, .. }
            | Request::Canary { version, .. }
            | Request::Archive { version } => {
                self.file(version)?;
                Err(Refusal::NotAdopted { active })
            }
            Request::Rollback { .. } => Err(Refusal::NothingRecorded { active }),
            Request::Adopt { version } if *version != active => {
                self.file(version)?;
                Err(Refusal::NotServed { version: version.clone(), active })
            }
            // What is adopted is served from here on; the others find nothing to end.
            Request::Adopt { .. } | Request::Abort { .. } | Request::Deprecate { .. } => Ok(()),
        }
    }

    fn promote(&mut self, version: &Version, to: Stage, warrant: &Warrant) -> Result<Vec<Event>, Refusal> {
        let sha256 = self.file(version)?;
        let from = self.state.stage(version);
        let step = Move::between(from, to).filter(|step| Verb::Promote.may(*step) && to != Stage::Deprecated);
        let step = match step {
            // A canary goes back by `abort`, which is the better word for it.
            Some(step) if step != Move::AbortCanary => step,
            _ => return Err(Refusal::no_such_move(version, from, to)),
        };
        if step == Move::GoLive
            && self.policy.canary == CanaryRule::Required
            && *warrant != Warrant::BreakGlass
            && let Some(production) = self.state.production()
        {
            return Err(Refusal::CanaryRequired { version: version.clone(), production: production.clone() });
        }
        if step == Move::CompleteCanary
            && *warrant != Warrant::BreakGlass
            && let Some(running) = self.state.canary().filter(|running| running.settings.expired(self.now))
        {
            let at = running.settings.expires_at;
            return Err(Refusal::CanaryExpired { version: version.clone(), at });
        }
        let grounds = self.grounds(version, to, warrant)?;
        if step == Move::GoLive {
            self.not_on_what_was_known(version, warrant)?;
        }
        let mut events = Vec::new();
        if to == Stage::Production {
            events.extend(self.abort_running(Some(version)));
            events.extend(self.retire_production());
        }
        events.push(self.event(version, sha256, Change::Move(step, grounds)));
        Ok(events)
    }

    fn adopt(&self, version: &Version) -> Result<Vec<Event>, Refusal> {
        let sha256 = self.file(version)?;
        if self.state.production() == Some(version) {
            return Err(Refusal::InProductionAlready { version: version.clone() });
        }
        if let Some(tenure) = self.state.tenures().last() {
            return Err(Refusal::TooLateToAdopt { last: tenure.version.clone() });
        }
        let stage = self.state.stage(version);
        if stage != Stage::Draft {
            return Err(Refusal::NotADraft { version: version.clone(), stage });
        }
        Ok(vec![self.event(version, sha256, Change::Move(Move::Adopt, Grounds::Policy))])
    }

    fn canary(&mut self, version: &Version, share: Share, warrant: &Warrant) -> Result<Vec<Event>, Refusal> {
        let sha256 = self.file(version)?;
        let expires_at = self.now.checked_add(self.policy.canary_expires_after).unwrap_or(Timestamp::MAX);
        if let Some(running) = self.state.canary() {
            if running.version != *version {
                return Err(Refusal::AnotherCanary { running: running.version.clone() });
            }
            if running.settings.expired(self.now) {
                let at = running.settings.expires_at;
                return Err(Refusal::CanaryExpired { version: version.clone(), at });
            }
            let current = running.settings.basis_points;
            if share <= current {
                return Err(Refusal::NotWider { version: version.clone(), current, asked: share });
            }
            let settings = Canary { basis_points: share, salt: running.settings.salt.clone(), expires_at };
            return Ok(vec![self.event(version, sha256, Change::Widen(settings))]);
        }
        let from = self.state.stage(version);
        if from != Stage::Testing {
            return Err(Refusal::no_such_move(version, from, Stage::Canary));
        }
        if self.state.production().is_none() {
            return Err(Refusal::NothingInProduction { version: version.clone() });
        }
        let grounds = self.grounds(version, Stage::Canary, warrant)?;
        self.not_on_what_was_known(version, warrant)?;
        let settings = Canary { basis_points: share, salt: self.salt(version), expires_at };
        Ok(vec![self.event(version, sha256, Change::StartCanary(settings, grounds))])
    }

    fn rollback(&self, to: Option<&Version>) -> Result<Vec<Event>, Refusal> {
        self.need_reason()?;
        let target = match to {
            Some(version) => version.clone(),
            None => self.default_target()?,
        };
        if self.state.production() == Some(&target) {
            return Err(Refusal::InProductionAlready { version: target });
        }
        if !self.state.tenures().iter().any(|tenure| tenure.version == target) {
            return Err(Refusal::NeverInProduction { version: target });
        }
        self.not_rolled_back_from(&target)?;
        let stage = self.state.stage(&target);
        if stage != Stage::Deprecated {
            return Err(Refusal::Archived { version: target });
        }
        let sha256 = self.file(&target)?;
        let mut events = Vec::new();
        events.extend(self.abort_running(None));
        events.extend(self.retire_production());
        events.push(self.event(&target, sha256, Change::Move(Move::Restore, Grounds::Policy)));
        Ok(events)
    }

    /// What was in production last before what is there now, and can be again.
    fn default_target(&self) -> Result<Version, Refusal> {
        let can = |version: &&Version| {
            self.state.production() != Some(version)
                && self
                    .state
                    .versions()
                    .get(*version)
                    .is_some_and(|known| known.stage == Stage::Deprecated && known.mark.is_none())
        };
        let tenures = self.state.tenures().iter().rev().map(|tenure| &tenure.version);
        tenures.clone().find(can).cloned().ok_or_else(|| Refusal::NothingToRollBackTo {
            production: self.state.production().cloned(),
            canary: self.state.canary().map(|running| running.version.clone()),
        })
    }

    fn deprecate(&self, version: &Version) -> Result<Vec<Event>, Refusal> {
        self.need_reason()?;
        if self.state.production() != Some(version) {
            let stage = self.state.stage(version);
            return Err(Refusal::no_such_move(version, stage, Stage::Deprecated));
        }
        Ok(self.abort_running(None).into_iter().chain(self.retire_production()).collect())
    }

    fn archive(&self, version: &Version) -> Result<Vec<Event>, Refusal> {
        let from = self.state.stage(version);
        let step = Move::between(from, Stage::Archived)
            .ok_or_else(|| Refusal::no_such_move(version, from, Stage::Archived))?;
        // What leaves for ever need not be whole any more; a draft must at least be there.
        let sha256 = match self.state.versions().get(version) {
            Some(known) => known.sha256,
            None => self.file(version)?,
        };
        Ok(vec![self.event(version, sha256, Change::Move(step, Grounds::Policy))])
    }

    /// The end of the canary that runs, unless it is the one of this version.
    fn abort_running(&self, except: Option<&Version>) -> Option<Event> {
        let running = self.state.canary().filter(|running| Some(&running.version) != except)?;
        let sha256 = self.state.versions().get(&running.version)?.sha256;
        Some(self.event(&running.version, sha256, Change::Move(Move::AbortCanary, Grounds::Policy)))
    }

    fn retire_production(&self) -> Option<Event> {
        let version = self.state.production()?;
        let sha256 = self.state.versions().get(version)?.sha256;
        Some(self.event(version, sha256, Change::Move(Move::Deprecate, Grounds::Policy)))
    }

    fn grounds(&mut self, version: &Version, to: Stage, warrant: &Warrant) -> Result<Grounds, Refusal> {
        match warrant {
            Warrant::BreakGlass if self.policy.break_glass == BreakGlassRule::Refused => {
                Err(Refusal::BreakGlassRefused)
            }
            Warrant::BreakGlass => self.need_reason().map(|()| Grounds::BreakGlass),
            Warrant::Evidence(brought) => {
                let (evidence, today) = &**brought;
                let of_records = |finding: &Finding| finding.details.replies.source == ReplySource::Recorded;
                let offline = self.policy.replies.contains(&ReplySource::Recorded)
                    && evidence.findings.iter().any(of_records);
                let judged = judge(evidence, version, today, self.state, self.policy, self.now)
                    .map_err(|faults| Refusal::Evidence { version: version.clone(), to, faults, offline })?;
                self.not_compared = judged.not_compared;
                Ok(Grounds::Evidence(judged.summary))
            }
            Warrant::None if self.policy.needs_evidence(to) => {
                Err(Refusal::NoEvidence { version: version.clone(), to })
            }
            Warrant::None if to == Stage::Production => {
                self.not_rolled_back_from(version).map(|()| Grounds::Policy)
            }
            Warrant::None => Ok(Grounds::Policy),
        }
    }

    /// The digest of the version's file, which must be what the ledger knows.
    fn file(&self, version: &Version) -> Result<Digest, Refusal> {
        let found =
            *self.command.files.get(version).ok_or_else(|| Refusal::NoFile { version: version.clone() })?;
        match self.state.versions().get(version) {
            Some(known) if known.sha256 != found => {
                Err(Refusal::EditedSince { version: version.clone(), recorded: known.sha256, found })
            }
            _ => Ok(found),
        }
    }

    fn need_reason(&self) -> Result<(), Refusal> {
        match self.command.reason {
            Some(_) => Ok(()),
            None => Err(Refusal::NoReason),
        }
    }

    /// Another for every canary, and the same wherever it is computed: 128 bits of SHA-256 over the head of the ledger, the version
    /// and the time.
    fn salt(&self, version: &Version) -> String {
        let head = self.state.head().map(ToString::to_string).unwrap_or_default();
        let mut salt = Digest::of(format!("canary\0{head}\0{version}\0{}", self.now)).to_string();
        salt.truncate(32);
        salt
    }

    fn event(&self, version: &Version, sha256: Digest, change: Change) -> Event {
        Event {
            at: self.at,
            actor: self.command.actor.clone(),
            command: self.command.request.verb(),
            version: version.clone(),
            sha256,
            change,
            reason: self.command.reason.clone(),
            policy: self.policy_digest,
        }
    }
}

/// The next whole millisecond: whom a canary serves from then on, it did not serve before. Where that would be a whole second it stays as it
/// is, because in ledgers from before there were milliseconds a whole second stands for all that came within it.
fn to_the_millisecond(time: Timestamp) -> Timestamp {
    let next = time.round(TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil));
    next.ok().filter(|next| next.subsec_nanosecond() != 0).unwrap_or(time)
}

#[cfg(test)]
pub(crate) mod properties;
#[cfg(test)]
mod tests;
