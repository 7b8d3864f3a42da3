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
/// else is wrong with that, its text and its row of `prompt.lock`. `None` where that cannot be told: what cannot be read was not served.
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
    let read = reader.read(file, &text.into(), Form::of(file), row, &mut Vec::new());
    read.interface.filter(|_| read.grounds != Grounds::Contradicted).map(|shared| shared.interface.format())
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

/// What says in which template format a version is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// A file does: the row of a registered version, `prompt.yaml` for all others. Or the text says the same in both.
    Written,
    /// The digest of its row proves it, for as long as no variable changes.
    Proven,
    /// Nothing does, so it is read as new versions are.
    Unproven,
    /// Nothing does, and the other format is the likelier one: as new versions are read it takes no declared variable, and would in the
    /// other.
    Contradicted,
}

/// A version's file, read in its format.
pub(super) struct Reading {
    pub(super) file: VersionFile,
    /// What a caller must know of it; `None` without content.
    pub(super) interface: Option<Shared>,
    pub(super) grounds: Grounds,
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
    ) -> Reading {
        let in_format = |format: TemplateFormat| {
            let mut found = Vec::new();
            let file = VersionFile::parse(file, text, form, format, &mut found);
            let interface = file.content.as_ref().map(|content| self.interface(format, content));
            (Reading { file, interface, grounds: Grounds::Written }, found)
        };
        let format = row.and_then(|row| row.template_format).unwrap_or(self.format);
        let (mut read, mut found) = in_format(format);
        if let Some(row) = row.filter(|row| row.template_format.is_none()) {
            let (mut other, of_other) = in_format(format.other());
            let grounds = self.grounds(row, (format, &read), (format.other(), &other));
            read.grounds = grounds;
            if grounds == Grounds::Proven && !proves(row, format, &read) {
                other.grounds = grounds;
                (read, found) = (other, of_other);
            }
        }
        problems.append(&mut found);
        read
    }

    /// What says how the text of a row without a format is to be read: as new versions are, or in the other format.
    fn grounds(
        &self,
        row: &LockRow,
        (format, read): (TemplateFormat, &Reading),
        (other_format, other): (TemplateFormat, &Reading),
    ) -> Grounds {
        let (Some(content), Some(of_other)) = (&read.file.content, &other.file.content) else {
            let is_proven = proves(row, format, read) || proves(row, other_format, other);
            return if is_proven { Grounds::Proven } else { Grounds::Written };
        };
        if content.is_alike_in_both_formats() {
            Grounds::Written
        } else if proves(row, format, read) || proves(row, other_format, other) {
            Grounds::Proven
        } else if !self.takes_declared(content) && self.takes_declared(of_other) {
            Grounds::Contradicted
        } else {
            Grounds::Unproven
        }
    }

    /// Whether a content uses a variable that is declared; where none are, whether it uses any.
    fn takes_declared(&self, content: &VersionContent) -> bool {
        content.variables().into_iter().any(|name| match &self.declared {
            Some([declared, _]) => declared.interface.variables().get(name).is_some(),
            None => true,
        })
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
fn proves(row: &LockRow, format: TemplateFormat, read: &Reading) -> bool {
    let (Some(content), Some(interface)) = (&read.file.content, &read.interface) else { return false };
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
