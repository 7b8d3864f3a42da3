//! A document of a bounded size: pieces are added while they fit, and what did not fit is said.

use std::fmt::Write as _;

/// Room for the sentence about what was left out.
const RESERVE: usize = 200;

/// Pieces of a document, each whole in itself.
#[derive(Debug)]
pub(super) struct Pages {
    text: String,
    max_bytes: usize,
    left_out: usize,
}

impl Pages {
    /// A document that begins so.
    pub(super) fn new(head: String, max_bytes: usize) -> Self {
        Self { text: head, max_bytes, left_out: 0 }
    }

    /// Adds a piece where it fits. After one that did not, a smaller one may still fit.
    pub(super) fn add(&mut self, piece: &str) {
        // An empty line parts two blocks of Markdown.
        self.add_behind("\n", piece);
    }

    /// Adds a piece that goes on with the block before it, such as the next item of a list.
    pub(super) fn go_on(&mut self, piece: &str) {
        self.add_behind("", piece);
    }

    fn add_behind(&mut self, between: &str, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.text.len() + between.len() + piece.len() + RESERVE <= self.max_bytes {
            self.text.push_str(between);
            self.text.push_str(piece);
        } else {
            self.left_out += 1;
        }
    }

    /// The document.
    pub(super) fn text(mut self) -> String {
        if self.left_out > 0 {
            let parts = if self.left_out == 1 {
                "1 part is".to_owned()
            } else {
                format!("{} parts are", self.left_out)
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                self.text,
                "\n_Cut here: a comment has room for 65,536 characters; {parts} left out. The other reports have everything._"
            );
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut pages = Pages::new("head\n".to_owned(), 300);
        pages.add(&"x".repeat(50));
        pages.add(&"y".repeat(60));
        pages.add(&"z".repeat(10));
        pages.add("");
        let text = pages.text();
        assert!(text.contains("xxx\nzzz") && !text.contains("yyy"), "{text}");
        assert!(text.contains("1 part is left out") && text.len() <= 300, "{text}");
        assert_eq!(Pages::new("head\n".to_owned(), 300).text(), "head\n");
    }
}
