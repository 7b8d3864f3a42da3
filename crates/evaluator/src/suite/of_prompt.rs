//! The suite that stands beside a prompt, from the disk.

use std::path::Path;

use promptassay_registry::files::read_text;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;
use promptassay_registry::yaml::Document;

use super::dataset::dataset_patterns;
use super::{Suite, files_beside, resolve};
use crate::settings::Settings;

/// The largest suite that is read, in bytes.
const MAX_SUITE_BYTES: u64 = 256 << 20;

/// Reads and resolves the suite of a prompt and the datasets that it names; nothing outside of `repository` is read. Everything that is
/// wrong is added to `problems`, a suite that is not there too; `None` where one of them is an error.
pub fn of_prompt(
    prompt: &Prompt,
    repository: &Path,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<Suite> {
    let document = document_of(prompt, problems)?;
    let files = files_beside(&prompt.suite_path(), repository);
    resolve(&document, prompt.interface(), settings, &files, problems)
}

/// The datasets that the suite of a prompt names, as it names them; also where it has mistakes, or they cannot be read.
pub fn datasets_named_by(prompt: &Prompt) -> Vec<String> {
    // What is wrong with it is said by whoever reads all of it.
    document_of(prompt, &mut Vec::new()).map(|document| dataset_patterns(&document)).unwrap_or_default()
}

fn document_of(prompt: &Prompt, problems: &mut Vec<Problem>) -> Option<Document> {
    let path = prompt.suite_path();
    let text = read_text(&path, MAX_SUITE_BYTES).map_err(|problem| problems.push(*problem)).ok()?;
    Document::parse(path, text, problems)
}
