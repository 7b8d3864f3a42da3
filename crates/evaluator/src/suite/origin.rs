//! Where the parts of a case were written: in the suite's document, or in one row of a dataset.

use std::path::Path;

use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::yaml::{Document, Span};

/// What spans are relative to.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    /// The suite.
    Suite(&'a Document),
    /// A row of a dataset.
    Row(Row<'a>),
}

/// One row of a dataset: its text is what spans count in.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) file: &'a Path,
    /// As a spreadsheet numbers it, from 1; the header of a table is row 1.
    pub(super) number: usize,
    /// The line in which it begins, from 1.
    pub(super) line: usize,
    pub(super) text: &'a str,
    /// Whether it is one of a table, in which an empty cell gives no value.
    pub(super) is_table: bool,
}

impl Origin<'_> {
    pub(super) fn place(&self, span: Span) -> Place {
        match self {
            Self::Suite(document) => document.place(span),
            Self::Row(row) => row.place(span),
        }
    }

    /// The problem at its place; one in a row says which.
    pub(super) fn locate(&self, problem: Problem, span: Span) -> Problem {
        let problem = problem.at(self.place(span));
        match self {
            Self::Suite(_) => problem,
            Self::Row(row) => row.named(problem),
        }
    }

    /// The bytes of a value as they were written; empty where that is not known.
    pub(super) fn written(&self, span: Span) -> &str {
        let text = match self {
            Self::Suite(document) => document.text(),
            Self::Row(row) => row.text,
        };
        text.get(span.start..span.end).unwrap_or_default()
    }

    pub(super) fn is_row(&self) -> bool {
        matches!(self, Self::Row(_))
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self, Self::Row(Row { is_table: true, .. }))
    }
}

impl Row<'_> {
    pub(super) fn place(&self, span: Span) -> Place {
        let mut place = Place::in_text(self.file, self.text, span.into());
        place.line += self.line - 1;
        place
    }

    /// Where it begins, without its text: what a case keeps.
    pub(super) fn start(&self) -> Place {
        Place { line: self.line, ..Place::whole_file(self.file) }
    }

    /// A problem that says which row it is about.
    pub(super) fn named(&self, problem: Problem) -> Problem {
        Problem { message: format!("row {}: {}", self.number, problem.message), ..problem }
    }
}
