//! The paths that a change touches, as git names them: each question about one file is a look-up, and not a walk over all of them.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// Paths from the top of a repository. Where all that is known is that a submodule differs, its directory is one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChangedPaths(BTreeSet<PathBuf>);

impl ChangedPaths {
    pub(super) fn iter(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this very file is one of them.
    pub(super) fn contains(&self, name: &Path) -> bool {
        self.0.contains(name)
    }

    /// Those that are this file or directory, or in it.
    pub(super) fn within<'p>(&'p self, name: &'p Path) -> impl Iterator<Item = &'p PathBuf> {
        // Paths are ordered by their parts, so what is in a directory stands together behind it.
        let from = self.0.range::<Path, _>((Bound::Included(name), Bound::Unbounded));
        from.take_while(move |path| path.starts_with(name))
    }

    /// Whether one of them is this file or directory, or lies around it.
    pub(super) fn is_in_one(&self, name: &Path) -> bool {
        name.ancestors().any(|ancestor| self.0.contains(ancestor))
    }
}

impl FromIterator<PathBuf> for ChangedPaths {
    fn from_iter<I: IntoIterator<Item = PathBuf>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_look_up_finds_what_a_walk_over_all_finds(
            paths in prop::collection::vec("[ab.-]{1,2}(/[ab.-]{1,2}){0,3}", 0..20),
            name in "[ab.-]{1,2}(/[ab.-]{1,2}){0,2}",
        ) {
            let (all, name) = (paths.iter().map(PathBuf::from).collect::<Vec<_>>(), Path::new(&name));
            let changed: ChangedPaths = all.iter().cloned().collect();
            let mut expected: Vec<&PathBuf> = all.iter().filter(|path| path.starts_with(name)).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(changed.within(name).collect::<Vec<_>>(), expected);
            prop_assert_eq!(changed.is_in_one(name), all.iter().any(|path| name.starts_with(path)));
        }
    }
}
