//! From a file to an experiment: every mistake at its place.

mod allocation;
mod directory;
mod metrics;

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, did_you_mean, has_errors};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::{Document, Located, Span};

pub use directory::{MAX_FILE_BYTES, file_name, read_directory};

use super::spec::ExperimentSpec;
use super::{Experiment, Metric, Places};
use crate::assignment::Scheme;
use crate::duration;

/// Whose experiment it is: the prompt, and which versions it has.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The prompt.
    pub prompt: &'a PromptName,
    /// Its versions.
    pub versions: &'a [Version],
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
        let mut reader = Reader { document, found: reading.problems, left_out: reading.left_out };
        let experiment = reading.value.and_then(|spec| reader.experiment(spec, owner));
        let sound = sound && !has_errors(&reader.found);
        problems.append(&mut reader.found);
        experiment.filter(|_| sound)
    }
}

struct Reader<'a> {
    document: &'a Document,
    found: Vec<Problem>,
    /// What did not fit and was reported for that: its absence is no second mistake.
    left_out: Vec<Span>,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Problem::error(code, message).at(self.document.place(span)).help(help));
    }

    /// Whether some part inside `span` was reported already.
    fn lacks_part_of(&self, span: Span) -> bool {
        self.left_out.iter().any(|part| span.start <= part.start && part.start < span.end.max(span.start + 1))
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
        let places = self.places(&spec);
        let plan = self.plan(spec.plan.map(|plan| plan.value).unwrap_or_default(), &metrics);
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
            places,
        })
    }

    /// Where a reader is sent for what is missing before the start.
    fn places(&self, spec: &ExperimentSpec) -> Places {
        let place = |span: Span| self.document.place(span);
        let name = place(spec.name.span);
        let of_plan = |span: Option<Span>| span.map(place);
        let plan = spec.plan.as_ref();
        Places {
            metrics: spec.metrics.0.iter().map(|(name, _)| (name.value.clone(), place(name.span))).collect(),
            plan: self
                .document
                .keys_at(&[])
                .iter()
                .find(|(key, _)| *key == "plan")
                .map(|(_, span)| place(*span)),
            smallest_effect: of_plan(plan.and_then(|plan| plan.smallest_effect).map(|effect| effect.span)),
            units: of_plan(plan.and_then(|plan| plan.units).map(|units| units.span)),
            end: spec.end.as_ref().map(|end| place(end.span)),
            name,
        }
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
        let shown: Vec<String> = missing
            .iter()
            .map(|missing| format!("{}: {missing} (help: {})", experiment.place_of(missing), missing.help()))
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn what_decides_is_frozen_and_what_describes_is_not() {
        let rules = |text: &str| read(text).0.unwrap().rules_digest();
        let changed = |from: &str, to: &str| rules(&SOUND.replace(from, to)) != rules(SOUND);
        assert!(changed("margin: 0.02", "margin: 0.03"));
        assert!(changed("direction: higher", "direction: lower"));
        assert!(changed("role: success", "role: primary"));
        assert!(changed("exposure: 1.0", "window: 7d"));
        assert!(changed("exposure: 1.0", "control: treatment"));
        assert!(!changed("exposure: 1.0", "exposure: 0.5"));
        assert!(!changed("metrics:\n", "metrics:\n  shown: {kind: mean, role: descriptive}\n"));
    }

    #[test]
    fn a_weight_has_a_limit_and_the_message_says_it() {
        let with = |weight: &str| read(&SOUND.replacen("weight: 50", &format!("weight: {weight}"), 1)).1;
        assert_eq!(with("4294967295"), "");
        for weight in ["4294967296", "18446744073709551615"] {
            assert_eq!(
                with(weight),
                "support_v2.yaml:4:46: a weight is at most 4294967295 under `sha256-u64-v2` \
                 (help: divide all weights by the same number, or write smaller ones that are about alike)"
            );
        }
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
        let margin = |margin: &str| read(&SOUND.replace("margin: 0.02", margin)).1;
        insta::assert_snapshot!(
            [
                margin("margin: 5"),
                margin("margin: 1"),
                margin("margin: 0.5, baseline: 0.5"),
                margin("margin: 0.49, baseline: 0.5"),
            ]
            .join("\n---\n")
        );
        insta::assert_snapshot!(read("name: support_v2\nvariants: []\nscheme: md5-10000-v1\nexposure: 0.5\nmetrics: {}\nend: 2026-11-24T00:00:00Z\nstart: 2026-11-25T00:00:00Z\n").1);
        insta::assert_snapshot!(read(&SOUND.replace("weight: 50}", "weight: 0}")).1);
    }
}
