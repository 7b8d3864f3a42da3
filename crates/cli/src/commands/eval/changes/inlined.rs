//! Submodules that a change replaces by files of its own. What lay in them is of a history that is not here any more.

use std::path::Path;

use promptassay_registry::files::may_be_there;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Tree;

use super::Then;
use super::git::slashed;

impl Then<'_> {
    /// A warning for each submodule with prompts, or with files of one, that is none here and was one where the change began, and an error
    /// for each that the change moves and that was not fetched.
    pub(crate) fn inlined_submodules(&self, tree: &Tree) -> Result<Vec<Problem>, Box<Problem>> {
        let root = self.git.named(tree.root());
        let mut problems = Vec::new();
        let listing = self.git.listing_at(&self.fork)?;
        for submodule in listing.submodules().map(Path::new) {
            let here = self.git.here(submodule);
            let is_of_prompts = root.starts_with(submodule) || submodule.starts_with(&root);
            let is_touched = self.touched.iter().any(|path| path.starts_with(submodule));
            if !is_of_prompts || !is_touched || !here.is_dir() || may_be_there(&here.join(".git")) {
                continue;
            }
            let shown = slashed(submodule);
            if self.git.submodule_in_index(submodule)?.is_some() {
                let message = format!(
                    "`{shown}` is a submodule that was not fetched, and this change moves it to another commit: what is in it cannot be looked at"
                );
                let help = format!("`git submodule update --init {shown}` fetches it");
                problems.push(
                    Problem::error("changes::submodule_not_fetched", message)
                        .at(Place::whole_file(tree.root()))
                        .help(help),
                );
                continue;
            }
            let message = format!(
                "`{shown}` is a submodule at {}, and this change has files in its place: prompts in it are judged as new ones, and not against what was frozen, asked and in use there",
                self.reference
            );
            let help = "to take a submodule in, change nothing else: whoever reviews the change should know that no rule of the base holds for it";
            problems.push(
                Problem::warning("changes::submodule_inlined", message)
                    .at(Place::whole_file(tree.root()))
                    .help(help),
            );
        }
        Ok(problems)
    }
}
