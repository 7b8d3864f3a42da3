//! Validators: what a reply must have or must not have. One file per family; the table below is the list of all.
//!
//! A validator is pure: it looks at a [`Subject`] and says what it found. It never fails by itself on odd replies.

mod affix;
mod contains;
mod equals;
mod excerpt;
mod needle;
mod regular_expression;
mod size;
mod spec;

use promptassay_llm::Reply;

use crate::outcome::{CheckOutcome, CheckResult, Reason};

pub use spec::{CHECKS, CheckDescription, ValidatorSpec};

/// What a validator looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The reply.
    pub reply: &'a Reply,
}

impl<'a> Subject<'a> {
    /// The text that text validators look at: the reply's text.
    pub fn text(&self) -> &'a str {
        &self.reply.text
    }
}

/// A validator that cannot be wrong: its options are checked, its pattern is compiled.
#[derive(Debug)]
pub struct Validator {
    name: String,
    weight: f64,
    warn: bool,
    negated: bool,
    /// Whether the property that it checks must hold, where it checks one.
    property: Option<bool>,
    check: Check,
}

/// The checks there are. A closed set: a new one is a variant, a file and a row of [`CHECKS`].
#[derive(Debug)]
enum Check {
    Affix(affix::Affix),
    Contains(contains::Contains),
    Equals(equals::Equals),
    Regex(regular_expression::RegularExpression),
    Size(size::Size),
}

impl Validator {
    /// The name that reports use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is only reported.
    pub fn is_warning(&self) -> bool {
        self.warn
    }

    /// The same validator under another name and with another sense: how `expected: {property: false}` uses a property.
    pub fn as_property(mut self, name: &str, holds: bool) -> Self {
        name.clone_into(&mut self.name);
        self.negated ^= !holds;
        self.property = Some(holds);
        self
    }

    /// Looks at a reply.
    pub fn check(&self, subject: &Subject<'_>) -> CheckResult {
        let found = match &self.check {
            Check::Affix(check) => check.find(subject.text()),
            Check::Contains(check) => check.find(subject.text()),
            Check::Equals(check) => check.find(subject.text()),
            Check::Regex(check) => check.find(subject.text()),
            Check::Size(check) => check.find(subject.text()),
        };
        let outcome = match (found, self.negated) {
            (Found { holds: true, .. }, false) | (Found { holds: false, .. }, true) => CheckOutcome::Pass,
            (Found { holds: false, without, .. }, false) => CheckOutcome::Fail(without),
            (Found { holds: true, with, .. }, true) => CheckOutcome::Fail(with),
        };
        let outcome = match (outcome, self.property) {
            (CheckOutcome::Fail(reason), Some(holds)) => CheckOutcome::Fail(of_property(reason, holds)),
            (outcome, _) => outcome,
        };
        CheckResult {
            name: self.name.clone(),
            score: if outcome == CheckOutcome::Pass { 1.0 } else { 0.0 },
            outcome,
            weight: self.weight,
            warn: self.warn,
        }
    }
}

/// The reason of a property's check, in terms of the property.
fn of_property(reason: Reason, must_hold: bool) -> Reason {
    let message = if must_hold { "does not hold" } else { "holds, and must not" };
    Reason { message: format!("{message}: {}", reason.message), ..reason }
}

/// What a text check found, with the words for either sense: `not_contains` is `contains` read the other way.
struct Found {
    holds: bool,
    /// Why the check fails where it does not hold.
    without: Reason,
    /// Why its negation fails where it holds.
    with: Reason,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use promptassay_llm::{FinishReason, Usage};
    use promptassay_registry::yaml::Document;

    use super::*;

    pub(crate) fn reply(text: &str) -> Reply {
        Reply {
            text: text.to_owned(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            served_model: None,
            request_id: None,
            latency: Duration::ZERO,
        }
    }

    /// Builds one validator from YAML, or says all that is wrong with it.
    pub(crate) fn build(yaml: &str) -> Result<Validator, String> {
        let mut problems = Vec::new();
        let document =
            Document::parse("v.yaml", yaml, &mut problems).ok_or_else(|| problems[0].to_string())?;
        let reading = document.read::<ValidatorSpec>();
        problems.extend(reading.problems);
        let built = reading.value.and_then(|spec| spec.build(&document, &mut problems));
        match built {
            Some(validator) if problems.is_empty() => Ok(validator),
            _ => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    /// `pass`, or the reason in one line.
    pub(crate) fn verdict(yaml: &str, text: &str) -> String {
        let validator = build(yaml).unwrap_or_else(|problem| panic!("{problem}"));
        let reply = reply(text);
        match validator.check(&Subject { reply: &reply }).outcome.reason() {
            None => "pass".to_owned(),
            Some(reason) => {
                let part = |label: &str, part: &Option<String>| {
                    part.as_ref().map(|part| format!(" | {label}: {part}")).unwrap_or_default()
                };
                format!(
                    "{}{}{}",
                    reason.message,
                    part("expected", &reason.expected),
                    part("got", &reason.got)
                )
            }
        }
    }

    #[test]
    fn a_property_that_must_not_hold_turns_the_check_around() {
        let validator = build("contains: sorry").unwrap().as_property("apology", false);
        assert_eq!(validator.name(), "apology");
        let outcome = |text: &str| validator.check(&Subject { reply: &reply(text) }).outcome;
        assert_eq!(outcome("fine"), CheckOutcome::Pass);
        assert!(matches!(outcome("so sorry"), CheckOutcome::Fail(_)));
    }

    #[test]
    fn what_is_wrong_with_a_validator_is_said_at_its_place() {
        let check = |yaml: &str| build(yaml).unwrap_err();
        insta::assert_snapshot!(
            [
                "max_word: 3",
                "{}",
                "contains: hi\nequals: ho",
                "name: only a name",
                "max_words: -3",
                "max_words: lots",
                "contains_any: []",
                "contains_any: hello",
                "contains: ''",
                "contains: {value: hi, ignorecase: true}",
                "contains: {ignore_case: true}",
                "regex: '(?=look)ahead'",
                "regex: '(unclosed'",
                "regex: '(a{1000}){1000}'",
                "contains: hi\nweight: -1",
                "contains: 3",
                "not_max_words: 3",
                "- contains",
                "contains",
            ]
            .map(|yaml| format!("{yaml:?}\n{}\n", check(yaml)))
            .concat()
        );
    }
}
