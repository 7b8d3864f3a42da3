//! Paths that files name: relative to the file, and never out of the repository.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::problem::{Place, Problem};

/// Why a path that a file names is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing is written.
    #[error("the path is empty")]
    Empty,
    /// It begins at the root of the file system, at a drive or at a home directory.
    #[error("`{written}` is not relative to this file")]
    NotRelative {
        /// The path as written.
        written: String,
    },
    /// It has a backslash, which separates directories on one system only.
    #[error("`{written}` has a backslash")]
    Backslash {
        /// The path as written.
        written: String,
    },
    /// It leads out of the repository, by `..` or through a symbolic link.
    #[error("`{written}` leads out of the repository, to `{}`", leads_to.display())]
    Leaves {
        /// The path as written.
        written: String,
        /// Where it ends.
        leads_to: PathBuf,
    },
}

impl PathError {
    /// What to write instead.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Empty => "name a file or a directory, relative to this file",
            Self::NotRelative { .. } => "write a path relative to this file, such as `../fixtures/replies`",
            Self::Backslash { .. } => "separate directories by `/`, which works on every system",
            Self::Leaves { .. } => "keep it inside the repository, so that every clone has it",
        }
    }
}

/// The directory that paths may not leave: the nearest ancestor of `prompts` with a `.git`, else the parent of `prompts`.
pub fn repository_root(prompts: &Path) -> io::Result<PathBuf> {
    let prompts = fs::canonicalize(prompts)?;
    let with_git = prompts.ancestors().find(|directory| directory.join(".git").exists());
    Ok(with_git.or_else(|| prompts.parent()).unwrap_or(&prompts).to_owned())
}

/// The path that `written` means in a file that stands in `base`. It need not exist. `repository` is the result of
/// [`repository_root`].
pub fn resolve_inside(base: &Path, written: &str, repository: &Path) -> Result<PathBuf, PathError> {
    let owned = || written.to_owned();
    if written.is_empty() {
        return Err(PathError::Empty);
    }
    if written.contains('\\') {
        return Err(PathError::Backslash { written: owned() });
    }
    let drive = written.as_bytes().get(1) == Some(&b':') && written.as_bytes()[0].is_ascii_alphabetic();
    if drive || written.starts_with(['/', '~']) {
        return Err(PathError::NotRelative { written: owned() });
    }
    let real_base = fs::canonicalize(base).unwrap_or_else(|_| base.to_owned());
    let target = without_dots(&real_base.join(written));
    let real_target = canonicalize_existing(&target);
    if !target.starts_with(repository) || !real_target.starts_with(repository) {
        let leads_to = if target.starts_with(repository) { real_target } else { target };
        return Err(PathError::Leaves { written: owned(), leads_to });
    }
    // Shown as the caller named the directory, unless a link on the way makes that another path.
    let shown = without_dots(&base.join(written));
    Ok(if canonicalize_existing(&shown) == real_target { shown } else { target })
}

/// Refuses a file that is not named by another one but lies where it is looked for, and is a link out of the repository: what stands
/// there is nobody's to read, to show or to write. What does not exist is no problem. `repository` is the result of
/// [`repository_root`].
pub fn check_inside(path: &Path, repository: &Path) -> Result<(), Box<Problem>> {
    match fs::canonicalize(path) {
        Ok(real) if !real.starts_with(repository) => {
            let message = format!("this link leads out of the repository, to `{}`", real.display());
            let problem = Problem::error(LINK_LEAVES, message).at(Place::whole_file(path));
            Err(Box::new(problem.help(COPY_IT)))
        }
        _ => Ok(()),
    }
}

/// The code of a link that leaves the prompts directory or the repository.
pub(crate) const LINK_LEAVES: &str = "file::link_leaves";
/// What to do about it.
pub(crate) const COPY_IT: &str = "copy the file here, so that every clone has it";

/// Without `.`, and without `..` where a directory stands before it.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(".."),
            },
            other => clean.push(other),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

/// So many links that lead nowhere yet are followed one after another, as systems do with links.
const MOST_LINKS: usize = 40;

/// With every link followed in the part of the path that exists, also one that leads to what does not exist: whoever writes makes it there.
fn canonicalize_existing(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match canonicalized(&path) {
            Followed::Real(real) => return real,
            Followed::Further(further) => path = further,
        }
    }
    path
}

enum Followed {
    Real(PathBuf),
    /// Where a link leads that leads nowhere yet.
    Further(PathBuf),
}

fn canonicalized(path: &Path) -> Followed {
    for ancestor in path.ancestors() {
        let existing = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        // A plain `join` with an empty rest would add a separator.
        let with_rest = |real: PathBuf| match path.strip_prefix(ancestor) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        };
        if let Ok(real) = fs::canonicalize(existing) {
            return Followed::Real(with_rest(real));
        }
        if let Ok(target) = fs::read_link(existing) {
            let parent = ancestor.parent().unwrap_or(Path::new(""));
            let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
            let target = parent.join(target);
            // Links on the way come before `..`, as for whoever opens it.
            let real = target.parent().and_then(|parent| fs::canonicalize(parent).ok());
            let further = match (real, target.file_name()) {
                (Some(real), Some(name)) => real.join(name),
                _ => without_dots(&target),
            };
            return Followed::Further(with_rest(further));
        }
    }
    Followed::Real(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("repository/.git")).unwrap();
        fs::create_dir_all(directory.path().join("repository/team/prompts")).unwrap();
        let root = fs::canonicalize(directory.path().join("repository")).unwrap();
        (directory, root)
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_yet_leads_out_all_the_same() {
        let (directory, root) = repository();
        let link = |target: &Path, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        link(&directory.path().join("outside/new.db"), "out.db");
        link(Path::new("out.db"), "twice.db");
        link(Path::new("team/new.db"), "in.db");
        link(Path::new("round.db"), "round.db");
        fs::create_dir_all(directory.path().join("outside/deep")).unwrap();
        link(&directory.path().join("outside/deep"), "away");
        link(Path::new("away/../new.db"), "winding.db");
        for (written, is_inside) in [
            ("out.db", false),
            ("twice.db", false),
            ("out.db/below", false),
            ("winding.db", false),
            ("in.db", true),
            ("round.db", true),
        ] {
            assert_eq!(resolve_inside(&root, written, &root).is_ok(), is_inside, "{written}");
        }
    }

    #[test]
    fn the_root_has_git_or_is_the_parent() {
        let (directory, root) = repository();
        assert_eq!(repository_root(&root.join("team/prompts")).unwrap(), root);
        fs::remove_dir(root.join(".git")).unwrap();
        assert_eq!(repository_root(&root.join("team/prompts")).unwrap(), root.join("team"));
        assert!(repository_root(&directory.path().join("none")).is_err());
    }

    #[test]
    fn a_path_inside_is_cleaned() {
        let (_directory, root) = repository();
        let base = root.join("team/prompts");
        let resolve = |written| resolve_inside(&base, written, &root);
        assert_eq!(resolve("../../fixtures/./replies"), Ok(root.join("fixtures/replies")));
        assert_eq!(resolve("x.jsonl"), Ok(base.join("x.jsonl")));
        assert_eq!(resolve("../.."), Ok(root.clone()));
    }

    #[test]
    fn a_path_that_leaves_is_refused() {
        let (_directory, root) = repository();
        let base = root.join("team/prompts");
        let resolve = |written| resolve_inside(&base, written, &root);
        assert!(matches!(resolve("../../../secrets"), Err(PathError::Leaves { .. })));
        // A directory whose name merely begins alike is another one.
        assert!(matches!(resolve("../../../repository2"), Err(PathError::Leaves { .. })));
        for written in ["/etc/passwd", "~/replies", "C:/replies", "c:replies"] {
            assert!(matches!(resolve(written), Err(PathError::NotRelative { .. })), "{written}");
        }
        assert_eq!(resolve(""), Err(PathError::Empty));
        assert!(matches!(resolve(r"..\replies"), Err(PathError::Backslash { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leaves_is_refused_even_if_its_rest_does_not_exist() {
        let (directory, root) = repository();
        std::os::unix::fs::symlink(directory.path(), root.join("out")).unwrap();
        let base = root.join("team/prompts");
        assert!(matches!(resolve_inside(&base, "../../out/x/y", &root), Err(PathError::Leaves { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_a_link_out_is_refused_and_one_that_stays_is_not() {
        use std::os::unix::fs::symlink;
        let (directory, root) = repository();
        let [outside, inside] = [directory.path().join("secret"), root.join("replies.jsonl")];
        for file in [&outside, &inside] {
            crate::files::create_new(file, "text").unwrap();
        }
        let link = |to: &Path, name: &str| {
            let link = root.join("team").join(name);
            symlink(to, &link).unwrap();
            link
        };
        let problem = check_inside(&link(&outside, "out"), &root).unwrap_err();
        assert_eq!(problem.code, "file::link_leaves");
        assert!(problem.message.contains("secret"), "{problem}");
        assert_eq!(check_inside(&link(&inside, "in"), &root), Ok(()));
        assert_eq!(check_inside(&link(&root.join("none"), "dangling"), &root), Ok(()));
        assert_eq!(check_inside(&root.join("none"), &root), Ok(()));
    }

    #[test]
    fn dots_are_resolved_by_name() {
        for (path, clean) in
            [("prompts/../fixtures", "fixtures"), ("./..", ".."), ("a/..", "."), ("/..", "/")]
        {
            assert_eq!(without_dots(Path::new(path)), Path::new(clean), "{path}");
        }
    }
}
