//! Walks the prompts directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use unicode_normalization::UnicodeNormalization as _;

use super::directory::{self, Entry, Kind};
use super::prompt_directory::{self, Found, LoadedPrompt};
use super::{BrokenPrompt, Loaded, MAX_YAML_BYTES, Tree};
use crate::files::{read_text, repository_root, unreadable};
use crate::problem::{self, Place, Problem, has_errors};
use crate::prompt_file;
use crate::registry_file::{self, RegistryFile};
use crate::yaml::Document;

/// From this many prompts on, further threads are worth their start.
const PROMPTS_PER_THREAD: usize = 64;

pub(super) fn load(root: PathBuf) -> Loaded {
    let (real_root, repository) =
        match fs::canonicalize(&root).and_then(|real| Ok((real, repository_root(&root)?))) {
            Ok(directories) => directories,
            Err(error) => return nothing(root, &error),
        };
    if !real_root.is_dir() {
        return nothing(root, &io::ErrorKind::NotADirectory.into());
    }
    let mut problems = Vec::new();
    let entries = directory::entries(&root, &real_root, &mut problems);
    let registry = read_registry(&root, &repository, &entries, &mut problems);
    let directories: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == Kind::Directory).collect();
    let mut tree = Tree { root, repository, registry, ..Tree::default() };
    let mut prompts = Vec::new();
    for (entry, found) in directories.iter().zip(load_prompts(&directories, &real_root, &tree.repository)) {
        match found {
            Found::Prompt(loaded) => {
                prompts.push(*entry);
                add(&mut tree, entry, *loaded, &mut problems);
            }
            Found::Nothing(found) => problems.extend(found),
        }
    }
    check_clashes(&prompts, &mut problems);
    if prompts.is_empty() && !has_errors(&problems) {
        problems.push(empty(&tree.root, &entries));
    }
    problem::sort(&mut problems);
    Loaded { tree, problems }
}

fn nothing(root: PathBuf, error: &io::Error) -> Loaded {
    let problem = no_directory(&root, error);
    Loaded { tree: Tree { root, ..Tree::default() }, problems: vec![problem] }
}

/// Says that there is no prompts directory at this place, and what makes one.
#[must_use]
pub fn no_directory(root: &Path, error: &io::Error) -> Problem {
    let message = match error.kind() {
        io::ErrorKind::NotFound => "there is no prompts directory here",
        io::ErrorKind::NotADirectory => "this is a file, not a prompts directory",
        _ => return unreadable(root, error),
    };
    Problem::error("tree::no_directory", message)
        .at(Place::whole_file(root))
        .help("`promptassay init` makes a prompts directory; `--prompts DIR` names another")
}

fn empty(root: &Path, entries: &[Entry]) -> Problem {
    if entries.iter().any(|entry| entry.name == prompt_file::FILE_NAME) {
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).display();
        return Problem::error("tree::one_prompt", "this is the directory of one prompt")
            .at(Place::whole_file(root))
            .help(format!("name the directory that holds the prompts: `--prompts {parent}`"));
    }
    Problem::error("tree::empty", "there are no prompts in this directory")
        .at(Place::whole_file(root))
        .help("`promptassay new NAME` makes a prompt, `promptassay init` a working sample")
}

fn read_registry(
    root: &Path,
    repository: &Path,
    entries: &[Entry],
    problems: &mut Vec<Problem>,
) -> RegistryFile {
    let misnamed: Vec<Problem> = entries
        .iter()
        .filter(|entry| entry.kind == Kind::File)
        .filter(|entry| entry.name != registry_file::FILE_NAME && is_misnamed_registry(&entry.name))
        .map(|entry| {
            Problem::error("registry::misnamed", format!("`{}` is not read", entry.name.escape_debug()))
                .at(Place::whole_file(entry.path.as_path()))
                .help(format!("name it `{}`", registry_file::FILE_NAME))
        })
        .collect();
    problems.extend(misnamed.iter().cloned());
    let mut registry = read_named(root, repository, entries, problems);
    registry.unclear.extend(misnamed);
    registry
}

fn read_named(
    root: &Path,
    repository: &Path,
    entries: &[Entry],
    problems: &mut Vec<Problem>,
) -> RegistryFile {
    let Some(entry) = entries.iter().find(|entry| entry.name == registry_file::FILE_NAME) else {
        return RegistryFile::default();
    };
    let mut found = Vec::new();
    let document = match read_text(&entry.path, MAX_YAML_BYTES) {
        Ok(text) => Document::parse(entry.path.as_path(), text, &mut found),
        Err(problem) => {
            found.push(*problem);
            None
        }
    };
    problems.extend(found.iter().cloned());
    match document {
        Some(document) => RegistryFile::read(document, root, repository, problems),
        None => RegistryFile { unclear: found, ..RegistryFile::default() },
    }
}

fn is_misnamed_registry(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.strip_suffix(".yaml").or_else(|| lower.strip_suffix(".yml")) == Some("registry")
}

/// Names that differ here and are one name on a file system that ignores case or normal forms.
fn check_clashes(directories: &[&Entry], problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<String, &Entry> = BTreeMap::new();
    for entry in directories {
        let folded = folded(&entry.name);
        match seen.get(&folded) {
            Some(first) => problems.push(
                Problem::error(
                    "tree::name_clash",
                    format!(
                        "`{}` and `{}` are one name on a file system that ignores case or Unicode normal forms",
                        entry.name.escape_debug(),
                        first.name.escape_debug()
                    ),
                )
                .at(Place::whole_file(entry.path.as_path()))
                .help("rename one of the two"),
            ),
            None => {
                seen.insert(folded, entry);
            }
        }
    }
}

/// One spelling of all names that some file system takes for the same.
pub(super) fn folded(name: &str) -> String {
    // By way of upper case, so that `ß` meets `ss` and a final sigma meets the other one.
    name.nfc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// In the order of `directories`, however many threads read them.
fn load_prompts(directories: &[&Entry], real_root: &Path, repository: &Path) -> Vec<Found> {
    let load = |entry: &&Entry| prompt_directory::load(entry, real_root, repository);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = directories.len().div_ceil(threads).max(PROMPTS_PER_THREAD);
    if directories.len() <= share {
        return directories.iter().map(load).collect();
    }
    thread::scope(|scope| {
        let workers: Vec<_> = directories
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().map(load).collect::<Vec<_>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn add(tree: &mut Tree, entry: &Entry, loaded: LoadedPrompt, problems: &mut Vec<Problem>) {
    let LoadedPrompt { prompt, chats, problems: mut found } = loaded;
    problem::sort(&mut found);
    problems.extend(found.iter().cloned());
    match prompt {
        Some(prompt) if !has_errors(&found) => {
            tree.prompts.insert(prompt.name().clone(), prompt);
        }
        as_far_as_read => tree.broken.push(BrokenPrompt {
            name: entry.name.clone(),
            directory: entry.path.clone(),
            as_far_as_read,
            chats,
            problems: found,
        }),
    }
}
