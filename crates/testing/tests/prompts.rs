//! Our own prompts, tested as a user tests theirs.

use std::process::ExitCode;

use promptassay_testing::Harness;

fn main() -> ExitCode {
    Harness::new("../../prompts").run()
}
