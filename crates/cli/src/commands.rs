//! The commands, one file each.

pub(crate) mod abort;
pub(crate) mod activate;
pub(crate) mod add;
pub(crate) mod adopt;
pub(crate) mod analyze;
pub(crate) mod archive;
pub(crate) mod assign;
pub(crate) mod baseline;
pub(crate) mod blame;
pub(crate) mod cache;
pub(crate) mod canary;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod deprecate;
pub(crate) mod diff;
pub(crate) mod eval;
pub(crate) mod experiment;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod merge;
pub(crate) mod mock;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod power;
pub(crate) mod promote;
pub(crate) mod record;
pub(crate) mod register;
pub(crate) mod render;
pub(crate) mod repair;
pub(crate) mod replies;
pub(crate) mod report;
pub(crate) mod rescore;
pub(crate) mod resolve;
pub(crate) mod rollback;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod tables;
pub(crate) mod verify;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use promptassay_registry::files::{check_inside, create_new, repository_root};
use promptassay_registry::problem::{Problem, shell_word};
use promptassay_registry::tree::no_directory;
use serde::Serialize;

use crate::arguments::{Arguments, Command, GlobalArguments, OutputFormat};
use crate::console::Console;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;

/// Beside the prompts directory: runs, and replies that were paid for.
const OWN_DIRECTORY: &str = ".promptassay";

/// Where runs are kept, seen from there as well.
const RUNS_DIRECTORY: &str = ".promptassay/runs";

/// Where answers are cached, seen from there as well.
const CACHE_DIRECTORY: &str = ".promptassay/cache";

const IGNORE_ALL: &str = "# Written by promptassay: runs and the cache hold what models said. Remove this file to commit them.\n*\n";

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) console: Console,
    pub(crate) format: OutputFormat,
    /// The prompts directory; it may not exist.
    pub(crate) prompts: PathBuf,
    /// The directory that `--prompts` or its environment variable names.
    named: Option<PathBuf>,
}

impl Context<'_> {
    /// The same, with errors alone being said.
    pub(crate) fn quietly(&self) -> Self {
        let console = Console { quiet: true, ..self.console };
        Self { console, prompts: self.prompts.clone(), named: self.named.clone(), ..*self }
    }
}

/// Runs a command and says how the process ends.
pub(crate) fn run(arguments: Arguments, environment: &Environment) -> Exit {
    let context = Context {
        environment,
        console: Console::new(&arguments.global, environment),
        format: arguments.global.output_format(),
        prompts: prompts_directory(&arguments.global, environment),
        named: arguments.global.prompts.clone(),
    };
    let result = match arguments.command {
        Command::Init(arguments) => init::run(&arguments, &context),
        Command::New(arguments) => new::run(&arguments, &context),
        Command::Add(arguments) => add::run(&arguments, &context),
        Command::Register(arguments) => register::run(&arguments, &context),
        Command::List(arguments) => list::run(&arguments, &context),
        Command::Show(arguments) => show::run(&arguments, &context),
        Command::Render(arguments) => render::run(&arguments, &context),
        Command::Diff(arguments) => diff::run(&arguments, &context),
        Command::Log(arguments) => log::run(&arguments, &context),
        Command::Activate(arguments) => activate::run(&arguments, &context),
        Command::Check(arguments) => check::run(&arguments, &context),
        Command::Eval(arguments) => eval::run(&arguments, &context),
        Command::Cache(arguments) => cache::run(&arguments, &context),
        Command::Replies(arguments) => replies::run(&arguments, &context),
        Command::Mock(arguments) => mock::run(&arguments, &context),
        Command::Report(arguments) => report::run(&arguments, &context),
        Command::Merge(arguments) => merge::run(&arguments, &context),
        Command::Rescore(arguments) => rescore::run(&arguments, &context),
        Command::Compare(arguments) => compare::run(&arguments, &context),
        Command::Baseline(arguments) => baseline::run(&arguments, &context),
        Command::Runs(arguments) => runs::run(&arguments, &context),
        Command::Status(arguments) => status::run(&arguments, &context),
        Command::Promote(arguments) => promote::run(&arguments, &context),
        Command::Adopt(arguments) => adopt::run(&arguments, &context),
        Command::Canary(arguments) => canary::run(&arguments, &context),
        Command::Abort(arguments) => abort::run(&arguments, &context),
        Command::Rollback(arguments) => rollback::run(&arguments, &context),
        Command::Deprecate(arguments) => deprecate::run(&arguments, &context),
        Command::Archive(arguments) => archive::run(&arguments, &context),
        Command::History(arguments) => history::run(&arguments, &context),
        Command::Blame(arguments) => blame::run(&arguments, &context),
        Command::Verify(arguments) => verify::run(&arguments, &context),
        Command::Repair(arguments) => repair::run(&arguments, &context),
        Command::Resolve(arguments) => resolve::run(&arguments, &context),
        Command::Snapshot(arguments) => snapshot::run(&arguments, &context),
        Command::Experiment(arguments) => experiment::run(&arguments, &context),
        Command::Assign(arguments) => assign::run(&arguments, &context),
        Command::Expose(arguments) => record::expose(&arguments, &context),
        Command::Record(arguments) => record::record(&arguments, &context),
        Command::Import(arguments) => tables::import(&arguments, &context),
        Command::Export(arguments) => tables::export(&arguments, &context),
        Command::Analyze(arguments) => analyze::run(&arguments, &context),
        Command::Power(arguments) => power::run(&arguments, &context),
        Command::Simulate(arguments) => plan::simulate(&arguments, &context),
        Command::Schema(arguments) => schema::run(&arguments, &context),
        Command::Completions(arguments) => completions::run(&arguments, &context),
        Command::Man(arguments) => man::run(&arguments, &context),
    };
    match result {
        Ok(exit) => exit,
        Err(Failure { exit, problems }) => {
            context.console.problems(&problems);
            exit
        }
    }
}

/// The directory that was asked for, else `prompts` here or in the nearest directory above that has one, up to the repository's root.
/// Relative where it can be, so that messages stay short.
fn prompts_directory(arguments: &GlobalArguments, environment: &Environment) -> PathBuf {
    if let Some(directory) = &arguments.prompts {
        return directory.clone();
    }
    let mut up = PathBuf::new();
    for directory in environment.directory.ancestors() {
        if directory.join("prompts").is_dir() {
            return up.join("prompts");
        }
        if directory.join(".git").exists() {
            break;
        }
        up.push("..");
    }
    PathBuf::from("prompts")
}

/// An option with a directory, as a command that a help tells to type has it behind what else it says; empty without one.
fn option(name: &str, directory: Option<&Path>) -> String {
    let directory = directory.map(Path::to_string_lossy);
    directory.map(|directory| format!(" {name} {}", shell_word(&directory))).unwrap_or_default()
}

impl Context<'_> {
    /// Writes data: the text for people, or the value as JSON, whichever was asked for.
    pub(crate) fn answer(
        &self,
        text: impl FnOnce() -> String,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Exit, Failure> {
        match self.format {
            OutputFormat::Human => self.data(text())?,
            OutputFormat::Json => self.json(value)?,
        }
        Ok(Exit::Success)
    }

    /// How another command finds these prompts, behind what else it says: empty, or ` --prompts DIR`.
    pub(crate) fn option(&self) -> String {
        option("--prompts", self.named.as_deref())
    }

    /// The root of the repository that the prompts directory is in.
    pub(crate) fn repository(&self) -> Result<PathBuf, Failure> {
        repository_root(&self.prompts)
            .map_err(|error| Failure::invalid_one(no_directory(&self.prompts, &error)))
    }

    /// The prompts directory within the repository, with `/`: by it runs are told apart that several directories keep in one place.
    pub(crate) fn prompts_in_the_repository(&self) -> Option<String> {
        let (root, prompts) =
            (fs::canonicalize(self.repository().ok()?).ok()?, fs::canonicalize(&self.prompts).ok()?);
        let parts = prompts.strip_prefix(&root).ok()?.iter().map(|part| part.to_str());
        Some(parts.collect::<Option<Vec<&str>>>()?.join("/"))
    }

    /// What is kept beside the prompts: runs and replies.
    pub(crate) fn own_directory(&self) -> Result<PathBuf, Failure> {
        self.within_the_repository(OWN_DIRECTORY)
    }

    /// A place of ours, which is no link out of the repository: what models said is neither written nor looked for elsewhere.
    fn within_the_repository(&self, path: &str) -> Result<PathBuf, Failure> {
        let repository = self.repository()?;
        let path = repository.join(path);
        check_inside(&path, &repository).map_err(|problem| {
            let help = "remove the link: the directory is made anew, and `--runs` puts runs elsewhere";
            Failure::invalid_one((*problem).help(help))
        })?;
        Ok(path)
    }

    /// Where runs are kept, unless somebody says where.
    pub(crate) fn runs_directory(&self) -> Result<PathBuf, Failure> {
        self.own_directory()?;
        self.within_the_repository(RUNS_DIRECTORY)
    }

    /// Where replies are cached.
    pub(crate) fn cache_directory(&self) -> Result<PathBuf, Failure> {
        self.own_directory()?;
        self.within_the_repository(CACHE_DIRECTORY)
    }

    /// Has git ignore what is about to be kept, because it holds what models said. Where this cannot be written, neither can what
    /// comes after it, and that says so.
    pub(crate) fn keep_from_git(&self) -> Result<(), Failure> {
        let directory = self.own_directory()?;
        let file = directory.join(".gitignore");
        if !file.exists() && fs::create_dir_all(&directory).is_ok() {
            let _ = create_new(&file, IGNORE_ALL);
        }
        Ok(())
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&self, value: &(impl Serialize + ?Sized)) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value).map_err(|error| {
            Failure::broken(Problem::error(
                "cli::no_json",
                format!("the result cannot be written as JSON: {error}"),
            ))
        })?;
        text.push('\n');
        self.data(text)
    }

    /// Writes data to standard output.
    pub(crate) fn data(&self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.data_of(&mut bytes.as_ref())
    }

    /// Writes everything that `source` gives to standard output.
    pub(crate) fn data_of(&self, source: &mut dyn Read) -> Result<(), Failure> {
        self.console.data(source).map_err(|error| {
            Failure::broken(Problem::error(
                "cli::cannot_write",
                format!("cannot write to standard output: {error}"),
            ))
        })
    }
}
