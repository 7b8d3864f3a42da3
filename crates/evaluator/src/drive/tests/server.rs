//! A server in memory: answers late, refuses what is too much, fails as it is told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use promptassay_llm::{
    Answer, ChatRequest, FinishReason, Limits, Message, ModelError, ModelRow, ModelRowSpec, Provider,
    RateHint, Reply, Usage,
};
use tokio::time::{Instant, sleep};

use crate::drive::Transport;
use crate::plan::TrialId;

/// What a server does not tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hidden {
    Nothing,
    /// So many requests under way at once.
    Concurrency(usize),
    /// So many requests started per second, and so many at once after a pause.
    Rate {
        per_second: f64,
        burst: f64,
    },
}

/// What a server does with a call before it looks at its limit: an error, or nothing.
type Fault = Box<dyn Fn(&Call) -> Option<ModelError> + Send + Sync>;

/// A call as the server sees it.
pub(super) struct Call {
    pub(super) model: String,
    pub(super) text: String,
    /// How often this text was asked of this model, this call included.
    pub(super) nth: usize,
}

pub(super) struct Server {
    hidden: Hidden,
    latency: Duration,
    retry_after: Option<Duration>,
    fault: Fault,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_flight: BTreeMap<String, usize>,
    level: Option<(f64, Instant)>,
    times: BTreeMap<(String, String), usize>,
    log: Log,
}

/// What the server saw.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// When each call was answered.
    pub(super) answered: Vec<Instant>,
    /// When each call was refused.
    pub(super) refused: Vec<Instant>,
    /// The most requests of each model that were under way at once.
    pub(super) peak: BTreeMap<String, usize>,
    /// When each call came, by model.
    pub(super) came: BTreeMap<String, Vec<Instant>>,
}

impl Server {
    pub(super) fn new(latency_ms: u64) -> Self {
        Self {
            hidden: Hidden::Nothing,
            latency: Duration::from_millis(latency_ms),
            retry_after: None,
            fault: Box::new(|_| None),
            started: Instant::now(),
            state: Mutex::default(),
        }
    }

    pub(super) fn hidden(self, hidden: Hidden, retry_after: Option<Duration>) -> Self {
        Self { hidden, retry_after, ..self }
    }

    pub(super) fn fault(self, fault: impl Fn(&Call) -> Option<ModelError> + Send + Sync + 'static) -> Self {
        Self { fault: Box::new(fault), ..self }
    }

    pub(super) fn log(&self) -> Log {
        self.state.lock().unwrap().log.clone()
    }

    fn arrive(&self, model: &str, text: &str) -> Result<Duration, ModelError> {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        state.log.came.entry(model.to_owned()).or_default().push(now);
        let nth = state.times.entry((model.to_owned(), text.to_owned())).or_default();
        *nth += 1;
        let call = Call { model: model.to_owned(), text: text.to_owned(), nth: *nth };
        if let Some(error) = (self.fault)(&call) {
            return Err(error);
        }
        let in_flight: usize = state.in_flight.values().sum();
        let too_much = match self.hidden {
            Hidden::Nothing => false,
            Hidden::Concurrency(limit) => in_flight >= limit,
            Hidden::Rate { per_second, burst } => {
                let (level, at) = state.level.unwrap_or((burst, now));
                let level = (level + (now - at).as_secs_f64() * per_second).min(burst);
                let enough = level >= 1.0;
                state.level = Some((if enough { level - 1.0 } else { level }, now));
                !enough
            }
        };
        if too_much {
            state.log.refused.push(now);
            return Err(ModelError::RateLimited { retry_after: self.retry_after, detail: "too much".into() });
        }
        let mine = state.in_flight.entry(model.to_owned()).or_default();
        *mine += 1;
        let mine = *mine;
        let peak = state.log.peak.entry(model.to_owned()).or_default();
        *peak = mine.max(*peak);
        // Answers take between half and one and a half of the usual time, in an order that looks random.
        let spread = (state.log.came.values().map(Vec::len).sum::<usize>() * 7919 % 1000) as f64 / 1000.0;
        Ok(self.latency.mul_f64(0.5 + spread))
    }

    fn leave(&self, model: &str) {
        let mut state = self.state.lock().unwrap();
        *state.in_flight.get_mut(model).unwrap() -= 1;
        state.log.answered.push(Instant::now());
    }
}

impl Transport for &Server {
    async fn ask(&self, row: &ModelRow, request: &ChatRequest) -> Result<Answer, ModelError> {
        let text = &request.messages[0].content;
        match self.arrive(&row.name, text) {
            Err(error) => {
                sleep(Duration::from_millis(20)).await;
                Err(error)
            }
            Ok(latency) => {
                sleep(latency).await;
                self.leave(&row.name);
                Ok(Answer { reply: reply(text, latency), rate_hint: RateHint::default() })
            }
        }
    }

    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        start + self.started.elapsed()
    }
}

fn reply(text: &str, latency: Duration) -> Reply {
    Reply {
        text: format!("you said {text}"),
        refusal: None,
        tool_calls: Vec::new(),
        finish_reason: FinishReason::Stop,
        usage: Usage { input: Some(10), output: Some(90), ..Usage::default() },
        served_model: None,
        request_id: None,
        latency,
        redacted: Vec::new(),
    }
}

pub(super) fn row(name: &str, limits: Limits) -> ModelRow {
    let mut row = ModelRowSpec::new(Provider::OpenAiChat, "m").validate(name).unwrap();
    row.limits = limits;
    row
}

pub(super) fn request(text: impl std::fmt::Display) -> ChatRequest {
    ChatRequest::new(vec![Message::user(text.to_string())])
}

pub(super) fn trial(number: usize) -> TrialId {
    format!("{number:016x}").parse().unwrap()
}
