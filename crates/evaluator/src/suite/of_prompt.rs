//! The suite that stands beside a prompt, from the disk.

use std::path::Path;

use promptassay_registry::files::read_text;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;
use promptassay_registry::yaml::Document;

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
    let path = prompt.suite_path();
    let text = read_text(&path, MAX_SUITE_BYTES).map_err(|problem| problems.push(*problem)).ok()?;
    let document = Document::parse(&path, text, problems)?;
    resolve(&document, prompt.interface(), settings, &files_beside(&path, repository), problems)
}
