//! A judgement of a canary as people read it.

use std::fmt::Write as _;

use super::{GuardReport, GuardVerdict, HOLD_AT, ROLL_BACK_AT, WouldShow};
use crate::analysis::thousands;

/// What every evidence is held against is in `docs/experiments.md`.
pub fn terminal(report: &GuardReport) -> String {
    let mut text = format!(
        "  exposed   {} canary, {} production in all steps (share now {} %)\n",
        thousands(report.canary_exposed),
        thousands(report.production_exposed),
        100.0 * report.share
    );
    let count = report.guardrails.len() as f64;
    let width = report.guardrails.iter().map(|guardrail| guardrail.name.chars().count()).max().unwrap_or(0);
    for guardrail in &report.guardrails {
        let rate = guardrail.failure_rate_at_most.map_or_else(String::new, |rate| {
            let known = thousands(guardrail.canary_known);
            let bound = format!("of {known} known, so at most {:.2} %", 100.0 * rate);
            match guardrail.canary_failed {
                failed if failed == guardrail.canary_failing => format!(" {bound}"),
                // Some had failed in production before.
                failed => format!(" first, {} failed there {bound}", thousands(failed)),
            }
        });
        let _ = writeln!(
            text,
            "  {:<width$}   {} failing in the canary{rate}; {} in production",
            guardrail.name,
            thousands(guardrail.canary_failing),
            thousands(guardrail.production_failing),
        );
        if guardrail.failing_unexposed > 0 {
            let question = match guardrail.failing_unexposed {
                1 => "was never exposed: is it of a request without the prompt?",
                _ => "were never exposed: are they of requests without the prompt?",
            };
            let number = thousands(guardrail.failing_unexposed);
            let _ = writeln!(text, "  {:<width$}   {number} of these {question}", "");
        }
        let _ = writeln!(
            text,
            "  {:<width$}   evidence of harm {}, the largest {}; {:.0} holds, {:.0} rolls back",
            "",
            evidence(guardrail.ln_e),
            evidence(guardrail.largest_ln_e),
            HOLD_AT * count,
            ROLL_BACK_AT * count,
        );
    }
    if let Some(would_show) = report.would_show.filter(|_| report.verdict != GuardVerdict::RollBack) {
        let _ = writeln!(text, "  {}", silence(would_show));
    }
    let word = match report.verdict {
        GuardVerdict::RollBack => "roll back",
        GuardVerdict::Unhealthy => "no verdict",
        GuardVerdict::Hold => "hold",
        GuardVerdict::Promote => "promote",
    };
    for reason in &report.reasons {
        let _ = write!(text, "\n{word}: {reason}");
    }
    text.push('\n');
    text
}

/// What it means that nothing was rolled back so far.
fn silence(would_show: WouldShow) -> String {
    let WouldShow { times, failing_users, failing_users_at_most } = would_show;
    let harm = format!("detects   {times} × as many failures");
    match (failing_users, failing_users_at_most) {
        (Some(half), Some(most)) => {
            format!("{harm} after about {} failing users, in 9 of 10 by {}", thousands(half), thousands(most))
        }
        (Some(half), None) => format!("{harm} after about {} failing users", thousands(half)),
        (None, _) => format!("{harm} after more than 20,000 failing users: widen it"),
    }
}

/// An evidence, whose logarithm is kept because it overflows.
pub(super) fn evidence(ln: f64) -> String {
    let value = ln.exp();
    if value >= 1e6 {
        "over 1,000,000".to_owned()
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
