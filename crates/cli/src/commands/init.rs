//! `promptassay init`: a working sample in a repository that has no prompts yet.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_registry::files::{WriteError, create_new};
use promptassay_registry::problem::{Place, Problem};
use serde::Serialize;

use super::{Context, option, schema};
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay init                        makes `prompts` here
  promptassay init --prompts ai/prompts   makes it elsewhere";

/// What is made, below the prompts directory. `.gitignore` and `.gitattributes` stand in it, so that no file of the repository is
/// touched.
const FILES: &[(&str, &str)] = &[
    (".gitattributes", include_str!("../../templates/init/gitattributes")),
    (".gitignore", include_str!("../../templates/init/gitignore")),
    ("registry.yaml", include_str!("../../templates/init/registry.yaml")),
    ("replies/support_reply.jsonl", include_str!("../../templates/init/replies/support_reply.jsonl")),
    ("support_reply/prompt.yaml", include_str!("../../templates/init/support_reply/prompt.yaml")),
    // Registered, so that a pipeline lets the sample through; a test holds its digests to the files.
    ("support_reply/prompt.lock", include_str!("../../templates/init/support_reply/prompt.lock")),
    (
        "support_reply/tests/test_cases.yaml",
        include_str!("../../templates/init/support_reply/tests/test_cases.yaml"),
    ),
    ("support_reply/v1.0.0.txt", include_str!("../../templates/init/support_reply/v1.0.0.txt")),
    ("support_reply/v1.1.0.txt", include_str!("../../templates/init/support_reply/v1.1.0.txt")),
];

/// Make a prompts directory with a sample that works at once.
///
/// The sample is a prompt with two registered versions, a suite and recorded replies, so that `promptassay eval --offline` has something to
/// say without a network and without a key. A directory that is not empty is left as it is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArguments {}

#[derive(Serialize)]
struct Answer<'a> {
    created: &'a [PathBuf],
}

pub(crate) fn run(_: &InitArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let root = &context.prompts;
    if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::invalid_one(
            Problem::error("init::not_empty", "there is a prompts directory already; nothing was changed")
                .at(Place::whole_file(root.as_path()))
                .help(
                    "`promptassay new NAME` adds a prompt to it; `--prompts DIR` makes a directory elsewhere",
                ),
        ));
    }
    let now = context.environment.now_in_seconds().to_string();
    let files = FILES.iter().map(|(path, text)| (*path, text.replace("CREATED_AT", &now)));
    let mut created = create_files(root, files)?;
    created.extend(schema::write_missing(root)?);
    context.answer(|| listing(&created), &Answer { created: &created })?;
    let option = match root.to_str() {
        Some("prompts") => String::new(),
        _ => option("--prompts", Some(root)),
    };
    context.console.note(&format!(
        "\nnext:\n  promptassay check --locked{option}    all files are sound, and no text changes unseen\n  promptassay eval --offline{option}    judge the recorded replies"
    ));
    Ok(Exit::Success)
}

/// Creates these files below `root`, with their directories; none of them may be there. Where one cannot be created, those before it
/// are taken away again, so that the same command works later.
pub(super) fn create_files<'a>(
    root: &Path,
    files: impl IntoIterator<Item = (&'a str, String)>,
) -> Result<Vec<PathBuf>, Failure> {
    let existed = root.exists();
    let mut created = Vec::new();
    for (relative, text) in files {
        let path = root.join(relative);
        if let Err(error) = create_file(&path, &text) {
            for path in &created {
                let _ = fs::remove_file(path);
            }
            created.push(path);
            let top = if existed { root } else { root.parent().unwrap_or(root) };
            take_away_directories(top, &created);
            return Err(Failure::from_write(&error));
        }
        created.push(path);
    }
    Ok(created)
}

fn create_file(path: &Path, text: &str) -> Result<(), WriteError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .map_err(|source| WriteError::Io { path: directory.to_owned(), source })?;
    }
    create_new(path, text)
}

/// Those between `top` and these files, deepest first, as far as they are empty.
fn take_away_directories(top: &Path, files: &[PathBuf]) {
    for file in files.iter().rev() {
        let below = |directory: &&Path| directory.starts_with(top) && *directory != top;
        for directory in file.ancestors().skip(1).take_while(below) {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// The created files, a line each.
pub(super) fn listing(created: &[PathBuf]) -> String {
    let lines: Vec<String> = created.iter().map(|path| format!("created {}\n", path.display())).collect();
    lines.concat()
}
