use std::process::ExitCode;

fn main() -> ExitCode {
    promptassay_testing::Harness::new("prompts").run()
}
