//! Text that stays text in Markdown: in spans and fences of code, which neither mention, nor link, nor load, nor close anything.

use crate::report::reasons::beginning;
use crate::report::visible;

/// The most characters of a name or of a sentence.
const MAX_SPAN: usize = 400;

/// The text as a span of code, in one line.
pub(super) fn code(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    // A space on each side is taken off again, and keeps backticks of the text apart from the fence's.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The same in a cell of a table, where a bar would end the cell even in a span of code.
pub(super) fn table_code(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// The text as code in HTML, in one line: nothing else is code inside of a tag.
pub(super) fn html_code(text: &str) -> String {
    let mut out = "<code>".to_owned();
    for character in one_line(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out.push_str("</code>");
    out
}

/// The text as a block of code, from its beginning at most so many bytes.
pub(super) fn fence(text: &str, bytes: usize) -> String {
    let text = visible(text.trim_end());
    let shown = beginning(&text, bytes);
    let cut = if shown.len() < text.len() {
        format!("\n… cut: {} bytes in all", text.len())
    } else {
        String::new()
    };
    let fence = "`".repeat(longest_run(shown).max(2) + 1);
    format!("{fence}text\n{shown}{cut}\n{fence}")
}

fn one_line(text: &str) -> String {
    let line: Vec<String> = visible(text).split_whitespace().map(str::to_owned).collect();
    let line = line.join(" ");
    if line.is_empty() {
        return "(empty)".to_owned();
    }
    match line.char_indices().nth(MAX_SPAN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_longer_than_what_it_holds() {
        assert_eq!(code("name"), "`name`");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code("a\n# b\u{1b}[0m"), "`a # b␛[0m`");
        assert_eq!(code(" \n"), "`(empty)`");
        assert_eq!(table_code("a|b"), "`a\\|b`");
        assert!(code(&"x".repeat(1000)).ends_with("x…`"));
    }

    #[test]
    fn a_tag_holds_no_tag() {
        assert_eq!(html_code("<b>&\n`x`"), "<code>&lt;b&gt;&amp; `x`</code>");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("a", 10), "```text\na\n```");
        assert_eq!(fence("```\n````x", 100), "`````text\n```\n````x\n`````");
        assert_eq!(fence("aéb", 2), "```text\na\n… cut: 4 bytes in all\n```");
    }
}
