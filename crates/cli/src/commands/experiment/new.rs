//! `promptassay experiment new`: a definition with a seed of its own.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
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

use crate::commands::{Context, schema};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::history_of;
use crate::prompts::{parse_new_experiment, parse_version, version};

const TEMPLATE: &str = include_str!("../../../templates/experiment.yaml");

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The prompt whose versions compete.
    #[arg(value_name = "PROMPT")]
    prompt: String,
    /// The name of the experiment.
    #[arg(value_name = "EXPERIMENT", value_parser = parse_new_experiment)]
    name: PromptName,
    /// The version of the control [default: the active version].
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    control: Option<Version>,
    /// The version that is tried; several times for several treatments.
    #[arg(long = "treatment", value_name = "VERSION", value_parser = parse_version, required = true)]
    treatments: Vec<Version>,
}

/// Those of the versions that `start` would never let into an experiment.
fn archived(prompt: &Prompt, versions: &[&Version], context: &Context<'_>) -> Result<Vec<Problem>, Failure> {
    if !ledger::exists(prompt.directory()) {
        return Ok(Vec::new());
    }
    let ledger = history_of(prompt.name(), context)?;
    let archived = |version: &&&Version| ledger.state().stage(version) == Stage::Archived;
    let problem = |version: &&Version| {
        let message = format!(
            "{version} of `{}` is archived, and an archived version is never served again",
            prompt.name()
        );
        Problem::error("experiment::archived", message)
            .help("take another one, or add its text as a new version")
    };
    Ok(versions.iter().filter(archived).map(problem).collect())
}

/// The lines of the variants: alike in weight, the control first.
fn variants(control: &Version, treatments: &[&Version]) -> String {
    let mut lines = String::new();
    let mut add = |name: &str, version: &Version| {
        let _ = writeln!(lines, "  - {{name: {name}, version: {version}, weight: 50}}");
    };
    add("control", control);
    match treatments {
        [treatment] => add("treatment", treatment),
        several => several.iter().for_each(|version| add(&version.to_string(), version)),
    }
    lines
}

pub(super) fn new(arguments: &NewArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let prompt = context.prompt(&arguments.prompt)?;
    let selector = arguments.control.clone().map(VersionSelector::Exact);
    let control = &version(&prompt, selector.as_ref())?.version;
    let mut versions = vec![control];
    for treatment in &arguments.treatments {
        let treatment = &version(&prompt, Some(&VersionSelector::Exact(treatment.clone())))?.version;
        // One treatment that is the control is an A/A test; of several it would be a slip.
        if arguments.treatments.len() > 1 && versions.contains(&treatment) {
            let message = format!("{treatment} is in it twice");
            return Err(Failure::invalid_one(
                Problem::error("experiment::twice", message)
                    .help("name every treatment once, and none that is the control"),
            ));
        }
        versions.push(treatment);
    }
    let treatments = &versions[1..];
    let is_same = treatments == [control];
    let archived = archived(&prompt, if is_same { treatments } else { &versions }, context)?;
    if !archived.is_empty() {
        return Err(Failure::invalid(archived));
    }
    let path: PathBuf = prompt.directory().join(file_name(arguments.name.as_str()));
    let seed = Seed::new(context.environment.random_bytes()).to_string();
    let text = TEMPLATE
        .replace("EXPERIMENT_NAME", arguments.name.as_str())
        .replace("  VARIANTS\n", &variants(control, treatments))
        .replace("RANDOM_SEED", &seed);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("cannot make `{}`: {error}", directory.display());
            Failure::broken(Problem::error("cli::cannot_write", message))
        })?;
    }
    create_new(&path, text).map_err(|error| Failure::from_write(&error))?;
    schema::write_missing(&context.prompts)?;
    context.answer(
        || format!("created {}\n", path.display()),
        &json!({"name": arguments.name, "created": path}),
    )?;
    if is_same {
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
