//! Reads the text of a version in its own template format: a registered one in that of its row of `prompt.lock`, all others in that of
//! `prompt.yaml`.

use std::path::Path;
use std::sync::Arc;

use crate::content::VersionContent;
use crate::digest::Digest;
use crate::lock_file::{Lock, LockRow};
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
    let reader = Reader::new(&declared, None)?;
    let read = reader.read(file, &text.into(), Form::of(file), row, &mut Vec::new());
    read.interface.filter(|_| !read.grounds.are_missing()).map(|shared| shared.interface.format())
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
    /// Nothing does, but the other format is not the likelier one: it is read as new versions are.
    Likely,
    /// Nothing does, and in the other format it is another text that may have been meant.
    Missing,
    /// Nothing does, and it is no text of the format of new versions, but one of the other: that in which it is read here.
    OtherOnly,
}

impl Grounds {
    /// Whether nobody may be served the text before somebody has told its format.
    pub(crate) fn are_missing(self) -> bool {
        matches!(self, Self::Missing | Self::OtherOnly)
    }
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
    /// Whether a file says so, rather than that it was never said: then it may have been the other one once.
    is_told: bool,
    /// What is declared, for either format.
    declared: Option<[Shared; 2]>,
}

impl Reader {
    /// `None` without a known language: then no template can be read.
    pub(super) fn new(file: &PromptFile, lock: Option<&Lock>) -> Option<Self> {
        let format = file.format?;
        let formats = lock.into_iter().flat_map(|lock| lock.rows.values()).map(|row| row.template_format);
        let is_told = file.format_is_told || formats.flatten().any(|kept| kept != format);
        let declared = match &file.variables {
            Declared::Valid(variables) => {
                Some(TemplateFormat::ALL.map(|format| Shared::new(format, variables.clone())))
            }
            Declared::Not | Declared::Broken => None,
        };
        Some(Self { format, is_told, declared })
    }

    /// A registered text says for ever what it said when it was registered, so it is read in the format of its row. A row of before the
    /// format was kept has a digest that may prove one; where it proves none, the text is read as all others are, unless
    /// it may have been registered in the other one.
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
            let mut grounds = self.grounds(row, (format, &read), (format.other(), &other));
            if grounds.are_missing() && row.sha256 != Digest::of(text.as_bytes()) {
                // Another text was registered, which is the error to be told.
                grounds = Grounds::Likely;
            }
            read.grounds = grounds;
            other.grounds = grounds;
            let is_of_other = grounds == Grounds::Proven && !proves(row, format, &read);
            if is_of_other || grounds == Grounds::OtherOnly {
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
        if proves(row, format, read) || proves(row, other_format, other) {
            let is_alike = read.file.content.as_ref().is_some_and(VersionContent::is_alike_in_both_formats);
            return if is_alike { Grounds::Written } else { Grounds::Proven };
        }
        match (&read.file.content, &other.file.content) {
            // What is no text of a language was not registered in it.
            (Some(_) | None, None) => Grounds::Written,
            (None, Some(_)) => Grounds::OtherOnly,
            (Some(content), Some(_)) if content.is_alike_in_both_formats() => Grounds::Written,
            (Some(content), Some(of_other)) if self.is_likely(content, of_other) => Grounds::Likely,
            (Some(_), Some(_)) => Grounds::Missing,
        }
    }

    /// Whether a text is read as new versions are, though it says something else in the other format. Where nobody ever told a format, all
    /// was of the default one unless the text itself speaks against it; where one is told, it may have been another one once, and the text
    /// has to speak for it: it takes what is declared, and in the other format nothing.
    fn is_likely(&self, content: &VersionContent, of_other: &VersionContent) -> bool {
        let takes_any = |content: &VersionContent| !content.variables().is_empty();
        if self.is_told {
            return self.takes_declared(content) && !takes_any(of_other);
        }
        let declared_in_other_alone = !self.takes_declared(content) && self.takes_declared(of_other);
        (takes_any(content) || !takes_any(of_other)) && !declared_in_other_alone
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
