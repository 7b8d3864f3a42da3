//! A blessed baseline: results that somebody accepted, in a small file that is reviewed like code (`tests/baseline.json`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

use super::{CaseResult, MetricMean, Origin, Side, SideLabel};
use crate::runs::RunId;
use crate::unique_keys::unique_keys;

/// The version of this shape.
const SCHEMA: u32 = 1;

/// A blessed baseline of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this shape: 1.
    pub schema: u32,
    /// The prompt.
    pub prompt: PromptName,
    /// The run whose results these are.
    pub run: RunId,
    /// When they were blessed.
    pub blessed_at: Timestamp,
    /// Where its replies came from, in the words of reports.
    pub replies: String,
    /// The interface that the version was evaluated with.
    pub interface: Digest,
    /// The suite.
    pub suite: Digest,
    /// What was blessed first: what has drifted since, little by little, shows against it.
    pub first: FirstBlessed,
    /// A version on a model, each model once.
    pub variants: Vec<BlessedVariant>,
}

/// What was blessed first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstBlessed {
    /// The run.
    pub run: RunId,
    /// When.
    pub blessed_at: Timestamp,
    /// By model row: the mean pass rate and the mean score of its units; `None` where nothing was judged.
    #[serde(deserialize_with = "unique_keys")]
    pub means: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

/// The blessed results of a version on a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlessedVariant {
    /// The name of the model row.
    pub model: String,
    /// The version.
    pub version: Version,
    /// Of the version's file.
    pub sha256: Digest,
    /// The models that answered, as far as providers say.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub served_models: BTreeSet<String>,
    /// The models that judged.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub judges: BTreeSet<String>,
    /// The cases by name.
    #[serde(deserialize_with = "unique_keys")]
    pub cases: BTreeMap<String, BlessedCase>,
}

/// The blessed results of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlessedCase {
    /// Of the resolved case.
    pub sha256: Digest,
    /// The cluster that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How many repeats passed.
    pub passes: u32,
    /// How many repeats there were.
    pub repeats: u32,
    /// How many of them have no verdict.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u32,
    /// The mean score; `None` where no repeat was judged.
    pub score: Option<f64>,
    /// The mean scores of validators by name, of the repeats that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique_keys")]
    pub validators: BTreeMap<String, BlessedMean>,
}

/// A mean score, and of how many repeats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlessedMean(pub f64, pub u32);

/// A baseline that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// It has another shape.
    #[error("it is not a blessed baseline: {0}")]
    Invalid(String),
    /// Another version of promptassay wrote it.
    #[error("it has schema {0}; this version of promptassay reads schema {SCHEMA}")]
    UnknownSchema(u64),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Baseline {
    /// The version of the shape that this version of promptassay writes.
    pub const SCHEMA: u32 = SCHEMA;

    /// Leaves out the cases that are not among these: a selection that takes them out of one side takes them out of the other.
    pub fn leave(&mut self, cases: &BTreeSet<&str>) {
        for variant in &mut self.variants {
            variant.cases.retain(|name, _| cases.contains(name.as_str()));
        }
    }

    /// Reads the text of a file. Numbers that no run could have are refused.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct AnySchema {
            schema: u64,
        }
        let invalid = |error: serde_json::Error| BaselineError::Invalid(error.to_string());
        let schema = serde_json::from_str::<AnySchema>(text).map_err(invalid)?.schema;
        if schema != u64::from(SCHEMA) {
            return Err(BaselineError::UnknownSchema(schema));
        }
        let baseline: Self = serde_json::from_str(text).map_err(invalid)?;
        let mut models = BTreeSet::new();
        for variant in &baseline.variants {
            if !models.insert(&variant.model) {
                let message = format!("the model `{}` stands twice under `variants`", variant.model);
                return Err(BaselineError::Invalid(message));
            }
            for (name, case) in &variant.cases {
                if let Some(problem) = case.problem() {
                    return Err(BaselineError::Invalid(format!("the case `{name}`: {problem}")));
                }
            }
        }
        Ok(baseline)
    }

    /// The text of the file: a line for each case.
    pub fn to_json(&self) -> String {
        // Maps with text keys and finite numbers always have a JSON form.
        let pretty = serde_json::to_value(self).unwrap_or_default();
        let mut text = String::new();
        write(&mut text, &pretty, 0);
        text.push('\n');
        text
    }

    /// The results on a model row; `None` where none were blessed.
    pub fn side(&self, model: &str) -> Option<Side> {
        let variant = self.variants.iter().find(|variant| variant.model == model)?;
        Some(Side {
            label: SideLabel {
                version: variant.version.clone(),
                model: variant.model.clone(),
                origin: Origin::Blessed { at: self.blessed_at, run: self.run.clone() },
            },
            served_models: variant.served_models.clone(),
            judges: variant.judges.clone(),
            cases: variant.cases.iter().map(|(name, case)| case.result(name)).collect(),
        })
    }
}

impl BlessedVariant {
    /// The results of a side, to be blessed; `sha256` is that of the version's file.
    pub fn of(side: &Side, sha256: Digest) -> Self {
        Self {
            model: side.label.model.clone(),
            version: side.label.version.clone(),
            sha256,
            served_models: side.served_models.clone(),
            judges: side.judges.clone(),
            cases: side.cases.iter().map(|case| (case.name.clone(), BlessedCase::of(case))).collect(),
        }
    }
}

impl BlessedCase {
    fn of(case: &CaseResult) -> Self {
        Self {
            sha256: case.digest,
            cluster: case.cluster.clone(),
            passes: case.passed,
            repeats: case.asked,
            missing: case.missing(),
            score: case.score,
            validators: case
                .validators
                .iter()
                .map(|(name, mean)| (name.clone(), BlessedMean(mean.mean, mean.trials)))
                .collect(),
        }
    }

    fn problem(&self) -> Option<String> {
        let judged = u64::from(self.passes) + u64::from(self.missing);
        if self.repeats == 0 || judged > u64::from(self.repeats) {
            return Some(format!("{} passed and {} missing of {}", self.passes, self.missing, self.repeats));
        }
        if let Some((name, mean)) = self.validators.iter().find(|(_, mean)| mean.1 > self.repeats) {
            return Some(format!("`{name}` has a score of {} repeats, of {}", mean.1, self.repeats));
        }
        let means = self.validators.values().map(|mean| mean.0).chain(self.score);
        let outside = means.into_iter().find(|mean| !(0.0..=1.0).contains(mean));
        outside.map(|mean| format!("{mean} is no score"))
    }

    fn result(&self, name: &str) -> CaseResult {
        CaseResult {
            name: name.to_owned(),
            digest: self.sha256,
            cluster: self.cluster.clone(),
            asked: self.repeats,
            passed: self.passes,
            failed: self.repeats - self.passes - self.missing,
            score: self.score,
            validators: self
                .validators
                .iter()
                .map(|(name, BlessedMean(mean, trials))| {
                    (name.clone(), MetricMean { mean: *mean, trials: *trials })
                })
                .collect(),
        }
    }
}

/// JSON in which whatever stands this deep or deeper fills one line.
fn write(text: &mut String, value: &serde_json::Value, depth: usize) {
    use serde_json::Value;
    /// The depth of a case: the file, its variants, a variant, its cases, a case.
    const ONE_LINE: usize = 4;
    let indent = |depth: usize| "  ".repeat(depth);
    let items: Vec<(Option<&String>, &Value)> = match value {
        Value::Object(map) if depth < ONE_LINE => map.iter().map(|(key, value)| (Some(key), value)).collect(),
        Value::Array(list) if depth < ONE_LINE => list.iter().map(|value| (None, value)).collect(),
        _ => Vec::new(),
    };
    if items.is_empty() {
        text.push_str(&value.to_string());
        return;
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (index, (key, value)) in items.into_iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&indent(depth + 1));
        if let Some(key) = key {
            text.push_str(&Value::from(key.as_str()).to_string());
            text.push_str(": ");
        }
        write(text, value, depth + 1);
    }
    text.push('\n');
    text.push_str(&indent(depth));
    text.push(close);
}
