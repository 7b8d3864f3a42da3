//! What comes of results: the reports that were asked for, and how the process ends.

mod older;
mod refused;
mod requested;

use std::fs;
use std::io::{self, BufWriter, IntoInnerError, Seek as _};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use promptassay_evaluator::attempts::Attempts;
use promptassay_evaluator::gate::Gate;
use promptassay_evaluator::outputs::Outputs;
use promptassay_evaluator::plan::{self, Plan, Remark};
use promptassay_evaluator::record::Record;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::report::{self, Evaluation, FileNames, JunitLook, Look, Nothing};
use promptassay_evaluator::runs::Shard;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::summary::VariantSummary;
use promptassay_registry::problem::Problem;
use serde::Serialize;
use tempfile::SpooledTempFile;

use super::journal::broken;
use crate::arguments::OutputFormat;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;
pub(crate) use refused::{Ended, reporting};
pub(crate) use requested::ReportArguments;
use requested::{ReportFormat, Requested, Target, cannot_write};

/// The numbers of each variant, and the verdicts on the candidates.
pub(crate) type Judged = (Vec<VariantSummary>, Vec<Gate>);

/// How much of a plan a run is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extent<'a> {
    /// All of it, and what that comes to.
    Whole(&'a Judged),
    /// A part of it, which is not judged alone.
    Part(Shard),
}

impl<'a> Extent<'a> {
    pub(crate) fn of(shard: Option<Shard>, judged: &'a Judged) -> Self {
        shard.map_or(Self::Whole(judged), Self::Part)
    }
}

/// What is reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Results<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) extent: Extent<'a>,
    /// When the run began.
    pub(crate) began: Timestamp,
    pub(crate) replay: &'a Replay,
    /// Which attempts at the same questions these are.
    pub(crate) attempts: &'a Attempts,
    /// How the process ends, where the run was interrupted just now.
    pub(crate) interrupted: Option<Exit>,
}

/// Judges and reports; a shard only says how far it came. The exit code is that of the worst gate. What else is to be `kept` of the run is
/// kept whatever becomes of the reports, and where it cannot be, the JUnit report is as red as the exit code.
pub(crate) fn publish(
    results: Results<'_>,
    reports: &ReportArguments,
    kept: impl FnOnce() -> Result<(), Failure>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let Results { plan, extent, began, replay: Replay { record, outputs, .. }, attempts, interrupted } =
        results;
    let (summaries, gates) = match extent {
        Extent::Whole(judged) => judged,
        Extent::Part(shard) => {
            let exit = publish_shard(plan, record, shard, reports, context);
            kept()?;
            return Ok(interrupted.unwrap_or(exit?));
        }
    };
    let files = FileNames::of(plan, |path| in_repository(path, context));
    let evaluation =
        Evaluation { plan, record, summaries, gates, outputs, attempts: Some(attempts), files: &files };
    let redact = reports.junit_redact;
    let mut writing = Writing {
        requested: reports.all(),
        redact,
        began,
        failures: Vec::new(),
        exit: Exit::Broken,
        context,
    };
    if interrupted.is_some() {
        writing.failures.push(Trouble { text: "interrupted".to_owned(), problem: None });
    }
    writing.write_all(&evaluation, kept);
    let exit = writing.exit;
    let problems: Vec<Problem> = writing.failures.into_iter().filter_map(|trouble| trouble.problem).collect();
    if problems.is_empty() {
        Ok(interrupted.unwrap_or_else(|| Exit::of_gates(gates)))
    } else {
        Err(Failure { exit, problems })
    }
}

/// Something that keeps the process from ending with 0.
struct Trouble {
    text: String,
    /// What the user is told; `None` where it is known already.
    problem: Option<Problem>,
}

/// The writing of reports: what cannot be written keeps nothing else from being written.
struct Writing<'a> {
    requested: Vec<Requested>,
    redact: bool,
    began: Timestamp,
    failures: Vec<Trouble>,
    /// How the process ends because of them.
    exit: Exit,
    context: &'a Context<'a>,
}

impl Writing<'_> {
    fn write_all(&mut self, evaluation: &Evaluation<'_>, kept: impl FnOnce() -> Result<(), Failure>) {
        let (junit, others): (Vec<Requested>, Vec<Requested>) = std::mem::take(&mut self.requested)
            .into_iter()
            .partition(|requested| requested.format == ReportFormat::Junit);
        let to_stdout = |requested: &[Requested]| requested.iter().any(|one| one.target == Target::Stdout);
        if !to_stdout(&junit) && !to_stdout(&others) {
            let format = match self.context.format {
                OutputFormat::Human => ReportFormat::Terminal,
                OutputFormat::Json => ReportFormat::Json,
            };
            self.write(evaluation, &Requested { format, target: Target::Stdout });
        }
        for requested in &others {
            self.write(evaluation, requested);
        }
        if let Err(failure) = kept() {
            self.exit = failure.exit;
            self.fail(failure.problems);
        }
        // JUnit comes last, because it is red where another report could not be written, or something could not be kept.
        let before = self.failures.len();
        for requested in &junit {
            self.write(evaluation, requested);
        }
        if junit.len() > 1 && self.failures.len() > before {
            for requested in junit.iter().filter(|requested| matches!(requested.target, Target::File(_))) {
                self.write(evaluation, requested);
            }
        }
    }

    fn write(&mut self, evaluation: &Evaluation<'_>, requested: &Requested) {
        let mut rendered = self.render(evaluation, requested);
        if let Some(error) = evaluation.outputs.take_error() {
            self.fail(broken(error).problems);
            // What lacks results says so where it can.
            rendered = self.render(evaluation, requested);
        }
        // Somebody may have put a file there since the run began; that costs this report, and no other and no verdict.
        let written = requested
            .refuse_elsewhere(self.context)
            .and(rendered)
            .and_then(|mut report| requested.target.write(&mut report, self.context));
        if let Err(failure) = written {
            self.fail(failure.problems);
        }
    }

    fn render(&self, evaluation: &Evaluation<'_>, requested: &Requested) -> Result<SpooledTempFile, Failure> {
        let console = self.context.console;
        spooled(|out| match requested.format {
            ReportFormat::Terminal => {
                // Colours are for the terminal that is asked about them; a file has none.
                let color = console.color && requested.target == Target::Stdout;
                let look = Look { color, outputs: console.verbosity > 0 };
                out.write_all(report::terminal(evaluation, look).as_bytes())
            }
            ReportFormat::Junit => {
                let troubles: Vec<String> =
                    self.failures.iter().map(|failure| failure.text.clone()).collect();
                let Self { redact, began, .. } = *self;
                report::junit(evaluation, JunitLook { redact, began, troubles: &troubles }, out)
            }
            ReportFormat::Json => report::json(evaluation, out),
            ReportFormat::Markdown => out.write_all(report::markdown(evaluation).as_bytes()),
            ReportFormat::Github => out.write_all(report::github(evaluation).as_bytes()),
            ReportFormat::Csv => report::csv(evaluation, out),
        })
    }

    fn fail(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            if !self.failures.iter().any(|known| known.text == problem.message) {
                self.failures.push(Trouble { text: problem.message.clone(), problem: Some(problem) });
            }
        }
    }
}

/// Reports up to this size are kept in memory until they are written; larger ones in a temporary file.
const SPOOL_BYTES: usize = 1 << 20;

/// A whole report, before a byte of it goes where it is to go.
fn spooled(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<SpooledTempFile, Failure> {
    let mut out = BufWriter::new(SpooledTempFile::new(SPOOL_BYTES));
    let mut spool = write(&mut out).and_then(|()| out.into_inner().map_err(IntoInnerError::into_error));
    if let Ok(spool) = &mut spool {
        spool.rewind().map_err(|error| cannot_spool(&error))?;
    }
    spool.map_err(|error| cannot_spool(&error))
}

fn cannot_spool(error: &io::Error) -> Failure {
    cannot_write(format!("cannot keep a report in the directory for temporary files: {error}"))
}

/// A path from the root of the repository, with slashes; as it is where that cannot be told.
fn in_repository(path: &Path, context: &Context<'_>) -> String {
    let relative = context.repository().ok().and_then(|root| {
        let path = context.environment.directory.join(path);
        // What a remark is about may be gone.
        let absolute = fs::canonicalize(&path).ok().or_else(|| without_steps_back(&path))?;
        let parts: Vec<String> =
            absolute.strip_prefix(root).ok()?.iter().map(|part| part.display().to_string()).collect();
        Some(parts.join("/"))
    });
    relative.unwrap_or_else(|| path.display().to_string())
}

/// The path without `..`, where no link is in the way.
fn without_steps_back(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => plain.pop().then_some(())?,
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// Reports what a shard can say: how much of it was answered. The verdict is `merge`'s.
fn publish_shard(
    plan: &Plan,
    record: &Record,
    shard: Shard,
    reports: &ReportArguments,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    if reports.any() {
        let help = "`promptassay merge` writes the reports of all shards together";
        let problem = Problem::error("eval::shard_has_no_verdict", "a shard has no verdict to report");
        return Err(Failure::invalid_one(problem.help(help)));
    }
    let trials = plan.trials().len();
    let answered =
        (0..trials).filter(|index| record.trial(*index).is_some_and(|trial| trial.error.is_none())).count();
    let report = ShardReport { schema: 1, shard, questions: trials, answered };
    let text = || {
        format!(
            "shard {}/{}   {answered} of {trials} questions answered; `promptassay merge` judges all shards together\n",
            shard.index, shard.of
        )
    };
    context.answer(text, &report)?;
    Ok(if answered == trials { Exit::Success } else { Exit::Broken })
}

#[derive(Serialize)]
struct ShardReport {
    schema: u32,
    shard: Shard,
    questions: usize,
    answered: usize,
}

/// Writes the reports that were asked for where there was nothing to evaluate, which is said.
pub(crate) fn publish_nothing(
    reports: &ReportArguments,
    message: &str,
    remarks: Vec<Remark>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let publish = |evaluation: &Evaluation<'_>| publish_unasked(reports, message, evaluation, context);
    with_nothing(remarks, context, publish).unwrap_or(Ok(Exit::Success))
}

/// Shows an evaluation in which nothing was asked, with these remarks.
fn with_nothing<T>(
    remarks: Vec<Remark>,
    context: &Context<'_>,
    show: impl FnOnce(&Evaluation<'_>) -> T,
) -> Option<T> {
    let plan = plan::build(Vec::new(), &Settings::default(), &mut Vec::new())?.with_remarks(remarks);
    let files = FileNames::of(&plan, |path| in_repository(path, context));
    let (record, outputs) = (Record::new(&plan), Outputs::in_memory());
    Some(show(&Evaluation {
        plan: &plan,
        record: &record,
        summaries: &[],
        gates: &[],
        outputs: &outputs,
        attempts: None,
        files: &files,
    }))
}

fn publish_unasked(
    reports: &ReportArguments,
    message: &str,
    evaluation: &Evaluation<'_>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let said = format!("skipped: {message}");
    let nothing = Nothing { schema: 1, skipped: message, remarks: evaluation.files.remarks(evaluation.plan) };
    let requested = reports.requested(context)?;
    let mut problems = Vec::new();
    for requested in &requested {
        let report = spooled(|out| match requested.format {
            ReportFormat::Terminal => writeln!(out, "{said}"),
            ReportFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, &nothing)?;
                writeln!(out)
            }
            ReportFormat::Markdown => {
                out.write_all(report::markdown_of_nothing(&said, evaluation.plan.remarks()).as_bytes())
            }
            ReportFormat::Junit => report::junit(evaluation, JunitLook::default(), out),
            ReportFormat::Github => out.write_all(report::github(evaluation).as_bytes()),
            ReportFormat::Csv => report::csv(evaluation, out),
        });
        let written = report.and_then(|mut report| requested.target.write(&mut report, context));
        problems.extend(written.err().into_iter().flat_map(|failure| failure.problems));
    }
    if !requested.iter().any(|requested| requested.target == Target::Stdout) {
        context.answer(|| format!("{said}\n"), &nothing)?;
    }
    if problems.is_empty() { Ok(Exit::Success) } else { Err(Failure { exit: Exit::Broken, problems }) }
}
