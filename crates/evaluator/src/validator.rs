//! Validators: what a reply must have or must not have. One file per family; the table [`CHECKS`] is the list of all.
//!
//! A validator never fails by itself on odd replies. Those that ask somebody else, a judge or a program, leave the asking to their
//! caller and stay pure.

mod affix;
mod composite;
mod contains;
mod contains_json;
#[cfg(test)]
mod documentation;
mod equals;
pub(crate) mod excerpt;
mod expression;
mod json;
mod json_path;
mod json_schema;
mod judged;
mod levenshtein;
mod needle;
mod outside;
mod program;
mod regular_expression;
mod runtime;
mod runtime_spec;
mod size;
mod spec;
mod subject;
mod tool_calls;
mod view;

use std::fmt;

use promptassay_llm::{ModelRow, Reply};

use self::json_path::JsonPath;
use self::outside::Outside;
use self::view::View;
use crate::outcome::{CheckOutcome, CheckResult, Reason};

pub(crate) use judged::{JUDGES_ITSELF_HELP, judges_itself};
pub(crate) use outside::check_all;
pub use spec::{CHECKS, CheckDescription, ValidatorSpec};
pub(crate) use spec::{Context, DEPENDS_ON_SUITE, Surroundings};
pub use subject::Subject;

/// A validator that cannot be wrong: its options are checked, its pattern is compiled.
#[derive(Debug)]
pub struct Validator {
    name: String,
    weight: f64,
    /// The score that is needed beside what the check itself asks for.
    threshold: Option<f64>,
    warn: bool,
    /// The part of the reply's JSON that is looked at.
    at: Option<JsonPath>,
    negated: bool,
    /// Whether the property that it checks must hold, where it checks one.
    property: Option<bool>,
    check: Check,
}

/// The checks there are. A closed set: a new one is a variant, a file and a row of [`CHECKS`].
#[derive(Debug)]
enum Check {
    Affix(affix::Affix),
    Closure(Closure),
    Command(program::CommandCheck),
    Composite(composite::Composite),
    Contains(contains::Contains),
    ContainsJson(contains_json::ContainsJson),
    Equals(equals::Equals),
    Expression(Box<expression::ExpressionCheck>),
    Json(json::Json),
    JsonSchema(json_schema::JsonSchemaCheck),
    Judge(judged::Judge),
    Levenshtein(levenshtein::Levenshtein),
    Regex(regular_expression::RegularExpression),
    Runtime(runtime::Runtime),
    Size(size::Size),
    ToolCalls(tool_calls::ToolCalls),
}

/// A check that a program which embeds this library brings along.
struct Closure(Box<dyn Fn(&Reply) -> CheckOutcome + Send + Sync>);

impl fmt::Debug for Closure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Closure")
    }
}

impl Validator {
    /// A validator of a program's own, with weight 1: `check` looks at the whole reply.
    pub fn from_fn(
        name: impl Into<String>,
        check: impl Fn(&Reply) -> CheckOutcome + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            weight: 1.0,
            threshold: None,
            warn: false,
            at: None,
            negated: false,
            property: None,
            check: Check::Closure(Closure(Box::new(check))),
        }
    }

    /// The name that reports use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is only reported.
    pub fn is_warning(&self) -> bool {
        self.warn
    }

    /// The model rows that judge, here and in its parts.
    pub fn judges(&self) -> Vec<&ModelRow> {
        match &self.check {
            Check::Judge(judge) => vec![judge.model()],
            Check::Composite(composite) => composite.parts.iter().flat_map(|part| part.judges()).collect(),
            _ => Vec::new(),
        }
    }

    /// The same validator under another name and with another sense: how `expected: {property: false}` uses a property.
    pub fn as_property(mut self, name: &str, holds: bool) -> Self {
        name.clone_into(&mut self.name);
        self.negated ^= !holds;
        self.property = Some(holds);
        self
    }

    /// Looks at a reply, and asks nobody: what a judge or a program would have to say is unscored.
    pub fn check(&self, subject: &Subject<'_>) -> CheckResult {
        self.result(&View::whole(subject), &mut Outside::Nobody)
    }

    fn result(&self, view: &View<'_>, outside: &mut Outside) -> CheckResult {
        let Finding { outcome, score, .. } = self.evaluate(view, outside);
        CheckResult { name: self.name.clone(), outcome, score, weight: self.weight, warn: self.warn }
    }

    fn evaluate(&self, view: &View<'_>, outside: &mut Outside) -> Finding {
        let look = match &self.at {
            // Without the part there is nothing to look at, and neither the check nor its negation holds.
            Some(path) => {
                view.at(path).map_err(CheckOutcome::Fail).and_then(|part| self.check.look(&part, outside))
            }
            None => self.check.look(view, outside),
        };
        let finding = match look {
            Ok(found) => found.above(self.threshold).read(self.negated),
            Err(outcome) => Finding { outcome, score: 0.0, is_settled: true },
        };
        match (finding.outcome, self.property) {
            (CheckOutcome::Fail(reason), Some(holds)) => {
                Finding { outcome: CheckOutcome::Fail(of_property(reason, holds)), ..finding }
            }
            (outcome, _) => Finding { outcome, ..finding },
        }
    }
}

impl Check {
    fn look(&self, view: &View<'_>, outside: &mut Outside) -> Look {
        match self {
            Self::Affix(check) => Ok(check.find(view.text())),
            Self::Closure(check) => match check.0(view.subject.reply) {
                CheckOutcome::Pass => Ok(Found::new(true, Reason::new("holds"), Reason::new("holds"))),
                CheckOutcome::Fail(reason) => Ok(Found::new(false, reason.clone(), reason)),
                undecided => Err(undecided),
            },
            Self::Command(check) => check.look(view, outside),
            Self::Composite(check) => check.look(view, outside),
            Self::Contains(check) => Ok(check.find(view.text())),
            Self::ContainsJson(check) => Ok(check.find(view)),
            Self::Equals(check) => Ok(check.find(view.text())),
            Self::Expression(check) => check.look(view),
            Self::Json(check) => Ok(check.find(view)),
            Self::JsonSchema(check) => Ok(check.find(view)),
            Self::Judge(check) => check.look(view, outside),
            Self::Levenshtein(check) => Ok(check.find(view)),
            Self::Regex(check) => Ok(check.find(view.text())),
            Self::Runtime(check) => check.look(view),
            Self::Size(check) => Ok(check.find(view.text())),
            Self::ToolCalls(check) => Ok(check.find(view)),
        }
    }
}

/// The reason of a property's check, in terms of the property.
fn of_property(reason: Reason, must_hold: bool) -> Reason {
    let message = if must_hold { "does not hold" } else { "holds, and must not" };
    Reason { message: format!("{message}: {}", reason.message), ..reason }
}

/// What came of looking: what was found, or what it comes to in either sense, where it could not be found out.
type Look = Result<Found, CheckOutcome>;

/// What a check found, with the words for either sense: `not_contains` is `contains` read the other way.
#[derive(Debug)]
struct Found {
    holds: bool,
    /// How well it holds, in [0, 1].
    score: f64,
    /// Why the check fails where it does not hold.
    without: Reason,
    /// Why its negation fails where it holds.
    with: Reason,
}

/// What a validator comes to.
struct Finding {
    outcome: CheckOutcome,
    /// In [0, 1]; meaningful where the outcome is a pass or a fail.
    score: f64,
    /// Whether it comes to this in either sense, because there was nothing to look at.
    is_settled: bool,
}

impl Found {
    /// It holds or it does not: the score is 1 or 0.
    fn new(holds: bool, without: Reason, with: Reason) -> Self {
        Self { holds, score: if holds { 1.0 } else { 0.0 }, without, with }
    }

    /// The same with a score of its own.
    fn scored(self, score: f64) -> Self {
        Self { score, ..self }
    }

    /// The same where the score must reach a threshold as well.
    fn above(self, threshold: Option<f64>) -> Self {
        match threshold {
            Some(threshold) if self.holds && self.score < threshold => {
                let rounded = (self.score * 1000.0).round() / 1000.0;
                let message = format!("score {rounded}, threshold {threshold}: {}", self.with.message);
                Self { holds: false, without: Reason { message, ..self.with.clone() }, ..self }
            }
            _ => self,
        }
    }

    fn read(self, negated: bool) -> Finding {
        let score = if negated { 1.0 - self.score } else { self.score };
        let outcome = match (self.holds, negated) {
            (true, false) | (false, true) => CheckOutcome::Pass,
            (false, false) => CheckOutcome::Fail(self.without),
            (true, true) => CheckOutcome::Fail(self.with),
        };
        Finding { outcome, score, is_settled: false }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;
    use std::time::Duration;

    use promptassay_llm::{FinishReason, ModelRow, ModelRowSpec, Provider, Usage};
    use promptassay_registry::template::Values;
    use promptassay_registry::yaml::Document;
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Settings;

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

    /// A model row without price.
    pub(crate) fn model(name: &str) -> ModelRow {
        ModelRowSpec::new(Provider::OpenAiChat, name).validate(name).unwrap()
    }

    /// Builds one validator from YAML, in a suite that asks `asked`, is judged by `judge`, and may run commands; or says all that is
    /// wrong with it.
    pub(crate) fn build(yaml: &str) -> Result<Validator, String> {
        let models = ["asked", "judge"].map(|name| (name.to_owned(), model(name))).into();
        let settings = Settings { models, allow_commands: true, ..Settings::default() };
        let asked = ["asked".to_owned()];
        let surroundings = Surroundings { settings: &settings, judge: Some("judge"), asked: &asked };
        build_in(surroundings, yaml)
    }

    pub(crate) fn build_in(surroundings: Surroundings<'_>, yaml: &str) -> Result<Validator, String> {
        let mut problems = Vec::new();
        let document =
            Document::parse("v.yaml", yaml, &mut problems).ok_or_else(|| problems[0].to_string())?;
        let reading = document.read::<ValidatorSpec>();
        problems.extend(reading.problems);
        let context = Context { document: &document, surroundings: Some(surroundings) };
        let built = reading.value.and_then(|spec| spec.build(context, &mut problems));
        match built {
            Some(validator) if problems.is_empty() => Ok(validator),
            _ => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    /// What a validator says of a text without inputs, cost and latency.
    pub(crate) fn check(yaml: &str, text: &str) -> CheckResult {
        let validator = build(yaml).unwrap_or_else(|problem| panic!("{problem}"));
        validator.check(&Subject::new(&reply(text), &Values::new()))
    }

    /// `pass`, or the reason in one line.
    pub(crate) fn verdict(yaml: &str, text: &str) -> String {
        describe(&check(yaml, text))
    }

    /// The score, in [0, 1].
    pub(crate) fn score(yaml: &str, text: &str) -> f64 {
        check(yaml, text).score
    }

    /// `pass`, or the reason in one line, after `error` or `unscored` where it is no plain failure.
    pub(crate) fn describe(result: &CheckResult) -> String {
        let (kind, reason) = match &result.outcome {
            CheckOutcome::Pass => return "pass".to_owned(),
            CheckOutcome::Fail(reason) => ("", reason),
            CheckOutcome::Error(reason) => ("error: ", reason),
            CheckOutcome::Unscored(reason) => ("unscored: ", reason),
        };
        let part = |label: &str, part: &Option<String>| {
            part.as_ref().map(|part| format!(" | {label}: {part}")).unwrap_or_default()
        };
        format!("{kind}{}{}{}", reason.message, part("expected", &reason.expected), part("got", &reason.got))
    }

    #[test]
    fn a_property_that_must_not_hold_turns_the_check_around() {
        let validator = build("contains: sorry").unwrap().as_property("apology", false);
        assert_eq!(validator.name(), "apology");
        let outcome = |text: &str| validator.check(&Subject::new(&reply(text), &Values::new())).outcome;
        assert_eq!(outcome("fine"), CheckOutcome::Pass);
        assert!(matches!(outcome("so sorry"), CheckOutcome::Fail(_)));
    }

    #[test]
    fn a_part_of_the_json_is_looked_at() {
        let reply = r#"{"answer": {"text": "hi there", "n": 3}, "tags": ["a", "b"]}"#;
        for yaml in [
            "starts_with: hi\nat: $.answer.text",
            "max_words: 2\nat: $.answer.text",
            "equals: '3'\nat: $.answer.n",
            "equals: '[\"a\",\"b\"]'\nat: $.tags",
            "json: object\nat: $.answer",
            "json_schema: {type: string, minLength: 8}\nat: $.answer.text",
            "expr: json == 3 and output == '3'\nat: $.answer.n",
            "all_of: [{contains: there, at: $.text}, {expr: json.n == 3}]\nat: $.answer",
            "not_contains: a\nat: $.tags[1]",
        ] {
            assert_eq!(verdict(yaml, reply), "pass", "{yaml}");
        }
    }

    #[test]
    fn a_part_that_is_not_there_fails_in_either_sense() {
        insta::assert_snapshot!(
            [
                ("contains: a\nat: $.b", "{}"),
                ("not_contains: a\nat: $.b", "{}"),
                ("not_contains: a\nat: $.b", "no json"),
                ("none_of: [{contains: a, at: $.b}]", "{}"),
                ("none_of: [{contains: a, at: $.b}, {json: true}]", "{}"),
                ("none_of: [{all_of: [{contains: a, at: $.b}, {contains: '{'}]}]", "{}"),
                ("none_of: [{all_of: [{contains: a, at: $.b}, {contains: x}]}]", "{}"),
                ("none_of: [{expr: json.b > 3}]", "{}"),
                ("any_of: [{contains: a, at: $.b}, {json: true}]", "{}"),
            ]
            .map(|(yaml, text)| format!("{}\n", verdict(yaml, text)))
            .concat()
        );
        let property = build("contains: a\nat: $.b").unwrap().as_property("has_a", false);
        let result = property.check(&Subject::new(&reply("{}"), &Values::new()));
        assert!(matches!(result.outcome, CheckOutcome::Fail(_)));
    }

    #[test]
    fn a_closure_is_a_validator() {
        let polite = Validator::from_fn("polite", |reply| {
            if reply.text.contains("please") {
                CheckOutcome::Pass
            } else if reply.text.is_empty() {
                CheckOutcome::Error(Reason::new("nothing to look at"))
            } else {
                CheckOutcome::Fail(Reason::new("says no please"))
            }
        });
        let check = |text: &str| describe(&polite.check(&Subject::new(&reply(text), &Values::new())));
        assert_eq!(
            [check("please"), check("now"), check("")].join(", "),
            "pass, says no please, error: nothing to look at"
        );
        assert_eq!(polite.name(), "polite");
    }

    #[test]
    fn what_an_option_means_nothing_for_is_refused() {
        insta::assert_snapshot!(
            [
                "max_words: 3\nthreshold: 0.5",
                "judge: x\nthreshold: -0.1",
                "max_latency: 2s\nat: $.a",
                "tool_calls: [f]\nat: $.a",
                "contains: x\nat: a.b",
                "contains: x\nat: $.a[*]",
                "equals: {value: x, word: true}",
                "not_json: true",
                "contains: x\nthresold: 1",
            ]
            .map(|yaml| format!("{yaml:?}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }

    /// One validator of every check that asks nobody.
    const ONE_OF_EACH: &[&str] = &[
        "equals: a",
        "contains: {value: é, ignore_case: true, word: true}",
        "contains_any: [a, é]",
        "contains_all: [a, é]",
        "starts_with: {value: é, ignore_case: true}",
        "ends_with: {value: é, word: true}",
        "regex: '\\w+$'",
        "max_words: 3",
        "min_words: 3",
        "max_chars: 3",
        "min_chars: 3",
        "max_lines: 3",
        "json: object",
        "json_schema: {type: [object, array, string], maxProperties: 1, items: {format: date-time}, pattern: '^.$'}",
        "contains_json: {value: true, schema: {required: [a]}}",
        "levenshtein: {value: 'aé{\"', max_distance: 3}",
        "max_latency: 2s",
        "max_cost: 1",
        "max_tokens: 1",
        "finish_reason: stop",
        "refusal: false",
        "tool_calls: []",
        "expr: output | length < 3 or json.a == 1",
        "all_of: [{contains: a, at: '$.a'}, {json: true, at: '$[0]'}]",
        "any_of: [{contains: a, at: $.a}, {max_words: 1}]",
        "none_of: [{contains: a, at: $.a}, {max_words: 1}]",
    ];

    #[test]
    fn every_check_is_among_those_that_no_reply_breaks() {
        for check in CHECKS.iter().filter(|check| !["judge", "command"].contains(&check.name)) {
            assert!(
                ONE_OF_EACH.iter().any(|yaml| yaml.starts_with(&format!("{}:", check.name))),
                "{}",
                check.name
            );
        }
    }

    #[test]
    fn no_huge_reply_breaks_a_check() {
        let replies = ["", "a", "é ", "{\"a\":", "[", "\"\\", "\u{0}\n"];
        for text in replies.map(|part| part.repeat((1 << 20) / part.len().max(1))) {
            for yaml in ONE_OF_EACH {
                let result = check(yaml, &text);
                let length = result
                    .outcome
                    .reason()
                    .map_or(0, |reason| reason.message.len() + reason.got.as_ref().map_or(0, String::len));
                assert!(length < 4_000, "{yaml}: {length} bytes of reason");
                assert!((0.0..=1.0).contains(&result.score), "{yaml}: {}", result.score);
            }
        }
    }

    proptest! {
        #[test]
        fn no_reply_breaks_a_check(text in "(\\PC|[\\[\\]{}\":,0-9\\\\\n]|\"a\"|true|é|İ|ß|\u{301}){0,40}") {
            static VALIDATORS: LazyLock<Vec<Validator>> =
                LazyLock::new(|| ONE_OF_EACH.iter().map(|yaml| build(yaml).unwrap()).collect());
            for validator in VALIDATORS.iter() {
                let result = validator.check(&Subject::new(&reply(&text), &Values::new()));
                prop_assert!((0.0..=1.0).contains(&result.score));
            }
        }
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
