//! Answers that a change brings with it: what the cache knows is not asked, and whoever commits its files writes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use promptassay_registry::problem::{Place, Problem};

use super::Then;
use super::git::slashed;

impl Then<'_> {
    /// A warning where files of the cache are in git and the change brings or edits some. Recorded replies are another matter: that they
    /// are recorded stands beside every verdict, and their lines are read in the change.
    pub(crate) fn own_answers(&self, cache: &Path) -> Result<Option<Problem>, Box<Problem>> {
        let name = self.git.named(cache);
        let asked = ["--literal-pathspecs", "ls-files", "-z", "--", &slashed(&name)];
        let in_git: BTreeSet<PathBuf> = self.git.paths(&asked)?.into_iter().collect();
        let brought = self.touched.within(&name).filter(|path| in_git.contains(*path)).count();
        if brought == 0 {
            return Ok(None);
        }
        let answers = if brought == 1 { "an answer".to_owned() } else { format!("{brought} answers") };
        let message = format!(
            "this change brings {answers} of its own in `{}`: what is there counts as cached, and no model is asked for it",
            slashed(&name)
        );
        let help =
            "keep the cache out of git (`git rm -r --cached`), or ask anew with `--refresh` or `--no-cache`";
        Ok(Some(Problem::warning("changes::own_answers", message).at(Place::whole_file(cache)).help(help)))
    }
}
