//! The files of a prompt's experiments. One that is not read although it was meant to be would end an experiment without a word.

use std::fs;
use std::path::{Path, PathBuf};

use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::yaml::Document;

use super::{Experiment, Owner};

/// The largest experiment file that is read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where the files of experiments are, below the prompt's directory.
const DIRECTORY: &str = "experiments";

/// The file of an experiment below the prompt's directory.
pub fn file_name(experiment: &str) -> String {
    format!("{DIRECTORY}/{experiment}.yaml")
}

/// The experiments of a prompt's directory, by name; what is wrong with the others is added to `problems`.
pub fn read_directory(directory: &Path, owner: Owner<'_>, problems: &mut Vec<Problem>) -> Vec<Experiment> {
    problems.extend(misnamed_directory(directory));
    let files = match list(&directory.join(DIRECTORY)) {
        Ok(files) => files,
        Err(problem) => {
            problems.push(*problem);
            return Vec::new();
        }
    };
    let mut experiments = Vec::new();
    for path in &files {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("yaml") => match read_text(path, MAX_FILE_BYTES) {
                Ok(text) => {
                    let document = Document::parse(path, text, problems);
                    experiments
                        .extend(document.and_then(|document| Experiment::read(&document, owner, problems)));
                }
                Err(problem) => problems.push(*problem),
            },
            Some(ending) if ["yaml", "yml"].iter().any(|meant| ending.eq_ignore_ascii_case(meant)) => {
                problems.push(misnamed(path, &path.with_extension("yaml")));
            }
            _ => {}
        }
    }
    experiments
}

/// The files of a directory, sorted; none where there is no directory. One that cannot be read may hold an experiment that runs.
fn list(directory: &Path) -> Result<Vec<PathBuf>, Box<Problem>> {
    let entries = fs::read_dir(directory).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<PathBuf>>>()
    });
    match entries {
        Ok(mut files) => {
            files.sort();
            Ok(files)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let problem = Problem::error("experiment::unreadable", format!("this cannot be read: {error}"));
            Err(Box::new(problem.at(Place::whole_file(directory))))
        }
    }
}

/// A directory beside that of experiments, whose name was meant to be it.
fn misnamed_directory(directory: &Path) -> Option<Problem> {
    let is_meant = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name != DIRECTORY && ["experiment", DIRECTORY].iter().any(|meant| name.eq_ignore_ascii_case(meant))
    };
    // That the prompt's own directory cannot be read is said by whoever reads the prompt.
    let found = list(directory).ok()?.into_iter().find(|path| is_meant(path) && path.is_dir())?;
    Some(misnamed(&found, Path::new(DIRECTORY)))
}

fn misnamed(path: &Path, meant: &Path) -> Problem {
    let name =
        |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().escape_debug().to_string();
    Problem::error("experiment::misnamed", format!("`{}` is not read", name(path)))
        .at(Place::whole_file(path))
        .help(format!("rename it to `{}`", name(meant)))
}
