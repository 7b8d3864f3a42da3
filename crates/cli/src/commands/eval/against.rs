//! `--against-baseline`: candidates are compared with blessed results instead of with a version that is asked again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::comparison::Baseline;
use promptassay_evaluator::gate::Against;
use promptassay_evaluator::plan::{Plan, PromptInput};
use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Place, Problem};

use crate::failure::Failure;

/// The largest blessed file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// What candidates are compared with.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AgainstArguments {
    /// Compare with the blessed results in `tests/baseline.json` of each prompt; no baseline is asked again.
    #[arg(long)]
    against_baseline: bool,
}

/// Blessed files by prompt; `None` where they are not asked for.
#[derive(Debug, Default)]
pub(crate) struct Blessed(Option<BTreeMap<String, Baseline>>);

impl AgainstArguments {
    /// Takes the baselines out of what is asked, where blessed results stand in for them.
    pub(crate) fn apply_to(&self, inputs: &mut [PromptInput<'_>]) {
        if !self.against_baseline {
            return;
        }
        for input in inputs {
            if input.versions.baseline.take().is_some() || !input.versions.candidates.is_empty() {
                input.versions.why.push_str("; compared with what was blessed");
            }
        }
    }

    /// Asks three times where a margin is set and nobody wrote how often, as beside a baseline that is asked.
    pub(crate) fn repeat_under_a_margin(&self, inputs: &mut [PromptInput<'_>]) {
        for input in inputs.iter_mut().filter(|_| self.against_baseline) {
            if let Some(why) = input.suite.repeat_under_a_margin() {
                input.versions.why = format!("{}; {why}", input.versions.why);
            }
        }
    }

    /// The blessed files of the prompts of a plan. One that is missing or cannot be used is an error, before the first question.
    pub(crate) fn blessed(&self, plan: &Plan) -> Result<Blessed, Failure> {
        if !self.against_baseline {
            return Ok(Blessed(None));
        }
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        for prompt in plan.prompts() {
            let path = blessed_path(&prompt.suite.file);
            if !path.exists() {
                let message =
                    format!("{}: nothing is blessed: there is no `{}`", prompt.name, path.display());
                let help = format!("evaluate it, then `promptassay baseline bless latest {}`", prompt.name);
                problems.push(Problem::error("baseline::absent", message).help(help));
                continue;
            }
            match read_blessed(&path) {
                Ok(baseline) => {
                    files.insert(prompt.name.to_string(), baseline);
                }
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() { Ok(Blessed(Some(files))) } else { Err(Failure::invalid(problems)) }
    }
}

impl Blessed {
    /// What the gates compare with.
    pub(crate) fn against(&self) -> Against<'_> {
        self.0.as_ref().map_or(Against::Plan, Against::Blessed)
    }
}

/// Where the blessed results stand of the prompt that has its suite in this file.
pub(crate) fn blessed_path(suite: &Path) -> PathBuf {
    suite.with_file_name("baseline.json")
}

/// Reads a blessed file.
pub(crate) fn read_blessed(path: &Path) -> Result<Baseline, Box<Problem>> {
    let text = read_text(path, MAX_BYTES)?;
    Baseline::parse(&text).map_err(|error| {
        let problem = Problem::error("baseline::invalid", format!("this cannot be compared with: {error}"));
        Box::new(
            problem
                .at(Place::whole_file(path))
                .help("bless a run anew, or take the file of an earlier commit"),
        )
    })
}
