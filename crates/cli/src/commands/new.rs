//! `promptassay new`: a prompt to begin with.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem};
use serde::Serialize;

use super::init::{create_files, listing};
use super::{Context, schema};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts::parse_new_name;

const EXAMPLES: &str = "Examples:
  promptassay new order_status    makes prompts/order_status with a first version and a suite";

/// What stands in the templates for the name of the prompt.
const NAME: &str = "PROMPT_NAME";

/// What is made, below the prompt's directory.
const FILES: &[(&str, &str)] = &[
    ("prompt.yaml", include_str!("../../templates/new/prompt.yaml")),
    ("v0.1.0.txt", include_str!("../../templates/new/v0.1.0.txt")),
    ("tests/test_cases.yaml", include_str!("../../templates/new/test_cases.yaml")),
];

/// Make a prompt: a commented prompt.yaml, a first version and a suite.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewArguments {
    /// The name, which is also that of the directory.
    #[arg(value_parser = parse_new_name)]
    name: PromptName,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    created: &'a [PathBuf],
}

pub(crate) fn run(arguments: &NewArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    if !context.prompts.is_dir() {
        return Err(Failure::invalid(context.load().problems));
    }
    let name = arguments.name.as_str();
    let directory = context.prompts.join(name);
    if is_occupied(&directory) {
        return Err(Failure::invalid_one(
            Problem::error("new::exists", format!("`{name}` is there already; nothing was changed"))
                .at(Place::whole_file(directory))
                .help(format!("`promptassay add {name}` adds a version to it")),
        ));
    }
    let mut created =
        create_files(&directory, FILES.iter().map(|(path, text)| (*path, text.replace(NAME, name))))?;
    created.extend(schema::write_missing(&context.prompts)?);
    context.answer(|| listing(&created), &Answer { name, created: &created })?;
    context.console.note(&format!(
        "\nnext: edit them, then\n  promptassay check {name}\n  promptassay register {name} v0.1.0 -m \"what it is for\""
    ));
    Ok(Exit::Success)
}

/// Whether anything but directories is there. What cannot be read is taken for something.
fn is_occupied(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() != ErrorKind::NotFound,
        Ok(found) if found.is_dir() => fs::read_dir(path).map_or(true, |mut entries| {
            entries.any(|entry| entry.map_or(true, |entry| is_occupied(&entry.path())))
        }),
        Ok(_) => true,
    }
}
