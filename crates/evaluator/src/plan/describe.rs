//! What a plan would ask and about what it would cost, as values and as text: what `--dry-run` prints. Nothing is asked.
//!
//! Tokens are estimated, not counted: every model counts differently, and none of their counters is here. Four bytes of UTF-8 text
//! are taken for one token, and each message for four more. The answer is taken to be as long as it may be.

mod text;

use std::collections::{BTreeMap, BTreeSet};

use promptassay_llm::{ChatRequest, ModelRow, Params, ToolDefinition, Usage};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Plan, PromptPlan, Role, Variant, request};
use crate::validator::JudgeQuestion;

/// Text of so many bytes is taken for one token.
const BYTES_PER_TOKEN: u64 = 4;

/// What a message needs beside its text.
const TOKENS_PER_MESSAGE: u64 = 4;

/// A plan as values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDescription {
    /// SHA-256 of everything that the whole plan stands on: see [`Plan::digest`].
    pub digest: String,
    /// Whether every case is asked on every model, as the suites say.
    pub complete: bool,
    /// What narrowed the selection.
    pub filters: Vec<String>,
    /// Which part of a divided run this is, such as `2/5`.
    pub shard: Option<String>,
    /// How many questions are asked.
    pub questions: usize,
    /// The prompts, in order.
    pub prompts: Vec<PromptDescription>,
}

/// A prompt's part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptDescription {
    /// Its name.
    pub prompt: String,
    /// The file of its suite.
    pub suite: String,
    /// The digest of its suite.
    pub suite_digest: String,
    /// How many cases are asked.
    pub cases: usize,
    /// How many are skipped.
    pub skipped: usize,
    /// How often each is asked.
    pub repeat: u32,
    /// Why these versions.
    pub versions: String,
    /// The versions on their models.
    pub variants: Vec<VariantDescription>,
    /// Who judges the replies, by the name of the model row.
    pub judges: Vec<JudgeDescription>,
}

/// A model that judges replies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeDescription {
    /// The name of the model row.
    pub model: String,
    /// Its provider.
    pub provider: &'static str,
    /// The provider's name of the model.
    pub model_id: String,
    /// How many questions are asked of it, if each of its answers can be read.
    pub questions: usize,
    /// What it comes to, where each reply is as long as it may be; a reply that nothing limits is not counted.
    pub estimate: Estimate,
}

/// A version on a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VariantDescription {
    /// The version.
    pub version: String,
    /// The digest of its file.
    pub digest: String,
    /// What it is evaluated for.
    pub role: &'static str,
    /// The name of the model row.
    pub model: String,
    /// Its provider.
    pub provider: &'static str,
    /// The provider's name of the model.
    pub model_id: String,
    /// Where the questions go.
    pub endpoint: String,
    /// The effective parameters: suite over version over model row. Others are not sent.
    pub params: Params,
    /// The limit of answers that the provider requires and nobody wrote; it is sent.
    pub default_max_output_tokens: Option<u64>,
    /// What the model row adds to the body of each question, over the parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// How many questions are asked of it.
    pub questions: usize,
    /// What it comes to.
    pub estimate: Estimate,
}

/// About what some questions come to. Estimated: see the head of this module.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// Tokens of the questions.
    pub input_tokens: u64,
    /// Tokens of the answers at most; `None` where nothing limits them.
    pub max_output_tokens: Option<u64>,
    /// US dollars for the questions alone; `None` where the model has no price.
    pub input_cost: Option<f64>,
    /// US dollars at most; `None` where the model has no price, or nothing limits the answers.
    pub max_cost: Option<f64>,
}

impl Plan {
    /// Describes the plan. Renders every question of it once.
    pub fn describe(&self) -> PlanDescription {
        let prompts = self.prompts.iter().enumerate();
        PlanDescription {
            digest: self.digest().to_string(),
            complete: self.is_complete(),
            filters: self.filters().into_iter().map(str::to_owned).collect(),
            shard: self.shard.map(|shard| shard.to_string()),
            questions: self.trials.len(),
            prompts: prompts.map(|(index, prompt)| self.describe_prompt(index, prompt)).collect(),
        }
    }

    fn describe_prompt(&self, index: usize, prompt: &PromptPlan) -> PromptDescription {
        let skipped = prompt.suite.cases.iter().filter(|case| case.skip.is_some()).count();
        let variants = prompt.variants.iter().enumerate();
        PromptDescription {
            prompt: prompt.name.to_string(),
            suite: prompt.suite.file.display().to_string(),
            suite_digest: prompt.suite.digest.to_string(),
            cases: prompt.suite.cases.len() - skipped,
            skipped,
            repeat: prompt.suite.repeat,
            versions: prompt.chosen.clone(),
            variants: variants.map(|(of, variant)| self.describe_variant(index, of, variant)).collect(),
            judges: self.describe_judges(index),
        }
    }

    fn describe_judges(&self, prompt: usize) -> Vec<JudgeDescription> {
        let suite = &self.prompts[prompt].suite;
        let mut judges: BTreeMap<&str, (&ModelRow, u64, u64)> = BTreeMap::new();
        for (index, variant) in self.prompts[prompt].variants.iter().enumerate() {
            let reply = variant.params.max_output_tokens.unwrap_or(0);
            for case in self.cases_of(prompt, index).map(|case| &suite.cases[case]) {
                let questions =
                    case.validators.iter().flat_map(|validator| validator.judge_questions(case.into()));
                for JudgeQuestion { model, samples, question } in questions {
                    let (_, asked, input) = judges.entry(&model.name).or_insert((model, 0, 0));
                    let times = u64::from(suite.repeat) * u64::from(samples);
                    *asked += times;
                    *input += times * (tokens(&question.request) + reply);
                }
            }
        }
        let description = |(name, (row, asked, input_tokens)): (&str, (&ModelRow, u64, u64))| {
            let limit = row.params.max_output_tokens.or(row.provider.default_max_output_tokens());
            JudgeDescription {
                model: name.to_owned(),
                provider: row.provider.as_str(),
                model_id: row.model.clone(),
                questions: usize::try_from(asked).unwrap_or(usize::MAX),
                estimate: Estimate::of(row, input_tokens, limit.and_then(|most| most.checked_mul(asked))),
            }
        };
        judges.into_iter().map(description).collect()
    }

    fn describe_variant(&self, prompt: usize, index: usize, variant: &Variant) -> VariantDescription {
        let suite = &self.prompts[prompt].suite;
        let mut input_tokens = 0;
        let mut questions = 0;
        for case in self.cases_of(prompt, index) {
            // Every question was rendered when the plan was made.
            let Ok(request) = request::of(variant, &suite.cases[case]) else { continue };
            input_tokens += u64::from(suite.repeat) * tokens(&request);
            questions += suite.repeat as usize;
        }
        let written = variant.params.max_output_tokens;
        let default = variant.model.provider.default_max_output_tokens().filter(|_| written.is_none());
        let max_output_tokens =
            written.or(default).and_then(|most| most.checked_mul(u64::try_from(questions).ok()?));
        VariantDescription {
            version: variant.version.number(),
            digest: variant.digest.to_string(),
            role: match variant.role {
                Role::Baseline => "baseline",
                Role::Candidate => "candidate",
            },
            model: variant.model.name.clone(),
            provider: variant.model.provider.as_str(),
            model_id: variant.model.model.clone(),
            endpoint: variant.model.endpoint(),
            params: variant.params.clone(),
            default_max_output_tokens: default,
            extra: variant.model.extra.clone(),
            questions,
            estimate: Estimate::of(&variant.model, input_tokens, max_output_tokens),
        }
    }
}

impl Estimate {
    fn of(row: &ModelRow, input_tokens: u64, max_output_tokens: Option<u64>) -> Self {
        let cost = |output: u64| {
            let usage = Usage { input: Some(input_tokens), output: Some(output), ..Usage::default() };
            row.cost(&usage)
        };
        Self {
            input_tokens,
            max_output_tokens,
            input_cost: cost(0),
            max_cost: max_output_tokens.and_then(cost),
        }
    }
}

impl PlanDescription {
    /// The models that have no price, each once.
    pub fn unpriced(&self) -> Vec<&str> {
        let variants = self.prompts.iter().flat_map(|prompt| &prompt.variants);
        let asked = variants.filter(|variant| variant.questions > 0);
        let unpriced = asked.filter(|variant| variant.estimate.input_cost.is_none());
        let judges = self.prompts.iter().flat_map(|prompt| &prompt.judges);
        let judges = judges.filter(|judge| judge.estimate.input_cost.is_none());
        let names = unpriced.map(|variant| variant.model.as_str());
        let names: BTreeSet<&str> = names.chain(judges.map(|judge| judge.model.as_str())).collect();
        names.into_iter().collect()
    }
}

fn tokens(request: &ChatRequest) -> u64 {
    let of_message = |bytes: usize| TOKENS_PER_MESSAGE + (bytes as u64).div_ceil(BYTES_PER_TOKEN);
    let messages: u64 = request.messages.iter().map(|message| of_message(message.content.len())).sum();
    let of_tool = |tool: &ToolDefinition| of_message(json!(tool).to_string().len());
    messages + request.tools.iter().map(of_tool).sum::<u64>()
}
