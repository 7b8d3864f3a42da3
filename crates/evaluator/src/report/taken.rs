//! What replies took: time, tokens and money, side by side.

use super::cost::in_words;
use super::terminal::duration;
use crate::gate::grouped;
use crate::summary::{Cost, VariantSummary};

/// So many times of what the baseline takes are worth a sentence.
const MUCH: f64 = 1.5;
/// A median that is longer by less is nothing that anybody waits for, in seconds.
const NOTICED: f64 = 0.05;

/// Something that replies take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The median of the time.
    P50,
    /// The 95th percentile of the time.
    P95,
    /// Input and output tokens.
    Tokens,
    /// US dollars.
    Cost,
}

impl Taken {
    /// In the order in which reports show them.
    pub(super) const ALL: [Self; 4] = [Self::P50, Self::P95, Self::Tokens, Self::Cost];

    /// What reports call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
        }
    }

    /// All that a version took; `None` where no model was asked, or none says.
    pub(super) fn of(self, summary: &VariantSummary) -> Option<String> {
        match self {
            Self::P50 => summary.latency.as_ref().map(|latency| duration(latency.median.estimate)),
            Self::P95 => summary.latency.as_ref().map(|latency| duration(latency.p95.estimate)),
            Self::Tokens => summary.tokens.map(grouped),
            Self::Cost => Some(summary.cost).filter(|cost| *cost != Cost::Nothing).map(in_words),
        }
    }

    /// How many times of what a reply of the baseline takes one of the candidate takes; `None` where either is not known, or nothing.
    pub(super) fn ratio(self, before: &VariantSummary, after: &VariantSummary) -> Option<f64> {
        let (before, after) = (self.a_reply(before)?, self.a_reply(after)?);
        Some(after / before).filter(|ratio| ratio.is_finite())
    }

    fn a_reply(self, summary: &VariantSummary) -> Option<f64> {
        let latency = summary.latency.as_ref();
        match self {
            Self::P50 => latency.map(|latency| latency.median.estimate),
            Self::P95 => latency.map(|latency| latency.p95.estimate),
            Self::Tokens => summary.tokens.map(|tokens| tokens as f64 / summary.replies as f64),
            Self::Cost => Some(summary.cost.dollars()? / latency?.median.count as f64),
        }
    }
}

/// `4.3 ×`; what is more than nothing is not rounded to it.
pub(super) fn times(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.05 { "< 0.1 ×".to_owned() } else { format!("{ratio:.1} ×") }
}

/// What is said of a candidate that takes far more than its baseline, which no gate looks at.
pub(super) fn takes_much(before: &VariantSummary, after: &VariantSummary) -> Option<String> {
    let much = |taken: Taken| taken.ratio(before, after).filter(|ratio| *ratio > MUCH);
    let mut parts = Vec::new();
    parts.extend(much(Taken::Cost).map(|ratio| format!("costs {ratio:.1} times as much")));
    parts.extend(much(Taken::Tokens).map(|ratio| format!("takes {ratio:.1} times as many tokens")));
    let slower = much(Taken::P50).filter(|_| is_slower(before, after));
    parts.extend(slower.map(|ratio| format!("answers in {ratio:.1} times the time (p50)")));
    let (last, others) = parts.split_last()?;
    Some(if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) })
}

/// Whether the medians differ by more than chance and by more than nothing: on a busy machine the same reply takes twice as long.
fn is_slower(before: &VariantSummary, after: &VariantSummary) -> bool {
    let (Some(before), Some(after)) = (&before.latency, &after.latency) else { return false };
    let apart = before.median.upper.as_ref().ok().zip(after.median.lower.as_ref().ok());
    apart.is_some_and(|(before, after)| after > before)
        && after.median.estimate - before.median.estimate > NOTICED
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use promptassay_stats::Confidence;
    use promptassay_stats::quantile::quantile_interval;

    use super::*;
    use crate::summary::{Counts, Latency};

    #[test]
    fn what_takes_far_less_takes_more_than_nothing() {
        assert_eq!([4.26, 0.06, 0.0025, 0.0].map(times), ["4.3 ×", "0.1 ×", "< 0.1 ×", "0.0 ×"]);
    }

    /// So many replies of so many tokens and dollars each, which came after these seconds in turn.
    fn took(replies: usize, tokens: u64, dollars: f64, seconds: &[f64]) -> VariantSummary {
        let all: Vec<f64> = seconds.iter().copied().cycle().take(replies).collect();
        let confidence = Confidence::each_end(0.95).unwrap();
        let quantile = |share| quantile_interval(&all, share, confidence).unwrap();
        VariantSummary {
            prompt: 0,
            variant: 0,
            cases: Vec::new(),
            counts: Counts { asked: 40, passed: replies, not_asked: 40 - replies, ..Counts::default() },
            gaps: 0,
            pass_rate: None,
            score: None,
            units: Vec::new(),
            score_units: Vec::new(),
            pass_hat_k: None,
            tags: Vec::new(),
            latency: Some(Latency { median: quantile(0.5), p95: quantile(0.95) }),
            replies,
            tokens: Some(tokens * replies as u64),
            cost: Cost::Dollars(repeat_n(dollars, replies).sum()),
            judging: None,
        }
    }

    #[test]
    fn what_takes_far_more_is_said_by_the_reply_and_not_by_the_sum() {
        let before = took(40, 50, 0.001, &[0.02, 0.03]);
        let dear = took(20, 160, 0.004, &[0.1, 0.15]);
        insta::assert_snapshot!(
            takes_much(&before, &dear).unwrap(),
            @"costs 4.0 times as much, takes 3.2 times as many tokens and answers in 5.0 times the time (p50)"
        );
        assert_eq!(takes_much(&before, &took(40, 70, 0.0014, &[0.02, 0.03])), None, "not much more");
        assert_eq!(takes_much(&dear, &before), None, "less");
    }

    #[test]
    fn a_reply_whose_judge_could_not_be_asked_is_one() {
        let before = took(40, 50, 0.001, &[0.02, 0.03]);
        let counts = Counts { asked: 40, passed: 18, errored: 22, ..Counts::default() };
        let unjudged = VariantSummary { counts, ..took(40, 50, 0.001, &[0.02, 0.03]) };
        assert_eq!(Taken::Tokens.ratio(&before, &unjudged), Some(1.0));
        assert_eq!(takes_much(&before, &unjudged), None);
    }

    #[test]
    fn a_time_that_may_be_chance_or_is_nothing_is_not_said() {
        let quick = took(40, 50, 0.001, &[0.002]);
        assert_eq!(takes_much(&quick, &took(40, 50, 0.001, &[0.01])), None, "five times of nothing");
        let few = took(3, 50, 0.001, &[0.1]);
        assert_eq!(takes_much(&few, &took(3, 50, 0.001, &[0.9])), None, "three replies bound no median");
        let one = took(40, 50, 0.001, &[0.1, 0.9, 0.1]);
        assert!(takes_much(&one, &took(40, 50, 0.001, &[0.9, 0.1, 0.9])).is_some());
    }
}
