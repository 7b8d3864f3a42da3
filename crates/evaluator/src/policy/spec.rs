//! `gate:` as it is written, in a suite or in `registry.yaml`.

use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::yaml::{Document, Located, Reading};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Margin, Metric, OnInconclusive, Policy, ServedModel, Source, Sourced};
use crate::suite::MetricNames;

/// The file shape of `gate:`. What is not written is taken from the next file: suite, then `registry.yaml`, then defaults.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The smallest share of passed cases that passes, 0 to 1. Unset, every case must pass by the majority of its repeats, unless
    /// the candidate is compared with a baseline under a `margin`.
    pub min_pass_rate: Option<Located<f64>>,
    /// By how much a candidate may be worse than its baseline: a share such as 0.1 (10 points), `auto` (one that fits the number of
    /// units), or `none`. Without it the comparison is information, and the pass rate decides.
    pub margin: Option<Located<Margin>>,
    /// How sure each end of an interval is, above 0.5 and below 1.
    pub confidence: Option<Located<f64>>,
    /// The largest share of trials that may lack a verdict, 0 to 1, before nothing can be judged.
    pub max_missing: Option<Located<f64>>,
    /// What a comparison does that cannot tell: `fail` blocks; `pass` lets through what does not look worse than the margin.
    pub inconclusive: Option<Located<OnInconclusive>>,
    /// What must not be worse than the margin: `pass_rate`, `score`, and names of validators.
    pub metrics: Option<Located<Vec<Located<Metric>>>>,
    /// Whether both sides of a comparison must have been answered and judged by the same models: `same` or `any`.
    pub served_model: Option<Located<ServedModel>>,
}

impl PolicySpec {
    /// Adds everything that is out of its range to `problems`.
    pub(crate) fn check(&self, document: &Document, problems: &mut Vec<Problem>) {
        let mut refuse = |value: Option<Located<f64>>, usable: fn(f64) -> bool, message: &str, help: &str| {
            if let Some(value) = value.filter(|value| !usable(value.value)) {
                let message = format!("{message} is {}", value.value);
                problems.push(
                    Problem::error("gate::out_of_range", message).at(document.place(value.span)).help(help),
                );
            }
        };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        refuse(self.min_pass_rate, share, "`min_pass_rate`", "write a share from 0 to 1, such as 0.9");
        refuse(self.max_missing, share, "`max_missing`", "write a share from 0 to 1, such as 0.02");
        refuse(
            self.confidence,
            |value| value > 0.5 && value < 1.0,
            "`confidence`",
            "write a number above 0.5 and below 1, such as 0.95",
        );
        if let Some(metrics) = self.metrics.as_ref().filter(|metrics| metrics.value.is_empty()) {
            let problem = Problem::error("gate::no_metric", "`metrics` names nothing that could be worse");
            let help =
                "name `pass_rate`, `score` or a validator, or remove the key: then it is the pass rate";
            problems.push(problem.at(document.place(metrics.span)).help(help));
        }
    }

    /// Adds every metric that none of `validators` has, nor every suite, to `problems`.
    pub(crate) fn check_metrics(
        &self,
        document: &Document,
        validators: &MetricNames<'_>,
        problems: &mut Vec<Problem>,
    ) {
        for metric in self.metrics.iter().flat_map(|metrics| &metrics.value) {
            if let Some(problem) = unknown_metric(&metric.value, validators) {
                problems.push(problem.at(document.place(metric.span)));
            }
        }
    }

    /// This policy where it says something, else `base`, else the defaults. `at` names the commit that both were read from.
    pub(crate) fn over(&self, base: &Self, at: Option<&str>) -> Policy {
        let default = Policy::default();
        let names = Names { at };
        Policy {
            min_pass_rate: names.pick(
                self.min_pass_rate.map(|written| Some(written.value)),
                base.min_pass_rate.map(|written| Some(written.value)),
                default.min_pass_rate,
            ),
            margin: names.pick(value(self.margin), value(base.margin), default.margin),
            confidence: names.pick(value(self.confidence), value(base.confidence), default.confidence),
            max_missing: names.pick(value(self.max_missing), value(base.max_missing), default.max_missing),
            inconclusive: names.pick(
                value(self.inconclusive),
                value(base.inconclusive),
                default.inconclusive,
            ),
            metrics: names.pick(self.metric_list(), base.metric_list(), default.metrics),
            served_model: names.pick(
                value(self.served_model),
                value(base.served_model),
                default.served_model,
            ),
        }
    }

    fn metric_list(&self) -> Option<Vec<Metric>> {
        let written = self.metrics.as_ref()?;
        let mut metrics = Vec::new();
        for metric in &written.value {
            if !metrics.contains(&metric.value) {
                metrics.push(metric.value.clone());
            }
        }
        Some(metrics)
    }
}

/// A metric that a suite does not have, with what it could have meant.
pub(crate) fn unknown_metric(metric: &Metric, validators: &MetricNames<'_>) -> Option<Problem> {
    let Metric::Validator(name) = metric else { return None };
    if validators.judging.contains(name.as_str()) {
        return None;
    }
    if validators.only_warning.contains(name.as_str()) {
        let message = format!("the gate looks at `{name}`, and every check of this name only warns");
        let help = format!(
            "take `warn: true` out where it is to judge, or let the gate look at something else than `{name}`"
        );
        return Some(Problem::error("gate::unknown_metric", message).help(help));
    }
    let judging = validators.judging.iter().copied();
    let known: Vec<&str> = Metric::KNOWN.into_iter().chain(judging).collect();
    let message = format!("the gate looks at `{name}`, and no validator of the suite has this name");
    Some(Problem::error("gate::unknown_metric", message).help(did_you_mean(
        name,
        known.iter().copied(),
        "metrics",
    )))
}

/// The policy that these files say, as they were at the commit `at`; a file that did not exist says nothing. What is wrong with
/// them is added to `problems`.
pub fn policy_of_files(
    suite: Option<&Document>,
    registry: Option<&Document>,
    at: &str,
    problems: &mut Vec<Problem>,
) -> Policy {
    let mut read = |document: Option<&Document>| {
        let Some(document) = document else { return PolicySpec::default() };
        let Some(Reading { value, problems: found, .. }) = document.read_at::<PolicySpec>(&["gate"]) else {
            return PolicySpec::default();
        };
        problems.extend(found);
        value.inspect(|spec| spec.check(document, problems)).unwrap_or_default()
    };
    let suite = read(suite);
    suite.over(&read(registry), Some(at))
}

fn value<T: Copy>(written: Option<Located<T>>) -> Option<T> {
    written.map(|written| written.value)
}

/// What the sources are called.
struct Names<'a> {
    at: Option<&'a str>,
}

impl Names<'_> {
    fn pick<T>(&self, suite: Option<T>, registry: Option<T>, default: Sourced<T>) -> Sourced<T> {
        let at = self.at.map(str::to_owned);
        if let Some(value) = suite {
            return Sourced { value, source: at.map_or(Source::Suite, Source::SuiteAt) };
        }
        match registry {
            Some(value) => Sourced { value, source: at.map_or(Source::Registry, Source::RegistryAt) },
            None => default,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn document(text: &str) -> Document {
        Document::parse("gate.yaml", text, &mut Vec::new()).unwrap()
    }

    fn read(suite: &str, registry: &str) -> (Policy, Vec<Problem>) {
        let mut problems = Vec::new();
        let policy =
            policy_of_files(Some(&document(suite)), Some(&document(registry)), "main", &mut problems);
        (policy, problems)
    }

    #[test]
    fn a_suite_goes_before_the_registry_and_both_before_the_default() {
        let (policy, problems) = read(
            "gate: {min_pass_rate: 0.8, margin: auto}",
            "gate: {min_pass_rate: 0.5, confidence: 0.9, margin: 0.2, inconclusive: pass}",
        );
        assert_eq!(problems, []);
        let shown = [
            format!("{:?} {}", policy.min_pass_rate.value, policy.min_pass_rate.source),
            format!("{} {}", policy.margin.value, policy.margin.source),
            format!("{} {}", policy.confidence.value, policy.confidence.source),
            format!("{:?} {}", policy.inconclusive.value, policy.inconclusive.source),
            format!("{} {}", policy.max_missing.value, policy.max_missing.source),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r"
        Some(0.8) suite at main
        auto suite at main
        0.9 registry at main
        Pass registry at main
        0.02 default
        ");
    }

    #[test]
    fn a_file_that_did_not_exist_says_nothing() {
        assert_eq!(policy_of_files(None, None, "main", &mut Vec::new()), Policy::default());
        let (bare_list, problems) = read("- {name: a}", "models: {}");
        assert_eq!((bare_list, problems), (Policy::default(), Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_reported_at_its_place() {
        let (_, problems) = read(
            "gate: {margin: 1.5, confidence: 0.2, inconclusive: maybe, metrics: []}",
            "gate: {margin: wide, served_model: other, marign: 0.1}",
        );
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn an_unknown_metric_is_named_with_what_it_could_have_meant() {
        let validators = MetricNames {
            judging: BTreeSet::from(["tone", "max_words"]),
            only_warning: BTreeSet::from(["hours"]),
        };
        let shown = |name: &str| {
            unknown_metric(&Metric::from(name.to_owned()), &validators).map(|problem| problem.to_string())
        };
        assert_eq!(shown("tone"), None);
        assert_eq!(shown("pass_rate"), None);
        insta::assert_snapshot!(shown("hours").unwrap(), @"the gate looks at `hours`, and every check of this name only warns (help: take `warn: true` out where it is to judge, or let the gate look at something else than `hours`)");
        insta::assert_snapshot!(shown("pass_rat").unwrap(), @"the gate looks at `pass_rat`, and no validator of the suite has this name (help: did you mean `pass_rate`?)");
        insta::assert_snapshot!(shown("politeness").unwrap(), @"the gate looks at `politeness`, and no validator of the suite has this name (help: known metrics: `pass_rate`, `score`, `max_words`, `tone`)");
    }
}
