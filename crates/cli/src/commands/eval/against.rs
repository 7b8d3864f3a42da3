//! `--against-baseline`: candidates are compared with blessed results instead of with a version that is asked again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::comparison::{Baseline, BaselineError, Side};
use promptassay_evaluator::gate::{self, Against};
use promptassay_evaluator::plan::{Plan, PromptInput};
use promptassay_evaluator::runs::{RunFile, Shard};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{may_be_there, read_text};
use promptassay_registry::merge_conflict;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem};

use crate::commands::Context;
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

/// What was blessed, by prompt.
#[derive(Debug, Default)]
pub(crate) struct Blessed {
    /// `None` where it is not asked for.
    files: Option<BTreeMap<String, Baseline>>,
    /// SHA-256 of each file.
    digests: BTreeMap<String, Digest>,
}

impl AgainstArguments {
    /// Whether blessed results stand in for baselines.
    pub(crate) fn is_asked(&self) -> bool {
        self.against_baseline
    }

    /// Takes the baselines out of what is asked, where blessed results stand in for them, and asks three times where a margin is set
    /// and nobody wrote how often, as beside a baseline that is asked. For a new run: one that goes on is planned already.
    pub(crate) fn apply_to(&self, inputs: &mut [PromptInput<'_>]) {
        if !self.against_baseline {
            return;
        }
        for input in inputs {
            if input.versions.baseline.take().is_some() || !input.versions.candidates.is_empty() {
                input.versions.why.push_str("; compared with what was blessed");
            }
            if let Some(why) = input.suite.repeat_under_a_margin() {
                input.versions.why = format!("{}; {why}", input.versions.why);
            }
        }
    }

    /// The blessed files of a run that was made before: it is compared with them as it was then, whether or not that is said again.
    /// Files that were blessed anew since are refused.
    pub(crate) fn blessed_again(&self, then: &RunFile, plan: &Plan) -> Result<Blessed, Failure> {
        let blessed = self.blessed_of_today(then, plan)?;
        let changed =
            then.blessed.iter().filter(|(prompt, digest)| blessed.digests.get(*prompt) != Some(*digest));
        let problems: Vec<Problem> = changed
            .map(|(prompt, _)| {
                let message = format!("run {} was compared with other blessed results of {prompt}", then.id);
                let help =
                    "take `tests/baseline.json` of that day, or compare with today's: `promptassay rescore`";
                Problem::error("baseline::changed", message).help(help)
            })
            .collect();
        if problems.is_empty() { Ok(blessed) } else { Err(Failure::invalid(problems)) }
    }

    /// The same with the files as they are.
    pub(crate) fn blessed_of_today(&self, then: &RunFile, plan: &Plan) -> Result<Blessed, Failure> {
        Self { against_baseline: self.against_baseline || !then.blessed.is_empty() }.blessed(plan)
    }

    /// The blessed files of the prompts of a plan. One that is missing or cannot be used is an error, before the first question.
    pub(crate) fn blessed(&self, plan: &Plan) -> Result<Blessed, Failure> {
        if !self.against_baseline {
            return Ok(Blessed::default());
        }
        let mut files = BTreeMap::new();
        let mut digests = BTreeMap::new();
        let mut problems = Vec::new();
        for prompt in plan.prompts() {
            let path = blessed_path(&prompt.suite.file);
            if !may_be_there(&path) {
                let message =
                    format!("{}: nothing is blessed: there is no `{}`", prompt.name, path.display());
                let help = format!("evaluate it, then `promptassay baseline bless latest {}`", prompt.name);
                problems.push(Problem::error("baseline::absent", message).help(help));
                continue;
            }
            match read_blessed(&path) {
                Ok((mut baseline, digest)) => {
                    if !prompt.suite.narrowed_by.is_empty() {
                        let cases = prompt.suite.cases.iter().map(|case| case.name.as_str());
                        baseline.leave(&cases.collect());
                    }
                    files.insert(prompt.name.to_string(), baseline);
                    digests.insert(prompt.name.to_string(), digest);
                }
                Err(problem) => problems.push(*problem),
            }
        }
        if problems.is_empty() {
            Ok(Blessed { files: Some(files), digests })
        } else {
            Err(Failure::invalid(problems))
        }
    }
}

impl Blessed {
    /// SHA-256 of each file, by prompt: what a run remembers.
    pub(crate) fn digests(&self) -> BTreeMap<String, Digest> {
        self.digests.clone()
    }

    /// What the gates compare with.
    pub(crate) fn against(&self) -> Against<'_> {
        self.files.as_ref().map_or(Against::Plan, Against::Blessed)
    }
}

/// Row 0 of the gate: refuses what could not pass, whatever the replies are, but for margins that a selection leaves too few cases
/// for, which are left out. A part of a plan is not judged.
pub(crate) fn refuse_infeasible(
    plan: Plan,
    shard: Option<Shard>,
    blessed: &Blessed,
) -> Result<Plan, Failure> {
    if shard.is_some() {
        return Ok(plan);
    }
    let plan = gate::without_margins_out_of_reach(plan, blessed.against());
    let refused = gate::preflight(&plan, blessed.against());
    if refused.is_empty() { Ok(plan) } else { Err(Failure::invalid(refused)) }
}

/// Where the blessed results stand of the prompt that has its suite in this file.
pub(crate) fn blessed_path(suite: &Path) -> PathBuf {
    suite.with_file_name("baseline.json")
}

/// What is blessed of a prompt on a model today, with the digest of its file; `None` where it is not there or cannot be used.
pub(crate) fn blessed_side(
    prompt: &PromptName,
    model: &str,
    context: &Context<'_>,
) -> Option<(Side, Digest)> {
    let suite = context.prompts.join(prompt.as_str()).join("tests/test_cases.yaml");
    let (baseline, digest) = read_blessed(&blessed_path(&suite)).ok()?;
    Some((baseline.side(model)?, digest))
}

/// A blessed file is there, and is none.
pub(crate) const UNREADABLE: &str = "baseline::invalid";

/// A blessed file is there, and it is that of another prompt.
pub(crate) const OF_ANOTHER: &str = "baseline::of_another_prompt";

/// Reads a blessed file; with its digest.
pub(crate) fn read_blessed(path: &Path) -> Result<(Baseline, Digest), Box<Problem>> {
    let text = read_text(path, MAX_BYTES)?;
    let baseline = Baseline::parse(&text).map_err(|error| {
        let (code, help) = match error {
            // Written by a newer program, and whole: what that knows is not this one's to throw away.
            BaselineError::UnknownSchema(_) => {
                ("baseline::schema", "use the version of promptassay that wrote it, or a newer one")
            }
            BaselineError::Invalid(_) => {
                (UNREADABLE, "bless a run anew, or take the file of an earlier commit")
            }
        };
        let merge = merge_conflict::in_data(path, &text).map(|merge| Problem { code, ..merge });
        let problem = merge.unwrap_or_else(|| {
            Problem::error(code, format!("this cannot be compared with: {error}")).at(Place::whole_file(path))
        });
        Box::new(problem.help(help))
    })?;
    // It lies in `tests/` of its prompt, whose directory is its name.
    let directory = path.parent().and_then(Path::parent).and_then(Path::file_name);
    if let Some(prompt) = directory.filter(|directory| *directory != baseline.prompt.as_str()) {
        let message = format!("these are blessed results of `{}`", baseline.prompt);
        let prompt = prompt.display();
        let help = format!(
            "bless a run of `{prompt}`: `promptassay baseline bless latest`; where the prompt was renamed, write `\"prompt\": \"{prompt}\"` here"
        );
        let problem = Problem::error(OF_ANOTHER, message).at(Place::whole_file(path));
        return Err(Box::new(problem.help(help)));
    }
    Ok((baseline, Digest::of(text)))
}
