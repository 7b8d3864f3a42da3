//! `promptassay assign`: which variant units get.

use std::io::{BufRead as _, BufWriter, Write as _};

use clap::Args;
use promptassay_experiments::assignment::{Assignment, EmptyUnit};
use promptassay_experiments::definition::Experiment;
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Loaded;
use serde_json::json;

use super::Context;
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::experiments::{Found, STORE_FAILED, StoreArguments, find, find_by};
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay assign support_v2 user_123
  cut -d, -f1 users.csv | promptassay assign support_v2 -
  promptassay assign support_v2 - --format json < ids.txt    one JSON object per line";

/// Say which variant units get. Nothing is recorded.
///
/// One line per unit: the id, a tab and the variant; `-` for a unit that takes no part. Ids are bytes and are kept as they are.
/// Where the store knows that the experiment runs, and was started with something else than its file says by now, it is refused.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AssignArguments {
    /// The experiment.
    #[arg(value_name = "EXPERIMENT")]
    name: String,
    /// Ids of units; `-` reads one per line from standard input.
    #[arg(value_name = "UNIT", required = true)]
    units: Vec<String>,
    /// Ask no store: the file alone says who gets what, whether it was changed since the start or not.
    #[arg(long, conflicts_with = "store")]
    by_file: bool,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn run(arguments: &AssignArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let name = &arguments.name;
    let found =
        if arguments.by_file { find(&loaded, name) } else { find_by(&loaded, name, &arguments.store) }?;
    if !arguments.by_file {
        as_started(&found, arguments, &loaded, context).map_err(by_file_instead)?;
    }
    let mut output = BufWriter::new(std::io::stdout().lock());
    let written = |error: std::io::Error| {
        Failure::broken(Problem::error("cli::cannot_write", format!("cannot read or write units: {error}")))
    };
    let mut one = |unit: &[u8], place: &str| -> Result<bool, Failure> {
        let line = line(&found.experiment, unit, place, context.format)?;
        match output.write_all(&line) {
            Ok(()) => Ok(true),
            // Whoever read has read enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(written(error)),
        }
    };
    let mut carriage_return = None;
    for unit in &arguments.units {
        if unit != "-" {
            one(unit.as_bytes(), "")?;
            continue;
        }
        for (number, unit) in (1_u64..).zip(std::io::stdin().lock().split(b'\n')) {
            let unit = unit.map_err(written)?;
            if unit.ends_with(b"\r") {
                carriage_return.get_or_insert(number);
            }
            if !one(&unit, &format!(" in line {number}"))? {
                return Ok(Exit::Success);
            }
        }
    }
    if let Some(number) = carriage_return {
        context.console.note(&format!(
            "line {number} ends with a carriage return, which is part of the id; without it the id is another one"
        ));
    }
    match output.flush() {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(written(error)),
        _ => Ok(Exit::Success),
    }
}

/// Refuses a file that would move units of what runs. Without a store nothing is known to run, and the file alone says who gets what.
fn as_started(
    found: &Found,
    arguments: &AssignArguments,
    loaded: &Loaded,
    context: &Context<'_>,
) -> Result<(), Failure> {
    arguments.store.warn_where_emptied(loaded, context)?;
    let Some(mut store) = arguments.store.look_if_there(loaded)? else { return Ok(()) };
    let standing = found.standing(store.as_mut(), context.environment.now())?;
    if standing.moves_units() { Err(found.refuse_changed(&standing)) } else { Ok(()) }
}

/// A store that does not answer cannot say that the file is still what was started. Going on is for somebody to decide who knows: a
/// warning would be read by nobody while users are moved.
fn by_file_instead(mut failure: Failure) -> Failure {
    for problem in failure.problems.iter_mut().filter(|problem| problem.code == STORE_FAILED) {
        problem.help = Some(
            "`--by-file` goes on without it, which moves nobody as long as the file is what was started"
                .to_owned(),
        );
    }
    failure
}

fn line(experiment: &Experiment, unit: &[u8], place: &str, format: OutputFormat) -> Result<Vec<u8>, Failure> {
    let assignment = experiment.assign(unit).map_err(|error| empty_unit(error, place))?;
    let variant = match assignment {
        Assignment::Variant(index) => experiment.variants.get(index),
        Assignment::NotExposed => None,
    };
    Ok(match format {
        OutputFormat::Human => {
            let name = variant.map_or("-", |variant| variant.name.as_str());
            [unit, b"\t", name.as_bytes(), b"\n"].concat()
        }
        OutputFormat::Json => {
            let (key, id) = if let Ok(text) = std::str::from_utf8(unit) {
                ("unit", text.to_owned())
            } else {
                let digits: Vec<String> = unit.iter().map(|byte| format!("{byte:02x}")).collect();
                ("unit_hex", digits.concat())
            };
            let row = json!({
                key: id,
                "variant": variant.map(|variant| &variant.name),
                "version": variant.map(|variant| variant.version.to_string()),
            });
            format!("{row}\n").into_bytes()
        }
    })
}

/// An empty id is refused, because it is rarely meant.
pub(super) fn empty_unit(error: EmptyUnit, place: &str) -> Failure {
    let help = "leave it out, or write `allow_empty_units: true` into the definition";
    Failure::invalid_one(Problem::error("assign::empty_unit", format!("{error}{place}")).help(help))
}
