//! What is wrong with the data of a canary, and what is missing before it goes on; in sentences.

use jiff::{SignedDuration, Timestamp};
use promptassay_stats::Undefined;
use promptassay_stats::homogeneity::homogeneity;
use promptassay_stats::sample_ratio::sample_ratio;

use super::{Canary, GuardPolicy, Guardrail, HOLD_AT, Seen};
use crate::analysis::thousands;
use crate::canary::text;

/// Without so many exposed canary users nothing goes on.
pub const LEAST_EXPOSED: u64 = 200;
/// The last step lasts at least this long.
pub const LEAST_LAST_STEP: SignedDuration = SignedDuration::from_hours(24);
/// Below this p-value the arms are not what they should be.
const UNHEALTHY: f64 = 0.001;

/// What is wrong with the arms themselves.
pub(super) fn unhealthy(
    canary: &Canary,
    policy: &GuardPolicy,
    seen: &Seen,
) -> Result<Vec<String>, Undefined> {
    let mut reasons = Vec::new();
    for (number, counts) in &seen.exposed {
        let Some(step) = canary.steps.get(*number as usize - 1) else { continue };
        let share = f64::from(step.basis_points) / 10_000.0;
        if let Ok(p) = sample_ratio(counts, &[share, 1.0 - share])?.p_value
            && p < UNHEALTHY
        {
            reasons.push(format!(
                "step {number} served {} of {} users the canary instead of {:.2} % (p = {p:.1e}): something loses users",
                counts[0],
                counts[0] + counts[1],
                100.0 * share
            ));
        }
    }
    // Of failures alone nobody knows whether some are lost: why it waits says so.
    let whole = policy.guardrails.iter().filter(|name| seen.with_good_outcomes.contains(*name));
    for (name, units) in whole.filter_map(|name| Some((name, seen.answered.get(name)?))) {
        let known = [0, 1].map(|arm| {
            let exposed = &seen.exposed_last[arm];
            let answered = exposed.iter().filter(|unit| units[arm].contains(*unit)).count();
            [answered as u64, (exposed.len() - answered) as u64]
        });
        if let Ok(p) = homogeneity(&known)
            && p < UNHEALTHY
        {
            let percent = known.map(|[answered, lost]| 100.0 * answered as f64 / (answered + lost) as f64);
            reasons.push(format!(
                "outcomes of `{name}` are known of {:.1} % of the canary's users, but of {:.1} % of the others (p = {p:.1e})",
                percent[0], percent[1]
            ));
        }
    }
    Ok(reasons)
}

/// Why the last step was not watched: its hours count only where somebody records what happens in them.
fn silent_last_step(canary: &Canary, policy: &GuardPolicy, seen: &Seen) -> Option<String> {
    let from = canary.steps.last()?.from;
    let since = format!("recorded since the last step began at {from}");
    let last = u32::try_from(canary.steps.len()).unwrap_or(u32::MAX);
    let served = seen.exposed.get(&last).copied().unwrap_or_default();
    if served == [0, 0] {
        return Some(format!("nobody is {since}"));
    }
    if served[0] == 0 {
        return Some(format!("no user of the canary is {since}"));
    }
    // Where nothing but failures is ever recorded, that is said of the guardrail.
    let mut whole = policy.guardrails.iter().filter(|name| seen.with_good_outcomes.contains(*name));
    let is_silent = |name: &&String| seen.answered.get(*name).is_none_or(|[canary, _]| canary.is_empty());
    let silent = whole.find(is_silent)?;
    Some(format!("no outcome of `{silent}` is {since}"))
}

/// What is missing before it may go on.
pub(super) fn why_wait(
    canary: &Canary,
    policy: &GuardPolicy,
    seen: &Seen,
    guardrails: &[Guardrail],
    now: Timestamp,
) -> Vec<String> {
    let mut reasons = Vec::new();
    let exposed = seen.canary_units.len() as u64;
    let hold_at = HOLD_AT * guardrails.len() as f64;
    for Guardrail { report, .. } in guardrails {
        if report.largest_ln_e >= hold_at.ln() {
            reasons.push(format!(
                "`{}` may fail more often in the canary: evidence up to {}, and {hold_at:.0} holds; look at it",
                report.name,
                text::evidence(report.largest_ln_e)
            ));
        }
    }
    for (name, outcomes) in &seen.unguarded {
        reasons.push(format!(
            "`{name}` is no guardrail of the policy any more, and outcomes of it are recorded of this canary ({}): name it there again, or begin a new canary without it",
            thousands(*outcomes)
        ));
    }
    if now >= canary.expires_at {
        reasons.push(format!("it expired at {}, and everybody is served production", canary.expires_at));
    }
    match canary.steps.last() {
        Some(step) if now.duration_since(step.from) >= LEAST_LAST_STEP => {}
        Some(step) => {
            let until = step.from.saturating_add(LEAST_LAST_STEP).unwrap_or(Timestamp::MAX);
            reasons.push(format!("the last step lasts 24 hours, until {until}"));
        }
        None => reasons.push("it has no step".to_owned()),
    }
    if exposed < LEAST_EXPOSED {
        reasons.push(format!("{exposed} of {LEAST_EXPOSED} users have been served the canary"));
        return reasons;
    }
    reasons.extend(silent_last_step(canary, policy, seen));
    for Guardrail { report, .. } in guardrails {
        let (name, known) = (&report.name, report.canary_known);
        if !seen.with_good_outcomes.contains(name) {
            let recorded =
                if known == 0 { "nothing is recorded of" } else { "only failures are recorded of" };
            reasons.push(format!(
                "{recorded} `{name}`, so lost outcomes look like good ones; record `0` for users who do not fail as well"
            ));
        } else if known < LEAST_EXPOSED {
            reasons.push(format!(
                "`{name}` is known of {known} of {exposed} users of the canary, and {LEAST_EXPOSED} are needed"
            ));
        }
    }
    match policy.max_failure_rate {
        None => reasons
            .push("the policy names no `max_failure_rate`, so nobody knows what is bearable".to_owned()),
        Some(most) => reasons.extend(guardrails.iter().filter_map(|Guardrail { report, .. }| {
            // Where only failures are known, all may fail.
            let rate = report.failure_rate_at_most.unwrap_or(1.0);
            (rate > most).then(|| {
                format!(
                    "`{}` may fail for up to {:.2} % of the canary's users; {:.2} % is bearable",
                    report.name,
                    100.0 * rate,
                    100.0 * most
                )
            })
        })),
    }
    reasons
}
