//! What of a case is another than it was at a commit: the one place that says so, for every case and for those that must pass.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use promptassay_registry::problem::Place;

use super::checks::{self, Known, from_to};
use crate::gate::few;
use crate::suite::{Case, Suite};

/// More ways than this in which a thing is another are not told: it differs from case to case.
const WAYS: usize = 3;

/// A part of a case that is another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// An input, of the case or by default.
    Input(String),
    /// What was said before the question.
    Conversation,
    Reference,
    /// A check, by the name that reports use; properties are checks.
    Check(String),
    Order,
    /// The model rows that it is asked on.
    Models,
    Cluster,
}

impl Part {
    /// Whether it is about where the case stands, and not about what it asks and checks.
    fn is_placement(&self) -> bool {
        matches!(self, Self::Models | Self::Cluster)
    }
}

/// What is another, and in which ways; of one case, or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Differences(BTreeMap<Part, BTreeSet<String>>);

impl Differences {
    /// What of a case is another than at a commit by a change: what is here as it was where the change began (`began`, where there was such a
    /// case) is not its doing, and is the second list.
    pub(super) fn of_change(
        then: (&Case, &Suite),
        began: Option<(&Case, &Suite)>,
        now: (&Case, &Suite),
        known: &Known,
    ) -> (Self, Self) {
        let all = Self::between(then, now, known);
        let Some(began) = began.filter(|began| !std::ptr::eq(began.0, then.0)) else {
            return (all, Self::default());
        };
        let (since, of_other) = (Self::between(began, now, known), Self::between(then, began, known));
        let by_other = OnceCell::new();
        let (mut own, mut moved) = (Self::default(), Self::default());
        for (part, ways) in all.0 {
            let Some(of_change) = since.0.get(&part) else {
                moved.0.insert(part, ways);
                continue;
            };
            // Both sides did something to what has this name: a way in which it is as it was where the change began is not of the change.
            // Where there are too many to tell, nobody knows whose they are.
            let theirs = of_other.0.get(&part).filter(|_| ways.len() <= WAYS);
            let is_moved =
                |way: &String| theirs.is_some_and(|ways| ways.contains(way)) && !of_change.contains(way);
            let (theirs, mut ours): (BTreeSet<String>, BTreeSet<String>) =
                ways.into_iter().partition(is_moved);
            // What the change edits and the other side took away is told as what the change did to it, unless both did the same.
            if ours.is_empty() {
                let by_other = by_other.get_or_init(|| Self::between(began, then, known));
                let is_shared = |way: &String| by_other.0.get(&part).is_some_and(|ways| ways.contains(way));
                ours.extend(of_change.iter().filter(|way| !is_shared(way)).cloned());
            }
            let lists = [(&mut moved, theirs), (&mut own, ours)];
            for (list, ways) in lists.into_iter().filter(|(_, ways)| !ways.is_empty()) {
                list.0.insert(part.clone(), ways);
            }
        }
        (own, moved)
    }

    fn between((then, suite_then): (&Case, &Suite), (now, suite): (&Case, &Suite), known: &Known) -> Self {
        let mut found = Self::default();
        if then.digest != now.digest {
            let names: BTreeSet<&String> = then.inputs.keys().chain(now.inputs.keys()).collect();
            for name in names {
                let (before, after) = (then.inputs.get(name), now.inputs.get(name));
                if before != after {
                    found.add(Part::Input(name.clone()), from_to(before, after).unwrap_or_default());
                }
            }
            if then.messages != now.messages {
                found.add(Part::Conversation, String::new());
            }
            if then.reference != now.reference {
                found.add(Part::Reference, String::new());
            }
            for (name, how) in known.differences(&then.validators, &now.validators) {
                found.add(Part::Check(name), how);
            }
            if checks::are_reordered(&then.validators, &now.validators) {
                found.add(Part::Order, String::new());
            }
        }
        let models = |suite: &Suite, case: &Case| {
            suite.models_of(case).iter().map(|name| format!("`{name}`")).collect::<BTreeSet<_>>()
        };
        let (before, after) = (models(suite_then, then), models(suite, now));
        if before != after {
            let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
            found.add(Part::Models, format!("{} there and {} here", list(before), list(after)));
        }
        if then.cluster != now.cluster {
            found.add(Part::Cluster, String::new());
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without where and with what it is asked: what decides whether a case that must pass is the case that it was.
    pub(super) fn of_the_case(mut self) -> Self {
        self.0.retain(|part, _| !part.is_placement());
        self
    }

    /// The same with nothing but that.
    pub(super) fn of_the_placement(mut self) -> Self {
        self.0.retain(|part, _| part.is_placement());
        self
    }

    /// The parts, by which cases are told together.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (part, ways) in &other.0 {
            for way in ways {
                self.add(part.clone(), way.clone());
            }
        }
    }

    fn add(&mut self, part: Part, way: String) {
        let ways = self.0.entry(part).or_default();
        if ways.len() <= WAYS {
            ways.insert(way);
        }
    }

    /// Where the checks are written, in a case that has them: the first one, and the files of all. Of what is written in the case itself, or
    /// is gone, it is the case. `None` where no check is another.
    pub(super) fn places<'c>(&self, case: &'c Case) -> Option<(&'c Place, BTreeSet<&'c Path>)> {
        let checks =
            self.0.keys().filter_map(|part| if let Part::Check(name) = part { Some(name) } else { None });
        let checks: BTreeSet<&str> = checks.map(String::as_str).collect();
        let named: Vec<_> =
            case.validators.iter().filter(|validator| checks.contains(validator.name())).collect();
        let here: BTreeSet<&str> = named.iter().map(|validator| validator.name()).collect();
        let own = named.iter().any(|validator| validator.place().is_none()) || here.len() < checks.len();
        let shared = named.iter().filter_map(|validator| validator.place());
        let first = shared.clone().next().or(own.then_some(&case.place))?;
        let files = shared.chain(own.then_some(&case.place)).map(|place| place.file.as_path());
        Some((first, files.collect()))
    }

    /// A few words, each kind behind a semicolon; empty where nothing is another.
    pub(super) fn words(&self) -> String {
        let (mut inputs, mut checks, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (part, ways) in &self.0 {
            let (list, name) = match part {
                Part::Input(name) => (&mut inputs, format!("`{name}`")),
                Part::Check(name) => (&mut checks, format!("`{name}`")),
                Part::Conversation => (&mut others, "another conversation".to_owned()),
                Part::Reference => (&mut others, "another reference".to_owned()),
                Part::Order => (&mut others, "another order of the checks".to_owned()),
                Part::Models => (&mut others, "other models".to_owned()),
                Part::Cluster => (&mut others, "another cluster".to_owned()),
            };
            if ways.len() > WAYS {
                list.push(name);
                continue;
            }
            let way = |way: &String| if way.is_empty() { name.clone() } else { format!("{name} ({way})") };
            list.extend(ways.iter().map(way));
        }
        let named = [("inputs", inputs), ("checks", checks)].into_iter().filter(|(_, list)| !list.is_empty());
        let named = named.map(|(what, list)| format!("{what} that are others: {}", few(&list)));
        named.chain(others).collect::<Vec<_>>().join("; ")
    }
}
