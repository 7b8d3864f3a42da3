//! Asks every trial of a plan and says what happens. The only output of a run is its events.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::channel::mpsc;
use futures::{FutureExt, StreamExt, stream};
use indexmap::IndexMap;
use promptassay_llm::{ChatRequest, Reply, Secrets};
use promptassay_registry::digest::Digest;

use crate::event::{
    Answer, AskError, AskErrorKind, Event, JudgeAnswered, ReplySource, RunEnd, TrialAnswered, TrialResult,
};
use crate::judge::{JudgeAnswers, JudgeCall, Judging};
use crate::outcome::{CheckResult, RepeatOutcome};
use crate::plan::{Plan, Trial, TrialId};
use crate::programs::Programs;
use crate::replies::request_digest;
use crate::validator::{Subject, check_all};

/// A reply and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the model said.
    pub reply: Reply,
    /// Where the reply came from.
    pub source: ReplySource,
}

/// Why a trial has no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The question could not be asked.
    Error(AskError),
    /// The run was stopped before there was an answer: the trial counts as not asked.
    Withdrawn,
    /// Of a judge: it was not to be asked. What it would have had to say is unscored.
    LeftOut,
}

impl From<AskError> for Unanswered {
    fn from(error: AskError) -> Self {
        Self::Error(error)
    }
}

/// Where whoever asks says what happens meanwhile.
#[derive(Debug, Clone)]
pub struct Tell(mpsc::UnboundedSender<Event>);

impl Tell {
    /// A place to say things, and where they arrive.
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded();
        (Self(sender), receiver)
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        // Once the run has ended nobody listens, and nothing is lost.
        let _ = self.0.unbounded_send(event);
    }
}

/// What a run has to do.
#[derive(Debug, Default)]
pub struct Work {
    /// The trials that are asked, of one plan and in its order.
    pub trials: Vec<Trial>,
    /// Those of them that were answered before: they are judged, and nobody is asked.
    pub answered: HashMap<TrialId, Asked>,
    /// What people wrote in the place of models.
    pub written: Written,
    /// What judges answered before: they are not asked that again.
    pub judged: Option<Arc<JudgeAnswers>>,
    /// Whether all answers are those of another run, and are only judged in this one.
    pub is_stored: bool,
    /// Whether checks may not run their programs: what these would have to say is unscored.
    pub without_programs: bool,
    /// What is cut out of whatever those programs say: they have the environment of the run.
    pub secrets: Secrets,
}

/// What people wrote in the place of models, which are then not asked.
#[derive(Debug, Default)]
pub struct Written {
    /// The replies to trials. Judges are asked about them.
    pub replies: HashMap<TrialId, Reply>,
    /// The answers of judges, by the digest of what was asked and the number of the sample.
    pub judgements: HashMap<(Digest, u32), Reply>,
}

impl Work {
    /// Every trial of a plan.
    pub fn all(plan: &Plan) -> Self {
        Self { trials: plan.trials().to_vec(), ..Self::default() }
    }
}

/// Asks the trials of `work` through `ask`, at most `window` of each model row at a time (at least 1), and tells `observe` of every
/// event. What judges have to say of a reply is asked through `ask_judge` while its trial is under way; several of these calls of one
/// trial may be open at once. When `stop` resolves no further trial is started, for the reason that it gives; those under way are finished. The task
/// that drives this future puts the events in order and calls `observe` from one place, so observers need no locks.
pub async fn run<A, F, J, G>(
    plan: &Plan,
    work: &Work,
    ask: A,
    ask_judge: J,
    window: usize,
    stop: impl Future<Output = RunEnd>,
    mut observe: impl FnMut(&Event),
) -> RunEnd
where
    A: Fn(Trial, ChatRequest, Tell) -> F,
    F: Future<Output = Result<Asked, Unanswered>>,
    J: Fn(Trial, JudgeCall, Tell) -> G,
    G: Future<Output = Result<Asked, Unanswered>>,
{
    observe(&Event::RunStarted { trials: work.trials.len() });
    // Without a reason to stop, nothing but a stored answer that is not there is left out.
    let (mut answered, mut why) = (0, if work.is_stored { RunEnd::Unanswered } else { RunEnd::Interrupted });
    let (tell, mut told) = Tell::channel();
    let programs = Programs::new(&work.secrets);
    {
        let programs = &programs;
        let (ask, ask_judge, tell, stop) = (&ask, &ask_judge, &tell, stop.shared());
        // Each model row has a window of its own, so that a slow one holds no other back.
        let rows = by_row(plan, &work.trials).into_iter().map(|trials| {
            let answers = stream::iter(trials)
                .take_until(stop.clone())
                .map(|&trial| async move {
                    let (answer, answered_before) = ask_one(plan, work, trial, ask, tell).await?;
                    let (programs, withdrawn) = (programs.of_trial(), AtomicBool::new(false));
                    let ask_judge = async |call| {
                        let asked = ask_judge_once(work, trial, call, ask_judge, tell).await;
                        if matches!(asked, Err(Unanswered::Withdrawn)) {
                            withdrawn.store(true, Ordering::Relaxed);
                        }
                        asked
                    };
                    let allowed = (!work.without_programs).then_some(&programs);
                    let result = judge_asking(plan, trial, answer, &ask_judge, allowed).await;
                    let result = TrialResult { answered_before, ..result };
                    // What the other checks say is no result: nobody knows yet what this one says, whether it decides or only warns.
                    let was_stopped = programs.has_left_out() || withdrawn.load(Ordering::Relaxed);
                    if was_stopped && work.is_stored {
                        carry_over(result, tell);
                        return None;
                    }
                    (!was_stopped).then_some(result)
                })
                .buffer_unordered(window.max(1));
            Box::pin(answers)
        });
        let mut results = stream::select_all(rows);
        let (mut stop, mut stopped) = (stop.clone(), false);
        loop {
            tokio::select! {
                biased;
                // Polled here too: a full window does not look for its next trial, nor whether there is to be one.
                reason = &mut stop, if !stopped => {
                    (stopped, why) = (true, reason);
                    if reason.is_hurried() {
                        programs.stop();
                    }
                }
                Some(event) = told.next() => observe(&event),
                result = results.next() => {
                    let Some(result) = result else { break };
                    // What was told on the way to a result comes before it.
                    while let Ok(event) = told.try_recv() {
                        observe(&event);
                    }
                    if let Some(result) = result {
                        answered += 1;
                        observe(&Event::TrialFinished(Box::new(result)));
                    }
                }
            }
        }
    }
    while let Ok(event) = told.try_recv() {
        observe(&event);
    }
    let end = if answered == work.trials.len() { RunEnd::Completed } else { why };
    observe(&Event::RunFinished { end });
    end
}

/// The trials of each model row, in their order.
fn by_row<'a>(plan: &Plan, trials: &'a [Trial]) -> Vec<Vec<&'a Trial>> {
    let mut rows: IndexMap<&str, Vec<&Trial>> = IndexMap::new();
    for trial in trials {
        rows.entry(&plan.variant(trial).model.name).or_default().push(trial);
    }
    rows.into_values().collect()
}

/// The answer to a trial's question, and whether it was told before it is judged; `None` where it was withdrawn.
async fn ask_one<A, F>(plan: &Plan, work: &Work, trial: Trial, ask: &A, tell: &Tell) -> Option<(Answer, bool)>
where
    A: Fn(Trial, ChatRequest, Tell) -> F,
    F: Future<Output = Result<Asked, Unanswered>>,
{
    if let Some(Asked { reply, source }) = work.answered.get(&trial.id).cloned() {
        return Some((Answer::Reply { reply: Box::new(reply), source }, true));
    }
    let request = match plan.request(&trial) {
        Ok(request) => request,
        // Every request was rendered when the plan was made; this is for engines that may answer differently later.
        Err(error) => {
            let message = error.to_string();
            return Some((Answer::Error(AskError { kind: AskErrorKind::NotRendered, message }), false));
        }
    };
    let asked = match work.written.replies.get(&trial.id).cloned() {
        Some(reply) => Ok(Asked { reply, source: ReplySource::Recorded }),
        None => ask(trial, request, tell.clone()).await,
    };
    match asked {
        Ok(Asked { reply, source }) => {
            let is_slow = plan.case(&trial).validators.iter().any(|validator| validator.asks_others());
            if is_slow && !work.is_stored {
                let (trial, reply) = (trial.id, reply.clone());
                let answered = TrialAnswered { trial, reply, source, answered_before: false };
                tell.tell(Event::TrialAnswered(Box::new(answered)));
            }
            Some((Answer::Reply { reply: Box::new(reply), source }, is_slow || work.is_stored))
        }
        Err(Unanswered::Error(error)) => Some((Answer::Error(error), work.is_stored)),
        Err(Unanswered::Withdrawn | Unanswered::LeftOut) => None,
    }
}

/// Keeps the reply of another run that this one had no time to judge, so that it can be judged in yet another one.
fn carry_over(result: TrialResult, tell: &Tell) {
    if let Answer::Reply { reply, source } = result.answer {
        let answered = TrialAnswered { trial: result.trial, reply: *reply, source, answered_before: true };
        tell.tell(Event::TrialAnswered(Box::new(answered)));
    }
}

/// What a judge says, unless it has said so before; what is new is told.
async fn ask_judge_once<J, G>(
    work: &Work,
    trial: Trial,
    call: JudgeCall,
    ask_judge: &J,
    tell: &Tell,
) -> Result<Asked, Unanswered>
where
    J: Fn(Trial, JudgeCall, Tell) -> G,
    G: Future<Output = Result<Asked, Unanswered>>,
{
    let (model, parts, sample) = (Arc::clone(&call.model), call.parts.clone(), call.sample);
    let request_sha256 = request_digest(&model, &call.request);
    if let Some(asked) = work.judged.as_ref().and_then(|judged| judged.find(&request_sha256, sample)) {
        return Ok(asked);
    }
    let Asked { reply, source } = match work.written.judgements.get(&(request_sha256, sample)).cloned() {
        Some(reply) => Asked { reply, source: ReplySource::Recorded },
        None => ask_judge(trial, call, tell.clone()).await?,
    };
    tell.tell(Event::JudgeAnswered(Box::new(JudgeAnswered {
        trial: trial.id,
        judge: model.name.clone(),
        request_sha256,
        parts: Some(parts),
        sample,
        reply: reply.clone(),
        source,
        cost: model.cost(&reply.usage),
        answered_before: false,
    })));
    Ok(Asked { reply, source })
}

/// What the validators of a trial's case say of an answer; judges are asked through `ask_judge`, and the programs of commands are run
/// where there are `programs`. A judge that is not asked any more because the run was stopped leaves its check an error, and so does a
/// program; [`run`] takes that for no result.
pub async fn judge_asking<J, G>(
    plan: &Plan,
    trial: Trial,
    answer: Answer,
    ask_judge: &J,
    programs: Option<&Programs<'_>>,
) -> TrialResult
where
    J: Fn(JudgeCall) -> G,
    G: Future<Output = Result<Asked, Unanswered>>,
{
    let (checks, judging) = match subject(plan, trial, &answer) {
        Some(subject) => check_all(&plan.case(&trial).validators, &subject, ask_judge, programs).await,
        None => (Vec::new(), None),
    };
    result(trial, answer, checks, judging)
}

fn subject<'a>(plan: &'a Plan, trial: Trial, answer: &'a Answer) -> Option<Subject<'a>> {
    let Answer::Reply { reply, source } = answer else { return None };
    let latency = match source {
        ReplySource::Live | ReplySource::Cached { .. } | ReplySource::Shared => Some(reply.latency),
        // Nobody measured it, or it was written by hand.
        ReplySource::Recorded | ReplySource::Scripted => None,
    };
    let cost = plan.variant(&trial).model.cost(&reply.usage);
    let case = plan.case(&trial);
    let subject =
        Subject::new(reply, &case.inputs).conversation(&case.messages).reference(case.reference.as_deref());
    Some(subject.cost(cost).latency(latency))
}

fn result(trial: Trial, answer: Answer, checks: Vec<CheckResult>, judging: Option<Judging>) -> TrialResult {
    let outcome = match &answer {
        Answer::Reply { .. } => RepeatOutcome::of(&checks),
        Answer::Error(_) => RepeatOutcome::Errored,
    };
    TrialResult { trial: trial.id, answer, checks, outcome, answered_before: false, judging }
}
