//! `promptassay experiment`: begin, start, stop and look at experiments.

mod new;
mod show;
mod start;

use clap::{Args, Subcommand};

use super::{Context, plan};
use crate::exit::Exit;
use crate::experiments::StoreArguments;
use crate::failure::Failure;

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
    New(new::NewArguments),
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
        ExperimentCommand::New(arguments) => new::new(arguments, context),
        ExperimentCommand::Start(arguments) => start::start(arguments, context),
        ExperimentCommand::Stop(arguments) => start::stop(arguments, context),
        ExperimentCommand::List(arguments) => show::list(arguments, context),
        ExperimentCommand::Show(arguments) => show::show(arguments, context),
        ExperimentCommand::Power(arguments) => plan::power(arguments, context),
    }
}
