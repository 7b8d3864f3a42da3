//! Carries a move out: under the lock, after whatever a crash left, on the head that whoever decided has seen.

use promptassay_lifecycle::commit::{CommitError, Transaction, finish, prepare};
use promptassay_lifecycle::event::{Grounds, Verb};
use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::plan::{Command, Refusal, Request};
use promptassay_lifecycle::stage::Move;
use promptassay_lifecycle::state::{Mark, State};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::DirectoryLock;
use promptassay_registry::name::PromptName;
use promptassay_registry::operations::{ActivateError, RegisterError};
use promptassay_registry::problem::Problem;
use promptassay_registry::tree::{Loaded, Prompt};
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;
use serde_json::Value;

use super::acting::MoveArguments;
use super::live::find_live;
use super::reading::{directory_of, ledger_of, policy_of, policy_to_go_back, sound};
use super::telling::{canary_json, change_of, grounds_of};
use crate::commands::Context;
use crate::exit::Exit;
use crate::experiments::{StoreArguments, decide_first};
use crate::failure::Failure;
use crate::prompts::find;

/// What a command did, or would do.
#[derive(Debug)]
pub(crate) struct Moved {
    prompt: PromptName,
    command: Verb,
    dry_run: bool,
    lines: Vec<ledger::Line>,
    /// The state afterwards.
    state: State,
    head_before: Option<Digest>,
    registered: Option<Version>,
    mirrored: Option<Version>,
    not_compared: Vec<&'static str>,
    /// When and why the last canary of the version was ended that begins again.
    ended_before: Option<(Version, Mark)>,
}

#[derive(Serialize)]
struct Answer<'a> {
    prompt: &'a str,
    command: Verb,
    /// Whether nothing was written.
    dry_run: bool,
    /// The lines of the ledger.
    events: Vec<&'a Value>,
    /// What is in production afterwards.
    production: Option<&'a Version>,
    /// The canary afterwards.
    canary: Option<Value>,
    /// The version whose text was frozen.
    registered: Option<&'a Version>,
    /// What `active_version` was changed to.
    mirrored: Option<&'a Version>,
    head_before: Option<&'a Digest>,
    head: Option<&'a Digest>,
}

/// What a command needs of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it sound.
    Sound,
    /// What the ledger knows: whoever goes back need not mend a draft first.
    Live,
}

/// Does what is asked for and tells it.
pub(crate) fn carry_out(
    name: &str,
    arguments: &MoveArguments,
    (context, reach): (&Context<'_>, Reach),
    request: impl FnOnce(&Loaded, &Prompt) -> Result<Request, Failure>,
) -> Result<Exit, Failure> {
    let moved = perform(name, arguments, (context, reach), request)?;
    context.answer(|| moved.text(), &moved.answer())?;
    moved.warn(context);
    Ok(Exit::Success)
}

/// Does what is asked for, or says why not; then not a byte has changed. Nothing is told: that is for [`Moved`].
pub(crate) fn perform(
    name: &str,
    arguments: &MoveArguments,
    (context, reach): (&Context<'_>, Reach),
    request: impl FnOnce(&Loaded, &Prompt) -> Result<Request, Failure>,
) -> Result<Moved, Failure> {
    let name = context.existing_name(name)?;
    let actor = arguments.actor(context)?;
    // Whoever decides has seen this head: if it is another one under the lock, somebody else was faster.
    let seen = ledger_of(&name, context)?.head().copied();
    if let Some(expected) = &arguments.expect_head
        && !seen.is_some_and(|head| expected.matches(&head))
    {
        let found = seen.as_ref().map_or_else(|| "empty".to_owned(), Digest::short);
        return Err(refused(&name, &Refusal::HeadMoved { expected: expected.to_string(), found }));
    }
    let lock = if arguments.dry_run { None } else { Some(context.lock()?) };
    let ledger = sound(ledger_of(&name, context)?)?;
    if let Some(lock) = &lock {
        context.console.problems(&finish_interrupted(lock, &name, &ledger, context)?);
    }
    let loaded = context.load();
    let prompt = match reach {
        Reach::Sound => find(&loaded, name.as_str())?,
        Reach::Live => {
            let (prompt, of_drafts) = find_live(&loaded, name.as_str())?;
            context.console.problems(&of_drafts);
            prompt
        }
    };
    let policy = match reach {
        Reach::Sound => policy_of(&loaded)?,
        Reach::Live => {
            let (policy, of_registry) = policy_to_go_back(&loaded)?;
            context.console.problems(&of_registry);
            policy
        }
    };
    let command = Command {
        actor,
        reason: arguments.said(),
        files: prompt.versions().map(|version| (version.version.clone(), version.digest)).collect(),
        active: match prompt.active() {
            VersionSelector::Exact(version) => Some(version.clone()),
            // It serves what nobody reviewed, so nothing is served by it.
            VersionSelector::Latest => None,
        },
        request: request(&loaded, prompt)?,
    };
    let verb = command.request.verb();
    let now = context.environment.now();
    let transaction = prepare(prompt, &ledger, Some(seen), &command, now, &policy)
        .map_err(|refusal| refused(&name, &refusal))?;
    let mut moved = Moved::of(&name, verb, arguments.dry_run, seen, &transaction);
    moved.ended_before = ended_before(&moved.lines, ledger.state());
    if let Some(lock) = &lock {
        transaction.commit(lock).map_err(|error| not_written(&name, error))?;
    }
    Ok(moved)
}

/// What whoever serves a version again should not have to look for in its history.
fn ended_before(lines: &[ledger::Line], before: &State) -> Option<(Version, Mark)> {
    let events = lines.iter().map(|line| &line.event);
    let mut begun =
        events.filter(|event| matches!(event.change.step(), Some(Move::StartCanary | Move::GoLive)));
    let version = &begun.next()?.version;
    Some((version.clone(), before.versions().get(version)?.aborted.clone()?))
}

/// Finishes what a crash left of an earlier command, and says so.
pub(crate) fn finish_interrupted(
    lock: &DirectoryLock,
    name: &PromptName,
    ledger: &Ledger,
    context: &Context<'_>,
) -> Result<Vec<Problem>, Failure> {
    let directory = directory_of(name, context);
    let finished = finish(lock, &directory, name, ledger).map_err(|error| not_written(name, error))?;
    Ok(finished
        .map(|finished| {
            Problem::warning("lifecycle::interrupted", format!("`{name}`: {}", finished.message()))
        })
        .into_iter()
        .collect())
}

impl Moved {
    fn of(
        name: &PromptName,
        command: Verb,
        dry_run: bool,
        head_before: Option<Digest>,
        transaction: &Transaction,
    ) -> Self {
        Self {
            prompt: name.clone(),
            command,
            dry_run,
            lines: transaction.lines().to_vec(),
            state: transaction.state.clone(),
            head_before,
            registered: transaction.freezes().cloned(),
            mirrored: transaction.mirrors().cloned(),
            not_compared: transaction.not_compared.clone(),
            ended_before: None,
        }
    }

    /// What happened, for people. The head stands in the log of whoever runs this: a later `verify --expect-head` needs it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let event = &line.event;
            text.extend([format!("{} {}  {}\n", self.prompt, event.version, change_of(event))]);
            if let Some(grounds) = grounds_of(event.change.grounds()) {
                text.extend([format!("  {grounds}\n")]);
            }
        }
        if let Some(version) = &self.registered {
            text.extend([format!("  {version} is registered: its text is frozen\n")]);
        }
        if let Some(version) = &self.mirrored {
            text.extend([format!("  `active_version` is {version}\n")]);
        }
        match self.lines.last() {
            _ if self.dry_run => text.push_str("nothing was written: this is what would be done\n"),
            Some(line) => text.extend([format!("head {}\n", line.hash)]),
            None => {}
        }
        text
    }

    /// The same for programs.
    pub(crate) fn answer(&self) -> impl Serialize + '_ {
        Answer {
            prompt: self.prompt.as_str(),
            command: self.command,
            dry_run: self.dry_run,
            events: self.lines.iter().map(|line| &line.json).collect(),
            production: self.state.production(),
            canary: self.state.canary().map(canary_json),
            registered: self.registered.as_ref(),
            mirrored: self.mirrored.as_ref(),
            head_before: self.head_before.as_ref(),
            head: self.lines.last().filter(|_| !self.dry_run).map(|line| &line.hash),
        }
    }

    /// What whoever did this should know.
    pub(crate) fn warn(&self, context: &Context<'_>) {
        let mut problems = Vec::new();
        if !self.not_compared.is_empty() {
            let message = format!("the evidence was not compared in {}", self.not_compared.join(" and "));
            problems.push(Problem::warning("lifecycle::not_compared", message));
        }
        if let Some((version, ended)) = &self.ended_before {
            let why = ended.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let message = format!("the last canary of {version} was ended at {:.0}{why}", ended.at);
            problems.push(Problem::warning("lifecycle::ended_before", message));
        }
        let broken = self.lines.iter().find(|line| *line.event.change.grounds() == Grounds::BreakGlass);
        if let Some(line) = broken {
            let message = format!("the glass is broken: {} moved without evidence", line.event.version);
            problems.push(Problem::warning("lifecycle::break_glass", message).help(format!(
                "evaluate it now; `promptassay status {}` shows this for as long as the version is there",
                self.prompt
            )));
        }
        problems.extend(self.beside_experiments(context));
        context.console.problems(&problems);
    }

    /// What experiments that run do beside a move of what is served. Looked for when all else is done and said: a store may not answer.
    fn beside_experiments(&self, context: &Context<'_>) -> Vec<Problem> {
        let serves = |line: &ledger::Line| {
            !matches!(
                line.event.change.step(),
                Some(
                    Move::BeginTesting
                        | Move::DropDraft
                        | Move::ReturnToDraft
                        | Move::DropTested
                        | Move::Retire
                )
            )
        };
        if !self.lines.iter().any(serves) {
            return Vec::new();
        }
        let left: Vec<&Version> = self
            .lines
            .iter()
            .filter(|line| matches!(line.event.change.step(), Some(Move::AbortCanary | Move::Deprecate)))
            .map(|line| &line.event.version)
            .collect();
        let loaded = context.load();
        let Ok((prompt, _)) = find_live(&loaded, self.prompt.as_str()) else { return Vec::new() };
        decide_first(&left, prompt, &StoreArguments::default(), &loaded, context.environment.now())
    }
}

/// Why a command is refused: every reason, and what to do.
fn refused(name: &PromptName, refusal: &Refusal) -> Failure {
    let exit = match refusal {
        _ if refusal.is_conflict() => Exit::Conflict,
        Refusal::NoReason | Refusal::NoFile { .. } | Refusal::NoMirror { .. } => Exit::Invalid,
        _ => Exit::Failed,
    };
    let mut problems = Vec::new();
    if let Refusal::Evidence { faults, .. } = refusal {
        problems.extend(faults.iter().map(|fault| Problem::error("lifecycle::evidence", fault.to_string())));
    }
    let help = refusal.help().map(|help| help.replace("NAME", name.as_str()));
    let message = format!("`{name}`: {refusal}");
    problems.push(Problem::error("lifecycle::refused", message).maybe_help(help));
    Failure { exit, problems }
}

/// Why a command was not written as a whole.
fn not_written(name: &PromptName, error: CommitError) -> Failure {
    let message = error.to_string();
    match error {
        CommitError::Write(error) | CommitError::Register(RegisterError::Write(error)) => {
            Failure::from_write(&error)
        }
        CommitError::Register(RegisterError::Prompt(error)) => error.into(),
        CommitError::Register(error) => {
            let help = error.help().map(str::to_owned);
            Failure::invalid_one(Problem::error("lifecycle::not_registered", message).maybe_help(help))
        }
        CommitError::Mirror(error) => not_mirrored(name, &error),
    }
}

/// `active_version` does not follow the ledger yet.
pub(crate) fn not_mirrored(name: &PromptName, error: &ActivateError) -> Failure {
    let message = format!("the ledger is written, and `active_version` could not follow: {error}");
    let help = match error {
        ActivateError::NotInPlace { .. } => error.help(),
        _ => Some(format!("`promptassay check {name}` or the next command finishes it")),
    };
    Failure::broken(Problem::error("lifecycle::not_mirrored", message).maybe_help(help))
}
