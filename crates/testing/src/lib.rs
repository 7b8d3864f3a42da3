//! Prompts as cargo tests: every case of every suite is a test named `prompt::case`.
//!
//! A file `tests/prompts.rs` with `harness = false` is all it takes:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use promptassay_testing::Harness;
//!
//! fn main() -> ExitCode {
//!     Harness::new("prompts").run()
//! }
//! ```
//!
//! Replies come from the files of recorded replies, or from a [`MockScript`]: no network, no key. [`Prompts`] says what is tested
//! and who answers; it also evaluates single cases inside `#[tokio::test]`. This crate is a leaf: it reads files, the environment
//! and the clock, and nobody knows it. It asks no real model.

mod answers;
mod draw;
mod evaluation;
mod harness;
mod mock_script;
mod outcome;
mod prepare;
mod prompts;
mod selection;

pub use harness::Harness;
pub use mock_script::MockScript;
pub use outcome::{CaseOutcome, Invalid, PromptOutcome};
pub use prompts::{Prompts, Versions};

pub use promptassay_llm::Reply;
pub use promptassay_mock_llm::{MockLlm, Script};

/// Compiles the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
struct Documentation;
