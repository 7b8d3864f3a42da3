//! `promptassay verify`: whether anybody touched a ledger, or a text that it froze.

use clap::Args;
use promptassay_lifecycle::ledger::{self, HeadPrefix};
use promptassay_lifecycle::verify::{gone, verify};
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::{FORMAT_NOT_TOLD, Loaded};
use serde::Serialize;

use super::Context;
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Governed, directory_of, governed, ledger_of, passed_over};
use crate::table::count;

const EXAMPLES: &str = "Examples:
  promptassay verify
  promptassay verify customer_support --expect-head 3f2a9c0d1e4b

Exit codes: 0 sound, 1 something was changed, cut off or torn, 2 there is no ledger to verify, or one cannot be read.";

/// Check the ledgers: every hash, the order, the legality of every move, every text that was frozen.
///
/// A chain of hashes finds what was changed inside. That lines were cut off at the end is found by a head that was written down
/// elsewhere: every move prints one, and `--expect-head` looks for it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArguments {
    /// The prompts; without any, all that have a ledger.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// A head that was seen before, or its beginning: its line must still be there. For one prompt.
    #[arg(long, value_name = "HEAD", requires = "names")]
    expect_head: Option<HeadPrefix>,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    ledgers: Vec<Verified>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Verified {
    prompt: String,
    ok: bool,
    lines: usize,
    head: Option<String>,
    /// Archived versions whose texts are gone, so that only their digests are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
}

pub(crate) fn run(arguments: &VerifyArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let (chosen, mut unread) = chosen(arguments, &loaded, context)?;
    let mut answer = Answer { ok: true, ledgers: Vec::new(), problems: Vec::new() };
    for governed in &chosen {
        // One that cannot be read must not hide the others.
        let ledger = match ledger_of(&governed.name, context) {
            Ok(ledger) => ledger,
            Err(failure) => {
                unread.extend(failure.problems);
                continue;
            }
        };
        let mut problems = verify(&ledger, arguments.expect_head.as_ref());
        problems.extend(not_told(&loaded, governed));
        answer.ledgers.push(Verified {
            prompt: governed.name.to_string(),
            ok: !has_errors(&problems),
            lines: ledger.lines().len(),
            head: ledger.head().map(ToString::to_string),
            gone: gone(&ledger).into_iter().map(ToString::to_string).collect(),
        });
        answer.problems.extend(problems);
    }
    let sound = !has_errors(&answer.problems);
    answer.ok = sound && unread.is_empty();
    answer.problems.extend(unread);
    if context.format == OutputFormat::Human {
        context.console.problems(&answer.problems);
    }
    context.answer(|| answer.ledgers.iter().map(line).collect(), &answer)?;
    Ok(match (answer.ok, sound) {
        (true, _) => Exit::Success,
        (false, true) => Exit::Invalid,
        (false, false) => Exit::Failed,
    })
}

/// Whose ledgers are looked at, and what cannot be looked at although it may have one.
fn chosen(
    arguments: &VerifyArguments,
    loaded: &Loaded,
    context: &Context<'_>,
) -> Result<(Vec<Governed>, Vec<Problem>), Failure> {
    if arguments.names.is_empty() {
        context.repository()?;
        let all: Vec<Governed> =
            governed(loaded).into_iter().filter(|governed| ledger::exists(&governed.directory)).collect();
        let unread = passed_over(loaded);
        if all.is_empty() && unread.is_empty() {
            return Err(nothing("no prompt has a ledger".to_owned()));
        }
        return Ok((all, unread));
    }
    if arguments.expect_head.is_some() && arguments.names.len() > 1 {
        return Err(Failure::invalid_one(Problem::error(
            "verify::one_head",
            "a head belongs to one prompt: name one",
        )));
    }
    let known = governed(loaded);
    let mut chosen = Vec::new();
    for name in &arguments.names {
        let Some(found) = known.iter().find(|known| known.name.as_str() == name) else {
            // The closest name, or why there is none.
            context.prompt(name)?;
            continue;
        };
        // Whoever has seen a head has seen a ledger: that it is gone is a finding, and not a wrong question.
        if !ledger::exists(&directory_of(&found.name, context)) && arguments.expect_head.is_none() {
            return Err(nothing(format!("`{name}` has no ledger")));
        }
        chosen.push(found.clone());
    }
    Ok((chosen, Vec::new()))
}

/// Texts that are what they were, and of which nothing tells what they said: the other template format makes another one of them.
fn not_told<'l>(loaded: &'l Loaded, governed: &Governed) -> impl Iterator<Item = Problem> + use<'l> {
    let broken = loaded.tree.broken().iter().find(|broken| broken.name == governed.name.as_str());
    let problems = broken.into_iter().flat_map(|broken| &broken.problems);
    problems.filter(|problem| problem.code == FORMAT_NOT_TOLD).cloned()
}

fn nothing(message: String) -> Failure {
    Failure::invalid_one(
        Problem::error("lifecycle::no_ledger", message)
            .help("a ledger begins with `promptassay adopt PROMPT VERSION`"),
    )
}

fn line(verified: &Verified) -> String {
    let Verified { prompt, ok, lines, head, gone } = verified;
    let word = if *ok { "sound" } else { "NOT SOUND" };
    let head = head.as_deref().unwrap_or("none");
    let gone = match gone.as_slice() {
        [] => String::new(),
        [one] => format!("\n  {one} is archived, and its text is gone"),
        several => format!("\n  {} are archived, and their texts are gone", several.join(", ")),
    };
    format!("{prompt}  {word}  {}  head {head}{gone}\n", count(*lines, "line"))
}
