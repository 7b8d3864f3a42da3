//! `eval` without `--offline`: asks models, and says before the first question what it lacks for that.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use promptassay_evaluator::cache::Cache;
use promptassay_evaluator::drive::{KeyProblem, Live, Models, Options, RetryPolicy, secrets};
use promptassay_evaluator::event::{CircuitOpened, Event, RunEnd};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::replay::Replay;
use promptassay_evaluator::rescore::Stored;
use promptassay_evaluator::run::{Work, Written};
use promptassay_evaluator::runs::{Asking, CacheUse, RunFile};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::spending::Spent;
use promptassay_llm::{Client, ClientOptions, ModelErrorKind, ModelRow, Target};
use promptassay_registry::problem::Problem;

use super::following::{Follower, stop, stop_now};
use super::journal::{BudgetArguments, Keeper, broken};
use super::runtime;
use crate::commands::Context;
use crate::duration::{parse_duration, parse_time_limit};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Aside;

/// How models are asked.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(next_help_heading = "Asking models")]
pub(crate) struct LiveArguments {
    /// Keep the replies for `--offline`, in the directory that `replies:` of registry.yaml names.
    #[arg(long)]
    pub(super) record: bool,
    /// Ask every question anew, and keep the new replies.
    #[arg(long, conflicts_with = "offline")]
    refresh: bool,
    /// Neither use nor keep replies in the cache.
    #[arg(long, conflicts_with_all = ["offline", "refresh", "max_reply_age"])]
    no_cache: bool,
    /// Use replies from the cache only if they are no older, such as `7d`.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "offline")]
    max_reply_age: Option<Duration>,
    /// Requests under way at once, over all models.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "offline")]
    max_concurrency: Option<u32>,
    /// How long one attempt may take, instead of what the models' rows say.
    #[arg(long, value_name = "DURATION", value_parser = parse_time_limit, conflicts_with = "offline")]
    timeout: Option<Duration>,
    /// How long one question may take, all attempts and waiting included [default: 10m].
    #[arg(long, value_name = "DURATION", value_parser = parse_time_limit, conflicts_with = "offline")]
    deadline: Option<Duration>,
    /// How often a question is asked until it is answered [default: 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "offline")]
    attempts: Option<u32>,
    /// The longest wait after the first attempt, doubled with each further one up to 30s, where the server names none
    /// [default: 500ms].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "offline")]
    backoff: Option<Duration>,
    /// Trust these authorities too: a file of certificates in PEM.
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    ca_file: Option<PathBuf>,
    /// Let model rows of provider `command` and checks `command` of suites run their programs.
    #[arg(long)]
    pub(super) allow_commands: bool,
}

impl LiveArguments {
    /// Nothing but whether programs may run.
    pub(super) fn with_commands(allow_commands: bool) -> Self {
        Self { allow_commands, ..Self::default() }
    }

    /// Puts what was given on the command line over the settings of the files.
    pub(super) fn apply_to(&self, settings: &mut Settings, environment: &Environment) {
        settings.allow_commands = self.allow_commands;
        settings.program_directories = environment.program_directories();
        if let Some(timeout) = self.timeout {
            for row in settings.models.values_mut() {
                row.timeout = timeout;
            }
        }
    }

    /// Says of a plan that is only printed what it lacks to be asked.
    pub(super) fn note_programs(&self, plan: &Plan, offline: bool, context: &Context<'_>) {
        let answers = || plan.rows().iter().any(|row| matches!(row.target, Target::Command(_)));
        if !self.allow_commands && (plan.checks_by_programs() || !offline && answers()) {
            context.console.note(
                "asking it runs programs, which takes `--allow-commands`: read them before you pass it",
            );
        }
    }

    /// How a run asks. One that goes on with `before` asks as that did, where nothing else is said.
    pub(super) fn asking(&self, offline: bool, before: Option<&RunFile>) -> Asking {
        let cache = match self.max_reply_age {
            _ if self.refresh => Some(CacheUse::Refresh),
            _ if self.no_cache => Some(CacheUse::Off),
            Some(age) => Some(CacheUse::NoOlder { max_age_ms: whole_milliseconds(age) }),
            None => None,
        };
        let before = before.map(|file| file.asking).unwrap_or_default();
        // Whoever says how models are asked wants them to be asked.
        let offline = offline || (before.offline && cache.is_none() && !self.record);
        Asking {
            offline,
            record: !offline && (self.record || before.record),
            cache: if offline { CacheUse::default() } else { cache.unwrap_or(before.cache) },
        }
    }

    fn retry(&self) -> RetryPolicy {
        let default = RetryPolicy::default();
        RetryPolicy {
            attempts: self.attempts.unwrap_or(default.attempts),
            base: self.backoff.unwrap_or(default.base),
            cap: default.cap.max(self.backoff.unwrap_or_default()),
            deadline: self.deadline.unwrap_or(default.deadline),
            ..default
        }
    }
}

/// Asks what is left of a plan. The run begins with `begin`, once nothing is lacking for it. What people have
/// `written` is not asked for.
pub(super) fn run<'p>(
    arguments: &LiveArguments,
    (asking, budget): (Asking, BudgetArguments),
    (plan, written): (&'p Plan, Written),
    begin: impl FnOnce() -> Result<Keeper<'p>, Failure>,
    context: &Context<'_>,
) -> Result<(RunEnd, Replay), Failure> {
    let rows = plan.rows();
    let driver = Driver::new(arguments, &rows, (asking, budget), context)?;
    let follower = Follower::new(plan, begin()?, context);
    let work = Work { written, ..follower.work() };
    driver.drive(follower, &rows, context, async |models, observe, aside| {
        Ok(models.run(plan, &work, stop(budget, || models.under_way(), aside), observe).await)
    })
}

/// Judges the answers of another run; only judges are asked. The run begins with `begin`, once nothing is lacking for it.
pub(super) fn judge<'p>(
    arguments: &LiveArguments,
    budget: BudgetArguments,
    plan: &'p Plan,
    stored: &Stored<'_>,
    begin: impl FnOnce() -> Result<Keeper<'p>, Failure>,
    context: &Context<'_>,
) -> Result<(RunEnd, Replay), Failure> {
    let rows = plan.judging_rows();
    let driver = Driver::new(arguments, &rows, (Asking::default(), budget), context)?;
    let follower = Follower::new(plan, begin()?, context);
    driver.drive(follower, &rows, context, async |models, observe, aside| {
        models.judge(stored, stop(budget, || models.under_way(), aside), observe).await.map_err(broken)
    })
}

/// What asks, made before the run begins, so that nothing is lacking for it then.
struct Driver {
    live: Live,
    options: Options,
}

impl Driver {
    fn new(
        arguments: &LiveArguments,
        rows: &[&ModelRow],
        (asking, budget): (Asking, BudgetArguments),
        context: &Context<'_>,
    ) -> Result<Self, Failure> {
        check_commands(arguments, rows)?;
        check_prices(budget, rows)?;
        let secrets =
            secrets(rows.iter().copied(), |name| context.environment.variable(name)).map_err(|problems| {
                let problem = |problem: KeyProblem| {
                    let help = match problem {
                        KeyProblem::Unusable { .. } => {
                            "give it the key alone; keys are never read from a file"
                        }
                        // Recorded replies are no way out for whoever asked for new ones.
                        KeyProblem::Missing { .. } if asking != Asking::default() => {
                            "set it; keys are never read from a file"
                        }
                        KeyProblem::Missing { .. } => {
                            "set it, or use `--offline` for recorded replies; keys are never read from a file"
                        }
                    };
                    Problem::error("eval::no_key", problem.to_string()).help(help)
                };
                Failure { exit: Exit::Broken, problems: problems.into_iter().map(problem).collect() }
            })?;
        let client = Client::new(client_options(arguments, context)?)
            .map_err(|error| Failure::broken(Problem::error("eval::no_client", error.to_string())))?;
        let cache = cache(asking.cache, context)?;
        let default = Options::default();
        let options = Options {
            retry: arguments.retry(),
            cache,
            // What waits draw from it decides nothing but when.
            seed: context.environment.now().as_microsecond().cast_unsigned(),
            budget: budget.budget(),
            max_concurrency: arguments.max_concurrency.map_or(default.max_concurrency, |max| max as usize),
            ..default
        };
        Ok(Self { live: Live::new(client, secrets, context.environment.clock()), options })
    }

    /// Asks with `ask` until that ends, or nothing can be kept any more; what happens is followed, and what stood in the way told.
    fn drive(
        self,
        mut follower: Follower<'_>,
        rows: &[&ModelRow],
        context: &Context<'_>,
        ask: impl AsyncFnOnce(&Models<Live>, &mut dyn FnMut(&Event), Aside) -> Result<RunEnd, Failure>,
    ) -> Result<(RunEnd, Replay), Failure> {
        let (not_stored, aside) = (follower.not_stored(), follower.aside());
        let mut unreachable = Unreachable::default();
        let (end, cache_problem) = runtime()?.block_on(async {
            let models = self.models(rows, follower.spent());
            let mut observe = |event: &Event| {
                unreachable.observe(event);
                follower.observe(event);
            };
            let end = tokio::select! {
                biased;
                end = ask(&models, &mut observe, aside) => Some(end),
                () = stop_now(&not_stored) => None,
            };
            (end, models.cache_problem())
        });
        let ended = follower.finish(end.transpose()?)?;
        unreachable.report(rows, cache_problem, context);
        Ok(ended)
    }

    /// The models, in the runtime in which they are asked.
    fn models(self, rows: &[&ModelRow], spent: Spent) -> Models<Live> {
        Models::new(self.live, rows.iter().copied(), Options { spent, ..self.options })
    }
}

fn cache(cache: CacheUse, context: &Context<'_>) -> Result<Option<Cache>, Failure> {
    if cache == CacheUse::Off {
        return Ok(None);
    }
    context.keep_from_git()?;
    let max_age = match cache {
        CacheUse::NoOlder { max_age_ms } => Some(Duration::from_millis(max_age_ms)),
        CacheUse::Use | CacheUse::Refresh | CacheUse::Off => None,
    };
    let directory = context.cache_directory()?;
    Ok(Some(Cache::new(&directory).max_age(max_age).refresh(cache == CacheUse::Refresh)))
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The models that turned out to be out of reach.
#[derive(Debug, Default)]
struct Unreachable(Vec<CircuitOpened>);

impl Unreachable {
    fn observe(&mut self, event: &Event) {
        if let Event::CircuitOpened(opened) = event {
            self.0.push(opened.clone());
        }
    }

    /// Says what stood in the way of the run.
    fn report(&self, rows: &[&ModelRow], cache_problem: Option<String>, context: &Context<'_>) {
        let mut problems: Vec<Problem> = self.0.iter().map(|opened| out_of_reach(opened, rows)).collect();
        problems.extend(cache_problem.map(|problem| {
            let message = format!("replies could not be kept in the cache: {problem}");
            Problem::warning("eval::cannot_cache", message)
                .help("the next run pays for them again; `--no-cache` does without")
        }));
        context.console.problems(&problems);
    }
}

fn check_commands(arguments: &LiveArguments, rows: &[&ModelRow]) -> Result<(), Failure> {
    let runs = |row: &&&ModelRow| matches!(row.target, Target::Command(_));
    match rows.iter().find(runs) {
        Some(row) if !arguments.allow_commands => {
            let message = format!("model {} runs a program, which is not allowed here", row.name);
            Err(Failure::invalid_one(
                Problem::error("eval::commands_not_allowed", message)
                    .help("add `--allow-commands` if you trust it, or choose another model"),
            ))
        }
        _ => Ok(()),
    }
}

/// A limit that counts nothing is none.
fn check_prices(budget: BudgetArguments, rows: &[&ModelRow]) -> Result<(), Failure> {
    // Of a gateway or a program the first reply tells whether it states its cost; where it does not, it is the last.
    let may_state_it = |row: &ModelRow| match &row.target {
        Target::Http(_) => row.provider.default_base_url() != Some(row.endpoint().as_str()),
        Target::Command(_) => true,
    };
    let unpriced = rows.iter().filter(|row| row.price.is_none() && !may_state_it(row));
    let unpriced: Vec<&str> = unpriced.map(|row| row.name.as_str()).collect();
    if budget.budget().max_cost.is_none() || unpriced.is_empty() {
        return Ok(());
    }
    let (model, has) = if unpriced.len() == 1 { ("model", "has") } else { ("models", "have") };
    let message = format!(
        "`--max-cost` cannot be kept: {model} {} {has} no price in registry.yaml",
        unpriced.join(", ")
    );
    Err(Failure::invalid_one(Problem::error("eval::no_price", message).help(
        "write `price: {input: …, output: …}` into its row, in US dollars per million tokens, 0 for what is free. Its provider does not state in a reply what it cost. `--max-calls` limits requests instead",
    )))
}

fn client_options(arguments: &LiveArguments, context: &Context<'_>) -> Result<ClientOptions, Failure> {
    let certificate_authorities_pem = match &arguments.ca_file {
        None => Vec::new(),
        Some(path) => std::fs::read(path).map_err(|error| {
            let message = format!("cannot read `{}`: {error}", path.display());
            Failure::invalid_one(Problem::error("eval::no_ca_file", message))
        })?,
    };
    Ok(ClientOptions {
        certificate_authorities_pem,
        allow_commands: arguments.allow_commands,
        command_directory: context.repository().ok(),
        ..ClientOptions::default()
    })
}

fn out_of_reach(opened: &CircuitOpened, rows: &[&ModelRow]) -> Problem {
    let CircuitOpened { model, kind, message } = opened;
    let problem =
        Problem::error("eval::model_out_of_reach", format!("model {model} cannot be asked: {message}"));
    let row = rows.iter().find(|row| row.name == *model);
    problem.maybe_help(match kind {
        ModelErrorKind::Auth => Some(match row.and_then(|row| row.api_key_env.as_ref()) {
            Some(name) => format!("check the key in {name} and what it may do"),
            None => "the row sends no key; name its variable with `api_key_env`".to_owned(),
        }),
        ModelErrorKind::NotFound => {
            Some("check `model` and `base_url` of its row in registry.yaml".to_owned())
        }
        ModelErrorKind::QuotaExhausted => {
            Some("raise the account's quota or credit, or wait until it is renewed".to_owned())
        }
        _ => None,
    })
}
