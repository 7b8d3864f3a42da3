//! `promptassay canary check`: hold, promote or roll back, by what was recorded of the canary's users.

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::canary::{GuardError, GuardReport, GuardVerdict, check, terminal};
use promptassay_lifecycle::plan::Request;
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::problem::Problem;
use serde::Serialize;

use crate::canaries::{self, Found};
use crate::commands::Context;
use crate::exit::Exit;
use crate::experiments::{StoreArguments, decide_first, store_failed};
use crate::failure::Failure;
use crate::lifecycle::{MoveArguments, Moved, Reach, WarrantArguments, find_live, perform};
use crate::time::parse_time;

const EXAMPLES: &str = "Examples:
  promptassay canary check customer_support
  promptassay canary check customer_support --apply --evidence latest     from a cron job: promotes or aborts, else waits

Exit codes: 0 promote, 1 roll back, 2 nothing to judge, 3 hold, 4 the data cannot be trusted; with --apply also 1, the promotion was
refused, and 5, somebody else moved the lifecycle first.";

/// Judge a canary by what was recorded of its users: hold, promote or roll back.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// Do what is said: promote the canary to production, or abort it.
    #[arg(long)]
    apply: bool,
    /// As of this time [default: now].
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "apply")]
    at: Option<Timestamp>,
    #[command(flatten)]
    warrant: WarrantArguments,
    #[command(flatten)]
    moving: MoveArguments,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Serialize)]
struct Answer<'a, M: Serialize> {
    prompt: &'a str,
    version: String,
    #[serde(flatten)]
    report: &'a GuardReport,
    /// What `--apply` did; null where it did nothing.
    applied: Option<M>,
}

pub(crate) fn run(arguments: &CheckArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let loaded = context.load();
    let found = canaries::find(&loaded, &arguments.name, context)?;
    let now = arguments.at.unwrap_or_else(|| context.environment.now());
    let mut store = arguments.store.open(&loaded, context)?;
    let (prompt, _) = find_live(&loaded, &arguments.name)?;
    context.console.problems(&decide_first(&[], prompt, &arguments.store, &loaded, now));
    let report = check(&found.canary, &found.policy, store.as_mut(), now).map_err(|error| failed(&error))?;
    // Whoever is refused still sees what the guard said.
    let (applied, refused) = match apply(arguments, &found, &report, context) {
        Ok(applied) => (applied, None),
        Err(failure) => (None, Some(failure)),
    };
    let text = || {
        let mut text = format!("{} {}   canary\n{}", found.prompt, found.version, terminal(&report));
        if let Some(moved) = &applied {
            text.push('\n');
            text.push_str(&moved.text());
        }
        text
    };
    let answer = Answer {
        prompt: found.prompt.as_str(),
        version: found.version.number(),
        report: &report,
        applied: applied.as_ref().map(Moved::answer),
    };
    context.answer(text, &answer)?;
    if let Some(moved) = &applied {
        moved.warn(context);
    }
    if let Some(failure) = refused {
        return Err(failure);
    }
    Ok(match report.verdict {
        GuardVerdict::Promote => Exit::Success,
        GuardVerdict::RollBack => Exit::Failed,
        GuardVerdict::Hold => Exit::Inconclusive,
        GuardVerdict::Unhealthy => Exit::Broken,
    })
}

/// Does what the guard says, if that is asked for and it says to do something; the ledger keeps its reason where no other one is given.
fn apply(
    arguments: &CheckArguments,
    found: &Found,
    report: &GuardReport,
    context: &Context<'_>,
) -> Result<Option<Moved>, Failure> {
    if !arguments.apply {
        return Ok(None);
    }
    let mut moving = arguments.moving.clone();
    // What was judged is what is moved: whoever moves the canary meanwhile was faster.
    if moving.expect_head.is_none() {
        moving.expect_head = found.head.and_then(|head| head.to_string().parse().ok());
    }
    moving.reason.get_or_insert_with(|| format!("canary check: {}", report.reasons.join("; ")));
    let version = found.version.clone();
    let moved = match report.verdict {
        GuardVerdict::Hold | GuardVerdict::Unhealthy => return Ok(None),
        GuardVerdict::RollBack => perform(&arguments.name, &moving, (context, Reach::Live), |_, _| {
            Ok(Request::Abort { version: Some(version) })
        })?,
        GuardVerdict::Promote => {
            perform(&arguments.name, &moving, (context, Reach::Sound), |loaded, prompt| {
                let warrant = arguments.warrant.warrant(&version, loaded, prompt, context)?;
                Ok(Request::Promote { version: version.clone(), to: Stage::Production, warrant })
            })?
        }
    };
    Ok(Some(moved))
}

fn failed(error: &GuardError) -> Failure {
    match error {
        GuardError::Store(error) => store_failed(error),
        GuardError::NoGuardrail => Failure::invalid_one(
            Problem::error("canary::no_guardrail", error.to_string())
                .help("write `lifecycle: {guardrails: [error], max_failure_rate: 0.05}` into registry.yaml"),
        ),
        GuardError::Undefined(_) => Failure::broken(Problem::error("canary::undefined", error.to_string())),
    }
}
