//! Who answers: recorded replies, or a scripted model over HTTP in this process. One question is one attempt; a real model is never
//! asked.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use promptassay_evaluator::event::{AskError, AskErrorKind, ReplySource};
use promptassay_evaluator::plan::{Plan, Trial};
use promptassay_evaluator::replies::{NoReply, RecordedJudgements, RecordedReplies, request_digest};
use promptassay_evaluator::run::Asked;
use promptassay_llm::{
    ChatRequest, Client, ClientOptions, ModelErrorKind, ModelRow, ModelRowSpec, Provider, Secrets,
};
use promptassay_mock_llm::{MockLlm, Script};
use tokio::sync::{OnceCell, Semaphore};

use crate::mock_script::MockScript;

/// What the user says about who answers.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    /// Recorded replies; without a directory, in the one that `registry.yaml` names.
    Recorded { directory: Option<PathBuf> },
    /// A script.
    Script(Box<MockScript>),
    /// A script in a file.
    ScriptFile(PathBuf),
    /// A mock that runs already, by its address.
    Server(String),
}

/// A scripted model that all prompts share. It starts with the first question: listing tests opens no socket.
#[derive(Debug)]
pub(crate) struct Mock {
    start: Start,
    running: OnceCell<Running>,
    /// How many questions each model row still takes at once, for those that say so.
    windows: Mutex<HashMap<String, Arc<Semaphore>>>,
}

#[derive(Debug)]
enum Start {
    Script(Box<Script>),
    Server(String),
}

#[derive(Debug)]
struct Running {
    client: Client,
    uri: String,
    /// Answers until it is dropped.
    _server: Option<MockLlm>,
}

impl Mock {
    pub(crate) fn of_script(script: Script) -> Self {
        Self::new(Start::Script(Box::new(script)))
    }

    pub(crate) fn at(uri: String) -> Self {
        Self::new(Start::Server(uri))
    }

    fn new(start: Start) -> Self {
        Self { start, running: OnceCell::new(), windows: Mutex::default() }
    }

    pub(crate) async fn ask(&self, row: &ModelRow, request: &ChatRequest) -> Result<Asked, AskError> {
        let running = self.running.get_or_try_init(|| self.start()).await?;
        let window = self.window(row);
        let _place = match &window {
            Some(window) => window.acquire().await.ok(),
            None => None,
        };
        let row = mocked(row, &running.uri)?;
        let answer = running.client.ask(&row, &Secrets::none(), request, now()).await;
        Ok(Asked { reply: answer?.reply, source: ReplySource::Scripted })
    }

    /// Where a row says how many requests it takes at once, a script is asked no more than that either.
    fn window(&self, row: &ModelRow) -> Option<Arc<Semaphore>> {
        let places = usize::try_from(row.limits.max_concurrency?).ok()?;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(row.name.clone()).or_insert_with(|| Arc::new(Semaphore::new(places)));
        Some(Arc::clone(window))
    }

    async fn start(&self) -> Result<Running, AskError> {
        let options = ClientOptions { proxy_from_environment: false, ..ClientOptions::default() };
        let client = Client::new(options).map_err(|error| unusable(&error.to_string()))?;
        Ok(match &self.start {
            Start::Server(uri) => Running { client, uri: uri.clone(), _server: None },
            Start::Script(script) => {
                let server = MockLlm::start(Script::clone(script))
                    .await
                    .map_err(|error| unusable(&error.to_string()))?;
                Running { client, uri: server.uri(), _server: Some(server) }
            }
        })
    }
}

/// The row with the mock behind it: the same wire format, no key, no header.
fn mocked(row: &ModelRow, uri: &str) -> Result<ModelRow, AskError> {
    let provider = match row.provider {
        // A program speaks no HTTP.
        Provider::Command => Provider::OpenAiChat,
        provider => provider,
    };
    // The mock takes the place of the provider's server, so paths are those below it.
    let path = provider.default_base_url().and_then(|url| url.splitn(4, '/').nth(3)).unwrap_or_default();
    let spec =
        ModelRowSpec { base_url: Some(format!("{uri}/{path}")), ..ModelRowSpec::new(provider, &row.model) };
    let mut mocked = spec.validate(&row.name).map_err(|problems| {
        let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
        unusable(&messages.join("; "))
    })?;
    mocked.timeout = row.timeout;
    Ok(mocked)
}

fn unusable(message: &str) -> AskError {
    AskError {
        kind: AskErrorKind::Model(ModelErrorKind::BadRequest),
        message: format!("the scripted model cannot be asked: {message}"),
    }
}

/// What is recorded of a prompt.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) replies: RecordedReplies,
    pub(crate) judgements: RecordedJudgements,
    pub(crate) directory: PathBuf,
    pub(crate) recording: Recording,
}

/// Where `promptassay eval --record` writes, seen from the directory whose replies are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Into that directory.
    Here,
    /// Into another one, which registry.yaml names.
    Elsewhere(PathBuf),
    /// Nowhere: registry.yaml names no directory.
    Nowhere,
}

impl Recorded {
    /// How what is missing comes into the directory, by this command.
    pub(crate) fn help(&self, command: &str) -> String {
        let directory = self.directory.display();
        match &self.recording {
            Recording::Here => format!(
                "ask the model again with {command}\n        \
                 (it keeps rows of `source: hand`), or write the reply's row by hand"
            ),
            Recording::Elsewhere(other) => format!(
                "{command} asks the model again and writes to\n        \
                 {}, as registry.yaml says; this test reads {directory}:\n        \
                 take the row over, or write it by hand",
                other.display()
            ),
            Recording::Nowhere => format!(
                "write the reply's row into {directory} by hand, or let registry.yaml name it\n        \
                 (`replies: …`), for {command}"
            ),
        }
    }
}

/// The recorded reply to a trial's question.
pub(crate) fn recorded(
    recorded: &Recorded,
    plan: &Plan,
    trial: &Trial,
    request: &ChatRequest,
) -> Result<Asked, AskError> {
    let model = &plan.variant(trial).model;
    match recorded.replies.find(&plan.reply_key(trial), &request_digest(model, request)) {
        Ok(reply) => Ok(Asked { reply: reply.clone(), source: ReplySource::Recorded }),
        Err(error) => {
            let kind = match error {
                NoReply::Missing { .. } => AskErrorKind::NoRecordedReply,
                NoReply::Stale { .. } => AskErrorKind::StaleReply,
            };
            Err(AskError { kind, message: error.to_string() })
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a leaf has the clock: nobody above it could bring one")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures::future::join_all;
    use promptassay_llm::{LimitsSpec, Message};
    use promptassay_mock_llm::RawServer;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_row_is_asked_no_more_at_once_than_it_says() {
        // Without a limit all are under way long before the first is answered, however busy the machine is.
        for (limit, delay, least, most) in
            [(Some(1), "5ms", 1, 1), (Some(3), "20ms", 1, 3), (None, "1s", 4, 12)]
        {
            let script = json!({"default": {"answer": {"text": "Hello"}, "delay": {"fixed": delay}}});
            let script = Script::from_json(script).unwrap();
            let server = RawServer::bind((Ipv4Addr::LOCALHOST, 0).into(), script).await.unwrap().start();
            let limits = LimitsSpec { max_concurrency: limit, ..LimitsSpec::default() };
            let spec = ModelRowSpec { limits, ..ModelRowSpec::new(Provider::OpenAiChat, "m") };
            let row = spec.validate("default").unwrap();
            let mock = Mock::at(server.uri().to_owned());
            let request = ChatRequest::new(vec![Message::user("Hi")]);
            let answers = join_all((0..12).map(|_| mock.ask(&row, &request))).await;
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
            let peak = server.counters().peak_in_flight.unwrap();
            assert!((least..=most).contains(&peak), "{peak} at once where {most} are allowed");
        }
    }
}
