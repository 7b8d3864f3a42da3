//! A prompt for whoever serves it, goes back, or looks at a version: what somebody is at work on stands in nobody's way.

use std::collections::BTreeSet;
use std::path::Path;

use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::tree::{
    BrokenPrompt, Loaded, MISNAMED_VERSION, Prompt, Tree, version_meant_by_file,
};
use promptassay_registry::version::{Version, VersionSelector};

use crate::failure::Failure;
use crate::prompts::find;

/// The prompt of this name; also where it has errors, if all of them are in versions that neither its ledger nor its lock knows. Those are
/// returned as warnings. A registered text is frozen, and an experiment may serve it.
pub(crate) fn find_live<'l>(loaded: &'l Loaded, name: &str) -> Result<(&'l Prompt, Vec<Problem>), Failure> {
    let refused = match find(loaded, name) {
        Ok(prompt) => return Ok((prompt, Vec::new())),
        Err(refused) => refused,
    };
    match BesideDrafts::find(&loaded.tree, name) {
        Some(beside) if ledger::exists(beside.prompt.directory()) => Ok((beside.prompt, beside.warnings)),
        _ => Err(refused),
    }
}

/// The prompt of this name for whoever looks at these versions of it: its mistakes in other versions that nobody registered, and that are
/// drafts where it has a ledger, are returned as warnings.
pub(crate) fn find_asked<'l>(
    loaded: &'l Loaded,
    name: &str,
    asked: &[Asked<'_>],
) -> Result<(&'l Prompt, Vec<Problem>), Failure> {
    let refused = match find(loaded, name) {
        Ok(prompt) => return Ok((prompt, Vec::new())),
        Err(refused) => refused,
    };
    match BesideDrafts::find(&loaded.tree, name) {
        Some(beside) if asked.iter().all(|asked| beside.has(*asked)) => Ok((beside.prompt, beside.warnings)),
        _ => Err(refused),
    }
}

/// A version that is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// The one that is named, or else the active one.
    Version(Option<&'a VersionSelector>),
    /// The newest, registered or not.
    Newest,
}

/// A prompt whose only mistakes are in drafts.
pub(crate) struct BesideDrafts<'t> {
    pub(crate) prompt: &'t Prompt,
    /// The mistakes, as warnings.
    pub(crate) warnings: Vec<Problem>,
    /// The drafts that have them.
    drafts: BTreeSet<Version>,
}

impl<'t> BesideDrafts<'t> {
    /// `None` where it is sound, unknown, or something else is wrong with it.
    pub(crate) fn find(tree: &'t Tree, name: &str) -> Option<Self> {
        Self::of(tree.broken().iter().find(|broken| broken.name == name)?)
    }

    pub(crate) fn of(broken: &'t BrokenPrompt) -> Option<Self> {
        let prompt = broken.as_far_as_read.as_ref()?;
        let ledger = if ledger::exists(prompt.directory()) {
            Some(Ledger::read(prompt.directory(), prompt.name()).ok()?)
        } else {
            None
        };
        if ledger.as_ref().is_some_and(|ledger| !ledger.faults().is_empty()) {
            return None;
        }
        let is_draft = |version: &Version| {
            ledger.as_ref().is_none_or(|ledger| ledger.state().stage(version) == Stage::Draft)
                && !prompt.lock().rows.contains_key(version)
        };
        let (mut warnings, mut drafts) = (Vec::new(), BTreeSet::new());
        for problem in broken.problems.iter().filter(|problem| problem.is_error()) {
            let file =
                problem.place.as_ref().and_then(|place| place.file.strip_prefix(prompt.directory()).ok());
            // What lies further down is no version.
            let name = file.filter(|file| file.components().count() == 1).and_then(Path::to_str);
            match name.and_then(version_meant_by_file) {
                Some(version) if is_draft(&version) => {
                    drafts.insert(version);
                }
                // Nobody knows which version it was to be, so nobody was ever served it.
                None if problem.code == MISNAMED_VERSION => {}
                _ => return None,
            }
            warnings.push(Problem { severity: Severity::Warning, ..problem.clone() });
        }
        Some(Self { prompt, warnings, drafts })
    }

    /// Whether a version is none of the drafts, nor has their mistake. One that is not there is not told apart here.
    pub(crate) fn has(&self, asked: Asked<'_>) -> bool {
        let prompt = self.prompt;
        let newest = prompt.versions().next_back().map(|newest| &newest.version).max(self.drafts.last());
        let version = match asked {
            Asked::Newest => newest,
            Asked::Version(selector) => match selector.unwrap_or(prompt.active()) {
                VersionSelector::Exact(version) => Some(version),
                // A draft that cannot be read may be the one, where none is registered.
                VersionSelector::Latest if prompt.lock().rows.is_empty() => None,
                VersionSelector::Latest => prompt.lock().latest(),
            },
        };
        let Some(version) = version.filter(|version| !self.drafts.contains(version)) else { return false };
        // Of several versions with one mistake, the first is its place.
        let is_declared = |name: &str| prompt.interface().variables().get(name).is_some();
        prompt.version(version).is_none_or(|version| version.content.variables().into_iter().all(is_declared))
    }
}
