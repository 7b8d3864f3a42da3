//! From a suite as it is written to a suite that cannot be wrong. Every problem is found before anything is asked.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::template::Values;
use promptassay_registry::variables::{Interface, ValueProblem};
use promptassay_registry::yaml::{Document, Located, Reading, Span};
use serde_json::Value;

use super::spec::{CaseSpec, SuiteMap, SuiteSpec};
use super::{Case, Suite};
use crate::settings::{Properties, Settings};
use crate::validator::{Validator, ValidatorSpec};

/// The model row that a suite without `models:` asks.
const DEFAULT_MODEL: &str = "default";

/// More repeats than this are a typing error.
const MAX_REPEAT: u32 = 1_000;

/// Reads and resolves a suite. Everything that is wrong is added to `problems`; `None` where one of them is an error.
pub fn resolve(
    document: &Document,
    interface: &Interface,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Option<Suite> {
    let Reading { value, problems: found, left_out } = document.read::<SuiteSpec>();
    let mut resolver = Resolver { document, interface, settings, left_out, problems: found };
    let suite = value.map(|SuiteSpec(suite)| resolver.suite(suite));
    let sound = !promptassay_registry::problem::has_errors(&resolver.problems);
    problems.extend(resolver.problems);
    suite.filter(|_| sound)
}

struct Resolver<'a> {
    document: &'a Document,
    interface: &'a Interface,
    settings: &'a Settings,
    left_out: Vec<Span>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn suite(&mut self, spec: SuiteMap) -> Suite {
        if let Some(schema) = spec.schema.filter(|schema| schema.value != 1) {
            let message = format!("schema {} is not known", schema.value);
            self.problem(
                Problem::error("suite::unknown_schema", message).help("write `schema: 1`"),
                schema.span,
            );
        }
        spec.gate.check(self.document, &mut self.problems);
        let properties = Properties { specs: spec.properties, document: Some(self.document.clone()) };
        let properties = properties.checked(&mut self.problems);
        let shared: Vec<Arc<Validator>> = self.validators(&spec.validators);
        self.check_names(&spec.cases);
        if spec.cases.is_empty() && self.left_out.is_empty() {
            self.problems.push(
                Problem::error("suite::no_cases", "the suite has no cases")
                    .at(self.document.place_at(&["cases"]))
                    .help(
                        "a case is `- {name: …, inputs: {…}, validators: [{max_words: 150}]}` under `cases:`",
                    ),
            );
        }
        let cases: Vec<Case> =
            spec.cases.into_iter().map(|case| self.case(case, &shared, &properties)).collect();
        if !cases.is_empty() && cases.iter().all(|case| case.skip.is_some()) {
            let problem = Problem::error("suite::no_cases", "every case of the suite is skipped");
            self.problems
                .push(problem.at(self.document.place_at(&["cases"])).help("remove `skip` from one of them"));
        }
        Suite {
            cases,
            models: self.models(spec.models),
            repeat: self.repeat(spec.repeat),
            policy: spec.gate.over(&self.settings.policy),
        }
    }

    fn repeat(&mut self, repeat: Option<Located<u32>>) -> u32 {
        let Some(repeat) = repeat else { return 1 };
        if repeat.value == 0 || repeat.value > MAX_REPEAT {
            let message = format!("`repeat` is {}", repeat.value);
            self.problem(
                Problem::error("suite::invalid_repeat", message)
                    .help(format!("write a number from 1 to {MAX_REPEAT}")),
                repeat.span,
            );
        }
        repeat.value
    }

    fn models(&mut self, models: Option<Located<Vec<Located<String>>>>) -> Vec<String> {
        let known = || self.settings.models.keys().map(String::as_str);
        let Some(models) = models else {
            if !self.settings.models.contains_key(DEFAULT_MODEL)
                && !self.settings.has_written_model(DEFAULT_MODEL)
            {
                let help = match known().next() {
                    Some(first) => format!(
                        "add `models: [{first}]` to the suite, or a row `default` under `models:` in registry.yaml"
                    ),
                    None => {
                        "add `models: {default: {provider: openai, model: …}}` to registry.yaml".to_owned()
                    }
                };
                let problem = Problem::error(
                    "suite::unknown_model",
                    "the suite names no model, and there is no row `default`",
                );
                self.problems.push(problem.at(self.document.place(Span::default())).help(help));
            }
            return vec![DEFAULT_MODEL.to_owned()];
        };
        if models.value.is_empty() {
            let problem = Problem::error("suite::no_model", "the list of models is empty");
            self.problem(
                problem.help("name at least one row of registry.yaml, or leave `models` out"),
                models.span,
            );
        }
        let mut names: Vec<String> = Vec::new();
        let mut unknown = Vec::new();
        for model in models.value {
            if !self.settings.models.contains_key(&model.value)
                && !self.settings.has_written_model(&model.value)
            {
                let help = did_you_mean(&model.value, known(), "models in registry.yaml");
                let problem = Problem::error("suite::unknown_model", format!("there is no model `{model}`"));
                unknown.push((problem.help(help), model.span));
            }
            if !names.contains(&model.value) {
                names.push(model.value);
            }
        }
        for (problem, span) in unknown {
            self.problem(problem, span);
        }
        names
    }

    /// Two cases of one name could not be told apart from run to run.
    fn check_names(&mut self, cases: &[Located<CaseSpec>]) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        let mut problems = Vec::new();
        for case in cases {
            let name = &case.name;
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                let problem = Problem::error("suite::invalid_name", "a case needs a name that can be read");
                problems.push((problem.help("write a short name such as `refund_policy`"), name.span));
            } else if let Some(span) = first.get(name.as_str()) {
                let line = self.document.place(*span).line;
                let problem =
                    Problem::error("suite::duplicate_name", format!("a second case is called `{name}`"));
                problems.push((
                    problem.help(format!("the first is in line {line}; names tell cases apart")),
                    name.span,
                ));
            } else {
                first.insert(name.as_str(), name.span);
            }
        }
        for (problem, span) in problems {
            self.problem(problem, span);
        }
    }

    fn case(&mut self, spec: Located<CaseSpec>, shared: &[Arc<Validator>], properties: &Properties) -> Case {
        let is_whole =
            !self.left_out.iter().any(|part| spec.span.start <= part.start && part.start < spec.span.end);
        let spec = spec.value;
        let mut validators = shared.to_vec();
        validators.extend(self.expected(&spec.expected, properties));
        validators.extend(self.validators(&spec.validators));
        let is_judged = validators.iter().any(|validator| !validator.is_warning());
        if !is_judged
            && is_whole
            && spec.skip.is_none()
            && !promptassay_registry::problem::has_errors(&self.problems)
        {
            let message = format!("nothing judges the replies of `{}`", spec.name);
            let help =
                "add `expected:` or `validators:` to the case, or validators for every case to the suite";
            self.problem(Problem::error("suite::no_validators", message).help(help), spec.name.span);
        }
        let inputs = self.inputs(&spec.name, &spec.inputs, is_whole);
        Case {
            place: self.document.place(spec.name.span),
            name: spec.name.value,
            inputs,
            validators,
            tags: spec.tags.into_iter().collect(),
            cluster: spec.cluster,
            must_pass: spec.must_pass,
            skip: spec.skip,
        }
    }

    fn validators(&mut self, specs: &[ValidatorSpec]) -> Vec<Arc<Validator>> {
        let built = specs.iter().filter_map(|spec| spec.build(self.document, &mut self.problems));
        built.map(Arc::new).collect()
    }

    /// `expected: {property: true}` asks for the named check, of the suite first and of the registry then.
    fn expected(
        &mut self,
        expected: &IndexMap<Located<String>, bool>,
        own: &Properties,
    ) -> Vec<Arc<Validator>> {
        let mut validators = Vec::new();
        for (name, holds) in expected {
            let found = [own, &self.settings.properties].into_iter().find_map(|properties| {
                Some((properties.specs.get(&name.value)?, properties.document.as_ref()?))
            });
            if let Some((spec, document)) = found {
                // What is wrong with the property itself is reported where it stands.
                let validator = spec.build(document, &mut Vec::new());
                validators.extend(validator.map(|validator| Arc::new(validator.as_property(name, *holds))));
            } else if !own.has_written(name) && !self.settings.properties.has_written(name) {
                let known = own.specs.keys().chain(self.settings.properties.specs.keys()).map(String::as_str);
                let help = did_you_mean(name, known, "properties");
                let problem =
                    Problem::error("suite::unknown_property", format!("there is no property `{name}`"));
                self.problem(problem.help(help), name.span);
            }
        }
        validators
    }

    /// The values with which the prompt is filled: those of the case, then the defaults of the prompt's variables.
    fn inputs(
        &mut self,
        case: &Located<String>,
        inputs: &IndexMap<Located<String>, Located<Value>>,
        is_whole: bool,
    ) -> Values {
        let values: Values =
            inputs.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect();
        match self.interface.variables().resolve(&values) {
            Ok(resolved) => {
                for unknown in &resolved.unknown {
                    let place = inputs
                        .keys()
                        .find(|name| name.value == unknown.name)
                        .map_or(case.span, |name| name.span);
                    let message =
                        format!("the prompt has no variable `{}`; this value is not used", unknown.name);
                    let suggestion =
                        unknown.suggestion.as_ref().map(|name| format!("did you mean `{name}`?"));
                    let known = || {
                        did_you_mean(
                            &unknown.name,
                            self.interface.variables().names().collect::<Vec<_>>(),
                            "variables",
                        )
                    };
                    let help = suggestion.unwrap_or_else(known);
                    self.problem(Problem::warning("suite::unknown_variable", message).help(help), place);
                }
                resolved.values.into_owned()
            }
            Err(problems) => {
                if is_whole {
                    for problem in problems {
                        self.value_problem(case, inputs, problem);
                    }
                }
                values
            }
        }
    }

    fn value_problem(
        &mut self,
        case: &Located<String>,
        inputs: &IndexMap<Located<String>, Located<Value>>,
        problem: ValueProblem,
    ) {
        let given = inputs.iter().find(|(name, _)| name.value == problem.variable);
        let place = given.map_or(case.span, |(_, value)| value.span);
        let message = format!("case `{case}`: {}", problem.message);
        self.problem(Problem::error("suite::invalid_input", message).maybe_help(problem.help), place);
    }

    fn problem(&mut self, problem: Problem, span: Span) {
        self.problems.push(problem.at(self.document.place(span)));
    }
}
