//! `promptassay check`: everything that can be known without asking a model.

mod files;
mod frozen;
mod recorded;
mod running;
mod unread;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_lifecycle::pending;
use promptassay_registry::files::matches_glob;
use promptassay_registry::problem::{self, Problem, has_errors};
use promptassay_registry::tree::{FindPromptError, Loaded, Prompt};
use serde::Serialize;

use self::files::Files;
use self::running::Started;
use super::{Context, schema};
use crate::arguments::OutputFormat;
use crate::exit::Exit;
use crate::experiments::StoreArguments;
use crate::failure::Failure;
use crate::lifecycle::{Governed, finish_interrupted, governed, ledger_of};
use crate::prompts;
use crate::table::{GREEN, RED, count, paint};

const EXAMPLES: &str = "Examples:
  promptassay check                      every file of the prompts directory
  promptassay check customer_support     one prompt, and what all prompts share
  promptassay check 'customer_*'         those that are called so
  promptassay check --locked             in a pipeline: unregistered versions are errors
  promptassay check prompts/greet/v1.1.0.txt   the prompt that a file belongs to, as commit hooks name it
  promptassay check --frozen-since HEAD        in a commit hook: nothing that is registered is removed or rewritten
  promptassay check --format json | jq -r '.problems[].code'

Exit codes: 0 all files are sound (there may be warnings), 2 there is an error.";

/// Check all files: prompts, versions, locks, suites, replies, ledgers, registry.yaml.
///
/// Everything that is wrong is reported at once, each with its place. Where there is a store of experiments, it is asked whether their files
/// are there and still say what was started. No model is asked, and nothing is written, with one exception:
/// a move of the lifecycle that a crash interrupted is finished, and that is said.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The prompts, with `*` and `?`, or files of theirs; without any, all.
    #[arg(value_name = "PROMPT")]
    names: Vec<String>,
    /// Refuse versions that are not registered.
    #[arg(long)]
    locked: bool,
    /// Check one thing only: that what is registered at a commit, such as HEAD, is there as it was.
    #[arg(long, value_name = "REF", conflicts_with_all = ["names", "locked"])]
    frozen_since: Option<String>,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    prompts: usize,
    versions: usize,
    /// Suites are not read where one thing only is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<usize>,
    errors: usize,
    warnings: usize,
    problems: &'a [Problem],
}

pub(crate) fn run(arguments: &CheckArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    if let Some(reference) = &arguments.frozen_since {
        let loaded = context.load();
        let problems = frozen::problems(reference, &loaded, context)?;
        return answer(&loaded.tree.prompts().collect::<Vec<_>>(), None, problems, context);
    }
    let (loaded, finished) = finish(context)?;
    let names = names(&arguments.names, &loaded);
    let mut problems = unknown_names(&loaded, &names);
    problems.extend(finished);
    let chosen = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let prompts: Vec<&Prompt> =
        loaded.tree.prompts().filter(|prompt| chosen(prompt.name().as_str())).collect();
    problems.extend(of_the_tree(&loaded, &chosen));
    problems.extend(schema::outdated(loaded.tree.root()));
    let now = context.environment.now();
    let mut files = Files::new(&loaded.tree, &mut problems);
    let mut started = Started::new(&arguments.store, &loaded, now, &mut problems);
    for prompt in &prompts {
        files.check(prompt, &mut started, &mut problems);
        if arguments.locked {
            problems.extend(files::unregistered(prompt));
        }
    }
    for broken in loaded.tree.broken().iter().filter(|broken| chosen(&broken.name)) {
        files::check_broken(broken, &mut problems);
    }
    started.gone(chosen, &mut problems);
    let cases = files.cases();
    answer(&prompts, Some(cases), problems, context)
}

fn answer(
    prompts: &[&Prompt],
    cases: Option<usize>,
    mut problems: Vec<Problem>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    problem::sort(&mut problems);
    problems.dedup();
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let answer = Answer {
        ok: errors == 0,
        prompts: prompts.len(),
        versions: prompts.iter().map(|prompt| prompt.versions().len()).sum(),
        cases,
        errors,
        warnings: problems.len() - errors,
        problems: &problems,
    };
    match context.format {
        OutputFormat::Json => context.json(&answer)?,
        OutputFormat::Human => {
            context.console.problems(&problems);
            conclude(&answer, context)?;
        }
    }
    Ok(if has_errors(&problems) { Exit::Invalid } else { Exit::Success })
}

/// The names that are asked for; none means all. A pattern stands for all prompts that are called so. A path stands for the prompt that it
/// belongs to, and one that belongs to no prompt, such as that of registry.yaml, for all.
fn names(arguments: &[String], loaded: &Loaded) -> Vec<String> {
    let root = real(loaded.tree.root());
    let of_prompts = |argument: &String| {
        if !argument.contains(['/', std::path::MAIN_SEPARATOR]) {
            let matching = called_like(argument, loaded);
            return Some(if matching.is_empty() { vec![argument.clone()] } else { matching });
        }
        let path = real(Path::new(argument));
        let first = path.strip_prefix(&root).ok()?.components().next()?;
        let name = first.as_os_str().to_str()?;
        let is_prompt = !matches!(loaded.tree.find(name), Err(FindPromptError::Unknown { .. }));
        is_prompt.then(|| vec![name.to_owned()])
    };
    arguments.iter().map(of_prompts).collect::<Option<Vec<_>>>().unwrap_or_default().concat()
}

/// The prompts that a pattern means.
fn called_like(pattern: &str, loaded: &Loaded) -> Vec<String> {
    let sound = loaded.tree.prompts().map(|prompt| prompt.name().as_str());
    let all = sound.chain(loaded.tree.broken().iter().map(|prompt| prompt.name.as_str()));
    all.filter(|name| matches_glob(pattern, name)).map(str::to_owned).collect()
}

/// A path without links, as far as it is there: a file may have been deleted, and its directory with it.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|ancestor| {
        let rest = path.strip_prefix(ancestor).ok()?;
        Some(fs::canonicalize(ancestor).ok()?.join(rest))
    });
    // A path joined with nothing ends with a separator; its components do not.
    real.unwrap_or(path).components().collect()
}

/// The tree, after every move of the lifecycle that a crash interrupted is finished; which ones, as warnings.
fn finish(context: &Context<'_>) -> Result<(Loaded, Vec<Problem>), Failure> {
    let loaded = context.load();
    let interrupted: Vec<Governed> =
        governed(&loaded).into_iter().filter(|governed| pending::exists(&governed.directory)).collect();
    if interrupted.is_empty() {
        return Ok((loaded, Vec::new()));
    }
    let lock = context.lock()?;
    let mut finished = Vec::new();
    for Governed { name, .. } in &interrupted {
        let ledger = ledger_of(name, context)?;
        // A ledger that cannot be trusted finishes nothing; what is wrong with it is reported with the rest.
        if !has_errors(&ledger.problems()) {
            finished.extend(finish_interrupted(&lock, name, &ledger, context)?);
        }
    }
    Ok((context.load(), finished))
}

/// The problems of the tree, without those of prompts that nobody asks for.
fn of_the_tree(loaded: &Loaded, chosen: &impl Fn(&str) -> bool) -> Vec<Problem> {
    let sound = loaded.tree.prompts().map(|prompt| (prompt.name().as_str(), prompt.directory()));
    let broken = loaded.tree.broken().iter().map(|prompt| (prompt.name.as_str(), prompt.directory.as_path()));
    let elsewhere: Vec<_> =
        sound.chain(broken).filter(|(name, _)| !chosen(name)).map(|(_, directory)| directory).collect();
    let concerns = |problem: &&Problem| {
        let file = problem.place.as_ref().map(|place| &place.file);
        !file.is_some_and(|file| elsewhere.iter().any(|directory| file.starts_with(directory)))
    };
    loaded.problems.iter().filter(concerns).cloned().collect()
}

fn unknown_names(loaded: &Loaded, names: &[String]) -> Vec<Problem> {
    let unknown = |name: &String| match loaded.tree.find(name) {
        Err(FindPromptError::Unknown { name, help }) if name.contains(['*', '?']) => {
            let message = format!("no prompt is called like `{}`", name.escape_debug());
            Some(Problem::error("cli::unknown_prompt", message).help(help))
        }
        Err(FindPromptError::Unknown { name, help }) => Some(prompts::unknown(&name, help)),
        Ok(_) | Err(FindPromptError::Broken(_)) => None,
    };
    names.iter().filter_map(unknown).collect()
}

fn conclude(answer: &Answer<'_>, context: &Context<'_>) -> Result<(), Failure> {
    let warnings = match answer.warnings {
        0 => String::new(),
        warnings => format!("; {}", count(warnings, "warning")),
    };
    if answer.ok {
        if !context.console.quiet {
            let checked: Vec<String> = [count(answer.prompts, "prompt"), count(answer.versions, "version")]
                .into_iter()
                .chain(answer.cases.map(|cases| count(cases, "case")))
                .collect();
            let ok = paint(context.console.color, GREEN, "ok");
            context.data(format!("{ok}: {}{warnings}\n", checked.join(", ")))?;
        }
    } else {
        let refused = paint(context.console.error_color, RED, &count(answer.errors, "error"));
        context.console.note(&format!("\n{refused}{warnings}"));
    }
    Ok(())
}
