//! The pure core: from a script, a memory, a request and the time to a reply. It reads no clock, sleeps no delay and
//! opens no socket.

mod render;

use std::borrow::Cow;
use std::time::Duration;

use crate::memory::{Decision, Memory};
use crate::request::{self, Reading, Request};
use crate::script::Script;
pub(crate) use render::render;

/// Answers a request as the script says. `now` is the time since the mock started; it must not go back.
///
/// The same script and the same sequence of requests and times give the same replies.
pub fn respond(script: &Script, memory: &mut Memory, request: &Request<'_>, now: Duration) -> Reply {
    let reading = request::read(request);
    let decision = decide(script, memory, request, &reading, now);
    let reply = render(&reading, decision.as_ref(), now);
    memory.record(&reply, reading.model());
    reply
}

/// What a front sends, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How long the front waits before it sends anything.
    pub delay: Duration,
    /// What in the script answered.
    pub answered_by: Origin,
    /// What is sent.
    pub delivery: Delivery,
}

/// What in a script answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The hidden rate limit.
    RateLimit,
    /// The fault at this index.
    Fault(usize),
    /// The rule at this index.
    Rule(usize),
    /// The default.
    Default,
    /// Nothing: no rule matched, and there is no default.
    Unmatched,
    /// The script was not asked, because the provider itself would refuse such a request.
    Refused,
}

/// How much of a reply arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// All of it.
    Whole(HttpReply),
    /// The head, and this many bytes of the body that it promises; then the connection closes.
    Cut {
        /// The reply that is promised.
        reply: HttpReply,
        /// Bytes of its body that are sent.
        sent_bytes: usize,
    },
    /// Nothing: the connection is reset.
    Reset,
}

/// An HTTP reply without framing: `content-length` and `connection` are the front's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    /// HTTP status.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: &'static str,
    /// All other headers.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Vec<u8>,
}

pub(crate) fn decide<'s>(
    script: &'s Script,
    memory: &mut Memory,
    request: &Request<'_>,
    reading: &Reading,
    now: Duration,
) -> Option<Decision<'s>> {
    match reading {
        Reading::Call { call, .. } => Some(memory.decide(script, request, call, now)),
        Reading::Refused { .. } => None,
    }
}

#[cfg(test)]
mod tests;
