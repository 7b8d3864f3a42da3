//! A difference as text for people. Marks carry the meaning; colour only helps to find them.

use promptassay_evaluator::report::visible;
use promptassay_registry::variables::Interface;
use promptassay_registry::version_file::Form;
use serde_json::Value;

use super::compare::{Difference, MessageChange, ValueChange};
use crate::describe::{role_name, variable_line};
use crate::table::{DIM, GREEN, RED, STRONG, columns, paint};
use crate::text_diff::{Change, Piece};

/// So many unchanged lines are shown before and after a change.
const CONTEXT: usize = 2;

pub(super) fn draw(difference: &Difference<'_>, interface: &Interface, color: bool) -> String {
    let Difference { from, to, .. } = difference;
    let title = format!("{}  {} → {}", difference.name, from.version, to.version);
    let mut text = format!("{}\n", paint(color, STRONG, &title));
    if difference.identical {
        text.push_str("\nboth have the same bytes\n");
        return text;
    }
    let heading = |text: &str| format!("\n{}\n", paint(color, STRONG, text));
    if from.form != to.form {
        text.push_str(&heading("form"));
        text.extend(["  ", form_name(from.form), " → ", form_name(to.form), "\n"]);
    }
    if from.template_format != to.template_format {
        text.push_str(&heading("template format"));
        let (old, new) = (from.template_format.as_str(), to.template_format.as_str());
        text.extend(["  ", old, " → ", new, ": the braces of one are plain text in the other\n"]);
    }
    let variables = variables(difference, interface);
    if !variables.is_empty() {
        text.push_str(&heading("variables"));
        text.push_str(&columns(&variables, &[], 2, color));
    }
    if difference.interface_changed {
        text.push_str(&heading("interface"));
        text.push_str(
            "  registered with other declarations: what was measured for one says little about the other\n",
        );
    }
    for (name, changes) in [
        ("params", &difference.params),
        ("response_format", &difference.response_format),
        ("tools", &difference.tools),
    ] {
        if !changes.is_empty() {
            text.push_str(&heading(name));
            text.push_str(&columns(&values(changes), &[], 2, color));
        }
    }
    for message in &difference.messages {
        let unchanged = if message.is_changed() { "" } else { ", unchanged" };
        text.push_str(&heading(&match message.role {
            Some(role) => format!("{} message{unchanged}", role_name(role)),
            None => "messages".to_owned(),
        }));
        if message.is_changed() {
            text.push_str(&body(message, color));
        }
    }
    text
}

fn form_name(form: Form) -> &'static str {
    match form {
        Form::Text => "text (one user message)",
        Form::Chat => "chat",
    }
}

fn variables(difference: &Difference<'_>, interface: &Interface) -> Vec<Vec<String>> {
    let row = |sign: &str, name: &String| {
        let line = interface.variables().get(name).map(variable_line).unwrap_or_default();
        vec![format!("{sign} {name}"), line]
    };
    let added = difference.variables.added.iter().map(|name| row("+", name));
    let removed = difference.variables.removed.iter().map(|name| row("-", name));
    added.chain(removed).collect()
}

fn values(changes: &[ValueChange]) -> Vec<Vec<String>> {
    let shown = |value: &Option<Value>| match value {
        Some(value) => visible(&value.to_string()),
        None => "not set".to_owned(),
    };
    let line = |change: &ValueChange| format!("{} → {}", shown(&change.from), shown(&change.to));
    changes
        .iter()
        .map(|change| {
            if change.path.is_empty() { vec![line(change)] } else { vec![change.path.clone(), line(change)] }
        })
        .collect()
}

/// A line of both texts at once.
#[derive(Default)]
struct Line {
    text: String,
    changed: bool,
}

fn body(message: &MessageChange, color: bool) -> String {
    let lines = lines(&message.pieces, color);
    let near_change = |index: usize| {
        let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len());
        lines[around].iter().any(|line| line.changed)
    };
    let mut text = String::new();
    let mut skipped = 0;
    for (index, line) in lines.iter().enumerate() {
        if near_change(index) {
            push_gap(&mut text, &mut skipped, color);
            text.push_str(format!("  {}", line.text).trim_end_matches(' '));
            text.push('\n');
        } else {
            skipped += 1;
        }
    }
    push_gap(&mut text, &mut skipped, color);
    text
}

fn push_gap(text: &mut String, skipped: &mut usize, color: bool) {
    if *skipped > 0 {
        let gap = if *skipped == 1 { "… 1 line".to_owned() } else { format!("… {skipped} lines") };
        text.extend(["  ", &paint(color, DIM, &gap), "\n"]);
    }
    *skipped = 0;
}

fn lines(pieces: &[Piece], color: bool) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    for piece in pieces {
        let parts: Vec<&str> = piece.text.split('\n').collect();
        for (index, part) in parts.iter().enumerate() {
            let ends_line = index + 1 < parts.len();
            if let Some(line) = lines.last_mut() {
                line.text.push_str(&marked(piece.change, part, ends_line, color));
                line.changed |= piece.change != Change::Equal && (ends_line || !part.is_empty());
            }
            if ends_line {
                lines.push(Line::default());
            }
        }
    }
    // Behind a final line feed nothing stands.
    if lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    lines
}

/// A part of one line. A line ending that changed by itself is shown as a sign.
fn marked(change: Change, part: &str, ends_line: bool, color: bool) -> String {
    let text = visible(&part.replace('\r', "␍"));
    let (open, close, style) = match change {
        Change::Equal => return text,
        Change::Delete => ("[-", "-]", RED),
        Change::Insert => ("{+", "+}", GREEN),
    };
    match (text.is_empty(), ends_line) {
        (true, false) => String::new(),
        (true, true) => paint(color, style, &format!("{open}↵{close}")),
        (false, _) => paint(color, style, &format!("{open}{text}{close}")),
    }
}

#[cfg(test)]
mod tests {
    use promptassay_registry::content::Role;

    use super::*;
    use crate::text_diff::diff;

    fn shown(old: &str, new: &str) -> String {
        let message = MessageChange { role: Some(Role::User), pieces: diff(old, new) };
        body(&message, false)
    }

    #[test]
    fn changed_words_are_marked_and_far_lines_left_out() {
        let numbers =
            |range: std::ops::Range<i32>| range.map(|number| number.to_string() + "\n").collect::<String>();
        let old = format!("{}Be friendly to {{name}}.\n{}", numbers(0..5), numbers(5..10));
        let new = old.replace("friendly", "kind");
        assert_eq!(
            shown(&old, &new),
            "  … 3 lines\n  3\n  4\n  Be [-friendly-]{+kind+} to {name}.\n  5\n  6\n  … 3 lines\n"
        );
    }

    #[test]
    fn whole_lines_and_line_endings_are_marked() {
        assert_eq!(shown("a\nb\nc\n", "a\nnew\n\nb\nc"), "  a\n  {+new+}\n  {+↵+}\n  b\n  c[-↵-]\n");
        assert_eq!(shown("one\ntwo\n", "one\r\ntwo\r\n"), "  one{+␍+}\n  two{+␍+}\n");
        assert_eq!(shown("esc\u{1b}[31m\n", "esc\u{1b}[32m\n"), "  esc␛[[-31m-]{+32m+}\n");
    }

    #[test]
    fn colour_is_added_to_the_marks() {
        let pieces = diff("one two", "one three");
        assert_eq!(
            lines(&pieces, true)[0].text,
            "one \u{1b}[31m[-two-]\u{1b}[0m\u{1b}[32m{+three+}\u{1b}[0m"
        );
    }
}
