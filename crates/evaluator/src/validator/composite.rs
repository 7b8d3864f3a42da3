//! `all_of`, `any_of`, `none_of`: checks made of checks. Every part is looked at, whatever the others say, so that all reasons are
//! kept.
//!
//! A part that could not be carried out decides nothing: `any_of` passes on another part, and is an error only where none holds. A
//! part that had nothing to look at does not hold, and no `none_of` passes on it.

use std::sync::Arc;

use schemars::JsonSchema;

use promptassay_registry::yaml::Located;

use super::outside::Outside;
use super::spec::{Builder, Options, ValidatorSpec};
use super::view::View;
use super::{Found, Look, Validator};
use crate::outcome::{CheckOutcome, Reason};

/// How many parts must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    All,
    Any,
    None,
}

/// Checks that are read together.
#[derive(Debug)]
pub(super) struct Composite {
    pub(super) rule: Rule,
    pub(super) parts: Vec<Arc<Validator>>,
}

/// What one part came to.
struct Part<'a> {
    validator: &'a Validator,
    outcome: CheckOutcome,
    score: f64,
    is_settled: bool,
    /// Of a pass: what was found.
    because: Option<Reason>,
}

impl Composite {
    pub(super) fn look(&self, view: &View<'_>, outside: &mut Outside) -> Look {
        let parts: Vec<Part<'_>> = self
            .parts
            .iter()
            .map(|part| {
                let found = part.evaluate(view, outside);
                Part {
                    validator: part,
                    outcome: found.outcome,
                    score: found.score,
                    is_settled: found.is_settled,
                    because: found.because,
                }
            })
            .collect();
        let passed = parts.iter().filter(|part| part.outcome == CheckOutcome::Pass).count();
        let failed = parts.iter().filter(|part| matches!(part.outcome, CheckOutcome::Fail(_))).count();
        let is_open = match self.rule {
            Rule::All => failed == 0,
            Rule::Any | Rule::None => passed == 0,
        };
        if let Some(undecided) = undecided(&parts).filter(|_| is_open) {
            return Err(undecided);
        }
        let total = parts.len();
        let had_nothing =
            parts.iter().filter(|part| part.is_settled && matches!(part.outcome, CheckOutcome::Fail(_)));
        let had_nothing = had_nothing.count();
        // Where only such parts keep it from holding, it holds in neither sense.
        let is_settled = had_nothing > 0
            && match self.rule {
                Rule::All => had_nothing == failed,
                Rule::Any | Rule::None => passed == 0,
            };
        if is_settled {
            let message = format!("{had_nothing} of {total} had nothing to look at: {}", reasons(&parts));
            return Err(CheckOutcome::Fail(Reason::new(message)));
        }
        Ok(match self.rule {
            Rule::All => {
                let without = Reason::new(format!("{failed} of {total} do not hold: {}", reasons(&parts)));
                Found::new(failed == 0, without, Reason::new(format!("all {total} hold")))
                    .scored(mean(&parts))
            }
            Rule::Any => {
                let without = Reason::new(format!("none of {total} holds: {}", reasons(&parts)));
                Found::new(passed > 0, without, Reason::new(format!("{} holds", names(&parts))))
                    .scored(best(&parts))
            }
            Rule::None => {
                let verb = if passed == 1 { "holds" } else { "hold" };
                let without = Reason {
                    message: format!("{passed} of {total} {verb}, and none may: {}", found(&parts)),
                    ..got(&parts)
                };
                let with = Reason::new(format!("none of {total} holds: {}", reasons(&parts)));
                Found::new(passed == 0, without, with)
            }
        })
    }
}

/// An error before an unread judge: it is the one that a person can do something about.
fn undecided(parts: &[Part<'_>]) -> Option<CheckOutcome> {
    let named = |part: &Part<'_>, reason: &Reason| Reason {
        message: format!("{}: {}", part.validator.name(), reason.message),
        ..reason.clone()
    };
    let error = parts.iter().find_map(|part| match &part.outcome {
        CheckOutcome::Error(reason) => Some(CheckOutcome::Error(named(part, reason))),
        _ => None,
    });
    error.or_else(|| {
        parts.iter().find_map(|part| match &part.outcome {
            CheckOutcome::Unscored(reason) => Some(CheckOutcome::Unscored(named(part, reason))),
            _ => None,
        })
    })
}

fn reasons(parts: &[Part<'_>]) -> String {
    let each = parts.iter().filter_map(|part| {
        part.outcome.reason().map(|reason| format!("{}: {}", part.validator.name(), reason.message))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// What the parts that hold have found.
fn found(parts: &[Part<'_>]) -> String {
    let each = parts.iter().filter_map(|part| {
        part.because.as_ref().map(|because| format!("{}: {}", part.validator.name(), because.message))
    });
    each.collect::<Vec<_>>().join("; ")
}

/// What the first of these shows of the reply.
fn got(parts: &[Part<'_>]) -> Reason {
    let first = parts.iter().find_map(|part| part.because.clone().filter(|because| because.got.is_some()));
    first.unwrap_or_else(|| Reason::new(""))
}

fn names(parts: &[Part<'_>]) -> String {
    let passed = parts.iter().filter(|part| part.outcome == CheckOutcome::Pass);
    passed.map(|part| format!("`{}`", part.validator.name())).collect::<Vec<_>>().join(", ")
}

fn is_scored(part: &Part<'_>) -> bool {
    matches!(part.outcome, CheckOutcome::Pass | CheckOutcome::Fail(_))
}

/// The weighted mean of the parts' scores; without weight the plain one.
fn mean(parts: &[Part<'_>]) -> f64 {
    let scored = || parts.iter().filter(|part| is_scored(part));
    let weight: f64 = scored().map(|part| part.validator.weight).sum();
    if weight > 0.0 {
        scored().map(|part| part.validator.weight * part.score).sum::<f64>() / weight
    } else {
        scored().map(|part| part.score).sum::<f64>() / scored().count().max(1) as f64
    }
}

fn best(parts: &[Part<'_>]) -> f64 {
    let any_passed = parts.iter().any(|part| part.outcome == CheckOutcome::Pass);
    let counted = parts
        .iter()
        .filter(|part| !any_passed || part.outcome == CheckOutcome::Pass)
        .filter(|part| is_scored(part));
    counted.map(|part| part.score).fold(0.0, f64::max)
}

/// `[check, …]` or `{values: [check, …]}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompositeOptions {
    pub(super) values: Vec<ValidatorSpec>,
}

impl Options for CompositeOptions {
    type Short = Vec<ValidatorSpec>;
    const EXPECTING: &'static str = "a list of validators";

    fn short(values: Located<Vec<ValidatorSpec>>) -> Self {
        Self { values: values.value }
    }
}

impl CompositeOptions {
    pub(super) fn build(&self, rule: Rule, builder: &mut Builder<'_>) -> Option<Composite> {
        if self.values.is_empty() {
            builder.refuse_empty_list("write at least one validator");
            return None;
        }
        let mut parts = Vec::new();
        for part in &self.values {
            if let Some(span) = part.warn_span() {
                builder.refuse(
                    "suite::invalid_option",
                    "a part cannot be only reported",
                    span,
                    "write `warn: true` beside the whole, or take the part out",
                );
            }
            if let Some(span) = part.weight_span().filter(|_| rule != Rule::All) {
                builder.refuse(
                    "suite::invalid_option",
                    "`weight` has no meaning for a part here",
                    span,
                    "only the parts of `all_of` are weighed; leave it out",
                );
            }
            parts.extend(part.build_inside(builder).map(Arc::new));
        }
        (parts.len() == self.values.len()).then_some(Composite { rule, parts })
    }
}

#[cfg(test)]
mod tests {
    use crate::validator::tests::{build, score, verdict};

    #[test]
    fn all_must_hold() {
        let yaml = "all_of: [{contains: a}, {max_words: 2}, {regex: '^x', name: starts}]";
        assert_eq!(verdict(yaml, "xa"), "pass");
        insta::assert_snapshot!(verdict(yaml, "one two three"), @r#"3 of 3 do not hold: contains: does not contain "a"; max_words: 3 words, limit 2; starts: no match for /^x/"#);
        assert!((score(yaml, "a") - 2.0 / 3.0).abs() < 1e-12);
        assert!((score("all_of: [{contains: a, weight: 3}, {contains: b}]", "a") - 0.75).abs() < 1e-12);
    }

    #[test]
    fn one_must_hold() {
        let yaml = "any_of: {values: [{contains: a}, {contains: b}]}";
        assert_eq!(verdict(yaml, "b"), "pass");
        insta::assert_snapshot!(verdict(yaml, ""), @r#"none of 2 holds: contains: does not contain "a"; contains: does not contain "b""#);
        assert!((score(yaml, "b") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn none_may_hold() {
        let yaml = "none_of: [{contains: a}, {all_of: [{contains: b}, {contains: c}]}]";
        assert_eq!(verdict(yaml, "b"), "pass");
        insta::assert_snapshot!(verdict(yaml, "bc"), @"1 of 2 holds, and none may: all_of: all 2 hold");
        insta::assert_snapshot!(verdict("none_of: [{not_contains: x}, {regex: b.}]", "abc"), @r#"2 of 2 hold, and none may: not_contains: does not contain "x"; regex: matches /b./ | got: "abc""#);
    }

    #[test]
    fn a_part_that_could_not_be_looked_at_decides_nothing() {
        // Without a price `max_cost` is an error.
        assert_eq!(verdict("any_of: [{max_cost: 1}, {contains: a}]", "a"), "pass");
        insta::assert_snapshot!(
            [
                verdict("any_of: [{max_cost: 1}, {contains: a}]", "b"),
                verdict("all_of: [{max_cost: 1}, {contains: a}]", "a"),
                verdict("all_of: [{max_cost: 1}, {contains: a}]", "b"),
                verdict("none_of: [{max_cost: 1}, {contains: a}]", "b"),
                verdict("none_of: [{max_cost: 1}, {contains: a}]", "a"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn what_makes_no_sense_in_a_part_is_refused() {
        insta::assert_snapshot!(
            [
                "all_of: []",
                "all_of: {contains: a}",
                "any_of: [{contains: a, warn: true}]",
                "any_of: [{contains: a, weight: 2}]",
                "none_of: [{contain: a}, {regex: '('}]",
                "all_of: [{any_of: [{max_word: 3}]}]",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }
}
