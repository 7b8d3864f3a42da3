//! What a change may not take out of its own gate: the cases that had to pass where it began.

mod edited;

use std::collections::{HashMap, HashSet};

use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::variables::Interface;
use promptassay_registry::yaml::Document;

use self::edited::Edited;
use super::cases::{CaseChanges, by_name};
use crate::settings::Settings;
use crate::suite::{self, Case, Files, Suite};

/// A suite as it was at a commit, as far as it could be read.
#[derive(Debug, Default)]
pub struct SuiteThen {
    suite: Option<Suite>,
    /// Whether it could be read without a mistake; otherwise there may be more.
    is_whole: bool,
}

impl SuiteThen {
    /// A suite as it was, as far as it can be read. `interface` is the prompt's of that day: another default is another question.
    pub fn of(document: &Document, interface: &Interface, settings: &Settings, files: &Files<'_>) -> Self {
        let mut problems = Vec::new();
        let suite = suite::resolve_what_can_be(document, interface, settings, files, &mut problems);
        Self { is_whole: suite.is_some() && !has_errors(&problems), suite }
    }

    /// The cases that had to pass, in the suite's order. Skipped ones are not among them: they gated nothing.
    pub fn critical(&self) -> impl Iterator<Item = &Case> {
        let cases = self.suite.iter().flat_map(|suite| &suite.cases);
        cases.filter(|case| case.must_pass && case.skip.is_none())
    }

    /// Holds a suite of today, that of `prompt`, to what had to pass at `reference`, and says what the change does to that and to all other
    /// cases. `fork` is the suite where the change began: what `reference` asks for since then the change cannot have taken away.
    ///
    /// A case that only lost its `must_pass` must pass all the same, and one that was edited is judged as it is today: both are
    /// warnings. One that is gone, skipped, or no longer asked on a model row that the suite still asks is an error: nothing could
    /// stand for its verdict.
    pub fn hold(&self, fork: &Self, prompt: &str, suite: &mut Suite, reference: &str) -> Vec<Problem> {
        let (mut problems, told) = self.hold_critical(fork, prompt, suite, reference);
        let changes = CaseChanges::of([fork.suite.as_ref(), self.suite.as_ref()], suite, &told);
        problems.extend(changes.warning(prompt, reference, Place::whole_file(suite.file.as_path())));
        problems
    }

    /// The same of the cases that must pass alone, with those of which it is told what is another.
    fn hold_critical<'a>(
        &'a self,
        fork: &Self,
        prompt: &str,
        suite: &mut Suite,
        reference: &str,
    ) -> (Vec<Problem>, HashSet<&'a str>) {
        let Some(suite_then) = &self.suite else {
            return (self.not_whole(suite, reference), HashSet::new());
        };
        let asked: Vec<String> = suite.all_models().into_iter().map(str::to_owned).collect();
        let whole_file = Place::whole_file(suite.file.as_path());
        let mut problems = self.not_whole(suite, reference);
        let places: HashMap<String, usize> =
            suite.cases.iter().enumerate().map(|(index, case)| (case.name.clone(), index)).collect();
        let mut not_yet_here = Vec::new();
        let before: HashSet<&str> = fork.critical().map(|case| case.name.as_str()).collect();
        let began = by_name(fork.suite.as_ref());
        let mut edited = Edited::default();
        for then in self.critical() {
            let name = &then.name;
            let was_there = before.contains(name.as_str());
            let Some(&index) = places.get(name) else {
                if !was_there {
                    not_yet_here.push(format!("`{name}`"));
                    continue;
                }
                let message = format!("`{name}` must pass at {reference}, and this change removes it");
                problems.push(refused(message, "keep the case under its name").at(whole_file.clone()));
                continue;
            };
            let models = suite.models_of(&suite.cases[index]);
            let lost: Vec<&str> = suite_then
                .models_of(then)
                .iter()
                .filter(|model| asked.contains(model) && !models.contains(model))
                .map(String::as_str)
                .collect();
            let lost = lost.join("`, `");
            let case = &mut suite.cases[index];
            let place = case.place.clone();
            if case.skip.is_some() {
                if was_there {
                    let message = format!("`{name}` must pass at {reference}, and this change skips it");
                    problems.push(refused(message, "remove its `skip`").at(place));
                }
                continue;
            }
            if !lost.is_empty() && was_there {
                let message = format!(
                    "`{name}` must pass at {reference}, and this change no longer asks it on `{lost}`"
                );
                problems.push(refused(message, "ask it there").at(place));
                continue;
            }
            if !case.must_pass {
                case.must_pass = true;
                let message =
                    format!("`{name}` must pass at {reference}, and its suite here does not say so");
                let help = if was_there {
                    "it must pass here as well; what this change says holds once it is merged"
                } else {
                    "it must pass here as well: that came there after this change began"
                };
                problems
                    .push(Problem::warning("changes::critical_case", message).at(place.clone()).help(help));
            }
            let now = (&suite.cases[index], &*suite);
            edited.compare((then, suite_then), began.get(name.as_str()).copied(), now);
        }
        let told = edited.told();
        problems.extend(edited.warnings(prompt, suite, reference));
        if !not_yet_here.is_empty() {
            let message = format!(
                "what must pass at {reference} since this change began is not asked here: {}",
                not_yet_here.join(", ")
            );
            let help = format!("merge {reference} into the change, and it is asked");
            problems.push(Problem::warning("changes::case_not_yet_here", message).at(whole_file).help(help));
        }
        (problems, told)
    }

    fn not_whole(&self, suite: &Suite, reference: &str) -> Vec<Problem> {
        if self.is_whole {
            return Vec::new();
        }
        let message = format!("not all of the suite at {reference} can be read");
        let help = "cases that must pass are held to it as far as it can be read";
        let problem = Problem::warning("changes::unsound_suite", message);
        vec![problem.at(Place::whole_file(suite.file.as_path())).help(help)]
    }
}

fn refused(message: String, help: &str) -> Problem {
    let help = format!(
        "a change cannot relax its own gate: {help}, or first merge a change that only removes its `must_pass`"
    );
    Problem::error("changes::critical_case", message).help(help)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use promptassay_registry::problem::Severity;
    use promptassay_registry::tree::Tree;

    use super::*;
    use crate::suite::no_files;
    use crate::suite::tests::{fixtures, resolve_text};

    const INPUTS: &str = "{company: A, query: q}";

    fn then(text: &str) -> SuiteThen {
        let tree = Tree::load(fixtures().join("prompts")).tree;
        let settings = Settings::read(tree.registry().document.as_ref().unwrap(), &mut Vec::new());
        let document = Document::parse("then.yaml", text.to_owned(), &mut Vec::new()).unwrap();
        SuiteThen::of(&document, tree.prompt("support").unwrap().interface(), &settings, &no_files)
    }

    /// A suite of cases, each a name and what else stands in it.
    fn suite(models: &str, cases: &[(&str, &str)]) -> String {
        let mut text = format!("models: [{models}]\ncases:\n");
        for (name, more) in cases {
            writeln!(text, "  - {{name: {name}, inputs: {INPUTS}, validators: [{{max_words: 9}}]{more}}}")
                .unwrap();
        }
        text
    }

    fn held(before: &str, after: &str) -> (Vec<String>, String) {
        held_since(before, before, after)
    }

    fn held_since(fork: &str, before: &str, after: &str) -> (Vec<String>, String) {
        let (suite, problems) = resolve_text(after, &[]);
        let mut suite = suite.unwrap_or_else(|| panic!("{problems:#?}"));
        let mut text = String::new();
        for problem in then(before).hold_critical(&then(fork), "p", &mut suite, "origin/main").0 {
            let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
            let line = problem.place.as_ref().unwrap().line;
            writeln!(text, "{line}: {severity}: {}\n   help: {}", problem.message, problem.help.unwrap())
                .unwrap();
        }
        let critical = suite.cases.iter().filter(|case| case.must_pass).map(|case| case.name.clone());
        (critical.collect(), text)
    }

    #[test]
    fn what_had_to_pass_has_to_pass() {
        let must = ", must_pass: true";
        let before =
            suite("default", &[("a", must), ("b", must), ("c", ""), ("d", ", must_pass: true, skip: later")]);
        let same = held(&before, &before);
        assert_eq!(same.0, ["a", "b", "d"]);
        assert_eq!(same.1, "");
        let (critical, text) = held(&before, &suite("default", &[("b", ""), ("c", ", skip: later")]));
        assert_eq!(critical, ["b"], "what gates nothing may go");
        insta::assert_snapshot!(text);
        let (critical, text) =
            held(&before, &suite("default", &[("a", ", must_pass: true, skip: flaky"), ("b", must)]));
        assert_eq!(critical, ["a", "b"]);
        insta::assert_snapshot!(text);
        let edited =
            suite("default", &[("a", must), ("b", must)]).replacen("max_words: 9", "max_words: 900", 1);
        insta::assert_snapshot!(held(&before, &edited).1);
    }

    #[test]
    fn what_came_after_a_change_began_it_did_not_take_away() {
        let must = ", must_pass: true";
        let fork = suite("default", &[("a", must), ("b", ""), ("d", ", skip: later")]);
        let main = suite("default", &[("a", must), ("b", must), ("c", must), ("d", must)]);
        let (critical, text) = held_since(&fork, &main, &fork);
        assert_eq!(critical, ["a", "b"], "what is asked here must pass as it must there");
        assert!(!text.contains("error:"), "{text}");
        assert!(text.contains("that came there after this change began"), "{text}");
        let (_, text) = held_since(&fork, &main, &suite("default", &[("b", "")]));
        assert!(text.contains("error: `a` must pass at origin/main, and this change removes it"), "{text}");
        assert!(text.contains("warning: what must pass at origin/main since this change began"), "{text}");
    }

    #[test]
    fn a_case_stays_on_every_model_that_is_still_asked() {
        let must = ", must_pass: true";
        let before = suite("default, claude", &[("a", must), ("b", "")]);
        let own = held(
            &before,
            &suite("default, claude", &[("a", ", must_pass: true, models: [claude]"), ("b", "")]),
        );
        insta::assert_snapshot!(own.1);
        assert_eq!(held(&before, &suite("claude", &[("a", must)])).1, "", "the whole suite moved");
        assert_eq!(
            held(&before, &suite("claude, default", &[("a", must)])).1,
            "",
            "an order changes nothing"
        );
    }

    #[test]
    fn a_suite_with_mistakes_is_held_to_as_far_as_it_can_be_read() {
        let before = suite("default", &[("a", ", must_pass: true"), ("b", ", nonsense: 1, must_pass: true")]);
        let (critical, text) = held(&before, &suite("default", &[("a", ""), ("b", "")]));
        assert!(critical.contains(&"a".to_owned()), "{critical:?}");
        assert!(text.contains("not all of the suite at origin/main can be read"), "{text}");
    }
}
