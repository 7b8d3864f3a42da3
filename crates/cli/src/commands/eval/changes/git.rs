//! A repository, as git answers for it.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use promptassay_registry::problem::Problem;
use promptassay_registry::tree::version_of_file;
use promptassay_registry::version::{self, Version};
use promptassay_registry::yaml::Document;
use promptassay_registry::{lock_file, prompt_file};
use tempfile::TempDir;

use super::at_commit::plain;
use super::changed_paths::ChangedPaths;
use super::contents::Contents;
use super::listing::Listing;
use super::superproject::Superproject;

/// Asks for the names of all that differs, whatever the settings of the user and of `.gitmodules` leave out: those are of the change itself.
pub(super) const DIFF: [&str; 6] =
    ["diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=untracked", "-z"];

/// What is said where there is no git.
const NOT_RUN: &str = "git cannot be run";

/// A repository.
pub(crate) struct Git {
    /// Its top directory, with every link followed.
    root: PathBuf,
    /// Where the files lie that are looked at: `root`, or where the index is written out.
    files: PathBuf,
    /// What commits have, by repository and commit, as far as it was asked.
    pub(super) listings: RefCell<HashMap<(PathBuf, String), Rc<Listing>>>,
    /// What answers for the contents of files, by repository.
    contents: RefCell<HashMap<PathBuf, Contents>>,
    /// The repository whose commits are named, where this one is a submodule of it.
    pub(super) superproject: Option<Superproject>,
    /// An index in place of its own.
    pub(super) index: OnceCell<TempDir>,
}

impl Git {
    /// The one that a directory lies in.
    pub(crate) fn at(directory: &Path) -> Result<Self, Box<Problem>> {
        let git = Self {
            root: directory.to_owned(),
            files: directory.to_owned(),
            listings: RefCell::default(),
            contents: RefCell::default(),
            superproject: None,
            index: OnceCell::new(),
        };
        let root = git
            .run(&["rev-parse", "--show-toplevel"])
            .map_err(|message| Box::new(no_repository(directory, &message)))?;
        let root = PathBuf::from(root.trim_end_matches(['\n', '\r']));
        let root = fs::canonicalize(&root).unwrap_or(root);
        let superproject = Superproject::around(&root)?;
        Ok(Self { files: root.clone(), root, superproject, ..git })
    }

    /// The same repository, whose files are looked at in another directory; no link may lead to it.
    pub(super) fn with_files_in(self, files: PathBuf) -> Self {
        Self { files, ..self }
    }

    /// Whether the files are those of the index, and not those that lie here.
    pub(super) fn looks_at_the_index(&self) -> bool {
        self.files != self.root
    }

    /// The full id of a commit: what comes after it cannot be mistaken for an option.
    pub(super) fn commit(&self, reference: &str) -> Result<String, Box<Problem>> {
        let unknown = |_| {
            let message = format!("git knows no commit `{reference}`");
            let problem = Problem::error("changes::unknown_commit", message);
            let help = "name a branch, a tag or a commit; in a pipeline it may have to be fetched first (`fetch-depth: 0`)";
            Box::new(problem.help(help))
        };
        let commit = format!("{reference}^{{commit}}");
        let id = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]);
        Ok(id.map_err(unknown)?.trim().to_owned())
    }

    /// The last commit that a commit and the current one share.
    pub(super) fn fork(&self, commit: &str) -> Result<String, Box<Problem>> {
        let fork = self.run(&["merge-base", commit, "HEAD"]).map_err(|_| {
            let message = format!("`{commit}` and the current commit have no commit in common");
            let help = "fetch more of the history: a shallow clone has too little of it (`fetch-depth: 0`)";
            Box::new(Problem::error("changes::no_fork", message).help(help))
        })?;
        Ok(fork.trim().to_owned())
    }

    pub(super) fn paths(&self, arguments: &[&str]) -> Result<Vec<PathBuf>, Box<Problem>> {
        // No file of a prompt has a name that is no text, and others may.
        let names =
            self.bytes(Path::new(""), arguments).map(|names| String::from_utf8_lossy(&names).into_owned());
        let text = names.map_err(|message| {
            Box::new(Problem::error(
                "changes::git_failed",
                format!("git does not say what changed: {message}"),
            ))
        })?;
        Ok(text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect())
    }

    /// The paths that differ from a commit: in later commits of this side, in the index, in the working tree, and those that git does not
    /// know yet.
    pub(super) fn changed_since(&self, fork: &str) -> Result<ChangedPaths, Box<Problem>> {
        let mut paths = self.paths(&[&DIFF[..], &[fork]].concat())?;
        paths.extend(self.paths(&["ls-files", "--others", "--exclude-standard", "-z"])?);
        Ok(paths.into_iter().collect())
    }

    /// The paths that differ in a submodule from what it was at a commit; none where that cannot be told.
    pub(super) fn changed_in(&self, submodule: &Path, fork: &str) -> Result<Vec<PathBuf>, Box<Problem>> {
        let Some(then) = self.submodule_at(fork, submodule)? else { return Ok(Vec::new()) };
        let asked: [&[&str]; 2] =
            [&[&DIFF[..], &[&then]].concat(), &["ls-files", "--others", "--exclude-standard", "-z"]];
        let mut paths = Vec::new();
        for arguments in asked {
            // That the submodule differs is known all the same.
            let Ok(names) = self.bytes(submodule, arguments) else { return Ok(Vec::new()) };
            let names = String::from_utf8_lossy(&names).into_owned();
            paths.extend(names.split('\0').filter(|name| !name.is_empty()).map(|name| submodule.join(name)));
        }
        Ok(paths)
    }

    /// Where a path that git gives is looked at.
    pub(super) fn here(&self, path: &Path) -> PathBuf {
        self.files.join(path)
    }

    /// Whether a path that git gives among files is a directory: a repository of its own, a submodule.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.files.join(path).is_dir() && !self.files.join(path).is_symlink()
    }

    /// A path under the name that git has for it, whatever links of today it leads through: what it led to at a commit, the links of that
    /// commit say.
    pub(super) fn named(&self, path: &Path) -> PathBuf {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let top = |ancestor: &&Path| fs::canonicalize(ancestor).is_ok_and(|real| real == self.files);
        let rest = absolute.ancestors().find(top).and_then(|top| absolute.strip_prefix(top).ok());
        // What `..` leads to may be gone, so it is resolved without the disk.
        rest.and_then(plain).unwrap_or_else(|| self.relative(path))
    }

    /// A path as git knows it. What does not exist today is found by the nearest directory that does.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let real = path.ancestors().find_map(|ancestor| {
            let rest = path.strip_prefix(ancestor).ok()?;
            Some(fs::canonicalize(ancestor).ok()?.join(rest))
        });
        // A path joined with nothing ends with a separator; its components do not.
        let real: PathBuf = real.unwrap_or(path).components().collect();
        real.strip_prefix(&self.files).map(Path::to_owned).unwrap_or(real)
    }

    /// The version of a prompt that was active at a commit; `None` where there was no such prompt. Its directory is that of today: what the
    /// commit has under its name counts, and else what it has where it lies.
    pub(super) fn active_version(
        &self,
        commit: &str,
        directory: &Path,
    ) -> Result<Option<Version>, Box<Problem>> {
        match self.active_version_in(commit, &self.named(directory))? {
            Some(version) => Ok(Some(version)),
            None => self.active_version_in(commit, &self.relative(directory)),
        }
    }

    fn active_version_in(&self, commit: &str, directory: &Path) -> Result<Option<Version>, Box<Problem>> {
        let Some(text) = self.text_at(commit, &directory.join(prompt_file::FILE_NAME))? else {
            return Ok(None);
        };
        // What is wrong with an old file is no news today.
        let Some(document) = Document::parse(prompt_file::FILE_NAME, text, &mut Vec::new()) else {
            return Ok(None);
        };
        let written = document.read_at::<String>(&["active_version"]).and_then(|reading| reading.value);
        if let Some(version) = written.filter(|written| written != "latest") {
            return Ok(version.parse().ok());
        }
        let lock = self.text_at(commit, &directory.join(lock_file::FILE_NAME))?.unwrap_or_default();
        let locked = Document::parse(lock_file::FILE_NAME, lock, &mut Vec::new());
        let locked: Vec<Version> = locked
            .iter()
            .flat_map(|document| document.keys_at(&["versions"]))
            .filter_map(|(version, _)| version.parse().ok())
            .collect();
        if !locked.is_empty() {
            return Ok(version::latest(&locked).cloned());
        }
        let files = self.files_in_at(commit, directory)?;
        let versions: Vec<Version> = files.iter().filter_map(|file| version_of_file(file)).collect();
        Ok(version::latest(&versions).cloned())
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.run_with(arguments, Stdio::null())
    }

    pub(super) fn run_with(&self, arguments: &[&str], input: Stdio) -> Result<String, String> {
        text(Self::answer(self.command(), &self.root, arguments, input)?)
    }

    fn command(&self) -> Command {
        let mut git = if self.superproject.is_some() { outside_of_hooks() } else { Command::new("git") };
        if let Some(directory) = self.index.get() {
            git.env("GIT_INDEX_FILE", directory.path().join("index"));
        }
        git
    }

    /// Asks the repository of a directory, whatever repository a hook that runs was called for.
    pub(super) fn alone_at(directory: &Path, arguments: &[&str]) -> Result<String, String> {
        text(Self::answer(outside_of_hooks(), directory, arguments, Stdio::null())?)
    }

    /// The top directory of the repository.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Asks the repository at this path from the top, which is the repository itself for the empty path. Names in what it says may be no text.
    pub(super) fn bytes(&self, path: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
        Self::answer(self.command_in(path), &self.root.join(path), arguments, Stdio::null())
    }

    fn command_in(&self, path: &Path) -> Command {
        if path.as_os_str().is_empty() { self.command() } else { outside_of_hooks() }
    }

    /// What stands in a file or a link of the repository at this path from the top, by its id.
    pub(super) fn object(&self, path: &Path, id: &str) -> Result<Vec<u8>, String> {
        let mut open = self.contents.borrow_mut();
        let answered = match open.entry(path.to_owned()) {
            Entry::Occupied(contents) => contents.into_mut().read(id),
            Entry::Vacant(none) => {
                let started = Contents::start(self.command_in(path), &self.root.join(path));
                started.and_then(|contents| none.insert(contents).read(id))
            }
        };
        if let Ok(Some(content)) = answered {
            return Ok(content);
        }
        open.remove(path);
        // Asked alone, git says what is wrong.
        self.bytes(path, &["cat-file", "blob", id])
    }

    fn answer(
        mut git: Command,
        directory: &Path,
        arguments: &[&str],
        input: Stdio,
    ) -> Result<Vec<u8>, String> {
        let output = git
            .arg("-C")
            .arg(directory)
            .args(arguments.iter().map(OsStr::new))
            .stdin(input)
            .output()
            .map_err(|error| format!("{NOT_RUN}: {error}"))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            let message = message.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
            return Err(if message.is_empty() { "it says nothing".to_owned() } else { message.to_owned() });
        }
        Ok(output.stdout)
    }
}

pub(super) fn text(said: Vec<u8>) -> Result<String, String> {
    String::from_utf8(said).map_err(|_| "what it says is not UTF-8".to_owned())
}

/// Git without what its hooks set, which names the repository that they were called for.
fn outside_of_hooks() -> Command {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    git
}

/// Why git does not answer for a directory, and what to do.
fn no_repository(directory: &Path, said: &str) -> Problem {
    let shown = directory.display();
    let (message, help) = if said.contains("dubious ownership") {
        (
            format!(
                "git does not trust the repository of `{shown}`, whose files belong to another user: {said}"
            ),
            "`git config --global --add safe.directory DIRECTORY` lets git read it, as in a container"
                .to_owned(),
        )
    } else if said.starts_with(NOT_RUN) {
        (said.to_owned(), "what changed is asked of git: install it where promptassay runs".to_owned())
    } else {
        (
            format!("`{shown}` is not in a git repository: {said}"),
            "what changed since a commit is asked of git; without a commit everything is looked at"
                .to_owned(),
        )
    };
    Problem::error("changes::no_repository", message).help(help)
}

/// As git writes paths.
pub(super) fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_git_does_not_answer_is_told_apart() {
        let told = |said: &str| no_repository(Path::new("prompts"), said).to_string();
        insta::assert_snapshot!(
            [
                told("detected dubious ownership in repository at '/work'"),
                told("git cannot be run: No such file or directory (os error 2)"),
                told("not a git repository (or any of the parent directories): .git"),
            ]
            .join("\n"),
            @r"
            git does not trust the repository of `prompts`, whose files belong to another user: detected dubious ownership in repository at '/work' (help: `git config --global --add safe.directory DIRECTORY` lets git read it, as in a container)
            git cannot be run: No such file or directory (os error 2) (help: what changed is asked of git: install it where promptassay runs)
            `prompts` is not in a git repository: not a git repository (or any of the parent directories): .git (help: what changed since a commit is asked of git; without a commit everything is looked at)
            "
        );
    }
}
