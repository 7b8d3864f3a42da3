//! The report for a pull request and for a job summary: what got worse, by how much, how sure that is, which cases to open.
//!
//! Whoever writes the text, nothing of it is markup: names stand in code spans, and what models said in fences that are longer than
//! any run of backticks in them.

mod escape;
mod numbers;
mod pages;

use std::fmt::Write as _;

use super::Evaluation;
use super::beside::beside;
use super::compared::{basis, changed_cases, stopped_alone};
use super::cost;
use super::reasons::{Quoted, counts_in_words, reasons};
use super::tally::tally;
use super::to_open::{fold_unasked, skipped, summary_of, to_open};
use super::visible::without_commands;
use super::warnings;
use crate::gate::{Gate, Verdict, blocking, plural, worst};
use crate::plan::{PromptPlan, Remark};
use crate::suite::Case;
use escape::{code, fence, html_code, table_code};
use numbers::numbers;
use pages::Pages;

/// The first line: a comment on a pull request is found by it, and updated.
pub const MARKDOWN_MARK: &str = "<!-- promptassay -->";

/// The most bytes of a report. GitHub takes 65,536 characters in a comment, and 1 MiB in the summary of a step.
const MAX_BYTES: usize = 65_000;
/// So many cases are named outside of the details.
const NAMED: usize = 10;
/// The most bytes of warnings; the first stands there whatever it takes.
const WARNED: usize = 20_000;
/// The most bytes that are quoted for a case.
const QUOTED: usize = 3000;

/// The report; it ends with a line feed.
pub fn markdown(evaluation: &Evaluation<'_>) -> String {
    let mut pages = Pages::new(format!("{MARKDOWN_MARK}\n{}", head(evaluation)), MAX_BYTES);
    let (blocked, passed): (Vec<&Gate>, Vec<&Gate>) = evaluation.gates.iter().partition(|gate| gate.blocks);
    add_warnings(&mut pages, &evaluation.remarks());
    if evaluation.gates.len() > 1 {
        for table in gates_table(evaluation, &blocked, &passed) {
            pages.add(&table);
        }
    }
    for gate in &blocked {
        pages.add(&verdict(evaluation, gate));
        pages.add(&cases_to_open(evaluation, gate));
    }
    for gate in &passed {
        pages.add(&verdict(evaluation, gate));
    }
    for plan in evaluation.plan.prompts() {
        pages.add(&not_asked_on_purpose(evaluation, plan));
    }
    // What is long comes last, so that it is what is cut.
    for gate in blocked.iter().chain(&passed) {
        for page in details(evaluation, gate) {
            pages.add(&page);
        }
    }
    without_commands(&pages.text())
}

/// The report where there was nothing to evaluate.
pub fn markdown_of_nothing(message: &str, remarks: &[Remark]) -> String {
    let head = format!("{MARKDOWN_MARK}\n## promptassay: nothing to evaluate\n\n{}\n", code(message));
    let mut pages = Pages::new(head, MAX_BYTES);
    add_warnings(&mut pages, &warnings::by_weight(remarks.to_vec()));
    without_commands(&pages.text())
}

/// What there is to know before the numbers are read, a piece each, so that many of them leave room for the numbers.
fn add_warnings(pages: &mut Pages, remarks: &[Remark]) {
    let mut bytes = 0;
    for (index, remark) in remarks.iter().enumerate() {
        let heading = if index == 0 { "**Warnings**\n\n" } else { "" };
        let help = remark.help.as_ref().map(|help| format!("  - {}\n", code(help))).unwrap_or_default();
        let item = format!("{heading}- {}\n{help}", code(&warnings::said(remark)));
        bytes += item.len();
        if index > 0 && bytes > WARNED {
            let more = plural(remarks.len() - index, "more warning");
            pages.go_on(&format!("- {more}, in the other reports\n"));
            break;
        }
        if index == 0 { pages.add(&item) } else { pages.go_on(&item) }
    }
}

fn head(evaluation: &Evaluation<'_>) -> String {
    let word = match blocking(evaluation.gates) {
        Some(verdict) => verdict.as_str().to_owned(),
        None => match worst(evaluation.gates) {
            Verdict::Passed => Verdict::Passed.as_str().to_owned(),
            // In nobody's way, and still not shown to be good.
            verdict => format!("{}, let through", verdict.as_str()),
        },
    };
    let stopped = evaluation.record.stopped();
    let stopped = stopped.map(|why| format!(" · {why}: not every question was asked")).unwrap_or_default();
    let cost = cost::whole(evaluation.summaries, evaluation.record.expenses());
    let cost = cost.map(|cost| format!(" · cost {cost}")).unwrap_or_default();
    let narrowed = match evaluation.plan.filters().as_slice() {
        [] => String::new(),
        filters => format!(" · narrowed by {}", code(&filters.join(" "))),
    };
    format!(
        "## promptassay: {word}\n\n{} · {}{narrowed}{cost}{stopped}\n",
        tally(evaluation.gates),
        evaluation.replies()
    )
}

fn plan_of<'a>(evaluation: &Evaluation<'a>, gate: &Gate) -> &'a PromptPlan {
    &evaluation.plan.prompts()[gate.prompt]
}

/// A prompt, its version, and its model where there are several.
fn title(evaluation: &Evaluation<'_>, gate: &Gate) -> String {
    let plan = plan_of(evaluation, gate);
    let variant = &plan.variants[gate.variant];
    let mut title = format!("{} {}", plan.name, variant.version);
    if plan.has_several_models() {
        // Writing to a string cannot fail.
        let _ = write!(title, " on {}", variant.model.name);
    }
    title
}

/// All gates at a glance, those that block first; in pieces, so that a long table can be cut.
fn gates_table(evaluation: &Evaluation<'_>, blocked: &[&Gate], passed: &[&Gate]) -> Vec<String> {
    const ROWS: usize = 100;
    let gates: Vec<&&Gate> = blocked.iter().chain(passed).collect();
    let row = |gate: &&&Gate| {
        let plan = plan_of(evaluation, gate);
        let variant = &plan.variants[gate.variant];
        format!(
            "| {} | {} | {} | {} | {} |\n",
            gate.verdict.as_str(),
            table_code(plan.name.as_str()),
            table_code(&variant.version.to_string()),
            table_code(&variant.model.name),
            table_code(&gate.reason)
        )
    };
    gates
        .chunks(ROWS)
        .map(|gates| {
            let rows: String = gates.iter().map(row).collect();
            format!("| verdict | prompt | version | model | why |\n|---|---|---|---|---|\n{rows}")
        })
        .collect()
}

/// What a gate says and the numbers that it says it by.
fn verdict(evaluation: &Evaluation<'_>, gate: &Gate) -> String {
    let policy = &plan_of(evaluation, gate).suite.policy;
    let against = match &gate.comparison {
        Some(comparison) => format!(" against {}", code(&comparison.baseline.to_string())),
        None => String::new(),
    };
    let mut out = format!(
        "### {}{against}: {}\n\n{}\n",
        code(&title(evaluation, gate)),
        gate.verdict.as_str(),
        code(&gate.reason)
    );
    if let Some(attempt) = evaluation.repeated(gate) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n{attempt}");
    }
    for remark in beside(evaluation, gate) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n{}", code(&remark));
    }
    if let Some(summary) = summary_of(evaluation, gate) {
        if let Some(later) = stopped_alone(gate, summary, policy) {
            let _ = writeln!(out, "\n{later}");
        }
        out.push('\n');
        out.push_str(&numbers(evaluation, summary, gate.comparison.as_ref(), policy));
    }
    if let Some(comparison) = &gate.comparison {
        // Writing to a string cannot fail.
        let _ = write!(out, "\n{}", changed_cases(comparison));
        for (what, names) in [("broke", &comparison.broken), ("fixed", &comparison.fixed)] {
            if !names.is_empty() {
                let _ = write!(out, "  \n{what}: {}", names_in_code(names));
            }
        }
        out.push('\n');
    }
    out
}

fn names_in_code(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).map(|name| code(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The cases that a reader should open, without their details.
fn cases_to_open(evaluation: &Evaluation<'_>, gate: &Gate) -> String {
    let Some(summary) = summary_of(evaluation, gate) else { return String::new() };
    let (open, unasked) = fold_unasked(to_open(evaluation, summary, gate));
    if open.is_empty() && unasked.is_none() {
        return String::new();
    }
    let mut out = "**Cases to open**\n\n".to_owned();
    for open in open.iter().take(NAMED) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "- {}: {}, {} ({})",
            code(&open.definition.name),
            open.cause.as_str(),
            counts_in_words(&open.case.counts),
            code(&place(evaluation, open.definition))
        );
    }
    if open.len() > NAMED {
        let _ = writeln!(out, "- and {} more", open.len() - NAMED);
    }
    if let Some(unasked) = unasked {
        let _ = writeln!(out, "- not asked: {}", code(&unasked));
    }
    out
}

fn place(evaluation: &Evaluation<'_>, case: &Case) -> String {
    format!("{}:{}", evaluation.files.name(&case.place.file), case.place.line)
}

/// The cases that somebody skips, with the reasons that they wrote; closed until somebody opens it.
fn not_asked_on_purpose(evaluation: &Evaluation<'_>, plan: &PromptPlan) -> String {
    let lines: Vec<String> = skipped(plan)
        .map(|(case, reason)| format!("{} ({}): {reason}", case.name, place(evaluation, case)))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!(
        "<details><summary>{}: {} skipped</summary>\n\n{}\n\n</details>\n",
        html_code(plan.name.as_str()),
        plural(lines.len(), "case"),
        fence(&lines.join("\n"), QUOTED)
    )
}

/// Why cases did not pass, and what was compared: closed until somebody opens it.
fn details(evaluation: &Evaluation<'_>, gate: &Gate) -> Vec<String> {
    let mut pages = Vec::new();
    let title = html_code(&title(evaluation, gate));
    if let Some(summary) = summary_of(evaluation, gate) {
        for open in fold_unasked(to_open(evaluation, summary, gate)).0 {
            let reasons = reasons(evaluation, summary, open.case, Quoted::Outputs);
            pages.push(format!(
                "<details><summary>{title}: {} {}, {}</summary>\n\n{}\n\n{}\n\n</details>\n",
                html_code(&open.definition.name),
                open.cause.as_str(),
                counts_in_words(&open.case.counts),
                code(&place(evaluation, open.definition)),
                fence(&reasons, QUOTED)
            ));
        }
    }
    let policy = &plan_of(evaluation, gate).suite.policy;
    if let Some(comparison) = &gate.comparison {
        let sentences: Vec<String> = basis(comparison, policy);
        pages.push(format!(
            "<details><summary>{title}: what was compared</summary>\n\n{}\n\n</details>\n",
            fence(&sentences.join("\n"), QUOTED)
        ));
    }
    pages
}
