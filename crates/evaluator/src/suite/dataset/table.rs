//! Comma-separated values as RFC 4180 has them, read strictly: a quote that is never closed is an error, not the rest of the file.

use std::borrow::Cow;

use promptassay_registry::yaml::Span;

/// One record of a table.
#[derive(Debug, PartialEq)]
pub(super) struct Record<'a> {
    /// Its number, as a spreadsheet counts, from 1; empty lines count.
    pub(super) number: usize,
    /// The line in which it begins, from 1.
    pub(super) line: usize,
    /// Its text, without the end of its last line.
    pub(super) text: &'a str,
    /// Its cells, or what is wrong with its quotes and where in its text.
    pub(super) cells: Result<Vec<Cell<'a>>, (&'static str, Span)>,
}

/// One cell.
#[derive(Debug, PartialEq, Clone)]
pub(super) struct Cell<'a> {
    /// Its text, without quotes around it.
    pub(super) text: Cow<'a, str>,
    /// Whether it has quotes around it.
    pub(super) is_quoted: bool,
    /// Its bytes in the text of its record, quotes included.
    pub(super) span: Span,
}

/// The records of a table; empty lines are left out.
pub(super) struct Records<'a> {
    rest: &'a str,
    line: usize,
    number: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, number: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (cells, length) = cells(self.rest);
            let (text, rest) = self.rest.split_at(length);
            let line = self.line;
            self.number += 1;
            self.line += text.matches('\n').count() + 1;
            self.rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
            if !text.trim().is_empty() {
                return Some(Record { number: self.number, line, text, cells });
            }
        }
    }
}

/// The cells of the first record of `text`, and how many bytes it has. After a mistake the record ends with its line.
fn cells(text: &str) -> (Result<Vec<Cell<'_>>, (&'static str, Span)>, usize) {
    let mut cells = Vec::new();
    let mut start = 0;
    loop {
        let cell = match cell(text, start) {
            Ok(cell) => cell,
            Err((message, span)) => {
                let line_feed = text[span.start..].find('\n').map(|length| span.start + length);
                let end = line_feed.map_or(text.len(), |end| end - usize::from(text[..end].ends_with('\r')));
                return (Err((message, span)), end);
            }
        };
        let end = cell.span.end;
        cells.push(cell);
        if !text[end..].starts_with(',') {
            return (Ok(cells), end);
        }
        start = end + 1;
    }
}

fn cell(text: &str, start: usize) -> Result<Cell<'_>, (&'static str, Span)> {
    let body = &text[start..];
    if !body.starts_with('"') {
        let length = body.find([',', '\n']).unwrap_or(body.len());
        let is_line_end = body[length..].starts_with('\n') && body[..length].ends_with('\r');
        let length = if is_line_end { length - 1 } else { length };
        let written = &body[..length];
        if let Some(quote) = written.find('"') {
            let at = start + quote;
            return Err((
                "a quote stands within a cell that does not begin with one",
                Span { start: at, end: at + 1 },
            ));
        }
        let span = Span { start, end: start + length };
        return Ok(Cell { text: written.into(), is_quoted: false, span });
    }
    let mut at = 1;
    loop {
        let Some(quote) = body[at..].find('"').map(|quote| at + quote) else {
            return Err(("this quote is never closed", Span { start, end: start + 1 }));
        };
        if body[quote + 1..].starts_with('"') {
            at = quote + 2;
            continue;
        }
        let after = &body[quote + 1..];
        if !(after.is_empty() || after.starts_with([',', '\n']) || after.starts_with("\r\n")) {
            let at = start + quote;
            return Err((
                "something stands behind the closing quote of a cell",
                Span { start: at, end: at + 1 },
            ));
        }
        let inner = &body[1..quote];
        let text = if inner.contains('"') { inner.replace("\"\"", "\"").into() } else { inner.into() };
        return Ok(Cell { text, is_quoted: true, span: Span { start, end: start + quote + 1 } });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<Vec<String>> {
        let mut texts = Vec::new();
        for record in Records::new(text) {
            texts.push(record.cells.unwrap().into_iter().map(|cell| cell.text.into_owned()).collect());
        }
        texts
    }

    #[test]
    fn cells_are_read_as_they_are_written() {
        assert_eq!(texts("a,b\r\n1, 2 \n"), [["a", "b"], ["1", " 2 "]]);
        assert_eq!(texts("a\n\"x, \"\"y\"\"\nz\"\n"), [["a"], ["x, \"y\"\nz"]]);
        assert_eq!(texts("a,\n,\"\"\r\n"), [["a", ""], ["", ""]]);
        assert!(texts("\n\r\n").is_empty());
    }

    #[test]
    fn records_know_their_number_and_line() {
        let records: Vec<_> = Records::new("a,b\n\n\"1\n2\",3\n4,5").collect();
        let places: Vec<_> = records.iter().map(|record| (record.number, record.line, record.text)).collect();
        assert_eq!(places, [(1, 1, "a,b"), (3, 3, "\"1\n2\",3"), (4, 5, "4,5")]);
    }

    #[test]
    fn quotes_out_of_place_end_with_their_line() {
        for (text, at) in [("a,\"b\nc\nd", 2), ("a,5\" pipe\nnext", 3), ("\"a\"b,c\nnext", 2)] {
            let record = Records::new(text).next().unwrap();
            assert_eq!(record.cells.unwrap_err().1.start, at, "{text}");
        }
        assert_eq!(Records::new("a,5\" pipe\r\nnext,1").last().unwrap().cells.unwrap()[0].text, "next");
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(rows in proptest::collection::vec(proptest::collection::vec(".{0,5}|[\",\n\r]{0,4}", 2..4), 1..4)) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let text: String =
                rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n").collect();
            prop_assert_eq!(texts(&text), rows);
        }

        #[test]
        fn any_text_is_read_to_its_end(text in "[a\",\n\ré ]{0,40}") {
            for record in Records::new(&text) {
                for cell in record.cells.iter().flatten() {
                    prop_assert!(record.text.get(cell.span.start..cell.span.end).is_some());
                }
            }
        }
    }
}
