//! `promptassay man`: manual pages, made from the help of the commands.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::{Problem, did_you_mean};
use serde::Serialize;
use serde_json::json;

use super::Context;
use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay man > promptassay.1                             the page of the whole
  promptassay man eval | man -l -                             read the page of a command
  promptassay man --directory ~/.local/share/man/man1         a page for every command";

/// Print manual pages.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArguments {
    /// The command; without it, the page of the whole.
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Option<String>,
    /// Write the pages of all commands into this directory, which must be there.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(arguments: &ManArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut whole = Arguments::command();
    whole.build();
    if let Some(directory) = &arguments.directory {
        return write_all(&whole, directory, context);
    }
    let command = match &arguments.command {
        None => &whole,
        Some(name) => whole.find_subcommand(name).ok_or_else(|| unknown(name, &whole))?,
    };
    let page = page(command)?;
    let page = String::from_utf8_lossy(&page);
    context.answer(|| page.to_string(), &json!({"command": full_name(command), "page": page}))
}

#[derive(Serialize)]
struct Written {
    created: Vec<PathBuf>,
}

fn write_all(whole: &Command, directory: &Path, context: &Context<'_>) -> Result<Exit, Failure> {
    if !directory.is_dir() {
        let problem =
            Problem::error("cli::no_directory", format!("`{}` is no directory", directory.display()));
        return Err(Failure::invalid_one(problem.help("make it first: `mkdir -p`")));
    }
    let commands = whole.get_subcommands().filter(|command| command.get_name() != "help");
    let mut created = Vec::new();
    for command in [whole].into_iter().chain(commands) {
        let path = directory.join(format!("{}.1", full_name(command)));
        write_atomic(&path, &page(command)?).map_err(|error| Failure::from_write(&error))?;
        created.push(path);
    }
    let lines: Vec<String> = created.iter().map(|path| format!("created {}\n", path.display())).collect();
    context.answer(|| lines.concat(), &Written { created: created.clone() })
}

/// Such as `promptassay-eval`.
fn full_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::broken(Problem::error("cli::cannot_write", error.to_string())))?;
    Ok(page)
}

fn unknown(name: &str, whole: &Command) -> Failure {
    let names: Vec<&str> = whole.get_subcommands().map(Command::get_name).collect();
    let problem = Problem::error("cli::unknown_command", format!("there is no command `{name}`"));
    Failure::invalid_one(problem.help(did_you_mean(name, names.iter().copied(), "commands")))
}
