//! Asks every trial of a plan and says what happens. The only output of a run is its events.

use std::future::Future;

use futures::{StreamExt, stream};
use promptassay_llm::{ChatRequest, Reply};

use crate::event::{Answer, AskError, AskErrorKind, Event, ReplySource, RunEnd, TrialResult};
use crate::outcome::RepeatOutcome;
use crate::plan::{Plan, Trial};
use crate::validator::Subject;

/// A reply and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the model said.
    pub reply: Reply,
    /// Where the reply came from.
    pub source: ReplySource,
}

/// Asks the trials of `plan` through `ask`, at most `concurrency` at a time (at least 1), and tells `observe` of every event. When
/// `stop` resolves no further trial is started; those under way are finished. The task that drives this future puts the events in
/// order and calls `observe` from one place, so observers need no locks.
pub async fn run<A, F>(
    plan: &Plan,
    ask: A,
    concurrency: usize,
    stop: impl Future<Output = ()>,
    mut observe: impl FnMut(&Event),
) -> RunEnd
where
    A: Fn(Trial, ChatRequest) -> F,
    F: Future<Output = Result<Asked, AskError>>,
{
    observe(&Event::RunStarted { trials: plan.trials().len() });
    let mut answered = 0;
    {
        let ask = &ask;
        let results = stream::iter(plan.trials().iter().copied())
            .take_until(stop)
            .map(|trial| async move { (trial, ask_one(plan, trial, ask).await) })
            .buffer_unordered(concurrency.max(1));
        futures::pin_mut!(results);
        while let Some((trial, answer)) = results.next().await {
            answered += 1;
            observe(&Event::TrialFinished(Box::new(judge(plan, trial, answer))));
        }
    }
    let end = if answered == plan.trials().len() { RunEnd::Completed } else { RunEnd::Interrupted };
    observe(&Event::RunFinished { end });
    end
}

async fn ask_one<A, F>(plan: &Plan, trial: Trial, ask: &A) -> Answer
where
    A: Fn(Trial, ChatRequest) -> F,
    F: Future<Output = Result<Asked, AskError>>,
{
    let request = match plan.request(&trial) {
        Ok(request) => request,
        // Every request was rendered when the plan was made; this is for engines that may answer differently later.
        Err(error) => {
            return Answer::Error(AskError { kind: AskErrorKind::NotRendered, message: error.to_string() });
        }
    };
    match ask(trial, request).await {
        Ok(Asked { reply, source }) => Answer::Reply { reply: Box::new(reply), source },
        Err(error) => Answer::Error(error),
    }
}

/// What the validators of a trial's case say of an answer. Pure.
pub fn judge(plan: &Plan, trial: Trial, answer: Answer) -> TrialResult {
    let (checks, outcome) = match &answer {
        Answer::Reply { reply, .. } => {
            let subject = Subject { reply };
            let checks: Vec<_> =
                plan.case(&trial).validators.iter().map(|validator| validator.check(&subject)).collect();
            let outcome = RepeatOutcome::of(&checks);
            (checks, outcome)
        }
        Answer::Error(_) => (Vec::new(), RepeatOutcome::Errored),
    };
    TrialResult { trial: trial.id, answer, checks, outcome }
}
