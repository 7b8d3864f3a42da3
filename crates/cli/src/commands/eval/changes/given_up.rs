//! Submodules that a change gives up, or moves where they were not fetched. What lay in them is of a history that is not here.

use std::path::Path;

use promptassay_registry::files::may_be_there;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::Tree;

use super::Then;
use super::git::slashed;

impl Then<'_> {
    /// A warning for each submodule with prompts, or with files of one, that is none here and was one where the change began; and an error for
    /// each that the change moves and that was not fetched.
    pub(crate) fn given_up_submodules(&self, tree: &Tree) -> Result<Vec<Problem>, Box<Problem>> {
        let root = self.git.named(tree.root());
        let mut problems = Vec::new();
        let listing = self.git.listing_at(&self.fork)?;
        for submodule in listing.submodules().map(Path::new) {
            let here = self.git.here(submodule);
            let is_of_prompts = root.starts_with(submodule) || submodule.starts_with(&root);
            let is_touched = self.touched.within(submodule).next().is_some();
            if !is_of_prompts || !is_touched || may_be_there(&self.git.root().join(submodule).join(".git")) {
                continue;
            }
            let shown = slashed(submodule);
            let reference = self.reference;
            let place = Place::whole_file(tree.root());
            problems.push(if self.git.submodule_in_index(submodule)?.is_some() {
                let message = format!(
                    "`{shown}` is a submodule that was not fetched, and this change moves it to another commit: what is in it cannot be looked at"
                );
                let help = format!("`git submodule update --init {shown}` fetches it");
                Problem::error("changes::submodule_not_fetched", message).at(place).help(help)
            } else if may_be_there(&here) {
                let message = format!(
                    "`{shown}` is a submodule at {reference}, and this change has files in its place: what was frozen, asked and in use in it there does not count for them"
                );
                let help = "to take a submodule in, change nothing else: whoever reviews the change should know that no rule of the base holds for it";
                Problem::warning("changes::submodule_inlined", message).at(place).help(help)
            } else {
                let message = format!(
                    "`{shown}` is a submodule at {reference}, and this change removes it: which prompts were in it, and whether one is in production, is not looked at"
                );
                let help = "whoever reviews the change should know that nobody is served what is in it any more";
                Problem::warning("changes::submodule_removed", message).at(place).help(help)
            });
        }
        Ok(problems)
    }
}
