//! The files that other crates than the registry type: sections of registry.yaml, suites, parameters of chat versions.

use std::cell::OnceCell;

use promptassay_evaluator::gate;
use promptassay_evaluator::plan::{self, PromptInput, VersionRequest};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{self, Suite};
use promptassay_experiments::store::Location;
use promptassay_lifecycle::ledger::{self, Ledger, Standing};
use promptassay_lifecycle::policy::Policy;
use promptassay_lifecycle::stage::Stage;
use promptassay_lifecycle::verify;
use promptassay_llm::{Params, ResponseFormat};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{BrokenPrompt, Prompt, Tree};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use super::recorded;
use super::running::{Open, Started};
use super::unread::{self, Read};
use crate::experiments::{Found, of_prompt, spread_alike};

/// What all prompts share, and a count of what was checked.
pub(super) struct Files<'t> {
    tree: &'t Tree,
    settings: Settings,
    /// What the suites of all prompts read, once it is asked for.
    read: OnceCell<Read>,
    cases: usize,
}

impl<'t> Files<'t> {
    /// Reads the sections of registry.yaml.
    pub(super) fn new(tree: &'t Tree, problems: &mut Vec<Problem>) -> Self {
        let settings = match &tree.registry().document {
            Some(document) => {
                Policy::read(document, problems);
                Location::of_registry(document, tree.root(), tree.repository_root(), problems);
                Settings::read(document, problems)
            }
            None => Settings::default(),
        };
        // Nothing is run here, so nothing needs to be allowed.
        let settings = Settings { allow_commands: true, ..settings };
        Self { tree, settings, read: OnceCell::new(), cases: 0 }
    }

    /// What the suites of all prompts read; of one with mistakes nothing is known.
    fn read(&self) -> &Read {
        self.read.get_or_init(|| {
            let mut read = Read::default();
            for prompt in self.tree.prompts().filter(|prompt| prompt.has_suite()) {
                let repository = self.tree.repository_root();
                if let Some(suite) = suite::of_prompt(prompt, repository, &self.settings, &mut Vec::new()) {
                    self.add_to(&mut read, &suite);
                }
            }
            read
        })
    }

    fn add_to(&self, read: &mut Read, suite: &Suite) {
        let answering = suite.model_program_files(&self.settings, self.tree.repository_root());
        read.add(suite, suite.program_files().into_iter().chain(answering));
    }

    /// How many cases the suites have.
    pub(super) fn cases(&self) -> usize {
        self.cases
    }

    /// Checks the versions and the suite of a prompt, as far as the tree has not.
    pub(super) fn check(&mut self, prompt: &Prompt, started: &mut Started<'_>, problems: &mut Vec<Problem>) {
        for document in prompt.versions().filter_map(|version| version.document.as_ref()) {
            check_request(document, problems);
        }
        let experiments = of_prompt(prompt, problems);
        let Open { open, drafts } = started.check(prompt, &experiments, problems);
        let is_among = |found: &Found, some: &[&Found]| some.iter().any(|other| other.file == found.file);
        let mut in_order: Vec<&Found> = experiments.iter().collect();
        in_order.sort_by_key(|found| (is_among(found, &open), is_among(found, &drafts)));
        let alike = spread_alike(&in_order, |found| is_among(found, &drafts));
        // What is over is over.
        let alike = alike.into_iter().filter(|(found, _)| is_among(found, &open));
        problems.extend(alike.map(|(_, problem)| problem));
        check_ledger(prompt, &open, problems);
        let repository = self.tree.repository_root();
        if let Some(directory) = &self.tree.registry().replies {
            recorded::check_replies(prompt, directory, repository, problems);
        }
        recorded::check_blessed(prompt, repository, problems);
        let path = prompt.suite_path();
        if prompt.has_suite() {
            self.check_suite(prompt, problems);
        } else if let Some(misnamed) = prompt.misnamed_suite() {
            problems.push(misnamed);
        } else {
            let shown = path.strip_prefix(prompt.directory()).unwrap_or(&path);
            // Without the name, which the place has: a tree of prompts without suites is told so once.
            problems.push(
                Problem::warning(
                    "check::no_suite",
                    "a prompt without a suite: nothing says what a good reply is",
                )
                .at(Place::whole_file(prompt.document().file()))
                .help(format!(
                    "write {} beside this file; `promptassay new` shows how one looks",
                    shown.display()
                )),
            );
        }
    }

    fn check_suite(&mut self, prompt: &Prompt, problems: &mut Vec<Problem>) {
        let Some(suite) = suite::of_prompt(prompt, self.tree.repository_root(), &self.settings, problems)
        else {
            return;
        };
        self.cases += suite.cases.len();
        problems.extend(gate::margin_out_of_reach(prompt, &suite, self.tree.registry().document.as_ref()));
        let mut own = Read::default();
        self.add_to(&mut own, &suite);
        problems.extend(unread::data_sets(&suite, &own, || self.read()));
        let Ok(active) = prompt.active_version() else { return };
        let versions: Vec<Version> = prompt.versions().map(|version| version.version.clone()).collect();
        // The same versions that `eval` takes, so that what is sound here can be asked there.
        // What is wrong with the ledger is reported beside this.
        let Ok(Standing { production, archived }) = ledger::standing(prompt.directory(), prompt.name())
        else {
            return;
        };
        let request = VersionRequest { production, archived, ..VersionRequest::default() };
        match plan::choose(prompt.name().as_str(), &versions, &active.version, &request) {
            Ok(versions) => {
                plan::build(vec![PromptInput { prompt, suite, versions }], &self.settings, problems);
            }
            Err(found) => problems.extend(found),
        }
    }
}

/// Versions whose text could still change.
pub(super) fn unregistered(prompt: &Prompt) -> impl Iterator<Item = Problem> {
    prompt.versions().filter(|version| !version.is_registered()).map(|version| {
        Problem::error(
            "check::unregistered",
            format!("{} is not registered, so its text may still change", version.version),
        )
        .at(Place::whole_file(version.path.as_path()))
        .help(format!(
            "`promptassay register {} {} -m MESSAGE` freezes it",
            prompt.name(),
            version.version
        ))
    })
}

/// The ledger against itself, the texts that it froze, the lock, `active_version` and the experiments.
fn check_ledger(prompt: &Prompt, experiments: &[&Found], problems: &mut Vec<Problem>) {
    if !ledger::exists(prompt.directory()) {
        return;
    }
    match Ledger::read(prompt.directory(), prompt.name()) {
        Ok(ledger) => {
            problems.extend(verify::verify(&ledger, None));
            // What stands behind the first fault is not known, so nothing can disagree with it.
            if ledger.faults().is_empty() {
                problems.extend(verify::mirrors(&ledger, prompt));
                problems.extend(experiments.iter().filter_map(|found| serves_archived(found, &ledger)));
            }
        }
        Err(problem) => problems.push(*problem),
    }
}

/// An experiment that is not over and cannot serve one of its variants.
fn serves_archived(found: &Found, ledger: &Ledger) -> Option<Problem> {
    let experiment = &found.experiment;
    let versions = experiment.variants.iter().map(|variant| &variant.version);
    let archived = versions.into_iter().find(|version| ledger.state().stage(version) == Stage::Archived)?;
    let message = format!(
        "the experiment `{}` serves {archived}, which is archived: `resolve` refuses",
        experiment.name
    );
    Some(
        Problem::warning("check::archived_variant", message)
            .at(Place::whole_file(found.file.as_path()))
            .help("name another version; or, where the experiment is over, `promptassay experiment stop`, or write its `end:`, a time that has passed"),
    )
}

/// What the versions of a prompt with errors ask for: what is wrong with a message hides nothing here.
pub(super) fn check_broken(prompt: &BrokenPrompt, problems: &mut Vec<Problem>) {
    for document in &prompt.chats {
        check_request(document, problems);
    }
}

/// What a chat version asks of the model beside its messages.
fn check_request(document: &Document, problems: &mut Vec<Problem>) {
    // That `params` is no map was found where the version was read.
    let is_map = !document.keys_at(&["params"]).is_empty();
    if let Some(reading) = document.read_at::<Params>(&["params"]).filter(|_| is_map) {
        problems.extend(reading.problems);
        let found = reading.value.map(|params| params.problems()).unwrap_or_default();
        problems.extend(found.into_iter().map(|problem| {
            let mut path = vec!["params".to_owned()];
            path.extend(problem.path);
            Problem::error("plan::invalid_parameter", problem.message)
                .at(document.place_at(&path))
                .maybe_help(problem.help)
        }));
    }
    if let Some(reading) = document.read_at::<ResponseFormat>(&["response_format"]) {
        problems.extend(reading.problems);
    }
}
