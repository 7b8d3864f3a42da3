//! What a plan says of itself to whoever wants to make it again.

use std::collections::BTreeSet;

use promptassay_llm::Message;
use promptassay_registry::digest::{Digest, canonical_json};
use promptassay_registry::template::Values;
use serde_json::{Value, json};

use super::{Plan, PromptPlan, Variant};
use crate::runs::{PlannedCase, PlannedPrompt, PlannedVariant};
use crate::suite::{Case, canonical_model, canonical_values};

impl Plan {
    /// Its prompts, in digests.
    pub(crate) fn planned(&self) -> Vec<PlannedPrompt> {
        let mut asked: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.prompts().len()];
        for trial in self.trials() {
            asked[trial.prompt].insert(trial.case);
        }
        self.prompts().iter().zip(&asked).map(|(prompt, asked)| planned_prompt(prompt, asked)).collect()
    }
}

impl Variant {
    /// SHA-256 of what decides its answers beside the text: the provider, the model, the effective parameters, the format of the
    /// reply.
    pub fn params_digest(&self) -> Digest {
        Digest::of_json(&json!({
            "model": canonical_model(&self.model),
            "params": self.params,
            "response_format": self.response_format,
        }))
    }
}

fn planned_prompt(prompt: &PromptPlan, asked: &BTreeSet<usize>) -> PlannedPrompt {
    PlannedPrompt {
        name: prompt.name.clone(),
        chosen: prompt.chosen.clone(),
        interface: prompt.interface,
        suite: prompt.suite.digest,
        narrowed_by: prompt.suite.narrowed_by.clone(),
        repeat: prompt.suite.repeat,
        policy: prompt.suite.policy.clone(),
        variants: prompt.variants.iter().map(planned_variant).collect(),
        cases: asked.iter().map(|&case| planned_case(prompt, &prompt.suite.cases[case])).collect(),
    }
}

fn planned_variant(variant: &Variant) -> PlannedVariant {
    let model = &variant.model;
    let mut settings = json!({
        "provider": model.provider,
        "endpoint": model.endpoint(),
        "model": model.model,
        "params": variant.params,
        "extra": model.extra,
        "response_format": variant.response_format,
    });
    if !model.headers.is_empty() {
        // A run travels further than registry.yaml, and nobody reads the values there.
        settings["headers"] = json!(Digest::of_json(&Value::Object(model.written_headers())));
    }
    PlannedVariant {
        version: variant.version.clone(),
        sha256: variant.digest,
        role: variant.role,
        model: model.name.clone(),
        settings,
    }
}

fn planned_case(prompt: &PromptPlan, case: &Case) -> PlannedCase {
    let models = prompt.suite.models_of(case);
    let everywhere = prompt.variants.iter().all(|variant| models.contains(&variant.model.name));
    PlannedCase {
        name: case.name.clone(),
        sha256: PlannedCase::digest_of(&case.digest, case.cluster.as_deref(), case.must_pass),
        digest: case.digest,
        cluster: case.cluster.clone(),
        models: (!everywhere).then(|| models.to_vec()),
        question: question(&case.inputs, &case.messages),
    }
}

/// Of `{inputs, messages}` as canonical JSON.
fn question(inputs: &Values, messages: &[Message]) -> Digest {
    let inputs = canonical_values(inputs);
    // Hardly any case has a conversation before its question.
    let messages = if messages.is_empty() { "[]".to_owned() } else { canonical_json(&json!(messages)) };
    Digest::of(format!("{{\"inputs\":{inputs},\"messages\":{messages}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_digested_as_canonical_json() {
        let inputs: Values = [("b", json!("\"")), ("a", json!({"d": 1.0, "c": null}))]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        for messages in [vec![], vec![Message::user("é\n"), Message::user("")]] {
            let whole = Digest::of_json(&json!({"inputs": inputs, "messages": messages}));
            assert_eq!(question(&inputs, &messages), whole);
        }
    }
}
