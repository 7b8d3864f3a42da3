//! Patterns for names and files: `*` for any characters, `?` for one, `**` for any directories.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{PathError, resolve_inside};

/// Why the files of a pattern cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The pattern, or a file that it matches, is no path of the repository.
    #[error(transparent)]
    Path(#[from] PathError),
    /// There is no such file.
    #[error("`{pattern}` matches no file in `{}`", base.display())]
    Nothing {
        /// The pattern as written.
        pattern: String,
        /// Where it was looked for.
        base: PathBuf,
    },
    /// A link has a name that fits, and what it leads to is not there.
    #[error("`{}` fits `{pattern}`, and this link leads nowhere", path.display())]
    LeadsNowhere {
        /// The link.
        path: PathBuf,
        /// The pattern as written.
        pattern: String,
    },
    /// A file or a directory fits, and its name is no text.
    #[error("`{}` fits `{pattern}`, and its name is no UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The pattern as written.
        pattern: String,
    },
    /// A directory cannot be read, or what fits cannot be looked at.
    #[error("`{}` cannot be read: {message}", path.display())]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        message: String,
    },
}

impl FindError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Path(error) => error.help(),
            Self::Nothing { .. } => {
                "paths are relative to the file that names them; `*` stays in a directory"
            }
            Self::LeadsNowhere { .. } => {
                "bring what it leads to (a submodule, a data store), or remove the link: a part of what fits is not all of it"
            }
            Self::NotUtf8 { .. } => {
                "rename it: a part of what fits is not all of it, and names of files are UTF-8 here"
            }
            Self::Unreadable { .. } => "change its permissions, or run as its owner",
        }
    }
}

/// The files that `pattern` means in a file that stands in `base`, sorted by path; never none. `repository` is the result of
/// [`repository_root`](super::repository_root): a match that lies outside, by `..` or through a link, is refused.
///
/// `*` and `?` match within a name, and no leading dot; `**` as a whole part matches any number of directories, links excepted. What fits
/// and cannot be looked at is an error: a part of the files would look like all of them.
pub fn find_files(base: &Path, pattern: &str, repository: &Path) -> Result<Vec<PathBuf>, FindError> {
    let nothing = || FindError::Nothing { pattern: pattern.to_owned(), base: base.to_owned() };
    let parts = parts_of(pattern);
    let literal = parts.iter().take_while(|part| !is_pattern(part)).count();
    if literal == parts.len() {
        let path = resolve_inside(base, pattern, repository)?;
        return if path.is_file() { Ok(vec![path]) } else { Err(nothing()) };
    }
    // Checked as a whole as well: a backslash may stand behind the first wildcard.
    resolve_inside(base, pattern, repository)?;
    let prefix = if literal == 0 { ".".to_owned() } else { parts[..literal].join("/") };
    let start = resolve_inside(base, &prefix, repository)?;
    let mut search = Search { pattern, start: &start, found: Vec::new(), walked: HashSet::new() };
    search.walk(&start, &parts[literal..])?;
    let mut found = search.found;
    found.sort();
    found.dedup();
    for path in &found {
        let real = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        if !real.starts_with(repository) {
            let written = path.display().to_string();
            return Err(PathError::Leaves { written, leads_to: real }.into());
        }
    }
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

/// Whether a name fits a pattern in which `*` stands for any characters and `?` for one.
pub fn matches_glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    // Where to go on after a mismatch: behind the last star, with one more character taken by it.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, position));
                at += 1;
            }
            Some(&expected) if expected == '?' || expected == name[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    (at, position) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&character| character == '*')
}

/// Whether a path fits a pattern, both with `/` between their parts and relative to the same directory: as [`find_files`] finds
/// files, for files that lie on no disk.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    let parts = parts_of(pattern);
    // Alone at the end it means directories, and those are no files.
    if parts.last() == Some(&"**") {
        return false;
    }
    // How many parts may be behind us.
    let mut behind = BTreeSet::from([0]);
    for name in path.split('/') {
        let directories = behind.iter().filter(|at| parts.get(**at) == Some(&"**")).map(|at| at + 1);
        behind.extend(directories.collect::<Vec<_>>());
        behind = behind
            .into_iter()
            .filter_map(|at| {
                let part = *parts.get(at)?;
                let is_hidden = name.starts_with('.') && !part.starts_with('.');
                match part {
                    "**" => (!is_hidden).then_some(at),
                    _ if is_pattern(part) => (!is_hidden && matches_glob(part, name)).then_some(at + 1),
                    _ => (part == name).then_some(at + 1),
                }
            })
            .collect();
    }
    behind.contains(&parts.len())
}

/// The parts of a pattern. Several `**` in a row mean what one means, and would be walked for each of them.
pub fn parts_of(pattern: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = pattern.split('/').collect();
    parts.dedup_by(|part, before| *part == "**" && *before == "**");
    parts
}

fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?'])
}

struct Search<'a> {
    pattern: &'a str,
    /// The directory where the search begins.
    start: &'a Path,
    found: Vec<PathBuf>,
    /// From which directory how many parts were looked for: between two `**` there are many ways to one directory.
    walked: HashSet<(PathBuf, usize)>,
}

impl Search<'_> {
    fn walk(&mut self, directory: &Path, parts: &[&str]) -> Result<(), FindError> {
        let Some((&part, rest)) = parts.split_first() else { return Ok(()) };
        if !self.walked.insert((directory.to_owned(), parts.len())) {
            return Ok(());
        }
        if part == "**" {
            self.walk(directory, rest)?;
        }
        let mut names = Vec::new();
        if is_pattern(part) {
            let entries = match fs::read_dir(directory) {
                Ok(entries) => entries,
                // What is no directory has no files; whether that matters is known at the end.
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(unreadable(directory, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(directory, &error))?;
                let name = entry.file_name();
                let text = name.to_string_lossy();
                if text.starts_with('.') && !part.starts_with('.') {
                    continue;
                }
                if part == "**" {
                    let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
                    if kind.is_dir() {
                        self.walk(&entry.path(), parts)?;
                    }
                } else if matches_glob(part, &text) {
                    names.push(name);
                }
            }
        } else {
            names.push(part.into());
        }
        for name in names {
            let path = directory.join(name);
            match fs::metadata(&path) {
                Ok(there) if rest.is_empty() && !there.is_file() => {}
                Ok(_) if rest.is_empty() && self.is_no_text(&path) => {
                    return Err(FindError::NotUtf8 { path, pattern: self.pattern.to_owned() });
                }
                Ok(_) if rest.is_empty() => self.found.push(path),
                Ok(there) if there.is_dir() => self.walk(&path, rest)?,
                // A file where directories are meant.
                Ok(_) => {}
                Err(error) if is_absent(&error) && path.is_symlink() => {
                    return Err(FindError::LeadsNowhere { path, pattern: self.pattern.to_owned() });
                }
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(())
    }

    /// Whether a file cannot be named in a message or a digest as it is. Where the whole repository lies is nobody's matter.
    fn is_no_text(&self, path: &Path) -> bool {
        path.strip_prefix(self.start).is_ok_and(|inside| inside.to_str().is_none())
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &io::Error) -> FindError {
    FindError::Unreadable { path: path.to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn repository() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap().join("repository");
        for path in [
            ".git/config",
            "tests/a.jsonl",
            "tests/b.csv",
            "tests/cases/b.jsonl",
            "tests/cases/a.jsonl",
            "tests/cases/.hidden.jsonl",
            "tests/cases/deep/er/c.jsonl",
            "common/s.jsonl",
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            crate::files::write_atomic(&path, "").unwrap();
        }
        (directory, root)
    }

    fn find(root: &Path, pattern: &str) -> Result<Vec<String>, FindError> {
        let found = find_files(&root.join("tests"), pattern, root)?;
        Ok(found.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect())
    }

    #[test]
    fn patterns_find_files_in_order() {
        let (_directory, root) = repository();
        let check =
            |pattern, expected: &[&str]| assert_eq!(find(&root, pattern).unwrap(), expected, "{pattern}");
        check("a.jsonl", &["tests/a.jsonl"]);
        check("cases/*.jsonl", &["tests/cases/a.jsonl", "tests/cases/b.jsonl"]);
        check("*", &["tests/a.jsonl", "tests/b.csv"]);
        check("?.csv", &["tests/b.csv"]);
        check("../common/*.jsonl", &["common/s.jsonl"]);
        check("c*/deep/*/c.jsonl", &["tests/cases/deep/er/c.jsonl"]);
        check("cases/.h*", &["tests/cases/.hidden.jsonl"]);
        check(
            "**/*.jsonl",
            &["tests/a.jsonl", "tests/cases/a.jsonl", "tests/cases/b.jsonl", "tests/cases/deep/er/c.jsonl"],
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_fits_and_has_a_name_that_is_no_text_is_not_left_out() {
        use std::os::unix::ffi::OsStrExt;

        let (_directory, root) = repository();
        let name = |bytes| std::ffi::OsStr::from_bytes(bytes);
        let inside = root.join("tests").join(name(b"caf\xe9"));
        // Some file systems have no such names.
        if fs::create_dir(&inside).is_err() {
            return;
        }
        crate::files::write_atomic(&root.join("tests").join(name(b"r\xe9.csv")), "").unwrap();
        crate::files::write_atomic(&inside.join("x.jsonl"), "").unwrap();
        for pattern in ["*.csv", "r?.csv", "**/x.jsonl", "c*/x.jsonl"] {
            let error = find(&root, pattern).unwrap_err().to_string();
            assert!(error.contains("is no UTF-8"), "{pattern}: {error}");
        }
        assert_eq!(
            find(&root, "*.jsonl").unwrap(),
            ["tests/a.jsonl"],
            "what does not fit is nobody's matter"
        );
        assert!(find(&root, "**/c.jsonl").is_ok());
    }

    #[test]
    fn a_path_fits_where_its_file_is_found() {
        let (_directory, root) = repository();
        let everything = [
            "a.jsonl",
            "b.csv",
            "cases/b.jsonl",
            "cases/a.jsonl",
            "cases/.hidden.jsonl",
            "cases/deep/er/c.jsonl",
        ];
        let patterns = [
            "a.jsonl",
            "cases/*.jsonl",
            "*",
            "?.csv",
            "c*/deep/*/c.jsonl",
            "cases/.h*",
            "**/*.jsonl",
            "**",
            "**/**/c.jsonl",
            "cases/**/c.jsonl",
            "cases/**",
            "*/*",
            "none",
            "cases",
            "cases/a.jsonl/*",
        ];
        for pattern in patterns {
            let mut fitting: Vec<String> = everything
                .iter()
                .filter(|path| matches_path(pattern, path))
                .map(|path| format!("tests/{path}"))
                .collect();
            fitting.sort();
            assert_eq!(fitting, find(&root, pattern).unwrap_or_default(), "{pattern}");
        }
    }

    #[test]
    fn many_stars_look_for_each_part_from_each_directory_once() {
        let (_directory, root) = repository();
        let deep = root.join("tests").join(vec!["a"; 20].join("/"));
        fs::create_dir_all(&deep).unwrap();
        crate::files::write_atomic(&deep.join("rows.jsonl"), "").unwrap();
        let found = format!("tests/{}/rows.jsonl", vec!["a"; 20].join("/"));
        for pattern in [["**"; 20].join("/"), ["**/a"; 12].join("/")] {
            let pattern = format!("{pattern}/rows.jsonl");
            assert_eq!(find(&root, &pattern).unwrap(), [found.as_str()]);
            assert!(matches_path(&format!("tests/{pattern}"), &found));
        }
        assert_eq!(parts_of("**/**/a/**/b/**/**"), ["**", "a", "**", "b", "**"]);
    }

    /// A part of what fits, found, would look like all of it.
    #[cfg(unix)]
    #[test]
    fn what_fits_and_is_not_there_is_an_error() {
        let (_directory, root) = repository();
        let link = |name: &str| std::os::unix::fs::symlink("nowhere", root.join(name)).unwrap();
        link("tests/cases/gone.jsonl");
        for pattern in ["cases/*.jsonl", "**/*.jsonl", "**/gone.jsonl", "*/gone.jsonl"] {
            let found = find(&root, pattern);
            assert!(matches!(found, Err(FindError::LeadsNowhere { .. })), "{pattern}: {found:?}");
        }
        assert_eq!(find(&root, "cases/a*.jsonl").unwrap(), ["tests/cases/a.jsonl"]);
        // Nor does one tell what lies in a directory that is not there.
        link("tests/stored");
        assert!(matches!(find(&root, "*/a.jsonl"), Err(FindError::LeadsNowhere { .. })));
        assert_eq!(find(&root, "**/er/*.jsonl").unwrap(), ["tests/cases/deep/er/c.jsonl"]);
    }

    /// A directory that can be listed and not entered. Who may do everything cannot be shown that.
    #[cfg(unix)]
    #[test]
    fn what_fits_and_cannot_be_looked_at_is_an_error() {
        use std::os::unix::fs::PermissionsExt as _;

        let (_directory, root) = repository();
        let closed = root.join("tests/cases/deep");
        let permit = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
        permit(0o444);
        let found = find(&root, "**/*.jsonl");
        let is_refused = fs::metadata(closed.join("er")).is_err();
        permit(0o755);
        assert_eq!(matches!(found, Err(FindError::Unreadable { .. })), is_refused, "{found:?}");
    }

    #[test]
    fn nothing_is_an_error_and_so_is_leaving() {
        let (_directory, root) = repository();
        for pattern in ["none.jsonl", "none/*.jsonl", "*.txt", "cases", "a.jsonl/*", "*/../a.jsonl/x*"] {
            assert!(matches!(find(&root, pattern), Err(FindError::Nothing { .. })), "{pattern}");
        }
        for pattern in ["../../*", "/etc/*", "~/*", "", r"cases\*.jsonl", r"*\a"] {
            assert!(matches!(find(&root, pattern), Err(FindError::Path(_))), "{pattern}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_is_refused_and_one_that_stays_is_followed() {
        let (directory, root) = repository();
        crate::files::write_atomic(&directory.path().join("secret.jsonl"), "").unwrap();
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link(&root.join("common/s.jsonl"), "tests/linked.jsonl");
        assert_eq!(find(&root, "l*.jsonl").unwrap(), ["tests/linked.jsonl"]);
        link(&directory.path().join("secret.jsonl"), "tests/secret.jsonl");
        assert!(matches!(find(&root, "s*.jsonl"), Err(FindError::Path(PathError::Leaves { .. }))));
        link(directory.path(), "tests/out");
        assert!(matches!(find(&root, "out/*.jsonl"), Err(FindError::Path(PathError::Leaves { .. }))));
        assert!(matches!(find(&root, "o*/*.jsonl"), Err(FindError::Path(PathError::Leaves { .. }))));
    }

    proptest! {
        #[test]
        fn a_star_stands_for_anything(start in "[ab?*é]{0,4}", middle in ".{0,6}", end in "[abé]{0,4}") {
            let name = format!("{start}{middle}{end}");
            let pattern = format!("{start}*{end}");
            prop_assert!(matches_glob(&pattern, &name));
            prop_assert!(matches_glob("*", &name));
            prop_assert!(matches_glob(&"?".repeat(name.chars().count()), &name));
            let longer = "?".repeat(name.chars().count() + 1);
            prop_assert!(!matches_glob(&longer, &name));
        }
    }
}
