//! What lies behind links: a file that is read through one changed with what it leads to, and git knows that under another name.

use std::fs;
use std::path::{Path, PathBuf};

use super::git::Git;

/// So many links are followed one after another, as systems do.
const MOST_LINKS: usize = 40;

/// The links in this directory, at any depth, that lead to one of these changed paths, as paths of their own: the directory `tests` that is
/// a link makes `tests/test_cases.yaml` of the suite that changed behind it.
pub(super) fn behind_links(git: &Git, directory: &Path, changed: &[PathBuf]) -> Vec<PathBuf> {
    let mut links = Vec::new();
    find(directory, &mut links);
    let mut found = Vec::new();
    for link in links {
        let name = unfollowed(git, &link);
        for target in targets(git, &link) {
            let behind = changed.iter().filter_map(|path| {
                // Of a submodule around the target only that it differs is known.
                let rest = path
                    .strip_prefix(&target)
                    .ok()
                    .or_else(|| target.starts_with(path).then_some(Path::new("")))?;
                Some(name.join(rest).components().collect::<PathBuf>())
            });
            found.extend(behind);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether one of these changed paths is this file or directory, or is in it, by any of its names.
pub(super) fn is_touched(git: &Git, path: &Path, changed: &[PathBuf]) -> bool {
    let names = [git.named(path), git.relative(path)].into_iter().chain(targets(git, path));
    let names: Vec<PathBuf> = names.collect();
    changed
        .iter()
        .any(|changed| names.iter().any(|name| changed.starts_with(name) || name.starts_with(changed)))
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

/// Everything that a link leads to, link by link to the end.
fn targets(git: &Git, link: &Path) -> Vec<PathBuf> {
    let mut targets = vec![git.relative(link)];
    let mut at = link.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&at) else { break };
        at = at.parent().unwrap_or(Path::new("")).join(target);
        targets.push(unfollowed(git, &at));
    }
    targets
}

/// The path of a link itself, as git knows it.
fn unfollowed(git: &Git, link: &Path) -> PathBuf {
    match (link.parent(), link.file_name()) {
        (Some(parent), Some(name)) => git.relative(parent).join(name),
        _ => git.relative(link),
    }
}
