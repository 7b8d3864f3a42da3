//! Finds what the commands about experiments are about: the definition, and the store.

mod alike;
mod deciders;
mod first;
pub(crate) mod gone;
pub(crate) mod guardrails;
mod running;
mod standing;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use promptassay_experiments::definition::{Experiment, Owner, file_name, read_directory, valid_label};
use promptassay_experiments::store::{Location, Store, StoreError, open, open_to_look};
use promptassay_registry::problem::{Place, Problem, Severity, did_you_mean, has_errors};
use promptassay_registry::registry_file;
use promptassay_registry::tree::{Loaded, Prompt};
use promptassay_registry::version::Version;

use crate::commands::Context;
use crate::environment;
use crate::failure::Failure;
use crate::lifecycle::find_live;

pub(crate) use alike::spread_alike;
pub(crate) use deciders::{Decided, Deciders};
pub(crate) use first::{decide_first, decides_for};
pub(crate) use running::{Purpose, Running, running};
pub(crate) use standing::Standing;

/// How long a server may take to be reached by whoever could do without it.
const BRIEFLY: Duration = Duration::from_secs(1);

/// Where the data of experiments is.
#[derive(Debug, Default, Args)]
pub(crate) struct StoreArguments {
    /// A SQLite file or a PostgreSQL URL [default: `store:` of registry.yaml; env: `PROMPTASSAY_STORE`].
    // Not by clap, to which a variable that is set is an option that was passed: `--from` and `--by-file` would be refused.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

/// An experiment and the file it stands in.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) experiment: Experiment,
    pub(crate) file: PathBuf,
}

/// The experiments of one prompt; what is wrong with others is added to `problems`.
pub(crate) fn of_prompt(prompt: &Prompt, problems: &mut Vec<Problem>) -> Vec<Found> {
    let versions: Vec<Version> = prompt.versions().map(|version| version.version.clone()).collect();
    let owner = Owner { prompt: prompt.name(), versions: &versions };
    read_directory(prompt.directory(), owner, problems)
        .into_iter()
        .map(|experiment| {
            let file = prompt.directory().join(file_name(experiment.name.as_str()));
            Found { experiment, file }
        })
        .collect()
}

/// The experiment of this name: `NAME`, or `PROMPT/NAME` where two prompts have one of that name.
pub(crate) fn find(loaded: &Loaded, name: &str) -> Result<Found, Failure> {
    let mut problems = Vec::new();
    // Users are given variants beside a draft with a mistake as well.
    let beside_drafts = loaded.tree.broken().iter().filter_map(|broken| find_live(loaded, &broken.name).ok());
    let prompts = loaded.tree.prompts().chain(beside_drafts.map(|(prompt, _)| prompt));
    let mut found: Vec<Found> = prompts.flat_map(|prompt| of_prompt(prompt, &mut problems)).collect();
    let full = |found: &Found| format!("{}/{}", found.experiment.prompt, found.experiment.name);
    let known: Vec<String> = found.iter().map(|found| found.experiment.name.as_str().to_owned()).collect();
    found.retain(|found| found.experiment.name.as_str() == name || full(found) == name);
    if found.len() > 1 {
        let both: Vec<String> = found.iter().map(|found| format!("`{}`", full(found))).collect();
        let message = format!("several prompts have an experiment `{name}`, and they would share their data");
        return Err(Failure::invalid_one(
            Problem::error("experiment::ambiguous", message)
                .help(format!("rename one of them: {}", both.join(", "))),
        ));
    }
    if let Some(found) = found.pop() {
        return Ok(found);
    }
    // A file of that name with mistakes is what is meant.
    let stem = name.rsplit('/').next().unwrap_or(name);
    let is_meant = |problem: &Problem| {
        let file = problem.place.as_ref().and_then(|place| place.file.file_stem());
        file.is_some_and(|file| file == stem)
    };
    let of_it: Vec<Problem> = problems.into_iter().filter(is_meant).collect();
    if has_errors(&of_it) {
        return Err(Failure::invalid(of_it));
    }
    // So is one of a prompt that cannot be read.
    for broken in loaded.tree.broken() {
        let file = broken.directory.join(file_name(stem));
        let is_meant = name == stem || name == format!("{}/{stem}", broken.name);
        if is_meant && valid_label(stem) && file.exists() {
            let of_it = |problem: &&Problem| {
                problem.is_error()
                    && problem.place.as_ref().is_some_and(|place| place.file.starts_with(&broken.directory))
            };
            return Err(Failure::invalid(loaded.problems.iter().filter(of_it).cloned().collect()));
        }
    }
    let mut help = did_you_mean(name, known.iter().map(String::as_str), "experiments");
    if loaded.tree.find(name).is_ok() {
        help = format!(
            "`{name}` is a prompt: `expose`, `record` and `import` count for its canary with `--canary {name}`; {help}"
        );
    }
    let message = format!("there is no experiment `{}`", name.escape_debug());
    Err(Failure::invalid_one(Problem::error(UNKNOWN, message).help(help)))
}

/// The experiment of this name, for whoever asks the store about it: of one that runs there and has no file that is what is said.
pub(crate) fn find_by(loaded: &Loaded, name: &str, store: &StoreArguments) -> Result<Found, Failure> {
    find(loaded, name).map_err(|failure| {
        let is_unknown = matches!(failure.problems.as_slice(), [problem] if problem.code == UNKNOWN);
        // What is wrong with the store is not what is wrong with the name.
        let gone =
            is_unknown.then(|| store.look_briefly(loaded).ok().flatten()).flatten().and_then(|mut store| {
                gone::all(loaded, store.as_mut()).ok()?.into_iter().find(|gone| gone.is_called(name))
            });
        gone.map_or(failure, |gone| Failure::invalid_one(gone.asked_for()))
    })
}

impl Found {
    /// Whether this time is within what the file writes down.
    pub(crate) fn allows(&self, at: Timestamp) -> bool {
        self.experiment.start.is_none_or(|start| start <= at) && !self.is_over(at)
    }

    /// Whether the end that the file writes down is past.
    pub(crate) fn is_over(&self, at: Timestamp) -> bool {
        self.experiment.end.is_some_and(|end| end <= at)
    }

    /// The versions that its variants serve, each once.
    pub(crate) fn versions(&self) -> BTreeSet<&Version> {
        self.experiment.variants.iter().map(|variant| &variant.version).collect()
    }

    /// The versions that it would serve although their texts may still change.
    pub(crate) fn unregistered(&self, prompt: &Prompt) -> Vec<Problem> {
        let open = |version: &&Version| prompt.version(version).is_some_and(|found| !found.is_registered());
        let problem = |version: &Version| {
            let message = format!(
                "{version} of `{}` is not registered: its text may change for users in mid-phase",
                prompt.name()
            );
            Problem::error("experiment::unregistered", message)
                .at(Place::whole_file(self.file.as_path()))
                .help(format!(
                    "register it first: `promptassay register {} {version} -m MESSAGE`",
                    prompt.name()
                ))
        };
        self.versions().into_iter().filter(open).map(problem).collect()
    }

    /// Whether one of its variants is this version.
    pub(crate) fn serves(&self, version: &Version) -> bool {
        self.experiment.variants.iter().any(|variant| variant.version == *version)
    }

    /// What is with it at this time, by a store.
    pub(crate) fn standing(&self, store: &mut dyn Store, at: Timestamp) -> Result<Standing, Failure> {
        let phases = store.phases(self.experiment.name.as_str()).map_err(|error| store_failed(&error))?;
        Ok(Standing::of(&self.experiment, &phases, at))
    }

    /// The others of its prompt that decide in the time from `begins` on, each as a problem: two cannot both decide.
    pub(crate) fn others_at_that_time(
        &self,
        prompt: &Prompt,
        store: &mut dyn Store,
        (begins, now): (Timestamp, Timestamp),
    ) -> Result<Vec<Problem>, Failure> {
        let mut problems = Vec::new();
        let experiment = &self.experiment;
        let others = of_prompt(prompt, &mut problems);
        // One that cannot be read may be one that runs.
        problems.retain(Problem::is_error);
        for other in others {
            let Experiment { name, start, end, .. } = &other.experiment;
            let is_apart = end.is_some_and(|end| end <= begins)
                || start.zip(experiment.end).is_some_and(|(start, end)| end <= start);
            if *name == experiment.name || is_apart || !other.standing(store, now)?.is_begun() {
                continue;
            }
            let message = format!(
                "the experiment `{name}` of `{}` runs at that time, and two on one prompt cannot both decide",
                prompt.name()
            );
            problems.push(
                Problem::error("experiment::several", message).at(Place::whole_file(other.file.as_path())).help(format!(
                    "`promptassay experiment stop {name} --reason WHY` ends it; or write a `start:` behind its end"
                )),
            );
        }
        Ok(problems)
    }

    /// Whether units may be exposed at this time: the phase of the file was started, as the file says, and not stopped.
    /// Where there is no store, nobody started it.
    pub(crate) fn must_run(&self, store: Option<&mut Box<dyn Store>>, at: Timestamp) -> Result<(), Failure> {
        let standing = match store {
            Some(store) => self.standing(store.as_mut(), at)?,
            None => Standing::NotStarted,
        };
        let Experiment { name, allocation, start, end, .. } = &self.experiment;
        let number = allocation.phase;
        let (message, help) = match &standing {
            _ if standing.moves_units() => return Err(self.refuse_changed(&standing)),
            Standing::OtherPhase(_) => return Err(self.refuse_changed(&standing)),
            Standing::NotStarted => (
                format!("phase {number} of `{name}` was not started"),
                format!("`promptassay experiment start {name}` starts it"),
            ),
            Standing::Stopped(stopped, reason) => (
                format!("phase {number} of `{name}` was stopped at {stopped}: {reason}"),
                "serve the active version".to_owned(),
            ),
            Standing::Later(begins) => (
                format!("phase {number} of `{name}` begins at {begins}"),
                "until then serve the active version".to_owned(),
            ),
            // What the file writes down counts, as for whoever is served: who is served the active version is not exposed.
            Standing::Runs | Standing::Changed(_) => match (end, start) {
                (Some(end), _) if *end <= at => {
                    (format!("`{name}` ended at {end}, by its file"), "serve the active version".to_owned())
                }
                (_, Some(start)) if at < *start => (
                    format!("`{name}` begins at {start}, by its file"),
                    "until then serve the active version".to_owned(),
                ),
                _ => return Ok(()),
            },
        };
        let place = Place::whole_file(self.file.as_path());
        Err(Failure::invalid_one(Problem::error("experiment::not_running", message).at(place).help(help)))
    }

    /// Refuses to say what units get by a file that would move them.
    pub(crate) fn refuse_changed(&self, standing: &Standing) -> Failure {
        let problem = self.changed(standing).map(|problem| Problem { severity: Severity::Error, ..problem });
        Failure::invalid(problem.into_iter().collect())
    }
}

impl StoreArguments {
    /// The store that was asked for, else that of registry.yaml; made where there is none, and then it is said: a path with a slip in it makes
    /// a second one.
    pub(crate) fn open(&self, loaded: &Loaded, context: &Context<'_>) -> Result<Box<dyn Store>, Failure> {
        let location = self.location(loaded)?.ok_or_else(no_store)?;
        let is_new = !is_there(&location);
        let store = open(&location).map_err(|error| store_failed(&error))?;
        if is_new {
            context.console.note(&format!("made the store `{location}`"));
        }
        Ok(store)
    }

    /// Refuses where nothing names a store; whether there is one is another question.
    pub(crate) fn must_be_named(&self, loaded: &Loaded) -> Result<(), Failure> {
        self.location(loaded)?.map(|_| ()).ok_or_else(no_store)
    }

    /// Whether the environment names the store: a secret that is missing is an empty variable, and no mistake in what is committed.
    pub(crate) fn is_by_variable(&self) -> bool {
        self.store.is_none() && environment::store().is_some()
    }

    /// The store, where there is one, to look which phases run: nothing of it is changed, its tables are not brought up to date.
    pub(crate) fn look_if_there(&self, loaded: &Loaded) -> Result<Option<Box<dyn Store>>, Failure> {
        look_at(self.location(loaded)?)
    }

    /// The same without waiting long for a server, for what is nice to know.
    pub(crate) fn look_briefly(&self, loaded: &Loaded) -> Result<Option<Box<dyn Store>>, Failure> {
        look_at(self.location(loaded)?.map(|location| location.within(BRIEFLY)))
    }

    /// The store, to read from it: a file that is not there is a mistake.
    pub(crate) fn open_existing(&self, loaded: &Loaded) -> Result<Box<dyn Store>, Failure> {
        let location = self.location(loaded)?.ok_or_else(no_store)?;
        if is_there(&location) {
            return open(&location).map_err(|error| store_failed(&error));
        }
        if let Some(emptied) = emptied(&location) {
            return Err(Failure::invalid_one(Problem { severity: Severity::Error, ..emptied }));
        }
        Err(Failure::invalid_one(
            Problem::error(
                "experiment::empty_store",
                format!("there is no store at `{location}`, so nothing was recorded yet"),
            )
            .help("`experiment start`, `expose`, `record` and `import` make it; `--store` names another one"),
        ))
    }

    /// The store, where there is one.
    pub(crate) fn open_if_there(&self, loaded: &Loaded) -> Result<Option<Box<dyn Store>>, Failure> {
        match self.location(loaded)?.filter(is_there) {
            Some(location) => open(&location).map(Some).map_err(|error| store_failed(&error)),
            None => Ok(None),
        }
    }

    /// What is wrong with a file that is there and holds nothing, as a warning.
    pub(crate) fn emptied(&self, loaded: &Loaded) -> Result<Option<Problem>, Failure> {
        Ok(self.location(loaded)?.as_ref().and_then(emptied))
    }

    /// Says so before what was lost is taken for what never was.
    pub(crate) fn warn_where_emptied(&self, loaded: &Loaded, context: &Context<'_>) -> Result<(), Failure> {
        context.console.problems(self.emptied(loaded)?.as_slice());
        Ok(())
    }

    /// What names the store, read; `None` where nothing does.
    pub(crate) fn location(&self, loaded: &Loaded) -> Result<Option<Location>, Failure> {
        if let Some(written) = &self.store {
            return parse(written, "`--store`", "").map(Some);
        }
        let source = format!("the environment variable {}", environment::STORE);
        match environment::store() {
            Some(written) => {
                let location = parse(&written, &source, "; or unset it, for `store:` of registry.yaml")?;
                in_repository(location, &source, loaded).map(Some)
            }
            None => of_registry(loaded),
        }
    }
}

fn look_at(location: Option<Location>) -> Result<Option<Box<dyn Store>>, Failure> {
    match location.filter(is_there) {
        Some(location) => open_to_look(&location).map(Some).map_err(|error| store_failed(&error)),
        None => Ok(None),
    }
}

/// The same file from wherever in the repository the program is started: two jobs with one variable would else keep two stores. Where there
/// is no repository, as in an image, a relative path begins where every other one does.
fn in_repository(location: Location, source: &str, loaded: &Loaded) -> Result<Location, Failure> {
    let root = loaded.tree.repository_root();
    let path = match location {
        Location::Sqlite(path) if path.is_relative() => path,
        location => return Ok(location),
    };
    let has_repository = root.join(".git").exists();
    let at_root = root.join(&path);
    let Ok(here) = environment::directory() else {
        return Ok(Location::Sqlite(if has_repository { at_root } else { path }));
    };
    let from_here = here.join(&path);
    let (begins, taken, other) = if has_repository {
        ("at the root of the repository", &at_root, &from_here)
    } else {
        ("in the working directory", &from_here, &at_root)
    };
    // Another program, or an earlier one, may have kept it there, and what it holds is not left behind in silence.
    if other.exists() && !taken.exists() {
        let (path, taken, other) = (path.display(), taken.display(), other.display());
        let message = format!(
            "{source} names `{path}`, which begins {begins}, where there is no such file; there is one at `{other}`"
        );
        let help = format!("write the whole path, `{other}`, or move the file to `{taken}`");
        return Err(Failure::invalid_one(Problem::error(NO_STORE_BY_NAME, message).help(help)));
    }
    if !has_repository {
        return Ok(Location::Sqlite(path));
    }
    let shown = at_root.strip_prefix(here).map(Path::to_owned);
    Ok(Location::Sqlite(shown.unwrap_or(at_root)))
}

fn parse(written: &str, source: &str, or: &str) -> Result<Location, Failure> {
    Location::parse(written).map_err(|error| {
        let problem = Problem::error(NO_STORE_BY_NAME, error.about(source));
        Failure::invalid_one(problem.help(format!("{}{or}", error.help())))
    })
}

/// Whether there is something to ask. A file of no bytes is as good as none: SQLite takes it for a store that is about to be made.
fn is_there(location: &Location) -> bool {
    match location {
        Location::Sqlite(path) => match fs::metadata(path) {
            Ok(found) => !found.is_file() || found.len() > 0,
            // What cannot be looked at is no store that is not there.
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        },
        Location::Postgres(_) => true,
    }
}

/// A file of no bytes, which a full disk leaves, or a volume that was mounted too late.
fn emptied(location: &Location) -> Option<Problem> {
    let Location::Sqlite(path) = location else { return None };
    let is_empty = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0);
    is_empty.then(|| {
        let message = format!("the store at `{location}` holds nothing, 0 bytes: if something was recorded in it, it is lost");
        Problem::warning("experiment::empty_store", message).help(
            "where something was recorded, bring it back from a copy; where nothing was, remove it: `promptassay experiment start` makes one",
        )
    })
}

fn of_registry(loaded: &Loaded) -> Result<Option<Location>, Failure> {
    let tree = &loaded.tree;
    let registry = tree.registry();
    let mut problems = Vec::new();
    let location = registry.document.as_ref().and_then(|document| {
        Location::of_registry(document, tree.root(), tree.repository_root(), &mut problems)
    });
    if location.is_none() {
        // What cannot be read, or is misspelt, may well name a store.
        problems.extend(registry.unclear.iter().cloned());
    }
    // Of two stores nobody knows which one is meant.
    let file = tree.root().join(registry_file::FILE_NAME);
    let is_twice = |problem: &&Problem| {
        problem.code == "yaml::duplicate_key"
            && problem.message.contains("`store`")
            && problem.place.as_ref().is_some_and(|place| place.file == file)
    };
    problems.extend(loaded.problems.iter().filter(is_twice).cloned());
    if has_errors(&problems) { Err(Failure::invalid(problems)) } else { Ok(location) }
}

fn no_store() -> Failure {
    Failure::invalid_one(
        Problem::error("experiment::no_store", "nothing says where the data of experiments is kept").help(
            "write `store: ../data/experiments.db` into registry.yaml and `/data/` into .gitignore, because it holds ids of users; or pass `--store FILE`",
        ),
    )
}

/// The code of an experiment that nobody defines.
const UNKNOWN: &str = "experiment::unknown";

/// The code of what names a store and cannot be one.
const NO_STORE_BY_NAME: &str = "experiment::store";

/// The code of a store that does not answer.
pub(crate) const STORE_FAILED: &str = "experiment::store_failed";

/// The store cannot be opened, read or written.
pub(crate) fn store_failed(error: &StoreError) -> Failure {
    Failure::broken(Problem::error(STORE_FAILED, error.to_string()))
}
