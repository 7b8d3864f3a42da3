//! The file shape of an experiment: what somebody wrote, with its places.

use std::collections::BTreeMap;

use promptassay_registry::yaml::Located;
use schemars::JsonSchema;
use serde::Deserialize;

/// `experiments/NAME.yaml`: which versions of a prompt compete, for whom, and what decides.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "experiments/NAME.yaml")]
pub struct ExperimentSpec {
    /// The format of this file: 1.
    #[schemars(extend("const" = 1))]
    pub(super) schema: Option<Located<u64>>,
    /// The name, the same as that of the file.
    pub(super) name: Located<String>,
    /// What is tried, and why.
    pub(super) description: Option<String>,
    /// The variants, in the order in which they are weighed.
    pub(super) variants: Located<Vec<Located<VariantSpec>>>,
    /// The variant that the others are compared with; without this key, the first.
    pub(super) control: Option<Located<String>>,
    /// How units are spread: `sha256-u64-v2` (without this key) or `md5-10000-v1`.
    pub(super) scheme: Option<Located<String>>,
    /// 32 hexadecimal digits, as `experiment new` writes them; needed by `sha256-u64-v2`.
    pub(super) seed: Option<Located<String>>,
    /// Raised by one, on purpose, when weights or variants change while it runs.
    pub(super) phase: Option<Located<u32>>,
    /// What ids identify; without this key, `user`.
    pub(super) unit: Option<Located<String>>,
    /// The share of units that take part, 0 to 1 with at most six decimals; without this key, 1.
    pub(super) exposure: Option<Located<f64>>,
    /// Accept the empty id as an id like any other.
    #[serde(default)]
    pub(super) allow_empty_units: bool,
    /// How long after a unit's first exposure its outcomes count, such as `7d`; for every metric that says nothing else.
    #[serde(default, deserialize_with = "promptassay_registry::yaml::spelled")]
    pub(super) window: Option<Located<String>>,
    /// What is measured, by name.
    #[schemars(with = "BTreeMap<String, MetricSpec>")]
    pub(super) metrics: InOrder<MetricSpec>,
    /// What `experiment start` asks for.
    pub(super) plan: Option<Located<PlanSpec>>,
    /// When it begins.
    pub(super) start: Option<Located<String>>,
    /// When it ends.
    pub(super) end: Option<Located<String>>,
}

/// A variant as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// Unique in the experiment.
    pub(super) name: Located<String>,
    /// The version of the prompt that it serves.
    #[serde(deserialize_with = "promptassay_registry::yaml::spelled_text")]
    pub(super) version: Located<String>,
    /// Its weight beside those of the others; whole numbers, except under `md5-10000-v1`. Without this key, 1.
    pub(super) weight: Option<Located<f64>>,
}

/// A metric as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricSpec {
    /// What a unit's value is made of.
    pub(super) kind: KindSpec,
    /// What it decides.
    pub(super) role: RoleSpec,
    /// Where better lies; needed by every role but `descriptive`.
    pub(super) direction: Option<DirectionSpec>,
    /// How much worse a guardrail may become, in the metric's unit; more than 0. For guardrails only, and needed there.
    pub(super) margin: Option<Located<f64>>,
    /// The rate of a `binary` guardrail today. For guardrails only: `experiment power` and `simulate` then say whether the planned units
    /// show that it holds; that of the primary metric stands under `plan`.
    pub(super) baseline: Option<Located<f64>>,
    /// The standard deviation of a unit's value of a `mean` or `ratio` guardrail; like `baseline`.
    pub(super) sd: Option<Located<f64>>,
    /// How long after a unit's first exposure its outcomes count, such as `7d`.
    #[serde(default, deserialize_with = "promptassay_registry::yaml::spelled")]
    pub(super) window: Option<Located<String>>,
    /// `mean`: the largest value that a unit can have; larger ones count as this.
    pub(super) cap: Option<Located<f64>>,
    /// `mean`: how a unit's outcomes become one value; without this key, their mean.
    pub(super) per_unit: Option<Located<PerUnitSpec>>,
    /// `mean`: what was recorded before the exposure and tells units apart; its influence is taken out.
    pub(super) covariate: Option<Located<String>>,
    /// `ratio`: what is summed above the line.
    pub(super) numerator: Option<Located<String>>,
    /// `ratio`: what is summed below the line; without this key, the number of recorded numerators.
    pub(super) denominator: Option<Located<String>>,
    /// What it is.
    #[serde(default)]
    pub(super) description: Option<String>,
}

/// What a unit's value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindSpec {
    /// One number per unit.
    Mean,
    /// Whether a 1 was recorded. Outcomes are 0 or 1; a unit without one counts as no.
    Binary,
    /// A sum over units divided by another sum over units.
    Ratio,
}

/// What a metric decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleSpec {
    /// The one that must become better.
    Primary,
    /// One more that may become better.
    Success,
    /// One that must not become worse by its margin.
    Guardrail,
    /// One that is only reported.
    Descriptive,
}

/// Where better lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DirectionSpec {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// How a unit's outcomes become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PerUnitSpec {
    /// Their mean; a unit without an outcome has no value.
    Mean,
    /// Their sum; 0 without an outcome.
    Sum,
    /// Their number; 0 without an outcome.
    Count,
}

/// What was decided before the start.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// The smallest difference of the primary metric that is worth having, in its unit.
    pub(super) smallest_effect: Option<Located<f64>>,
    /// The rate of a binary primary metric today.
    pub(super) baseline: Option<Located<f64>>,
    /// The standard deviation of a unit's value of the primary metric.
    pub(super) sd: Option<Located<f64>>,
    /// The units in all variants together after which the experiment is decided.
    pub(super) units: Option<Located<u64>>,
}

/// A map whose keys keep their places and their order.
#[derive(Debug, Clone)]
pub struct InOrder<T>(pub(super) Vec<(Located<String>, Located<T>)>);

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Pairs<T> {
            type Value = InOrder<T>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<InOrder<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(InOrder(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}
