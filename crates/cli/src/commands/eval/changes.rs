//! What git says changed since a commit. Git is asked here; what a changed path means is decided by the evaluator.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use promptassay_evaluator::policy::{Policy, policy_of_files};
use promptassay_evaluator::selection::{Changed, PromptFiles, changed_prompts, version_of_file};
use promptassay_evaluator::suite::Suite;
use promptassay_registry::lock_file;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::version::{self, Version};
use promptassay_registry::yaml::Document;

/// The prompts among these that changed since `reference`: in commits of this side since the two parted, in the index, in the
/// working tree, and in files that git does not know yet.
#[expect(clippy::needless_pass_by_value, reason = "the list is made for this call")]
pub(super) fn since(
    reference: &str,
    tree: &Tree,
    prompts: Vec<(&Prompt, Option<&Suite>)>,
) -> Result<Changed, Box<Problem>> {
    let git = Git::at(tree.repository_root())?;
    let reference = git.commit(reference)?;
    let fork = git.run(&["merge-base", &reference, "HEAD"]).map_err(|_| {
        let message = format!("`{}` and the current commit have no commit in common", reference.as_str());
        let help = "fetch more of the history: a shallow clone has too little of it (`fetch-depth: 0`)";
        Box::new(Problem::error("changes::no_fork", message).help(help))
    })?;
    let fork = fork.trim().to_owned();
    let mut paths = git.paths(&["diff", "--name-only", "--no-renames", "-z", &fork])?;
    paths.extend(git.paths(&["ls-files", "--others", "--exclude-standard", "-z"])?);
    let relative = |path: &Path| git.relative(path);
    let files: Vec<(PathBuf, Vec<PathBuf>)> = prompts
        .iter()
        .map(|(prompt, suite)| {
            let datasets = suite.iter().flat_map(|suite| &suite.datasets);
            (relative(prompt.directory()), datasets.map(|dataset| relative(dataset)).collect())
        })
        .collect();
    let known: Vec<PromptFiles<'_>> = prompts
        .iter()
        .zip(&files)
        .map(|((prompt, _), (directory, datasets))| PromptFiles {
            name: prompt.name().as_str(),
            directory,
            datasets,
            active: prompt.active_version().ok().map(|active| &active.version),
            active_at_fork: git.active_version(&fork, directory),
            active_at_reference: git.active_version(&reference, directory),
        })
        .collect();
    let registry_file = relative(&tree.root().join("registry.yaml"));
    Ok(changed_prompts(&paths, &registry_file, &known))
}

/// What the gates of these prompts ask for at the commit that `reference` names: a change cannot relax its own gate. A file that did
/// not exist then says nothing. What is wrong with those files is added to `problems`.
pub(super) fn policies_at(
    reference: &str,
    tree: &Tree,
    prompts: &[&Prompt],
    problems: &mut Vec<Problem>,
) -> Result<BTreeMap<String, Policy>, Box<Problem>> {
    let git = Git::at(tree.repository_root())?;
    let commit = git.commit(reference)?;
    let mut document = |path: &Path| -> Result<Option<Document>, Box<Problem>> {
        let path = git.relative(path);
        let Some(text) = git.file_at(&commit, &path)? else { return Ok(None) };
        Ok(Document::parse(format!("{reference}:{}", slashed(&path)), text, problems))
    };
    let registry = document(&tree.root().join("registry.yaml"))?;
    let mut suites = Vec::new();
    for prompt in prompts {
        suites.push((prompt.name().to_string(), document(&prompt.suite_path())?));
    }
    Ok(suites
        .into_iter()
        .map(|(name, suite)| (name, policy_of_files(suite.as_ref(), registry.as_ref(), reference, problems)))
        .collect())
}

/// A repository.
struct Git {
    /// Its top directory, with every link followed.
    root: PathBuf,
}

impl Git {
    fn at(directory: &Path) -> Result<Self, Box<Problem>> {
        let git = Self { root: directory.to_owned() };
        let root = git.run(&["rev-parse", "--show-toplevel"]).map_err(|message| {
            let message = format!("`{}` is not in a git repository: {message}", directory.display());
            let help = "`--changed-since` asks git what changed; leave it out to evaluate everything";
            Box::new(Problem::error("changes::no_repository", message).help(help))
        })?;
        let root = PathBuf::from(root.trim_end_matches(['\n', '\r']));
        Ok(Self { root: fs::canonicalize(&root).unwrap_or(root) })
    }

    /// The full id of a commit: what comes after it cannot be mistaken for an option.
    fn commit(&self, reference: &str) -> Result<String, Box<Problem>> {
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

    fn paths(&self, arguments: &[&str]) -> Result<Vec<PathBuf>, Box<Problem>> {
        let text = self.run(arguments).map_err(|message| {
            Box::new(Problem::error(
                "changes::git_failed",
                format!("git does not say what changed: {message}"),
            ))
        })?;
        Ok(text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect())
    }

    /// A path as git knows it. What does not exist today is found by its directory.
    fn relative(&self, path: &Path) -> PathBuf {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        real.strip_prefix(&self.root).map(Path::to_owned).unwrap_or(real)
    }

    /// A file as it was at a commit; `None` where there was none. That git could not be asked is not the same.
    fn file_at(&self, commit: &str, path: &Path) -> Result<Option<String>, Box<Problem>> {
        let failed = |message: String| {
            let message = format!("git does not say what `{}` was at {commit}: {message}", slashed(path));
            Box::new(Problem::error("changes::git_failed", message))
        };
        let listed =
            self.run(&["ls-tree", "--name-only", "-z", commit, "--", &slashed(path)]).map_err(failed)?;
        if listed.is_empty() {
            return Ok(None);
        }
        self.run(&["show", &format!("{commit}:{}", slashed(path))]).map(Some).map_err(failed)
    }

    /// A file as it was at a commit; `None` where it did not exist.
    fn file(&self, commit: &str, path: &Path) -> Option<String> {
        self.run(&["show", &format!("{commit}:{}", slashed(path))]).ok()
    }

    /// The version of a prompt that was active at a commit; `None` where there was no such prompt.
    fn active_version(&self, commit: &str, directory: &Path) -> Option<Version> {
        let text = self.file(commit, &directory.join("prompt.yaml"))?;
        // What is wrong with an old file is no news today.
        let document = Document::parse("prompt.yaml", text, &mut Vec::new())?;
        let written = document.read_at::<String>(&["active_version"]).and_then(|reading| reading.value);
        if let Some(version) = written.filter(|written| written != "latest") {
            return version.parse().ok();
        }
        let lock = self.file(commit, &directory.join(lock_file::FILE_NAME)).unwrap_or_default();
        let locked = Document::parse(lock_file::FILE_NAME, lock, &mut Vec::new());
        let locked: Vec<Version> = locked
            .iter()
            .flat_map(|document| document.keys_at(&["versions"]))
            .filter_map(|(version, _)| version.parse().ok())
            .collect();
        if !locked.is_empty() {
            return version::latest(&locked).cloned();
        }
        let directory = format!("{}/", slashed(directory));
        let names = self.run(&["ls-tree", "--name-only", "-z", commit, "--", &directory]).ok()?;
        let files = names.split('\0').filter_map(|path| path.strip_prefix(&directory));
        let versions: Vec<Version> = files.filter_map(version_of_file).collect();
        version::latest(&versions).cloned()
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(arguments.iter().map(OsStr::new))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("git cannot be run: {error}"))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            let message = message.lines().next().unwrap_or_default().trim_start_matches("fatal: ");
            return Err(if message.is_empty() { "it says nothing".to_owned() } else { message.to_owned() });
        }
        String::from_utf8(output.stdout).map_err(|_| "a path is not UTF-8".to_owned())
    }
}

/// As git writes paths.
fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
