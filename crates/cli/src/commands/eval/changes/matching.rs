//! Which files a pattern of a suite named at a commit: as on a disk, through links and submodules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use promptassay_registry::files::{matches_glob, parts_of};
use promptassay_registry::problem::Problem;

use super::at_commit::not_told;
use super::git::Git;
use super::listing::Entry;

#[derive(Default)]
struct Search {
    found: BTreeSet<String>,
    /// From which directory how many parts were looked for: between two `**` there are many ways to one directory.
    walked: BTreeSet<(String, usize)>,
}

impl Git {
    /// The paths of the files that a pattern named at a commit, sorted: those that `find_files` finds where that commit is checked out.
    pub(super) fn matching_at(&self, commit: &str, pattern: &str) -> Result<Vec<String>, Box<Problem>> {
        let mut search = Search::default();
        self.walk(commit, "", &parts_of(pattern), &mut search)
            .map_err(|message| not_told(commit, Path::new(pattern), &message))?;
        Ok(search.found.into_iter().collect())
    }

    fn walk(&self, commit: &str, directory: &str, parts: &[&str], search: &mut Search) -> Result<(), String> {
        let Some((&part, rest)) = parts.split_first() else { return Ok(()) };
        if !search.walked.insert((directory.to_owned(), parts.len())) {
            return Ok(());
        }
        let path_of = |name: &str| {
            if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
        };
        if part == "**" {
            self.walk(commit, directory, rest, search)?;
        }
        let mut names = vec![part.to_owned()];
        if part.contains(['*', '?']) {
            let mut inside = self.names_in(commit, directory)?;
            inside.retain(|name, _| !name.starts_with('.') || part.starts_with('.'));
            if part == "**" {
                for (name, _) in inside.iter().filter(|(_, is_directory)| **is_directory) {
                    self.walk(commit, &path_of(name), parts, search)?;
                }
                return Ok(());
            }
            names = inside.into_keys().filter(|name| matches_glob(part, name)).collect();
        }
        for path in names.iter().map(|name| path_of(name)) {
            if rest.is_empty() {
                if self.find_at(commit, Path::new(&path))?.is_some() {
                    search.found.insert(path);
                }
            } else if self.directory_at(commit, Path::new(&path))?.is_some() {
                self.walk(commit, &path, rest, search)?;
            }
        }
        Ok(())
    }

    /// What lies directly in a directory at a commit, by name, and whether it is a directory itself and no link to one.
    fn names_in(&self, commit: &str, directory: &str) -> Result<BTreeMap<String, bool>, String> {
        let Some(search) = self.directory_at(commit, Path::new(directory))? else {
            return Ok(BTreeMap::new());
        };
        let listing = self.listing(&search.repository, &search.commit)?;
        let names = listing.below(&search.path).map(|(path, entry)| match path.split_once('/') {
            Some((name, _)) => (name.to_owned(), true),
            None => (path.to_owned(), matches!(entry, Entry::Submodule(_))),
        });
        Ok(names.collect())
    }
}
