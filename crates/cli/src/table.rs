//! Text in columns, and colours for it. What is shown here never depends on colour alone.

use anstyle::{AnsiColor, Style};
use promptassay_experiments::analysis::thousands;

/// Headings and what is meant first.
pub(crate) const STRONG: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is gone or wrong.
pub(crate) const RED: Style = AnsiColor::Red.on_default();
/// What is new or right.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// What deserves a look.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();

/// The text in this style, where colours are wanted.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    if color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Rows in columns, two spaces apart and without spaces at their ends; a style may be given for each column.
pub(crate) fn columns(rows: &[Vec<String>], styles: &[Style], indent: usize, color: bool) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.is_empty());
        text.push_str(&" ".repeat(if last.is_some() { indent } else { 0 }));
        for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            if column > 0 {
                text.push_str("  ");
            }
            text.push_str(&paint(color, styles.get(column).copied().unwrap_or_default(), cell));
            if Some(column) != last {
                text.push_str(&" ".repeat(widths[column] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

/// `1 version`, `2,500 versions`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: usize) -> String {
    thousands(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_s_and_thousands_stand_apart() {
        let all = [0, 1, 999, 2_500].map(|number| count(number, "case"));
        assert_eq!(all, ["0 cases", "1 case", "999 cases", "2,500 cases"]);
    }

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let rows = [
            vec!["a".to_owned(), "long".into(), "x".into()],
            vec!["bcd".into(), "é".into(), String::new()],
            vec![],
        ];
        assert_eq!(columns(&rows, &[], 2, false), "  a    long  x\n  bcd  é\n\n");
    }

    #[test]
    fn colour_changes_no_width() {
        let rows = [vec!["a".to_owned(), "b".into()], vec!["cc".into(), "d".into()]];
        assert_eq!(columns(&rows, &[STRONG], 0, true), "\u{1b}[1ma\u{1b}[0m   b\n\u{1b}[1mcc\u{1b}[0m  d\n");
    }
}
