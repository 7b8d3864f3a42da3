//! What of the cases that must pass is not what it was: of a case itself, or of what is written elsewhere and behind it.

use std::collections::{BTreeMap, HashMap};

use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Place, Problem};

use super::{CriticalCase, CriticalCases};
use crate::gate::few;
use crate::settings::Settings;
use crate::suite::{Case, CaseParts, Part, Suite, canonical_model};

/// What a change does to cases that must pass, and to what they share.
pub(super) struct Unlike<'a> {
    fork: &'a CriticalCases,
    at_fork: HashMap<&'a str, &'a CaseParts>,
    /// What the change writes otherwise, and the cases behind which it stands.
    shared: BTreeMap<Shared, Vec<String>>,
    /// Cases that are otherwise at the commit only because the other side moved on.
    moved: Vec<String>,
}

/// What is written once for many cases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    Property(String),
    Judge(String),
    Model(String),
}

/// The digests of model rows, by their names.
pub(super) fn rows(settings: &Settings) -> BTreeMap<String, Digest> {
    let digest = |row| Digest::of_json(&canonical_model(row));
    settings.models.iter().map(|(name, row)| (name.clone(), digest(row))).collect()
}

impl<'a> Unlike<'a> {
    pub(super) fn since(fork: &'a CriticalCases) -> Self {
        let at_fork = fork.cases.iter().map(|case| (case.name.as_str(), &case.parts)).collect();
        Self { fork, at_fork, shared: BTreeMap::new(), moved: Vec::new() }
    }

    /// Holds a case of today against that of the commit. What the change does to the case itself, in words; empty where none are known,
    /// and `None` where it does nothing.
    pub(super) fn compare(
        &mut self,
        (case, suite): (&Case, &Suite),
        then: &CriticalCase,
        rows: (&BTreeMap<String, Digest>, &BTreeMap<String, Digest>),
    ) -> Option<String> {
        let mut has_moved = self.compare_rows((case, suite), then, rows);
        let mut own = Vec::new();
        let mut is_known = case.digest == then.digest;
        if let Some(parts) = suite.parts.get(&case.name).filter(|_| !is_known) {
            for part in parts.unlike(&then.parts) {
                is_known = true;
                if self.is_of_the_other_side(case, part, parts) {
                    has_moved = true;
                    continue;
                }
                let shared = match part {
                    Part::Question => Err("another question"),
                    Part::Checks => Err("other checks"),
                    Part::Rubrics => Err("another rubric"),
                    Part::Expected => Err("other expectations"),
                    Part::Property(name) => Ok(Shared::Property(name.clone())),
                    Part::Judge(name) => Ok(Shared::Judge(name.clone())),
                };
                match shared {
                    Ok(shared) => self.shared.entry(shared).or_default().push(case.name.clone()),
                    Err(words) => own.push(words),
                }
            }
        } else if !is_known && self.fork.suite.digest(&case.name) == Some(case.digest) {
            is_known = true;
            has_moved = true;
        }
        if has_moved {
            self.moved.push(case.name.clone());
        }
        (!is_known || !own.is_empty()).then(|| own.join(", "))
    }

    /// Whether a part is what it was where the change began.
    fn is_of_the_other_side(&self, case: &Case, part: &Part, parts: &CaseParts) -> bool {
        match self.at_fork.get(case.name.as_str()) {
            Some(began) => began.digest(part) == parts.digest(part),
            // It did not have to pass then.
            None => self.fork.suite.digest(&case.name) == Some(case.digest),
        }
    }

    /// Compares the model rows that a case is asked on there and here; `true` where one is otherwise because the other side moved on.
    fn compare_rows(
        &mut self,
        (case, suite): (&Case, &Suite),
        then: &CriticalCase,
        (rows_then, rows): (&BTreeMap<String, Digest>, &BTreeMap<String, Digest>),
    ) -> bool {
        let mut has_moved = false;
        for name in suite.models_of(case).iter().filter(|name| then.models.contains(name)) {
            let (Some(now), Some(before)) = (rows.get(name), rows_then.get(name)) else { continue };
            if now == before {
                continue;
            }
            if self.fork.rows.get(name) == Some(now) {
                has_moved = true;
            } else {
                self.shared.entry(Shared::Model(name.clone())).or_default().push(case.name.clone());
            }
        }
        has_moved
    }

    /// A warning for each thing that stands behind several cases.
    pub(super) fn warnings(self, reference: &str, place: &Place) -> Vec<Problem> {
        let of_change = self.shared.iter().map(|(shared, cases)| {
            let cases = few(cases);
            let message = match shared {
                Shared::Property(name) => {
                    format!("the property `{name}` is not what it is at {reference}, and these must pass by it: {cases}")
                }
                Shared::Judge(name) => {
                    format!("the model row `{name}` is not what judges at {reference}, and it judges these, which must pass: {cases}")
                }
                Shared::Model(name) => {
                    format!("the model row `{name}` is not what it is at {reference}, and these must pass on it: {cases}")
                }
            };
            let help = "they are asked and judged by it as it is here; whoever reviews the change should read it";
            Problem::warning("changes::critical_case", message).at(place.clone()).help(help)
        });
        let of_other = (!self.moved.is_empty()).then(|| {
            let message = format!(
                "what must pass is asked or judged otherwise at {reference} since this change began: {}",
                few(&self.moved)
            );
            let help = format!("merge {reference} into the change to have it here");
            Problem::warning("changes::case_moved", message).at(place.clone()).help(help)
        });
        of_change.chain(of_other).collect()
    }
}

#[cfg(test)]
mod tests {
    use promptassay_registry::tree::Tree;
    use promptassay_registry::yaml::Document;

    use super::*;
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
            CriticalCases::of(&document(suite), interface, &settings(registry), &no_files)
        };
        let mut problems = Vec::new();
        let settings = settings(here.0);
        let suite = resolve(&document(here.1), interface, &settings, &no_files, &mut problems);
        let mut suite = suite.unwrap_or_else(|| panic!("{problems:#?}"));
        let said = then(there).hold(&then(fork), (&mut suite, &settings), "main");
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
    fn what_the_other_side_wrote_since_is_not_the_changes_doing() {
        let registry = REGISTRY.replace("regex: please", "regex: thanks").replace("model: o}", "model: p}");
        let suite = SUITE.replace("It is kind.", "It is very kind.");
        let (before, moved) = ((REGISTRY, SUITE), (registry.as_str(), suite.as_str()));
        let behind = held([before, moved, before]);
        assert_eq!(
            behind,
            "what must pass is asked or judged otherwise at main since this change began: a, b, c\n"
        );
        assert_eq!(held([before, moved, moved]), "", "it has taken over what the other side did");
        // What it does itself is named beside that.
        let own = REGISTRY.replace("model: m}", "model: n}");
        let both = held([before, moved, (&own, SUITE)]);
        assert!(
            both.contains("the model row `default` is not what it is at main") && both.ends_with(&behind),
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
