//! From a place inside a YAML text value to its place in the file.

use std::ops::Range;

use crate::yaml::Span;

/// Where the bytes `part` of `value` stand in `text`, whose `scalar` was read as `value`.
///
/// Quotes, escapes, indentation and folding stand between the two. So the first line of the part is looked up in the scalar as it
/// is written: if it occurs as often there as in the value, the occurrences correspond. Otherwise the whole scalar is the place.
pub(super) fn place_inside(text: &str, scalar: Span, value: &str, part: Range<usize>) -> Range<usize> {
    exact(text, scalar, value, part).unwrap_or_else(|| scalar.into())
}

fn exact(text: &str, scalar: Span, value: &str, part: Range<usize>) -> Option<Range<usize>> {
    let written = text.get(scalar.start..scalar.end)?;
    let sought = value.get(part.clone())?.lines().next()?;
    if sought.is_empty() || written.matches(sought).count() != value.matches(sought).count() {
        return None;
    }
    // `matches` does not overlap, and neither does this count: `part` may begin inside an earlier match, then there is none.
    let (index, _) = value.match_indices(sought).enumerate().find(|(_, (start, _))| *start == part.start)?;
    let (offset, _) = written.match_indices(sought).nth(index)?;
    let start = scalar.start + offset;
    Some(start..start + sought.len())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::yaml::{Document, Located};

    #[derive(Deserialize)]
    struct Message {
        content: Located<String>,
    }

    /// The bytes of `yaml` that stand for the `index`th `sought` of its content.
    fn found<'a>(yaml: &'a str, sought: &str, index: usize) -> (&'a str, usize) {
        let mut problems = Vec::new();
        let document = Document::parse("v1.0.0.yaml", yaml, &mut problems).unwrap();
        let content = document.read::<Message>().value.unwrap().content;
        let start = content.value.match_indices(sought).nth(index).unwrap().0;
        let range = place_inside(yaml, content.span, &content.value, start..start + sought.len());
        let line = yaml[..range.start].matches('\n').count() + 1;
        (&yaml[range], line)
    }

    #[test]
    fn every_style_of_scalar_leads_to_the_place() {
        for yaml in [
            "content: a {x.y} b {x.y} c\n",
            "content: 'it''s {x.y} and {x.y}'\n",
            "content: \"tab\\t{x.y} \\\"q\\\" {x.y}\"\n",
        ] {
            assert_eq!(found(yaml, "{x.y}", 1), ("{x.y}", 1), "{yaml}");
        }
        for yaml in [
            "content: |\n  first {x.y}\n\n    indented {x.y}\n",
            "content: |2-\n    first {x.y}\n  \n  second {x.y}\n",
            "content: >\n  first {x.y}\n  folded\n  {x.y}\n",
        ] {
            let (bytes, line) = found(yaml, "{x.y}", 1);
            assert_eq!((bytes, line), ("{x.y}", 4), "{yaml}");
        }
    }

    #[test]
    fn a_part_of_several_lines_is_shown_by_its_first() {
        let yaml = "content: |\r\n  a\r\n  {\"k\":\r\n   1}\r\n";
        let (bytes, line) = found(yaml, "{\"k\":\n 1}", 0);
        assert_eq!((bytes, line), ("{\"k\":", 3));
    }

    #[test]
    fn what_cannot_be_told_apart_is_shown_as_a_whole() {
        // The first brace of the value is written as an escape.
        let yaml = "content: \"\\x7bx} {x}\"\n";
        assert_eq!(found(yaml, "{x}", 1).0, "\"\\x7bx} {x}\"");
    }
}
