//! The plan of a run: ordered trials with stable ids, fixed before anything is asked. A value: it can be printed and compared.

mod build;
mod describe;
mod digests;
mod planned;
mod remark;
mod request;
mod shard;
mod versions;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use promptassay_llm::{ChatRequest, ModelRow, Params, ResponseFormat, Target, ToolDefinition};
use promptassay_registry::content::VersionContent;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::template::RenderError;
use promptassay_registry::version::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::policy::{Margin, Sourced};
use crate::replies::ReplyKey;
use crate::suite::{Case, Suite};
use crate::validator::Validator;

pub use build::{PromptInput, build};
pub use describe::{Estimate, PlanDescription, PromptDescription, VariantDescription};
pub use remark::Remark;
pub use request::asked;
pub(crate) use request::{messages, tools};
pub use shard::{InvalidShard, Shard};
pub use versions::{ChosenVersions, PromptChange, VersionRequest, choose, choose_changed};

/// Everything that a run will ask, in order.
#[derive(Debug)]
pub struct Plan {
    prompts: Vec<PromptPlan>,
    trials: Vec<Trial>,
    index: HashMap<TrialId, usize>,
    /// The digests of everything that the trials depend on, by a name for people: for every prompt its `interface`, its `suite`, the
    /// `cases` that are asked, each version's file, and each version on each model with effective parameters. A part of a divided
    /// run has those of the whole.
    digests: BTreeMap<String, Digest>,
    shard: Option<Shard>,
    remarks: Vec<Remark>,
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
    /// The digest of its template format and variables.
    pub interface: Digest,
    /// The index of each case's first trial, and behind the last one that of the next prompt's.
    first_trials: Vec<usize>,
}

impl PromptPlan {
    /// Whether it is asked on more than one model, so that a version alone names no variant.
    pub fn has_several_models(&self) -> bool {
        self.variants.iter().any(|variant| variant.model.name != self.variants[0].model.name)
    }
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
    tools: Vec<ToolDefinition>,
}

impl Variant {
    /// How many tokens a reply may have, by its row, its version or its suite; `None` where nobody says.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.params.max_output_tokens.or(self.model.provider.default_max_output_tokens())
    }
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
    /// Of a question to a version, whose file has the digest `sha256`, on a model row.
    pub(crate) fn of(
        prompt: &PromptName,
        (version, sha256): (&Version, &Digest),
        model: &str,
        case: &str,
        repeat: u32,
    ) -> Self {
        let mut bytes = Vec::with_capacity(256);
        let fields =
            [prompt.as_str(), &version.number(), &sha256.to_string(), model, case, &repeat.to_string()];
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
    /// The same plan with what its readers should know beside its numbers.
    #[must_use]
    pub fn with_remarks(self, remarks: Vec<Remark>) -> Self {
        Self { remarks, ..self }
    }

    /// Judges a prompt by another margin than its files ask for.
    pub(crate) fn set_margin(&mut self, prompt: usize, margin: Sourced<Margin>) {
        self.prompts[prompt].suite.policy.margin = margin;
    }

    /// What its readers should know beside its numbers.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The prompts, by name.
    pub fn prompts(&self) -> &[PromptPlan] {
        &self.prompts
    }

    /// The model rows of this plan, each once by its name: those that are asked, then those that judge.
    pub fn rows(&self) -> Vec<&ModelRow> {
        let asked = self.prompts.iter().flat_map(|prompt| &prompt.variants).map(|variant| &variant.model);
        each_once(asked.chain(self.judges()))
    }

    /// The model rows that judge, each once by its name.
    pub fn judging_rows(&self) -> Vec<&ModelRow> {
        each_once(self.judges())
    }

    fn judges(&self) -> impl Iterator<Item = &ModelRow> {
        self.validators().flat_map(|validator| validator.judges())
    }

    /// Whether a check of its replies runs a program.
    pub fn checks_by_programs(&self) -> bool {
        self.validators().any(Validator::runs_program)
    }

    fn validators(&self) -> impl Iterator<Item = &Validator> {
        let cases =
            self.prompts.iter().flat_map(|prompt| &prompt.suite.cases).filter(|case| case.skip.is_none());
        cases.flat_map(|case| &case.validators).map(Arc::as_ref)
    }

    /// Whether whoever runs it has to allow programs: as checks, and where it asks models, as those.
    pub fn runs_programs(&self, asks_models: bool) -> bool {
        let is_program = |row: &&ModelRow| matches!(row.target, Target::Command(_));
        self.checks_by_programs() || (asks_models && self.rows().iter().any(is_program))
    }

    /// The trials: by prompt, case, repeat and variant, so that the variants of a case are asked close together.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The place of a trial in the plan's order.
    pub fn index_of(&self, trial: TrialId) -> Option<usize> {
        self.index.get(&trial).copied()
    }

    /// The trials of one variant and case with their indices, by repeat; none where the case is not asked of the variant.
    pub fn trials_of(
        &self,
        prompt: usize,
        variant: usize,
        case: usize,
    ) -> impl Iterator<Item = (usize, &Trial)> {
        let first_trials = &self.prompts[prompt].first_trials;
        let range = first_trials[case]..first_trials[case + 1];
        range.map(|index| (index, &self.trials[index])).filter(move |(_, trial)| trial.variant == variant)
    }

    /// The cases that are asked of a variant, by their places in the suite: neither skipped ones nor those for other models.
    pub fn cases_of(&self, prompt: usize, variant: usize) -> impl Iterator<Item = usize> {
        (0..self.prompts[prompt].suite.cases.len())
            .filter(move |case| self.trials_of(prompt, variant, *case).next().is_some())
    }

    /// The variant that another one is compared with: the baseline on the same model.
    pub fn baseline_of(&self, prompt: usize, variant: usize) -> Option<usize> {
        let variants = &self.prompts[prompt].variants;
        let model = &variants[variant].model.name;
        variants
            .iter()
            .position(|other| other.role == Role::Baseline && other.model.name == *model)
            .filter(|baseline| *baseline != variant)
    }

    /// What narrowed the cases or models of this plan, in the words of the selection; each once.
    pub fn filters(&self) -> Vec<&str> {
        let mut filters: Vec<&str> = Vec::new();
        for filter in self.prompts.iter().flat_map(|prompt| &prompt.suite.narrowed_by) {
            if !filters.contains(&filter.as_str()) {
                filters.push(filter);
            }
        }
        filters
    }

    /// Whether every case of its prompts is asked on every model, as the suites say. Only such a plan can be evidence.
    pub fn is_complete(&self) -> bool {
        self.shard.is_none() && self.filters().is_empty()
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

fn each_once<'a>(all: impl Iterator<Item = &'a ModelRow>) -> Vec<&'a ModelRow> {
    let mut rows: Vec<&ModelRow> = Vec::new();
    for row in all {
        if !rows.iter().any(|known| known.name == row.name) {
            rows.push(row);
        }
    }
    rows
}

#[cfg(test)]
pub(crate) mod tests;
