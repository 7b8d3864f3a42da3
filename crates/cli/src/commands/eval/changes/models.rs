//! What a change does to the rows of registry.yaml that answer or judge: every version is asked on them as they are here, the baseline too.

use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::Suite;
use promptassay_llm::{ModelRow, Target};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::registry_file;
use promptassay_registry::tree::{Prompt, Tree};
use serde_json::json;

use super::Then;

/// So many names are told.
const NAMED: usize = 5;

/// For whom a row stands.
#[derive(Default)]
struct Uses<'a> {
    answers: Vec<&'a str>,
    judges: Vec<&'a str>,
    /// Cases that must pass by it.
    critical: Vec<String>,
}

impl<'a> Uses<'a> {
    fn of(row: &str, suites: &[(&'a Prompt, &'a Suite)]) -> Self {
        let mut uses = Self::default();
        for (prompt, suite) in suites {
            let name = prompt.name().as_str();
            if suite.all_models().contains(&row) {
                uses.answers.push(name);
            }
            if suite.judges().contains(row) {
                uses.judges.push(name);
            }
            for case in suite.cases.iter().filter(|case| case.must_pass && case.skip.is_none()) {
                let judges = case.validators.iter().flat_map(|validator| validator.judges());
                if suite.models_of(case).iter().any(|model| model == row)
                    || judges.into_iter().any(|judge| judge.name == row)
                {
                    let case = &case.name;
                    uses.critical.push(if suites.len() == 1 {
                        case.clone()
                    } else {
                        format!("{case} of {name}")
                    });
                }
            }
        }
        uses
    }

    /// What the row does, in words; `None` where it does nothing.
    fn words(&self) -> Option<String> {
        let roles = [("answers", &self.answers), ("judges", &self.judges)];
        let roles = roles.into_iter().filter(|(_, prompts)| !prompts.is_empty());
        let roles: Vec<String> = roles.map(|(what, prompts)| format!("{what} in {}", few(prompts))).collect();
        (!roles.is_empty()).then(|| roles.join(" and "))
    }
}

impl Then<'_> {
    /// A warning for each model row that the change edits and on which one of these suites asks or judges, once for all of them: its answers are
    /// compared with none of the row as it was. And one for each that the other side edits since the change began.
    pub(super) fn other_rows(
        &self,
        suites: &[(&Prompt, &Suite)],
        (tree, settings): (&Tree, &Settings),
    ) -> Vec<Problem> {
        let (then, began) = (&self.registry.settings, &self.began().settings);
        let mut problems = Vec::new();
        for (name, now) in &settings.models {
            let differences = match then.models.get(name) {
                Some(then) => self.differences(then, now),
                None => continue,
            };
            if differences.is_empty() {
                continue;
            }
            let uses = Uses::of(name, suites);
            let Some(roles) = uses.words() else { continue };
            let differences = differences.join(", ");
            // What the other side did since is not the doing of the change.
            let is_of_change =
                began.models.get(name).is_none_or(|began| !self.differences(began, now).is_empty());
            let problem = if is_of_change {
                let mut message =
                    format!("this change edits the model that {roles}: `{name}` ({differences})");
                if !uses.critical.is_empty() {
                    message = format!("{message}; these must pass by it: {}", few(&uses.critical));
                }
                let help = if uses.answers.is_empty() {
                    "every version is judged by the row as it is here: whoever reviews the change should know that another model says what is good"
                } else {
                    "every version is asked on the row as it is here, so nothing is compared with the answers of the row as it was; docs/gating.md says how to do that, under \"Another model\""
                };
                Problem::warning("changes::model", message).help(help)
            } else {
                let reference = self.reference;
                let message = format!(
                    "the model that {roles} is another one at {reference} since this change began: `{name}` ({differences})"
                );
                let help =
                    format!("it is asked as it is here; merge {reference} into the change to have it here");
                Problem::warning("changes::model_moved", message).help(help)
            };
            let place = match &tree.registry().document {
                Some(registry) => registry.place_at(&["models", name]),
                None => Place::whole_file(tree.root().join(registry_file::FILE_NAME)),
            };
            problems.push(problem.at(place));
        }
        problems
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
        let key = |row: &ModelRow| row.api_key_env.as_ref().map_or("none", |name| name.as_str()).to_owned();
        told("api_key_env", &key(then), &key(now));
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

fn few(names: &[impl AsRef<str>]) -> String {
    let shown = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
