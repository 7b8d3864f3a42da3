//! `promptassay import` and `promptassay export`: events as CSV or JSON lines.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use promptassay_experiments::definition::Experiment;
use promptassay_experiments::event::Event;
use promptassay_experiments::manager::check_value;
use promptassay_experiments::store::{Store, StoreError, Written};
use promptassay_experiments::table::{TableFormat, TableWriter, read};
use promptassay_registry::problem::{Place, Problem};
use serde_json::json;

use super::Context;
use crate::exit::Exit;
use crate::experiments::{StoreArguments, find, store_failed};
use crate::failure::Failure;

const IMPORT_EXAMPLES: &str = "Examples:
  promptassay import support_v2 events.csv
  some-program | promptassay import support_v2 - --as jsonl

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
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// The table; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How it is written [default: by the ending of its name].
    #[arg(long = "as", value_name = "FORMAT", value_enum)]
    table: Option<TableKind>,
    #[command(flatten)]
    store: StoreArguments,
}

/// Print all exposures and outcomes as a table.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct ExportArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// How it is written.
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
    let experiment = find(&loaded, &arguments.name)?.experiment;
    let mut store = arguments.store.open(&loaded)?;
    let written = fill(store.as_mut(), &experiment, &arguments.file, arguments.table)?;
    let text = || {
        format!(
            "imported {} exposures and {} outcomes; {} events were there already\n",
            written.exposures, written.outcomes, written.repeated
        )
    };
    let answer =
        json!({"exposures": written.exposures, "outcomes": written.outcomes, "repeated": written.repeated});
    context.answer(text, &answer)
}

/// Reads a table into a store.
pub(crate) fn fill(
    store: &mut dyn Store,
    experiment: &Experiment,
    file: &Path,
    kind: Option<TableKind>,
) -> Result<Written, Failure> {
    let invalid = |code: &'static str, message: String| {
        Failure::invalid_one(Problem::error(code, message).at(Place::whole_file(file)))
    };
    let by_name = || match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Some(TableKind::Csv),
        Some("jsonl" | "ndjson") => Some(TableKind::Jsonl),
        _ => None,
    };
    let Some(kind) = kind.or_else(by_name) else {
        let message = "its name does not say how it is written; pass `--as csv` or `--as jsonl`";
        return Err(invalid("import::format", message.to_owned()));
    };
    let input: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file = File::open(file)
            .map_err(|error| invalid("import::unreadable", format!("this cannot be read: {error}")))?;
        Box::new(BufReader::new(file))
    };
    let mut batch: Vec<Event> = Vec::with_capacity(BATCH);
    let mut total = Written::default();
    let mut failed: Option<StoreError> = None;
    let mut flush = |batch: &mut Vec<Event>, store: &mut dyn Store| match store.write(batch) {
        Ok(written) => {
            total.exposures += written.exposures;
            total.outcomes += written.outcomes;
            total.repeated += written.repeated;
            batch.clear();
            Ok(())
        }
        Err(error) => {
            let reason = error.to_string();
            failed = Some(error);
            Err(reason)
        }
    };
    let phase = experiment.allocation.phase;
    let done = read(kind.into(), input, experiment.name.as_str(), phase, &mut |event| {
        if let Event::Outcome(outcome) = &event {
            check_value(experiment, &outcome.series, outcome.value).map_err(|error| error.to_string())?;
        }
        batch.push(event);
        if batch.len() >= BATCH { flush(&mut batch, store) } else { Ok(()) }
    });
    let last = if done.is_ok() { flush(&mut batch, store) } else { Ok(()) };
    if let Some(error) = failed {
        return Err(store_failed(&error));
    }
    if let Err(error) = done {
        return Err(invalid("import::row", error.to_string()));
    }
    last.map_err(|reason| invalid("import::row", reason))?;
    Ok(total)
}

pub(crate) fn export(arguments: &ExportArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let experiment = find(&loaded, &arguments.name)?.experiment;
    let mut store = arguments.store.open(&loaded)?;
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
