//! Sides from a run's two files alone: it may have been a run of other texts than today's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::{CaseResult, MetricMean, Origin, Side, SideLabel};
use crate::event::{Event, TrialResult};
use crate::journal::{JournalReader, ReadError};
use crate::outcome::{CheckOutcome, RepeatOutcome, repeat_score};
use crate::plan::TrialId;
use crate::runs::{Outline, Outlining, PlannedPrompt, RunFile};

/// The results of every variant of a prompt, in the run's order.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptSides {
    /// The prompt's name.
    pub prompt: String,
    /// A side for each of [`PlannedPrompt::variants`].
    pub sides: Vec<Side>,
    /// For each of them, the questions for which the run lacked what asking needs.
    pub gaps: Vec<usize>,
}

impl Side {
    /// The results of every prompt of the run that `file` describes and the journal at `path` tells of. The last result of a trial
    /// counts. Validators' scores are known by every name.
    pub fn read_all(file: &RunFile, path: &Path) -> Result<Vec<PromptSides>, ReadError> {
        Self::read_with_outline(file, path).map(|(sides, _)| sides)
    }

    /// The same, and how far the run came; the journal is read once.
    pub fn read_with_outline(file: &RunFile, path: &Path) -> Result<(Vec<PromptSides>, Outline), ReadError> {
        let mut outlining = Outlining::default();
        let mut results: HashMap<TrialId, Trial> = HashMap::with_capacity(file.trials);
        let mut reader = JournalReader::open(path)?;
        while let Some(entry) = reader.next_entry()? {
            outlining.apply(&entry.event);
            if let Event::TrialFinished(result) = entry.event {
                results.insert(result.trial, Trial::of(&result));
            }
        }
        let of_prompt = |prompt: &PlannedPrompt| {
            let of_variant = |variant| side(file, prompt, variant, &results);
            let (sides, gaps) = (0..prompt.variants.len()).map(of_variant).unzip();
            PromptSides { prompt: prompt.name.to_string(), sides, gaps }
        };
        Ok((file.prompts.iter().map(of_prompt).collect(), outlining.outline()))
    }
}

/// What stays of a trial's result.
struct Trial {
    outcome: RepeatOutcome,
    is_gap: bool,
    score: Option<f64>,
    /// The scores of all checks that judge, by name; `None` of those that were not carried out.
    validators: BTreeMap<String, Option<f64>>,
    served_model: Option<String>,
    judges: BTreeSet<String>,
}

impl Trial {
    fn of(result: &TrialResult) -> Self {
        let judging = result.checks.iter().filter(|check| !check.warn);
        let mut validators: BTreeMap<String, Option<f64>> =
            judging.map(|check| (check.name.clone(), None)).collect();
        validators.extend(validator_scores(result).into_iter().map(|(name, score)| (name, Some(score))));
        Self {
            outcome: result.outcome,
            is_gap: result.is_gap(),
            score: repeat_score(result.outcome, &result.checks),
            validators,
            served_model: result.answer.reply().and_then(|reply| reply.served_model.clone()),
            judges: result.judging.iter().flat_map(|judging| judging.models.iter().cloned()).collect(),
        }
    }
}

/// The scores of a trial's checks by name, each the mean of those of one name; those that were not carried out have none.
pub(crate) fn validator_scores(result: &TrialResult) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
    for check in result.checks.iter().filter(|check| !check.warn) {
        if matches!(check.outcome, CheckOutcome::Pass | CheckOutcome::Fail(_)) {
            let (sum, checks) = sums.entry(&check.name).or_default();
            *sum += check.score;
            *checks += 1;
        }
    }
    sums.into_iter()
        .map(|(name, (sum, checks))| (name.to_owned(), (sum / f64::from(checks)).clamp(0.0, 1.0)))
        .collect()
}

fn side(
    file: &RunFile,
    prompt: &PlannedPrompt,
    variant: usize,
    results: &HashMap<TrialId, Trial>,
) -> (Side, usize) {
    let planned = &prompt.variants[variant];
    let mut gaps = 0;
    let (mut served_models, mut judges) = (BTreeSet::new(), BTreeSet::new());
    let mut cases = Vec::new();
    for case in prompt.cases.iter().filter(|case| case.is_asked_on(&planned.model)) {
        let mut result = CaseResult {
            name: case.name.clone(),
            digest: case.digest,
            cluster: case.cluster.clone(),
            asked: 0,
            passed: 0,
            failed: 0,
            score: None,
            validators: BTreeMap::new(),
        };
        let mut score = 0.0;
        let mut sums: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
        for repeat in 1..=prompt.repeat {
            result.asked += 1;
            let version = (&planned.version, &planned.sha256);
            let id = TrialId::of(&prompt.name, version, &planned.model, &case.name, repeat);
            let Some(trial) = results.get(&id) else { continue };
            match trial.outcome {
                RepeatOutcome::Passed => result.passed += 1,
                RepeatOutcome::Failed => result.failed += 1,
                RepeatOutcome::Errored | RepeatOutcome::Unscored => {}
            }
            gaps += usize::from(trial.is_gap);
            score += trial.score.unwrap_or_default();
            for (name, score) in &trial.validators {
                let (sum, trials) = sums.entry(name).or_default();
                *sum += score.unwrap_or_default();
                *trials += u32::from(score.is_some());
            }
            served_models.extend(trial.served_model.clone());
            judges.extend(trial.judges.iter().cloned());
        }
        let judged = result.judged();
        result.score = (judged > 0).then(|| score / f64::from(judged));
        result.validators.extend(sums.into_iter().map(|(name, (sum, trials))| {
            (name.to_owned(), MetricMean { mean: sum / f64::from(trials.max(1)), trials })
        }));
        cases.push(result);
    }
    let label = SideLabel {
        version: planned.version.clone(),
        model: planned.model.clone(),
        origin: Origin::Run(file.id.clone()),
    };
    (Side { label, served_models, judges, cases }, gaps)
}
