//! The file shape of a suite: `test_cases.yaml`, a map or a bare list of cases.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use promptassay_llm::Params;
use promptassay_registry::content::Role;
use promptassay_registry::yaml::{Located, error_with_help};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::policy::PolicySpec;
use crate::validator::ValidatorSpec;

/// A suite as it is written: a map, or a bare list of cases.
#[derive(Debug, Clone, Default)]
pub struct SuiteSpec(pub(super) SuiteMap);

/// The long form.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SuiteMap {
    /// The version of this format: 1.
    pub(super) schema: Option<Located<u64>>,
    /// Names of model rows of registry.yaml; several make a matrix. Without this key: the row `default`.
    pub(super) models: Option<Located<Vec<Located<String>>>>,
    /// How often each case is asked. Repeats are averaged within the case.
    pub(super) repeat: Option<Located<u32>>,
    /// The name of the model row that judges, where a validator needs one.
    pub(super) judge: Option<Located<String>>,
    /// Parameters that go before those of versions and model rows.
    #[serde(default)]
    pub(super) params: Params,
    /// Named checks that `expected:` may refer to, beside those of registry.yaml.
    #[serde(default)]
    pub(super) properties: IndexMap<String, ValidatorSpec>,
    /// Validators for every case.
    #[serde(default)]
    pub(super) validators: Vec<ValidatorSpec>,
    /// The cases.
    #[serde(default)]
    pub(super) cases: Vec<Located<CaseSpec>>,
    /// Files with further cases, a row each.
    #[serde(default)]
    pub(super) datasets: Vec<DatasetSpec>,
    /// What the gate asks for.
    #[serde(default)]
    pub(super) gate: PolicySpec,
}

/// A case as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// Unique in the suite; its identity from run to run.
    pub(super) name: Located<String>,
    /// The values of the prompt's variables.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub(super) inputs: IndexMap<Located<String>, Located<serde_json::Value>>,
    /// Properties of the reply: each must be known, and its check must give the stated value.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, bool>")]
    pub(super) expected: IndexMap<Located<String>, bool>,
    /// Validators of this case, after those of the suite.
    #[serde(default)]
    pub(super) validators: Vec<ValidatorSpec>,
    /// The answer that a person would have given, for validators that compare.
    pub(super) reference: Option<String>,
    /// A conversation that goes before the prompt's question. What stands in it is data: no variable is looked for.
    #[serde(default)]
    pub(super) messages: Vec<Located<MessageSpec>>,
    /// Names of model rows, in place of those of the suite.
    pub(super) models: Option<Located<Vec<Located<String>>>>,
    /// Words to select by.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Cases of one cluster share a source and count as one unit.
    pub(super) cluster: Option<String>,
    /// Every repeat must pass, whatever the gate's rate is.
    #[serde(default)]
    pub(super) must_pass: bool,
    /// Why the case is not asked.
    #[serde(default, deserialize_with = "reason")]
    #[schemars(with = "Option<String>")]
    pub(super) skip: Option<String>,
}

/// Why a case is not asked. What is no text is told what it lacks, since in quotes it would be no reason either.
fn reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Reason>::deserialize(deserializer)?.map(|reason| reason.0))
}

/// A text that is a reason.
pub(super) struct Reason(pub(super) String);

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReasonVisitor)
    }
}

struct ReasonVisitor;

impl Visitor<'_> for ReasonVisitor {
    type Value = Reason;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the reason why the case is not asked, as text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Reason, E> {
        Ok(Reason(text.to_owned()))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Reason, E> {
        let help = if value {
            "write the reason, such as `skip: needs a model with eyes`"
        } else {
            "leave `skip` out: the case is asked then"
        };
        Err(error_with_help(format!("`skip` says why a case is not asked, and `{value}` is no reason"), help))
    }
}

/// A file with cases, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetSpec {
    /// A `.jsonl` or `.csv` file, relative to the suite; `*`, `?` and `**` stand for several.
    pub(super) file: Located<String>,
}

/// A message of the conversation before the prompt.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageSpec {
    /// Who speaks.
    pub(super) role: Role,
    /// What is said; may be left out where tools are called.
    #[serde(default)]
    pub(super) content: String,
    /// The tools that the model called in this message.
    #[serde(default)]
    pub(super) tool_calls: Vec<ToolCallSpec>,
    /// For the role `tool`: the `id` of the call whose result this is.
    pub(super) tool_call_id: Option<String>,
}

/// A tool that the model called.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCallSpec {
    /// What `tool_call_id` refers to.
    pub(super) id: String,
    /// The tool's name.
    pub(super) name: String,
    /// Its arguments.
    #[serde(default)]
    pub(super) arguments: serde_json::Map<String, serde_json::Value>,
}

impl<'de> Deserialize<'de> for SuiteSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SuiteVisitor;
        impl<'de> Visitor<'de> for SuiteVisitor {
            type Value = SuiteSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a suite: a map with `cases`, or a list of cases")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<SuiteSpec, A::Error> {
                let cases = Vec::deserialize(SeqAccessDeserializer::new(sequence))?;
                Ok(SuiteSpec(SuiteMap { cases, ..SuiteMap::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SuiteSpec, A::Error> {
                SuiteMap::deserialize(MapAccessDeserializer::new(map)).map(SuiteSpec)
            }
        }
        deserializer.deserialize_any(SuiteVisitor)
    }
}

impl JsonSchema for SuiteSpec {
    fn schema_name() -> Cow<'static, str> {
        "Suite".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let map = generator.subschema_for::<SuiteMap>();
        let case = generator.subschema_for::<CaseSpec>();
        json_schema!({"anyOf": [map, {"type": "array", "items": case}]})
    }
}
