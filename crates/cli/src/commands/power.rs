//! `promptassay power`: what a gate can show, before a margin is chosen.

use std::fmt::Write as _;

use clap::Args;
use promptassay_evaluator::comparison::Side;
use promptassay_evaluator::gate::{Chance, Seen};
use promptassay_evaluator::plan::Role;
use promptassay_registry::problem::Problem;
use serde_json::{Value, json};

use super::Context;
use super::eval::journal::{RunsArguments, broken, described};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::shares::{parse_level, parse_share};

const EXAMPLES: &str = "Examples:
  promptassay power                                  from the latest run
  promptassay power 019aae2f --margin 0.1 --cases 40 --cases 80
  promptassay power --pass-rate 0.9 --flaky 0.1      from numbers, without a run

`promptassay experiment power` is for experiments with users.";

/// Say how often a prompt that did not change would pass a gate: for margins, numbers of cases and repeats.
///
/// A gate that an unchanged prompt fails every other time is of no use. What decides are flaky cases: those that pass sometimes.
/// They are taken from a run with repeats, or from numbers.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PowerArguments {
    /// The run: an id or its beginning, `latest`, or a directory with a run.json [default: latest].
    #[arg(value_name = "RUN", conflicts_with_all = ["pass_rate", "flaky"])]
    run: Option<String>,
    /// The share of trials that pass, 0 to 1; numbers stand in for a run.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pass_rate: Option<f64>,
    /// The share of cases that pass every other time, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, requires = "pass_rate")]
    flaky: Option<f64>,
    /// A number of cases; may be given several times.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    cases: Vec<u64>,
    /// How often each case is asked, 1 to 100; may be given several times [default: 1, 3 and 5].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=100))]
    repeats: Vec<u64>,
    /// A margin as a share; may be given several times [default: 0.05, 0.1, 0.15 and 0.2].
    #[arg(long = "margin", value_name = "SHARE", value_parser = margin)]
    margins: Vec<f64>,
    /// How sure each end of an interval is, above 0.5 and below 1.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level, default_value_t = 0.95)]
    confidence: f64,
    #[command(flatten)]
    runs: RunsArguments,
}

/// What a table is about.
struct Subject {
    label: String,
    seen: Seen,
    /// The cases that the run had.
    cases: u64,
}

pub(crate) fn run(arguments: &PowerArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let subjects = match arguments.pass_rate {
        Some(pass_rate) => vec![imagined(pass_rate, arguments.flaky.unwrap_or(0.0))?],
        None => of_run(arguments, context)?,
    };
    let repeats = or_default(&arguments.repeats, &[1, 3, 5]);
    let margins = or_default(&arguments.margins, &[0.05, 0.10, 0.15, 0.20]);
    let tables: Vec<(Subject, Vec<Chance>)> = subjects
        .into_iter()
        .map(|subject| {
            let cases = or_default(&arguments.cases, &[subject.cases, 2 * subject.cases, 4 * subject.cases]);
            let chances = subject.seen.chances((&cases, &repeats, &margins), arguments.confidence, 0);
            (subject, chances)
        })
        .collect();
    let unknown = tables.iter().find_map(|(subject, chances)| {
        let why = chances.iter().find_map(|chance| chance.probability.as_ref().err())?;
        Some((subject, why))
    });
    if let Some((subject, why)) = unknown {
        let problem = Problem::error("power::not_known", format!("{}: {why}", subject.label));
        return Err(Failure::invalid_one(problem.help(
            "evaluate with `repeat: 3`, which shows how flaky the cases are; or give numbers: `--pass-rate 0.9 --flaky 0.1`",
        )));
    }
    let value: Vec<Value> = tables.iter().map(|(subject, chances)| json(subject, chances)).collect();
    context.answer(
        || text(&tables, margins.len()),
        &json!({"schema": 1, "confidence": arguments.confidence, "of": value}),
    )
}

fn or_default<T: Copy>(given: &[T], default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given.to_vec() }
}

fn imagined(pass_rate: f64, flaky: f64) -> Result<Subject, Failure> {
    let seen = Seen::imagined(pass_rate, flaky).ok_or_else(|| {
        let message = format!("with {flaky} of the cases flaky the pass rate cannot be {pass_rate}");
        let help =
            format!("flaky cases pass every other time: it is from {} to {}", flaky / 2.0, 1.0 - flaky / 2.0);
        Failure::invalid_one(Problem::error("power::impossible", message).help(help))
    })?;
    let label = format!("a prompt that passes {}", percent(pass_rate));
    Ok(Subject { label, seen, cases: 20 })
}

/// The candidates of a run.
fn of_run(arguments: &PowerArguments, context: &Context<'_>) -> Result<Vec<Subject>, Failure> {
    let reference = arguments.run.as_deref().unwrap_or("latest");
    let (directory, file) = described(arguments.runs.find(reference, context)?)?;
    let prompts = Side::read_all(&file, &directory.journal_path()).map_err(broken)?;
    let sides = file.prompts.iter().zip(&prompts).flat_map(|(planned, prompt)| {
        let candidates = planned.variants.iter().zip(&prompt.sides);
        let candidates = candidates.filter(|(variant, _)| variant.role == Role::Candidate);
        candidates.map(move |(_, side)| (planned, side))
    });
    Ok(sides
        .map(|(planned, side)| {
            let label = format!("{} {} on {}", planned.name, side.label.version, side.label.model);
            let seen = Seen::of(side);
            Subject { label, cases: seen.cases().max(1) as u64, seen }
        })
        .collect())
}

fn json(subject: &Subject, chances: &[Chance]) -> Value {
    json!({
        "of": subject.label,
        "pass_rate": subject.seen.pass_rate(),
        "flaky": subject.seen.flaky() as f64 / subject.seen.cases().max(1) as f64,
        "chances": chances.iter().map(|chance| json!({
            "cases": chance.cases,
            "repeats": chance.repeats,
            "margin": chance.margin,
            "passes_unchanged": chance.probability.as_ref().ok(),
            "is_feasible": chance.is_feasible,
        })).collect::<Vec<_>>(),
    })
}

fn text(tables: &[(Subject, Vec<Chance>)], margins: usize) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for (subject, chances) in tables {
        let seen = &subject.seen;
        let flaky = seen.flaky() as f64 / seen.cases().max(1) as f64;
        let rate = seen.pass_rate().map_or("–".to_owned(), percent);
        let _ = writeln!(text, "{}   pass rate {rate}, {} of the cases flaky", subject.label, percent(flaky));
        let _ = writeln!(text, "how often a prompt that did not change passes\n");
        let _ = write!(text, "  {:>6}  {:>7}", "cases", "repeats");
        for chance in chances.iter().take(margins) {
            let _ = write!(text, "  {:>10}", format!("margin {}", shortest(chance.margin)));
        }
        text.push('\n');
        for row in chances.chunks(margins) {
            let Some(first) = row.first() else { continue };
            let _ = write!(text, "  {:>6}  {:>7}", first.cases, first.repeats);
            for chance in row {
                let cell = match &chance.probability {
                    _ if !chance.is_feasible => "too few".to_owned(),
                    Ok(probability) => percent(*probability),
                    Err(_) => "–".to_owned(),
                };
                let _ = write!(text, "  {cell:>10}");
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str("margins in points; `too few`: not even identical replies would prove anything\n");
    text
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn shortest(margin: f64) -> String {
    format!("{}", (margin * 1000.0).round() / 10.0)
}

fn margin(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(margin) if margin > 0.0 && margin < 1.0 => Ok(margin),
        _ => Err("write a share above 0 and below 1, such as 0.1 for 10 points".to_owned()),
    }
}
