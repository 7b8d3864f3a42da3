//! Who may start next: the limits of each model row, and one ceiling over all of them. Pure; `T` is whatever waits.
//!
//! When the ceiling is what holds questions back, the row with the fewest requests under way goes first, so that no row waits for
//! another one's backlog.

use std::collections::VecDeque;
use std::time::Duration;

use promptassay_llm::{Answer, Limits, ModelError};

use super::circuit::{Circuit, Opened};
use super::concurrency::{COOL_DOWN, Concurrency};
use super::pace::Pace;
use super::rates::{Rates, Taken};

/// The right to make one attempt. It must be given back by [`Scheduler::finish`] or [`Scheduler::abandon`].
#[derive(Debug)]
pub(crate) struct Permit {
    lane: usize,
    first: bool,
    tokens: f64,
    started: Duration,
    taken: Taken,
}

/// What waits is told one of these.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may start.
    Start(Permit),
    /// It will never start: the row's circuit is open.
    Refused(Opened),
}

/// All model rows and what they have under way.
#[derive(Debug)]
pub(crate) struct Scheduler<T> {
    lanes: Vec<Lane<T>>,
    ceiling: usize,
    in_flight: usize,
}

/// One model row.
#[derive(Debug)]
struct Lane<T> {
    concurrency: Concurrency,
    rates: Rates,
    circuit: Circuit,
    pace: Pace,
    /// From a refusal until as many as may are under way: after that, every start follows an end.
    is_paced: bool,
    held_until: Duration,
    in_flight: usize,
    waiting: VecDeque<Waiting<T>>,
    /// The mean number of tokens of the row's answers, once there are some.
    mean_output: Option<f64>,
}

#[derive(Debug)]
struct Waiting<T> {
    who: T,
    first: bool,
    input_tokens: f64,
    max_output_tokens: Option<u64>,
}

/// What is known of a question before it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ahead {
    /// Whether it is the question's first attempt.
    pub(crate) first: bool,
    /// The tokens of the request, roughly.
    pub(crate) input_tokens: f64,
    /// The most tokens that the answer may have.
    pub(crate) max_output_tokens: Option<u64>,
}

/// An answer is thought to have so many tokens while nothing is known about it.
const USUAL_OUTPUT: f64 = 500.0;
/// The weight of the newest answer in the mean.
const NEWEST: f64 = 0.1;

impl<T> Scheduler<T> {
    /// Rows with these limits, and at most `ceiling` requests under way over all of them.
    pub(crate) fn new(lanes: impl IntoIterator<Item = Limits>, ceiling: usize) -> Self {
        let lane = |limits: Limits| Lane {
            concurrency: Concurrency::new(limits.max_concurrency),
            rates: Rates::new(&limits, Duration::ZERO),
            circuit: Circuit::default(),
            pace: Pace::default(),
            is_paced: false,
            held_until: Duration::ZERO,
            in_flight: 0,
            waiting: VecDeque::new(),
            mean_output: None,
        };
        Self { lanes: lanes.into_iter().map(lane).collect(), ceiling: ceiling.max(1), in_flight: 0 }
    }

    /// Somebody waits for the right to ask.
    pub(crate) fn enqueue(&mut self, lane: usize, who: T, ahead: Ahead) {
        let Ahead { first, input_tokens, max_output_tokens } = ahead;
        self.lanes[lane].waiting.push_back(Waiting { who, first, input_tokens, max_output_tokens });
    }

    /// Forgets everybody who waits.
    pub(crate) fn clear(&mut self) {
        for lane in &mut self.lanes {
            lane.waiting.clear();
        }
    }

    /// The most requests that one row may ever have under way.
    pub(crate) fn widest(&self) -> usize {
        let widest = self.lanes.iter().map(|lane| lane.concurrency.ceiling()).max().unwrap_or(1);
        widest.min(self.ceiling)
    }

    /// How many attempts are being made.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The next one that may start or never will; `None` while everybody has to wait.
    pub(crate) fn next(&mut self, now: Duration) -> Option<(T, Admission)> {
        if let Some(lane) =
            self.lanes.iter_mut().find(|lane| lane.circuit.opened().is_some() && !lane.waiting.is_empty())
        {
            let opened = lane.circuit.opened()?.clone();
            return Some((lane.waiting.pop_front()?.who, Admission::Refused(opened)));
        }
        if self.in_flight >= self.ceiling {
            return None;
        }
        let ready = self
            .lanes
            .iter_mut()
            .enumerate()
            .filter(|(_, lane)| lane.has_room() && lane.ready_at(now) == Some(now));
        let (index, lane) = ready.min_by_key(|(_, lane)| lane.in_flight)?;
        let tokens = lane.next_tokens()?;
        let waiting = lane.waiting.pop_front()?;
        lane.in_flight += 1;
        self.in_flight += 1;
        let taken = lane.rates.start(tokens, now);
        lane.pace.start(now, lane.concurrency.limit());
        lane.is_paced &= lane.has_room();
        let permit = Permit { lane: index, first: waiting.first, tokens, started: now, taken };
        Some((waiting.who, Admission::Start(permit)))
    }

    /// When time alone lets somebody start; `None` where only the end of an attempt can.
    pub(crate) fn wakes_at(&self, now: Duration) -> Option<Duration> {
        if self.in_flight >= self.ceiling {
            return None;
        }
        self.lanes.iter().filter(|lane| lane.has_room()).filter_map(|lane| lane.ready_at(now)).min()
    }

    /// An attempt has ended. Says why where it opened the row's circuit.
    pub(crate) fn finish(
        &mut self,
        permit: &Permit,
        result: &Result<Answer, ModelError>,
        now: Duration,
    ) -> Option<Opened> {
        let lane = &mut self.lanes[permit.lane];
        match result {
            Ok(answer) => {
                // An answer after a failed attempt says nothing about how much more the server would take.
                if permit.first {
                    lane.concurrency.answered(now, lane.in_flight);
                }
                lane.pace.answered(now.saturating_sub(permit.started));
                if let Some(output) = answer.reply.usage.output {
                    let output = output as f64;
                    let mean = lane.mean_output.map_or(output, |mean| mean + NEWEST * (output - mean));
                    lane.mean_output = Some(mean);
                }
                if let Some(tokens) = answer.reply.usage.total() {
                    lane.rates.correct(permit.tokens, tokens as f64, now);
                }
                lane.rates.hint(&answer.rate_hint, permit.taken, now);
            }
            Err(error) => lane.failed(permit, error, now),
        }
        let opened = lane.circuit.record(result.as_ref().err()).cloned();
        self.leave(permit.lane);
        opened
    }

    /// An attempt was given up by whoever made it.
    pub(crate) fn abandon(&mut self, permit: &Permit) {
        self.leave(permit.lane);
    }

    fn leave(&mut self, lane: usize) {
        self.lanes[lane].in_flight = self.lanes[lane].in_flight.saturating_sub(1);
        self.in_flight = self.in_flight.saturating_sub(1);
    }
}

impl<T> Lane<T> {
    fn has_room(&self) -> bool {
        self.in_flight < self.concurrency.limit()
    }

    /// When its next one may start, as far as time alone decides; `None` where nobody waits.
    fn ready_at(&self, now: Duration) -> Option<Duration> {
        let allowed = self.rates.ready_at(self.next_tokens()?, now).max(self.held_until);
        Some(if self.is_paced { allowed.max(self.pace.ready_at()) } else { allowed })
    }

    fn next_tokens(&self) -> Option<f64> {
        let next = self.waiting.front()?;
        let most = next.max_output_tokens.map_or(f64::INFINITY, |most| most as f64);
        Some(next.input_tokens + self.mean_output.unwrap_or(USUAL_OUTPUT).min(most))
    }

    fn failed(&mut self, permit: &Permit, error: &ModelError, now: Duration) {
        match error {
            ModelError::RateLimited { retry_after, .. } | ModelError::Overloaded { retry_after, .. } => {
                // Only what shrinks the limit may hold the row back, and never for longer than the cool-down that comes with it:
                // a flood of hints cannot stop it for ever.
                if self.concurrency.refused(permit.started, now, self.in_flight) {
                    self.is_paced = true;
                    self.held_until = now + retry_after.unwrap_or_default().min(COOL_DOWN);
                }
            }
            ModelError::Server { .. }
            | ModelError::Timeout { .. }
            | ModelError::Unreachable { .. }
            | ModelError::Transport { .. }
            | ModelError::Malformed { .. } => self.concurrency.failed(now),
            ModelError::QuotaExhausted { .. }
            | ModelError::Auth { .. }
            | ModelError::NotFound { .. }
            | ModelError::BadRequest { .. } => {}
        }
    }
}
