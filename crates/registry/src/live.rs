//! A tree that a long-running program reads while the files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::problem::{Problem, has_errors};
use crate::tree::{Loaded, Tree};

/// A handle to the prompts of a directory. Cheap to clone, shared between threads; every clone sees every reload.
///
/// Readers take no lock and are never kept waiting by a reload. Who reads several things that belong together takes one
/// [`snapshot`](Self::snapshot) and reads them from it.
#[derive(Debug, Clone)]
pub struct LiveRegistry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    current: ArcSwap<Tree>,
    /// Reloads come one after the other, so that an older state never replaces a newer one.
    reloading: Mutex<()>,
}

/// The files have errors, so the state from before stays, where there is one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the prompts in `{}` have {}{}", root.display(), count(problems), first(problems))]
pub struct ReloadError {
    /// The prompts directory.
    pub root: PathBuf,
    /// All problems, warnings too, ordered by file, line and column.
    pub problems: Vec<Problem>,
}

/// The first of the errors: a log that says only that there is one sends its reader to another program.
fn first(problems: &[Problem]) -> String {
    problems
        .iter()
        .find(|problem| problem.is_error())
        .map_or_else(String::new, |problem| format!(": {problem}"))
}

fn count(problems: &[Problem]) -> String {
    match problems.iter().filter(|problem| problem.is_error()).count() {
        1 => "an error".to_owned(),
        errors => format!("{errors} errors"),
    }
}

impl LiveRegistry {
    /// Reads the prompts directory. A directory with an error is refused, warnings are not.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, ReloadError> {
        let root = root.into();
        let tree = sound(&root)?;
        Ok(Self {
            shared: Arc::new(Shared {
                root,
                current: ArcSwap::from_pointee(tree),
                reloading: Mutex::new(()),
            }),
        })
    }

    /// The prompts directory, as it was named.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The prompts as they were at the last successful reload; what is read from one snapshot belongs together.
    pub fn snapshot(&self) -> Arc<Tree> {
        self.shared.current.load_full()
    }

    /// Reads the files again and swaps the state at once, for every clone. With an error in any file the state stays as it is.
    pub fn reload(&self) -> Result<(), ReloadError> {
        let _one_at_a_time = self.shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = sound(&self.shared.root)?;
        self.shared.current.store(Arc::new(tree));
        Ok(())
    }
}

fn sound(root: &Path) -> Result<Tree, ReloadError> {
    let Loaded { tree, problems } = Tree::load(root);
    if has_errors(&problems) {
        return Err(ReloadError { root: root.to_owned(), problems });
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::content::Rendered;
    use crate::files::write_atomic;
    use crate::memory::RenderFailure;
    use crate::template::Values;

    fn write(root: &Path, text: &str) {
        write_atomic(&root.join("a/v1.0.0.txt"), text).unwrap();
    }

    fn directory() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        write_atomic(&root.path().join("a/prompt.yaml"), "name: a\nactive_version: v1.0.0\n").unwrap();
        write(root.path(), "one");
        root
    }

    fn text(tree: &Tree) -> &str {
        &tree.prompt("a").unwrap().active_version().unwrap().text
    }

    #[test]
    fn every_clone_sees_a_reload_and_a_snapshot_does_not() {
        let root = directory();
        let live = LiveRegistry::open(root.path()).unwrap();
        let (clone, before) = (live.clone(), live.snapshot());
        write(root.path(), "two");
        assert_eq!(text(&clone.snapshot()), "one");
        live.reload().unwrap();
        assert_eq!((text(&clone.snapshot()), text(&before)), ("two", "one"));
    }

    #[test]
    fn the_last_good_state_stays_on_error() {
        let root = directory();
        let live = LiveRegistry::open(root.path()).unwrap();
        write(root.path(), "{broken");
        let error = live.reload().unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("have an error: ") && said.contains("a/v1.0.0.txt:1:1: this `{` is never closed"),
            "{said}"
        );
        assert_eq!(text(&live.snapshot()), "one");
        write(root.path(), "three");
        live.reload().unwrap();
        assert_eq!(text(&live.snapshot()), "three");
    }

    #[test]
    fn a_directory_with_an_error_is_not_opened() {
        let root = directory();
        write(root.path(), "{broken");
        assert_eq!(LiveRegistry::open(root.path()).unwrap_err().problems.len(), 1);
    }

    #[test]
    fn a_snapshot_renders() {
        let root = directory();
        write(root.path(), "Hello {name}.");
        let snapshot = LiveRegistry::open(root.path()).unwrap().snapshot();
        let version = snapshot.find("a").unwrap().active_version().unwrap();
        let values = |name: &str| Values::from([(name.to_owned(), "{name}".into())]);
        let rendering = version.render(&values("name")).unwrap();
        assert_eq!(rendering.output, Rendered::Text("Hello {name}.".to_owned()));
        assert!(
            matches!(version.render(&values("nam")), Err(RenderFailure::Values(problems)) if problems.len() == 1)
        );
    }

    #[test]
    fn readers_on_other_threads_see_one_state_or_the_other() {
        let root = directory();
        let live = LiveRegistry::open(root.path()).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut reads = 0_u32;
                        while !done.load(Ordering::Relaxed) || reads == 0 {
                            assert!(matches!(text(&live.snapshot()), "one" | "two"));
                            reads += 1;
                        }
                    })
                })
                .collect();
            for index in 0..20 {
                write(root.path(), if index % 2 == 0 { "two" } else { "one" });
                live.reload().unwrap();
            }
            done.store(true, Ordering::Relaxed);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }
}
