//! Who makes an attempt: the client of the `llm` crate, or something in memory that stands in its place.

use std::future::Future;

use jiff::Timestamp;
use promptassay_llm::{Answer, ChatRequest, Client, ModelError, ModelRow, Secrets};

/// Makes single attempts.
pub trait Transport {
    /// Asks once; what failed is not tried again here.
    fn ask(
        &self,
        row: &ModelRow,
        request: &ChatRequest,
    ) -> impl Future<Output = Result<Answer, ModelError>> + Send;

    /// The time.
    fn now(&self) -> Timestamp;
}

/// The network.
#[derive(Debug)]
pub struct Live {
    client: Client,
    secrets: Secrets,
    now: fn() -> Timestamp,
}

impl Live {
    /// Asks through `client`, with these secrets.
    pub fn new(client: Client, secrets: Secrets, now: fn() -> Timestamp) -> Self {
        Self { client, secrets, now }
    }
}

impl Transport for Live {
    async fn ask(&self, row: &ModelRow, request: &ChatRequest) -> Result<Answer, ModelError> {
        self.client.ask(row, &self.secrets, request, self.now()).await
    }

    fn now(&self) -> Timestamp {
        (self.now)()
    }
}
