//! What a plan stands on, by name: a run that is continued must stand on the same, and the first name that differs says why not.

use std::collections::BTreeMap;

use promptassay_registry::digest::Digest;
use serde_json::json;

use super::{Plan, PromptPlan, Role};
use crate::suite::canonical_model;

impl Plan {
    /// SHA-256 of the digests of everything that the plan's trials depend on, as canonical JSON: two plans of one digest ask the same
    /// questions for the same purpose.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&json!(self.digests))
    }
}

pub(super) fn of(prompts: &[PromptPlan]) -> BTreeMap<String, Digest> {
    let mut digests = BTreeMap::new();
    for prompt in prompts {
        let name = &prompt.name;
        let mut cases: Vec<&str> = prompt.suite.cases.iter().map(|case| case.name.as_str()).collect();
        cases.sort_unstable();
        digests.insert(format!("{name} interface"), prompt.interface);
        digests.insert(format!("{name} suite"), prompt.suite.digest);
        digests.insert(format!("{name} cases"), Digest::of_json(&json!(cases)));
        for variant in &prompt.variants {
            digests.insert(format!("{name} {}", variant.version), variant.digest);
            let model = json!({
                "model": canonical_model(&variant.model),
                "params": variant.params,
                "response_format": variant.response_format,
                "role": match variant.role {
                    Role::Baseline => "baseline",
                    Role::Candidate => "candidate",
                },
            });
            let on = format!("{name} {} on {}", variant.version, variant.model.name);
            digests.insert(on, Digest::of_json(&model));
        }
    }
    digests
}
