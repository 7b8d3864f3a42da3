//! The variables of a prompt as they were: by its defaults of today a suite of another day asks something else.

use std::path::Path;

use promptassay_registry::problem::Problem;
use promptassay_registry::prompt_file::{self, Declared, declared_variables};
use promptassay_registry::template::{Template, TemplateFormat};
use promptassay_registry::tree::version_of_file;
use promptassay_registry::variables::{Interface, Variable, Variables};
use promptassay_registry::yaml::Document;

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
        // What is wrong with it is no news today, and one that is no text declared nothing.
        let path = self.git.named(&file);
        let text = self.git.text_at(commit, &path)?;
        let document = text.and_then(|text| Document::parse(path, text, &mut Vec::new()));
        let declared = document.as_ref().map_or(Declared::Broken, declared_variables);
        let variables = match declared {
            Declared::Valid(variables) => variables.with_new_defaults_of(today.variables()),
            // Whatever a case gives: of any type, and none that a text took had a default.
            Declared::Not => {
                let texts = self.texts(commit, directory)?;
                let is_taken = |name: &str| texts.iter().any(|text| takes(text, today.format(), name));
                let there =
                    |(name, variable): &(&str, &Variable)| variable.default().is_none() || is_taken(name);
                let names = today.variables().iter().filter(there).map(|(name, _)| name);
                Variables::inferred(TemplateFormat::Jinja, names).with_new_defaults_of(today.variables())
            }
            Declared::Broken => today.variables().clone(),
        };
        Ok(Interface::new(today.format(), variables))
    }

    /// What stands in the files of versions that the directory of a prompt had at a commit.
    fn texts(&self, commit: &str, directory: &Path) -> Result<Vec<String>, Box<Problem>> {
        let directory = self.git.named(directory);
        let files = self.git.files_in_at(commit, &directory)?.into_iter();
        let versions = files.filter(|file| version_of_file(file).is_some());
        let texts = versions.map(|file| self.git.text_at(commit, &directory.join(file)));
        texts.filter_map(Result::transpose).collect()
    }
}

/// Whether a version takes this variable. Where its file is no template by itself, as one of messages is not, its name says so.
fn takes(text: &str, format: TemplateFormat, name: &str) -> bool {
    match Template::parse(format, text) {
        Ok(template) => template.variables().contains(&name),
        Err(_) => text.contains(name),
    }
}
