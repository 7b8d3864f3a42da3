//! From a file to an experiment: every mistake at its place.

mod metrics;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use promptassay_registry::files::read_text;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, did_you_mean, has_errors};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::{Document, Located, Span};

use super::spec::{ExperimentSpec, VariantSpec};
use super::{Allocation, Experiment, Metric, Variant};
use crate::assignment::{Exposure, InvalidWeights, Scheme, Seed};
use crate::duration;

/// The largest experiment file that is read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Whose experiment it is: the prompt, and which versions it has.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The prompt.
    pub prompt: &'a PromptName,
    /// Its versions.
    pub versions: &'a [Version],
}

/// The file of an experiment below the prompt's directory.
pub fn file_name(experiment: &str) -> String {
    format!("experiments/{experiment}.yaml")
}

/// The experiments of a prompt's directory, by name; what is wrong with the others is added to `problems`.
pub fn read_directory(directory: &Path, owner: Owner<'_>, problems: &mut Vec<Problem>) -> Vec<Experiment> {
    let Ok(entries) = fs::read_dir(directory.join("experiments")) else { return Vec::new() };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut experiments = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        match read_text(path, MAX_FILE_BYTES) {
            Ok(text) => {
                let document = Document::parse(path, text, problems);
                experiments
                    .extend(document.and_then(|document| Experiment::read(&document, owner, problems)));
            }
            Err(problem) => problems.push(*problem),
        }
    }
    experiments
}

/// Whether this may name a variant, a metric or a series: 1 to 64 letters, digits, `_`, `-` and `.`.
pub fn valid_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

impl Experiment {
    /// Reads a file that bears the experiment's name. Everything that is wrong is added to `problems`; `None` where something is.
    pub fn read(document: &Document, owner: Owner<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let reading = document.read::<ExperimentSpec>();
        let sound = reading.problems.is_empty();
        let mut reader = Reader { document, found: reading.problems };
        let experiment = reading.value.and_then(|spec| reader.experiment(spec, owner));
        let sound = sound && !has_errors(&reader.found);
        problems.append(&mut reader.found);
        experiment.filter(|_| sound)
    }
}

struct Reader<'a> {
    document: &'a Document,
    found: Vec<Problem>,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Problem::error(code, message).at(self.document.place(span)).help(help));
    }

    fn experiment(&mut self, spec: ExperimentSpec, owner: Owner<'_>) -> Option<Experiment> {
        if let Some(schema) = spec.schema.filter(|schema| schema.value != 1) {
            self.error(
                "experiment::schema",
                schema.span,
                format!("the format {schema} is not known"),
                "this promptassay reads format 1",
            );
        }
        let name = self.name(&spec.name);
        let scheme = spec.scheme.as_ref().map_or(Some(Scheme::default()), |written| self.scheme(written));
        let variants = self.variants(&spec.variants, scheme, owner);
        let control = match &spec.control {
            None => Some(0),
            Some(written) => {
                let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
                let index = names.iter().position(|name| *name == written.value);
                if index.is_none() {
                    self.error(
                        "experiment::control",
                        written.span,
                        format!("there is no variant `{written}`"),
                        did_you_mean(written, names, "variants"),
                    );
                }
                index
            }
        };
        if let Some(control) =
            control.and_then(|index| variants.get(index)).filter(|control| control.weight == 0.0)
        {
            let message = format!(
                "the control `{}` has the weight 0, so there is nothing to compare with",
                control.name
            );
            self.error(
                "experiment::control",
                spec.variants.span,
                message,
                "give it a weight, or name another `control:`",
            );
        }
        let allocation = self.allocation(&spec, scheme);
        let window = spec.window.as_ref().and_then(|written| self.window(written));
        let metrics: Vec<Metric> =
            spec.metrics.0.iter().filter_map(|(name, metric)| self.metric(name, metric, window)).collect();
        self.check_metrics(&spec);
        let plan = self.plan(spec.plan.unwrap_or_default(), &metrics);
        let start = spec.start.as_ref().and_then(|written| self.time(written));
        let end = spec.end.as_ref().and_then(|written| self.time(written));
        if let (Some(start), Some(end), Some(written)) = (start, end, &spec.end)
            && end <= start
        {
            self.error("experiment::end", written.span, "it ends before it starts", "write a later `end:`");
        }
        let (name, allocation) = (name?, allocation?);
        let assigner = match Experiment::build_assigner(&name, &allocation, &variants) {
            Ok(assigner) => assigner,
            Err(error) => {
                self.weights(error, spec.variants.span);
                return None;
            }
        };
        Some(Experiment {
            name,
            prompt: owner.prompt.clone(),
            description: spec.description,
            variants,
            control: control?,
            allocation,
            metrics,
            plan,
            start,
            end,
            assigner,
        })
    }

    fn name(&mut self, written: &Located<String>) -> Option<PromptName> {
        let stem =
            self.document.file().file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        match PromptName::from_str(written) {
            Ok(name) if name.as_str() == stem => Some(name),
            Ok(name) => {
                self.error(
                    "experiment::name",
                    written.span,
                    format!("the file is called `{stem}`, but the experiment `{name}`"),
                    "give both the same name: the name decides who gets what",
                );
                None
            }
            Err(error) => {
                self.error(
                    "experiment::name",
                    written.span,
                    format!("`{}` is not a name for an experiment", written.escape_debug()),
                    error.help(),
                );
                None
            }
        }
    }

    fn scheme(&mut self, written: &Located<String>) -> Option<Scheme> {
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

    fn variants(
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
            let known: Vec<String> = owner.versions.iter().map(ToString::to_string).collect();
            let help = did_you_mean(&version.to_string(), known.iter().map(String::as_str), "versions");
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
        } else if scheme == Some(Scheme::Sha256U64V2) && (value.fract() != 0.0 || value > f64::from(u32::MAX))
        {
            self.error("experiment::weight", span, format!("the weight {value} is not a whole number"), "write whole numbers, such as 1 and 3 for a quarter and the rest; only `scheme: md5-10000-v1` takes fractions");
        }
    }

    fn weights(&mut self, error: InvalidWeights, span: Span) {
        if !has_errors(&self.found) {
            self.error(
                "experiment::weights",
                span,
                error.to_string(),
                "give at least two variants a weight above 0",
            );
        }
    }

    fn allocation(&mut self, spec: &ExperimentSpec, scheme: Option<Scheme>) -> Option<Allocation> {
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

    fn window(&mut self, written: &Located<String>) -> Option<SignedDuration> {
        duration::parse(written)
            .map_err(|error| {
                self.error(
                    "experiment::window",
                    written.span,
                    error.to_string(),
                    "write `7d` for seven days",
                );
            })
            .ok()
    }

    fn time(&mut self, written: &Located<String>) -> Option<Timestamp> {
        written
            .parse()
            .map_err(|_| {
                self.error(
                    "experiment::time",
                    written.span,
                    format!("`{}` is not a time", written.escape_debug()),
                    "write it like 2026-11-24T00:00:00Z",
                );
            })
            .ok()
    }

    fn label(&mut self, written: &Located<String>, noun: &str) {
        if !valid_label(written) {
            self.error(
                "experiment::label",
                written.span,
                format!("`{}` cannot name {noun}", written.escape_debug()),
                "use 1 to 64 letters, digits, `_`, `-` and `.`",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Experiment>, String) {
        let mut problems = Vec::new();
        let document = Document::parse("support_v2.yaml", text, &mut problems).unwrap();
        let versions: Vec<Version> = ["1.0.0", "1.1.0"].iter().map(|text| text.parse().unwrap()).collect();
        let prompt: PromptName = "customer_support".parse().unwrap();
        let experiment =
            Experiment::read(&document, Owner { prompt: &prompt, versions: &versions }, &mut problems);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        (experiment, shown.join("\n"))
    }

    const SOUND: &str = "\
schema: 1
name: support_v2
variants:
  - {name: control, version: v1.0.0, weight: 50}
  - {name: treatment, version: v1.1.0, weight: 50}
scheme: sha256-u64-v2
seed: 5f0c9a00000000000000000000000001
exposure: 1.0
metrics:
  satisfaction: {kind: mean, role: success, direction: higher}
  escalated: {kind: binary, role: guardrail, direction: lower, margin: 0.02}
start: 2026-11-24T00:00:00Z
end: 2026-12-08T00:00:00Z
";

    #[test]
    fn the_documented_file_is_sound() {
        let (experiment, problems) = read(SOUND);
        assert_eq!(problems, "");
        let experiment = experiment.unwrap();
        assert_eq!(experiment.primary().unwrap().name, "satisfaction");
        assert_eq!(experiment.effective_shares(), [0.5, 0.5]);
        assert_eq!(experiment.series(), ["escalated", "satisfaction"]);
        let missing = experiment.ready(experiment.start.unwrap()).unwrap_err();
        let shown: Vec<String> =
            missing.iter().map(|missing| format!("{missing} (help: {})", missing.help())).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_its_place() {
        insta::assert_snapshot!(
            read(
                "\
schema: 2
name: other
variants:
  - {name: a, version: v1.0.0, weight: -1}
  - {name: a, version: v1.2.0, weight: 0.5}
  - {name: 'b c', version: nine, weight: .nan}
  - {name: d, version: v1.0.0, weight: .inf}
control: e
seed: 12
scheme: sha256-u64-v3
exposure: 1.5
phase: 0
window: 7
metrics:
  m: {kind: mean, role: primary, margin: 1}
  n: {kind: ratio, role: primary, direction: higher, cap: 3}
  g: {kind: binary, role: guardrail, direction: lower, numerator: x}
  h: {kind: binary, role: guardrail, direction: down, margin: 0}
plan: {smallest_effect: 0, baseline: 12, sd: -1, units: 0}
start: 2026-11-24T00:00:00Z
end: tomorrow
"
            )
            .1
        );
        insta::assert_snapshot!(
            read(
                &SOUND
                    .replace("seed: 5f0c9a00000000000000000000000001", "seed: '12'")
                    .replace("weight: 50}", "weight: 0.5}")
            )
            .1
        );
        insta::assert_snapshot!(read("name: support_v2\nvariants: []\nscheme: md5-10000-v1\nexposure: 0.5\nmetrics: {}\nend: 2026-11-24T00:00:00Z\nstart: 2026-11-25T00:00:00Z\n").1);
        insta::assert_snapshot!(read(&SOUND.replace("weight: 50}", "weight: 0}")).1);
    }
}
