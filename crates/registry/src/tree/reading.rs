//! Reads the text of a version in its own template format: a registered one in that of its row of `prompt.lock`, all others in that of
//! `prompt.yaml`.

use std::path::Path;
use std::sync::Arc;

use crate::content::VersionContent;
use crate::digest::Digest;
use crate::lock_file::LockRow;
use crate::problem::Problem;
use crate::prompt_file::{Declared, PromptFile};
use crate::template::{Template, TemplateFormat, Values};
use crate::variables::{Interface, Variables};
use crate::version_file::{Form, VersionFile};
use crate::yaml::Document;

/// The template format in which a version is read whose files are not at hand, as those of another commit: by its `prompt.yaml`, whatever
/// else is wrong with that, its text and its row of `prompt.lock`. `None` where that cannot be told.
pub fn template_format_of(
    prompt: &Document,
    (file, text): (&Path, &str),
    row: Option<&LockRow>,
) -> Option<TemplateFormat> {
    if let Some(format) = row.and_then(|row| row.template_format) {
        return Some(format);
    }
    let declared = PromptFile::read(prompt, "", &mut Vec::new())?;
    let reader = Reader::new(declared.format?, &declared.variables);
    let (_, interface) = reader.read(file, &text.into(), Form::of(file), row, &mut Vec::new());
    Some(interface?.interface.format())
}

impl VersionContent {
    /// Whether the text says the same in both template formats: no brace in it means anything in either.
    pub fn is_alike_in_both_formats(&self) -> bool {
        self.templates().all(|template| {
            let Ok(other) = Template::parse(template.format().other(), template.source()) else {
                return false;
            };
            let said = |template: &Template| {
                let text = template.render(&Values::new()).ok();
                text.filter(|_| template.variables().is_empty())
            };
            said(template).is_some_and(|text| said(&other) == Some(text))
        })
    }
}

/// Reads versions, each in its own template format.
pub(super) struct Reader {
    /// That of `prompt.yaml`: of every text that is not registered.
    format: TemplateFormat,
    /// What is declared, for either format.
    declared: Option<[Shared; 2]>,
}

impl Reader {
    pub(super) fn new(format: TemplateFormat, variables: &Declared) -> Self {
        let declared = match variables {
            Declared::Valid(variables) => {
                Some(TemplateFormat::ALL.map(|format| Shared::new(format, variables.clone())))
            }
            Declared::Not | Declared::Broken => None,
        };
        Self { format, declared }
    }

    /// A registered text says for ever what it said when it was registered, so it is read in the format of its row. A row of before the
    /// format was kept has a digest that may prove one; where it proves none, the text is read as all others are.
    pub(super) fn read(
        &self,
        file: &Path,
        text: &Arc<str>,
        form: Form,
        row: Option<&LockRow>,
        problems: &mut Vec<Problem>,
    ) -> (VersionFile, Option<Shared>) {
        let in_format = |format: TemplateFormat| {
            let mut found = Vec::new();
            let read = VersionFile::parse(file, text, form, format, &mut found);
            let interface = read.content.as_ref().map(|content| self.interface(format, content));
            ((read, interface), found)
        };
        let format = row.and_then(|row| row.template_format).unwrap_or(self.format);
        let (mut read, mut found) = in_format(format);
        if let Some(row) = row.filter(|row| row.template_format.is_none())
            && !proves(row, format, &read)
        {
            let (other, of_other) = in_format(format.other());
            if proves(row, format.other(), &other) {
                (read, found) = (other, of_other);
            }
        }
        problems.append(&mut found);
        read
    }

    /// What is declared, or else what this content uses.
    fn interface(&self, format: TemplateFormat, content: &VersionContent) -> Shared {
        let declared = self.declared.as_ref().and_then(|declared| {
            declared.iter().find(|declared| declared.interface.format() == format).cloned()
        });
        declared.unwrap_or_else(|| Shared::inferred(format, content))
    }
}

/// Whether a row is of a text that was read so, with the variables that are declared now, or with those that it uses: nobody need have
/// declared any.
fn proves(row: &LockRow, format: TemplateFormat, (read, interface): &(VersionFile, Option<Shared>)) -> bool {
    let (Some(content), Some(interface)) = (&read.content, interface) else { return false };
    row.interface == interface.digest || row.interface == Shared::inferred(format, content).digest
}

/// An interface with its digest, made once for all versions that share it.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) interface: Arc<Interface>,
    pub(super) digest: Digest,
}

impl Shared {
    fn new(format: TemplateFormat, variables: Variables) -> Self {
        let interface = Interface::new(format, variables);
        Self { digest: interface.digest(), interface: Arc::new(interface) }
    }

    fn inferred(format: TemplateFormat, content: &VersionContent) -> Self {
        Self::new(format, Variables::inferred(format, content.variables()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_braces_that_mean_something_says_the_same_in_both_formats() {
        for (text, is_alike) in [
            ("Say hello.\n", true),
            ("Say {query}", false),
            ("Say {{ query }}", false),
            ("Put {{query}} there", false),
            ("{% if true %}a{% endif %}", false),
            ("{# a remark #}", false),
        ] {
            for format in TemplateFormat::ALL {
                let Ok(content) = VersionContent::parse("v1.0.0.txt", text, format) else { continue };
                assert_eq!(content.is_alike_in_both_formats(), is_alike, "{text} in {format}");
            }
        }
    }
}
