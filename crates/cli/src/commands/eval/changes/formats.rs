//! The template format in which versions were read at a commit: in another one the same bytes say something else, and prompt.lock decides
//! which one it is.

use std::path::Path;

use promptassay_registry::digest::Digest;
use promptassay_registry::lock_file::LockRow;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::{Prompt, PromptVersion, template_format_of};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;
use promptassay_registry::{lock_file, prompt_file};

use super::Then;
use super::linked::is_touched;

/// How a version of today was read at a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadThen {
    /// These bytes were not there.
    Not,
    /// It said the same.
    Alike,
    /// In another format, in which it said something else.
    In(TemplateFormat),
    /// Nothing told in which format it was to be read.
    Unclear,
}

impl Then<'_> {
    /// How a version was read at a commit, where its row of `prompt.lock` was this one.
    pub(super) fn read_then(
        &self,
        commit: &str,
        now: &PromptVersion,
        row: Option<&LockRow>,
    ) -> Result<ReadThen, Box<Problem>> {
        let today = now.interface.format();
        let is_alike = |then: TemplateFormat| then == today || now.content.is_alike_in_both_formats();
        let text = self.git.text_at(commit, &self.git.named(&now.path))?;
        let Some(text) = text.filter(|text| Digest::of(text) == now.digest) else { return Ok(ReadThen::Not) };
        let directory = now.path.parent().unwrap_or(Path::new(""));
        let path = self.git.named(&directory.join(prompt_file::FILE_NAME));
        // One that is no text told nobody anything.
        let document = self.git.text_at(commit, &path)?;
        let document = document.and_then(|text| Document::parse(path, text, &mut Vec::new()));
        let told = || template_format_of(document.as_ref()?, (&now.path, &text), row);
        let then = row.and_then(|row| row.template_format).or_else(told);
        Ok(match then {
            Some(then) if is_alike(then) => ReadThen::Alike,
            Some(then) => ReadThen::In(then),
            None if now.content.is_alike_in_both_formats() => ReadThen::Alike,
            None => ReadThen::Unclear,
        })
    }

    /// The versions of a prompt that have the bytes of where the change began, and that are read in another format by it.
    pub(super) fn reread(&self, prompt: &Prompt) -> Result<Vec<Version>, Box<Problem>> {
        let files = [lock_file::FILE_NAME, prompt_file::FILE_NAME];
        if !files.iter().any(|file| is_touched(&self.git, &prompt.directory().join(file), &self.touched)) {
            return Ok(Vec::new());
        }
        let began = self.lock(&self.fork, &self.git.named(prompt.directory()))?;
        let mut reread = Vec::new();
        for now in prompt.versions() {
            let row = began.rows.get(&now.version);
            let read = self.read_then(&self.fork, now, row)?;
            if matches!(read, ReadThen::In(_)) || (read == ReadThen::Unclear && row.is_some()) {
                reread.push(now.version.clone());
            }
        }
        Ok(reread)
    }

    /// A warning where the change says for the first time in which format a registered version is read.
    pub(super) fn format_told(&self, prompt: &Prompt, now: &PromptVersion) -> Problem {
        let message = format!(
            "{} {}: nothing at {} says in which template format it was registered, and this change says that it is `{}`",
            prompt.name(),
            now.version,
            self.reference,
            now.interface.format()
        );
        let help =
            "it is read so for ever: whoever reviews the change should know that this is what it always said";
        let place = Place::whole_file(prompt.directory().join(lock_file::FILE_NAME));
        Problem::warning("changes::format_told", message).at(place).help(help)
    }
}
