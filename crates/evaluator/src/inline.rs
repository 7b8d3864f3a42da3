//! Evaluating inside a program, without files: a parsed version, cases with closures and checks, and whoever answers.
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
//! as for suites in files. Judges and programs are not asked here: a check that needs one is unscored.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use promptassay_llm::{ChatRequest, Reply};
use promptassay_registry::content::VersionContent;
use promptassay_registry::template::{RenderError, Values};
use promptassay_stats::Confidence;
use promptassay_stats::score::{ScoreInterval, score_interval_of_means};
use serde_json::Value;

use crate::event::AskError;
use crate::outcome::{CheckOutcome, CheckResult, RepeatOutcome, repeat_score};
use crate::plan::{messages, tools};
use crate::validator::{Subject, Validator};

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

/// Why a suite is not asked at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// Two cases have one name.
    #[error("two cases have the name `{0}`")]
    SameName(String),
    /// Nothing would judge the reply.
    #[error("the case `{0}` has no check")]
    NoCheck(String),
    /// The prompt cannot be filled.
    #[error("the case `{case}` cannot be asked: {source}")]
    NotRendered {
        /// The case.
        case: String,
        /// What its inputs lack.
        source: RenderError,
    },
    /// The version's parameters or the form of its answer are none that a model is asked with.
    #[error("the prompt's `params` or `response_format`: {0}")]
    Unknown(String),
}

/// Asks one case once through `ask`, and judges the reply.
pub async fn run_case<A, F>(prompt: &VersionContent, case: &Case, ask: A) -> Result<CaseResult, Invalid>
where
    A: Fn(ChatRequest) -> F,
    F: Future<Output = Result<Reply, AskError>>,
{
    let request = request(&blank(prompt)?, prompt, case)?;
    Ok(CaseResult { name: case.name.clone(), repeats: vec![judged(case, ask(request).await)] })
}

/// Asks every case through `ask`, as often and as many at once as `options` say, and judges the replies. Everything that can be wrong
/// with the cases is found before the first question.
pub async fn run_suite<A, F>(
    prompt: &VersionContent,
    cases: &[Case],
    options: Options,
    ask: A,
) -> Result<SuiteResult, Vec<Invalid>>
where
    A: Fn(ChatRequest) -> F,
    F: Future<Output = Result<Reply, AskError>>,
{
    let requests = requests(prompt, cases)?;
    let repeats = options.repeat.max(1);
    let ask = &ask;
    let asked = cases.iter().zip(&requests).flat_map(|(case, request)| {
        (0..repeats).map(move |_| async move { judged(case, ask(request.clone()).await) })
    });
    let mut results = stream::iter(asked).buffered(options.concurrency.max(1));
    let mut suite = SuiteResult { cases: Vec::with_capacity(cases.len()) };
    for case in cases {
        let repeats = results.by_ref().take(repeats as usize).collect().await;
        suite.cases.push(CaseResult { name: case.name.clone(), repeats });
    }
    Ok(suite)
}

/// The requests of all cases, or everything that is wrong with them.
fn requests(prompt: &VersionContent, cases: &[Case]) -> Result<Vec<ChatRequest>, Vec<Invalid>> {
    let blank = blank(prompt).map_err(|problem| vec![problem])?;
    let (mut names, mut requests, mut invalid) = (BTreeSet::new(), Vec::new(), Vec::new());
    for case in cases {
        if !names.insert(case.name.as_str()) {
            invalid.push(Invalid::SameName(case.name.clone()));
        }
        match request(&blank, prompt, case) {
            Ok(request) => requests.push(request),
            Err(problem) => invalid.push(problem),
        }
    }
    if invalid.is_empty() { Ok(requests) } else { Err(invalid) }
}

/// What every case of the prompt is asked with, without its messages.
fn blank(prompt: &VersionContent) -> Result<ChatRequest, Invalid> {
    let mut request = ChatRequest { tools: tools(prompt), ..ChatRequest::default() };
    if let VersionContent::Chat(chat) = prompt {
        let unknown = |source: serde_json::Error| Invalid::Unknown(source.to_string());
        request.params = serde_json::from_value(Value::Object(chat.params().clone())).map_err(unknown)?;
        let format = chat.response_format().cloned();
        request.response_format = format.map(serde_json::from_value).transpose().map_err(unknown)?;
    }
    Ok(request)
}

fn request(blank: &ChatRequest, prompt: &VersionContent, case: &Case) -> Result<ChatRequest, Invalid> {
    if case.validators.is_empty() {
        return Err(Invalid::NoCheck(case.name.clone()));
    }
    match messages(prompt, &case.inputs) {
        Ok(messages) => Ok(ChatRequest { messages, ..blank.clone() }),
        Err(source) => Err(Invalid::NotRendered { case: case.name.clone(), source }),
    }
}

fn judged(case: &Case, reply: Result<Reply, AskError>) -> Repeat {
    let checks: Vec<CheckResult> = match &reply {
        Ok(reply) => {
            let subject = Subject::new(reply, &case.inputs).latency(Some(reply.latency));
            case.validators.iter().map(|validator| validator.check(&subject)).collect()
        }
        Err(_) => Vec::new(),
    };
    let outcome = if reply.is_ok() { RepeatOutcome::of(&checks) } else { RepeatOutcome::Errored };
    Repeat { score: repeat_score(outcome, &checks), reply, checks, outcome }
}

#[cfg(test)]
mod tests;
