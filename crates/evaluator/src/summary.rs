//! What a record comes to, case by case and variant by variant. Pure arithmetic; nothing here decides.

mod resources;
mod tags;

use std::collections::BTreeMap;

use promptassay_stats::Confidence;
use promptassay_stats::repeats::pass_hat_k;
use promptassay_stats::score::{ScoreInterval, score_interval_of_means};

use crate::judge::Judging;
use crate::outcome::RepeatOutcome;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::record::{Record, TrialRecord};

pub use resources::{Cost, Latency};
pub use tags::TagSummary;

/// How many trials came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Trials of the plan.
    pub asked: usize,
    /// Every check passed.
    pub passed: usize,
    /// A check failed.
    pub failed: usize,
    /// The model or a check could not be asked.
    pub errored: usize,
    /// Those of them in which the model answered, and a check could not be carried out.
    pub unchecked: usize,
    /// A judge could not be read.
    pub unscored: usize,
    /// The run ended before.
    pub not_asked: usize,
}

impl Counts {
    /// Trials without a verdict: errored, unscored or never asked.
    pub fn missing(&self) -> usize {
        self.errored + self.unscored + self.not_asked
    }

    /// Trials with a verdict.
    pub fn judged(&self) -> usize {
        self.passed + self.failed
    }

    fn add(&mut self, trial: Option<&TrialRecord>) {
        self.asked += 1;
        match trial.map(|trial| trial.outcome) {
            Some(RepeatOutcome::Passed) => self.passed += 1,
            Some(RepeatOutcome::Failed) => self.failed += 1,
            Some(RepeatOutcome::Errored) => {
                self.errored += 1;
                self.unchecked += usize::from(trial.is_some_and(|trial| trial.error.is_none()));
            }
            Some(RepeatOutcome::Unscored) => self.unscored += 1,
            None => self.not_asked += 1,
        }
    }
}

/// One case on one variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CaseSummary {
    /// Its place in the suite.
    pub case: usize,
    /// Its repeats.
    pub counts: Counts,
    /// The mean score of its judged repeats, in [0, 1].
    pub score: Option<f64>,
}

impl CaseSummary {
    /// Whether more than half of its repeats passed; missing ones did not.
    pub fn passes_by_majority(&self) -> bool {
        2 * self.counts.passed > self.counts.asked
    }

    /// Whether some of its repeats passed and some failed.
    fn is_flaky(&self) -> bool {
        self.counts.passed > 0 && self.counts.failed > 0
    }

    /// The share of judged repeats that passed; `None` where none was judged.
    pub fn pass_rate(&self) -> Option<f64> {
        (self.counts.judged() > 0).then(|| self.counts.passed as f64 / self.counts.judged() as f64)
    }
}

/// One variant: a version on a model.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantSummary {
    /// Which prompt of the plan.
    pub prompt: usize,
    /// Which variant of the prompt.
    pub variant: usize,
    /// The cases that were to be asked, in the suite's order; skipped ones are not among them.
    pub cases: Vec<CaseSummary>,
    /// All trials together.
    pub counts: Counts,
    /// Trials without a verdict because what asking needs is not there: see [`crate::event::TrialResult::is_gap`].
    pub gaps: usize,
    /// Mean over units of the pass rate, in [0, 1]. A unit is a case, or the mean of the cases of a cluster.
    pub pass_rate: Option<f64>,
    /// Mean over units of the score, in [0, 1].
    pub score: Option<f64>,
    /// The pass rates of the units.
    pub units: Vec<f64>,
    /// The mean scores of the units.
    pub score_units: Vec<f64>,
    /// The chance that a case passes so many times in a row as it was asked, mean over the cases that were judged every time; `None`
    /// where cases were asked once, or none was judged every time.
    pub pass_hat_k: Option<f64>,
    /// By tag, where cases have some. Exploratory: nothing decides by it.
    pub tags: Vec<TagSummary>,
    /// How long models took; `None` where no model was asked.
    pub latency: Option<Latency>,
    /// Replies that came, also those that could not be judged.
    pub replies: usize,
    /// Input and output tokens of all replies; `None` where one of them does not say.
    pub tokens: Option<u64>,
    /// What the replies cost when they were given.
    pub cost: Cost,
    /// What judging the replies took, apart from the replies; `None` where no judge was asked.
    pub judging: Option<Judging>,
}

impl VariantSummary {
    /// How many cases passed by the majority of their repeats.
    pub fn cases_passed(&self) -> usize {
        self.cases.iter().filter(|case| case.passes_by_majority()).count()
    }

    /// The cases of which some repeats passed and some failed.
    pub fn flaky(&self) -> impl Iterator<Item = &CaseSummary> {
        self.cases.iter().filter(|case| case.is_flaky())
    }

    /// What judges cost, apart from the replies that they judged.
    pub fn cost_of_judges(&self) -> Cost {
        match self.judging.as_ref().map(|judging| judging.cost) {
            Some(None) => Cost::Unpriced,
            // Recorded answers are free of charge: no model was asked.
            None | Some(Some(0.0)) => Cost::Nothing,
            Some(Some(sum)) => Cost::Dollars(sum),
        }
    }
}

/// Sums up every variant of a plan, in the plan's order.
pub fn summarise(plan: &Plan, record: &Record) -> Vec<VariantSummary> {
    let mut summaries = Vec::new();
    for (prompt, prompt_plan) in plan.prompts().iter().enumerate() {
        for variant in 0..prompt_plan.variants.len() {
            summaries.push(summarise_variant(plan, record, prompt, variant));
        }
    }
    summaries
}

fn summarise_variant(plan: &Plan, record: &Record, prompt: usize, variant: usize) -> VariantSummary {
    let suite = &plan.prompts()[prompt].suite;
    let mut cases = Vec::new();
    let mut counts = Counts::default();
    let mut gaps = 0;
    let mut judging: Option<Judging> = None;
    let (mut replies, mut tokens) = (0, Some(0_u64));
    let (mut latencies, mut cost) = (Vec::new(), Cost::Nothing);
    for case in plan.cases_of(prompt, variant) {
        let mut case_counts = Counts::default();
        let mut scores = Vec::new();
        for (index, _) in plan.trials_of(prompt, variant, case) {
            let trial = record.trial(index);
            case_counts.add(trial);
            counts.add(trial);
            let Some(trial) = trial else { continue };
            scores.extend(trial.score);
            gaps += usize::from(trial.is_gap);
            if let Some(judging_trial) = record.judging(index) {
                judging = Some(judging.unwrap_or_default().and(judging_trial.clone()));
            }
            if trial.error.is_none() {
                replies += 1;
                tokens = tokens.zip(trial.tokens).and_then(|(sum, tokens)| sum.checked_add(tokens));
            }
            // Only what a model answered took time and money.
            if let Some(latency) = trial.latency {
                latencies.push(latency.as_secs_f64());
                cost = cost.and(trial.cost);
            }
        }
        cases.push(CaseSummary { case, counts: case_counts, score: mean(&scores) });
    }
    let clusters = |summary: &CaseSummary| suite.cases[summary.case].cluster.as_deref();
    let units = unit_means(cases.iter(), clusters, CaseSummary::pass_rate);
    let score_units = unit_means(cases.iter(), clusters, |case| case.score);
    VariantSummary {
        prompt,
        variant,
        pass_rate: mean(&units),
        score: mean(&score_units),
        pass_hat_k: pass_in_a_row(&cases, suite.repeat),
        tags: tags::summarise(suite, &cases),
        latency: Latency::of(&latencies, &suite.policy),
        units,
        score_units,
        tokens: tokens.filter(|_| replies > 0),
        replies,
        cost,
        judging,
        cases,
        counts,
        gaps,
    }
}

/// A value of each unit: of a case without a cluster, or the mean of the cases of one.
fn unit_means<'a>(
    cases: impl Iterator<Item = &'a CaseSummary>,
    cluster: impl Fn(&CaseSummary) -> Option<&'a str>,
    value: impl Fn(&CaseSummary) -> Option<f64>,
) -> Vec<f64> {
    let mut clusters: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut units = Vec::new();
    for summary in cases {
        let Some(value) = value(summary) else { continue };
        match cluster(summary) {
            Some(cluster) => clusters.entry(cluster).or_default().push(value),
            None => units.push(value),
        }
    }
    units.extend(clusters.values().filter_map(|values| mean(values)));
    units
}

fn pass_in_a_row(cases: &[CaseSummary], repeat: u32) -> Option<f64> {
    if repeat < 2 {
        return None;
    }
    let chances: Vec<f64> = cases
        .iter()
        .filter(|case| case.counts.missing() == 0)
        .filter_map(|case| {
            let (judged, passed) = (case.counts.judged() as u64, case.counts.passed as u64);
            pass_hat_k(judged, passed, u64::from(repeat)).ok()
        })
        .collect();
    mean(&chances)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The score interval of the mean of units' pass rates or scores; each end holds at the policy's confidence. With one repeat and no
/// clusters that of pass rates is Wilson's. `None` without units.
pub fn unit_interval(policy: &Policy, units: &[f64]) -> Option<ScoreInterval> {
    let confidence = Confidence::each_end(policy.confidence.value).ok()?;
    score_interval_of_means(units, confidence).ok()
}

/// The baseline's summary of a candidate's prompt and model, if the plan has one.
pub fn baseline_of<'a>(
    plan: &Plan,
    summaries: &'a [VariantSummary],
    candidate: &VariantSummary,
) -> Option<&'a VariantSummary> {
    let baseline = plan.baseline_of(candidate.prompt, candidate.variant)?;
    summaries.iter().find(|summary| summary.prompt == candidate.prompt && summary.variant == baseline)
}

#[cfg(test)]
mod tests;
