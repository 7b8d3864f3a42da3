//! How units are spread: variants and their weights, scheme, seed, exposure, phase.

use std::collections::BTreeMap;
use std::str::FromStr;

use promptassay_registry::problem::{did_you_mean, has_errors};
use promptassay_registry::version::{Version, meant_version};
use promptassay_registry::yaml::{Located, Span};

use super::{Owner, Reader};
use crate::assignment::{Exposure, InvalidWeights, Scheme, Seed};
use crate::definition::spec::{ExperimentSpec, VariantSpec};
use crate::definition::{Allocation, Variant};

impl Reader<'_> {
    pub(super) fn scheme(&mut self, written: &Located<String>) -> Option<Scheme> {
        let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == written.value);
        if scheme.is_none() {
            let help = did_you_mean(written, Scheme::ALL.map(Scheme::name), "schemes");
            self.error(
                "experiment::scheme",
                written.span,
                format!("there is no scheme `{}`", written.escape_debug()),
                help,
            );
        }
        scheme
    }

    pub(super) fn variants(
        &mut self,
        written: &Located<Vec<Located<VariantSpec>>>,
        scheme: Option<Scheme>,
        owner: Owner<'_>,
    ) -> Vec<Variant> {
        if written.len() < 2 {
            self.error(
                "experiment::variants",
                written.span,
                "an experiment needs at least two variants",
                "write one more, such as `{name: treatment, version: v1.1.0, weight: 50}`",
            );
        }
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        let mut variants = Vec::new();
        for spec in &written.value {
            let name = &spec.name;
            self.label(name, "a variant");
            if let Some(first) = seen.insert(&name.value, name.span) {
                let line = self.document.place(first).line;
                self.error(
                    "experiment::duplicate_variant",
                    name.span,
                    format!("there is a variant `{name}` already, in line {line}"),
                    "give each its own name",
                );
            }
            let version = self.version(&spec.version, owner);
            let weight = spec.weight.unwrap_or(Located { value: 1.0, span: name.span });
            self.weight(weight, scheme);
            if let Some(version) = version {
                variants.push(Variant { name: name.value.clone(), version, weight: weight.value });
            }
        }
        let weights = || written.iter().map(|variant| variant.weight.map_or(1.0, |weight| weight.value));
        if weights().all(|weight| weight >= 0.0)
            && written.len() >= 2
            && weights().filter(|weight| *weight > 0.0).count() == 1
        {
            self.error(
                "experiment::weights",
                written.span,
                "only one variant has a weight, so there is nothing to compare",
                "give another one a weight above 0",
            );
        }
        variants
    }

    fn version(&mut self, written: &Located<String>, owner: Owner<'_>) -> Option<Version> {
        let version = match Version::from_str(written) {
            Ok(version) => version,
            Err(error) => {
                self.error("experiment::version", written.span, error.to_string(), error.help());
                return None;
            }
        };
        if !owner.versions.contains(&version) {
            let help = meant_version(&version, owner.versions);
            self.error(
                "experiment::unknown_version",
                written.span,
                format!("`{}` has no version {version}", owner.prompt),
                help,
            );
        }
        Some(version)
    }

    fn weight(&mut self, weight: Located<f64>, scheme: Option<Scheme>) {
        let Located { value, span } = weight;
        if !value.is_finite() {
            // YAML's own `.nan` and `.inf` were refused where they were read; a number that is too large was not.
            if self.found.iter().any(|problem| problem.place == Some(self.document.place(span))) {
                return;
            }
            self.error(
                "experiment::weight",
                span,
                "a weight must be a finite number",
                "write how often this variant is served beside the others, such as 50",
            );
        } else if value < 0.0 {
            self.error(
                "experiment::weight",
                span,
                "a weight cannot be negative",
                "0 serves a variant to nobody",
            );
        } else if scheme == Some(Scheme::Sha256U64V2) && value > f64::from(u32::MAX) {
            self.error(
                "experiment::weight",
                span,
                format!("a weight is at most {} under `{}`", u32::MAX, Scheme::Sha256U64V2.name()),
                "divide all weights by the same number, or write smaller ones that are about alike",
            );
        } else if scheme == Some(Scheme::Sha256U64V2) && value.fract() != 0.0 {
            self.error("experiment::weight", span, format!("the weight {value} is not a whole number"), "write whole numbers, such as 1 and 3 for a quarter and the rest; only `scheme: md5-10000-v1` takes fractions");
        }
    }

    pub(super) fn weights(&mut self, error: InvalidWeights, span: Span) {
        if !has_errors(&self.found) {
            self.error(
                "experiment::weights",
                span,
                error.to_string(),
                "give at least two variants a weight above 0",
            );
        }
    }

    pub(super) fn allocation(&mut self, spec: &ExperimentSpec, scheme: Option<Scheme>) -> Option<Allocation> {
        let scheme = scheme?;
        let seed = match &spec.seed {
            Some(written) => match written.parse::<Seed>() {
                Ok(seed) => Some(seed),
                Err(error) => {
                    self.error(
                        "experiment::seed",
                        written.span,
                        error.to_string(),
                        "`promptassay experiment new` draws one",
                    );
                    return None;
                }
            },
            None if scheme == Scheme::Sha256U64V2 => {
                let help = "write `seed:` with 32 hexadecimal digits; `promptassay experiment new` draws one, and so does `openssl rand -hex 16`";
                self.error(
                    "experiment::seed",
                    spec.name.span,
                    format!("`{}` needs a seed", scheme.name()),
                    help,
                );
                return None;
            }
            None => None,
        };
        let exposure = match spec.exposure {
            None => Some(Exposure::EVERYBODY),
            Some(written) => {
                let exposure = Exposure::from_share(written.value);
                if exposure.is_none() {
                    self.error(
                        "experiment::exposure",
                        written.span,
                        format!("{} is not a share of units", written.value),
                        "write a number from 0 to 1 with at most six decimals",
                    );
                } else if scheme == Scheme::Md5V1 && exposure != Some(Exposure::EVERYBODY) {
                    self.error(
                        "experiment::exposure",
                        written.span,
                        "`md5-10000-v1` has one draw only, so it cannot leave units out",
                        "use `sha256-u64-v2`, which draws exposure and variant apart",
                    );
                }
                exposure
            }
        };
        let phase = spec.phase.unwrap_or(Located { value: 1, span: Span::default() });
        if phase.value == 0 {
            self.error("experiment::phase", phase.span, "phases are counted from 1", "write `phase: 1`");
        }
        let unit_type = spec.unit.as_ref().map_or_else(
            || "user".to_owned(),
            |written| {
                self.label(written, "a type of units");
                written.value.clone()
            },
        );
        Some(Allocation {
            scheme,
            seed,
            phase: phase.value,
            unit_type,
            exposure: exposure?,
            allow_empty_units: spec.allow_empty_units,
        })
    }
}
