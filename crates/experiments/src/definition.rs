//! What an experiment is: variants, how units are spread, what is measured, and the plan that decides.
//!
//! [`Experiment::read`] turns a file into a value that cannot be wrong, or says everything that is wrong with it, each at its place.

mod change;
mod guardrail;
mod metric;
mod plan;
mod read;
mod spec;

use std::collections::BTreeMap;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::Place;
use promptassay_registry::version::Version;
use serde_json::{Value, json};

pub use change::Change;
pub use guardrail::{GuardrailPlan, guardrail_plans};
pub(crate) use metric::covers;
pub use metric::{Direction, Metric, MetricKind, Noise, PerUnit, Role};
pub(crate) use plan::{LEAST_DURATION, confidence, no_bound};
pub use plan::{LEAST_SUCCESSES, LEAST_UNITS, NotReady, Plan, PlannedUnits, ReadyPlan, planned_units};
pub use read::{MAX_FILE_BYTES, Owner, file_name, read_directory, valid_label};
pub use spec::{ExperimentSpec, InOrder, MetricSpec, PlanSpec, VariantSpec};

use crate::assignment::{Assigner, Assignment, EmptyUnit, Exposure, HashedKey, InvalidWeights, Scheme, Seed};

/// One of the versions that compete.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Its name, unique in the experiment.
    pub name: String,
    /// The version that it serves.
    pub version: Version,
    /// Its weight; a whole number unless the scheme is the classic one.
    pub weight: f64,
}

/// How units are spread; what one phase of a running experiment must keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// The scheme.
    pub scheme: Scheme,
    /// The seed; [`Scheme::Md5V1`] has none.
    pub seed: Option<Seed>,
    /// The phase, from 1.
    pub phase: u32,
    /// What ids identify.
    pub unit_type: String,
    /// The share of units that take part.
    pub exposure: Exposure,
    /// Whether the empty id is an id like any other.
    pub allow_empty_units: bool,
}

/// A definition without mistakes.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Its name.
    pub name: PromptName,
    /// The prompt whose versions compete.
    pub prompt: PromptName,
    /// What is tried, and why.
    pub description: Option<String>,
    /// The variants, at least two, in the order in which they are weighed.
    pub variants: Vec<Variant>,
    /// The index of the variant that the others are compared with.
    pub control: usize,
    /// How units are spread.
    pub allocation: Allocation,
    /// What is measured, with at least one metric.
    pub metrics: Vec<Metric>,
    /// What was decided before the start.
    pub plan: Plan,
    /// When it begins.
    pub start: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    assigner: Assigner,
    places: Places,
}

/// Where things stand in the file, for whoever is told that one is missing or wrong.
#[derive(Debug, Clone)]
struct Places {
    name: Place,
    metrics: BTreeMap<String, Place>,
    plan: Option<Place>,
    smallest_effect: Option<Place>,
    units: Option<Place>,
    end: Option<Place>,
}

impl Experiment {
    /// What the unit with this id gets.
    pub fn assign(&self, unit: &[u8]) -> Result<Assignment, EmptyUnit> {
        self.assigner.assign(unit)
    }

    /// The share that each variant really gets.
    pub fn effective_shares(&self) -> Vec<f64> {
        self.assigner.effective_shares()
    }

    /// The index of the variant of this name.
    pub fn variant(&self, name: &str) -> Option<usize> {
        self.variants.iter().position(|variant| variant.name == name)
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The metric that must become better: the one whose role is primary, else the only success metric.
    pub fn primary(&self) -> Option<&Metric> {
        let of = |role: Role| self.metrics.iter().filter(move |metric| metric.role == role);
        of(Role::Primary).next().or_else(|| {
            let mut successes = of(Role::Success);
            successes.next().filter(|_| successes.next().is_none())
        })
    }

    /// The names under which outcomes are recorded: those of metrics, and what ratios and covariates are made of.
    pub fn series(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.metrics.iter().flat_map(Metric::series).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether what is recorded under this name before an exposure is used.
    pub fn is_covariate(&self, series: &str) -> bool {
        self.metrics.iter().any(
            |metric| matches!(&metric.kind, MetricKind::Mean { covariate: Some(name), .. } if name == series),
        )
    }

    /// The variants that are compared with the control: those with a weight.
    pub fn treatments(&self) -> impl Iterator<Item = usize> {
        (0..self.variants.len()).filter(|index| *index != self.control && self.variants[*index].weight > 0.0)
    }

    /// What must stay as it is while a phase runs: everything that decides who gets what. Exposure is not in it, because widening
    /// moves nobody.
    pub fn allocation_digest(&self) -> Digest {
        let variants: Vec<Value> = self
            .variants
            .iter()
            .map(|variant| {
                json!({"name": variant.name, "version": variant.version.to_string(), "weight": variant.weight.to_bits()})
            })
            .collect();
        let allocation = &self.allocation;
        Digest::of_json(&json!({
            "name": self.name.as_str(),
            "prompt": self.prompt.as_str(),
            "scheme": allocation.scheme.name(),
            "seed": allocation.seed.map(|seed| seed.to_string()),
            "unit": allocation.unit_type,
            "allow_empty_units": allocation.allow_empty_units,
            "variants": variants,
        }))
    }

    /// What must stay as it is while a phase runs, so that its results cannot choose how they are judged: everything that the decision
    /// is made of. Descriptive metrics are not in it.
    pub fn rules_digest(&self) -> Digest {
        let mut metrics: Vec<Value> = self
            .metrics
            .iter()
            .filter(|metric| metric.decides())
            .map(|metric| {
                json!({
                    "name": metric.name,
                    "kind": metric.kind,
                    "role": metric.role,
                    "direction": metric.direction,
                    "margin": metric.margin.map(f64::to_bits),
                    "window_seconds": metric.window.map(|window| window.as_secs()),
                })
            })
            .collect();
        metrics.sort_by_cached_key(|metric| metric["name"].to_string());
        let primary = self.primary().map(|metric| metric.name.as_str());
        let control = &self.variants[self.control].name;
        Digest::of_json(&json!({"metrics": metrics, "primary": primary, "control": control}))
    }

    /// Where in the file a reader is sent for what is missing.
    pub fn place_of(&self, missing: &NotReady) -> Place {
        let places = &self.places;
        let metric = |name: &str| places.metrics.get(name).cloned();
        let place = match missing {
            NotReady::NoPrimary => places.metrics.values().min_by_key(|place| place.line).cloned(),
            NotReady::NoWindow { metric: name } | NotReady::NoBound { metric: name, .. } => metric(name),
            NotReady::NoSmallestEffect { metric: name } | NotReady::NoNoise { metric: name, .. } => {
                places.plan.clone().or_else(|| metric(name))
            }
            NotReady::Impossible { .. } | NotReady::TooMany { .. } => places.smallest_effect.clone(),
            NotReady::NoUnits { .. } => places.plan.clone(),
            NotReady::TooFewUnits { .. } => places.units.clone(),
            NotReady::TooShort { .. } => places.end.clone(),
            NotReady::NoEnd => None,
        };
        place.unwrap_or_else(|| places.name.clone())
    }

    /// Where in the file a metric stands.
    pub fn place_of_metric(&self, name: &str) -> Place {
        self.places.metrics.get(name).unwrap_or(&self.places.name).clone()
    }

    fn build_assigner(
        name: &PromptName,
        allocation: &Allocation,
        variants: &[Variant],
    ) -> Result<Assigner, InvalidWeights> {
        let weights: Vec<f64> = variants.iter().map(|variant| variant.weight).collect();
        let assigner = match allocation.seed.filter(|_| allocation.scheme == Scheme::Sha256U64V2) {
            None => Assigner::classic(name.as_str(), &weights)?,
            Some(seed) => {
                let key = HashedKey { seed, phase: allocation.phase, unit_type: &allocation.unit_type };
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "checked to be whole and in range when it was read"
                )]
                let whole: Vec<u32> = weights.iter().map(|weight| *weight as u32).collect();
                Assigner::hashed(&key, &whole, allocation.exposure)?
            }
        };
        Ok(assigner.allowing_empty(allocation.allow_empty_units))
    }
}
