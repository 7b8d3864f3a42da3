//! The plan of a run: ordered trials with stable ids, fixed before anything is asked. A value: it can be printed and compared.

mod build;
mod planned;
mod request;
mod versions;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use promptassay_llm::{ChatRequest, ModelRow, Params, ResponseFormat};
use promptassay_registry::content::VersionContent;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::template::RenderError;
use promptassay_registry::version::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::replies::ReplyKey;
use crate::suite::{Case, Suite};

pub use build::{PromptInput, build};
pub use versions::{ChosenVersions, VersionRequest, choose};

/// Everything that a run will ask, in order.
#[derive(Debug)]
pub struct Plan {
    prompts: Vec<PromptPlan>,
    trials: Vec<Trial>,
    index: HashMap<TrialId, usize>,
}

/// A prompt's part of the plan.
#[derive(Debug)]
pub struct PromptPlan {
    /// The prompt's name.
    pub name: PromptName,
    /// Its cases. Those that are skipped have no trials.
    pub suite: Suite,
    /// What is evaluated: each version on each model.
    pub variants: Vec<Variant>,
    /// Why these versions, in a sentence.
    pub chosen: String,
    /// The index of this prompt's first trial.
    first_trial: usize,
}

/// One version on one model.
#[derive(Debug)]
pub struct Variant {
    /// The version.
    pub version: Version,
    /// The digest of the version's file.
    pub digest: Digest,
    /// The model that is asked.
    pub model: ModelRow,
    /// What it is evaluated for.
    pub role: Role,
    content: Arc<VersionContent>,
    params: Params,
    response_format: Option<ResponseFormat>,
}

/// What a variant is evaluated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What is in use today: candidates are compared with it, and no gate stands on it.
    Baseline,
    /// A gate stands on it.
    Candidate,
}

/// One question to one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Its stable id.
    pub id: TrialId,
    /// Which prompt of the plan.
    pub prompt: usize,
    /// Which variant of the prompt.
    pub variant: usize,
    /// Which case of the suite.
    pub case: usize,
    /// Which repeat, from 1.
    pub repeat: u32,
}

/// The first 8 bytes of SHA-256 over the length-prefixed fields prompt, version, digest of the version's file, model row, case and
/// repeat. Written as 16 hexadecimal digits. The same question has the same id in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId(u64);

impl TrialId {
    fn of(prompt: &PromptName, variant: &Variant, case: &str, repeat: u32) -> Self {
        let mut bytes = Vec::with_capacity(256);
        let fields = [
            prompt.as_str(),
            &variant.version.number(),
            &variant.digest.to_string(),
            &variant.model.name,
            case,
            &repeat.to_string(),
        ];
        for field in fields {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field.as_bytes());
        }
        let digest = Digest::of(&bytes);
        let mut first = [0; 8];
        first.copy_from_slice(&digest.as_bytes()[..8]);
        Self(u64::from_be_bytes(first))
    }
}

impl TrialId {
    /// The 64 bits that it is.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// The text is not a trial's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a trial id is 16 hexadecimal digits in lower case")]
pub struct InvalidTrialId;

impl FromStr for TrialId {
    type Err = InvalidTrialId;

    fn from_str(text: &str) -> Result<Self, InvalidTrialId> {
        if text.len() != 16 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidTrialId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidTrialId)
    }
}

impl Serialize for TrialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TrialId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Plan {
    /// The prompts, by name.
    pub fn prompts(&self) -> &[PromptPlan] {
        &self.prompts
    }

    /// The trials: by prompt, case, repeat and variant, so that the variants of a case are asked close together.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The place of a trial in the plan's order.
    pub fn index_of(&self, trial: TrialId) -> Option<usize> {
        self.index.get(&trial).copied()
    }

    /// The trials of one variant and case with their indices, by repeat.
    pub fn trials_of(
        &self,
        prompt: usize,
        variant: usize,
        case: usize,
    ) -> impl Iterator<Item = (usize, &Trial)> {
        let plan = &self.prompts[prompt];
        let asked_before = plan.suite.cases[..case].iter().filter(|case| case.skip.is_none()).count();
        let per_case = plan.suite.repeat as usize * plan.variants.len();
        let first = plan.first_trial + asked_before * per_case + variant;
        let repeats = if plan.suite.cases[case].skip.is_none() { plan.suite.repeat as usize } else { 0 };
        (0..repeats).map(move |repeat| {
            let index = first + repeat * plan.variants.len();
            (index, &self.trials[index])
        })
    }

    /// The case of a trial.
    pub fn case(&self, trial: &Trial) -> &Case {
        &self.prompts[trial.prompt].suite.cases[trial.case]
    }

    /// The variant of a trial.
    pub fn variant(&self, trial: &Trial) -> &Variant {
        &self.prompts[trial.prompt].variants[trial.variant]
    }

    /// What a trial asks, rendered when it is needed: a plan does not grow with the length of its questions.
    pub fn request(&self, trial: &Trial) -> Result<ChatRequest, RenderError> {
        request::of(self.variant(trial), self.case(trial))
    }

    /// The key of a trial's recorded reply.
    pub fn reply_key(&self, trial: &Trial) -> ReplyKey {
        let variant = self.variant(trial);
        ReplyKey {
            case: self.case(trial).name.clone(),
            version: variant.version.clone(),
            model: variant.model.name.clone(),
            repeat: trial.repeat,
        }
    }
}
