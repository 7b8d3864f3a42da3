//! The numbers of each variant: a row each, and below it what a row has no room for.

use std::fmt::{self, Write as _};

use super::paint::{Tone, both_ends, label, wrapped};
use super::{COLUMNS, Report};
use crate::gate::{few, grouped, percent, plural};
use crate::plan::PromptPlan;
use crate::report::cost::in_words;
use crate::report::taken::Taken;
use crate::summary::{Cost, VariantSummary, unit_interval};

/// So many tags are shown where nobody asks for more.
const TAGS: usize = 8;

impl Report {
    pub(super) fn numbers(&mut self, plan: &PromptPlan, summaries: &[&VariantSummary]) -> fmt::Result {
        let labels: Vec<String> = summaries.iter().map(|summary| label(plan, summary.variant)).collect();
        let columns = columns(plan, summaries);
        let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        for columns in fitting(&columns, width) {
            self.row(&" ".repeat(width), columns.iter().map(|column| (column.heading.as_str(), column)))?;
            for (row, label) in labels.iter().enumerate() {
                let padding = " ".repeat(width - label.chars().count());
                let cells = columns.iter().map(|column| (column.cells[row].as_str(), column));
                self.row(&format!("{label}{padding}"), cells)?;
            }
        }
        for (summary, label) in summaries.iter().zip(&labels) {
            self.remarks(plan, summary, label)?;
        }
        Ok(())
    }

    fn row<'c>(&mut self, label: &str, cells: impl Iterator<Item = (&'c str, &'c Column)>) -> fmt::Result {
        let mut line = format!("  {label}");
        for (cell, column) in cells {
            let padding = " ".repeat(column.width() - cell.chars().count());
            let _ = match column.align {
                Align::Left => write!(line, "   {cell}{padding}"),
                Align::Right => write!(line, "   {padding}{cell}"),
            };
        }
        writeln!(self.text, "{}", line.trim_end())
    }

    /// What is missing or flaky, and what judges took.
    fn remarks(&mut self, plan: &PromptPlan, summary: &VariantSummary, label: &str) -> fmt::Result {
        let counts = &summary.counts;
        let missing: Vec<String> = [
            (counts.errored, "error"),
            (counts.unscored, "unscored answer"),
            (counts.not_asked, "question not asked"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| match (count, noun) {
            (count, "question not asked") if count > 1 => {
                format!("{} questions not asked", grouped(count as u64))
            }
            (count, noun) => plural(count, noun),
        })
        .collect();
        if !missing.is_empty() {
            let word = self.tone(Tone::Doubtful, "missing");
            let of = plural(counts.asked, "question");
            writeln!(self.text, "  {word}  {label}  {} of {of}", missing.join(", "))?;
        }
        if let Some(judging) = &summary.judging
            && summary.cost_of_judges() != Cost::Nothing
        {
            let mut parts = vec![plural(judging.answers as usize, "answer")];
            parts.extend(judging.tokens.map(|tokens| format!("{} tokens", grouped(tokens))));
            parts.push(in_words(summary.cost_of_judges()));
            writeln!(self.text, "  judges   {label}  {}", parts.join(", "))?;
        }
        let flaky: Vec<&str> =
            summary.flaky().map(|case| plan.suite.cases[case.case].name.as_str()).collect();
        if !flaky.is_empty() {
            let word = self.tone(Tone::Doubtful, "flaky");
            let count = plural(flaky.len(), "case");
            let passed = if flaky.len() == 1 { "passes" } else { "pass" };
            let hat = summary.pass_hat_k.map_or_else(String::new, |chance| {
                let all = match plan.suite.repeat {
                    2 => "both repeats".to_owned(),
                    repeats => format!("all {repeats} repeats"),
                };
                format!("; {all} pass in {} of cases", percent(chance))
            });
            let text = format!("{label}  {count} {passed} only sometimes: {}{hat}", few(&flaky));
            writeln!(self.text, "  {word}    {}", wrapped(&text, COLUMNS - 11, "           "))?;
        }
        Ok(())
    }

    /// Where to look: nothing decides by tags.
    pub(super) fn tags(&mut self, plan: &PromptPlan, summaries: &[&VariantSummary]) -> fmt::Result {
        let Some(first) = summaries.first().filter(|summary| !summary.tags.is_empty()) else { return Ok(()) };
        let shown = if self.look.outputs { first.tags.len() } else { TAGS };
        let tags: Vec<&str> = first.tags.iter().take(shown).map(|tag| tag.tag.as_str()).collect();
        let mut columns = vec![Column {
            heading: "cases".to_owned(),
            cells: first.tags.iter().take(shown).map(|tag| tag.cases.to_string()).collect(),
            align: Align::Right,
        }];
        for summary in summaries {
            let cell = |name: &&str| {
                let tag = summary.tags.iter().find(|tag| tag.tag == **name);
                let of_tag = tag
                    .and_then(|tag| Some((tag.pass_rate?, unit_interval(&plan.suite.policy, &tag.units)?)));
                of_tag.map_or_else(
                    || "–".to_owned(),
                    |(rate, interval)| {
                        format!("{:>7}  {}", percent(rate), ends(interval.lower, interval.upper))
                    },
                )
            };
            columns.push(Column {
                heading: label(plan, summary.variant),
                cells: tags.iter().map(cell).collect(),
                align: Align::Left,
            });
        }
        let title = "by tag (exploratory)";
        let width = tags.iter().map(|tag| tag.chars().count()).max().unwrap_or(0).max(title.len());
        writeln!(self.text)?;
        for (part, columns) in fitting(&columns, width).into_iter().enumerate() {
            let title = if part == 0 { title } else { "" };
            let padding = " ".repeat(width - title.len());
            let cells = columns.iter().map(|column| (column.heading.as_str(), column));
            self.row(&format!("{title}{padding}"), cells)?;
            for (row, tag) in tags.iter().enumerate() {
                let padding = " ".repeat(width - tag.chars().count());
                let cells = columns.iter().map(|column| (column.cells[row].as_str(), column));
                self.row(&format!("{tag}{padding}"), cells)?;
            }
        }
        if first.tags.len() > shown {
            writeln!(self.text, "  … {} more with -v", first.tags.len() - shown)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
}

/// A column, and a cell for each row.
struct Column {
    heading: String,
    cells: Vec<String>,
    align: Align,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.chars().count());
        cells.chain([self.heading.chars().count()]).max().unwrap_or(0)
    }
}

fn columns(plan: &PromptPlan, summaries: &[&VariantSummary]) -> Vec<Column> {
    let policy = &plan.suite.policy;
    let none = || "–".to_owned();
    let column = |heading: &str, align, cell: &dyn Fn(&VariantSummary) -> String| Column {
        heading: heading.to_owned(),
        cells: summaries.iter().map(|summary| cell(summary)).collect(),
        align,
    };
    let mut columns = vec![
        column(&format!("pass rate ({} interval)", both_ends(policy)), Align::Left, &|summary| {
            let interval = unit_interval(policy, &summary.units);
            match (summary.pass_rate, interval) {
                (Some(rate), Some(interval)) => {
                    format!("{:>7}  {}", percent(rate), ends(interval.lower, interval.upper))
                }
                _ => format!("{:>7}", "–"),
            }
        }),
        column("score", Align::Right, &|summary| {
            summary.score.map_or_else(none, |score| format!("{score:.3}"))
        }),
    ];
    for taken in Taken::ALL {
        // Columns of nothing say nothing.
        if summaries.iter().any(|summary| taken.of(summary).is_some()) {
            columns
                .push(column(taken.name(), Align::Right, &|summary| taken.of(summary).unwrap_or_else(none)));
        }
    }
    columns
}

/// The columns in as many tables as the width needs.
fn fitting(columns: &[Column], label: usize) -> Vec<&[Column]> {
    let mut tables = Vec::new();
    let (mut start, mut width) = (0, label + 2);
    for (index, column) in columns.iter().enumerate() {
        width += column.width() + 3;
        if width > COLUMNS && index > start {
            tables.push(&columns[start..index]);
            start = index;
            width = label + 2 + column.width() + 3;
        }
    }
    tables.push(&columns[start..]);
    tables
}

/// The ends of an interval of shares, in percent.
fn ends(lower: f64, upper: f64) -> String {
    format!("[{:.1}, {:.1}]", 100.0 * lower, 100.0 * upper)
}

/// Seconds with two or three digits.
pub(in crate::report) fn duration(seconds: f64) -> String {
    if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 99.95 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_say_nothing() {
        assert_eq!(
            [duration(0.812), duration(1.94), duration(0.9999), duration(120.4)],
            ["812 ms", "1.9 s", "1.0 s", "120 s"]
        );
    }
}
