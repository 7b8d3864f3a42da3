//! One prompt under test: each case is asked once, when somebody wants its result, and its gate is asked only where a case did not
//! pass by itself. What is printed is what the terminal report prints.

use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use indexmap::IndexMap;
use promptassay_evaluator::event::{Answer, AskError, AskErrorKind, Event, RunEnd, TrialResult};
use promptassay_evaluator::gate::{self, Verdict};
use promptassay_evaluator::judge::JudgeCall;
use promptassay_evaluator::outcome::{CheckOutcome, RepeatOutcome};
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{Plan, PromptPlan, Trial};
use promptassay_evaluator::programs::Programs;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::report::{self, Evaluation, FileNames, Look};
use promptassay_evaluator::run::{Asked, Unanswered, judge_asking};
use promptassay_llm::Secrets;
use promptassay_registry::problem::{Problem, did_you_mean};
use tokio::sync::OnceCell;

use crate::answers::{Mock, Recorded, Recording, recorded};
use crate::outcome::{CaseOutcome, Invalid, PromptOutcome};
use crate::prompts::Versions;

/// Cases that are under way at once where a whole suite is asked.
const CONCURRENCY: usize = 32;

/// A prompt, its plan, who answers, and what was answered so far.
#[derive(Debug)]
pub(crate) struct PromptRun {
    plan: Plan,
    replies: Replies,
    /// Whether names of tests say the version.
    names_versions: bool,
    questions: Vec<Question>,
    /// What the gates of the variants say, once somebody wanted to know.
    gates: Vec<OnceCell<(Verdict, String)>>,
}

/// Who answers.
#[derive(Debug)]
pub(crate) enum Replies {
    Recorded(Box<Recorded>),
    Mock(Arc<Mock>),
}

/// One case on one variant: what a test stands for.
#[derive(Debug)]
struct Question {
    variant: usize,
    case: usize,
    trials: Vec<Trial>,
    results: OnceCell<Vec<TrialResult>>,
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It passed.
    Passed,
    /// It failed, and the gate of its suite lets the prompt pass all the same.
    Tolerated(String),
    /// It failed, with the report.
    Failed(String),
}

impl PromptRun {
    pub(crate) fn new(plan: Plan, replies: Replies, versions: Versions) -> Self {
        let mut questions: IndexMap<(usize, usize), Question> = IndexMap::new();
        for trial in plan.trials() {
            let (variant, case) = (trial.variant, trial.case);
            let question = questions.entry((case, variant)).or_insert_with(|| Question {
                variant,
                case,
                trials: Vec::new(),
                results: OnceCell::new(),
            });
            question.trials.push(*trial);
        }
        let gates = plan.prompts()[0].variants.iter().map(|_| OnceCell::new()).collect();
        // Also where there is one: no name changes with the second version.
        let names_versions = versions == Versions::All;
        Self { plan, replies, names_versions, questions: questions.into_values().collect(), gates }
    }

    pub(crate) fn name(&self) -> &str {
        self.prompt().name.as_str()
    }

    fn prompt(&self) -> &PromptPlan {
        &self.plan.prompts()[0]
    }

    /// The number of questions; each is a test.
    pub(crate) fn questions(&self) -> usize {
        self.questions.len()
    }

    /// The name of a question's test: prompt, version where all are tested, model where several are asked, case.
    pub(crate) fn test_name(&self, question: usize) -> String {
        let question = &self.questions[question];
        let prompt = self.prompt();
        let variant = &prompt.variants[question.variant];
        let mut name = prompt.name.to_string();
        if self.names_versions {
            name.extend(["::", &variant.version.to_string()]);
        }
        if prompt.variants.iter().any(|other| other.model.name != variant.model.name) {
            name.extend(["::", &variant.model.name]);
        }
        name.extend(["::", &prompt.suite.cases[question.case].name]);
        name
    }

    /// The cases that are not asked, with the reason.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = (String, &str)> {
        let prompt = self.prompt();
        prompt
            .suite
            .cases
            .iter()
            .filter_map(move |case| Some((format!("{}::{}", prompt.name, case.name), case.skip.as_deref()?)))
    }

    /// Asks a question, unless that was done already, and judges its answers.
    pub(crate) async fn judge(&self, question: usize) -> Judgement {
        let question = &self.questions[question];
        let results = self.results(question).await;
        let passed = results.iter().filter(|result| result.outcome == RepeatOutcome::Passed).count();
        if passed == results.len() {
            return Judgement::Passed;
        }
        let suite = &self.prompt().suite;
        let is_decided =
            suite.cases[question.case].must_pass || results.iter().any(|result| !result.outcome.is_judged());
        let by_majority = 2 * passed > results.len();
        if is_decided {
            Judgement::Failed(self.report(question).await)
        } else if suite.policy.min_pass_rate.value.is_some() {
            let ask_gate = || self.gate(question.variant);
            let (verdict, reason) = self.gates[question.variant].get_or_init(ask_gate).await;
            match verdict {
                Verdict::Passed if by_majority => Judgement::Passed,
                Verdict::Passed => {
                    let failed = failed_checks(results).join(", ");
                    Judgement::Tolerated(format!("fails {failed}; the gate tolerates it: {reason}"))
                }
                Verdict::Failed | Verdict::Broken | Verdict::Inconclusive => {
                    let report = self.report(question).await;
                    Judgement::Failed(format!("{report}\ngate  {}  {reason}", verdict.as_str()))
                }
            }
        } else if by_majority {
            Judgement::Passed
        } else {
            Judgement::Failed(self.report(question).await)
        }
    }

    /// One case, on every variant.
    pub(crate) async fn evaluate_case(&self, case: &str) -> Result<CaseOutcome, Invalid> {
        let cases = &self.prompt().suite.cases;
        let Some(definition) = cases.iter().find(|known| known.name == case) else {
            let known: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            let message = format!("`{}` has no case `{case}`", self.name());
            let problem = Problem::error("testing::unknown_case", message);
            return Err(Invalid { problems: vec![problem.help(did_you_mean(case, known, "cases"))] });
        };
        if let Some(reason) = &definition.skip {
            let message = format!("the case `{case}` is skipped: {reason}");
            let problem = Problem::error("testing::skipped_case", message).at(definition.place.clone());
            return Err(Invalid {
                problems: vec![problem.help("remove its `skip`, or choose another case")],
            });
        }
        let mut outcome = CaseOutcome { passed: true, report: String::new(), results: Vec::new() };
        for index in 0..self.questions.len() {
            let question = &self.questions[index];
            if cases[question.case].name != case {
                continue;
            }
            let results = self.results(question).await;
            let passed = results.iter().filter(|result| result.outcome == RepeatOutcome::Passed).count();
            let passes = if definition.must_pass {
                passed == results.len()
            } else {
                2 * passed > results.len() && results.iter().all(|result| result.outcome.is_judged())
            };
            if !passes {
                outcome.passed = false;
                outcome.report.push_str(&self.report(question).await);
            }
            outcome.results.extend(results.iter().cloned());
        }
        Ok(outcome)
    }

    /// Every case, and the gates.
    pub(crate) async fn evaluate(&self) -> PromptOutcome {
        self.ask_all(|_| true).await;
        let (record, outputs) = self.record(&self.questions);
        let (summaries, gates) = gate::judge(&self.plan, &record);
        let evaluation = Evaluation {
            plan: &self.plan,
            record: &record,
            summaries: &summaries,
            gates: &gates,
            outputs: &outputs,
            attempts: None,
            files: &FileNames::default(),
        };
        let report = report::terminal(&evaluation, Look::default());
        PromptOutcome { passed: gate::blocking(&gates).is_none(), report }
    }

    /// What the gate says of a variant, after all of its cases were asked.
    async fn gate(&self, variant: usize) -> (Verdict, String) {
        self.ask_all(|question| question.variant == variant).await;
        let (record, _) = self.record(&self.questions);
        let (_, gates) = gate::judge(&self.plan, &record);
        let gate = gates.into_iter().find(|gate| gate.variant == variant);
        gate.map_or((Verdict::Broken, "nothing was judged".to_owned()), |gate| (gate.verdict, gate.reason))
    }

    async fn ask_all(&self, wanted: impl Fn(&Question) -> bool) {
        let questions = self.questions.iter().filter(|question| wanted(question));
        let asked = questions.map(|question| self.results(question));
        stream::iter(asked).buffer_unordered(CONCURRENCY).for_each(|_| async {}).await;
    }

    /// What the terminal report says of a question, and how to get replies where they are missing.
    async fn report(&self, question: &Question) -> String {
        let results = self.results(question).await;
        let (record, outputs) = self.record([question]);
        let (summaries, gates) = gate::judge(&self.plan, &record);
        let evaluation = Evaluation {
            plan: &self.plan,
            record: &record,
            summaries: &summaries,
            gates: &gates,
            outputs: &outputs,
            attempts: None,
            files: &FileNames::default(),
        };
        let look = Look { color: false, outputs: true };
        let mut text = String::new();
        if let Some(summary) = summaries.iter().find(|summary| summary.variant == question.variant) {
            text = report::terminal_case(&evaluation, summary, question.case, look);
        }
        let lacks_reply = |result: &TrialResult| {
            matches!(
                &result.answer,
                Answer::Error(AskError {
                    kind: AskErrorKind::NoRecordedReply | AskErrorKind::StaleReply,
                    ..
                })
            )
        };
        if let Replies::Recorded(recorded) = &self.replies {
            let version = &self.prompt().variants[question.variant].version;
            let ask = format!("`promptassay eval {} --candidate {version} --record`", self.name());
            if results.iter().any(lacks_reply) {
                text.extend(["\n  help: ", &recorded.help(&ask), "\n"]);
            } else if results.iter().any(lacks_judge) {
                let help = match &recorded.recording {
                    Recording::Here => {
                        "record what the judge says with `promptassay eval --record`".to_owned()
                    }
                    Recording::Elsewhere(_) | Recording::Nowhere => recorded.help(&ask),
                };
                let script = ", or let a script answer in its\n        place, with `.mock(…)`";
                text.extend(["\n  help: ", &help, script, "\n"]);
            }
        }
        text
    }

    /// What was answered so far to these questions.
    fn record<'a>(&self, questions: impl IntoIterator<Item = &'a Question>) -> (Record, Outputs) {
        let (mut record, mut outputs) = (Record::new(&self.plan), Outputs::in_memory());
        let mut apply = |event: Event| {
            record.apply(&self.plan, &event);
            outputs.apply(&event, None);
        };
        for result in questions.into_iter().filter_map(|question| question.results.get()).flatten() {
            apply(Event::TrialFinished(Box::new(result.clone())));
        }
        apply(Event::RunFinished { end: RunEnd::Completed });
        (record, outputs)
    }

    async fn results<'a>(&self, question: &'a Question) -> &'a [TrialResult] {
        let ask = || join_all(question.trials.iter().map(|trial| self.ask(trial)));
        question.results.get_or_init(ask).await
    }

    async fn ask(&self, trial: &Trial) -> TrialResult {
        let answer = match self.answer(trial).await {
            Ok(Asked { reply, source }) => Answer::Reply { reply: Box::new(reply), source },
            Err(error) => Answer::Error(error),
        };
        let ask_judge = |call: JudgeCall| async move {
            match &self.replies {
                Replies::Recorded(recorded) => {
                    recorded.judgements.answer(&self.plan, trial, &call).map_err(AskError::from)
                }
                Replies::Mock(mock) => mock.ask(&call.model, &call.request).await,
            }
            .map_err(Unanswered::from)
        };
        // No key is read here: models are mocked or recorded.
        judge_asking(&self.plan, *trial, answer, &ask_judge, Some(&Programs::new(&Secrets::none()))).await
    }

    async fn answer(&self, trial: &Trial) -> Result<Asked, AskError> {
        let request = self
            .plan
            .request(trial)
            .map_err(|error| AskError { kind: AskErrorKind::NotRendered, message: error.to_string() })?;
        match &self.replies {
            Replies::Recorded(replies) => recorded(replies, &self.plan, trial, &request),
            Replies::Mock(mock) => mock.ask(&self.plan.variant(trial).model, &request).await,
        }
    }
}

/// Whether there is an answer, and a check of it that could not be carried out because what a judge says is not there.
fn lacks_judge(result: &TrialResult) -> bool {
    let lacks_answers = result.judging.as_ref().is_some_and(|judging| judging.gaps > 0);
    lacks_answers && result.checks.iter().any(|check| matches!(check.outcome, CheckOutcome::Error(_)))
}

/// The names of the checks that failed, each once.
fn failed_checks(results: &[TrialResult]) -> Vec<&str> {
    let mut names = Vec::new();
    for check in results.iter().flat_map(|result| &result.checks) {
        let failed = !check.warn && matches!(check.outcome, CheckOutcome::Fail(_));
        if failed && !names.contains(&check.name.as_str()) {
            names.push(check.name.as_str());
        }
    }
    names
}
