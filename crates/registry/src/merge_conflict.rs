//! What an unresolved merge leaves in a file. Data with it is refused, and the reason should be the merge and not what it does to the syntax; a
//! text would be sent as it is.

use std::ops::Range;
use std::path::Path;

use crate::problem::{Place, Problem};

/// The code of a text with the marks of an unresolved merge.
pub(crate) const MERGE_CONFLICT: &str = "version::merge_conflict";
/// The code of data with them.
pub(crate) const UNRESOLVED: &str = "file::merge_conflict";
const MESSAGE: &str = "here begin the two sides of a merge that nobody resolved";

/// A warning where all three marks begin lines, in their order.
pub(crate) fn in_prose(file: &Path, text: &str) -> Option<Problem> {
    let first = first_mark(text)?;
    Some(
        Problem::warning(MERGE_CONFLICT, MESSAGE)
            .at(Place::in_text(file, text, first))
            .help(format!("{}; a text that is about such marks has them indented", one_side(file))),
    )
}

/// An error in place of all that is wrong with data where all three marks begin lines, in their order.
pub fn in_data(file: &Path, text: &str) -> Option<Problem> {
    let first = first_mark(text)?;
    let problem = Problem::error(UNRESOLVED, MESSAGE).at(Place::in_text(file, text, first));
    Some(problem.help("decide what this file is to say, and take the lines with the marks out"))
}

/// The same in a table, where a cell in quotes may be about such marks: a merge that begins in one is a warning, as in prose, and one that
/// begins a row an error.
pub fn in_table(file: &Path, text: &str) -> Option<Problem> {
    first_mark(text)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let end = lines.iter().rposition(|line| line.starts_with(">>>>>>> "))?;
    let middle = lines[..end].iter().rposition(|line| line.trim_end() == "=======")?;
    let (mut is_quoted, mut start, mut in_a_cell) = (false, 0, None);
    for line in &lines[..middle] {
        if line.starts_with("<<<<<<< ") {
            if !is_quoted {
                return in_data(file, &text[start..]).map(|problem| {
                    problem.at(Place::in_text(file, text, start..start + line.trim_end().len()))
                });
            }
            in_a_cell.get_or_insert(start..start + line.trim_end().len());
        }
        is_quoted ^= line.matches('"').count() % 2 == 1;
        start += line.len();
    }
    let place = Place::in_text(file, text, in_a_cell?);
    let help = "decide what this row is to say, and take the lines with the marks out; a cell that is about such marks has them indented";
    Some(Problem::warning(UNRESOLVED, MESSAGE).at(place).help(help))
}

/// What is done about two sides of one version: a text that is made of both is what neither registered.
pub(crate) fn one_side(file: &Path) -> String {
    format!(
        "take the file of one side, `git checkout --ours -- {file}` or `--theirs`; where both registered this version, of the side whose row of prompt.lock you keep, and `promptassay add` gives the other text a number of its own",
        file = file.display()
    )
}

/// Where the first mark stands.
fn first_mark(text: &str) -> Option<Range<usize>> {
    // Nearly no text has one, and many are read.
    if !text.contains("<<<<<<< ") {
        return None;
    }
    let mut rest = text.split_inclusive('\n').scan(0, |start, line| {
        let at = *start;
        *start += line.len();
        Some((at, line.trim_end()))
    });
    let (start, line) = rest.find(|(_, line)| line.starts_with("<<<<<<< "))?;
    rest.find(|(_, line)| *line == "=======")?;
    rest.find(|(_, line)| line.starts_with(">>>>>>> "))?;
    Some(start..start + line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_table_a_merge_of_rows_is_an_error_and_one_within_a_cell_a_warning() {
        let found = |text: &str| {
            let problem = in_table(Path::new("rows.csv"), text)?;
            Some((problem.is_error(), problem.place?.line))
        };
        let rows = "<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> other\n";
        assert_eq!(found(&format!("name\n{rows}")), Some((true, 2)));
        // Behind a cell that is about such a mark.
        assert_eq!(found(&format!("name\n\"about\n<<<<<<< x\n\"\n{rows}")), Some((true, 5)));
        assert_eq!(found(&format!("name\n\"about\n{rows}end\"\n")), Some((false, 3)));
        assert_eq!(found(&format!("name\n\"about\n{rows}end\"\n{rows}")), Some((true, 9)));
        assert_eq!(found("name\n\"about\n<<<<<<< x\n\"\n"), None);
        assert_eq!(found("name\nfine\n"), None);
        let cell = in_table(Path::new("rows.csv"), &format!("name\n\"about\n{rows}end\"\n")).unwrap();
        insta::assert_snapshot!(format!("{}: {cell}", cell.code), @"file::merge_conflict: rows.csv:3:1: here begin the two sides of a merge that nobody resolved (help: decide what this row is to say, and take the lines with the marks out; a cell that is about such marks has them indented)");
    }

    #[test]
    fn only_the_three_marks_in_their_order_are_a_merge() {
        let place = |text: &str| first_mark(text).map(|range| range.start);
        let merge = "Hi\n<<<<<<< HEAD\nB\n=======\nA\n>>>>>>> change\n";
        assert_eq!(place(merge), Some(3));
        assert_eq!(place(&merge.replace('\n', "\r\n")), Some(4));
        assert_eq!(place(&merge.replace("\n=", "\n||||||| base\nC\n=")), Some(3));
        assert_eq!(place(&merge.replace("\n<", "\n <")), None);
        assert_eq!(place("Title\n=======\ntext\n"), None);
        assert_eq!(place(">>>>>>> a\n=======\n<<<<<<< b\n"), None);
        assert_eq!(place(""), None);
    }
}
