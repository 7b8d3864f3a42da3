//! `promptassay power`: what a gate can show, before a margin is chosen.

use std::fmt::Write as _;

use clap::Args;
use promptassay_evaluator::comparison::{NoValue, Side};
use promptassay_evaluator::gate::{Chance, Needed, Seen};
use promptassay_evaluator::plan::Role;
use promptassay_evaluator::policy::{OnInconclusive, Policy};
use promptassay_evaluator::runs::{RunDirectory, RunFile};
use promptassay_experiments::analysis::thousands;
use promptassay_registry::problem::{Problem, Severity};
use serde_json::{Value, json};

use super::Context;
use super::eval::against::blessed_side;
use super::eval::journal::{RunsArguments, broken, described};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::shares::{parse_level, parse_share};

const EXAMPLES: &str = "Examples:
  promptassay power                                  from the latest run
  promptassay power 019aae2f --margin 0.1 --cases 40 --cases 80
  promptassay power --pass-rate 0.9 --flaky 0.1      from numbers, without a run
  promptassay power --drop 0.03                      how many cases show that 3 points are lost

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
    /// How often each case is asked, 1 to 100; may be given several times [default: 1, 3, 5 and as often as the run did].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=100))]
    repeats: Vec<u64>,
    /// A margin as a share; may be given several times [default: 0.05, 0.1, 0.15 and 0.2].
    #[arg(long = "margin", value_name = "SHARE", value_parser = margin)]
    margins: Vec<f64>,
    /// A drop of the pass rate as a share: how many cases would show it is said too; may be given several times.
    #[arg(long = "drop", value_name = "SHARE", value_parser = margin)]
    drops: Vec<f64>,
    /// How sure each end of an interval is, above 0.5 and below 1 [default: as the run's gate; without a run 0.95].
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    confidence: Option<f64>,
    #[command(flatten)]
    runs: RunsArguments,
}

/// What a table is about.
struct Subject {
    label: String,
    seen: Seen,
    confidence: f64,
    /// The numbers of cases, where the command line names none.
    cases: u64,
    /// How many cases have no partner in the baseline.
    unpaired: u64,
    /// How often each case was asked; none where numbers stand in for a run.
    repeats: Option<u64>,
    /// Whether the gate of the run lets through what cannot be told.
    lets_through: bool,
}

/// What is said of a subject.
struct Table {
    subject: Subject,
    chances: Vec<Chance>,
    /// What drops take, where the command line names some.
    needed: Vec<Needed>,
}

pub(crate) fn run(arguments: &PowerArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let (subjects, run) = match arguments.pass_rate {
        Some(pass_rate) => (vec![imagined(pass_rate, arguments)?], None),
        None => of_run(arguments, context).map(|(subjects, run)| (subjects, Some(run)))?,
    };
    let rest = || {
        let (directory, file) = run.as_ref()?;
        Some(arguments.runs.asks_the_rest(directory, file, context))
    };
    let margins = or_default(&arguments.margins, &[0.05, 0.10, 0.15, 0.20]);
    let mut tables: Vec<Table> = Vec::new();
    let mut unknown = Vec::new();
    for subject in subjects {
        if subject.seen.pass_rate().is_some_and(|rate| rate <= 0.0) {
            unknown.push(nothing_passes(&subject));
            continue;
        }
        let cases = or_default(&arguments.cases, &[subject.cases, 2 * subject.cases, 4 * subject.cases]);
        let repeats = match arguments.repeats.as_slice() {
            [] => usual_repeats(subject.repeats),
            given => given.to_vec(),
        };
        let chances = subject.seen.chances((&cases, &repeats, &margins), subject.confidence, 0);
        let why = chances
            .as_ref()
            .map_or_else(Some, |chances| chances.iter().find_map(|chance| chance.probability.as_ref().err()));
        let needed = subject.seen.needed(&repeats, &arguments.drops, subject.confidence);
        match (why.cloned(), chances, needed) {
            (None, Ok(chances), Ok(needed)) => tables.push(Table { subject, chances, needed }),
            (None, _, Err(why)) => unknown.push(not_known(&subject, &why, rest)),
            (why, ..) => unknown.extend(why.map(|why| not_known(&subject, &why, rest))),
        }
    }
    if tables.is_empty() && !unknown.is_empty() {
        return Err(Failure::invalid(unknown));
    }
    let warning = |problem| Problem { severity: Severity::Warning, ..problem };
    context.console.problems(&unknown.into_iter().map(warning).collect::<Vec<_>>());
    let value: Vec<Value> = tables.iter().map(json).collect();
    context.answer(|| text(&tables, margins.len(), arguments.drops.len()), &json!({"schema": 1, "of": value}))
}

/// Identical replies would show any margin, but where nothing passes the gate does not come to that.
fn nothing_passes(subject: &Subject) -> Problem {
    let message =
        format!("{}: nothing passes, and a gate calls that BROKEN whatever its margin", subject.label);
    Problem::error("power::nothing_passes", message)
        .help("mend the prompt, the model or the suite first; or give a pass rate that is expected then: `--pass-rate 0.9`")
}

/// Why a table cannot be made, and what to do.
fn not_known(subject: &Subject, why: &NoValue, rest: impl Fn() -> Option<String>) -> Problem {
    let help = match rest().filter(|_| why.code == "too_few_judged") {
        Some(rest) => format!(
            "{rest}; or name another run: `promptassay runs list`; or give numbers: `--pass-rate 0.9 --flaky 0.1`"
        ),
        None => "evaluate with `repeat: 3`, which shows how flaky the cases are; or give numbers: `--pass-rate 0.9 --flaky 0.1`".to_owned(),
    };
    Problem::error("power::not_known", format!("{}: {why}", subject.label)).help(help)
}

/// How often cases are asked in most suites, and how often the run asked them.
fn usual_repeats(of_run: Option<u64>) -> Vec<u64> {
    let mut repeats: Vec<u64> = [1, 3, 5].into_iter().chain(of_run).collect();
    repeats.sort_unstable();
    repeats.dedup();
    repeats
}

fn or_default<T: Copy>(given: &[T], default: &[T]) -> Vec<T> {
    if given.is_empty() { default.to_vec() } else { given.to_vec() }
}

fn imagined(pass_rate: f64, arguments: &PowerArguments) -> Result<Subject, Failure> {
    let flaky = arguments.flaky.unwrap_or(0.0);
    let seen = Seen::imagined(pass_rate, flaky).ok_or_else(|| {
        let message = format!("with {flaky} of the cases flaky the pass rate cannot be {pass_rate}");
        let help =
            format!("flaky cases pass every other time: it is from {} to {}", flaky / 2.0, 1.0 - flaky / 2.0);
        Failure::invalid_one(Problem::error("power::impossible", message).help(help))
    })?;
    let label = format!("a prompt that passes {}", percent(pass_rate));
    let confidence = arguments.confidence.unwrap_or(Policy::default().confidence.value);
    Ok(Subject { label, seen, confidence, cases: 20, repeats: None, unpaired: 0, lets_through: false })
}

/// The candidates of a run.
fn of_run(
    arguments: &PowerArguments,
    context: &Context<'_>,
) -> Result<(Vec<Subject>, (RunDirectory, RunFile)), Failure> {
    let reference = arguments.run.as_deref().unwrap_or("latest");
    let (directory, file) = described(arguments.runs.find(reference, context)?)?;
    let prompts = Side::read_all(&file, &directory.journal_path()).map_err(broken)?;
    let mut subjects = Vec::new();
    for (planned, of_prompt) in file.prompts.iter().zip(&prompts) {
        let variants = || planned.variants.iter().zip(&of_prompt.sides);
        for (variant, side) in variants().filter(|(variant, _)| variant.role == Role::Candidate) {
            let baseline = variants()
                .find(|(other, _)| other.role == Role::Baseline && other.model == variant.model)
                .map(|(_, side)| side.clone());
            // The next gate compares with what is blessed by then.
            let is_blessed = file.blessed.contains_key(planned.name.as_str());
            let blessed = || blessed_side(&planned.name, &variant.model, context).filter(|_| is_blessed);
            let baseline = baseline.or_else(|| blessed().map(|(side, _)| side));
            let seen = Seen::of(side, baseline.as_ref(), planned.policy.validator_metrics());
            subjects.push(Subject {
                label: format!("{} {} on {}", planned.name, side.label.version, side.label.model),
                confidence: arguments.confidence.unwrap_or(planned.policy.confidence.value),
                lets_through: planned.policy.inconclusive.value == OnInconclusive::Pass,
                cases: seen.suite_cases().max(1),
                unpaired: (side.cases.len() as u64).saturating_sub(seen.suite_cases()),
                repeats: Some(u64::from(planned.repeat)),
                seen,
            });
        }
    }
    Ok((subjects, (directory, file)))
}

fn json(Table { subject, chances, needed }: &Table) -> Value {
    let mut value = json!({
        "of": subject.label,
        "pass_rate": subject.seen.pass_rate(),
        "flaky": subject.seen.flaky() as f64 / subject.seen.cases().max(1) as f64,
        "confidence": subject.confidence,
        "cases": subject.seen.suite_cases(),
        "cases_judged": subject.seen.cases(),
        "units": subject.seen.suite_units(),
        "cases_without_partner": subject.unpaired,
        "chances": chances.iter().map(|chance| json!({
            "cases": chance.cases,
            "units": chance.units,
            "repeats": chance.repeats,
            "margin": chance.margin,
            "passes_unchanged": chance.probability.as_ref().ok(),
            "is_feasible": chance.is_feasible,
        })).collect::<Vec<_>>(),
    });
    if let Some((metric, units)) = subject.seen.fewest() {
        value["fewest"] = json!({"metric": metric, "units": units});
    }
    if !needed.is_empty() {
        value["needed"] = needed
            .iter()
            .map(|needed| {
                json!({"drop": needed.drop, "repeats": needed.repeats, "cases": needed.cases, "units": needed.units})
            })
            .collect();
    }
    value
}

fn text(tables: &[Table], margins: usize, drops: usize) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for Table { subject, chances, needed } in tables {
        let seen = &subject.seen;
        let (all, units) = (seen.suite_cases(), seen.suite_units());
        let is_clustered = units != all;
        let flaky = seen.flaky() as f64 / seen.cases().max(1) as f64;
        let rate = seen.pass_rate().map_or("–".to_owned(), percent);
        let _ = writeln!(text, "{}   pass rate {rate}, {} of the cases flaky", subject.label, percent(flaky));
        if seen.cases() as u64 != all {
            let _ =
                writeln!(text, "learned from {} of {all} cases; the others have no verdict", seen.cases());
        }
        if is_clustered {
            let _ =
                writeln!(text, "{all} cases are {units} units: a cluster counts as one, here as in the gate");
        }
        if let Some((metric, have)) = seen.fewest() {
            let _ = writeln!(
                text,
                "{have} of {units} units have `{metric}`, a metric of the gate: a margin must be within reach of these"
            );
        }
        if subject.unpaired > 0 {
            let _ = writeln!(
                text,
                "{} of {} cases have no partner in the baseline, added or edited since: they take no part, here as in the gate",
                subject.unpaired,
                all + subject.unpaired
            );
        }
        let by = if subject.repeats.is_some() { ", if as flaky as this version was" } else { "" };
        let passes = if subject.lets_through {
            "is shown to be good enough; what cannot be told is let through (`inconclusive: pass`)"
        } else {
            "passes"
        };
        let _ = writeln!(text, "how often a prompt that did not change {passes}{by}\n");
        let _ = write!(text, "  {:>6}", "cases");
        if is_clustered {
            let _ = write!(text, "  {:>6}", "units");
        }
        let _ = write!(text, "  {:>7}", "repeats");
        for chance in chances.iter().take(margins) {
            let _ = write!(text, "  {:>10}", format!("margin {}", shortest(chance.margin)));
        }
        text.push('\n');
        for row in chances.chunks(margins) {
            let Some(first) = row.first() else { continue };
            let _ = write!(text, "  {:>6}", first.cases);
            if is_clustered {
                let _ = write!(text, "  {:>6}", first.units);
            }
            let _ = write!(text, "  {:>7}", first.repeats);
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
        if drops > 0 {
            let _ = writeln!(text, "how many cases show a drop, in 80 % of comparisons{by}\n");
            let _ = write!(text, "  {:>7}", "repeats");
            for needed in needed.iter().take(drops) {
                let _ = write!(text, "  {:>10}", format!("drop {}", shortest(needed.drop)));
            }
            text.push('\n');
            for row in needed.chunks(drops) {
                let Some(first) = row.first() else { continue };
                let _ = write!(text, "  {:>7}", first.repeats);
                for needed in row {
                    let _ = write!(text, "  {:>10}", thousands(needed.cases));
                }
                text.push('\n');
            }
            text.push('\n');
        }
    }
    text.push_str("margins in points; `too few`: not even identical replies would prove anything, the gate refuses it\n");
    if drops > 0 {
        text.push_str(
            "drops in points; a drop shows where the whole interval of the difference is below 0\n",
        );
    }
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
