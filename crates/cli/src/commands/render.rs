//! `promptassay render`: exactly what would be sent to a model.

mod case;
mod values;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use promptassay_evaluator::plan::asked;
use promptassay_evaluator::suite::Case;
use promptassay_lifecycle::ledger;
use promptassay_lifecycle::state::State;
use promptassay_llm::Message;
use promptassay_registry::content::{Tool, VersionContent, as_field, in_other_braces};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Place, Problem, closest, has_errors};
use promptassay_registry::template::{
    MAX_TEMPLATE_BYTES, RenderError, Template, TemplateFormat, TemplateProblem, UnknownVariable, Values,
};
use promptassay_registry::tree::Prompt;
use promptassay_registry::variables::{ValueProblem, Variables, code};
use promptassay_registry::version::Version;
use serde::Serialize;
use serde_json::{Map, Value};

use self::values::Given;
use super::Context;
use super::list::{is_by_name_alone, is_over};
use super::resolve::{as_recorded, of_snapshot, snapshot};
use crate::arguments::OutputFormat;
use crate::describe::Content;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::key_value::{self, KeyValue};
use crate::lifecycle::{Asked, find_asked, ledger_of};
use crate::prompts::{WhichVersion, version};

const EXAMPLES: &str = "Examples:
  promptassay render customer_support --var company_name=TechCorp --var query='Where is my order?'
  promptassay render customer_support v1.2.0 --vars values.yaml | jq '.messages'
  promptassay render customer_support --case damaged_item
  promptassay render --snapshot dist/prompts.json customer_support --var query=Hi
  promptassay render --template draft.txt --var name=Ada
  echo '{\"name\": \"Ada\"}' | promptassay render --template draft.txt --vars -";

/// Insert values into a prompt and print exactly what would be sent.
///
/// A text is printed byte for byte, without an added line feed. Chat messages are printed as JSON. All missing values are
/// reported at once; defaults of prompt.yaml apply.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "promptassay render [OPTIONS] <PROMPT> [VERSION]\n       promptassay render [OPTIONS] --snapshot <FILE> <PROMPT>\n       promptassay render [OPTIONS] --template <FILE>")]
pub(crate) struct RenderArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT", required_unless_present = "template", conflicts_with = "template")]
    name: Option<String>,
    #[command(flatten)]
    version: WhichVersion,
    /// A value; may be given several times. Where prompt.yaml declares another type than string, it is read as JSON.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = key_value::parse)]
    var: Vec<KeyValue>,
    /// A case of the prompt's suite: its inputs are the values, and its conversation is among the messages. `--vars` and `--var`
    /// win over its inputs.
    #[arg(long, value_name = "NAME", conflicts_with = "template")]
    case: Option<String>,
    /// A YAML or JSON file of values, `-` for standard input; `--var` wins over it.
    #[arg(long, value_name = "FILE")]
    vars: Option<PathBuf>,
    /// Refuse values that no variable takes, instead of warning.
    #[arg(long)]
    strict: bool,
    /// Render what a snapshot serves instead of the repository.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["template", "version", "version_option", "case"])]
    snapshot: Option<PathBuf>,
    /// The user who is served from the snapshot: a canary may be; without it, production.
    #[arg(long, alias = "user", value_name = "ID", requires = "snapshot")]
    unit: Option<String>,
    /// Render the text of this file instead of a prompt.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["version", "version_option"])]
    template: Option<PathBuf>,
    /// The language of `--template` [default: format].
    #[arg(long, value_name = "LANGUAGE", value_enum, requires = "template")]
    template_format: Option<Language>,
}

/// The language of a template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// `{name}`
    #[default]
    Format,
    /// `{{ name }}`, conditions and loops
    Jinja,
}

/// What is rendered.
struct Source<'a> {
    content: &'a VersionContent,
    variables: &'a Variables,
    /// The template's own file and text, where an error of it has a place there.
    file: Option<(&'a Path, &'a str)>,
    case: Option<Case>,
    origin: Origin<'a>,
}

/// What a program wants to know beside the messages.
#[derive(Default, Serialize)]
struct Origin<'a> {
    prompt: Option<&'a str>,
    version: Option<&'a Version>,
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    origin: &'a Origin<'a>,
    messages: Vec<Message>,
    params: Map<String, Value>,
    response_format: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tools: &'a [Tool],
}

pub(crate) fn run(arguments: &RenderArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match (&arguments.template, &arguments.snapshot, &arguments.name) {
        (Some(path), _, _) => bare(path, arguments, context),
        (None, Some(path), Some(name)) => from_snapshot(path, name, arguments, context),
        (None, None, Some(name)) => {
            let loaded = context.load();
            let selector = arguments.version.selector();
            let (prompt, of_drafts) = find_asked(&loaded, name, &[Asked::Version(selector)])?;
            context.console.problems(&of_drafts);
            let version = version(prompt, selector)?;
            if ledger::exists(prompt.directory()) {
                let ledger = ledger_of(prompt.name(), context)?;
                as_recorded(prompt, &version.version, ledger.state())?;
                if arguments.version.selector().is_none() {
                    let over = served_to_nobody(prompt, &version.version, ledger.state());
                    context.console.problems(over.as_slice());
                }
            }
            let case = arguments.case.as_deref();
            let is_text = matches!(version.content, VersionContent::Text(_));
            let source = Source {
                content: &version.content,
                variables: version.interface.variables(),
                file: is_text.then_some((version.path.as_path(), &*version.text)),
                case: case.map(|case| case::find(case, prompt, &loaded.tree)).transpose()?,
                origin: Origin {
                    prompt: Some(prompt.name().as_str()),
                    version: Some(&version.version),
                    sha256: Some(version.digest),
                    case,
                },
            };
            render(&source, arguments, context)
        }
        // `clap` asks for one of the two.
        (None, _, None) => Ok(Exit::Invalid),
    }
}

/// A warning where the version that nobody named is active by name alone.
fn served_to_nobody(prompt: &Prompt, version: &Version, state: &State) -> Option<Problem> {
    if !is_by_name_alone(state, version) {
        return None;
    }
    let stage = state.stage(version);
    let message = if is_over(stage) {
        format!("{version} is `active_version` still, and {stage}: it is served to nobody")
    } else {
        format!("{version} is active by name alone, and {stage} by the ledger: it is served to nobody")
    };
    let help = match state.production() {
        Some(production) => {
            format!("{production} is in production: `promptassay render {} {production}`", prompt.name())
        }
        None => format!("nothing of it is in production; `promptassay status {}` says more", prompt.name()),
    };
    Some(Problem::warning("render::served_to_nobody", message).help(help))
}

/// What a runtime without the repository renders.
fn from_snapshot(
    path: &Path,
    name: &str,
    arguments: &RenderArguments,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let snapshot = snapshot(path)?;
    let served = of_snapshot(&snapshot, path, name)?;
    let resolution = served.resolve(arguments.unit.as_deref(), context.environment.now());
    let source = Source {
        content: resolution.content(),
        variables: resolution.interface().variables(),
        file: None,
        case: None,
        origin: Origin {
            prompt: Some(name),
            version: Some(resolution.version),
            sha256: Some(*resolution.sha256),
            case: None,
        },
    };
    render(&source, arguments, context)
}

fn bare(path: &Path, arguments: &RenderArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let text =
        read_text(path, MAX_TEMPLATE_BYTES as u64).map_err(|problem| Failure::invalid_one(*problem))?;
    let language = match arguments.template_format.unwrap_or_default() {
        Language::Format => TemplateFormat::Format,
        Language::Jinja => TemplateFormat::Jinja,
    };
    let template = Template::parse(language, text.as_str()).map_err(|found| {
        Failure::invalid(found.into_iter().map(|problem| at_template(problem, Some((path, &text)))).collect())
    })?;
    let variables = Variables::inferred(language, template.variables());
    let content = VersionContent::Text(template);
    let source = Source {
        content: &content,
        variables: &variables,
        file: Some((path, &text)),
        case: None,
        origin: Origin::default(),
    };
    render(&source, arguments, context)
}

fn render(source: &Source<'_>, arguments: &RenderArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let (inputs, conversation) = match &source.case {
        Some(case) => (case.inputs.clone(), case.messages.as_slice()),
        None => (Values::new(), [].as_slice()),
    };
    let given = Given::read(inputs, arguments.vars.as_deref(), &arguments.var, source.variables)?;
    let resolved = source.variables.resolve(&given.values).map_err(|found| {
        Failure::invalid(found.into_iter().map(|problem| value_problem(problem, &given, source)).collect())
    })?;
    let unknown: Vec<Problem> =
        resolved.unknown.iter().map(|unknown| unknown_value(unknown, arguments.strict, &given)).collect();
    if has_errors(&unknown) {
        return Err(Failure::invalid(unknown));
    }
    let messages = asked(source.content, &resolved.values, conversation)
        .map_err(|error| Failure::invalid(render_problems(error, source.file)))?;
    context.console.problems(&unknown);
    context.console.problems(&left_as_text(source));
    match (source.content, messages.as_slice()) {
        (VersionContent::Text(_), [question]) if context.format == OutputFormat::Human => {
            context.data(&question.content)?;
        }
        _ => {
            let Content { params, response_format, tools, .. } = Content::of(source.content);
            context.json(&Answer { origin: &source.origin, messages, params, response_format, tools })?;
        }
    }
    Ok(Exit::Success)
}

/// Warns of values that go nowhere, since the version writes their variables in the braces of the other template format.
fn left_as_text(source: &Source<'_>) -> Vec<Problem> {
    let found = in_other_braces(source.variables, source.content).into_iter();
    let warning = |(name, written): (&str, &str)| {
        let message =
            format!("the value of `{name}` goes nowhere: `{written}` is plain text in this template format");
        let help =
            format!("write `{}`, where its value is to stand", as_field(source.content, name, written));
        Problem::warning("variables::written_as_text", message).help(help)
    };
    found.map(warning).collect()
}

fn value_problem(problem: ValueProblem, given: &Given, source: &Source<'_>) -> Problem {
    let name = &problem.variable;
    let place = given.place(name);
    let free =
        || given.values.keys().map(String::as_str).filter(|given| source.variables.get(given).is_none());
    let help = if problem.code == code::MISSING && closest(name, free()).is_none() {
        Some(format!("pass it: `--var {name}=VALUE`"))
    } else {
        problem.help
    };
    let found = Problem::error(problem.code, problem.message).maybe_help(help);
    match place {
        Some(place) => found.at(place),
        None => found,
    }
}

fn unknown_value(unknown: &UnknownVariable, is_error: bool, given: &Given) -> Problem {
    let message = format!("no variable takes the value `{}`", unknown.name.escape_debug());
    let problem = if is_error {
        Problem::error("value::unknown_variable", message)
    } else {
        Problem::warning("value::unknown_variable", message)
    };
    let help = match &unknown.suggestion {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => "leave it out".to_owned(),
    };
    let problem = problem.help(help);
    match given.place(&unknown.name) {
        Some(place) => problem.at(place),
        None => problem,
    }
}

fn render_problems(error: RenderError, file: Option<(&Path, &str)>) -> Vec<Problem> {
    let help = error.help();
    match error {
        RenderError::Failed(problem) => vec![at_template(problem, file)],
        other => vec![Problem::error("cli::cannot_render", other.to_string()).maybe_help(help)],
    }
}

fn at_template(problem: TemplateProblem, file: Option<(&Path, &str)>) -> Problem {
    let Some((path, text)) = file else {
        let message = format!("line {}, column {}: {}", problem.line, problem.column, problem.message);
        return Problem::error(problem.code, message).maybe_help(problem.help);
    };
    Problem::error(problem.code, problem.message)
        .at(Place::in_text(path, text, problem.span))
        .maybe_help(problem.help)
}
