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
        Problem::warning(MERGE_CONFLICT, MESSAGE).at(Place::in_text(file, text, first)).help(
            "keep one of the two, without the marks; a text that is about such marks has them indented",
        ),
    )
}

/// An error in place of all that is wrong with data where all three marks begin lines, in their order.
pub fn in_data(file: &Path, text: &str) -> Option<Problem> {
    let first = first_mark(text)?;
    let problem = Problem::error(UNRESOLVED, MESSAGE).at(Place::in_text(file, text, first));
    Some(problem.help("decide what this file is to say, and take the lines with the marks out"))
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
