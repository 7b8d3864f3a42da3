//! Where an evaluation keeps what happens, how it goes on after a crash, and when it stops by itself.

mod keeper;
mod resuming;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use promptassay_evaluator::journal::JournalWriter;
use promptassay_evaluator::plan::{ChosenVersions, Plan, PromptInput, Role};
use promptassay_evaluator::replay::{Replay, replay};
use promptassay_evaluator::runs::{
    Asking, FindError, Header, RunDirectory, RunFile, RunId, Runs, Shard, changes,
};
use promptassay_evaluator::selection::narrow_to;
use promptassay_evaluator::spending::Budget;
use promptassay_evaluator::suite::Suite;
use promptassay_llm::Price;
use promptassay_registry::files::{DirectoryLock, may_be_there};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, shell_word};

use super::Terms;
use super::against::Blessed;
use crate::commands::{Context, option};
use crate::duration::parse_time_limit;
use crate::failure::Failure;

pub(crate) use keeper::Keeper;
pub(super) use resuming::gone_on_with;

/// So many cases and models that a run did not ask are named.
const SHOWN_UNASKED: usize = 5;

/// Where runs are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunsArguments {
    /// Where runs are kept [default: `.promptassay/runs` in the repository].
    #[arg(long = "runs", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl RunsArguments {
    /// How a command finds these runs and their prompts, behind what else it says: empty, or ` --prompts DIR --runs DIR`.
    fn option(&self, context: &Context<'_>) -> String {
        context.option() + &option("--runs", self.directory.as_deref())
    }

    /// The runs.
    pub(crate) fn runs(&self, context: &Context<'_>) -> Result<Runs, Failure> {
        let runs = Runs::new(match &self.directory {
            Some(directory) => directory.clone(),
            None => context.runs_directory()?,
        });
        Ok(match context.prompts_in_the_repository() {
            Some(prompts) => runs.of(prompts),
            None => runs,
        })
    }

    /// The same, before a new one is kept among them.
    pub(crate) fn runs_to_write(&self, context: &Context<'_>) -> Result<Runs, Failure> {
        if self.directory.is_none() {
            context.keep_from_git()?;
        }
        self.runs(context)
    }

    /// The command that goes on with a run that is kept here or was copied, and that today's files still plan; else what to do instead.
    pub(crate) fn asks_the_rest(&self, run: &RunDirectory, file: &RunFile, context: &Context<'_>) -> String {
        let Some(programs) = resuming::needs_programs(file, context) else {
            return format!(
                "the files are not what {} had planned: `promptassay eval` begins a new run",
                file.id
            );
        };
        // A directory that was copied is found by its path alone.
        let id = file.id.to_string();
        let is_kept =
            self.runs(context).is_ok_and(|runs| runs.find(&id).is_ok_and(|kept| kept.path() == run.path()));
        let name = if is_kept { id } else { shell_word(&run.path().to_string_lossy()).into_owned() };
        format!("`{}` asks what lacks", goes_on_by(&name, programs, &self.option(context)))
    }

    /// The run of this name: `latest`, `latest~1`, an id or its beginning, or a directory that was copied here.
    pub(crate) fn find(&self, reference: &str, context: &Context<'_>) -> Result<RunDirectory, Failure> {
        if let Some(directory) = RunDirectory::at(&PathBuf::from(reference)) {
            return Ok(directory);
        }
        let found = self.find_of_anybody(reference, context)?;
        // What is wrong with one that cannot be read is said by whoever reads it.
        match found.file().ok().and_then(|file| whose(&file, context)) {
            Some((whose, own)) => Err(of_others(&found, &whose, &own, context)),
            None => Ok(found),
        }
    }

    /// The same for whoever shows what the run itself says, and needs no prompts: an id finds those of other prompts directories too.
    pub(crate) fn find_of_anybody(
        &self,
        reference: &str,
        context: &Context<'_>,
    ) -> Result<RunDirectory, Failure> {
        if let Some(directory) = RunDirectory::at(&PathBuf::from(reference)) {
            return Ok(directory);
        }
        self.runs(context)?.find(reference).map_err(|error| not_found(&error, reference, context))
    }

    /// The same for whoever is to remove it: also one of which nothing is known but its id.
    pub(crate) fn find_to_remove(
        &self,
        reference: &str,
        context: &Context<'_>,
    ) -> Result<RunDirectory, Failure> {
        match self.runs(context)?.find_to_remove(reference) {
            Ok(directory) => Ok(directory),
            Err(error @ FindError::Ambiguous { .. }) => Err(not_found(&error, reference, context)),
            Err(_) => self.find(reference, context),
        }
    }
}

/// The prompts directory of a run that is not of this one, and this one.
pub(crate) fn whose(file: &RunFile, context: &Context<'_>) -> Option<(String, String)> {
    let (whose, own) = (file.prompts_directory.clone()?, context.prompts_in_the_repository()?);
    (whose != own).then_some((whose, own))
}

fn of_others(found: &RunDirectory, whose: &str, own: &str, context: &Context<'_>) -> Failure {
    let id = found.path().file_name().unwrap_or_default().display();
    let message = format!("run {id} is of the prompts in `{whose}`, and these are those in `{own}`");
    let is_there = context.repository().is_ok_and(|repository| repository.join(whose).is_dir());
    let help = if is_there {
        format!("`--prompts DIR`, with that directory, reads it; `latest` is the latest one of `{own}`")
    } else {
        format!(
            "there is no `{whose}` any more: where it was renamed, the path of the run in place of its id reads it, `{}`",
            found.path().display()
        )
    };
    Failure::invalid_one(Problem::error("runs::of_others", message).help(help))
}

fn not_found(error: &FindError, reference: &str, context: &Context<'_>) -> Failure {
    let list = "`promptassay runs list` shows the runs that are there; a directory with a run.json works too";
    let is_prompt = reference.parse::<PromptName>().is_ok()
        && context.prompts.join(reference).join("prompt.yaml").is_file();
    let help = if let FindError::Undescribed { id } = error {
        format!("`promptassay runs rm {id}` removes what is left of it")
    } else if let FindError::OfOthers { root, .. } = error {
        format!(
            "`promptassay runs list` says whose they are; where the prompts directory was renamed, the path of a run reads it: `{}`",
            root.join("ID").display()
        )
    } else if is_prompt {
        format!("`{reference}` is a prompt, and a run is wanted: without one, the latest is taken; {list}")
    } else {
        list.to_owned()
    };
    Failure::invalid_one(Problem::error("runs::not_found", error.to_string()).help(help))
}

/// What `--resume` goes on with where no run is named. Nobody can name a run so.
const THE_LATEST: &str = "";

/// How far a run goes, and from where.
#[derive(Debug, Args)]
pub(crate) struct JournalArguments {
    #[command(flatten)]
    pub(super) runs: RunsArguments,
    /// Go on with a run that lacks answers, the latest one if none is named: what was answered is not asked again, errors are.
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = THE_LATEST
    )]
    pub(super) resume: Option<String>,
    #[command(flatten)]
    pub(super) budget: BudgetArguments,
}

/// When a run stops by itself.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "named as the options are")]
pub(crate) struct BudgetArguments {
    /// Ask models at most N questions in this run, those before a resume included.
    #[arg(long, value_name = "N")]
    max_calls: Option<u64>,
    /// Start no question that would exceed this at the price of the dearest one so far to the same model. The first one to each model, a
    /// judge included, has no price yet and may exceed it.
    #[arg(long, value_name = "DOLLARS", value_parser = dollars, allow_negative_numbers = true)]
    max_cost: Option<f64>,
    /// Start no further question after this time, such as `90s`, `30m` or `8h`.
    #[arg(long, value_name = "DURATION", value_parser = parse_time_limit)]
    max_time: Option<Duration>,
}

impl BudgetArguments {
    pub(super) fn budget(self) -> Budget {
        Budget { max_calls: self.max_calls, max_cost: self.max_cost }
    }

    /// When the run's time is up.
    pub(super) async fn time_up(self) {
        match self.max_time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "write US dollars, such as 2.50".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("write US dollars, 0 or more".to_owned()) }
}

impl JournalArguments {
    /// The run to go on with, and what it had planned. `programs`: whether they are allowed.
    pub(super) fn resumed(
        &self,
        programs: bool,
        context: &Context<'_>,
    ) -> Result<Option<(RunDirectory, RunFile)>, Failure> {
        let find = |reference: &String| match reference.as_str() {
            THE_LATEST => described(resuming::latest(&self.runs, programs, context)?),
            reference => described(self.runs.find(reference, context)?),
        };
        self.resume.as_ref().map(find).transpose()
    }

    /// What goes on with this run once more, whatever else is run meanwhile; where none has begun, what was typed.
    pub(super) fn again(&self, run: Option<&RunId>, programs: bool, context: &Context<'_>) -> String {
        let typed = || self.resume.clone().filter(|run| run != THE_LATEST);
        let run = run.map(ToString::to_string).or_else(typed).unwrap_or_default();
        goes_on_by(&run, programs, &self.runs.option(context))
    }

    /// A run that begins now.
    #[expect(clippy::unused_self, reason = "who keeps runs says what a run is")]
    pub(super) fn header(
        &self,
        (asking, prices): (Asking, BTreeMap<String, Price>),
        (seed, shard): (u64, Option<Shard>),
        blessed: &Blessed,
        context: &Context<'_>,
    ) -> Header {
        let started_at = context.environment.now_in_milliseconds();
        let id = context.environment.run_id();
        let tool = concat!("promptassay ", env!("CARGO_PKG_VERSION")).to_owned();
        let blessed = blessed.digests();
        let prompts_directory = context.prompts_in_the_repository();
        Header { id, tool, started_at, seed, shard, blessed, asking, prompts_directory, prices }
    }

    /// Begins a run: its directory, its description and an empty journal. `programs`: whether whoever goes on with it has to allow them.
    pub(super) fn begin<'p>(
        &self,
        plan: &'p Plan,
        file: &mut RunFile,
        programs: bool,
        context: &Context<'_>,
    ) -> Result<Keeper<'p>, Failure> {
        let keeper = begin(&self.runs.runs_to_write(context)?, plan, file)?;
        Ok(keeper.gone_on_with_by(self.again(Some(&file.id), programs, context)))
    }

    /// Goes on with a run whose plan is the same `now` as `then`.
    pub(super) fn go_on<'p>(
        &self,
        (directory, then): &(RunDirectory, RunFile),
        now: &RunFile,
        (plan, programs): (&'p Plan, bool),
        context: &Context<'_>,
    ) -> Result<Keeper<'p>, Failure> {
        let keeper = go_on(directory.clone(), (then, now), plan, context)?;
        Ok(keeper.gone_on_with_by(self.again(Some(&now.id), programs, context)))
    }
}

fn go_on<'p>(
    directory: RunDirectory,
    (then, now): (&RunFile, &RunFile),
    plan: &'p Plan,
    context: &Context<'_>,
) -> Result<Keeper<'p>, Failure> {
    refuse_differences(then, now, "start a new run, or go back to the files of that day")?;
    let lock = lock(&directory)?;
    let path = directory.journal_path();
    if !may_be_there(&path) {
        // Killed between its description and its first event.
        JournalWriter::create(&path).and_then(JournalWriter::finish).map_err(broken)?;
    }
    let replay = replayed(&directory, plan)?;
    if replay.torn_bytes > 0 {
        let bytes = replay.torn_bytes;
        context.console.note(&format!(
            "the last line of the journal was cut off when the run was killed; its {bytes} bytes are dropped"
        ));
    }
    let writer = JournalWriter::resume(&path, replay.sound_bytes).map_err(broken)?;
    Ok(Keeper::new(plan, directory, lock, writer, replay))
}

/// The command that goes on with a run, the latest if it has no name, in a form that can be typed. Where it lets `programs` run, that
/// is allowed again: nobody has allowed it for ever.
fn goes_on_by(run: &str, programs: bool, option: &str) -> String {
    let run = if run.is_empty() { String::new() } else { format!(" {run}") };
    let allowed = if programs { " --allow-commands" } else { "" };
    format!("promptassay eval --resume{run}{allowed}{option}")
}

/// Narrows what is evaluated of a prompt to the cases, models and versions of a run.
pub(super) fn narrow(file: &RunFile, terms: Terms, input: &mut PromptInput<'_>) {
    let Some(planned) = file.prompts.iter().find(|planned| planned.name == *input.prompt.name()) else {
        return;
    };
    let cases = planned.cases.iter().map(|case| case.name.as_str()).collect();
    let models = planned.variants.iter().map(|variant| variant.model.as_str()).collect();
    let filter = format!("run {}, which did not ask {}", file.id, unasked(&input.suite, &cases, &models));
    narrow_to(&mut input.suite, &cases, &models, &filter);
    if terms == Terms::OfThatDay {
        input.suite.policy = planned.policy.clone();
        // Of a change's gate more may have had to pass than the suite says.
        let critical = planned.cases.iter().filter(|case| case.must_pass());
        let critical: HashSet<&str> = critical.map(|case| case.name.as_str()).collect();
        for case in &mut input.suite.cases {
            case.must_pass |= critical.contains(case.name.as_str());
        }
    }
    if input.suite.repeat_is_default {
        input.suite.repeat = planned.repeat;
        input.suite.repeat_is_default = false;
    }
    // It is as narrow as it was then, in the words of that day; and narrower than today's suite where that asks what a whole run did not.
    if terms == Terms::OfThatDay || !planned.narrowed_by.is_empty() {
        input.suite.narrowed_by.clone_from(&planned.narrowed_by);
    }
    let mut versions = ChosenVersions { baseline: None, candidates: Vec::new(), why: planned.chosen.clone() };
    for variant in &planned.variants {
        match variant.role {
            Role::Baseline => versions.baseline = Some(variant.version.clone()),
            Role::Candidate if versions.candidates.contains(&variant.version) => {}
            Role::Candidate => versions.candidates.push(variant.version.clone()),
        }
    }
    input.versions = versions;
}

/// What a suite asks beside these cases and models, for people.
fn unasked(suite: &Suite, cases: &HashSet<&str>, models: &HashSet<&str>) -> String {
    let asked = suite.cases.iter().filter(|case| case.skip.is_none());
    let new = asked.map(|case| case.name.as_str()).filter(|name| !cases.contains(name));
    let names: Vec<String> = new.map(|name| format!("`{name}`")).collect();
    let rows = suite.all_models().into_iter().filter(|row| !models.contains(row));
    let all: Vec<String> = names.into_iter().chain(rows.map(|row| format!("model `{row}`"))).collect();
    let more = all.len().saturating_sub(SHOWN_UNASKED);
    let shown = all.iter().take(SHOWN_UNASKED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// A run's directory with what was planned.
pub(crate) fn described(directory: RunDirectory) -> Result<(RunDirectory, RunFile), Failure> {
    let file = directory
        .file()
        .map_err(|error| Failure::invalid_one(Problem::error("runs::unreadable", error.to_string())))?;
    Ok((directory, file))
}

/// Makes the directory of a run with an empty journal; its id may become a later one, see [`Runs::create`].
pub(crate) fn begin<'p>(runs: &Runs, plan: &'p Plan, file: &mut RunFile) -> Result<Keeper<'p>, Failure> {
    let cannot = |error: String| {
        Failure::broken(
            Problem::error("runs::cannot_create", error)
                .help("`--runs DIR` keeps runs where they can be written"),
        )
    };
    let directory = runs.create(file).map_err(|error| cannot(error.to_string()))?;
    let lock = lock(&directory)?;
    let path = directory.journal_path();
    let writer = JournalWriter::create(&path).map_err(|error| cannot(error.to_string()))?;
    let replay = Replay::of_nothing(&path, plan).map_err(|error| cannot(error.to_string()))?;
    Ok(Keeper::new(plan, directory, lock, writer, replay))
}

/// What a run's journal says.
pub(crate) fn replayed(directory: &RunDirectory, plan: &Plan) -> Result<Replay, Failure> {
    let path = directory.journal_path();
    let replay = replay(&path, plan).map_err(broken)?;
    match replay.foreign {
        None => Ok(replay),
        Some(trial) => Err(Failure::broken(
            Problem::error(
                "runs::foreign_trial",
                format!("the journal speaks of trial {trial}, which was not planned"),
            )
            .at(Place::whole_file(path))
            .help("the directory holds the files of two runs; copy them again"),
        )),
    }
}

/// Refuses a plan that is not the one of the run, naming everything that differs.
pub(crate) fn refuse_changes(then: &RunFile, plan: &Plan, help: &str) -> Result<(), Failure> {
    refuse_differences(then, &RunFile::of(plan, then.header()), help)
}

fn refuse_differences(then: &RunFile, now: &RunFile, help: &str) -> Result<(), Failure> {
    let changes = changes(then, now);
    if changes.is_empty() { Ok(()) } else { Err(not_as_planned(then, changes, help)) }
}

/// The files are not what a run evaluated: a problem for each difference, and what to do under the last.
pub(crate) fn not_as_planned(then: &RunFile, changes: Vec<String>, help: &str) -> Failure {
    let last = changes.len().saturating_sub(1);
    let problem = |(index, change)| {
        let problem =
            Problem::error("runs::changed", format!("not as run {} had planned: {change}", then.id));
        if index == last { problem.help(help) } else { problem }
    };
    Failure::invalid(changes.into_iter().enumerate().map(problem).collect())
}

fn lock(directory: &RunDirectory) -> Result<DirectoryLock, Failure> {
    directory.lock().map_err(|error| Failure::broken(Problem::error("runs::under_way", error.to_string())))
}

/// What cannot be read or written, as a failure.
pub(crate) fn broken(error: impl std::error::Error) -> Failure {
    Failure::broken(Problem::error("runs::journal", error.to_string()))
}
