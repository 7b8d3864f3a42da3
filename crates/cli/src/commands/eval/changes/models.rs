//! What a change does to the rows of registry.yaml that answer: every version is asked on them as they are here, the baseline too.

use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::Suite;
use promptassay_llm::{ModelRow, Target};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Prompt, Tree};
use serde_json::json;

use super::Then;

impl Then<'_> {
    /// A warning that names the model rows which the change edits, on which the suite asks, and how: their answers are compared with none of
    /// the rows as they were.
    pub(super) fn other_rows(
        &self,
        prompt: &Prompt,
        suite: &Suite,
        (tree, settings): (&Tree, &Settings),
    ) -> Option<Problem> {
        let (then, began) = (&self.registry.settings, &self.began().settings);
        let mut edited = Vec::new();
        for name in suite.all_models() {
            let (Some(then), Some(now)) = (then.models.get(name), settings.models.get(name)) else {
                continue;
            };
            // What the other side did since is not the doing of the change.
            let is_of_change =
                began.models.get(name).is_none_or(|began| !self.differences(began, now).is_empty());
            let differences = self.differences(then, now);
            if is_of_change && !differences.is_empty() {
                edited.push((name, format!("`{name}` ({})", differences.join(", "))));
            }
        }
        let (first, _) = edited.first()?;
        let rows: Vec<&str> = edited.iter().map(|(_, row)| row.as_str()).collect();
        let message =
            format!("{}: this change edits the model that answers: {}", prompt.name(), rows.join("; "));
        let help = "every version is asked on the row as it is here, so nothing is compared with the answers of the row as it was; docs/gating.md says how to do that, under \"Another model\"";
        let place = match &tree.registry().document {
            Some(registry) => registry.place_at(&["models", first]),
            None => Place::whole_file(suite.file.as_path()),
        };
        Some(Problem::warning("changes::model", message).at(place).help(help))
    }

    /// The keys of a row that decide who answers and how, as far as they differ.
    fn differences(&self, then: &ModelRow, now: &ModelRow) -> Vec<String> {
        let reference = self.reference;
        let mut differences = Vec::new();
        let mut told = |key: &str, then: &str, now: &str| {
            if then != now {
                differences.push(format!("{key} `{then}` at {reference} and `{now}` here"));
            }
        };
        told("provider", then.provider.as_str(), now.provider.as_str());
        told("model", &then.model, &now.model);
        let address = if matches!(now.target, Target::Command(_)) { "command" } else { "base_url" };
        told(address, &then.endpoint(), &now.endpoint());
        for (key, is_same) in [
            ("params", json!(then.params) == json!(now.params)),
            ("extra", then.extra == now.extra),
            ("headers", then.headers == now.headers),
        ] {
            if !is_same {
                differences.push(key.to_owned());
            }
        }
        differences
    }
}
