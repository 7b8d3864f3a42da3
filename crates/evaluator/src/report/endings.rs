//! Replies that are no whole answers, counted: a suite of limits and prohibitions is passed by a model that says nothing.

use promptassay_llm::FinishReason;

use super::Evaluation;
use super::visible::visible_in_line;
use crate::gate::Gate;
use crate::outcome::RepeatOutcome;
use crate::plan::Variant;
use crate::record::Ending;

/// How many replies ended so, and how many of them passed.
struct Count<'a> {
    ending: &'a Ending,
    replies: usize,
    passed: usize,
}

/// A sentence for each way in which replies of the candidate ended and which no check of their cases asks for, the most frequent first.
pub(super) fn beside(evaluation: &Evaluation<'_>, gate: &Gate) -> Vec<String> {
    let (plan, record) = (evaluation.plan, evaluation.record);
    let (mut counts, mut all) = (Vec::<Count<'_>>::new(), 0);
    for case in plan.cases_of(gate.prompt, gate.variant) {
        for (index, _) in plan.trials_of(gate.prompt, gate.variant, case) {
            let Some(trial) = record.trial(index).filter(|trial| trial.source.is_some()) else { continue };
            all += 1;
            let Some(ending) = record.ending(index) else { continue };
            let known = counts.iter().position(|count| count.ending == ending).unwrap_or_else(|| {
                counts.push(Count { ending, replies: 0, passed: 0 });
                counts.len() - 1
            });
            counts[known].replies += 1;
            counts[known].passed += usize::from(trial.outcome == RepeatOutcome::Passed);
        }
    }
    counts.sort_by_key(|count| std::cmp::Reverse(count.replies));
    let variant = &plan.prompts()[gate.prompt].variants[gate.variant];
    counts.iter().map(|count| in_words(count, all, variant)).collect()
}

fn in_words(count: &Count<'_>, all: usize, variant: &Variant) -> String {
    let (are, refusals) = if count.replies == 1 { ("is", "a refusal") } else { ("are", "refusals") };
    let (what, is_limited) = match count.ending {
        Ending::Empty(reason) => {
            (format!("empty, finish reason {}", quoted(reason)), *reason == FinishReason::Length)
        }
        Ending::CutOff => ("cut off, finish reason `length`".to_owned(), true),
        Ending::Filtered => ("cut off by a filter, finish reason `filter`".to_owned(), false),
        Ending::Refused => (refusals.to_owned(), false),
    };
    let replies = if all == 1 { "reply" } else { "replies" };
    let passed = match (count.passed, count.replies) {
        (0, _) => String::new(),
        (_, 1) => ", and it passed".to_owned(),
        (passed, _) => format!(", and {passed} of them passed"),
    };
    let cause = if is_limited { limit(variant) } else { String::new() };
    format!("{} of {all} {replies} {are} {what}{passed}{cause}", count.replies)
}

/// The provider's own word may be anything, of any length.
fn quoted(reason: &FinishReason) -> String {
    let word: String = visible_in_line(reason.as_str()).chars().take(40).collect();
    format!("`{word}`")
}

/// What may be to blame for replies that a limit cut off.
fn limit(variant: &Variant) -> String {
    match variant.max_output_tokens() {
        Some(limit) => format!(
            ": `max_output_tokens` ({limit}) may be too small for {} on `{}`",
            variant.version, variant.model.name
        ),
        None => format!(
            ": the limit is the server's own, and `max_output_tokens` of row `{}` sets another",
            variant.model.name
        ),
    }
}
