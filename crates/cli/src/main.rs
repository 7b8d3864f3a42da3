//! The `promptassay` binary: arguments, files, terminal, clock and exit code. Everything else is in the crates below.

mod arguments;
mod canaries;
mod commands;
mod console;
mod describe;
mod duration;
mod environment;
mod exit;
mod experiments;
mod failure;
mod key_value;
mod lifecycle;
mod problems;
mod progress;
mod prompts;
mod shares;
mod stream;
mod table;
mod text_diff;
mod time;
mod writing;

use std::process::ExitCode;

use crate::environment::Environment;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(exit) => return exit.into(),
    };
    commands::run(arguments, &environment).into()
}
