//! The lines of a file of recorded replies: rows of JSON after an optional header, each with its place.

use std::path::Path;

use promptassay_registry::merge_conflict;
use promptassay_registry::problem::{Place, Problem};
use serde::de::DeserializeOwned;

use super::row::Header;

/// A file's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    file: &'a Path,
    text: &'a str,
    /// What a row is, for those that are none.
    help: &'a str,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, help: &'a str) -> Self {
        Self { file, text, help }
    }

    /// Hands each row to `take`, with its line, from 1, and where it stands, which only problems ask for. Everything that is wrong is added to `problems`.
    pub(super) fn each_row<T: DeserializeOwned>(
        &self,
        problems: &mut Vec<Problem>,
        mut take: impl FnMut(T, usize, &dyn Fn() -> Place, &mut Vec<Problem>),
    ) {
        if let Some(merge) = merge_conflict::in_data(self.file, self.text) {
            problems.push(merge);
            return;
        }
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            let content = line.trim();
            if content.is_empty() || (index == 0 && self.is_header(content, problems)) {
                continue;
            }
            let at = |column: usize| {
                let byte = column.saturating_sub(1);
                // Of the line alone: a search for it from the beginning of the file would take the square of the rows.
                Place { line: index + 1, ..Place::in_text(self.file, line, byte..byte + 1) }
            };
            match serde_json::from_str::<T>(content) {
                Ok(row) => take(row, index + 1, &|| at(1), problems),
                Err(error) => problems.push(
                    Problem::error(
                        "replies::invalid_row",
                        format!("not a recorded reply: {}", without_position(&error)),
                    )
                    .at(at(error.column()))
                    .help(self.help),
                ),
            }
        }
    }

    fn is_header(&self, line: &str, problems: &mut Vec<Problem>) -> bool {
        let Ok(header) = serde_json::from_str::<Header>(line) else { return false };
        if header.schema != 1 {
            problems.push(
                Problem::error("replies::unknown_schema", format!("schema {} is not known", header.schema))
                    .at(Place::in_text(self.file, self.text, 0..line.len()))
                    .help("this version of promptassay reads schema 1"),
            );
        }
        true
    }
}

/// The library writes the position into the message; it is shown apart from it here.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
