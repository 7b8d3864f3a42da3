//! The secrets that a run needs, found before the first question.

use std::collections::BTreeMap;

use promptassay_llm::{ApiKey, ApiKeyProblem, EnvironmentName, ModelRow, Secrets};

/// A secret that a run needs and does not have. Says which, never what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The variable is not set.
    #[error("no key for model {}: the environment variable {name} is not set", models.join(", "))]
    Missing {
        /// The variable.
        name: EnvironmentName,
        /// The model rows that need it.
        models: Vec<String>,
    },
    /// It is set, but to something that is no key.
    #[error("no key for model {}: the value of the environment variable {name} cannot be used: {problem}", models.join(", "))]
    Unusable {
        /// The variable.
        name: EnvironmentName,
        /// The model rows that need it.
        models: Vec<String>,
        /// What is wrong with its value.
        problem: ApiKeyProblem,
    },
}

/// The secrets of these rows, each looked up once; or everything that is missing.
pub fn secrets<'a>(
    rows: impl IntoIterator<Item = &'a ModelRow>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Secrets, Vec<KeyProblem>> {
    let mut needed: BTreeMap<&EnvironmentName, Vec<String>> = BTreeMap::new();
    for row in rows {
        for name in row.environment_names() {
            let models = needed.entry(name).or_default();
            if !models.contains(&row.name) {
                models.push(row.name.clone());
            }
        }
    }
    let (mut secrets, mut problems) = (Secrets::none(), Vec::new());
    for (name, models) in needed {
        let name = name.clone();
        match lookup(name.as_str()).map(|text| ApiKey::new(&text)) {
            None => problems.push(KeyProblem::Missing { name, models }),
            Some(Err(problem)) => problems.push(KeyProblem::Unusable { name, models, problem }),
            Some(Ok(key)) => secrets.insert(name, key),
        }
    }
    if problems.is_empty() { Ok(secrets) } else { Err(problems) }
}

/// The secrets of these rows that are there, for whoever needs none of them: they are cut out of what programs say.
pub fn known_secrets<'a>(
    rows: impl IntoIterator<Item = &'a ModelRow>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Secrets {
    let mut known = Secrets::none();
    for name in rows.into_iter().flat_map(ModelRow::environment_names) {
        if let Some(Ok(key)) = lookup(name.as_str()).map(|text| ApiKey::new(&text)) {
            known.insert(name.clone(), key);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{ModelRowSpec, Provider};

    use super::*;

    fn check(names: &[&str], lookup: impl Fn(&str) -> Option<String>) -> String {
        let rows: Vec<ModelRow> = names
            .iter()
            .enumerate()
            .map(|(index, name)| {
                let mut spec = ModelRowSpec::new(Provider::OpenAiChat, "m");
                spec.api_key_env = Some((*name).to_owned());
                spec.validate(&format!("row{index}")).unwrap()
            })
            .collect();
        match secrets(&rows, lookup) {
            Ok(_) => "all there".to_owned(),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        }
    }

    #[test]
    fn every_missing_key_is_named_once_with_its_models_and_never_shown() {
        insta::assert_snapshot!(check(&["A_KEY", "B_KEY", "A_KEY", "C_KEY"], |name| match name {
            "B_KEY" => Some("sk-good".to_owned()),
            "C_KEY" => Some("sk-se\ncret".to_owned()),
            _ => None,
        }), @r"
        no key for model row0, row2: the environment variable A_KEY is not set
        no key for model row3: the value of the environment variable C_KEY cannot be used: the key holds a line break, a control character or a character that is not ASCII
        ");
        assert_eq!(check(&["A_KEY"], |_| Some("x".to_owned())), "all there");
    }
}
