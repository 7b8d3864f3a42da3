//! The binary as people and programs meet it: real files, real processes; standard output, standard error and exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "files of a test need not survive a power cut")]
#![expect(clippy::print_stderr, reason = "a check that names what it found says so")]

/// Says that something was not looked at. Not by `eprintln!`, which the test harness keeps to itself while a test passes.
macro_rules! skipped {
    ($($said:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($said)*);
    }};
}

#[cfg(unix)]
mod asking_git;
mod canary;
mod change;
mod changing;
mod changing_cases;
mod changing_formats;
mod check;
mod console;
mod delivery;
mod documentation;
mod durations;
mod eval;
mod experiment;
mod fuzz_corpora;
mod gate;
mod gating;
mod hooks;
mod hostile;
mod lifecycle;
mod linking;
mod live;
mod look;
mod model_rows;
#[path = "../../../experiments/tests/it/postgres_server.rs"]
mod postgres_server;
mod power;
mod prompt_gate;
mod readme;
mod recorded;
mod reference;
mod render;
mod reports;
mod reviewing;
mod runs;
mod sandbox;
mod schema;
mod selection;
mod served;
mod submodules;
mod tidy;
