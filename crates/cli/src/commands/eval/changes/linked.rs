//! What lies behind links: a file that is read through one changed with what it leads to, and git knows that under another name.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::at_commit::MOST_HOPS;
use super::changed_paths::ChangedPaths;
use super::git::Git;

/// The links in this directory, at any depth, that lead to one of these changed paths, as paths of their own: the directory `tests` that is
/// a link makes `tests/test_cases.yaml` of the suite that changed behind it.
pub(super) fn behind_links(git: &Git, directory: &Path, changed: &ChangedPaths) -> Vec<PathBuf> {
    let mut links = Vec::new();
    find(directory, &mut links);
    let mut found = Vec::new();
    for link in links {
        let name = unfollowed(git, &link);
        for target in trail(git, &link) {
            let rests = changed.within(&target).filter_map(|path| path.strip_prefix(&target).ok());
            // Of a submodule around the target only that it differs is known.
            let whole = changed.is_in_one(&target).then_some(Path::new(""));
            found.extend(rests.chain(whole).map(|rest| name.join(rest).components().collect::<PathBuf>()));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether one of these changed paths is this file or directory, or is in it, by any of its names.
pub(super) fn is_touched(git: &Git, path: &Path, changed: &ChangedPaths) -> bool {
    let mut names = [git.named(path), git.relative(path)].into_iter().chain(trail(git, path));
    names.any(|name| changed.is_in_one(&name) || changed.within(&name).next().is_some())
        || !behind_links(git, path, changed).is_empty()
}

fn find(directory: &Path, links: &mut Vec<PathBuf>) {
    // What cannot be listed is said by whoever reads it.
    let Ok(listing) = fs::read_dir(directory) else { return };
    for entry in listing.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => links.push(entry.path()),
            Ok(kind) if kind.is_dir() => find(&entry.path(), links),
            _ => {}
        }
    }
}

/// What a path leads through, as git knows it: every link on the way, under its own name, and at last what is there. Where a link leads
/// out of the repository it ends.
pub(super) fn trail(git: &Git, path: &Path) -> Vec<PathBuf> {
    // Where the disk says that it ends.
    let mut trail = vec![git.relative(path)];
    let mut rest: VecDeque<OsString> = parts(git, path).collect();
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        at.push(part);
        let Ok(target) = fs::read_link(git.here(&at)) else { continue };
        trail.push(at.clone());
        links += 1;
        if links > MOST_HOPS {
            return trail;
        }
        at.pop();
        let further: Vec<OsString> = parts(git, &git.here(&at).join(target)).collect();
        if further.is_empty() {
            return trail;
        }
        at = PathBuf::new();
        for part in further.into_iter().rev() {
            rest.push_front(part);
        }
    }
    trail.push(at);
    trail
}

/// The names in a path, from the top of the repository; none where it leads out of it.
fn parts(git: &Git, path: &Path) -> impl Iterator<Item = OsString> {
    let named = Some(git.named(path)).filter(|named| named.is_relative()).unwrap_or_default();
    let names: Vec<OsString> = named.components().map(|part| part.as_os_str().to_owned()).collect();
    names.into_iter()
}

/// The links on the way to a path and of it.
pub(super) fn links_to(git: &Git, path: &Path) -> Vec<PathBuf> {
    let mut links = trail(git, path);
    links.retain(|name| fs::symlink_metadata(git.here(name)).is_ok_and(|about| about.is_symlink()));
    links
}

/// The path of a link itself, as git knows it.
fn unfollowed(git: &Git, link: &Path) -> PathBuf {
    match (link.parent(), link.file_name()) {
        (Some(parent), Some(name)) => git.relative(parent).join(name),
        _ => git.relative(link),
    }
}
