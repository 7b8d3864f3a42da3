//! What asking took: calls, failed attempts, waiting. A fold of events; nothing here changes a verdict.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use promptassay_llm::ModelErrorKind;
use serde::Serialize;

use crate::event::{Answer, AttemptFailed, Event, ReplySource};
use crate::plan::TrialId;

/// The calls of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Answers that models gave in this run, judges among them.
    pub answered: usize,
    /// Answers that came from the cache instead.
    pub cached: usize,
    /// Answers of judges that were given in this run for another reply that is the same; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub shared: usize,
    /// Attempts that brought no answer, by class.
    pub failed: BTreeMap<ModelErrorKind, usize>,
    /// How often a question was asked again after an attempt that failed: where the time was up before, it was not.
    pub asked_again: usize,
    /// How long questions waited before they were asked again, all together, in milliseconds. They wait side by side, so a run
    /// takes less than that longer.
    pub waited_ms: u64,
    /// Failed attempts after which the question has not been asked again yet: how they failed, and how long they wait.
    #[serde(skip)]
    waiting: BTreeMap<TrialId, Vec<(ModelErrorKind, u64)>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Calls {
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::AttemptFailed(AttemptFailed { trial, kind, wait_ms, .. }) => {
                *self.failed.entry(*kind).or_default() += 1;
                self.asked(*trial);
                if let Some(wait) = wait_ms {
                    self.waiting.entry(*trial).or_default().push((*kind, *wait));
                }
            }
            Event::TrialAnswered(answered) => {
                if !answered.answered_before {
                    self.answered(answered.trial, answered.source);
                }
                self.waiting.remove(&answered.trial);
            }
            Event::TrialFinished(result) => {
                if let (Answer::Reply { source, .. }, false) = (&result.answer, result.answered_before) {
                    self.answered(result.trial, *source);
                }
                self.waiting.remove(&result.trial);
            }
            Event::JudgeAnswered(answered) if !answered.answered_before => {
                self.answered(answered.trial, answered.source);
            }
            // What waited when a run ended is begun anew by the one that goes on.
            Event::RunStarted { .. } => self.waiting.clear(),
            Event::JudgeAnswered(_) | Event::CircuitOpened(_) | Event::RunFinished { .. } => {}
        }
    }

    /// A question of this trial was asked; where one waited for that, it waits no more.
    fn asked(&mut self, trial: TrialId) {
        let Some((_, wait)) = self.waiting.get_mut(&trial).and_then(Vec::pop) else { return };
        self.asked_again += 1;
        self.waited_ms = self.waited_ms.saturating_add(wait);
    }

    /// The trials of which a question waits to be asked again, with how the last attempt failed.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (TrialId, ModelErrorKind)> + '_ {
        self.waiting.iter().filter_map(|(trial, attempts)| Some((*trial, attempts.last()?.0)))
    }

    fn answered(&mut self, trial: TrialId, source: ReplySource) {
        match source {
            ReplySource::Live => {
                self.asked(trial);
                self.answered += 1;
            }
            ReplySource::Cached { .. } => self.cached += 1,
            ReplySource::Shared => self.shared += 1,
            ReplySource::Recorded | ReplySource::Scripted => {}
        }
    }

    /// How often models were called.
    pub fn made(&self) -> usize {
        self.answered + self.failed_attempts()
    }

    fn failed_attempts(&self) -> usize {
        self.failed.values().sum()
    }

    /// What failed attempts cost, in a sentence; `None` where none failed.
    pub fn retries(&self) -> Option<String> {
        let failed = self.failed_attempts();
        if failed == 0 {
            return None;
        }
        let kinds: Vec<String> = self
            .failed
            .iter()
            .map(|(kind, count)| format!("{count} {}", kind.as_str().replace('_', " ")))
            .collect();
        let waited = Duration::from_millis(self.waited_ms).as_secs_f64();
        let calls = if self.made() == 1 { "1 call".to_owned() } else { format!("{} calls", self.made()) };
        let again = match self.asked_again {
            0 => "none was asked again".to_owned(),
            1 => format!("1 was asked again, after {waited:.1} s of waiting"),
            many => format!("{many} were asked again, after {waited:.1} s of waiting in all"),
        };
        let mut text = format!("{failed} of {calls} failed ({}); {again}", kinds.join(", "));
        let perhaps_billed: usize =
            [ModelErrorKind::Timeout, ModelErrorKind::Transport, ModelErrorKind::Malformed]
                .iter()
                .filter_map(|kind| self.failed.get(kind))
                .sum();
        if perhaps_billed > 0 {
            // Writing to a string cannot fail.
            let _ =
                write!(text, "; the provider may charge for up to {perhaps_billed} whose answer got lost");
        }
        Some(text)
    }

    /// Where every answer came from the cache: a sentence that says so.
    pub fn nothing_asked(&self) -> Option<String> {
        (self.made() == 0 && self.cached > 0).then(|| {
            let answers = if self.cached == 1 { "the answer comes" } else { "all answers come" };
            format!("no model was called: {answers} from the cache")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ModelErrorKind, wait_ms: Option<u64>) -> Event {
        let trial = "0123456789abcdef".parse().unwrap();
        Event::AttemptFailed(AttemptFailed { trial, attempt: 1, kind, message: "x".into(), wait_ms })
    }

    #[test]
    fn failed_attempts_are_counted_by_class() {
        let mut calls = Calls { answered: 10, ..Calls::default() };
        assert_eq!(calls.retries(), None);
        for event in [
            failed(ModelErrorKind::RateLimited, Some(1500)),
            failed(ModelErrorKind::RateLimited, Some(2000)),
            failed(ModelErrorKind::Malformed, Some(40)),
            failed(ModelErrorKind::Auth, None),
        ] {
            calls.apply(&event);
        }
        insta::assert_snapshot!(calls.retries().unwrap(), @"4 of 14 calls failed (2 rate limited, 1 auth, 1 malformed); 3 were asked again, after 3.5 s of waiting in all; the provider may charge for up to 1 whose answer got lost");
        assert_eq!(calls.nothing_asked(), None);
    }

    #[test]
    fn what_waited_when_the_time_was_up_was_not_asked_again() {
        let of = |trial: &str, attempt: u32| {
            let (trial, kind) = (trial.parse().unwrap(), ModelErrorKind::Timeout);
            Event::AttemptFailed(AttemptFailed {
                trial,
                attempt,
                kind,
                message: "x".into(),
                wait_ms: Some(200),
            })
        };
        let mut calls = Calls::default();
        for event in [of("0123456789abcdef", 1), of("1123456789abcdef", 1), of("1123456789abcdef", 2)] {
            calls.apply(&event);
        }
        insta::assert_snapshot!(calls.retries().unwrap(), @"3 of 3 calls failed (3 timeout); 1 was asked again, after 0.2 s of waiting; the provider may charge for up to 3 whose answer got lost");
        assert_eq!(calls.waiting().count(), 2);
        calls.apply(&Event::RunStarted { trials: 1 });
        assert_eq!((calls.waiting().count(), calls.asked_again), (0, 1), "a run that goes on begins anew");
    }

    #[test]
    fn answers_of_judges_are_calls_like_others() {
        let judged = |source: &str, answered_before: bool| {
            let event = serde_json::json!({
                "trial": "0123456789abcdef", "judge": "judge", "sample": 1, "source": source, "answered_before": answered_before,
                "request_sha256": "0".repeat(64), "reply": {"text": "yes", "finish_reason": "stop", "latency_ms": 1},
            });
            Event::JudgeAnswered(Box::new(serde_json::from_value(event).unwrap()))
        };
        let mut calls = Calls::default();
        for event in [judged("live", false), judged("recorded", false), judged("live", true)] {
            calls.apply(&event);
        }
        calls.apply(&failed(ModelErrorKind::Server, Some(0)));
        assert_eq!((calls.answered, calls.made()), (1, 2));
    }

    #[test]
    fn a_run_from_the_cache_says_so() {
        let calls = Calls { cached: 3, ..Calls::default() };
        insta::assert_snapshot!(calls.nothing_asked().unwrap(), @"no model was called: all answers come from the cache");
        assert_eq!(Calls::default().nothing_asked(), None, "recorded replies are nobody's cache");
    }
}
