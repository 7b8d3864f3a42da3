//! What a commit has: its files, links and submodules by path.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use super::git::slashed;

/// What a commit has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// The object that it is.
    File(String),
    /// The object with what it leads to.
    Link(String),
    /// The commit of a submodule.
    Submodule(String),
}

/// Everything that a commit has, by path, in the order of the paths' bytes.
#[derive(Debug, Default)]
pub(super) struct Listing(BTreeMap<String, Entry>);

impl Listing {
    /// What `git ls-tree -r -z` says.
    pub(super) fn parse(said: &[u8]) -> Self {
        // No file of a prompt has a name that is no text, and others may.
        let said = String::from_utf8_lossy(said);
        let entries = said.split('\0').filter_map(|line| {
            let (kind, path) = line.split_once('\t')?;
            let mut words = kind.split(' ');
            let (mode, id) = (words.next()?, words.nth(1)?);
            let entry = match mode {
                "120000" => Entry::Link,
                "160000" => Entry::Submodule,
                _ => Entry::File,
            };
            Some((path.to_owned(), entry(id.to_owned())))
        });
        Self(entries.collect())
    }

    pub(super) fn get(&self, path: &Path) -> Option<&Entry> {
        self.0.get(&slashed(path))
    }

    /// What lies in a directory, at any depth, by its path from there.
    pub(super) fn below<'l>(
        &'l self,
        directory: &Path,
    ) -> impl Iterator<Item = (&'l str, &'l Entry)> + use<'l> {
        let mut prefix = slashed(directory);
        if !prefix.is_empty() {
            prefix.push('/');
        }
        let length = prefix.len();
        let from = self.0.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        from.map(|(path, entry)| (path.as_str(), entry))
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(move |(path, entry)| (&path[length..], entry))
    }

    /// The submodules, by path, and their commits.
    pub(super) fn submodules(&self) -> impl Iterator<Item = &str> {
        let submodules = self.0.iter().filter(|(_, entry)| matches!(entry, Entry::Submodule(_)));
        submodules.map(|(path, _)| path.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let lines = ["a", "a-b/x", "a/b", "a/c.csv", "a/d/e.csv", "ab", "b"];
        let said: Vec<String> = lines.iter().map(|path| format!("100644 blob 0123\t{path}\0")).collect();
        Listing::parse(said.concat().as_bytes())
    }

    #[test]
    fn what_is_below_a_directory_is_no_neighbour_of_it() {
        let below = |directory: &str| -> Vec<String> {
            listing().below(Path::new(directory)).map(|(path, _)| path.to_owned()).collect()
        };
        assert_eq!(below("a"), ["b", "c.csv", "d/e.csv"]);
        assert_eq!(below("a/d"), ["e.csv"]);
        assert_eq!(below("b"), [""; 0]);
        assert_eq!(below("").len(), 7);
    }

    #[test]
    fn links_and_submodules_are_told_apart() {
        let lines = ["120000 blob 01\tl", "160000 commit ab\ts", "100755 blob 02\tp"];
        let listing = Listing::parse(lines.join("\0").as_bytes());
        assert_eq!(listing.get(Path::new("l")), Some(&Entry::Link("01".to_owned())));
        assert_eq!(listing.get(Path::new("s")), Some(&Entry::Submodule("ab".to_owned())));
        assert_eq!(listing.get(Path::new("p")), Some(&Entry::File("02".to_owned())));
        assert_eq!(listing.submodules().collect::<Vec<_>>(), ["s"]);
    }
}
