//! Evaluating inside a program: a version, cases with closures and checks, and whoever answers.
//!
//! ```
//! use promptassay_evaluator::event::AskError;
//! use promptassay_evaluator::inline::{Case, run_case};
//! use promptassay_evaluator::outcome::{CheckOutcome, Reason};
//! use promptassay_evaluator::validator::Validator;
//! use promptassay_llm::{ChatRequest, Reply};
//! use promptassay_registry::content::VersionContent;
//! use promptassay_registry::template::{Template, TemplateFormat};
//!
//! # futures::executor::block_on(async {
//! let prompt = VersionContent::Text(Template::parse(TemplateFormat::Format, "Greet {name}.").unwrap());
//! let case = Case::new("greets")
//!     .input("name", "Ada")
//!     .check("by_name", |reply| match reply.text.contains("Ada") {
//!         true => CheckOutcome::Pass,
//!         false => CheckOutcome::Fail(Reason::new("does not say the name")),
//!     })
//!     .validator(Validator::parse("max_words: 5").unwrap());
//! // Whoever answers: a client of a model, or a function.
//! let ask = |request: ChatRequest| async move {
//!     assert_eq!(request.messages[0].content, "Greet Ada.");
//!     Ok::<Reply, AskError>(Reply::from_text("Hello Ada"))
//! };
//! let result = run_case(&prompt, &case, ask).await.unwrap();
//! assert!(result.passes());
//! assert_eq!(result.repeats[0].checks[0].name, "by_name");
//! # });
//! ```
//!
//! [`run_suite`] asks several cases, several times each, side by side. What comes of a check, of a repeat and of a case is the same
//! as for suites in files. What is served is best asked as what it is, a version of a [`Tree`](promptassay_registry::tree::Tree) or of a
//! [`Registry`](promptassay_registry::memory::Registry): then the defaults and limits of its variables hold here too. Judges and programs
//! are not asked: [`Validator::parse`] refuses what needs one.

mod invalid;
mod prompt;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use promptassay_llm::{ChatRequest, Reply};
use promptassay_registry::template::Values;
use promptassay_stats::Confidence;
use promptassay_stats::score::{ScoreInterval, score_interval_of_means};

use crate::event::AskError;
use crate::outcome::{CheckOutcome, CheckResult, RepeatOutcome, repeat_score};
use crate::validator::{Subject, Validator};

use prompt::Question;

pub use invalid::{Invalid, InvalidSuite};
pub use prompt::Prompt;

/// One question, and what its answer must be like.
#[derive(Debug, Clone, Default)]
pub struct Case {
    name: String,
    inputs: Values,
    validators: Vec<Arc<Validator>>,
}

impl Case {
    /// A case without inputs and checks.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same with a value for a variable of the prompt.
    pub fn input(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.inputs.insert(name.into(), value.into());
        self
    }

    /// The same with a check of the program's own, which looks at the whole reply.
    pub fn check(
        self,
        name: impl Into<String>,
        check: impl Fn(&Reply) -> CheckOutcome + Send + Sync + 'static,
    ) -> Self {
        self.validator(Validator::from_fn(name, check))
    }

    /// The same with a validator.
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validators.push(Arc::new(validator));
        self
    }
}

/// How a suite is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How often each case is asked; at least 1.
    pub repeat: u32,
    /// Questions that are under way at once; at least 1.
    pub concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { repeat: 1, concurrency: 16 }
    }
}

/// What came of asking a case once.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// What the model said, or why it could not be asked.
    pub reply: Result<Reply, AskError>,
    /// What the validators say of the reply; empty without one.
    pub checks: Vec<CheckResult>,
    /// What it comes to.
    pub outcome: RepeatOutcome,
    /// In [0, 1]; `None` where the repeat was not judged.
    pub score: Option<f64>,
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Its repeats, in order.
    pub repeats: Vec<Repeat>,
}

impl CaseResult {
    /// Whether more than half of its repeats passed; errored and unscored ones did not.
    pub fn passes(&self) -> bool {
        2 * self.count(|outcome| outcome == RepeatOutcome::Passed) > self.repeats.len()
    }

    /// Whether every repeat was judged: a case that is incomplete says less than it seems to.
    pub fn is_complete(&self) -> bool {
        self.count(RepeatOutcome::is_judged) == self.repeats.len()
    }

    /// The share of its judged repeats that passed, in [0, 1]; `None` where none was judged.
    pub fn pass_rate(&self) -> Option<f64> {
        let judged = self.count(RepeatOutcome::is_judged);
        let passed = self.count(|outcome| outcome == RepeatOutcome::Passed);
        (judged > 0).then(|| passed as f64 / judged as f64)
    }

    fn count(&self, wanted: impl Fn(RepeatOutcome) -> bool) -> usize {
        self.repeats.iter().filter(|repeat| wanted(repeat.outcome)).count()
    }
}

/// What came of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteResult {
    /// The cases, in their order.
    pub cases: Vec<CaseResult>,
}

impl SuiteResult {
    /// Whether every case passes by the majority of its repeats, and each repeat was judged. A suite without cases does not pass.
    pub fn passes(&self) -> bool {
        !self.cases.is_empty() && self.cases.iter().all(|case| case.passes() && case.is_complete())
    }

    /// The pass rate over the cases that were judged, with its score interval, each end of which holds at `confidence`; `None`
    /// where nothing was judged.
    pub fn pass_rate(&self, confidence: Confidence) -> Option<ScoreInterval> {
        let rates: Vec<f64> = self.cases.iter().filter_map(CaseResult::pass_rate).collect();
        score_interval_of_means(&rates, confidence).ok()
    }
}

/// Asks one case once through `ask`, and judges the reply. What is asked is a version, `&version`, with the defaults and limits of its
/// variables, or bare content. The request has the parameters of the version alone; those of a model are for `ask` to add.
///
/// # Errors
///
/// What is wrong with the case; nobody is asked.
pub async fn run_case<'a, A, F>(
    prompt: impl Into<Prompt<'a>>,
    case: &Case,
    ask: A,
) -> Result<CaseResult, Invalid>
where
    A: Fn(ChatRequest) -> F,
    F: Future<Output = Result<Reply, AskError>>,
{
    let prompt = prompt.into();
    let question = prompt.question(&prompt.blank()?, case)?;
    let reply = ask(question.request.clone()).await;
    Ok(CaseResult { name: case.name.clone(), repeats: vec![judged(&question, reply)] })
}

/// Asks every case through `ask`, as often and as many at once as `options` say, and judges the replies. What is asked is as for
/// [`run_case`].
///
/// # Errors
///
/// Everything that is wrong with the cases; nobody is asked.
pub async fn run_suite<'a, A, F>(
    prompt: impl Into<Prompt<'a>>,
    cases: &[Case],
    options: Options,
    ask: A,
) -> Result<SuiteResult, InvalidSuite>
where
    A: Fn(ChatRequest) -> F,
    F: Future<Output = Result<Reply, AskError>>,
{
    let questions = questions(&prompt.into(), cases).map_err(|problems| InvalidSuite { problems })?;
    let repeats = options.repeat.max(1);
    let ask = &ask;
    let asked = questions.iter().flat_map(|question| {
        (0..repeats).map(move |_| async move { judged(question, ask(question.request.clone()).await) })
    });
    let mut results = stream::iter(asked).buffered(options.concurrency.max(1));
    let mut suite = SuiteResult { cases: Vec::with_capacity(cases.len()) };
    for case in cases {
        let repeats = results.by_ref().take(repeats as usize).collect().await;
        suite.cases.push(CaseResult { name: case.name.clone(), repeats });
    }
    Ok(suite)
}

/// What is asked of all cases, or everything that is wrong with them.
fn questions<'a>(prompt: &Prompt<'_>, cases: &'a [Case]) -> Result<Vec<Question<'a>>, Vec<Invalid>> {
    let blank = prompt.blank().map_err(|problem| vec![problem])?;
    let (mut names, mut questions, mut invalid) = (BTreeSet::new(), Vec::new(), Vec::new());
    for case in cases {
        if !names.insert(case.name.as_str()) {
            invalid.push(Invalid::SameName(case.name.clone()));
        }
        match prompt.question(&blank, case) {
            Ok(question) => questions.push(question),
            Err(problem) => invalid.push(problem),
        }
    }
    if invalid.is_empty() { Ok(questions) } else { Err(invalid) }
}

fn judged(question: &Question<'_>, reply: Result<Reply, AskError>) -> Repeat {
    let checks: Vec<CheckResult> = match &reply {
        Ok(reply) => {
            let subject = Subject::new(reply, &question.inputs).latency(Some(reply.latency));
            question.case.validators.iter().map(|validator| validator.check(&subject)).collect()
        }
        Err(_) => Vec::new(),
    };
    let outcome = if reply.is_ok() { RepeatOutcome::of(&checks) } else { RepeatOutcome::Errored };
    Repeat { score: repeat_score(outcome, &checks), reply, checks, outcome }
}

#[cfg(test)]
mod tests;
