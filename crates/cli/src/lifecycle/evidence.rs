//! What allows a move: the evidence of a run, held against the files of today, or broken glass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::evidence::gate_digest;
use promptassay_evaluator::gate;
use promptassay_evaluator::plan::{self, PromptInput, VersionRequest};
use promptassay_evaluator::policy::Margin;
use promptassay_evaluator::runs::RunDirectory;
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite;
use promptassay_lifecycle::evidence::{Evidence, FILE_NAME, MAX_EVIDENCE_BYTES, ModelToday, Today, Verdict};
use promptassay_lifecycle::plan::Warrant;
use promptassay_registry::files::read_text;
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::tree::{Loaded, Prompt};
use promptassay_registry::version::{Version, VersionSelector};

use crate::commands::Context;
use crate::commands::eval::journal::{RunsArguments, described};
use crate::commands::eval::versions;
use crate::commands::runs::judged::{Judged, Kept};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::prompts;

/// What a move to canary or production brings along.
#[derive(Debug, Clone, Args)]
pub(crate) struct WarrantArguments {
    /// The run that proves it: `latest`, an id or its beginning, a run's directory, or a file.
    #[arg(long, value_name = "RUN")]
    pub(crate) evidence: Option<String>,
    /// Override the policy where it allows that; needs a reason, and is shown wherever the version is.
    #[arg(long, conflicts_with = "evidence")]
    pub(crate) break_glass: bool,
    #[command(flatten)]
    pub(crate) runs: RunsArguments,
}

impl WarrantArguments {
    /// What they come to for this version.
    pub(crate) fn warrant(
        &self,
        version: &Version,
        loaded: &Loaded,
        prompt: &Prompt,
        context: &Context<'_>,
    ) -> Result<Warrant, Failure> {
        if self.break_glass {
            return Ok(Warrant::BreakGlass);
        }
        let Some(reference) = &self.evidence else { return Ok(Warrant::None) };
        let path = self.file(reference, context)?;
        let evidence = read(&path)?;
        confirm(&path, &evidence, (prompt.name(), version), context)?;
        let today = today(version, loaded, prompt)?;
        Ok(Warrant::Evidence(Box::new((evidence, today))))
    }

    fn file(&self, reference: &str, context: &Context<'_>) -> Result<PathBuf, Failure> {
        let path = PathBuf::from(reference);
        if path.is_file() {
            return Ok(path);
        }
        let directory = self.runs.find(reference, context)?;
        let path = directory.path().join(FILE_NAME);
        if path.is_file() {
            return Ok(path);
        }
        let message = format!("the run `{}` left no evidence", directory.path().display());
        Err(Failure::invalid_one(
            Problem::error("lifecycle::no_evidence", message).at(Place::whole_file(path)).help(
                "a run leaves evidence when it came to its end and every case of the suite was asked by the rules of the files: no `--case`, `--tag`, `--model`, `--sample`, no shard, no option for the gate",
            ),
        ))
    }
}

fn read(path: &Path) -> Result<Evidence, Failure> {
    let text = read_text(path, MAX_EVIDENCE_BYTES).map_err(|problem| Failure::invalid_one(*problem))?;
    Evidence::parse(&text).map_err(|error| {
        Failure::invalid_one(
            Problem::error("lifecycle::invalid_evidence", error.to_string())
                .at(Place::whole_file(path))
                .help(error.help),
        )
    })
}

/// Holds evidence against the run beside which it lies: its journal says what its gate comes to. A file that was taken elsewhere stands
/// for itself.
fn confirm(
    path: &Path,
    evidence: &Evidence,
    (prompt, version): (&PromptName, &Version),
    context: &Context<'_>,
) -> Result<(), Failure> {
    let directory = path.parent().filter(|_| path.file_name().is_some_and(|name| name == FILE_NAME));
    let Some(directory) = directory.and_then(RunDirectory::at) else { return Ok(()) };
    let (directory, file) = described(directory)?;
    let kept = Kept::read(&directory, &file, context)?;
    let contradicts = |said: &str| {
        let message = format!("the evidence says `passed`, and its own run {said}");
        let help = "one of the run's files was changed or lost something since; evaluate again";
        let problem = Problem::error("lifecycle::evidence_contradicted", message);
        Failure { exit: Exit::Failed, problems: vec![problem.at(Place::whole_file(path)).help(help)] }
    };
    for finding in &evidence.findings {
        let details = &finding.details;
        if (&finding.prompt, &finding.version) != (prompt, version) || details.verdict != Verdict::Passed {
            continue;
        }
        if details.run != file.id.as_str() {
            return Err(contradicts(&format!("is {}, and not {}", file.id, details.run)));
        }
        if kept.state != "complete" {
            return Err(contradicts(&format!("did not come to its end ({})", kept.state)));
        }
        let row = &details.model.row;
        let judged = kept.candidates.iter().find(|candidate| {
            candidate.prompt == prompt.as_str()
                && candidate.version == version.number()
                && candidate.model == *row
        });
        match judged {
            None => return Err(contradicts(&format!("did not judge {version} on `{row}`"))),
            // Without a verdict, what was blessed then is not there any more, and nobody can tell.
            Some(Judged { verdict: None | Some(gate::Verdict::Passed), .. }) => {}
            Some(Judged { verdict: Some(verdict), .. }) => {
                return Err(contradicts(&format!("comes to {} on `{row}`", verdict.as_str())));
            }
        }
    }
    Ok(())
}

/// What there is today of a version: the same digests that an evaluation would have. What cannot be evaluated today cannot be
/// compared, and its mistakes are the answer.
fn today(version: &Version, loaded: &Loaded, prompt: &Prompt) -> Result<Today, Failure> {
    let sha256 = prompts::version(prompt, Some(&VersionSelector::Exact(version.clone())))?.digest;
    let mut problems = Vec::new();
    let plan = plan_of(version, loaded, prompt, &mut problems);
    let (Some(plan), false) = (plan, has_errors(&problems)) else {
        problems.retain(Problem::is_error);
        problems.push(
            Problem::error(
                "lifecycle::cannot_compare",
                format!("{version} cannot be evaluated today, so no evidence can be held against it"),
            )
            .help("correct the files; nothing was changed"),
        );
        return Err(Failure::invalid(problems));
    };
    let planned = &plan.prompts()[0];
    let models = planned.variants.iter().map(|variant| {
        let row = ModelToday { model: variant.model.model.clone(), params: Some(variant.params_digest()) };
        (variant.model.name.clone(), row)
    });
    Ok(Today {
        prompt: prompt.name().clone(),
        sha256,
        interface: planned.interface,
        suite: Some(planned.suite.digest),
        gate: Some(gate_digest(&planned.suite.policy)),
        has_margin: planned.suite.policy.margin.value != Margin::None,
        models: models.collect::<BTreeMap<_, _>>(),
    })
}

fn plan_of(
    version: &Version,
    loaded: &Loaded,
    prompt: &Prompt,
    problems: &mut Vec<Problem>,
) -> Option<plan::Plan> {
    let tree = &loaded.tree;
    let mut settings = match &tree.registry().document {
        Some(document) => Settings::read(document, problems),
        None => Settings::default(),
    };
    // Nothing is run here; whoever evaluated has decided about programs.
    settings.allow_commands = true;
    let suite = suite::of_prompt(prompt, tree.repository_root(), &settings, problems)?;
    let request = VersionRequest { only: vec![version.clone()], ..VersionRequest::default() };
    match plan::choose(prompt.name().as_str(), &versions(prompt), version, &request) {
        Ok(versions) => plan::build(vec![PromptInput { prompt, suite, versions }], &settings, problems),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}
