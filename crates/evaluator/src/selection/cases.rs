//! What a change does to the cases that it is judged by. Suites may change; whoever reviews the change has to know.

use std::collections::{BTreeMap, BTreeSet};

use promptassay_llm::Params;
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::template::Values;

use super::checks::{Checks, described, place_of};
use crate::gate::{few, plural};
use crate::suite::{Case, Suite};

/// How a suite asked and judged at a commit, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SuiteThen {
    cases: BTreeMap<String, CaseThen>,
    repeat: u32,
    params: Params,
}

/// A case, as far as it decides what a candidate has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CaseThen {
    digest: Digest,
    is_skipped: bool,
    models: BTreeSet<String>,
    cluster: Option<String>,
    inputs: Values,
    checks: Checks,
}

/// What a change does to the cases of a suite, by their names; those that another side changed are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseChanges {
    /// How many cases there were to ask.
    pub before: usize,
    /// Cases that are gone.
    pub removed: Vec<String>,
    /// Cases that are there, and not asked any more.
    pub skipped: Vec<String>,
    /// Cases that ask or judge otherwise, are asked on other model rows or belong to another cluster.
    pub edited: Vec<String>,
    /// The inputs of edited cases that are others than they were, given by them or by default.
    pub inputs: BTreeSet<String>,
    /// The checks of edited cases that are others than they were, each with how.
    pub checks: BTreeSet<(String, String)>,
    /// Where the first of them is written.
    pub checked_at: Option<Place>,
    /// Cases that are new, or asked again.
    pub added: Vec<String>,
    /// What else changed for all cases, a few words each.
    pub settings: Vec<String>,
}

impl CaseThen {
    fn of(case: &Case, suite: &Suite) -> Self {
        Self {
            digest: case.digest,
            is_skipped: case.skip.is_some(),
            models: suite.models_of(case).iter().cloned().collect(),
            cluster: case.cluster.clone(),
            inputs: case.inputs.clone(),
            checks: Checks::of(case),
        }
    }

    /// The names of inputs that are others now.
    fn other_inputs<'a>(&'a self, now: &'a Self) -> impl Iterator<Item = String> + 'a {
        let names = self.inputs.keys().chain(now.inputs.keys());
        names.filter(|name| self.inputs.get(*name) != now.inputs.get(*name)).cloned()
    }

    /// Whether it is the same but for being skipped.
    fn asks_like(&self, other: &Self) -> bool {
        (&self.digest, &self.models, &self.cluster) == (&other.digest, &other.models, &other.cluster)
    }
}

impl SuiteThen {
    /// A suite as it is.
    pub fn of(suite: &Suite) -> Self {
        let cases = suite.cases.iter().map(|case| (case.name.clone(), CaseThen::of(case, suite)));
        Self { cases: cases.collect(), repeat: suite.repeat, params: suite.params.clone() }
    }

    /// The digest of the case of this name, if there is one.
    pub(super) fn digest(&self, name: &str) -> Option<Digest> {
        self.cases.get(name).map(|case| case.digest)
    }

    /// What a change does to this suite, that of the commit which it is compared with. `fork` is the suite where the change began: what is
    /// otherwise here only because the other side moved on is not its doing. Names are in order.
    pub fn changes(&self, fork: &Self, today: &Suite) -> CaseChanges {
        let here = today;
        let today = Self::of(today);
        let mut changes = CaseChanges {
            before: self.cases.values().filter(|case| !case.is_skipped).count(),
            ..CaseChanges::default()
        };
        for (name, now) in &today.cases {
            let (then, began) = match (self.cases.get(name), fork.cases.get(name)) {
                (Some(then), Some(began)) => (then, began),
                // The other side removed it, or added one of this name.
                (None, Some(_)) | (Some(_), None) => continue,
                (None, None) => {
                    if !now.is_skipped {
                        changes.added.push(name.clone());
                    }
                    continue;
                }
            };
            let unlike_both = |is_same: &dyn Fn(&CaseThen) -> bool| !is_same(then) && !is_same(began);
            if unlike_both(&|other| other.is_skipped == now.is_skipped) {
                let list = if now.is_skipped { &mut changes.skipped } else { &mut changes.added };
                list.push(name.clone());
            } else if !now.is_skipped && unlike_both(&|other| other.asks_like(now)) {
                changes.edited.push(name.clone());
                changes.inputs.extend(then.other_inputs(now));
                let differing = then.checks.differences(&now.checks);
                if changes.checked_at.is_none() && !differing.is_empty() {
                    let case = here.cases.iter().find(|case| case.name == *name);
                    // What stands in a case, or is gone, is looked for there.
                    changes.checked_at =
                        case.map(|case| place_of(case, &differing).unwrap_or_else(|| case.place.clone()));
                }
                changes.checks.extend(differing);
            }
        }
        let gone = |(name, then): &(&String, &CaseThen)| {
            !then.is_skipped && fork.cases.contains_key(*name) && !today.cases.contains_key(*name)
        };
        changes.removed = self.cases.iter().filter(gone).map(|(name, _)| name.clone()).collect();
        if today.repeat != self.repeat && today.repeat != fork.repeat {
            changes.settings.push(format!("`repeat` is {} there and {} here", self.repeat, today.repeat));
        }
        if today.params != self.params && today.params != fork.params {
            changes.settings.push("`params` are others".to_owned());
        }
        changes
    }
}

impl CaseChanges {
    /// Whether the change leaves all of it as it was.
    pub fn is_empty(&self) -> bool {
        let lists = [&self.removed, &self.skipped, &self.edited, &self.added, &self.settings];
        lists.into_iter().all(Vec::is_empty)
    }

    /// A warning that names what the change does to the suite in `file`, of `prompt`; `reference` is the commit as it was named. `None` where
    /// it does nothing.
    pub fn warning(&self, prompt: &str, reference: &str, file: Place) -> Option<Problem> {
        if self.is_empty() {
            return None;
        }
        let counted = |(what, names): (&str, &Vec<String>)| {
            let mut how = String::new();
            if what == "edited" && !self.inputs.is_empty() {
                let inputs: Vec<String> = self.inputs.iter().map(|name| format!("`{name}`")).collect();
                how = format!("; inputs that are others: {}", few(&inputs));
            }
            if what == "edited" && !self.checks.is_empty() {
                how = format!("{how}; checks that are others: {}", described(&self.checks));
            }
            (!names.is_empty()).then(|| format!("{what} {}: {}{how}", names.len(), few(names)))
        };
        let lists = [
            ("removed", &self.removed),
            ("skipped", &self.skipped),
            ("edited", &self.edited),
            ("added", &self.added),
        ];
        let mut parts: Vec<String> = lists.into_iter().filter_map(counted).collect();
        parts.extend(self.settings.iter().cloned());
        let message = format!(
            "{prompt}: this change edits the suite that it is judged by, {} at {reference}: {}",
            plural(self.before, "case"),
            parts.join("; ")
        );
        let takes_away = !(self.removed.is_empty() && self.skipped.is_empty() && self.edited.is_empty());
        let mut help = "the verdict is by the suite as it is here".to_owned();
        if takes_away {
            help.push_str(
                ": whoever reviews the change should read what it no longer asks; `must_pass` keeps a case",
            );
        }
        if !self.checks.is_empty() {
            let written_in = self.written_in(&file);
            help = format!(
                "{help}; behind a commit of all that is here, `git checkout {reference} -- {written_in}` and `promptassay rescore` judge these replies by the checks of {reference}, and ask nobody"
            );
        }
        let place = self.checked_at.clone().unwrap_or(file);
        Some(Problem::warning("changes::cases", message).at(place).help(help))
    }

    /// What holds the checks: the directory of the suite, and registry.yaml where the first of them stands there.
    fn written_in(&self, suite: &Place) -> String {
        let directory = suite.file.parent().unwrap_or(&suite.file);
        let shared = self.checked_at.as_ref().filter(|place| !place.file.starts_with(directory));
        let files = [Some(directory), shared.map(|place| &*place.file)];
        files.iter().flatten().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::suite::tests::resolve_text;

    /// A suite of cases, each a name and what else stands in it.
    fn suite(head: &str, cases: &[(&str, &str)]) -> Suite {
        let mut text = format!("{head}cases:\n");
        for (name, more) in cases {
            let validators = if more.contains("validators") { "" } else { ", validators: [{max_words: 9}]" };
            writeln!(text, "  - {{name: {name}, inputs: {{company: A, query: q}}{validators}{more}}}")
                .unwrap();
        }
        let (suite, problems) = resolve_text(&text, &[]);
        suite.unwrap_or_else(|| panic!("{problems:#?}"))
    }

    fn changed(fork: &Suite, reference: &Suite, today: &Suite) -> String {
        let changes = SuiteThen::of(reference).changes(&SuiteThen::of(fork), today);
        let place = Place::whole_file("suite.yaml");
        changes.warning("p", "main", place).map(|problem| problem.message).unwrap_or_default()
    }

    const MODELS: &str = "models: [default]\n";

    #[test]
    fn whatever_a_change_does_to_its_cases_is_named() {
        let before = suite(MODELS, &[("a", ""), ("b", ""), ("c", ""), ("d", ", skip: later"), ("e", "")]);
        assert_eq!(changed(&before, &before, &before), "");
        let after = suite(
            MODELS,
            &[
                ("b", ", skip: flaky"),
                ("c", ", validators: [{max_words: 900}]"),
                ("d", ""),
                ("e", ", tags: [t]"),
                ("f", ""),
            ],
        );
        assert_eq!(
            changed(&before, &before, &after),
            "p: this change edits the suite that it is judged by, 4 cases at main: \
             removed 1: a; skipped 1: b; edited 1: c; \
             checks that are others: `max_words` (value 9 there and 900 here); added 2: d, f"
        );
        let other = suite(
            MODELS,
            &[
                ("a", ", models: [claude]"),
                ("b", ", cluster: x"),
                ("c", ""),
                ("d", ", skip: never"),
                ("e", ""),
            ],
        );
        assert!(changed(&before, &before, &other).ends_with("at main: edited 2: a, b"));
        let head = "models: [default]\nrepeat: 2\nparams: {temperature: 0.1}\n";
        let less = suite(head, &[("a", ""), ("b", ""), ("c", ""), ("d", ", skip: later"), ("e", "")]);
        assert!(
            changed(&before, &before, &less)
                .ends_with("4 cases at main: `repeat` is 1 there and 2 here; `params` are others")
        );
    }

    #[test]
    fn checks_that_are_others_are_named_with_how_and_where() {
        let checked = |properties: &str, shared: &str, own: &str| {
            let expected = ", expected: {days: true, calm: true}";
            let head = format!("{MODELS}properties:\n{properties}validators:\n{shared}");
            let others = format!("{expected}, validators: [{{contains: ho}}]");
            suite(&head, &[("a", &format!("{expected}{own}")), ("b", &others)])
        };
        let strict = "  days: {regex: '5 days'}\n  calm: {not_contains_any: {values: [lol, omg]}}\n";
        let weak = "  days: {regex: 'days|soon'}\n  calm: {not_contains_any: {values: [omg]}}\n";
        let before = checked(strict, "  - {max_words: 9, weight: 2}\n", ", validators: [{contains: hi}]");
        let after = checked(weak, "  - {max_words: 9, weight: 1}\n", ", validators: [{json: true}]");
        let changes = SuiteThen::of(&before).changes(&SuiteThen::of(&before), &after);
        let problem = changes.warning("p", "main", Place::whole_file("suite.yaml")).unwrap();
        for part in [
            "edited 2: a, b; checks that are others: `calm` (values), `contains` (is gone), ",
            "`days` (value `5 days` there and `days|soon` here), `json` (is new), `max_words` (weight 2",
        ] {
            assert!(problem.message.contains(part), "{}", problem.message);
        }
        // The first that a case of the change has: nobody edited the cases themselves.
        let place = problem.place.unwrap();
        assert_eq!((place.line, place.line_text.as_str()), (6, "  - {max_words: 9, weight: 1}"));
        let weaker = checked(weak, "  - {max_words: 9, weight: 2}\n", ", validators: [{contains: hi}]");
        let changes = SuiteThen::of(&before).changes(&SuiteThen::of(&before), &weaker);
        let place = changes.warning("p", "main", Place::whole_file("suite.yaml")).unwrap().place.unwrap();
        assert_eq!(place.line, 3, "{place:?}");
    }

    #[test]
    fn what_the_other_side_did_is_not_the_changes_doing() {
        let fork = suite(MODELS, &[("a", ""), ("b", ""), ("c", "")]);
        let moved_on =
            suite(MODELS, &[("a", ", validators: [{max_words: 5}]"), ("c", ", skip: later"), ("d", "")]);
        assert_eq!(changed(&fork, &moved_on, &fork), "");
        assert_eq!(changed(&fork, &moved_on, &moved_on), "", "it has taken over what the other side did");
    }

    #[test]
    fn names_are_bounded() {
        let names: Vec<String> = (0..30).map(|number| format!("case_{number:02}")).collect();
        let cases: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let (before, after) = (suite(MODELS, &cases), suite(MODELS, &cases[..1]));
        let message = changed(&before, &before, &after);
        assert!(
            message.ends_with("removed 29: case_01, case_02, case_03, case_04, case_05 and 24 more"),
            "{message}"
        );
    }
}
