//! What a gate can show, said before the first question is paid for.

use std::collections::BTreeMap;
use std::fmt;

use promptassay_registry::version::Version;
use promptassay_stats::Confidence;
use promptassay_stats::chance_to_pass::{CaseCounts, NextTime, chance_to_pass};
use promptassay_stats::power::smallest_detectable_difference;

use super::chances::stand_for;
use super::wording::{percent, plural, size};
use super::{Against, sides};
use crate::comparison::{CaseResult, NoValue, Side, clustered, units_of};
use crate::plan::{Plan, Role};
use crate::policy::{Margin, OnInconclusive};
use crate::record::Record;

/// Enough draws for a standard error of a point.
const DRAWS: u32 = 2_000;
/// The power at which the smallest regression is stated.
pub(super) const POWER: f64 = 0.8;

/// What the gate of one candidate can show.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The prompt.
    pub prompt: String,
    /// The candidate's version.
    pub version: Version,
    /// The model row, where the prompt is asked on several.
    pub model: Option<String>,
    /// The units that will be compared.
    pub units: u64,
    /// Whether clusters join cases to units.
    pub clustered: bool,
    /// How often each case is asked.
    pub repeat: u32,
    /// The margin as it is asked for, and what it comes to; `None` where none is set.
    pub margin: Option<(Margin, f64)>,
    /// The probability that an unchanged prompt passes at this margin, given how flaky its cases were; a reason where that is not
    /// known.
    pub chance_unchanged: Result<f64, NoValue>,
    /// Whether the gate lets through what cannot be told, so that more runs pass than that.
    pub lets_through: bool,
    /// The version by whose earlier results that is told.
    pub learned_from: Option<Version>,
    /// The smallest regression that shows with a probability of 0.8.
    pub smallest_regression: Result<f64, NoValue>,
}

/// Earlier results of the prompts of a plan.
#[derive(Debug, Default)]
pub struct History {
    /// By prompt and model row.
    sides: BTreeMap<(String, String), Side>,
}

impl History {
    /// Takes in what a run found of a prompt: of the version that `plan` compares with, where the run asked it, because that is the one
    /// that may not have changed.
    pub fn learn_run(&mut self, plan: &Plan, prompt: &str, mut sides: Vec<Side>) {
        let planned = plan.prompts().iter().find(|planned| planned.name.as_str() == prompt);
        let in_use: Vec<&Version> = planned
            .iter()
            .flat_map(|planned| &planned.variants)
            .filter(|variant| variant.role == Role::Baseline)
            .map(|variant| &variant.version)
            .collect();
        sides.sort_by_key(|side| !in_use.contains(&&side.label.version));
        for side in sides {
            self.learn(plan, prompt, side);
        }
    }

    /// Takes in the results of a prompt, unless some are known already, or these cannot stand for what `plan` asks: fewer than half
    /// of its cases were asked more than once as they are. So it is with a run that was cut short or asked a few cases.
    pub fn learn(&mut self, plan: &Plan, prompt: &str, side: Side) {
        let Some(index) = plan.prompts().iter().position(|planned| planned.name.as_str() == prompt) else {
            return;
        };
        let planned = &plan.prompts()[index];
        let is_of_model = |variant: &usize| planned.variants[*variant].model.name == side.label.model;
        let Some(variant) = (0..planned.variants.len()).find(is_of_model) else { return };
        let repeated: BTreeMap<&str, _> = side
            .cases
            .iter()
            .filter(|case| case.judged() > 1)
            .map(|case| (case.name.as_str(), case.digest))
            .collect();
        let (mut known, mut all) = (0, 0);
        for case in plan.cases_of(index, variant) {
            let case = &planned.suite.cases[case];
            all += 1;
            known += usize::from(repeated.get(case.name.as_str()) == Some(&case.digest));
        }
        if stand_for(known, all) {
            self.sides.entry((prompt.to_owned(), side.label.model.clone())).or_insert(side);
        }
    }

    /// Whether nothing is known of a prompt.
    pub fn lacks(&self, prompt: &str) -> bool {
        !self.sides.keys().any(|(known, _)| known == prompt)
    }
}

/// What the gates of a plan can show, those that have something to be compared with. How flaky the cases are is taken from
/// `history`; `seed` is that of the simulation.
pub fn outlook(plan: &Plan, against: Against<'_>, history: &History, seed: u64) -> Vec<Outlook> {
    let nothing = Record::new(plan);
    let mut outlooks = Vec::new();
    for (prompt, prompt_plan) in plan.prompts().iter().enumerate() {
        let policy = &prompt_plan.suite.policy;
        let Ok(ends) = Confidence::each_end(policy.confidence.value) else { continue };
        for (variant, definition) in prompt_plan.variants.iter().enumerate() {
            if definition.role != Role::Candidate {
                continue;
            }
            let (candidate, Some(baseline)) = sides(plan, &nothing, prompt, variant, against) else {
                continue;
            };
            let grouped = units_of(&baseline, &candidate);
            let units = grouped.len() as u64;
            let margin = policy.margin.value.at(units).ok().flatten();
            let key = (prompt_plan.name.to_string(), definition.model.name.clone());
            let known = history.sides.get(&key);
            let counts = known.map(|side| counts_of(side, &grouped)).unwrap_or_default();
            let noise = noise(&counts, u64::from(prompt_plan.suite.repeat)).unwrap_or(0.0);
            let next = NextTime { units: Some(units), repeats: Some(u64::from(prompt_plan.suite.repeat)) };
            let chance_unchanged = match margin {
                Some(margin) => chance_to_pass(&counts, next, margin, ends, DRAWS, seed)
                    .map(|chance| chance.probability)
                    .map_err(NoValue::from),
                None => Err(NoValue::new("no_margin", "no margin is set")),
            };
            outlooks.push(Outlook {
                prompt: prompt_plan.name.to_string(),
                version: definition.version.clone(),
                model: prompt_plan.has_several_models().then(|| definition.model.name.clone()),
                units,
                clustered: clustered(&candidate),
                repeat: prompt_plan.suite.repeat,
                margin: margin.map(|margin| (policy.margin.value, margin)),
                chance_unchanged,
                lets_through: policy.inconclusive.value == OnInconclusive::Pass,
                learned_from: known.map(|side| side.label.version.clone()),
                smallest_regression: smallest_detectable_difference(units, noise, ends, POWER)
                    .map_err(NoValue::from),
            });
        }
    }
    outlooks
}

/// The judged repeats of those cases of `side` that are asked again as they were, in the units of today. A unit of which nothing is
/// known is left out.
fn counts_of(side: &Side, units: &[Vec<&CaseResult>]) -> Vec<Vec<CaseCounts>> {
    let known: BTreeMap<&str, &CaseResult> =
        side.cases.iter().map(|case| (case.name.as_str(), case)).collect();
    let counts = |case: &&CaseResult| {
        let then = known.get(case.name.as_str()).filter(|then| then.digest == case.digest)?;
        let counts = CaseCounts { passed: u64::from(then.passed), asked: u64::from(then.judged()) };
        (counts.asked > 0).then_some(counts)
    };
    let counts = |unit: &Vec<&CaseResult>| unit.iter().filter_map(counts).collect();
    units.iter().map(counts).filter(|unit: &Vec<CaseCounts>| !unit.is_empty()).collect()
}

/// The mean square of the differences that flakiness alone makes: twice the variance of a unit's mean. `None` where no case was asked
/// more than once.
pub(super) fn noise(units: &[Vec<CaseCounts>], repeat: u64) -> Option<f64> {
    let repeated: Vec<f64> = units
        .iter()
        .filter_map(|unit| {
            let within: Vec<f64> = unit
                .iter()
                .filter(|case| case.asked > 1)
                .map(|case| {
                    let (k, rate) = (case.asked as f64, case.passed as f64 / case.asked as f64);
                    k / (k - 1.0) * rate * (1.0 - rate)
                })
                .collect();
            let cases = within.len() as f64;
            (!within.is_empty()).then(|| within.iter().sum::<f64>() / (cases * cases))
        })
        .collect();
    if repeated.is_empty() {
        return None;
    }
    let within = repeated.iter().sum::<f64>() / repeated.len() as f64;
    Some((2.0 * within / repeat.max(1) as f64).clamp(0.0, 1.0))
}

impl fmt::Display for Outlook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.clustered { "unit" } else { "case" };
        let units = plural(usize::try_from(self.units).unwrap_or(usize::MAX), noun);
        write!(formatter, "{} {}", self.prompt, self.version)?;
        if let Some(model) = &self.model {
            write!(formatter, " on {model}")?;
        }
        write!(formatter, ": {units} × {}", self.repeat)?;
        match self.margin {
            Some((Margin::Auto, margin)) => write!(formatter, ", margin {} points (auto); ", size(margin))?,
            Some((_, margin)) => write!(formatter, ", margin {} points; ", size(margin))?,
            None => formatter.write_str(", no margin: the pass rate decides; ")?,
        }
        match (&self.chance_unchanged, self.margin) {
            (Ok(chance), _) => {
                let by = self.learned_from.as_ref().map(|version| format!(", if as flaky as {version} was"));
                let by = by.unwrap_or_default();
                let chance = percent(*chance);
                if self.lets_through {
                    write!(
                        formatter,
                        "an unchanged prompt is shown to be good enough in {chance} of runs{by}, and what cannot be told is let through; "
                    )?;
                } else {
                    write!(formatter, "an unchanged prompt passes in {chance} of runs{by}; ")?;
                }
            }
            (Err(_), Some(_)) => formatter.write_str(
                "an unchanged prompt passes where no case is flaky (how flaky they are is not known yet); ",
            )?,
            (Err(_), None) => {}
        }
        match &self.smallest_regression {
            Ok(smallest) => {
                write!(formatter, "a regression of {} points or more shows (80 %)", size(*smallest))
            }
            Err(_) => formatter.write_str("too few to show any regression"),
        }
    }
}
