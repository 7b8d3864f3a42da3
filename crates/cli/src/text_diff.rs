//! The difference between two texts, word by word. Pure; the terminal decides how it looks.

use std::ops::Range;

use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Longer stretches are replaced as a whole: the time to compare them word by word grows with the square.
const MAX_TOKENS: usize = 20_000;

/// What happened to a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// It is in both.
    Equal,
    /// It is in the old text only.
    Delete,
    /// It is in the new text only.
    Insert,
}

/// A piece of text. Those that are equal or deleted make the old text; those that are equal or inserted, the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Piece {
    pub(crate) change: Change,
    pub(crate) text: String,
}

/// The pieces of both texts in order; neighbours differ, and what is deleted comes before what takes its place.
pub(crate) fn diff(old: &str, new: &str) -> Vec<Piece> {
    let (old_lines, new_lines) = (lines(old), lines(new));
    let mut pieces = Pieces::default();
    for operation in capture(&old_lines, &new_lines) {
        let (was, is) = (operation.old_range(), operation.new_range());
        match operation {
            DiffOp::Equal { .. } => pieces.push(Change::Equal, &old_lines[was].concat()),
            _ => words(&old_lines[was].concat(), &new_lines[is].concat(), &mut pieces),
        }
    }
    pieces.finish()
}

/// Lines with their endings.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn capture(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    if old.len() + new.len() > MAX_TOKENS {
        return vec![DiffOp::Replace { old_index: 0, old_len: old.len(), new_index: 0, new_len: new.len() }];
    }
    capture_diff_slices(Algorithm::Patience, old, new)
}

fn words(old: &str, new: &str, pieces: &mut Pieces) {
    let (old_tokens, new_tokens) = (tokens(old), tokens(new));
    let text = |tokens: &[&str], range: Range<usize>| tokens[range].concat();
    let mut segments: Vec<Segment> = Vec::new();
    for operation in capture(&old_tokens, &new_tokens) {
        let was = text(&old_tokens, operation.old_range());
        let is = text(&new_tokens, operation.new_range());
        match operation {
            DiffOp::Equal { .. } => segments.push(Segment::Equal(was)),
            _ => push_edit(&mut segments, was, is),
        }
    }
    end_edits_with_their_line(&mut segments);
    for segment in segments {
        match segment {
            Segment::Equal(text) => pieces.push(Change::Equal, &text),
            Segment::Edit(was, is) => {
                pieces.push(Change::Delete, &was);
                pieces.push(Change::Insert, &is);
            }
        }
    }
}

enum Segment {
    Equal(String),
    Edit(String, String),
}

/// Adds an edit. Where few common words stand between two larger edits, the three become one: words that two sentences share by
/// chance make both unreadable.
fn push_edit(segments: &mut Vec<Segment>, mut was: String, mut is: String) {
    loop {
        match segments.pop() {
            Some(Segment::Edit(before_was, before_is)) => {
                was = before_was + &was;
                is = before_is + &is;
            }
            Some(Segment::Equal(between)) => {
                let common = 2 * word_count(&between);
                let previous = segments.last().map_or(0, |segment| match segment {
                    Segment::Edit(was, is) => word_count(was).max(word_count(is)),
                    Segment::Equal(_) => 0,
                });
                let has_previous = matches!(segments.last(), Some(Segment::Edit(..)));
                if has_previous && common <= previous && common <= word_count(&was).max(word_count(&is)) {
                    was = between.clone() + &was;
                    is = between + &is;
                } else {
                    segments.push(Segment::Equal(between));
                    break;
                }
            }
            None => break,
        }
    }
    segments.push(Segment::Edit(was, is));
}

fn word_count(text: &str) -> usize {
    tokens(text)
        .into_iter()
        .filter(|token| token.starts_with(|first: char| is_word(first) || first == '{'))
        .count()
}

/// An edit of several lines takes along what little follows it on its last line, so that it ends where the line does.
fn end_edits_with_their_line(segments: &mut [Segment]) {
    for index in 1..segments.len() {
        let (before, after) = segments.split_at_mut(index);
        let (Some(Segment::Edit(was, is)), Some(Segment::Equal(rest))) =
            (before.last_mut(), after.first_mut())
        else {
            continue;
        };
        let end = rest.find('\n').map_or(rest.len(), |newline| newline + 1);
        if (was.contains('\n') || is.contains('\n')) && word_count(&rest[..end]) == 0 {
            was.push_str(&rest[..end]);
            is.push_str(&rest[..end]);
            rest.replace_range(..end, "");
        }
    }
}

/// Words, fields such as `{name}`, stretches of spaces, and every other character by itself.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' => field(rest).unwrap_or(1),
            ' ' => rest.len() - rest.trim_start_matches(' ').len(),
            _ if is_word(first) => rest.len() - rest.trim_start_matches(is_word).len(),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of the field that `text` begins with.
fn field(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('{')?;
    let name = inside.len() - inside.trim_start_matches(is_word).len();
    (name > 0 && inside[name..].starts_with('}')).then_some(name + 2)
}

/// Collects pieces, so that a run of changes becomes one deletion and one insertion.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    deleted: String,
    inserted: String,
}

impl Pieces {
    fn push(&mut self, change: Change, text: &str) {
        match change {
            Change::Delete => self.deleted.push_str(text),
            Change::Insert => self.inserted.push_str(text),
            Change::Equal => {
                if text.is_empty() {
                    return;
                }
                self.flush();
                match self.done.last_mut() {
                    Some(Piece { change: Change::Equal, text: last }) => last.push_str(text),
                    _ => self.done.push(Piece { change, text: text.to_owned() }),
                }
            }
        }
    }

    fn flush(&mut self) {
        for (change, text) in [(Change::Delete, &mut self.deleted), (Change::Insert, &mut self.inserted)] {
            if !text.is_empty() {
                self.done.push(Piece { change, text: std::mem::take(text) });
            }
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        diff(old, new)
            .iter()
            .map(|piece| match piece.change {
                Change::Equal => piece.text.clone(),
                Change::Delete => format!("[-{}-]", piece.text),
                Change::Insert => format!("{{+{}+}}", piece.text),
            })
            .collect()
    }

    /// The text that is left without the pieces of one kind.
    fn without(pieces: &[Piece], change: Change) -> String {
        pieces.iter().filter(|piece| piece.change != change).map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn words_and_fields_change_as_a_whole() {
        assert_eq!(
            shown("Be friendly to {nam}.\n", "Be kind to {name}.\n"),
            "Be [-friendly-]{+kind+} to [-{nam}-]{+{name}+}.\n"
        );
        assert_eq!(shown("one two three", "one 2 3 three"), "one [-two-]{+2 3+} three");
        assert_eq!(shown("A: {x}.\n", "A: {x}.\nB.\nC.\n"), "A: {x}.\n{+B.\nC.\n+}");
        assert_eq!(shown("a\nb", "a\nb\n"), "a\nb{+\n+}");
        assert_eq!(shown("same\n", "same\n"), "same\n");
        assert_eq!(shown("", "new\n"), "{+new\n+}");
    }

    #[test]
    fn a_change_of_two_words_is_one_change() {
        assert_eq!(
            shown("keep the red house here", "keep the big door here"),
            "keep the [-red house-]{+big door+} here"
        );
    }

    #[test]
    fn words_shared_by_chance_are_not_kept_apart() {
        assert_eq!(
            shown(
                "You answer customer questions for us.",
                "You are an experienced customer support agent for us."
            ),
            "You [-answer customer questions-]{+are an experienced customer support agent+} for us."
        );
        assert_eq!(
            shown("Answer politely.\nEnd.\n", "The shop is open from nine.\nIt closes at six.\nEnd.\n"),
            "[-Answer politely.\n-]{+The shop is open from nine.\nIt closes at six.\n+}End.\n"
        );
    }

    #[test]
    fn texts_of_any_size_are_compared_in_bounded_time() {
        let words = |number: i32| number.to_string() + " ";
        let old: String = (0..200_000).map(words).collect();
        let new: String = (0..200_000).rev().map(words).collect();
        let pieces = diff(&old, &new);
        assert_eq!((without(&pieces, Change::Insert), without(&pieces, Change::Delete)), (old, new));
    }

    proptest::proptest! {
        #[test]
        fn the_pieces_are_the_texts(old in "[ab{}\n _é]{0,40}", new in "[ab{}\n _é]{0,40}") {
            let pieces = diff(&old, &new);
            proptest::prop_assert_eq!(without(&pieces, Change::Insert), old);
            proptest::prop_assert_eq!(without(&pieces, Change::Delete), new);
            for pair in pieces.windows(2) {
                proptest::prop_assert_ne!(pair[0].change, pair[1].change);
                proptest::prop_assert!(!(pair[0].change == Change::Insert && pair[1].change == Change::Delete));
            }
        }
    }
}
