//! A scripted chat model that speaks real HTTP, for tests, demonstrations and load.
//!
//! One pure core, [`respond`], decides from a [`Script`] what a request is answered with.
//!
//! A [`ScriptSpec`] is the shape of a script file; [`Script`] is what it becomes once every problem is gone. This
//! crate reads no file, knows no YAML and no clock: the time since the start comes in as an argument, and a delay
//! goes out as data that the front sleeps.

mod chance;
mod memory;
mod request;
mod respond;
mod script;
mod spec;
mod wire;

pub use memory::Memory;
pub use memory::counters::Counters;
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
