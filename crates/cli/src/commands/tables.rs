//! `promptassay import` and `promptassay export`: events as CSV or JSON lines.

mod of_canary;
mod phases;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use promptassay_experiments::assignment::EmptyUnit;
use promptassay_experiments::definition::Experiment;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::manager::check_value;
use promptassay_experiments::store::{Conflict, Store, Written};
use promptassay_experiments::table::{TableFormat, TableWriter, read};
use promptassay_registry::problem::{Place, Problem, did_you_mean};
use serde_json::json;

use super::Context;
use crate::canaries;
use crate::exit::Exit;
use crate::experiments::{Deciders, StoreArguments, find_by, store_failed};
use crate::failure::Failure;
use crate::lifecycle::find_live;
use crate::time::not_in_the_future;

use of_canary::{CanaryRows, Elsewhere, LEFT_OUT};
use phases::Phases;

const IMPORT_EXAMPLES: &str = "Examples:
  promptassay import support_v2 events.csv
  some-program | promptassay import support_v2 - --as jsonl
  promptassay import --canary customer_support events.csv      variants are `canary` and `production`, metrics the guardrails

A row has `unit` and `at`; with `variant` it is an exposure, with `metric` and `value` an outcome, with all of them both.
The same file imported twice counts once.";

const EXPORT_EXAMPLES: &str = "Examples:
  promptassay export support_v2 > events.jsonl
  promptassay export support_v2 --as csv > events.csv";

/// Events that are written at once.
const BATCH: usize = 5000;

/// Bring exposures and outcomes from a table.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct ImportArguments {
    /// The experiment, or with `--canary` the prompt.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The name is that of a prompt, whose canary decided.
    #[arg(long)]
    canary: bool,
    /// The table; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How it is written [default: by the ending of its name].
    #[arg(long = "as", value_name = "FORMAT", value_enum)]
    table: Option<TableKind>,
    #[command(flatten)]
    store: StoreArguments,
}

/// Print all exposures and outcomes: as lines of JSON, or as a table.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct ExportArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// How they are written: lines of JSON, or a table that a spreadsheet reads.
    #[arg(long = "as", value_name = "FORMAT", value_enum, default_value = "jsonl")]
    table: TableKind,
    #[command(flatten)]
    store: StoreArguments,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableKind {
    Csv,
    Jsonl,
}

impl From<TableKind> for TableFormat {
    fn from(kind: TableKind) -> Self {
        match kind {
            TableKind::Csv => Self::Csv,
            TableKind::Jsonl => Self::Jsonl,
        }
    }
}

pub(crate) fn import(arguments: &ImportArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let (experiment, canary);
    let about = if arguments.canary {
        let (prompt, _) = find_live(&loaded, &arguments.name)?;
        let found = canaries::find(&loaded, &arguments.name, context)?;
        canary = (found, Deciders::of(prompt, &arguments.store, &loaded)?);
        About::Canary(&canary.0, &canary.1)
    } else {
        experiment = find_by(&loaded, &arguments.name, &arguments.store)?.experiment;
        About::Experiment(&experiment)
    };
    arguments.store.must_be_named(&loaded)?;
    arguments.store.warn_where_emptied(&loaded, context)?;
    let until = Some(context.environment.now());
    let table = Table::of(about, &arguments.file, arguments.table, until)?;
    let elsewhere = table.check()?;
    let (written, mut warnings) = table.write(arguments.store.open(&loaded, context)?.as_mut(), elsewhere)?;
    let Written { exposures, earlier, outcomes, repeated, conflicting, .. } = written;
    let is_left_out = warnings.iter().any(|problem| problem.code == LEFT_OUT);
    if exposures + earlier + outcomes + repeated + conflicting == 0 && !is_left_out {
        let problem = Problem::warning("import::no_rows", "there is no row in it, so nothing is imported");
        warnings.push(problem.at(table.place(1)));
    }
    context.console.problems(&warnings);
    let text = || {
        let counted =
            |number: u64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let mut text = format!(
            "imported {} and {}; {} there already",
            counted(exposures, "exposure", "exposures"),
            counted(outcomes, "outcome", "outcomes"),
            counted(repeated, "event was", "events were"),
        );
        let apart = [
            (earlier, "exposure is", "exposures are", "earlier now"),
            (conflicting, "outcome is", "outcomes are", "there with another value"),
        ];
        for (number, one, many, what) in apart.into_iter().filter(|apart| apart.0 > 0) {
            text.extend([format!("; {} {what}", counted(number, one, many))]);
        }
        text + "\n"
    };
    let answer = json!({
        "exposures": exposures, "earlier": earlier, "outcomes": outcomes, "repeated": repeated, "conflicting": conflicting,
    });
    context.answer(text, &answer)
}

/// The outcomes whose id was there with another value, by name; the rest of them as a number.
pub(super) fn conflicts(written: &Written) -> Vec<Problem> {
    let warning = |message: String| {
        Problem::warning("store::conflict", message).help("the first one stands; two outcomes need two ids")
    };
    let mut warnings: Vec<Problem> = written
        .conflicts
        .iter()
        .map(|Conflict { outcome, kept }| {
            warning(format!(
                "`{}` of `{}` with the id `{}` is there with the value {kept}: {} is not recorded",
                outcome.series.escape_debug(),
                shown(&outcome.unit),
                shown(&outcome.id),
                outcome.value,
            ))
        })
        .collect();
    let unnamed = written.conflicting - written.conflicts.len() as u64;
    if unnamed > 0 {
        warnings.push(warning(format!("and so are {unnamed} more, each with another value")));
    }
    warnings
}

/// An id for people.
fn shown(id: &[u8]) -> String {
    String::from_utf8_lossy(id).escape_debug().to_string()
}

/// So many wrong rows are shown; whoever has more fixes these first.
const MOST_PROBLEMS: usize = 20;

/// Reads a table into a store that is made for it, whatever times it names. What it returns are warnings.
pub(crate) fn fill(
    store: &mut dyn Store,
    experiment: &Experiment,
    file: &Path,
    kind: Option<TableKind>,
) -> Result<Vec<Problem>, Failure> {
    let table = Table::of(About::Experiment(experiment), file, kind, None)?;
    table.check()?;
    table.write(store, None).map(|(_, warnings)| warnings)
}

/// Whose events they are.
#[derive(Clone, Copy)]
enum About<'a> {
    Experiment(&'a Experiment),
    Canary(&'a canaries::Found, &'a Deciders),
}

/// A file is read to its end before anything is written, so a wrong row leaves the store as it was; standard input is written as it comes.
struct Table<'a> {
    file: &'a Path,
    kind: TableKind,
    about: About<'a>,
    /// What is later has not happened; `None` takes any time.
    now: Option<Timestamp>,
}

impl<'a> Table<'a> {
    fn of(
        about: About<'a>,
        file: &'a Path,
        kind: Option<TableKind>,
        now: Option<Timestamp>,
    ) -> Result<Self, Failure> {
        let by_name = || match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Some(TableKind::Csv),
            Some("jsonl" | "ndjson") => Some(TableKind::Jsonl),
            _ => None,
        };
        let kind = kind.or_else(by_name).ok_or_else(|| {
            let message = "its name does not say how it is written; pass `--as csv` or `--as jsonl`";
            Failure::invalid_one(Problem::error("import::format", message).at(Place::whole_file(file)))
        })?;
        Ok(Self { file, kind, about, now })
    }
}

impl Table<'_> {
    fn read(
        &self,
        input: impl BufRead,
        visit: &mut dyn FnMut(Result<Event, Problem>) -> ControlFlow<()>,
    ) -> Vec<Problem> {
        let (name, phase) = match self.about {
            About::Experiment(experiment) => (experiment.name.to_string(), experiment.allocation.phase),
            About::Canary(found, _) => (found.canary.store_name(), 1),
        };
        let unread = read(self.kind.into(), input, &name, phase, &mut |line, event| {
            let checked = event.and_then(|event| self.sound(&event).map(|()| event));
            visit(checked.map_err(|reason| Problem::error("import::row", reason).at(self.place(line))))
        });
        let warning = |(column, line): (String, u64)| {
            let message = format!("nothing is read from the column `{}`", column.escape_debug());
            Problem::warning("import::column", message).at(self.place(line))
        };
        unread.into_iter().map(warning).collect()
    }

    fn place(&self, line: u64) -> Place {
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let file = if self.is_standard_input() { Path::new("standard input") } else { self.file };
        Place { line, ..Place::whole_file(file) }
    }

    /// Whether the definition knows what an event is about. Earlier phases may have had other variants.
    fn sound(&self, event: &Event) -> Result<(), String> {
        let (Event::Outcome(Outcome { unit, at, .. }) | Event::Exposure(Exposure { unit, at, .. })) = event;
        if let Some(now) = self.now {
            not_in_the_future(*at, now)?;
        }
        let experiment = match self.about {
            About::Experiment(experiment) => experiment,
            About::Canary(found, _) => return of_canary::sound(found, event),
        };
        if unit.is_empty() && !experiment.allocation.allow_empty_units {
            return Err(format!(
                "{EmptyUnit}; leave it out, or write `allow_empty_units: true` into the definition"
            ));
        }
        match event {
            Event::Outcome(outcome) => {
                check_value(experiment, &outcome.series, outcome.value).map_err(|error| error.to_string())
            }
            Event::Exposure(exposure)
                if exposure.phase == experiment.allocation.phase
                    && experiment.variant(&exposure.variant).is_none() =>
            {
                let known = experiment.variants.iter().map(|variant| variant.name.as_str());
                let help = did_you_mean(&exposure.variant, known, "variants");
                Err(format!("there is no variant `{}`; {help}", exposure.variant))
            }
            Event::Exposure(_) => Ok(()),
        }
    }

    fn open(&self) -> Result<impl BufRead + 'static, Failure> {
        let unreadable = |message: String| {
            let problem = Problem::error("import::unreadable", message);
            Failure::invalid_one(problem.at(Place::whole_file(self.file)))
        };
        if self.file.is_dir() {
            return Err(unreadable("this is a directory, and no table".to_owned()));
        }
        let opened = File::open(self.file).map(BufReader::new);
        opened.map_err(|error| unreadable(format!("this cannot be read: {error}")))
    }

    fn is_standard_input(&self) -> bool {
        self.file == Path::new("-")
    }

    /// Every row of a file, and whom something else than the canary served by them; standard input is read only once.
    fn check(&self) -> Result<Option<Elsewhere>, Failure> {
        if self.is_standard_input() {
            return Ok(None);
        }
        let input = self.open()?;
        let mut problems = Vec::new();
        let mut elsewhere = Elsewhere::default();
        self.read(input, &mut |event| {
            if let (About::Canary(found, _), Ok(event)) = (self.about, &event) {
                elsewhere.note(found, event);
            }
            // A row may be two events, with one thing wrong.
            problems.extend(event.err().filter(|problem| problems.last() != Some(problem)));
            if problems.len() < MOST_PROBLEMS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if problems.is_empty() { Ok(Some(elsewhere)) } else { Err(Failure::invalid(problems)) }
    }

    fn write(
        &self,
        store: &mut dyn Store,
        elsewhere: Option<Elsewhere>,
    ) -> Result<(Written, Vec<Problem>), Failure> {
        if self.is_standard_input() {
            self.write_rows(store, BufReader::new(std::io::stdin()), elsewhere)
        } else {
            self.write_rows(store, self.open()?, elsewhere)
        }
    }

    fn write_rows(
        &self,
        store: &mut dyn Store,
        input: impl BufRead,
        elsewhere: Option<Elsewhere>,
    ) -> Result<(Written, Vec<Problem>), Failure> {
        let mut batch: Vec<Event> = Vec::with_capacity(BATCH);
        let mut phases = self.phases(store)?;
        let mut of_canary = match self.about {
            About::Canary(found, deciders) => Some(CanaryRows::new(found, deciders, elsewhere)),
            About::Experiment(_) => None,
        };
        let mut total = Written::default();
        let mut failed: Option<Failure> = None;
        let mut flush = |batch: &mut Vec<Event>, store: &mut dyn Store| -> Result<(), Failure> {
            let written = store.write(batch).map_err(|error| store_failed(&error))?;
            total.add(written);
            batch.clear();
            Ok(())
        };
        let unread = self.read(input, &mut |event| {
            let taken = match event {
                Ok(event) => {
                    phases.note(&event);
                    batch.extend(match &mut of_canary {
                        Some(rows) => rows.take(event),
                        None => Some(event),
                    });
                    if batch.len() < BATCH { Ok(()) } else { flush(&mut batch, store) }
                }
                Err(problem) => Err(Failure::invalid_one(
                    problem.help("the rows before it may be recorded; recording them again changes nothing"),
                )),
            };
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    failed = Some(failure);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(failure) = failed {
            return Err(failure);
        }
        flush(&mut batch, store)?;
        let mut left_out = Vec::new();
        if let Some(rows) = of_canary {
            let (mut rest, warnings) = rows.rest(store)?;
            while !rest.is_empty() {
                let mut next: Vec<Event> = rest.drain(..rest.len().min(BATCH)).collect();
                flush(&mut next, store)?;
            }
            left_out = warnings;
        }
        let of_phases = phases.warnings().into_iter().map(|problem| problem.at(self.place(1)));
        let left_out = left_out.into_iter().map(|problem| problem.at(self.place(1)));
        let warnings = unread.into_iter().chain(of_phases).chain(left_out).chain(conflicts(&total)).collect();
        Ok((total, warnings))
    }

    /// Whoever only reads the table says with `--phase` what is meant, and knows when it was served.
    fn phases(&self, store: &mut dyn Store) -> Result<Phases<'_>, Failure> {
        match self.about {
            About::Experiment(experiment) if self.now.is_some() => Phases::of(experiment, store),
            About::Experiment(_) | About::Canary(..) => Ok(Phases::default()),
        }
    }
}

pub(crate) fn export(arguments: &ExportArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let experiment = find_by(&loaded, &arguments.name, &arguments.store)?.experiment;
    let mut store = arguments.store.open_existing(&loaded)?;
    let mut result = Ok(());
    let mut writer = TableWriter::new(arguments.table.into(), BufWriter::new(std::io::stdout().lock()))
        .map_err(|error| cannot_write(&error))?;
    store
        .events(experiment.name.as_str(), &mut |event| {
            if result.is_ok() {
                result = writer.write(event);
            }
        })
        .map_err(|error| store_failed(&error))?;
    match result.and_then(|()| writer.finish()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(cannot_write(&error)),
        _ => Ok(Exit::Success),
    }
}

fn cannot_write(error: &std::io::Error) -> Failure {
    Failure::broken(Problem::error("cli::cannot_write", format!("cannot write to standard output: {error}")))
}
