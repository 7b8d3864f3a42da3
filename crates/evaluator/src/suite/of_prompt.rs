//! The suite that stands beside a prompt, from the disk.

use std::path::{Path, PathBuf};

use promptassay_registry::files::read_text;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;
use promptassay_registry::yaml::Document;
use serde_json::Value;

use super::dataset::dataset_patterns;
use super::{Suite, files_beside, resolve};
use crate::program_words::paths_among;
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

/// The files that programs may be made of, of a suite that cannot be read as it is, such as where no program is allowed, and of what is in
/// registry.yaml: as [`Suite::program_files`] and [`Suite::model_program_files`] have them.
pub fn programs_named_by(prompt: &Prompt, registry: Option<&Document>, repository: &Path) -> Vec<PathBuf> {
    let suite = document_of(prompt, &mut Vec::new());
    let mut files = Vec::new();
    for document in suite.iter().chain(registry) {
        let beside = document.file().parent().unwrap_or(Path::new(""));
        let whole = document.read_at::<Value>(&[]).and_then(|reading| reading.value);
        for (key, value) in whole.iter().filter_map(Value::as_object).flatten() {
            // Programs that answer run elsewhere than those of checks.
            let directory = if key == "models" { repository } else { beside };
            let mut lines = Vec::new();
            collect_commands(value, &mut lines);
            let paths = lines.iter().flat_map(|words| paths_among(words));
            files.extend(paths.map(|path| directory.join(path)));
        }
    }
    files
}

/// The words of every `command`, at any depth.
fn collect_commands(value: &Value, lines: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "command" {
                    let values = value.as_array().or_else(|| value.get("values")?.as_array());
                    let words = values.into_iter().flatten().filter_map(Value::as_str);
                    lines.push(words.map(ToOwned::to_owned).collect());
                }
                collect_commands(value, lines);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_commands(item, lines)),
        _ => {}
    }
}

pub(crate) fn document_of(prompt: &Prompt, problems: &mut Vec<Problem>) -> Option<Document> {
    let path = prompt.suite_path();
    let text = read_text(&path, MAX_SUITE_BYTES).map_err(|problem| problems.push(*problem)).ok()?;
    Document::parse(path, text, problems)
}
