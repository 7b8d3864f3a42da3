//! What was recorded and blessed for a prompt: read as `eval` reads it, so that a damaged line is found before somebody waits for it.

use std::path::Path;

use promptassay_evaluator::replies::{self, RecordedJudgements, RecordedReplies};
use promptassay_registry::files::{check_inside, may_be_there};
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;

use crate::commands::eval::against::{blessed_path, read_blessed};

/// Adds what is wrong with the recorded replies of a prompt in `directory`, and with the answers of its judges.
pub(super) fn check_replies(
    prompt: &Prompt,
    directory: &Path,
    repository: &Path,
    problems: &mut Vec<Problem>,
) {
    let name = prompt.name().as_str();
    let of_prompt = directory.join(format!("{name}.jsonl"));
    if let Some(text) = read(&of_prompt, repository, problems) {
        RecordedReplies::parse(&of_prompt, &text, problems);
    }
    let of_judges = RecordedJudgements::path(directory, name);
    if let Some(text) = read(&of_judges, repository, problems) {
        RecordedJudgements::parse(&of_judges, &text, problems);
    }
}

fn read(path: &Path, repository: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    replies::read_file(path, repository).unwrap_or_else(|problem| {
        problems.push(*problem);
        None
    })
}

/// Adds what is wrong with the blessed results of a prompt.
pub(super) fn check_blessed(prompt: &Prompt, repository: &Path, problems: &mut Vec<Problem>) {
    let path = blessed_path(&prompt.suite_path());
    // A link out of the repository is reported with the prompt's other files.
    if !may_be_there(&path) || check_inside(&path, repository).is_err() {
        return;
    }
    problems.extend(read_blessed(&path).err().map(|problem| *problem));
}
