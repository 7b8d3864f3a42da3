//! The case of a suite whose question is rendered.

use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{self, Case};
use promptassay_registry::problem::{Place, Problem, closest, has_errors};
use promptassay_registry::tree::{Prompt, Tree};

use crate::failure::Failure;

/// The case of this name in the suite of `prompt`. A suite with mistakes has none.
pub(super) fn find(name: &str, prompt: &Prompt, tree: &Tree) -> Result<Case, Failure> {
    let mut problems = Vec::new();
    let mut settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut problems),
        None => Settings::default(),
    };
    // No program is run to render.
    settings.allow_commands = true;
    let suite = suite::of_prompt(prompt, tree.repository_root(), &settings, &mut problems);
    let Some(suite) = suite.filter(|_| !has_errors(&problems)) else {
        return Err(Failure::invalid(problems.into_iter().filter(Problem::is_error).collect()));
    };
    let close = closest(name, suite.cases.iter().map(|case| case.name.as_str())).map(str::to_owned);
    suite.cases.into_iter().find(|case| case.name == name).ok_or_else(|| {
        let message = format!("{} has no case `{}`", prompt.name(), name.escape_debug());
        let help = close.map_or_else(
            || "its cases stand in the suite, and in the datasets that it names".to_owned(),
            |close| format!("did you mean `{close}`?"),
        );
        let problem = Problem::error("cli::unknown_case", message).help(help);
        Failure::invalid_one(problem.at(Place::whole_file(prompt.suite_path())))
    })
}
