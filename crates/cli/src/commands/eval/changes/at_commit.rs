//! Files as they were at a commit, through the links and the submodules of that commit.

use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use promptassay_registry::files::may_be_there;
use promptassay_registry::problem::Problem;

use super::git::{Git, slashed, text};
use super::listing::{Entry, Listing};

/// So many links and submodules are followed one after another, as systems do with links.
pub(super) const MOST_HOPS: usize = 40;

/// Where a file is looked for.
pub(super) struct Search {
    /// The repository, from the top of the outer one.
    pub(super) repository: PathBuf,
    pub(super) commit: String,
    pub(super) path: PathBuf,
}

/// A file that was found.
pub(super) struct Found {
    /// The repository that has it, from the top of the outer one.
    repository: PathBuf,
    /// The object that it is.
    id: String,
}

impl Git {
    /// A file as it was at a commit; `None` where there was none. That git could not be asked is not the same.
    pub(super) fn file_at(&self, commit: &str, path: &Path) -> Result<Option<String>, Box<Problem>> {
        let content = self.content_at(commit, path);
        let text = content.and_then(|content| content.map(text).transpose());
        text.map_err(|message| not_told(commit, path, &message))
    }

    /// The same where it is text, and `None` where it is not: for whoever takes an old file as it is.
    pub(super) fn text_at(&self, commit: &str, path: &Path) -> Result<Option<String>, Box<Problem>> {
        let content = self.content_at(commit, path).map_err(|message| not_told(commit, path, &message))?;
        Ok(content.and_then(|content| String::from_utf8(content).ok()))
    }

    fn content_at(&self, commit: &str, path: &Path) -> Result<Option<Vec<u8>>, String> {
        let found = self.find_at(commit, path)?;
        found.map(|Found { repository, id }| self.object(&repository, &id)).transpose()
    }

    /// Whether there was a file at a commit, whatever stood in it.
    pub(super) fn is_file_at(&self, commit: &str, path: &Path) -> Result<bool, Box<Problem>> {
        let found = self.find_at(commit, path).map_err(|message| not_told(commit, path, &message))?;
        Ok(found.is_some())
    }

    /// The commit of a submodule at one of this repository; `None` where there was no submodule.
    pub(super) fn submodule_at(&self, commit: &str, path: &Path) -> Result<Option<String>, Box<Problem>> {
        Ok(match self.listing_at(commit)?.get(path) {
            Some(Entry::Submodule(inner)) => Some(inner.clone()),
            _ => None,
        })
    }

    /// A directory by the way that is no link at a commit; as it is where it leads into a submodule or nowhere.
    pub(super) fn real_at(&self, commit: &str, directory: &Path) -> Result<PathBuf, Box<Problem>> {
        let found =
            self.directory_at(commit, directory).map_err(|message| not_told(commit, directory, &message))?;
        let real = found.filter(|search| search.repository.as_os_str().is_empty()).map(|search| search.path);
        Ok(real.unwrap_or_else(|| directory.to_owned()))
    }

    pub(super) fn is_submodule_at(&self, commit: &str, path: &Path) -> bool {
        self.submodule_at(commit, path).is_ok_and(|commit| commit.is_some())
    }

    /// What this repository has at a commit.
    pub(super) fn listing_at(&self, commit: &str) -> Result<Rc<Listing>, Box<Problem>> {
        self.listing(Path::new(""), commit).map_err(|message| not_told(commit, Path::new("."), &message))
    }

    /// The paths of the files in a directory at a commit, from that directory, whatever links and submodules lead to it; none where there
    /// was no such directory.
    pub(super) fn files_in_at(&self, commit: &str, directory: &Path) -> Result<Vec<String>, Box<Problem>> {
        self.inside_at(commit, directory).map_err(|message| not_told(commit, directory, &message))
    }

    fn inside_at(&self, commit: &str, directory: &Path) -> Result<Vec<String>, String> {
        let Some(Search { repository, commit, path }) = self.directory_at(commit, directory)? else {
            return Ok(Vec::new());
        };
        let listing = self.listing(&repository, &commit)?;
        Ok(listing.below(&path).map(|(path, _)| path.to_owned()).collect())
    }

    /// Where a directory is that a path led to.
    pub(super) fn directory_at(&self, commit: &str, directory: &Path) -> Result<Option<Search>, String> {
        let mut search = Search::at(commit, directory);
        for _ in 0..MOST_HOPS {
            let listing = self.listing(&search.repository, &search.commit)?;
            let further = match listing.get(&search.path) {
                Some(Entry::File(_)) => None,
                Some(Entry::Submodule(inner)) => self.within(&search, &search.path, inner)?,
                Some(Entry::Link(id)) => self.through_link(&search, &search.path, id)?,
                None => {
                    if listing.below(&search.path).next().is_some() {
                        return Ok(Some(search));
                    }
                    self.through_ancestor(&search, &listing)?
                }
            };
            match further {
                Some(further) => search = further,
                None => break,
            }
        }
        Ok(None)
    }

    /// The links and submodules directly in a directory at a commit.
    pub(super) fn indirect_in_at(
        &self,
        commit: &str,
        directory: &Path,
    ) -> Result<Vec<PathBuf>, Box<Problem>> {
        let listing = self.listing_at(commit)?;
        let is_indirect = |entry: &Entry| !matches!(entry, Entry::File(_));
        let inside =
            listing.below(directory).filter(|(path, entry)| is_indirect(entry) && !path.contains('/'));
        Ok(inside.map(|(path, _)| directory.join(path)).collect())
    }

    /// Where the file is that a path led to.
    pub(super) fn find_at(&self, commit: &str, path: &Path) -> Result<Option<Found>, String> {
        let mut search = Search::at(commit, path);
        for _ in 0..MOST_HOPS {
            let listing = self.listing(&search.repository, &search.commit)?;
            let further = match listing.get(&search.path) {
                Some(Entry::File(id)) => {
                    return Ok(Some(Found { repository: search.repository, id: id.clone() }));
                }
                Some(Entry::Submodule(_)) => None,
                Some(Entry::Link(id)) => self.through_link(&search, &search.path, id)?,
                None => self.through_ancestor(&search, &listing)?,
            };
            match further {
                Some(further) => search = further,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Where the search goes on if a directory on the way is a link or a submodule.
    fn through_ancestor(&self, search: &Search, listing: &Listing) -> Result<Option<Search>, String> {
        for ancestor in proper_ancestors(&search.path) {
            match listing.get(ancestor) {
                Some(Entry::Link(id)) => return self.through_link(search, ancestor, id),
                Some(Entry::Submodule(commit)) => return self.within(search, ancestor, commit),
                Some(Entry::File(_)) => return Ok(None),
                None => {}
            }
        }
        Ok(None)
    }

    /// Where a link leads; `None` where that is out of its repository.
    fn through_link(&self, search: &Search, link: &Path, id: &str) -> Result<Option<Search>, String> {
        let target = PathBuf::from(text(self.object(&search.repository, id)?)?);
        let rest = search.path.strip_prefix(link).unwrap_or(Path::new(""));
        let inside = if target.is_absolute() {
            let is_outer = search.repository.as_os_str().is_empty();
            target.strip_prefix(self.root()).ok().filter(|_| is_outer).map(|inside| inside.join(rest))
        } else {
            Some(link.parent().unwrap_or(Path::new("")).join(target).join(rest))
        };
        let path = inside.and_then(|path| plain(&path));
        Ok(path.map(|path| Search {
            repository: search.repository.clone(),
            commit: search.commit.clone(),
            path,
        }))
    }

    /// The same file within a submodule; `None` where it is one no more. A commit of it that was not fetched is an error: what stood there
    /// may be what the change is judged by.
    fn within(&self, search: &Search, submodule: &Path, commit: &str) -> Result<Option<Search>, String> {
        let repository = search.repository.join(submodule);
        if !may_be_there(&self.root().join(&repository).join(".git")) {
            return Ok(None);
        }
        let is_listed = self.listings.borrow().contains_key(&(repository.clone(), commit.to_owned()));
        if !is_listed && self.bytes(&repository, &["cat-file", "-e", &format!("{commit}^{{tree}}")]).is_err()
        {
            return Err(not_fetched(&repository, commit));
        }
        let path = search.path.strip_prefix(submodule).unwrap_or(&search.path).to_owned();
        Ok(Some(Search { repository, commit: commit.to_owned(), path }))
    }

    /// What a commit has, asked once: many files of it are looked for.
    pub(super) fn listing(&self, repository: &Path, commit: &str) -> Result<Rc<Listing>, String> {
        let key = (repository.to_owned(), commit.to_owned());
        if let Some(known) = self.listings.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let said = self.bytes(repository, &["ls-tree", "-r", "--full-tree", "-z", commit])?;
        let listing = Rc::new(Listing::parse(&said));
        self.listings.borrow_mut().insert(key, Rc::clone(&listing));
        Ok(listing)
    }
}

impl Search {
    fn at(commit: &str, path: &Path) -> Self {
        Self { repository: PathBuf::new(), commit: commit.to_owned(), path: path.to_owned() }
    }
}

/// That a submodule lacks a commit, and how to get it.
pub(super) fn not_fetched(submodule: &Path, commit: &str) -> String {
    let shown = slashed(submodule);
    format!(
        "the submodule `{shown}` does not have its commit {commit}; `git -C {shown} fetch origin {commit}` fetches it"
    )
}

pub(super) fn not_told(commit: &str, path: &Path, message: &str) -> Box<Problem> {
    let message = format!("git does not say what `{}` was at {commit}: {message}", slashed(path));
    Box::new(Problem::error("changes::git_failed", message))
}

/// From the nearest directory to the first one below the top.
fn proper_ancestors(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|ancestor| !ancestor.as_os_str().is_empty())
}

/// Without `..`; `None` where it leads out of the directory that it begins in.
pub(super) fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_repository_is_nowhere_in_it() {
        let told = |path: &str| plain(Path::new(path)).map(|path| slashed(&path));
        assert_eq!(told("prompts/p/tests/../../../data/x.jsonl").as_deref(), Some("data/x.jsonl"));
        assert_eq!(told("prompts/../../data/x.jsonl"), None);
        assert_eq!(told("/data/x.jsonl"), None);
        assert_eq!(told("./a/./b").as_deref(), Some("a/b"));
    }
}
