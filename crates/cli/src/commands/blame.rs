//! `promptassay blame`: what was live at a time, and who made it so.

use std::fmt::Write as _;

use clap::Args;
use jiff::Timestamp;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::actor::Actor;
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::state::VersionState;
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;
use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{canary_json, canary_text, field, governed, grounds_of, history_of, passed_over};
use crate::time::parse_time;

const EXAMPLES: &str = "Examples:
  promptassay blame customer_support                   what is live now
  promptassay blame customer_support --at 2026-11-20T14:05:00Z
  promptassay blame --at 2026-11-20T14:05:00Z          every prompt that has a ledger";

/// Say what was live at a time, who made it so, and why.
///
/// The answer comes from the ledger alone. A canary that had expired by then was served to nobody. An experiment that ran decided before
/// the ledger what its users were served: `experiment list` names those of today, `experiment show` the times of their phases.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BlameArguments {
    /// The prompt; without any, all that have a ledger.
    #[arg(value_name = "PROMPT")]
    name: Option<String>,
    /// The time, such as `2026-11-20T14:05:00Z` [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Answer {
    prompt: String,
    at: Timestamp,
    /// Where the ledger begins, if that is later: what was served before it does not know.
    ledger_begins: Option<Timestamp>,
    /// The head of the ledger at that time.
    head: Option<Digest>,
    production: Option<Served>,
    canary: Option<Served>,
}

/// A version that was served, and why.
#[derive(Serialize)]
struct Served {
    version: Version,
    sha256: Digest,
    since: Timestamp,
    by: Actor,
    reason: Option<String>,
    grounds: Option<String>,
    /// To whom, where it was a canary.
    canary: Option<Value>,
    #[serde(skip)]
    canary_text: Option<String>,
}

pub(crate) fn run(arguments: &BlameArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    context.repository()?;
    let at = arguments.at.unwrap_or_else(|| context.environment.now_in_seconds());
    let (names, unread) = if let Some(name) = &arguments.name {
        (vec![context.existing_name(name)?], Vec::new())
    } else {
        let loaded = context.load();
        let with_ledger =
            governed(&loaded).into_iter().filter(|governed| ledger::exists(&governed.directory));
        (with_ledger.map(|governed| governed.name).collect(), passed_over(&loaded))
    };
    if names.is_empty() && unread.is_empty() {
        return Err(Failure::invalid_one(
            Problem::error("lifecycle::no_ledger", "no prompt has a ledger")
                .help("a ledger begins with `promptassay adopt PROMPT VERSION`"),
        ));
    }
    let answers: Vec<Answer> = names
        .iter()
        .map(|name| Ok(Answer::of(name.as_str(), &history_of(name, context)?, at)))
        .collect::<Result<_, Failure>>()?;
    let text = || answers.iter().map(Answer::text).collect::<Vec<_>>().join("\n");
    context.answer(text, &answers)?;
    if unread.is_empty() { Ok(Exit::Success) } else { Err(Failure::invalid(unread)) }
}

impl Answer {
    fn of(prompt: &str, ledger: &Ledger, at: Timestamp) -> Self {
        let state = ledger.state_at(at);
        let served = |version: &Version| {
            let known = state.versions().get(version)?;
            Some(Served::of(version, known))
        };
        let production = state.production().and_then(served);
        let canary = state.canary().and_then(|running| {
            let served = served(&running.version)?;
            Some(Served {
                canary: Some(canary_json(running)),
                canary_text: Some(canary_text(running, at)),
                ..served
            })
        });
        let begins = ledger.lines().first().map(|line| line.event.second());
        let ledger_begins = begins.filter(|begins| at < *begins);
        Self { prompt: prompt.to_owned(), at, ledger_begins, head: state.head().copied(), production, canary }
    }

    fn text(&self) -> String {
        let mut text = format!("{} at {}\n", self.prompt, self.at);
        match (&self.production, self.ledger_begins) {
            (Some(served), _) => text.push_str(&served.text(Stage::Production)),
            (None, Some(begins)) => {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "  the ledger begins at {begins}: what was served before it does not know"
                );
            }
            (None, None) => text.push_str("  nothing was in production\n"),
        }
        if let Some(served) = &self.canary {
            text.push_str(&served.text(Stage::Canary));
        }
        text
    }
}

impl Served {
    fn of(version: &Version, known: &VersionState) -> Self {
        Self {
            version: version.clone(),
            sha256: known.sha256,
            since: known.since,
            by: known.by.clone(),
            reason: known.reason.clone(),
            grounds: known.grounds.as_ref().and_then(grounds_of),
            canary: None,
            canary_text: None,
        }
    }

    fn text(&self, stage: Stage) -> String {
        let Self { version, sha256, since, .. } = self;
        let mut text = format!("  {stage:<11} {version}  {}  since {since}\n", sha256.short());
        let mut line = |label: &str, value: &str| text.push_str(&field(4, label, value));
        line("by", &visible(&self.by.to_string()));
        if let Some(reason) = &self.reason {
            line("why", &visible(reason));
        }
        if let Some(grounds) = &self.grounds {
            line("grounds", grounds);
        }
        if let Some(canary) = &self.canary_text {
            line("canary", canary);
        }
        text
    }
}
