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
mod ending;
mod equals;
pub(crate) mod excerpt;
mod expected_ending;
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
use std::path::PathBuf;
use std::sync::Arc;

use promptassay_llm::{ModelRow, Reply};
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::template::Values;
use promptassay_registry::yaml::Document;

use self::ending::with_ending;
use self::json_path::JsonPath;
use self::outside::Outside;
use self::view::View;
use crate::judge::Given;
use crate::outcome::{CheckOutcome, CheckResult, Reason};
use crate::settings::Settings;

pub(crate) use judged::{JUDGES_ITSELF_HELP, JudgeQuestion, judges_itself};
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
    /// How it is written, where a suite is what writes it.
    written: Option<Box<Written>>,
    check: Check,
}

/// How a validator of a suite is written.
#[derive(Debug)]
struct Written {
    /// Its normal form: two that agree in it judge alike.
    canonical: Arc<str>,
    /// Where it stands, if not in its case.
    place: Option<Place>,
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

/// Whom a check asks.
enum Asks<'a> {
    /// It looks at the reply by itself.
    Nobody,
    /// A model.
    Judge(&'a judged::Judge),
    /// Another process.
    Program(&'a program::CommandCheck),
    /// Whom its parts ask.
    WhatPartsAsk(&'a [Arc<Validator>]),
}

/// A check that a program which embeds this library brings along.
struct Closure(Box<dyn Fn(&Reply) -> CheckOutcome + Send + Sync>);

impl fmt::Debug for Closure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Closure")
    }
}

const NO_SUITE: &str = "only suites in files ask judges and run programs; here, do that in your own code and give the outcome by `Validator::from_fn`";

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
            written: None,
            check: Check::Closure(Closure(Box::new(check))),
        }
    }

    /// A validator as a suite writes it, such as `max_words: 150`; else everything that is wrong with it. What needs a suite around
    /// it, a judge or a program, is refused.
    pub fn parse(yaml: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let settings = Settings::default();
        let surroundings = Surroundings { settings: &settings, judge: None, asked: &[] };
        let built = Document::parse("validator", yaml, &mut problems).and_then(|document| {
            let reading = document.read::<ValidatorSpec>();
            problems.extend(reading.problems);
            let context = Context { document: &document, surroundings: Some(surroundings) };
            reading.value.and_then(|spec| spec.build(context, &mut problems))
        });
        // The reader's help is for whoever has a suite.
        for problem in problems.iter_mut().filter(|problem| DEPENDS_ON_SUITE.contains(&problem.code)) {
            problem.help = Some(NO_SUITE.to_owned());
        }
        built.filter(|_| !has_errors(&problems)).ok_or(problems)
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
        match self.check.asks() {
            Asks::Judge(judge) => vec![judge.model()],
            Asks::WhatPartsAsk(parts) => parts.iter().flat_map(|part| part.judges()).collect(),
            Asks::Program(_) | Asks::Nobody => Vec::new(),
        }
    }

    /// What judges would be asked about the reply to a case, here and in its parts.
    pub(crate) fn judge_questions(&self, given: Given<'_>) -> Vec<JudgeQuestion<'_>> {
        match self.check.asks() {
            Asks::Judge(judge) => vec![judge.question(given)],
            Asks::WhatPartsAsk(parts) => parts.iter().flat_map(|part| part.judge_questions(given)).collect(),
            Asks::Program(_) | Asks::Nobody => Vec::new(),
        }
    }

    /// What can be right for no reply to a case, and what to do, here and in its parts: known before anything is asked.
    pub(crate) fn flaws_in_case(&self, inputs: &Values, reference: Option<&str>) -> Vec<(String, String)> {
        match &self.check {
            Check::Expression(check) => check.flaw_in_case(inputs, reference).into_iter().collect(),
            Check::Composite(composite) => {
                composite.parts.iter().flat_map(|part| part.flaws_in_case(inputs, reference)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// That no reply can fail it, where it looks so. In a part of another check it may be a condition for the others.
    fn idle(&self) -> Option<String> {
        match &self.check {
            Check::Expression(check) => check.idle(),
            _ => None,
        }
    }

    /// Whether it is looked at what the reply cost, here or in a part.
    pub(crate) fn needs_cost(&self) -> bool {
        match &self.check {
            Check::Runtime(runtime::Runtime::Cost(_)) => true,
            Check::Composite(composite) => composite.parts.iter().any(|part| part.needs_cost()),
            _ => false,
        }
    }

    /// The files that the programs which it runs may be made of, here and in its parts: the paths among their words, there or not.
    pub(crate) fn program_files(&self) -> Vec<PathBuf> {
        match self.check.asks() {
            Asks::Program(check) => check.files(),
            Asks::WhatPartsAsk(parts) => parts.iter().flat_map(|part| part.program_files()).collect(),
            Asks::Judge(_) | Asks::Nobody => Vec::new(),
        }
    }

    /// Whether it runs a program, here or in a part.
    pub(crate) fn runs_program(&self) -> bool {
        match self.check.asks() {
            Asks::Program(_) => true,
            Asks::WhatPartsAsk(parts) => parts.iter().any(|part| part.runs_program()),
            Asks::Judge(_) | Asks::Nobody => false,
        }
    }

    /// Whether somebody else is asked, here or in a part: a judge or a program.
    pub(crate) fn asks_others(&self) -> bool {
        match self.check.asks() {
            Asks::Judge(_) | Asks::Program(_) => true,
            Asks::WhatPartsAsk(parts) => parts.iter().any(|part| part.asks_others()),
            Asks::Nobody => false,
        }
    }

    /// The same validator under another name and with another sense: how `expected: {property: false}` uses a property.
    pub fn as_property(mut self, name: &str, holds: bool) -> Self {
        name.clone_into(&mut self.name);
        self.negated ^= !holds;
        self.property = Some(holds);
        self
    }

    /// The same, with its normal form and where it is written.
    pub(crate) fn written(mut self, canonical: Arc<str>, place: Option<Place>) -> Self {
        self.written = Some(Box::new(Written { canonical, place }));
        self
    }

    /// Its normal form, where a suite writes it.
    pub(crate) fn canonical(&self) -> Option<&Arc<str>> {
        self.written.as_ref().map(|written| &written.canonical)
    }

    /// Where it is written, if not in a case.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.written.as_ref()?.place.as_ref()
    }

    /// Looks at a reply, and asks nobody: what a judge or a program would have to say is unscored.
    pub fn check(&self, subject: &Subject<'_>) -> CheckResult {
        self.result(&View::whole(subject), &mut Outside::Nobody)
    }

    fn result(&self, view: &View<'_>, outside: &mut Outside) -> CheckResult {
        let Finding { outcome, score, .. } = self.evaluate(view, outside);
        let outcome = with_ending(outcome, view.subject.reply);
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
            Err(outcome) => Finding { outcome, score: 0.0, is_settled: true, because: None },
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
    /// Whom it asks. Every check is named, so that a new one is met here.
    fn asks(&self) -> Asks<'_> {
        match self {
            Self::Judge(judge) => Asks::Judge(judge),
            Self::Command(check) => Asks::Program(check),
            Self::Composite(composite) => Asks::WhatPartsAsk(&composite.parts),
            Self::Affix(_)
            | Self::Closure(_)
            | Self::Contains(_)
            | Self::ContainsJson(_)
            | Self::Equals(_)
            | Self::Expression(_)
            | Self::Json(_)
            | Self::JsonSchema(_)
            | Self::Levenshtein(_)
            | Self::Regex(_)
            | Self::Runtime(_)
            | Self::Size(_)
            | Self::ToolCalls(_) => Asks::Nobody,
        }
    }

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
    /// Of a pass: what was found, for those who must not find it.
    because: Option<Reason>,
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
        let (outcome, because) = match (self.holds, negated) {
            (true, false) => (CheckOutcome::Pass, Some(self.with)),
            (false, true) => (CheckOutcome::Pass, Some(self.without)),
            (false, false) => (CheckOutcome::Fail(self.without), None),
            (true, true) => (CheckOutcome::Fail(self.with), None),
        };
        Finding { outcome, score, is_settled: false, because }
    }
}

#[cfg(test)]
pub(crate) mod tests;
