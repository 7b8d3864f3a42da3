//! A scripted chat model that speaks real HTTP, for tests, demonstrations and load.
//!
//! One pure core, [`respond`], decides from a [`Script`] what a request is answered with; two fronts put it on a
//! socket:
//!
//! * [`MockLlm`]: wiremock inside a test process; keeps every request; always sends whole bodies.
//! * [`RawServer`]: an own HTTP/1.1 server that can also reset a connection and cut a body, fast enough for load.
//!
//! A [`ScriptSpec`] is the shape of a script file; [`Script`] is what it becomes once every problem is gone. This
//! crate reads no file, knows no YAML and no clock: the time since the start comes in as an argument, and a delay
//! goes out as data that the front sleeps.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use promptassay_mock_llm::{MockLlm, Script};
//! use serde_json::json;
//!
//! let script = Script::from_json(json!({
//!     "rules": [{
//!         "name": "greeting",
//!         "when": {"last_user_message": {"contains": "hello"}},
//!         "answer": {"text": "Hello, how can I help?"},
//!     }],
//!     "default": {"answer": {"text": "I do not know."}},
//! }))?;
//! let mock = MockLlm::start(script).await?;
//! // … point a client at mock.uri() + "/v1" …
//! mock.counters().assert_calls(0);
//! # Ok(())
//! # }
//! ```

mod chance;
mod front;
mod in_process;
mod memory;
mod raw;
mod request;
mod respond;
mod script;
mod spec;
mod wire;

pub use in_process::{MockLlm, NeedsRawServer, ReceivedRequest};
pub use memory::Memory;
pub use memory::counters::Counters;
pub use raw::{BindError, CountersHandle, RawServer, RunningRawServer};
pub use request::Request;
pub use respond::{Delivery, HttpReply, Origin, Reply, respond};
pub use script::Script;
pub use script::problem::{InvalidScript, ScriptFromJsonError, ScriptProblem};
pub use spec::answer::{
    AnswerSpec, CutBodySpec, ErrorSpec, FilterStageSpec, FilteredSpec, GarbageSpec, HugeBodySpec,
    ProxyHtmlSpec, QuotaExhaustedSpec, RateLimitedSpec, ToolCallSpec, WindowSpec,
};
pub use spec::{
    CallSpec, CountPerSpec, DelaySpec, DrawPerSpec, FaultSpec, HeaderMatchSpec, LognormalSpec, RateLimitSpec,
    ReplySpec, RuleSpec, ScriptSpec, TextMatchSpec, TokensSpec, UniformSpec, UsageSpec, WhenSpec,
};
pub use wire::{WireFormat, estimate_tokens};

/// Compiles the Rust of the page that users read.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/mock.md")]
struct Page;
