//! Answers that a change brings with it: what the cache knows is not asked, and whoever commits its files writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use promptassay_registry::problem::{Place, Problem};

use super::git::slashed;
use super::{Then, linked};

impl Then<'_> {
    /// A warning where files of the cache are in git and the change brings or edits some, wherever links say that the cache is. Recorded
    /// replies are another matter: that they are recorded stands beside every verdict, and their lines are read in the change.
    pub(crate) fn own_answers(&self, cache: &Path) -> Result<Option<Problem>, Box<Problem>> {
        let name = self.git.named(cache);
        let (mut brought, mut leads_elsewhere) = (BTreeSet::new(), false);
        let places: BTreeSet<PathBuf> =
            linked::trail(&self.git, cache).into_iter().chain([name.clone()]).collect();
        for place in places {
            let in_git = self.in_git(&place)?;
            brought.extend(self.touched.within(&place).filter(|path| in_git.contains(*path)).cloned());
            // A link on the way, or a submodule around it.
            for around in place.ancestors().skip(1).filter(|around| self.touched.contains(around)) {
                leads_elsewhere |= !self.in_git(around)?.is_empty();
            }
        }
        brought.extend(linked::behind_links(&self.git, cache, &self.touched));
        let is_link = |path: &PathBuf| self.git.here(path).is_symlink();
        leads_elsewhere |= brought.iter().any(is_link);
        brought.retain(|path| !is_link(path));
        let answers = match brought.len() {
            0 if !leads_elsewhere => return Ok(None),
            0 => "answers".to_owned(),
            1 => "an answer".to_owned(),
            several => format!("{several} answers"),
        };
        let message = format!(
            "this change brings {answers} of its own in `{}`: what is there counts as cached, and no model is asked for it",
            slashed(&name)
        );
        let help =
            "keep the cache out of git (`git rm -r --cached`), or ask anew with `--refresh` or `--no-cache`";
        Ok(Some(Problem::warning("changes::own_answers", message).at(Place::whole_file(cache)).help(help)))
    }

    /// The files of this name and in it that git keeps.
    fn in_git(&self, name: &Path) -> Result<BTreeSet<PathBuf>, Box<Problem>> {
        let asked = ["--literal-pathspecs", "ls-files", "-z", "--", &slashed(name)];
        Ok(self.git.paths(&asked)?.into_iter().collect())
    }
}
