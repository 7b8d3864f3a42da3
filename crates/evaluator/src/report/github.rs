//! The report for GitHub: workflow commands, which a runner shows as annotations at the lines of the cases to open.
//!
//! The format and its escapes are those of "Workflow commands for GitHub Actions". A runner shows ten annotations of a level for a
//! step; so many are written, and a notice says how many more there are.

use std::fmt::Write as _;

use super::beside::beside;
use super::reasons::{Quoted, beginning, counts_in_words, reasons};
use super::tally::tally;
use super::to_open::{fold_unasked, skipped, summary_of, to_open};
use super::visible::without_commands;
use super::{Evaluation, narrowed, visible, warnings};
use crate::gate::{Gate, Verdict, plural};

/// What a runner shows of a level for each step.
const SHOWN: usize = 10;
/// The most bytes of an annotation's text: what a reader takes in.
const MAX_TEXT: usize = 2000;

/// The commands, a line each. GitHub finds a file by its path from the root of the repository.
pub fn github(evaluation: &Evaluation<'_>) -> String {
    let mut levels = Levels::default();
    for remark in warnings::mixed(evaluation.remarks()) {
        let help = remark.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let text = format!("{}{help}", warnings::said(&remark));
        levels.add(
            Level::Warning,
            Annotation { file: remark.file, line: None, title: "promptassay".to_owned(), text },
        );
    }
    for gate in evaluation.gates {
        let level = match gate.verdict {
            Verdict::Passed => Level::Notice,
            _ if !gate.blocks => Level::Warning,
            Verdict::Failed | Verdict::Inconclusive | Verdict::Broken => Level::Error,
        };
        let plan = &evaluation.plan.prompts()[gate.prompt];
        let file = evaluation.files.name(&plan.suite.file);
        let mut text = format!("{}: {}; {}", gate.verdict.as_str(), gate.reason, evaluation.replies());
        if let Some(narrowed) = narrowed(plan) {
            text = format!("{text}; {narrowed}");
        }
        if let Some(attempt) = evaluation.repeated(gate) {
            text = format!("{text}\n{attempt}");
        }
        for remark in beside(evaluation, gate) {
            text = format!("{text}\n{remark}");
        }
        levels.add(
            level,
            Annotation {
                file: Some(file),
                line: None,
                title: format!("gate {}", label(evaluation, gate)),
                text,
            },
        );
    }
    let mut blocked_first: Vec<&Gate> = evaluation.gates.iter().collect();
    blocked_first.sort_by_key(|gate| !gate.blocks);
    for gate in blocked_first {
        let level = if gate.blocks { Level::Error } else { Level::Warning };
        let Some(summary) = summary_of(evaluation, gate) else { continue };
        let (open, unasked) = fold_unasked(to_open(evaluation, summary, gate));
        if let Some(unasked) = unasked {
            let file = evaluation.files.name(&evaluation.plan.prompts()[gate.prompt].suite.file);
            let title = format!("{}: not asked", label(evaluation, gate));
            levels.add(level, Annotation { file: Some(file), line: None, title, text: unasked });
        }
        for open in open {
            let reasons = reasons(evaluation, summary, open.case, Quoted::Reasons);
            let tolerated = if level == Level::Warning { ", tolerated by the gate" } else { "" };
            levels.add(
                level,
                Annotation {
                    file: Some(evaluation.files.name(&open.definition.place.file)),
                    line: Some(open.definition.place.line),
                    title: format!("{}: {}", label(evaluation, gate), open.definition.name),
                    text: format!(
                        "{}{tolerated}: {}\n{reasons}",
                        open.cause.as_str(),
                        counts_in_words(&open.case.counts)
                    ),
                },
            );
        }
    }
    let skipped = evaluation.plan.prompts().iter().map(|plan| skipped(plan).count()).sum();
    levels.text(evaluation.gates, skipped)
}

/// A prompt, its version and its model.
fn label(evaluation: &Evaluation<'_>, gate: &Gate) -> String {
    let plan = &evaluation.plan.prompts()[gate.prompt];
    let variant = &plan.variants[gate.variant];
    format!("{} {} {}", plan.name, variant.version, variant.model.name)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

struct Annotation {
    file: Option<String>,
    line: Option<usize>,
    title: String,
    text: String,
}

#[derive(Default)]
struct Levels {
    errors: Vec<Annotation>,
    warnings: Vec<Annotation>,
    notices: Vec<Annotation>,
}

impl Levels {
    fn add(&mut self, level: Level, annotation: Annotation) {
        match level {
            Level::Error => self.errors.push(annotation),
            Level::Warning => self.warnings.push(annotation),
            Level::Notice => self.notices.push(annotation),
        }
    }

    fn text(&self, gates: &[Gate], skipped: usize) -> String {
        let mut out = String::new();
        let mut left_out = Vec::new();
        // The last notice is kept for the sentence about what is not shown.
        for (level, annotations, shown) in [
            ("error", &self.errors, SHOWN),
            ("warning", &self.warnings, SHOWN),
            ("notice", &self.notices, SHOWN - 1),
        ] {
            for annotation in annotations.iter().take(shown) {
                // Writing to a string cannot fail.
                let _ = annotation.write(&mut out, level);
            }
            if annotations.len() > shown {
                left_out.push(plural(annotations.len() - shown, level));
            }
        }
        let mut summary =
            if gates.is_empty() { "nothing was to be evaluated".to_owned() } else { tally(gates) };
        if skipped > 0 {
            // Writing to a string cannot fail.
            let _ = write!(summary, "; {} skipped", plural(skipped, "case"));
        }
        if !left_out.is_empty() {
            let _ = write!(summary, "; {} more in the other reports", left_out.join(" and "));
        }
        let _ = writeln!(out, "::notice title=promptassay::{}", data(&summary));
        out
    }
}

impl Annotation {
    fn write(&self, out: &mut String, level: &str) -> std::fmt::Result {
        write!(out, "::{level} ")?;
        if let Some(file) = &self.file {
            write!(out, "file={},", property(file))?;
        }
        if let Some(line) = self.line {
            write!(out, "line={line},")?;
        }
        writeln!(out, "title={}::{}", property(&self.title), data(&self.text))
    }
}

/// The text of a command.
fn data(text: &str) -> String {
    let text = visible(text.trim_end());
    let shown = beginning(&text, MAX_TEXT);
    let cut = if shown.len() < text.len() { "…" } else { "" };
    // The runner looks for `##[` in every line, also in this one.
    escaped(&without_commands(&format!("{shown}{cut}")))
}

/// A value in the head of a command.
fn property(text: &str) -> String {
    escaped(&without_commands(&visible(text))).replace(':', "%3A").replace(',', "%2C")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(property("a:b,c%\n::x"), "a%3Ab%2Cc%25%0A%3A %3Ax");
        assert_eq!(data("100 %: a, b\r\n::error::x ##[y]"), "100 %25: a, b%0A: :error::x # #[y]");
        assert!(data(&"x".repeat(3000)).ends_with("xx…"));
    }

    #[test]
    fn no_more_is_written_than_is_shown() {
        let annotation = |number| Annotation {
            file: Some("f".to_owned()),
            line: Some(number),
            title: "t".to_owned(),
            text: "x".to_owned(),
        };
        let mut levels = Levels::default();
        for number in 1..=12 {
            levels.add(Level::Error, annotation(number));
            levels.add(Level::Notice, annotation(number));
        }
        let text = levels.text(&[], 2);
        assert_eq!(text.matches("::error ").count(), 10);
        assert_eq!(text.matches("::notice ").count(), 10);
        assert!(text.ends_with("::notice title=promptassay::nothing was to be evaluated; 2 cases skipped; 2 errors and 3 notices more in the other reports\n"), "{text}");
    }
}
