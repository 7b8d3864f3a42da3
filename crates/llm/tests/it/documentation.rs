//! `docs/models.md` is copied from: every block of it must be valid, and every class of error must be in it.

use indexmap::IndexMap;
use promptassay_llm::{
    ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS, DEFAULT_TIMEOUT, ModelErrorKind, ModelRow, ModelRowSpec, Provider,
};
use serde::Deserialize;

use crate::support::{http_providers, single_params};

const PAGE: &str = include_str!("../../../../docs/models.md");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    models: IndexMap<String, ModelRowSpec>,
}

fn rows() -> Vec<ModelRow> {
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks
        .flat_map(|block| {
            serde_saphyr::from_str::<Registry>(block)
                .unwrap_or_else(|error| panic!("{block}\n{error}"))
                .models
        })
        .map(|(name, spec)| spec.validate(&name).unwrap_or_else(|problems| panic!("{name}: {problems:?}")))
        .collect()
}

#[test]
fn every_block_is_a_valid_row() {
    let rows = rows();
    assert!(rows.len() >= 14, "{}", rows.len());
    let names = PAGE.lines().find(|line| line.starts_with("| `provider` |")).unwrap();
    for provider in Provider::ALL {
        assert!(rows.iter().any(|row| row.provider == provider), "no block for `{provider}`");
        assert!(
            names.contains(&format!("`{provider}`")),
            "`{provider}` is not among the values of `provider`"
        );
    }
}

#[test]
fn every_key_parameter_and_class_of_error_is_described() {
    let schema = schemars::schema_for!(ModelRowSpec).to_value();
    let keys = schema["properties"].as_object().unwrap().keys();
    let params = schema["$defs"]["Params"]["properties"].as_object().unwrap().keys();
    let classes = ModelErrorKind::ALL.map(ModelErrorKind::as_str);
    for word in keys.chain(params).map(String::as_str).chain(classes) {
        assert!(PAGE.contains(&format!("\n| `{word}` |")), "no table has a row for `{word}`");
    }
}

#[test]
fn the_table_of_parameters_says_who_refuses_them() {
    let section = PAGE.split("\n## Parameters\n").nth(1).unwrap();
    let row = |first: &str| -> Vec<&str> {
        let line = section.lines().find_map(|line| line.strip_prefix(&format!("| `{first}` | ")));
        line.unwrap_or_else(|| panic!("no row for `{first}`")).trim_end_matches(" |").split(" | ").collect()
    };
    let providers: Vec<_> = http_providers().collect();
    assert_eq!(row("params"), providers.iter().map(|provider| provider.as_str()).collect::<Vec<_>>());
    for (key, params) in single_params() {
        let cells = row(&key);
        assert_eq!(cells.len(), providers.len(), "{key}");
        for (provider, cell) in providers.iter().zip(cells) {
            assert_eq!(
                cell == "refused",
                !provider.param_problems(&params).is_empty(),
                "{provider}: `{key}`"
            );
        }
    }
}

#[test]
fn the_defaults_in_the_text_are_those_in_the_code() {
    assert!(PAGE.contains(&format!("| `{}s` |", DEFAULT_TIMEOUT.as_secs())));
    assert!(PAGE.contains(&format!("writes one, {ANTHROPIC_DEFAULT_MAX_OUTPUT_TOKENS} is sent")));
}

#[test]
fn no_retiring_model_is_named() {
    for name in
        ["gpt-3.5", "gpt-4", "gpt-5", "o1", "o3", "o4-mini", "claude-3", "claude-2", "gemini-1", "gemini-2"]
    {
        let is_named =
            PAGE.split(|character: char| !(character.is_ascii_alphanumeric() || "-.".contains(character)));
        assert!(!is_named.clone().any(|word| word.starts_with(name)), "{name}");
    }
}
