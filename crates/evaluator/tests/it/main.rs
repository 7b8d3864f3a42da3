//! The evaluator as a program that embeds it meets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod replay;
