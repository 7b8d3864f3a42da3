//! Moves that a change makes under rules of its own. The ledger has the digest of the policy that each move was held against; what it said
//! is in registry.yaml, which may be another one again before anybody reviews.

use std::collections::BTreeSet;

use promptassay_lifecycle::event::{Share, Verb};
use promptassay_lifecycle::ledger::{self, Ledger, Line};
use promptassay_lifecycle::policy::Policy;
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use super::Then;
use super::linked::is_touched;

impl Then<'_> {
    /// The digest of the rules in a registry document; the defaults where there is none.
    pub(super) fn policy_in(registry: Option<&Document>) -> Digest {
        // What is wrong with it is said by whoever reads it for its own sake.
        registry.map_or_else(Policy::default, |document| Policy::read(document, &mut Vec::new())).digest()
    }

    /// The lines that the change adds to the ledger of a prompt, by its own command.
    fn new_lines(
        &self,
        prompt: &Prompt,
        is_meant: impl Fn(&Line) -> bool,
    ) -> Result<Vec<Line>, Box<Problem>> {
        let file = prompt.directory().join(ledger::FILE_NAME);
        if !is_touched(&self.git, &file, &self.touched) {
            return Ok(Vec::new());
        }
        let lines_at = |commit: &str| -> Result<Vec<Digest>, Box<Problem>> {
            let text = self.git.text_at(commit, &self.git.named(&file))?.unwrap_or_default();
            let ledger = Ledger::parse(file.clone(), prompt.name(), text);
            Ok(ledger.lines().iter().map(|line| line.hash).collect())
        };
        let known: BTreeSet<Digest> =
            [lines_at(&self.fork)?, lines_at(&self.commit)?].concat().into_iter().collect();
        // One that cannot be read is said to be that.
        let Ok(now) = Ledger::read(prompt.directory(), prompt.name()) else { return Ok(Vec::new()) };
        let new = now.lines().iter().filter(|line| !known.contains(&line.hash) && is_meant(line));
        Ok(new.cloned().collect())
    }

    /// A warning where users are served something else with the merge: what the ledger comes to, there and here, whatever was moved on the
    /// way. What a canary serves is judged here only where its text changes as well, and what ends is judged nowhere.
    pub(super) fn served_otherwise(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let file = prompt.directory().join(ledger::FILE_NAME);
        // One that is removed or cannot be read is said to be that.
        if !ledger::exists(prompt.directory()) || !is_touched(&self.git, &file, &self.touched) {
            return Ok(None);
        }
        let Some(now) =
            Ledger::read(prompt.directory(), prompt.name()).ok().and_then(|now| ServedBy::of(&now))
        else {
            return Ok(None);
        };
        let at = |commit: &str| -> Result<Option<ServedBy>, Box<Problem>> {
            let text = self.git.text_at(commit, &self.git.named(&file))?;
            let ledger = text.map(|text| Ledger::parse(file.clone(), prompt.name(), text));
            if let Some(served) = ledger.and_then(|ledger| ServedBy::of(&ledger)) {
                return Ok(Some(served));
            }
            // Where there is none yet, prompt.yaml says what is served.
            let active = self.git.active_version(commit, prompt.directory())?;
            Ok(active.map(|active| ServedBy { production: Some(active), canary: None }))
        };
        let (Some(there), Some(began)) = (at(&self.commit)?, at(&self.fork)?) else { return Ok(None) };
        let mut moves = Vec::new();
        if now.production != there.production && now.production != began.production {
            let [there, here] = [&there, &now].map(|served| {
                served.production.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
            });
            moves.push(format!("production ({there} there and {here} here)"));
        }
        if now.canary != there.canary && now.canary != began.canary {
            let [there, here] = [&there, &now].map(|served| match &served.canary {
                None => "none".to_owned(),
                Some(canary) => format!("{} to {} of the users", canary.version, canary.share),
            });
            let here = if here == there { "to others of them".to_owned() } else { here };
            moves.push(format!("canary ({there} there and {here} here)"));
        }
        if moves.is_empty() {
            return Ok(None);
        }
        let name = prompt.name();
        let message = format!("{name}: this change moves what users are served: {}", moves.join(", "));
        let help = if now.production.is_none() {
            format!(
                "nobody is served anything of it once this is merged; the ledger says why: `promptassay history {name}`"
            )
        } else {
            format!(
                "the ledger says on which evidence: `promptassay history {name}`; what a canary serves is judged by `promptassay eval {name} --served`"
            )
        };
        Ok(Some(Problem::warning("changes::served", message).at(Place::whole_file(file)).help(help)))
    }

    /// A warning where the change moves a version under other rules than those of the commit and of where the change began.
    pub(super) fn moved_by_other_rules(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let file = prompt.directory().join(ledger::FILE_NAME);
        // To go back, or to end a canary, the rules ask for nothing.
        let new =
            self.new_lines(prompt, |line| matches!(line.event.command, Verb::Promote | Verb::Canary))?;
        if new.is_empty() {
            return Ok(None);
        }
        let there =
            [&self.registry, self.began()].map(|registry| Self::policy_in(registry.document.as_ref()));
        let others: Vec<&Line> = new.iter().filter(|line| !there.contains(&line.event.policy)).collect();
        let Some(last) = others.last() else { return Ok(None) };
        let moves: BTreeSet<String> =
            others.iter().map(|line| format!("{} of {}", line.event.command, line.event.version)).collect();
        let whose = if last.event.policy == self.policy_here {
            "those that it writes to `lifecycle` in registry.yaml"
        } else {
            "neither of them nor of this change: nobody who reviews it sees which"
        };
        let message = format!(
            "{}: this change moves versions by other lifecycle rules than {} has, {whose}: {}",
            prompt.name(),
            self.reference,
            moves.into_iter().collect::<Vec<_>>().join(", ")
        );
        let help = "a change cannot set the rules for its own moves: change the rules in a change of its own, and move by them after it is merged";
        Ok(Some(
            Problem::warning("changes::moved_by_other_rules", message).at(Place::whole_file(file)).help(help),
        ))
    }
}

/// What users are served.
struct ServedBy {
    production: Option<Version>,
    canary: Option<ServedCanary>,
}

/// What some of them are served instead; the salt says whom.
#[derive(PartialEq, Eq)]
struct ServedCanary {
    version: Version,
    share: Share,
    salt: String,
}

impl ServedBy {
    /// What a ledger comes to; `None` where it cannot be trusted.
    fn of(ledger: &Ledger) -> Option<Self> {
        let canary = ledger.state().canary().map(|running| ServedCanary {
            version: running.version.clone(),
            share: running.settings.basis_points,
            salt: running.settings.salt.clone(),
        });
        let production = ledger.state().production().cloned();
        ledger.faults().is_empty().then_some(Self { production, canary })
    }
}

/// The digest of the rules that stand in the tree.
pub(super) fn policy_of(tree: &Tree) -> Digest {
    Then::policy_in(tree.registry().document.as_ref())
}
