//! Which prompts, cases and versions are evaluated: from the command line and the tree to what a plan is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use promptassay_evaluator::plan::{self, ChosenVersions, PromptChange, PromptInput, VersionRequest};
use promptassay_evaluator::runs::failed_cases;
use promptassay_evaluator::selection::{Changed, FailedIn, PromptFacts, Sample, Selection};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{self, Suite};
use promptassay_lifecycle::ledger::{self, Ledger, Standing};
use promptassay_lifecycle::verify;
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::version::{Version, VersionSelector};
use regex::Regex;

use super::changes::{self, Candidate, Git, Then, only_changed, shown};
use super::journal::{RunsArguments, broken, described};
use super::offline::versions;
use super::policy::PolicyArguments;
use super::served;
use crate::commands::Context;
use crate::failure::Failure;
use crate::lifecycle::{Asked, BesideDrafts};

/// What is evaluated.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArguments {
    /// The prompts, with `*` and `?`; without any, every prompt that has a suite.
    #[arg(value_name = "PROMPT", help_heading = Option::<&str>::None)]
    names: Vec<String>,
    /// Only prompts with this tag; may be given several times.
    #[arg(long = "prompt-tag", value_name = "TAG")]
    prompt_tags: Vec<String>,
    /// Only the case of this name, or where there is none, those in whose name the pattern is found; may be given several times.
    #[arg(long = "case", value_name = "REGEX")]
    cases: Vec<Regex>,
    /// Only cases with this tag; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only cases that did not pass in this run: `latest`, an id or its beginning.
    #[arg(long, value_name = "RUN")]
    failed_in: Option<String>,
    /// Only this model row; may be given several times.
    #[arg(long = "model", value_name = "ROW")]
    models: Vec<String>,
    /// Only so many cases of each prompt, the same ones every time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// Another sample of that size.
    #[arg(long, value_name = "N", requires = "sample", default_value_t)]
    seed: u64,
    /// Only prompts that changed since this commit, judged against what was active then.
    #[arg(long, value_name = "REF")]
    changed_since: Option<String>,
    /// Judge exactly this version, alone; may be given several times.
    #[arg(long = "version", value_name = "VERSION", conflicts_with_all = ["candidates", "baseline"])]
    only: Vec<Version>,
    /// Judge what users are served, each version alone: the one in production, else the active one, and a canary that runs.
    #[arg(long, conflicts_with_all = ["only", "candidates", "baseline", "changed_since"])]
    served: bool,
    /// Judge this version; may be given several times.
    #[arg(long = "candidate", value_name = "VERSION")]
    candidates: Vec<Version>,
    /// Compare with this version instead of the one in production, or the active one.
    #[arg(long, value_name = "VERSION", conflicts_with = "against_baseline")]
    baseline: Option<Version>,
}

/// What the selection comes to.
pub(super) enum Selected<'a> {
    /// These prompts. Without errors among the problems, at least one.
    Inputs(Vec<PromptInput<'a>>),
    /// Only changes are asked for, and there are none.
    NothingChanged,
}

impl SelectionArguments {
    /// What selects, as it was written: `prompts`, `--case` and so on.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let given = [
            ("prompts", !self.names.is_empty()),
            ("`--prompt-tag`", !self.prompt_tags.is_empty()),
            ("`--case`", !self.cases.is_empty()),
            ("`--tag`", !self.tags.is_empty()),
            ("`--failed-in`", self.failed_in.is_some()),
            ("`--model`", !self.models.is_empty()),
            ("`--sample`", self.sample.is_some()),
            ("`--changed-since`", self.changed_since.is_some()),
            ("`--version`", !self.only.is_empty()),
            ("`--served`", self.served),
            ("`--candidate`", !self.candidates.is_empty()),
            ("`--baseline`", self.baseline.is_some()),
        ];
        given.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect()
    }

    /// Reads the suites of the prompts that are meant and takes what is wanted of them. The problems of the tree that concern these
    /// prompts are added to `problems`, with everything else that is wrong.
    pub(super) fn inputs<'a>(
        &self,
        tree: &'a Tree,
        of_tree: Vec<Problem>,
        failed_in: Option<FailedIn>,
        then: Option<Result<Then<'_>, Box<Problem>>>,
        (settings, flags, is_replay, now): (&Settings, &PolicyArguments, bool, Timestamp),
        problems: &mut Vec<Problem>,
    ) -> Selected<'a> {
        let selection = self.selection(failed_in);
        let names = self.prompt_names(tree, &selection, problems);
        let is_empty = |problem: &Problem| problem.code == "tree::empty" && self.changed_since.is_some();
        let (empty, of_tree): (Vec<_>, Vec<_>) = of_tree.into_iter().partition(is_empty);
        let beside = self.beside_drafts(tree, &names);
        let of_tree = relevant(tree, of_tree, &names).into_iter();
        problems.extend(of_tree.map(|problem| as_of_draft(problem, &beside)));
        let sound = tree.prompts().filter(|prompt| names.contains(prompt.name().as_str()));
        let mut prompts: Vec<&Prompt> = sound.chain(beside.iter().map(|beside| beside.prompt)).collect();
        prompts.sort_by(|a, b| a.name().cmp(b.name()));
        let mut candidates: Vec<Candidate<'a>> =
            prompts.iter().filter_map(|prompt| self.candidate(prompt, tree, settings, problems)).collect();
        let mut changes = BTreeMap::new();
        if let Some(then) = then {
            let settings = (settings, flags, is_replay);
            let only = then
                .and_then(|then| only_changed(&then, tree, &prompts, settings, &mut candidates, problems));
            match only {
                Ok(Changed::Nothing) => {
                    // Where the change removes the last prompt, that is what is said.
                    if !problems.iter().any(Then::is_about_a_removed_prompt) {
                        problems.extend(empty);
                    }
                    return Selected::NothingChanged;
                }
                Ok(Changed::Prompts(changed)) => changes = changed,
                Err(problem) => {
                    problems.push(*problem);
                    return Selected::Inputs(Vec::new());
                }
            }
        }
        let mut suites = Vec::new();
        for candidate in candidates {
            problems.extend(candidate.problems);
            suites.extend(candidate.suite.map(|suite| (PromptName(candidate.prompt), suite)));
        }
        if suites.is_empty() && !has_errors(problems) {
            let help = format!("write a suite, such as {}/NAME/tests/test_cases.yaml", tree.root().display());
            let problem = Problem::error("eval::nothing_selected", "there is nothing to evaluate");
            problems.push(problem.help(help));
        }
        problems.extend(selection.idle(&suites));
        match selection.narrow(suites) {
            Ok(suites) => Selected::Inputs(self.with_versions(suites, &changes, now, problems)),
            Err(problem) => {
                problems.push(*problem);
                Selected::Inputs(Vec::new())
            }
        }
    }

    /// Why nothing is evaluated, where nothing changed.
    pub(super) fn nothing_changed(&self) -> String {
        let reference = shown(self.changed_since.as_deref().unwrap_or_default());
        format!("no prompt that has a suite changed since {reference}")
    }

    /// Whether only what changed since a commit is evaluated.
    pub(super) fn is_of_change(&self) -> bool {
        self.changed_since.is_some()
    }

    /// The commit since which changes count, where only they do. What is wrong with its files is added to `problems`.
    pub(super) fn then(
        &self,
        tree: &Tree,
        problems: &mut Vec<Problem>,
    ) -> Option<Result<Then<'_>, Box<Problem>>> {
        let reference = self.changed_since.as_deref()?;
        Some(Git::at(tree.repository_root()).and_then(|git| Then::read(git, reference, tree, problems)))
    }

    /// The cases of `--failed-in`.
    pub(super) fn failed_in(
        &self,
        runs: &RunsArguments,
        context: &Context<'_>,
    ) -> Result<Option<FailedIn>, Failure> {
        let Some(reference) = &self.failed_in else { return Ok(None) };
        let (directory, file) = described(runs.find(reference, context)?)?;
        let cases = failed_cases(&file, &directory.journal_path()).map_err(broken)?;
        Ok(Some(FailedIn { run: file.id.to_string(), cases }))
    }

    /// What a sample is drawn by.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    fn selection(&self, failed_in: Option<FailedIn>) -> Selection {
        Selection {
            prompts: self.names.clone(),
            prompt_tags: self.prompt_tags.clone(),
            cases: self.cases.clone(),
            tags: self.tags.clone(),
            failed_in,
            models: self.models.clone(),
            sample: self.sample.map(|size| Sample { size: size as usize, seed: self.seed }),
        }
    }

    /// The names of the prompts that are meant, broken ones included: their problems are reported.
    fn prompt_names(
        &self,
        tree: &Tree,
        selection: &Selection,
        problems: &mut Vec<Problem>,
    ) -> BTreeSet<String> {
        let broken = tree.broken().iter().map(|broken| broken.name.as_str());
        let all: Vec<&str> = tree.prompts().map(|prompt| prompt.name().as_str()).chain(broken).collect();
        let mut names: BTreeSet<String> = match selection.prompt_names(&all) {
            Ok(names) => names.into_iter().map(str::to_owned).collect(),
            Err(found) => {
                problems.extend(found);
                return BTreeSet::new();
            }
        };
        if !self.prompt_tags.is_empty() {
            let sound = tree.prompts().filter(|prompt| names.contains(prompt.name().as_str()));
            let facts: Vec<PromptFacts<'_>> = sound
                .map(|prompt| PromptFacts { name: prompt.name().as_str(), tags: prompt.tags() })
                .collect();
            match selection.tagged_prompts(&facts) {
                Ok(tagged) => names = tagged.into_iter().map(str::to_owned).collect(),
                Err(problem) => {
                    problems.push(*problem);
                    names.clear();
                }
            }
        }
        names
    }

    /// Prompts that have mistakes in drafts alone, where the versions that are judged are named and are none of these.
    fn beside_drafts<'a>(&self, tree: &'a Tree, names: &BTreeSet<String>) -> Vec<BesideDrafts<'a>> {
        if self.only.is_empty() || self.changed_since.is_some() {
            return Vec::new();
        }
        let asked: Vec<VersionSelector> = self.only.iter().cloned().map(VersionSelector::Exact).collect();
        let broken = tree.broken().iter().filter(|broken| names.contains(&broken.name));
        let is_asked = |beside: &BesideDrafts<'_>| {
            beside.has(Asked::Version(None))
                && asked.iter().all(|version| beside.has(Asked::Version(Some(version))))
        };
        broken.filter_map(BesideDrafts::of).filter(is_asked).collect()
    }

    /// Whether options say which versions are judged.
    fn chooses_versions(&self) -> bool {
        !self.candidates.is_empty() || !self.only.is_empty()
    }

    /// Whether this very prompt is asked for, and not just whatever there is.
    fn names_exactly(&self, prompt: &Prompt) -> bool {
        self.names.iter().any(|name| name == prompt.name().as_str())
    }

    fn candidate<'a>(
        &self,
        prompt: &'a Prompt,
        tree: &Tree,
        settings: &Settings,
        problems: &mut Vec<Problem>,
    ) -> Option<Candidate<'a>> {
        let path = prompt.suite_path();
        if !prompt.has_suite() {
            if let Some(misnamed) = prompt.misnamed_suite() {
                problems.push(misnamed);
                return None;
            }
            if self.changed_since.is_some() && !self.names_exactly(prompt) {
                // Of those that changed it is said with what they changed.
                return None;
            }
            let help = format!("write {}", path.display());
            problems.push(if self.names_exactly(prompt) {
                let message = format!("`{}` has no suite", prompt.name());
                Problem::error("eval::no_suite", message).help(help)
            } else {
                // Without the name, which the place has: many such prompts are said together.
                Problem::warning("eval::no_suite", "a prompt without a suite is not evaluated")
                    .at(Place::whole_file(prompt.document().file()))
                    .help("write its tests/test_cases.yaml; `promptassay new` shows how one looks")
            });
            return None;
        }
        let mut found = Vec::new();
        let suite = suite::of_prompt(prompt, tree.repository_root(), settings, &mut found);
        Some(Candidate { prompt, suite, problems: found })
    }

    fn with_versions<'a>(
        &self,
        suites: Vec<(PromptName<'a>, Suite)>,
        changes: &BTreeMap<String, PromptChange>,
        now: Timestamp,
        problems: &mut Vec<Problem>,
    ) -> Vec<PromptInput<'a>> {
        let mut request = VersionRequest {
            baseline: self.baseline.clone(),
            candidates: self.candidates.clone(),
            only: self.only.clone(),
            ..VersionRequest::default()
        };
        let mut inputs = Vec::new();
        for (PromptName(prompt), suite) in suites {
            let name = prompt.name().as_str();
            if self.served {
                let chosen = served::chosen(prompt, self.names_exactly(prompt), now, problems);
                inputs.extend(chosen.map(|versions| PromptInput { prompt, suite, versions }));
                continue;
            }
            let versions = versions(prompt);
            let active = match prompt.active_version() {
                Ok(active) => &active.version,
                Err(error) => {
                    let problem =
                        Problem::error("eval::no_active_version", error.to_string()).help(error.help());
                    problems.push(problem.at(prompt.document().place_at(&["active_version"])));
                    continue;
                }
            };
            match ledger::standing(prompt.directory(), prompt.name()) {
                Ok(Standing { production, archived }) => {
                    (request.production, request.archived) = (production, archived);
                }
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            }
            let chosen = match (changes.get(name), &self.changed_since) {
                (Some(change), Some(reference)) => {
                    plan::choose_changed(name, &versions, active, &request, change, shown(reference))
                }
                _ => plan::choose(name, &versions, active, &request),
            };
            match chosen {
                Ok(versions) => {
                    problems.extend(forged(prompt, &versions));
                    if let Some(change) = changes.get(name).filter(|_| self.chooses_versions()) {
                        problems.extend(changes::remarks::left_out(
                            prompt,
                            change,
                            &request.archived,
                            &versions,
                        ));
                    }
                    inputs.push(PromptInput { prompt, suite, versions });
                }
                Err(found) => problems.extend(found),
            }
        }
        if self.served && inputs.is_empty() && !has_errors(problems) {
            let help = "without `--served` the newest version of each prompt is judged";
            problems.push(
                Problem::error("eval::nothing_selected", "nothing that is selected is served").help(help),
            );
        }
        inputs
    }
}

/// The prompts of these names, all if there are none, with the versions that are judged where nobody asks for others.
pub(crate) fn inputs_of<'a>(
    names: Vec<String>,
    tree: &'a Tree,
    of_tree: Vec<Problem>,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> Vec<PromptInput<'a>> {
    let selection = SelectionArguments { names, ..SelectionArguments::default() };
    // Nothing here depends on the time.
    let how = (settings, &PolicyArguments::default(), false, Timestamp::UNIX_EPOCH);
    match selection.inputs(tree, of_tree, None, None, how, problems) {
        Selected::Inputs(inputs) => inputs,
        Selected::NothingChanged => Vec::new(),
    }
}

/// What the ledger knows otherwise: versions with another text, so that what is in use is not what would be compared with; and another
/// version than `active_version` names, so that nothing would be served.
fn forged(prompt: &Prompt, versions: &ChosenVersions) -> Vec<Problem> {
    // What is wrong with the ledger itself was said when it was asked what is in production.
    let Ok(ledger) = Ledger::read(prompt.directory(), prompt.name()) else { return Vec::new() };
    let asked = versions.baseline.iter().chain(&versions.candidates);
    let texts = asked.filter_map(|version| verify::text(&ledger, version));
    let mirrors = verify::mirrors(&ledger, prompt).into_iter();
    texts.chain(mirrors.filter(|problem| problem.code == "lifecycle::mirror")).collect()
}

/// A prompt where its name is asked for.
struct PromptName<'a>(&'a Prompt);

impl AsRef<str> for PromptName<'_> {
    fn as_ref(&self) -> &str {
        self.0.name().as_str()
    }
}

/// A mistake of a draft that nobody asks about, as a warning.
fn as_of_draft(problem: Problem, beside: &[BesideDrafts<'_>]) -> Problem {
    let mut warnings = beside.iter().flat_map(|beside| &beside.warnings);
    let warning = warnings.find(|warning| (warning.code, &warning.place) == (problem.code, &problem.place));
    warning.cloned().unwrap_or(problem)
}

/// The problems that concern these prompts. A broken prompt that nobody asks for stands in nobody's way.
fn relevant(tree: &Tree, problems: Vec<Problem>, names: &BTreeSet<String>) -> Vec<Problem> {
    let elsewhere: Vec<&Path> = tree
        .prompts()
        .map(|prompt| (prompt.name().as_str(), prompt.directory()))
        .chain(tree.broken().iter().map(|broken| (broken.name.as_str(), broken.directory.as_path())))
        .filter(|(name, _)| !names.contains(*name))
        .map(|(_, directory)| directory)
        .collect();
    let is_elsewhere = |problem: &Problem| {
        problem
            .place
            .as_ref()
            .is_some_and(|place| elsewhere.iter().any(|directory| place.file.starts_with(directory)))
    };
    problems.into_iter().filter(|problem| !is_elsewhere(problem)).collect()
}
