//! The variables of a prompt as they were: by its defaults of today a suite of another day asks something else.

use std::path::Path;

use promptassay_registry::problem::Problem;
use promptassay_registry::prompt_file::{self, Declared, declared_variables};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::variables::{Interface, Variables};

use super::Then;

impl Then<'_> {
    /// What callers of the prompt in a directory had to know at a commit, as far as it decides what a suite of that commit asks. `today` is
    /// its interface here: a variable that is new, with a default, edits no case, for no version of that commit can use it.
    pub(super) fn interface(
        &self,
        commit: &str,
        directory: &Path,
        today: &Interface,
    ) -> Result<Interface, Box<Problem>> {
        let file = directory.join(prompt_file::FILE_NAME);
        // What is wrong with it is no news today.
        let document = self.document(commit, &file, &mut Vec::new())?;
        let declared = document.as_ref().map_or(Declared::Broken, declared_variables);
        let variables = match declared {
            Declared::Valid(variables) => variables.with_new_defaults_of(today.variables()),
            // Whatever a case gives: of any type, and none of them had a default.
            Declared::Not => Variables::inferred(TemplateFormat::Jinja, today.variables().names()),
            Declared::Broken => today.variables().clone(),
        };
        Ok(Interface::new(today.format(), variables))
    }
}
