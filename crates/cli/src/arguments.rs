//! The command line: what was typed, before anything is done with it.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::exit::Exit;

/// Prompts as versioned, reviewed files: evaluated with honest statistics, gated, rolled out, rolled back.
#[derive(Debug, Parser)]
#[command(name = "promptassay", version = env!("PROMPTASSAY_VERSION"), max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArguments {
    /// The prompts directory [default: `prompts` here or in a directory above, up to the repository's root; env:
    /// `PROMPTASSAY_PROMPTS`].
    #[arg(long, global = true, value_name = "DIR", env = "PROMPTASSAY_PROMPTS", hide_env = true)]
    pub(crate) prompts: Option<PathBuf>,
    /// How data is printed: for people, or as JSON for programs.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    format: OutputFormat,
    /// The same as `--format json`.
    #[arg(long, global = true, conflicts_with = "format")]
    json: bool,
    /// When to use colours; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,
    /// Leave out remarks, warnings and progress.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show more: the replies of cases that did not pass, and of a few selected ones all.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl GlobalArguments {
    /// How data is printed.
    pub(crate) fn output_format(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { self.format }
    }
}

// No documentation on the variants of these two: `clap` would print a line for each in the help of every command.

/// How data is printed; the shapes of JSON are in docs/cli.md.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    #[default]
    Human,
    Json,
}

/// When colours are used; `Auto` is on a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once for each process")]
pub(crate) enum Command {
    Init(commands::init::InitArguments),
    New(commands::new::NewArguments),
    Add(commands::add::AddArguments),
    Register(commands::register::RegisterArguments),
    List(commands::list::ListArguments),
    Show(commands::show::ShowArguments),
    Render(commands::render::RenderArguments),
    Diff(commands::diff::DiffArguments),
    Log(commands::log::LogArguments),
    Activate(commands::activate::ActivateArguments),
    Check(commands::check::CheckArguments),
    Eval(commands::eval::EvalArguments),
    Report(commands::report::ReportCommandArguments),
    Merge(commands::merge::MergeArguments),
    Rescore(commands::rescore::RescoreArguments),
    Compare(commands::compare::CompareArguments),
    Baseline(commands::baseline::BaselineArguments),
    Runs(commands::runs::RunsCommandArguments),
    Cache(commands::cache::CacheArguments),
    Replies(commands::replies::RepliesArguments),
    Mock(commands::mock::MockArguments),
    Status(commands::status::StatusArguments),
    Promote(commands::promote::PromoteArguments),
    Adopt(commands::adopt::AdoptArguments),
    Canary(commands::canary::CanaryArguments),
    Abort(commands::abort::AbortArguments),
    Rollback(commands::rollback::RollbackArguments),
    Deprecate(commands::deprecate::DeprecateArguments),
    Archive(commands::archive::ArchiveArguments),
    History(commands::history::HistoryArguments),
    Blame(commands::blame::BlameArguments),
    Verify(commands::verify::VerifyArguments),
    Repair(commands::repair::RepairArguments),
    Resolve(commands::resolve::ResolveArguments),
    Snapshot(commands::snapshot::SnapshotArguments),
    Experiment(commands::experiment::ExperimentArguments),
    Assign(commands::assign::AssignArguments),
    Expose(commands::record::ExposeArguments),
    Record(commands::record::RecordArguments),
    Import(commands::tables::ImportArguments),
    Export(commands::tables::ExportArguments),
    Analyze(commands::analyze::AnalyzeArguments),
    Power(commands::power::PowerArguments),
    Simulate(commands::plan::SimulateArguments),
    Schema(commands::schema::SchemaArguments),
    Completions(commands::completions::CompletionsArguments),
    Man(commands::man::ManArguments),
}

/// Reads the command line. Help and version are printed here, and so are usage errors.
pub(crate) fn parse() -> Result<Arguments, Exit> {
    Arguments::try_parse().map_err(|error| {
        let printed = error.print().and_then(|()| io::stdout().flush());
        match printed {
            _ if error.use_stderr() => Exit::Invalid,
            // A reader that went away is no error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                // Where nobody hears it, the exit code is left.
                let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
                Exit::Broken
            }
            _ => Exit::Success,
        }
    })
}
