//! Cases that must pass and are not the cases that they were, told together where the same of them is another.

use std::collections::{BTreeMap, HashSet};

use promptassay_registry::problem::{Place, Problem};

use crate::gate::{few, grouped};
use crate::selection::checks::Known;
use crate::selection::difference::{Differences, Part};
use crate::suite::{Case, Suite};

/// So many groups of cases have a warning of their own; what is left has one for all.
const TOLD_APART: usize = 5;

/// What a change does to cases that must pass.
#[derive(Debug, Default)]
pub(super) struct Edited<'a> {
    /// By what of them is another.
    groups: BTreeMap<Vec<Part>, Group<'a>>,
    /// Cases that are otherwise at the commit only because the other side moved on.
    moved: Vec<&'a str>,
    /// How many cases came so far.
    count: usize,
    known: Known,
}

#[derive(Debug, Default)]
struct Group<'a> {
    /// Which case began it: groups are told in the order of the suite.
    first: usize,
    cases: Vec<&'a str>,
    differences: Differences,
}

impl<'a> Edited<'a> {
    /// Compares a case of the commit, and of where the change began, with that of today.
    pub(super) fn compare(
        &mut self,
        then: (&'a Case, &Suite),
        began: Option<(&Case, &Suite)>,
        now: (&Case, &Suite),
    ) {
        let (own, of_other) = Differences::of_change(then, began, now, &self.known);
        let (own, of_other) = (own.of_the_case(), of_other.of_the_case());
        self.count += 1;
        if !of_other.is_empty() {
            self.moved.push(&then.0.name);
        }
        if !own.is_empty() {
            let begun = || Group { first: self.count, ..Group::default() };
            let group = self.groups.entry(own.parts()).or_insert_with(begun);
            group.cases.push(&then.0.name);
            group.differences.merge(&own);
        }
    }

    /// The cases of which [`Self::warnings`] say what is another.
    pub(super) fn told(&self) -> HashSet<&'a str> {
        self.groups.values().flat_map(|group| group.cases.iter().copied()).collect()
    }

    /// A warning for each group.
    pub(super) fn warnings(self, prompt: &str, suite: &Suite, reference: &str) -> Vec<Problem> {
        let mut groups: Vec<Group<'_>> = self.groups.into_values().collect();
        groups.sort_by_key(|group| group.first);
        if groups.len() > TOLD_APART {
            let rest = groups.split_off(TOLD_APART - 1);
            groups.extend(rest.into_iter().reduce(|mut all, group| {
                all.cases.extend(group.cases);
                all.differences.merge(&group.differences);
                all
            }));
        }
        let mut problems: Vec<Problem> =
            groups.iter().map(|group| group.warning(prompt, suite, reference)).collect();
        if !self.moved.is_empty() {
            let message = format!(
                "what must pass is asked or judged otherwise at {reference} since this change began: {}",
                few(&self.moved)
            );
            let help = format!("merge {reference} into the change to have it here");
            let place = Place::whole_file(suite.file.as_path());
            problems.push(Problem::warning("changes::case_moved", message).at(place).help(help));
        }
        problems
    }
}

impl Group<'_> {
    fn warning(&self, prompt: &str, suite: &Suite, reference: &str) -> Problem {
        let words = self.differences.words();
        let message = if let [name] = self.cases[..] {
            format!("{prompt}: `{name}`, which must pass, is not the case that it is at {reference}: {words}")
        } else {
            let (names, count) = (few(&self.cases), grouped(self.cases.len() as u64));
            format!(
                "{prompt}: {count} cases, which must pass, are not the cases that they are at {reference}: {names}; {words}"
            )
        };
        let help = "every version is asked and judged as it is here, the baseline too; whoever reviews the change should read what is asked now";
        let names: HashSet<&str> = self.cases.iter().copied().collect();
        let first = suite.cases.iter().find(|case| names.contains(case.name.as_str()));
        let place =
            first.map(|case| self.differences.places(case).map_or(&case.place, |(place, _)| place).clone());
        let place = place.unwrap_or_else(|| Place::whole_file(suite.file.as_path()));
        Problem::warning("changes::critical_case", message).at(place).help(help)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use promptassay_registry::tree::Tree;
    use promptassay_registry::yaml::Document;

    use crate::selection::critical::SuiteThen;
    use crate::settings::Settings;
    use crate::suite::tests::fixtures;
    use crate::suite::{no_files, resolve};

    const REGISTRY: &str = "\
models:
  default: {provider: openai, model: m}
  other: {provider: openai, model: o}
  judge: {provider: openai, model: j}
properties:
  polite: {regex: please}
  unused: {contains: a}
";

    const SUITE: &str = "\
models: [default]
judge: judge
cases:
  - name: a
    inputs: {company: A, query: q}
    expected: {polite: true}
    validators: [{max_words: 9}, {judge: It is kind.}]
    must_pass: true
  - {name: b, inputs: {company: A, query: q}, expected: {polite: true}, must_pass: true}
  - {name: c, inputs: {company: A, query: q}, models: [other], validators: [{max_words: 9}], must_pass: true}
  - {name: d, inputs: {company: A, query: q}, expected: {unused: true}}
";

    fn document(text: &str) -> Document {
        Document::parse("test.yaml", text.to_owned(), &mut Vec::new()).unwrap()
    }

    /// What is said where the registry and the suite are these where the change began, at the commit and here.
    fn held([fork, there, here]: [(&str, &str); 3]) -> String {
        let tree = Tree::load(fixtures().join("prompts")).tree;
        let interface = tree.prompt("support").unwrap().interface();
        let settings = |text: &str| Settings::read(&document(text), &mut Vec::new());
        let then = |(registry, suite): (&str, &str)| {
            SuiteThen::of(&document(suite), interface, &settings(registry), &no_files)
        };
        let mut problems = Vec::new();
        let settings = settings(here.0);
        let suite = resolve(&document(here.1), interface, &settings, &no_files, &mut problems);
        let mut suite = suite.unwrap_or_else(|| panic!("{problems:#?}"));
        let said = then(there).hold(&then(fork), "p", &mut suite, "main");
        let lines = said.into_iter().flat_map(|problem| [problem.message, "\n".to_owned()]);
        lines.collect()
    }

    fn changed(registry: (&str, &str), suite: (&str, &str)) -> String {
        assert!(REGISTRY.contains(registry.0) && SUITE.contains(suite.0), "{registry:?} {suite:?}");
        let here = (REGISTRY.replace(registry.0, registry.1), SUITE.replace(suite.0, suite.1));
        let before = (REGISTRY, SUITE);
        held([before, before, (&here.0, &here.1)])
    }

    #[test]
    fn whatever_stands_behind_a_case_that_must_pass_is_named() {
        let none = ("", "");
        let said = [
            changed(none, none),
            changed(("model: m}", "model: m, price: {input: 1, output: 1}}"), none),
            changed(("contains: a", "contains: b"), none),
            changed(("model: m}", "model: n}"), none),
            changed(("model: o}", "model: o, params: {temperature: 1}}"), none),
            changed(("model: j}", "model: k}"), none),
            changed(("regex: please", "regex: p"), none),
            changed(none, ("It is kind.", "It is there.")),
            changed(none, ("max_words: 9}, {", "max_words: 99}, {")),
            changed(none, ("query: q}\n", "query: r}\n")),
            changed(none, ("expected: {polite: true}\n", "expected: {polite: false}\n")),
            changed(none, ("judge: judge", "judge: other")),
            changed(("regex: please", "regex: ."), ("max_words: 9}]", "max_words: 99}]")),
            // That it need not pass by its suite hides nothing.
            changed(("model: o}", "model: p}"), ("max_words: 9}], must_pass: true", "max_words: 10}]")),
        ];
        insta::assert_snapshot!(said.join("--\n"));
    }

    #[test]
    fn what_many_cases_share_is_told_once_with_them() {
        let suite = |cases: usize, shared: usize, own: &str| {
            let mut text = format!("models: [default]\nvalidators:\n  - max_words: {shared}\ncases:\n");
            for case in 0..cases {
                let own = own.replace('N', &case.to_string());
                writeln!(
                    text,
                    "  - {{name: c{case}, inputs: {{company: A, query: q}}, must_pass: true{own}}}"
                )
                .unwrap();
            }
            text
        };
        let held = |before: String, after: String| {
            held([(REGISTRY, &before), (REGISTRY, &before), (REGISTRY, &after)])
        };
        assert_eq!(
            held(suite(300, 9, ""), suite(300, 8, "")),
            "p: 300 cases, which must pass, are not the cases that they are at main: c0, c1, c2, c3, c4 and 295 more; \
             checks that are others: `max_words` (value 9 there and 8 here)\n\
             p: this change edits the suite that it is judged by, 300 cases at main: \
             edited 300: c0, c1, c10, c100, c101 and 295 more\n"
        );
        // Each with a check of its own name.
        let own = ", validators: [{contains: hi, name: says_N}]";
        let said = held(suite(300, 9, own), suite(300, 9, &own.replace("hi", "h")));
        assert_eq!(said.lines().count(), 6, "{said}");
        assert!(said.contains("296 cases, which must pass, are not"), "{said}");
    }

    #[test]
    fn what_the_other_side_wrote_since_is_not_the_changes_doing() {
        let registry = REGISTRY.replace("regex: please", "regex: thanks").replace("model: o}", "model: p}");
        let suite = SUITE.replace("It is kind.", "It is very kind.");
        let (before, moved) = ((REGISTRY, SUITE), (registry.as_str(), suite.as_str()));
        let behind = held([before, moved, before]);
        assert_eq!(
            behind,
            "what must pass is asked or judged otherwise at main since this change began: a, b\n"
        );
        assert_eq!(held([before, moved, moved]), "", "it has taken over what the other side did");
        // What it does itself is named beside that.
        let own = SUITE.replace("query: q}\n", "query: r}\n");
        let both = held([before, moved, (REGISTRY, &own)]);
        assert!(
            both.starts_with(
                "p: `a`, which must pass, is not the case that it is at main: inputs that are others: `query` (`q` there and `r` here)\n"
            ) && both.contains(&behind),
            "{both}"
        );
        // Both did something to a check of one name.
        let two = SUITE.replace("max_words: 9}, {", "contains: a}, {contains: b}, {");
        let (theirs, here) =
            (two.replace("contains: a", "contains: aa"), two.replace("contains: b", "contains: bb"));
        let both = held([(REGISTRY, &two), (REGISTRY, &theirs), (REGISTRY, &here)]);
        assert!(
            both.starts_with(
                "p: `a`, which must pass, is not the case that it is at main: checks that are others: `contains` (value `b` there and `bb` here)\n"
            ) && both.contains("since this change began: a\n"),
            "{both}"
        );
        // A case that must pass only since then.
        let free = SUITE.replace("max_words: 9}], must_pass: true", "max_words: 9}]");
        let since = SUITE.replace("max_words: 9}], must_pass: true", "max_words: 8}], must_pass: true");
        let said = held([(REGISTRY, &free), (REGISTRY, &since), (REGISTRY, &free)]);
        assert!(
            said.ends_with("since this change began: c\n") && !said.contains("is not the case"),
            "{said}"
        );
    }
}
