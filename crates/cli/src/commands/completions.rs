//! `promptassay completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::Context;
use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay completions bash > ~/.local/share/bash-completion/completions/promptassay
  promptassay completions zsh > ~/.zfunc/_promptassay
  promptassay completions fish > ~/.config/fish/completions/promptassay.fish";

/// Print a script that lets a shell complete commands and options.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &CompletionsArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "promptassay", &mut script);
    let script = String::from_utf8_lossy(&script);
    let value = json!({"shell": arguments.shell.to_string(), "script": script});
    context.answer(|| script.to_string(), &value)
}
