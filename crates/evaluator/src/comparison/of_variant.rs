//! A side from a run's plan and record.

use std::collections::{BTreeMap, BTreeSet};

use super::{CaseResult, MetricMean, Origin, Side, SideLabel};
use crate::outcome::RepeatOutcome;
use crate::plan::Plan;
use crate::record::Record;

impl Side {
    /// The results of a variant of a plan. Of validators' scores those are known that the prompt's gate looks at.
    pub fn of_variant(plan: &Plan, record: &Record, prompt: usize, variant: usize) -> Self {
        let prompt_plan = &plan.prompts()[prompt];
        let names: Vec<&str> = prompt_plan.suite.policy.validator_metrics().collect();
        let definition = &prompt_plan.variants[variant];
        let (mut served_models, mut judges) = (BTreeSet::new(), BTreeSet::new());
        let mut cases = Vec::new();
        for case in plan.cases_of(prompt, variant) {
            let case_definition = &prompt_plan.suite.cases[case];
            let mut result = CaseResult {
                name: case_definition.name.clone(),
                digest: case_definition.digest,
                cluster: case_definition.cluster.clone(),
                asked: 0,
                passed: 0,
                failed: 0,
                score: None,
                validators: BTreeMap::new(),
            };
            let mut score = 0.0;
            let mut sums: Vec<Option<(f64, u32)>> =
                names.iter().map(|name| case_definition.has_metric(name).then_some((0.0, 0))).collect();
            for (index, _) in plan.trials_of(prompt, variant, case) {
                result.asked += 1;
                let Some(trial) = record.trial(index) else { continue };
                match trial.outcome {
                    RepeatOutcome::Passed => result.passed += 1,
                    RepeatOutcome::Failed => result.failed += 1,
                    RepeatOutcome::Errored | RepeatOutcome::Unscored => {}
                }
                score += trial.score.unwrap_or_default();
                for (sum, of_trial) in sums.iter_mut().zip(record.validator_scores(index)) {
                    if let (Some((sum, trials)), Some(score)) = (sum, of_trial) {
                        *sum += score;
                        *trials += 1;
                    }
                }
                served_models.extend(record.served_model(index).map(str::to_owned));
                judges.extend(record.judges(index).map(str::to_owned));
            }
            let judged = result.judged();
            result.score = (judged > 0).then(|| score / f64::from(judged));
            for (name, sum) in names.iter().zip(sums) {
                if let Some((sum, trials)) = sum {
                    let mean = if trials > 0 { sum / f64::from(trials) } else { 0.0 };
                    result.validators.insert((*name).to_owned(), MetricMean { mean, trials });
                }
            }
            cases.push(result);
        }
        Self {
            label: SideLabel {
                version: definition.version.clone(),
                model: definition.model.name.clone(),
                origin: Origin::ThisRun,
            },
            served_models,
            judges,
            cases,
        }
    }
}
