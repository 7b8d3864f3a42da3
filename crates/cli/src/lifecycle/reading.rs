//! Finds ledgers and the policy, or says why they cannot be built upon.

use std::path::PathBuf;

use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::policy::{KEY, Policy};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Problem, Severity, has_errors};
use promptassay_registry::registry_file;
use promptassay_registry::tree::{Loaded, Prompt};

use crate::commands::Context;
use crate::failure::Failure;

/// A prompt's directory; the prompt itself may be broken, and its ledger can still be read.
#[derive(Debug, Clone)]
pub(crate) struct Governed {
    pub(crate) name: PromptName,
    pub(crate) directory: PathBuf,
}

/// Every directory of a prompt with a sound name, sound or not itself, by name.
pub(crate) fn governed(loaded: &Loaded) -> Vec<Governed> {
    let sound = loaded
        .tree
        .prompts()
        .map(|prompt| Governed { name: prompt.name().clone(), directory: prompt.directory().to_owned() });
    let broken = loaded.tree.broken().iter().filter_map(|prompt| {
        let name = prompt.name.parse().ok()?;
        Some(Governed { name, directory: prompt.directory.clone() })
    });
    let mut all: Vec<Governed> = sound.chain(broken).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Errors of what lies in the prompts directory and is no prompt whose ledger can be found: there may be one that nobody looks at.
pub(crate) fn passed_over(loaded: &Loaded) -> Vec<Problem> {
    let known = governed(loaded);
    let of_registry = loaded.tree.root().join(registry_file::FILE_NAME);
    let is_passed_over = |problem: &&Problem| {
        let file = problem.place.as_ref().map(|place| &place.file);
        let is_known = |file: &PathBuf| {
            *file == of_registry || known.iter().any(|governed| file.starts_with(&governed.directory))
        };
        problem.is_error() && !file.is_some_and(is_known)
    };
    loaded.problems.iter().filter(is_passed_over).cloned().collect()
}

/// Where the files of a prompt are.
pub(crate) fn directory_of(name: &PromptName, context: &Context<'_>) -> PathBuf {
    context.prompts.join(name.as_str())
}

/// The ledger of a prompt as it is, with whatever is wrong with it; empty where there is none.
pub(crate) fn ledger_of(name: &PromptName, context: &Context<'_>) -> Result<Ledger, Failure> {
    let directory = directory_of(name, context);
    Ledger::read(&directory, name).map_err(|problem| Failure::invalid_one(*problem))
}

/// The ledger without faults; a torn tail never happened and is a remark.
pub(crate) fn trusted(prompt: &Prompt, context: &Context<'_>) -> Result<Ledger, Failure> {
    let ledger = ledger_of(prompt.name(), context)?;
    if ledger.faults().is_empty() { Ok(ledger) } else { Err(Failure::invalid(ledger.problems())) }
}

/// The same ledger, if something may be built on it.
pub(crate) fn sound(ledger: Ledger) -> Result<Ledger, Failure> {
    let problems = ledger.problems();
    if has_errors(&problems) { Err(Failure::invalid(problems)) } else { Ok(ledger) }
}

/// The ledger of a prompt that must have one, as far as it can be trusted: a torn tail never happened.
pub(crate) fn history_of(name: &PromptName, context: &Context<'_>) -> Result<Ledger, Failure> {
    if !ledger::exists(&directory_of(name, context)) {
        // A name that is not there is answered with the closest one.
        context.prompt(name.as_str())?;
        return Err(Failure::invalid_one(
            Problem::error("lifecycle::no_ledger", format!("`{name}` has no ledger")).help(format!(
                "a ledger begins with `promptassay adopt {name} VERSION` or `promptassay promote {name} VERSION --to testing`"
            )),
        ));
    }
    let ledger = ledger_of(name, context)?;
    if ledger.faults().is_empty() { Ok(ledger) } else { Err(Failure::invalid(ledger.problems())) }
}

/// The policy of registry.yaml. A file with mistakes sets no policy, and none is made up in its place.
pub(crate) fn policy_of(loaded: &Loaded) -> Result<Policy, Failure> {
    let mut problems: Vec<Problem> = of_registry(loaded).collect();
    let policy = match &loaded.tree.registry().document {
        Some(document) => Policy::read(document, &mut problems),
        None => Policy::default(),
    };
    if has_errors(&problems) { Err(Failure::invalid(problems)) } else { Ok(policy) }
}

/// The same for whoever goes back, and what else is wrong in the file, as warnings: where the policy stands there, a key that nobody knows keeps
/// nobody from ending what harms.
pub(crate) fn policy_to_go_back(loaded: &Loaded) -> Result<(Policy, Vec<Problem>), Failure> {
    let document = loaded.tree.registry().document.as_ref();
    let Some(document) = document.filter(|document| document.keys_at(&[]).iter().any(|(key, _)| *key == KEY))
    else {
        // What cannot be read, or is misspelt, may well be the policy.
        return policy_of(loaded).map(|policy| (policy, Vec::new()));
    };
    let section = format!("`{KEY}`");
    let is_twice =
        |problem: &Problem| problem.code == "yaml::duplicate_key" && problem.message.contains(&section);
    let (mut problems, others): (Vec<Problem>, Vec<Problem>) = of_registry(loaded).partition(is_twice);
    let policy = Policy::read(document, &mut problems);
    if has_errors(&problems) {
        return Err(Failure::invalid(problems));
    }
    let warnings = others.into_iter().map(|problem| Problem { severity: Severity::Warning, ..problem });
    Ok((policy, warnings.collect()))
}

/// The mistakes of registry.yaml as a file; what stands in its sections is for others to read.
fn of_registry(loaded: &Loaded) -> impl Iterator<Item = Problem> {
    let file = loaded.tree.root().join(registry_file::FILE_NAME);
    let is_of_file = move |problem: &&Problem| {
        problem.is_error() && problem.place.as_ref().is_some_and(|place| place.file == file)
    };
    loaded.problems.iter().filter(is_of_file).cloned()
}
