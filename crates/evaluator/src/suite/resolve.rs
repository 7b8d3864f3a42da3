//! From a suite as it is written to a suite that cannot be wrong. Every problem is found before anything is asked.

use std::collections::{BTreeSet, HashMap};

use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::variables::Interface;
use promptassay_registry::yaml::{Document, Located, Reading, Span};
use serde_json::json;

use super::case::CaseReader;
use super::dataset::{self, Files};
use super::digest::{SuiteParts, of_suite};
use super::origin::Origin;
use super::spec::{CaseSpec, SuiteMap, SuiteSpec};
use super::{Case, Suite, metric_names};
use crate::policy::{Policy, PolicySpec};
use crate::settings::{Properties, Settings};

/// The model row that a suite without `models:` asks.
const DEFAULT_MODEL: &str = "default";

/// More repeats than this are a typing error.
const MAX_REPEAT: u32 = 1_000;

/// Reads and resolves a suite and the datasets that it names, which `files` gives. Everything that is wrong is added to `problems`;
/// `None` where one of them is an error.
pub fn resolve(
    document: &Document,
    interface: &Interface,
    settings: &Settings,
    files: &Files<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Suite> {
    let mut found = Vec::new();
    let suite = resolve_what_can_be(document, interface, settings, files, &mut found);
    let sound = !has_errors(&found);
    problems.extend(found);
    suite.filter(|_| sound)
}

/// The same, with whatever can be read of a suite that has errors: to look at, not to ask.
pub(crate) fn resolve_what_can_be(
    document: &Document,
    interface: &Interface,
    settings: &Settings,
    files: &Files<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Suite> {
    let Reading { value, problems: found, left_out } = document.read::<SuiteSpec>();
    let mut reader = CaseReader::new(document, interface, settings);
    reader.problems = found;
    let suite = value.map(|SuiteSpec(suite)| Resolver { reader: &mut reader, left_out }.suite(suite, files));
    problems.extend(reader.problems);
    suite
}

struct Resolver<'r, 'a> {
    reader: &'r mut CaseReader<'a>,
    left_out: Vec<Span>,
}

impl Resolver<'_, '_> {
    fn suite(&mut self, spec: SuiteMap, files: &Files<'_>) -> Suite {
        let document = self.reader.document;
        if let Some(schema) = spec.schema.filter(|schema| schema.value != 1) {
            let message = format!("schema {} is not known", schema.value);
            let problem = Problem::error("suite::unknown_schema", message).help("write `schema: 1`");
            self.reader.problem(problem, schema.span);
        }
        spec.gate.check(document, &mut self.reader.problems);
        for problem in spec.params.problems() {
            let mut path = vec!["params".to_owned()];
            path.extend(problem.path);
            let problem =
                Problem::error("suite::invalid_parameter", problem.message).maybe_help(problem.help);
            self.reader.problems.push(problem.at(document.place_at(&path)));
        }
        let properties = Properties { specs: spec.properties, document: Some(document.clone()) };
        self.reader.properties = properties.checked(&mut self.reader.problems);
        let written = spec.models.as_ref().map(|models| models.value.clone()).unwrap_or_default();
        let models = self.models(spec.models);
        self.reader.asked.clone_from(&models);
        if let Some(judge) = &spec.judge {
            self.reader.judge_with(judge);
        }
        self.reader.shared = self.reader.shared(&spec.validators);
        self.reader.shared_is_broken = has_errors(&self.reader.problems);
        let repeat_is_default = spec.repeat.is_none();
        let repeat = self.repeat(spec.repeat);
        let mut cases: Vec<Case> = spec.cases.into_iter().map(|case| self.case(case)).collect();
        let (rows, datasets) = dataset::read(&spec.datasets, files, self.reader);
        let has_rows = !spec.datasets.is_empty();
        dataset::append(&mut cases, rows);
        // A large dataset leaves room for as many cases again.
        cases.shrink_to_fit();
        self.check_names(&cases);
        self.check_any(&cases, has_rows);
        self.check_prices(&cases, &models);
        self.check_asked(&cases, &written);
        let policy = self.policy(&spec.gate, &cases);
        let parts = SuiteParts {
            cases: &cases,
            models: &models,
            judge: self.reader.judge.as_ref(),
            repeat,
            params: json!(spec.params),
        };
        Suite {
            digest: of_suite(parts),
            cases,
            models,
            repeat,
            repeat_is_default,
            params: spec.params,
            policy,
            file: document.file().to_path_buf(),
            narrowed_by: Vec::new(),
            whole_units: None,
            datasets,
            dataset_patterns: spec.datasets.into_iter().map(|dataset| dataset.file.value).collect(),
        }
    }

    /// What the gate asks for; a metric that the suite does not have is a mistake where it stands.
    fn policy(&mut self, spec: &PolicySpec, cases: &[Case]) -> Policy {
        let shared = &self.reader.settings.policy;
        let mut validators = metric_names(cases);
        // What is wrong with these is said, and their names are not.
        validators.judging.extend(self.reader.refused.iter().map(String::as_str));
        let registry = self.reader.settings.properties.document.as_ref();
        match (&spec.metrics, registry) {
            (None, Some(registry)) if self.left_out.is_empty() => {
                shared.check_metrics(registry, &validators, &mut self.reader.problems);
            }
            _ if self.left_out.is_empty() => {
                spec.check_metrics(self.reader.document, &validators, &mut self.reader.problems);
            }
            // What was left out may be the validator.
            _ => {}
        }
        spec.over(shared, None)
    }

    fn repeat(&mut self, repeat: Option<Located<u32>>) -> u32 {
        let Some(repeat) = repeat else { return 1 };
        if repeat.value == 0 || repeat.value > MAX_REPEAT {
            let message = format!("`repeat` is {}", repeat.value);
            self.reader.problem(
                Problem::error("suite::invalid_repeat", message)
                    .help(format!("write a number from 1 to {MAX_REPEAT}")),
                repeat.span,
            );
        }
        repeat.value
    }

    fn models(&mut self, models: Option<Located<Vec<Located<String>>>>) -> Vec<String> {
        if let Some(models) = models {
            return self.reader.models(models);
        }
        let rows = &self.reader.settings.models;
        if !rows.contains_key(DEFAULT_MODEL) && !self.reader.settings.has_written_model(DEFAULT_MODEL) {
            let help = match rows.keys().next() {
                Some(first) => format!(
                    "add `models: [{first}]` to the suite, or a row `default` under `models:` in registry.yaml"
                ),
                None => "add `models: {default: {provider: openai, model: …}}` to registry.yaml".to_owned(),
            };
            let message = "the suite names no model, and there is no row `default`";
            self.reader.problem(Problem::error("suite::unknown_model", message).help(help), Span::default());
        }
        vec![DEFAULT_MODEL.to_owned()]
    }

    fn case(&mut self, spec: Located<CaseSpec>) -> Case {
        let is_whole =
            !self.left_out.iter().any(|part| spec.span.start <= part.start && part.start < spec.span.end);
        let document = self.reader.document;
        let place = document.place(spec.value.name.span);
        self.reader.case(spec.value, is_whole, Origin::Suite(document), place)
    }

    /// Two cases of one name could not be told apart from run to run.
    fn check_names(&mut self, cases: &[Case]) {
        let mut first: HashMap<&str, &Place> = HashMap::with_capacity(cases.len());
        for case in cases {
            let name = case.name.as_str();
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                let problem = Problem::error("suite::invalid_name", "a case needs a name that can be read");
                let problem = problem.help("write a short name such as `refund_policy`");
                self.reader.problems.push(problem.at(case.place.clone()));
                continue;
            }
            let Some(earlier) = first.get(name) else {
                first.insert(name, &case.place);
                continue;
            };
            let message = format!("a second case is called `{name}`");
            let whereabouts = if earlier.file == case.place.file {
                format!("in line {}", earlier.line)
            } else {
                format!("in {}:{}", earlier.file.display(), earlier.line)
            };
            let help = if name.starts_with("row_") {
                format!(
                    "the first is {whereabouts}; rows without a name are named after their inputs: give them names"
                )
            } else {
                format!("the first is {whereabouts}; names tell cases apart")
            };
            let problem = Problem::error("suite::duplicate_name", message).help(help);
            self.reader.problems.push(problem.at(case.place.clone()));
        }
    }

    /// What a reply costs is known by a price, or where the provider says it, which nobody knows before.
    fn check_prices(&mut self, cases: &[Case], models: &[String]) {
        let settings = self.reader.settings;
        let unpriced = settings.models.values().filter(|row| row.price.is_none());
        for row in unpriced {
            let is_asked = |case: &&Case| case.models.as_deref().unwrap_or(models).contains(&row.name);
            let needs_cost = |case: &&Case| case.validators.iter().any(|validator| validator.needs_cost());
            let mut asked = cases.iter().filter(|case| case.skip.is_none()).filter(is_asked);
            let Some(case) = asked.find(needs_cost) else { continue };
            let message = format!(
                "`max_cost` is an error where the cost is not known, and model {} has no price",
                row.name
            );
            let problem = Problem::warning("suite::no_price", message).help(format!(
                "add `price: {{input: …, output: …}}` to `{}` in registry.yaml, unless the provider says what a reply costs",
                row.name
            ));
            self.reader.problems.push(problem.at(case.place.clone()));
        }
    }

    /// A row that every case replaces by rows of its own is in no plan and in no verdict.
    fn check_asked(&mut self, cases: &[Case], models: &[Located<String>]) {
        let asked: Vec<&Case> = cases.iter().filter(|case| case.skip.is_none()).collect();
        if asked.is_empty() || asked.iter().any(|case| case.models.is_none()) {
            return;
        }
        let names: BTreeSet<&str> =
            asked.iter().filter_map(|case| case.models.as_ref()).flatten().map(String::as_str).collect();
        for model in models.iter().filter(|model| !names.contains(model.value.as_str())) {
            let message = format!("no case is asked on model `{}`: each has models of its own", model.value);
            let help = "take it out, or write it to the `models` of a case";
            self.reader.problem(Problem::warning("suite::unasked_model", message).help(help), model.span);
        }
    }

    fn check_any(&mut self, cases: &[Case], has_rows: bool) {
        let place = self.reader.document.place_at(&["cases"]);
        if cases.is_empty() && self.left_out.is_empty() && !has_rows {
            let help = "a case is `- {name: …, inputs: {…}, validators: [{max_words: 150}]}` under `cases:`";
            let problem = Problem::error("suite::no_cases", "the suite has no cases").help(help);
            self.reader.problems.push(problem.at(place));
        } else if !cases.is_empty() && cases.iter().all(|case| case.skip.is_some()) {
            let problem = Problem::error("suite::no_cases", "every case of the suite is skipped");
            self.reader.problems.push(problem.at(place).help("remove `skip` from one of them"));
        }
    }
}
