//! What a record comes to, case by case and variant by variant. Pure arithmetic; nothing here decides.

use std::collections::BTreeMap;

use promptassay_stats::Confidence;
use promptassay_stats::score::{ScoreInterval, score_interval_of_means};

use crate::outcome::RepeatOutcome;
use crate::plan::{Plan, Role};
use crate::policy::Policy;
use crate::record::{Record, TrialRecord};

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
            Some(RepeatOutcome::Errored) => self.errored += 1,
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
    /// Whether a question could not even be tried: see [`crate::event::AskErrorKind::is_gap`].
    pub gaps: usize,
    /// Mean over units of the pass rate, in [0, 1]. A unit is a case, or the mean of the cases of a cluster.
    pub pass_rate: Option<f64>,
    /// Mean over units of the score, in [0, 1].
    pub score: Option<f64>,
    /// The pass rates of the units.
    pub units: Vec<f64>,
    /// Input and output tokens of all replies; `None` where one of them does not say.
    pub tokens: Option<u64>,
}

impl VariantSummary {
    /// How many cases passed by the majority of their repeats.
    pub fn cases_passed(&self) -> usize {
        self.cases.iter().filter(|case| case.passes_by_majority()).count()
    }

    /// The share of repeats that passed, each case counting the same and missing repeats counting as failed.
    pub fn observed_pass_rate(&self) -> Option<f64> {
        let rates: f64 =
            self.cases.iter().map(|case| case.counts.passed as f64 / case.counts.asked as f64).sum();
        (!self.cases.is_empty()).then(|| rates / self.cases.len() as f64)
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
    let mut tokens = Some(0_u64);
    for case in plan.cases_of(prompt, variant) {
        let mut case_counts = Counts::default();
        let mut scores = Vec::new();
        for (index, _) in plan.trials_of(prompt, variant, case) {
            let trial = record.trial(index);
            case_counts.add(trial);
            counts.add(trial);
            if let Some(trial) = trial {
                scores.extend(trial.score);
                gaps += usize::from(trial.error.is_some_and(crate::event::AskErrorKind::is_gap));
                if trial.error.is_none() {
                    tokens = tokens.zip(trial.tokens).and_then(|(sum, tokens)| sum.checked_add(tokens));
                }
            }
        }
        cases.push(CaseSummary { case, counts: case_counts, score: mean(&scores) });
    }
    let unit_means = |value: fn(&CaseSummary) -> Option<f64>| {
        let mut clusters: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut units = Vec::new();
        for summary in &cases {
            let Some(value) = value(summary) else { continue };
            match &suite.cases[summary.case].cluster {
                Some(cluster) => clusters.entry(cluster).or_default().push(value),
                None => units.push(value),
            }
        }
        units.extend(clusters.values().filter_map(|values| mean(values)));
        units
    };
    let units = unit_means(CaseSummary::pass_rate);
    VariantSummary {
        prompt,
        variant,
        pass_rate: mean(&units),
        score: mean(&unit_means(|case| case.score)),
        units,
        tokens: tokens.filter(|_| counts.judged() > 0),
        cases,
        counts,
        gaps,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The score interval of the mean of units' pass rates; each end holds at the policy's confidence. With one repeat and no clusters
/// it is Wilson's. `None` without units.
pub fn pass_rate_interval(policy: &Policy, units: &[f64]) -> Option<ScoreInterval> {
    let confidence = Confidence::each_end(policy.confidence.value).ok()?;
    score_interval_of_means(units, confidence).ok()
}

/// The baseline's summary of a candidate's prompt and model, if the plan has one.
pub fn baseline_of<'a>(
    plan: &Plan,
    summaries: &'a [VariantSummary],
    candidate: &VariantSummary,
) -> Option<&'a VariantSummary> {
    let variants = &plan.prompts()[candidate.prompt].variants;
    let model = &variants[candidate.variant].model.name;
    summaries.iter().find(|summary| {
        let variant = variants.get(summary.variant);
        summary.prompt == candidate.prompt
            && variant.is_some_and(|variant| variant.role == Role::Baseline && variant.model.name == *model)
    })
}
