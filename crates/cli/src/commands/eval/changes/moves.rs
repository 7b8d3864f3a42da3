//! Moves that a change makes under rules of its own. The ledger has the digest of the policy that each move was held against; what it said
//! is in registry.yaml, which may be another one again before anybody reviews.

use std::collections::BTreeSet;

use promptassay_lifecycle::event::{Change, Verb};
use promptassay_lifecycle::ledger::{self, Ledger, Line};
use promptassay_lifecycle::policy::Policy;
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Prompt, Tree};
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

    /// A warning where the change begins or widens a canary, or goes back to an earlier version: users are served something else with the
    /// merge, and what a canary serves is judged here only where its text changes as well.
    pub(super) fn served_otherwise(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let is_meant = |line: &Line| matches!(line.event.command, Verb::Canary | Verb::Rollback);
        let mut moves: Vec<String> = Vec::new();
        for line in self.new_lines(prompt, is_meant)? {
            let version = &line.event.version;
            let said = match &line.event.change {
                Change::StartCanary(canary, _) | Change::Widen(canary) => {
                    format!("a canary serves {version} to {} of them", canary.basis_points)
                }
                Change::Move(step, _) if step.to() == Stage::Production => {
                    format!("a rollback serves {version}")
                }
                Change::Move(..) => format!("a rollback ends {version}"),
            };
            if !moves.contains(&said) {
                moves.push(said);
            }
        }
        let Some(_) = moves.first() else { return Ok(None) };
        let name = prompt.name();
        let message = format!("{name}: this change moves what users are served: {}", moves.join(", "));
        let help = format!(
            "the ledger says on which evidence: `promptassay history {name}`; what a canary serves is judged by `promptassay eval {name} --served`"
        );
        let place = Place::whole_file(prompt.directory().join(ledger::FILE_NAME));
        Ok(Some(Problem::warning("changes::served", message).at(place).help(help)))
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

/// The digest of the rules that stand in the tree.
pub(super) fn policy_of(tree: &Tree) -> Digest {
    Then::policy_in(tree.registry().document.as_ref())
}
