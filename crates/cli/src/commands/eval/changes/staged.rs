//! The index: what a commit takes, whatever the files here say. It is written out as a clone would have it, and read as any tree is.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Loaded, Tree};
use tempfile::TempDir;

use super::changed_paths::ChangedPaths;
use super::git::{DIFF, Git, slashed};

/// A link, as git writes its mode.
const LINK: &str = "120000";

/// Prompts of the index.
pub(crate) struct Staged {
    /// Holds the files as long as they are looked at.
    _written: TempDir,
    /// The same directory with every link followed: the top of the repository.
    directory: PathBuf,
    /// What differs from the commit, from the top of the repository.
    touched: ChangedPaths,
    /// The submodule that they lie in, where a commit is made around it.
    pub(crate) submodule: Option<PathBuf>,
    /// The prompts that differ from the commit.
    pub(crate) loaded: Loaded,
}

impl Staged {
    /// Before the first commit: all prompts of the index.
    pub(crate) fn before_the_first_commit(git: &Git, tree: &Tree) -> Result<Self, Box<Problem>> {
        Self::read(git, tree, None)
    }

    /// The prompts of the index that differ from `commit`; without one, all.
    pub(super) fn read(git: &Git, tree: &Tree, commit: Option<&str>) -> Result<Self, Box<Problem>> {
        git.take_the_index_of_a_commit()?;
        let root = git.relative(tree.root());
        let entries = entries(git, &root)?;
        let touched: ChangedPaths = match commit {
            Some(commit) => {
                let shown = or_dot(&root);
                let of_index = ["--cached", commit, "--", &shown];
                git.paths(&[&["--literal-pathspecs"][..], &DIFF, &of_index].concat())?.into_iter().collect()
            }
            None => entries.iter().map(|(path, _)| path.clone()).collect(),
        };
        let prompts: BTreeSet<&Path> = touched.iter().filter_map(|path| directory_of(path, &root)).collect();
        let has_links = entries.iter().any(|(_, mode)| mode == LINK);
        let is_needed = |path: &Path| {
            // A link may lead to any file of the prompts directory.
            has_links
                || path.parent() == Some(&root)
                || directory_of(path, &root)
                    .is_some_and(|prompt| prompts.contains(prompt) && path.parent() == Some(prompt))
        };
        let needed: Vec<&Path> =
            entries.iter().map(|(path, _)| path.as_path()).filter(|path| is_needed(path)).collect();
        let (written, directory) = write(git, if touched.is_empty() { &[] } else { &needed })?;
        let loaded = Tree::load(directory.join(&root));
        let submodule = git.as_submodule().map(Path::to_owned);
        Ok(Self { _written: written, directory, touched, submodule, loaded })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn touched(&self) -> &ChangedPaths {
        &self.touched
    }

    /// The same problem, at the file of `tree` that it is about.
    pub(crate) fn in_tree(&self, mut problem: Problem, tree: &Tree) -> Problem {
        if let Some(Place { file, .. }) = &mut problem.place
            && let Ok(inside) = file.strip_prefix(self.loaded.tree.root())
        {
            *file = tree.root().join(inside).components().collect();
        }
        problem
    }
}

/// The files of the index below a directory, with their modes.
fn entries(git: &Git, root: &Path) -> Result<Vec<(PathBuf, String)>, Box<Problem>> {
    let shown = or_dot(root);
    let list = |arguments: &[&str]| {
        git.paths(&[&["--literal-pathspecs"], arguments, &["-z", "--", &shown]].concat())
    };
    // `git add --intent-to-add` promises a file, and a commit takes none of it.
    let promised = list(&["diff", "--name-only", "--diff-filter=A"])?;
    let listed = list(&["ls-files", "--stage"])?;
    let entry = |line: &PathBuf| {
        let (about, path) = line.to_str()?.split_once('\t')?;
        Some((PathBuf::from(path), about.split(' ').next()?.to_owned()))
    };
    Ok(listed.iter().filter_map(entry).filter(|(path, _)| !promised.contains(path)).collect())
}

/// The directory of the prompt that a file belongs to.
fn directory_of<'p>(path: &'p Path, root: &Path) -> Option<&'p Path> {
    path.ancestors().skip(1).find(|directory| directory.parent() == Some(root))
}

/// Writes files of the index into a directory of their own.
fn write(git: &Git, paths: &[&Path]) -> Result<(TempDir, PathBuf), Box<Problem>> {
    let failed = |message: String| {
        let message = format!("what is staged cannot be looked at: {message}");
        let help =
            "`git status` says where the index stands; a directory for temporary files is needed (`TMPDIR`)";
        Box::new(Problem::error("changes::no_index", message).help(help))
    };
    let made = || -> io::Result<(TempDir, PathBuf, fs::File)> {
        let written = TempDir::new()?;
        let directory = fs::canonicalize(written.path())?;
        // Paths in the files may lead anywhere in the repository, and it begins here.
        fs::create_dir(directory.join(".git"))?;
        let mut names = tempfile::tempfile()?;
        for path in paths {
            names.write_all(slashed(path).as_bytes())?;
            names.write_all(b"\0")?;
        }
        names.rewind()?;
        Ok((written, directory, names))
    };
    let (written, directory, names) = made().map_err(|error| failed(error.to_string()))?;
    if !paths.is_empty() {
        let prefix = format!("--prefix={}/", directory.display());
        git.run_with(&["checkout-index", &prefix, "-z", "--stdin"], Stdio::from(names)).map_err(failed)?;
    }
    Ok((written, directory))
}

/// As a pathspec: the top of a repository has no name.
fn or_dot(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { slashed(path) }
}
