//! Texts that are made when they are written. The library that writes JUnit holds a whole report, and what models said is as large as
//! all of their replies.

use std::io;

/// No text of a report has this character, because all of them are [`visible`](super::visible).
const MARK: u8 = 0;

/// What stands in the report in the place of a case's text: which case of which variant.
pub(super) fn mark(summary: usize, case: usize) -> String {
    format!("\0{summary} {case}\0")
}

/// Hands a document on, with the text of a case in the place of each mark.
pub(super) struct WithTexts<W, F> {
    out: W,
    text: F,
    /// What is known of a mark that has begun.
    begun: Option<Vec<u8>>,
}

impl<W: io::Write, F: FnMut(usize, usize) -> String> WithTexts<W, F> {
    pub(super) fn new(out: W, text: F) -> Self {
        Self { out, text, begun: None }
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    fn write_text(&mut self, mark: &[u8]) -> io::Result<()> {
        let mark = String::from_utf8_lossy(mark);
        let numbers = mark
            .split_once(' ')
            .and_then(|(summary, case)| Some((summary.parse::<usize>().ok()?, case.parse::<usize>().ok()?)));
        let Some((summary, case)) = numbers else { return Err(io::Error::other("a mark without a case")) };
        let text = (self.text)(summary, case);
        self.out.write_all(text.as_bytes())
    }
}

impl<W: io::Write, F: FnMut(usize, usize) -> String> io::Write for WithTexts<W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == MARK);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        match (self.begun.take(), end) {
            (None, None) => self.out.write_all(piece)?,
            (None, Some(_)) => {
                self.out.write_all(piece)?;
                self.begun = Some(Vec::new());
            }
            (Some(mut begun), None) => {
                begun.extend_from_slice(piece);
                self.begun = Some(begun);
            }
            (Some(mut begun), Some(_)) => {
                begun.extend_from_slice(piece);
                self.write_text(&begun)?;
            }
        }
        Ok(end.map_or(bytes.len(), |end| end + 1))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_mark_is_the_text_of_its_case_however_the_document_comes(
            parts in proptest::collection::vec(("[a<>é\n]{0,9}", 0..20_usize, 0..300_usize), 0..6),
            size in 1_usize..9,
        ) {
            let text = |summary: usize, case: usize| format!("[{summary}/{case}]");
            let (mut document, mut expected) = (String::new(), String::new());
            for (before, summary, case) in &parts {
                write!(document, "{before}{}", mark(*summary, *case)).unwrap();
                write!(expected, "{before}{}", text(*summary, *case)).unwrap();
            }
            let mut out = WithTexts::new(Vec::new(), text);
            for piece in document.as_bytes().chunks(size) {
                out.write_all(piece).unwrap();
            }
            prop_assert_eq!(String::from_utf8(out.into_inner()).unwrap(), expected);
        }
    }
}
