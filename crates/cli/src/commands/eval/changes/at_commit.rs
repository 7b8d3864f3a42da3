//! Files as they were at a commit, through the links and the submodules of that commit.

use std::path::{Component, Path, PathBuf};

use promptassay_registry::problem::Problem;

use super::git::{Git, slashed};

/// So many links and submodules are followed one after another, as systems do with links.
const MOST_HOPS: usize = 40;

/// What a commit has at a path.
enum Entry {
    File,
    Link,
    /// The commit of a submodule.
    Submodule(String),
    Directory,
}

/// Where a file is looked for.
struct Search {
    /// The repository, from the top of the outer one.
    repository: PathBuf,
    commit: String,
    path: PathBuf,
}

impl Git {
    /// A file as it was at a commit; `None` where there was none. That git could not be asked is not the same.
    pub(super) fn file_at(&self, commit: &str, path: &Path) -> Result<Option<String>, Box<Problem>> {
        self.text_at(commit, path).map_err(|message| {
            let message = format!("git does not say what `{}` was at {commit}: {message}", slashed(path));
            Box::new(Problem::error("changes::git_failed", message))
        })
    }

    /// Whether there was a file at a commit, whatever stood in it.
    pub(super) fn is_file_at(&self, commit: &str, path: &Path) -> Result<bool, Box<Problem>> {
        let found = self.find_at(commit, path).map_err(|message| {
            let message = format!("git does not say whether `{}` was at {commit}: {message}", slashed(path));
            Box::new(Problem::error("changes::git_failed", message))
        })?;
        Ok(found.is_some())
    }

    /// The paths of the files in a directory on the way to `path` that was a link or a submodule at a commit, under the name that it has
    /// there; none where it was neither.
    pub(super) fn files_behind_at(&self, commit: &str, path: &Path) -> Result<Vec<String>, Box<Problem>> {
        self.behind_at(commit, path).map_err(|message| {
            let message = format!("git does not list what `{}` was at {commit}: {message}", slashed(path));
            Box::new(Problem::error("changes::git_failed", message))
        })
    }

    fn behind_at(&self, commit: &str, path: &Path) -> Result<Vec<String>, String> {
        let here = Search::at(commit, path);
        for ancestor in proper_ancestors(path) {
            let (search, directory) = match self.entry(&here, ancestor)? {
                Some(Entry::Link) => {
                    let target = self.through_link(&Search::at(commit, ancestor), ancestor)?.path;
                    (Search::at(commit, &target), target)
                }
                Some(Entry::Submodule(inner)) => match self.within(&here, ancestor, inner) {
                    Some(search) => (search, PathBuf::new()),
                    None => return Ok(Vec::new()),
                },
                Some(Entry::File | Entry::Directory) | None => continue,
            };
            let list = ["ls-tree", "-r", "--full-tree", "--name-only", "-z", &search.commit];
            let listed = self.in_submodule(&search.repository, &list)?;
            let inside = listed.split('\0').filter(|file| !file.is_empty()).filter_map(|file| {
                Some(format!(
                    "{}/{}",
                    slashed(ancestor),
                    slashed(Path::new(file).strip_prefix(&directory).ok()?)
                ))
            });
            return Ok(inside.collect());
        }
        Ok(Vec::new())
    }

    fn text_at(&self, commit: &str, path: &Path) -> Result<Option<String>, String> {
        self.find_at(commit, path)?.map(|found| self.show(&found, &found.path)).transpose()
    }

    /// Where the file is that a path led to.
    fn find_at(&self, commit: &str, path: &Path) -> Result<Option<Search>, String> {
        let mut search = Search::at(commit, path);
        for _ in 0..MOST_HOPS {
            search = match self.entry(&search, &search.path)? {
                Some(Entry::File) => return Ok(Some(search)),
                Some(Entry::Directory | Entry::Submodule(_)) => return Ok(None),
                Some(Entry::Link) => self.through_link(&search, &search.path)?,
                None => match self.through_ancestor(&search)? {
                    Some(further) => further,
                    None => return Ok(None),
                },
            };
        }
        Ok(None)
    }

    /// Where the search goes on if a directory on the way is a link or a submodule.
    fn through_ancestor(&self, search: &Search) -> Result<Option<Search>, String> {
        for ancestor in proper_ancestors(&search.path) {
            match self.entry(search, ancestor)? {
                Some(Entry::Link) => return self.through_link(search, ancestor).map(Some),
                Some(Entry::Submodule(commit)) => return Ok(self.within(search, ancestor, commit)),
                Some(Entry::File) => return Ok(None),
                Some(Entry::Directory) | None => {}
            }
        }
        Ok(None)
    }

    fn through_link(&self, search: &Search, link: &Path) -> Result<Search, String> {
        let target = self.show(search, link)?;
        let rest = search.path.strip_prefix(link).unwrap_or(Path::new(""));
        let path = plain(&link.parent().unwrap_or(Path::new("")).join(target).join(rest));
        Ok(Search { repository: search.repository.clone(), commit: search.commit.clone(), path })
    }

    /// The same file within a submodule. None where its commit is not here: it was never fetched, or the submodule is one no more.
    fn within(&self, search: &Search, submodule: &Path, commit: String) -> Option<Search> {
        let repository = search.repository.join(submodule);
        if self.in_submodule(&repository, &["cat-file", "-e", &format!("{commit}^{{tree}}")]).is_err() {
            return None;
        }
        let path = search.path.strip_prefix(submodule).unwrap_or(&search.path).to_owned();
        Some(Search { repository, commit, path })
    }

    fn entry(&self, search: &Search, path: &Path) -> Result<Option<Entry>, String> {
        let path = slashed(path);
        if path.is_empty() {
            return Ok(None);
        }
        let listed =
            self.in_submodule(&search.repository, &["ls-tree", "-z", &search.commit, "--", &path])?;
        let Some((kind, _)) = listed.split_once('\t') else { return Ok(None) };
        let mut words = kind.split(' ');
        let (mode, id) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
        Ok(Some(match mode {
            "120000" => Entry::Link,
            "160000" => Entry::Submodule(id.to_owned()),
            "040000" => Entry::Directory,
            _ => Entry::File,
        }))
    }

    fn show(&self, search: &Search, path: &Path) -> Result<String, String> {
        self.in_submodule(&search.repository, &["show", &format!("{}:{}", search.commit, slashed(path))])
    }
}

impl Search {
    fn at(commit: &str, path: &Path) -> Self {
        Self { repository: PathBuf::new(), commit: commit.to_owned(), path: path.to_owned() }
    }
}

/// From the nearest directory to the first one below the top.
fn proper_ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|ancestor| !ancestor.as_os_str().is_empty())
}

/// Without `..`, and what leads out of the repository ends at its top, where nothing is found.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::Normal(part) => plain.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    plain
}
