//! The report for tables: a row for each trial, as RFC 4180 has it.
//!
//! Text is made safe to open: a spreadsheet takes a cell that begins with certain signs for a formula, so an apostrophe goes before
//! it. The JSON report has the texts as they were.

use std::io;
use std::time::Duration;

use super::visible::WithoutCommands;
use super::{Evaluation, visible};
use crate::event::{Answer, TrialResult};
use crate::outcome::CheckOutcome;
use crate::plan::{Role, Trial};

const COLUMNS: [&str; 22] = [
    "prompt",
    "version",
    "model",
    "role",
    "case",
    "repeat",
    "outcome",
    "score",
    "failed_checks",
    "reasons",
    "error",
    "source",
    "latency_ms",
    "tokens",
    "cost_usd",
    "judge_cost_usd",
    "output",
    "file",
    "line",
    "tags",
    "trial",
    "finish_reason",
];

/// Writes the report: a header, then a row for each trial of the plan, by prompt, case, repeat and variant. Lines end with CR LF; what is
/// unknown is empty. It fails where `out` does.
pub fn csv(evaluation: &Evaluation<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let calm = WithoutCommands::new(out);
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(calm);
    writer.write_record(COLUMNS)?;
    for (index, trial) in evaluation.plan.trials().iter().enumerate() {
        writer.write_record(row(evaluation, index, trial))?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()
}

fn row(evaluation: &Evaluation<'_>, index: usize, trial: &Trial) -> [String; COLUMNS.len()] {
    let plan = evaluation.plan;
    let (variant, case) = (plan.variant(trial), plan.case(trial));
    let record = evaluation.record.trial(index);
    let result = evaluation.outputs.get(trial.id);
    let finish_reason = result
        .as_ref()
        .and_then(|result| result.answer.reply())
        .map(|reply| reply.finish_reason.as_str().to_owned());
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    [
        cell(plan.prompts()[trial.prompt].name.as_str()),
        variant.version.number(),
        cell(&variant.model.name),
        match variant.role {
            Role::Baseline => "baseline".to_owned(),
            Role::Candidate => "candidate".to_owned(),
        },
        cell(&case.name),
        trial.repeat.to_string(),
        record.map_or("not_asked", |record| record.outcome.as_str()).to_owned(),
        number(record.and_then(|record| record.score)),
        cell(&result.as_ref().map(failed_checks).unwrap_or_default()),
        cell(&result.as_ref().map(reasons).unwrap_or_default()),
        record.and_then(|record| record.error).map_or_else(String::new, |error| error.as_str().to_owned()),
        record.and_then(|record| record.source).map_or_else(String::new, |source| source.as_str().to_owned()),
        number(record.and_then(|record| record.latency).map(milliseconds)),
        record.and_then(|record| record.tokens).map_or_else(String::new, |tokens| tokens.to_string()),
        number(record.and_then(|record| record.cost)),
        number(evaluation.record.judging(index).and_then(|judging| judging.cost)),
        cell(&result.and_then(|result| result.answer.shown_text()).unwrap_or_default()),
        cell(&evaluation.files.name(&case.place.file)),
        case.place.line.to_string(),
        cell(&case.tags.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
        trial.id.to_string(),
        cell(&finish_reason.unwrap_or_default()),
    ]
}

/// In milliseconds with microseconds: what a journal keeps, so that a report of it has the same bytes.
fn milliseconds(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e6).round() / 1e3
}

/// The names of the checks that failed; warnings are not among them.
fn failed_checks(result: &TrialResult) -> String {
    let failed =
        result.checks.iter().filter(|check| !check.warn && matches!(check.outcome, CheckOutcome::Fail(_)));
    failed.map(|check| check.name.as_str()).collect::<Vec<_>>().join("; ")
}

/// Every reason why it did not pass, a line each.
fn reasons(result: &TrialResult) -> String {
    if let Answer::Error(error) = &result.answer {
        return error.message.clone();
    }
    let reasons = result.checks.iter().filter_map(|check| {
        let reason = check.outcome.reason()?;
        let got = reason.got.as_ref().map(|got| format!("; got {got}")).unwrap_or_default();
        let warning = if check.warn { " (warning)" } else { "" };
        Some(format!("{}{warning}: {}{got}", check.name, reason.message))
    });
    reasons.collect::<Vec<_>>().join("\n")
}

/// Text for a cell that no program takes for a formula.
fn cell(text: &str) -> String {
    let text = visible(text);
    // OWASP, "CSV injection"; the full-width forms count as the plain ones in some locales.
    let begins_formula = |character| "=+-@\t\n＝＋－＠".contains(character);
    if text.starts_with(begins_formula) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-5"), "'-5");
        assert_eq!(cell("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(cell("\t=1"), "'\t=1");
        assert_eq!(cell("\r=1"), "␍=1");
        assert_eq!(cell("\r\n=1"), "'\n=1");
        assert_eq!(cell("＝1"), "'＝1");
        assert_eq!(cell("a=1"), "a=1");
        assert_eq!(cell(""), "");
    }
}
