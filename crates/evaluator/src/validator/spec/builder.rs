//! What a check needs to know while it is built, and where it says what is wrong with it.

use std::path::Path;

use promptassay_llm::ModelRow;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::yaml::{Document, Span};

use crate::settings::Settings;

/// Problems that depend on the suite in which a check is used, so that a shared property can be sound in one and not in another.
pub(crate) const DEPENDS_ON_SUITE: [&str; 4] =
    ["suite::unknown_model", "suite::no_judge", "suite::judges_itself", "suite::commands_not_allowed"];

/// Where a check is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The document that its places are in.
    pub(crate) document: &'a Document,
    /// The suite that uses it; `None` where only its form is checked, and then checks that need more are not built.
    pub(crate) surroundings: Option<Surroundings<'a>>,
}

/// What a suite says to its checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The model rows, and whether programs may be run.
    pub(crate) settings: &'a Settings,
    /// The row that judges where a check names none.
    pub(crate) judge: Option<&'a str>,
    /// The rows that are asked.
    pub(crate) asked: &'a [String],
}

impl Surroundings<'_> {
    /// The first of the rows that are asked behind which stands the same model as behind this one.
    pub(crate) fn asked_as(&self, judge: &ModelRow) -> Option<&str> {
        let is_same = |row: &ModelRow| {
            row.name == judge.name
                || (row.provider == judge.provider
                    && row.model == judge.model
                    && row.endpoint() == judge.endpoint())
        };
        self.asked
            .iter()
            .find(|name| self.settings.models.get(name.as_str()).is_some_and(is_same))
            .map(String::as_str)
    }
}

/// A check on its way.
#[derive(Debug)]
pub(in crate::validator) struct Builder<'a> {
    context: Context<'a>,
    key: Span,
    threshold: Option<f64>,
    problems: &'a mut Vec<Problem>,
    /// What no line of a problem may show.
    secrets: Vec<Span>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        context: Context<'a>,
        key: Span,
        threshold: Option<f64>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { context, key, threshold, problems, secrets: Vec::new() }
    }

    /// Refuses the list of the check, of which nothing is left. Where something is written in it, that was wrong and is reported: it is
    /// no second problem.
    pub(in crate::validator) fn refuse_empty_list(&mut self, help: &str) {
        if !self.context.document.has_items_behind(self.key) {
            self.refuse("suite::empty_list", "the list is empty", self.key, help);
        }
    }

    /// The place of the check's name.
    pub(in crate::validator) fn key(&self) -> Span {
        self.key
    }

    pub(in crate::validator) fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    pub(in crate::validator) fn surroundings(&self) -> Option<Surroundings<'a>> {
        self.context.surroundings
    }

    pub(in crate::validator) fn file(&self) -> &Path {
        self.context.document.file()
    }

    pub(in crate::validator) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// From here on the lines of problems show none of these.
    pub(in crate::validator) fn hide(&mut self, secrets: impl IntoIterator<Item = Span>) {
        self.secrets.extend(secrets);
    }

    /// The context and the list of problems, for a check inside this one.
    pub(super) fn inside(&mut self) -> (Context<'a>, &mut Vec<Problem>) {
        (self.context, self.problems)
    }

    pub(in crate::validator) fn refuse(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        self.refuse_maybe_help(code, message.into(), span, Some(help.into()));
    }

    pub(in crate::validator) fn refuse_maybe_help(
        &mut self,
        code: &'static str,
        message: String,
        span: Span,
        help: Option<String>,
    ) {
        let place = self.place(span);
        self.problems.push(Problem::error(code, message).at(place).maybe_help(help));
    }

    pub(in crate::validator) fn warn(&mut self, code: &'static str, message: String, span: Span, help: &str) {
        let place = self.place(span);
        self.problems.push(Problem::warning(code, message).at(place).help(help));
    }

    fn place(&self, span: Span) -> Place {
        let mut place = self.context.document.place(span);
        for secret in self.secrets.iter().map(|secret| self.context.document.place(*secret)) {
            if secret.line == place.line {
                let bytes =
                    Place { column: secret.column, width: secret.width, ..place.clone() }.span_in_line();
                let stars = "*".repeat(place.line_text[bytes.clone()].chars().count());
                place.line_text.replace_range(bytes, &stars);
            }
        }
        place
    }
}
