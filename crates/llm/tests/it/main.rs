//! The wire formats as bytes: exact requests, recorded shapes of answers, arbitrary answers, real sockets.
#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot do its work has to fail the test")]

mod anthropic;
mod arbitrary;
mod documentation;
mod every_provider;
mod gemini;
mod openai_chat;
mod openai_responses;
mod program;
mod socket;
mod support;
mod tls;
