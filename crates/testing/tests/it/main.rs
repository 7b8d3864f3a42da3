//! The harness as its users meet it: an example package, built and run by cargo.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot do its work has to fail the test")]
#![expect(clippy::print_stderr, reason = "a check that has to be left out says so")]

mod documentation;
mod example;
mod failures;
mod in_a_test;
mod runners;
mod selection;
