//! The harness as its users meet it: an example package, built and run by cargo.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot do its work has to fail the test")]

/// Says that something was not looked at. Not by `eprintln!`, which the test harness keeps to itself while a test passes.
macro_rules! skipped {
    ($($said:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($said)*);
    }};
}

mod documentation;
mod example;
mod failures;
mod in_a_test;
mod runners;
mod selection;
