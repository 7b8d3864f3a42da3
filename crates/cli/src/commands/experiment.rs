//! `promptassay experiment`: begin, start, stop and look at experiments.

mod show;
mod start;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use promptassay_experiments::assignment::Seed;
use promptassay_experiments::definition::file_name;
use promptassay_lifecycle::ledger;
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::files::create_new;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Prompt;
use promptassay_registry::version::{Version, VersionSelector};
use serde_json::json;

use super::{Context, plan};
use crate::exit::Exit;
use crate::experiments::StoreArguments;
use crate::failure::Failure;
use crate::lifecycle::history_of;
use crate::prompts::{parse_new_experiment, parse_version, version};

const EXAMPLES: &str = "Examples:
  promptassay experiment new customer_support support_v2 --treatment v1.1.0
  promptassay experiment start support_v2
  promptassay experiment list
  promptassay experiment stop support_v2 --reason \"shipped\"";

/// Begin, start, stop and look at experiments.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExperimentArguments {
    #[command(subcommand)]
    command: ExperimentCommand,
}

#[derive(Debug, Subcommand)]
enum ExperimentCommand {
    /// Write a definition with a seed of its own, to be edited.
    New(NewArguments),
    /// Start it, widen its exposure, or begin a new phase; refuses without a plan.
    Start(StartArguments),
    /// Stop it.
    Stop(StopArguments),
    /// List the experiments of all prompts.
    List(ListArguments),
    /// Show one.
    Show(ShowArguments),
    Power(plan::PowerArguments),
}

#[derive(Debug, Args)]
struct NewArguments {
    /// The prompt whose versions compete.
    #[arg(value_name = "PROMPT")]
    prompt: String,
    /// The name of the experiment.
    #[arg(value_name = "EXPERIMENT", value_parser = parse_new_experiment)]
    name: PromptName,
    /// The version of the control [default: the active version].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    control: Option<Version>,
    /// The version that is tried.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    treatment: Version,
}

#[derive(Debug, Args)]
struct StartArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct StopArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct ListArguments {
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn run(arguments: &ExperimentArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    match &arguments.command {
        ExperimentCommand::New(arguments) => new(arguments, context),
        ExperimentCommand::Start(arguments) => start::start(arguments, context),
        ExperimentCommand::Stop(arguments) => start::stop(arguments, context),
        ExperimentCommand::List(arguments) => show::list(arguments, context),
        ExperimentCommand::Show(arguments) => show::show(arguments, context),
        ExperimentCommand::Power(arguments) => plan::power(arguments, context),
    }
}

const TEMPLATE: &str = include_str!("../../templates/experiment.yaml");

/// Those of the versions that `start` would never let into an experiment.
fn archived(
    prompt: &Prompt,
    versions: [&Version; 2],
    context: &Context<'_>,
) -> Result<Vec<Problem>, Failure> {
    if !ledger::exists(prompt.directory()) {
        return Ok(Vec::new());
    }
    let ledger = history_of(prompt.name(), context)?;
    let archived = |version: &&Version| ledger.state().stage(version) == Stage::Archived;
    let problem = |version: &Version| {
        let message = format!(
            "{version} of `{}` is archived, and an archived version is never served again",
            prompt.name()
        );
        Problem::error("experiment::archived", message)
            .help("take another one, or add its text as a new version")
    };
    Ok(BTreeSet::from(versions).into_iter().filter(archived).map(problem).collect())
}

fn new(arguments: &NewArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let prompt = context.prompt(&arguments.prompt)?;
    let selector = arguments.control.clone().map(VersionSelector::Exact);
    let control = &version(&prompt, selector.as_ref())?.version;
    let treatment = &version(&prompt, Some(&VersionSelector::Exact(arguments.treatment.clone())))?.version;
    let archived = archived(&prompt, [control, treatment], context)?;
    if !archived.is_empty() {
        return Err(Failure::invalid(archived));
    }
    let path: PathBuf = prompt.directory().join(file_name(arguments.name.as_str()));
    let seed = Seed::new(context.environment.random_bytes()).to_string();
    let text = TEMPLATE
        .replace("EXPERIMENT_NAME", arguments.name.as_str())
        .replace("CONTROL_VERSION", &control.to_string())
        .replace("TREATMENT_VERSION", &treatment.to_string())
        .replace("RANDOM_SEED", &seed);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("cannot make `{}`: {error}", directory.display());
            Failure::broken(Problem::error("cli::cannot_write", message))
        })?;
    }
    create_new(&path, text).map_err(|error| Failure::from_write(&error))?;
    super::schema::write_missing(&context.prompts)?;
    context.answer(
        || format!("created {}\n", path.display()),
        &json!({"name": arguments.name, "created": path}),
    )?;
    if control == treatment {
        context.console.note(&format!(
            "control and treatment are both {control}: an A/A test; `--control VERSION` names another one"
        ));
    }
    context.console.note(&format!(
        "\nnext: edit it, then\n  promptassay experiment power {0}\n  promptassay simulate {0}\n  promptassay experiment start {0}",
        arguments.name
    ));
    Ok(Exit::Success)
}
