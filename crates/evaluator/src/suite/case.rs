//! From a case as it is written, in a suite or in a dataset, to one that cannot be wrong.

mod given;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use promptassay_llm::ModelRow;
use promptassay_registry::digest::canonical_json;
use promptassay_registry::problem::{Place, Problem, did_you_mean};
use promptassay_registry::template::Values;
use promptassay_registry::variables::Interface;
use promptassay_registry::yaml::{Document, Located, Span};
use serde_json::{Value, json};

use super::Case;
use super::digest::{self, Checked, canonical_model};
use super::origin::Origin;
use super::spec::CaseSpec;
use crate::settings::{Properties, Settings};
use crate::validator::{
    Context, DEPENDS_ON_SUITE, JUDGES_ITSELF_HELP, Surroundings, Validator, ValidatorSpec, judges_itself,
};

/// Reads the cases of one suite; what they share is made once.
pub(super) struct CaseReader<'a> {
    pub(super) document: &'a Document,
    pub(super) interface: &'a Interface,
    pub(super) settings: &'a Settings,
    /// The properties of the suite.
    pub(super) properties: Properties,
    /// The validators for every case.
    pub(super) shared: Vec<Checked>,
    /// Whether one of these may be lacking, because something that comes before them is wrong.
    pub(super) shared_is_broken: bool,
    /// The model that judges, where the suite names one.
    pub(super) judge: Option<ModelRow>,
    /// The name that the suite writes for it, known or not: what it would judge is not a second problem.
    pub(super) judge_name: Option<String>,
    /// The rows that the suite asks.
    pub(super) asked: Vec<String>,
    pub(super) problems: Vec<Problem>,
    /// The names of checks with something wrong.
    pub(super) refused: BTreeSet<String>,
    /// The checks of properties that some case asked for; `None` where the property itself is wrong.
    expected: HashMap<(String, bool), Option<Checked>>,
}

impl<'a> CaseReader<'a> {
    pub(super) fn new(document: &'a Document, interface: &'a Interface, settings: &'a Settings) -> Self {
        Self {
            document,
            interface,
            settings,
            properties: Properties::default(),
            shared: Vec::new(),
            shared_is_broken: false,
            judge: None,
            judge_name: None,
            asked: Vec::new(),
            problems: Vec::new(),
            refused: BTreeSet::new(),
            expected: HashMap::new(),
        }
    }

    pub(super) fn place(&self, span: Span) -> Place {
        self.document.place(span)
    }

    pub(super) fn problem(&mut self, problem: Problem, span: Span) {
        self.problems.push(problem.at(self.document.place(span)));
    }

    /// The case. `is_whole` says that no part of it was left out, so that what is missing is really missing.
    pub(super) fn case(&mut self, spec: CaseSpec, is_whole: bool, origin: Origin<'_>, place: Place) -> Case {
        let mut checked = self.shared.clone();
        checked.extend(self.expected(&spec.expected, origin));
        checked.extend(self.validators(&spec.validators, |_| None));
        let is_judged = checked.iter().any(|checked| !checked.validator.is_warning());
        // What was refused is reported, and would have judged.
        let written = self.shared.len() + spec.expected.len() + spec.validators.len();
        let is_broken = self.shared_is_broken || checked.len() < written;
        if !is_judged && is_whole && spec.skip.is_none() && !is_broken {
            let message = format!("nothing judges the replies of `{}`", spec.name);
            let help = if origin.is_row() {
                "add a column `expected`, or validators for every case to the suite"
            } else {
                "add `expected:` or `validators:` to the case, or validators for every case to the suite"
            };
            let problem = Problem::error("suite::no_validators", message).help(help);
            self.problems.push(origin.locate(problem, spec.name.span));
        }
        if let Some(reason) = spec.skip.as_deref().map(str::trim).filter(|reason| is_no_reason(reason)) {
            let message = match reason {
                "" => format!("`{}` is skipped, and nothing says why", spec.name),
                word => format!("`{}` is skipped, and `{}` is no reason", spec.name, word.escape_debug()),
            };
            let help = "write the reason behind `skip`, or take it out to have the case asked; in a table an empty cell says nothing";
            self.problems.push(
                origin
                    .locate(Problem::error("suite::skip_without_reason", message).help(help), spec.name.span),
            );
        }
        let inputs = self.inputs(&spec.name, &spec.inputs, is_whole, origin);
        if is_whole && spec.skip.is_none() {
            self.flaws(&checked, &spec, &inputs, origin);
        }
        let messages = self.messages(spec.messages);
        let models = spec.models.map(|models| self.models(models));
        let digest =
            digest::of_case(&inputs, &messages, spec.reference.as_deref(), &checked, self.judge.as_ref());
        let mut validators: Vec<_> = checked.into_iter().map(|checked| checked.validator).collect();
        // Collecting took over the memory of what it collected from, four times as much.
        validators.shrink_to_fit();
        Case {
            place,
            name: spec.name.value,
            digest,
            inputs,
            reference: spec.reference,
            messages,
            models,
            validators,
            tags: spec.tags.into_iter().collect(),
            cluster: spec.cluster,
            must_pass: spec.must_pass,
            skip: spec.skip,
        }
    }

    /// Reports what no reply to the case could mend.
    fn flaws(&mut self, checked: &[Checked], spec: &CaseSpec, inputs: &Values, origin: Origin<'_>) {
        for Checked { validator, .. } in checked {
            for (message, help) in validator.flaws_in_case(inputs, spec.reference.as_deref()) {
                let message = format!("`{}` of `{}`: {message}", validator.name(), spec.name);
                let problem = Problem::error("suite::no_reply_passes", message).help(help);
                self.problems.push(origin.locate(problem, spec.name.span));
            }
        }
    }

    /// Validators for every case of the suite.
    pub(super) fn shared(&mut self, specs: &[ValidatorSpec]) -> Vec<Checked> {
        let document = self.document;
        self.validators(specs, |spec| Some(document.place(spec.key_span())))
    }

    /// Validators that stand in the suite, each with the place that it is given.
    fn validators(
        &mut self,
        specs: &[ValidatorSpec],
        place: impl Fn(&ValidatorSpec) -> Option<Place>,
    ) -> Vec<Checked> {
        let mut checked = Vec::with_capacity(specs.len());
        for spec in specs {
            let (validator, problems) = self.build(spec, self.document);
            self.problems.extend(problems);
            if let Some(validator) = validator {
                let canonical: Arc<str> = canonical_json(&canonical(spec, &validator)).into();
                checked.push(Checked {
                    // There may be thousands in cases, and each case has its place.
                    validator: Arc::new(validator.written(canonical.clone(), place(spec))),
                    canonical,
                    asks_judge: spec.asks_judge(),
                });
            } else {
                self.refused.insert(spec.report_name());
            }
        }
        checked
    }

    /// Builds a validator of `document` for this suite.
    fn build(&self, spec: &ValidatorSpec, document: &Document) -> (Option<Validator>, Vec<Problem>) {
        let surroundings =
            Surroundings { settings: self.settings, judge: self.judge_name.as_deref(), asked: &self.asked };
        let mut problems = Vec::new();
        let validator = spec.build(Context { document, surroundings: Some(surroundings) }, &mut problems);
        (validator, problems)
    }

    /// Takes the row that judges the suite, and warns where it is asked as well.
    pub(super) fn judge_with(&mut self, judge: &Located<String>) {
        self.judge_name = Some(judge.value.clone());
        let Some(row) = self.check_model(judge) else { return };
        let surroundings = Surroundings { settings: self.settings, judge: None, asked: &self.asked };
        if let Some(asked) = surroundings.asked_as(row) {
            let problem = Problem::warning("suite::judges_itself", judges_itself(judge, asked));
            self.problem(problem.help(JUDGES_ITSELF_HELP), judge.span);
        }
        self.judge = Some(row.clone());
    }

    /// The names of known model rows, each once; unknown ones are reported.
    pub(super) fn models(&mut self, models: Located<Vec<Located<String>>>) -> Vec<String> {
        if models.value.is_empty() {
            let problem = Problem::error("suite::no_model", "the list of models is empty");
            let help = "name at least one row of registry.yaml, or leave `models` out";
            self.problem(problem.help(help), models.span);
        }
        let mut names: Vec<String> = Vec::new();
        for model in models.value {
            self.check_model(&model);
            if !names.contains(&model.value) {
                names.push(model.value);
            }
        }
        names
    }

    /// The row of this name; reported where there is none.
    pub(super) fn check_model(&mut self, name: &Located<String>) -> Option<&'a ModelRow> {
        let settings = self.settings;
        let row = settings.models.get(&name.value);
        if row.is_none() && !settings.has_written_model(name) {
            let help = did_you_mean(name, settings.model_names(), "models in registry.yaml");
            let problem = Problem::error("suite::unknown_model", format!("there is no model `{name}`"));
            self.problem(problem.help(help), name.span);
        }
        row
    }

    /// `expected: {property: true}` asks for the named check, of the suite first and of the registry then.
    fn expected(&mut self, expected: &IndexMap<Located<String>, bool>, origin: Origin<'_>) -> Vec<Checked> {
        let mut validators = Vec::new();
        for (name, holds) in expected {
            let key = (name.value.clone(), *holds);
            if let Some(known) = self.expected.get(&key) {
                validators.extend(known.clone());
                continue;
            }
            let both = [&self.properties, &self.settings.properties];
            let found = both.into_iter().find_map(|properties| {
                Some((properties.specs.get(&name.value)?, properties.document.as_ref()?))
            });
            let Some((spec, document)) = found else {
                self.refused.insert(name.value.clone());
                if both.into_iter().any(|properties| properties.has_written(name)) {
                    continue;
                }
                let known = both.into_iter().flat_map(|properties| properties.specs.keys());
                let known: Vec<&str> = known.map(String::as_str).collect();
                let meant = did_you_mean(name, known.iter().copied(), "properties");
                let help = format!(
                    "{meant}{} a new one is defined under `properties:` of this suite or of registry.yaml",
                    if meant.ends_with('?') { "" } else { ";" }
                );
                let message = format!("there is no property `{name}`");
                let problem = Problem::error("suite::unknown_property", message).help(help);
                self.problems.push(origin.locate(problem, name.span));
                continue;
            };
            let (validator, problems) = self.build(spec, document);
            let checked = validator.map(|validator| {
                let canonical = json!({
                    "property": name.value,
                    "holds": holds,
                    "validator": canonical(spec, &validator),
                });
                let canonical: Arc<str> = canonical_json(&canonical).into();
                let place = document.place(spec.key_span());
                let validator = validator.as_property(name, *holds).written(canonical.clone(), Some(place));
                Checked { canonical, validator: Arc::new(validator), asks_judge: spec.asks_judge() }
            });
            // What is wrong with the property itself is reported where it stands; what this suite makes wrong with it, here and once.
            for problem in problems {
                if DEPENDS_ON_SUITE.contains(&problem.code) && !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
            if checked.is_none() {
                self.refused.insert(name.value.clone());
            }
            validators.extend(checked.clone());
            self.expected.insert(key, checked);
        }
        validators
    }
}

/// The normal form of a validator, with the models that judge for it: another model behind a row judges otherwise.
fn canonical(spec: &ValidatorSpec, validator: &Validator) -> Value {
    let mut value = spec.canonical();
    let judges: Vec<Value> = validator.judges().into_iter().map(canonical_model).collect();
    if !judges.is_empty() {
        value["judges"] = judges.into();
    }
    value
}
/// Nothing, or what a table writes for yes and no: whoever writes `false` does not mean that the case is skipped.
fn is_no_reason(text: &str) -> bool {
    let words = ["true", "false", "yes", "off", "null", "none", "nan", "skip"];
    // Other scripts say much in two signs.
    let has_letters = text.chars().filter(char::is_ascii_alphabetic).count() > 2 || !text.is_ascii();
    !has_letters || words.iter().any(|word| word.eq_ignore_ascii_case(text))
}
