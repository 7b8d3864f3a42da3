//! A prompt for whoever serves it, or goes back: what somebody is at work on stands in nobody's way.

use std::path::Path;

use promptassay_lifecycle::ledger::{self, Ledger};
use promptassay_lifecycle::stage::Stage;
use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::tree::{Loaded, MISNAMED_VERSION, Prompt, version_meant_by_file};

use crate::failure::Failure;
use crate::prompts::find;

/// The prompt of this name; also where it has errors, if all of them are in versions that neither its ledger nor its lock knows. Those are
/// returned as warnings. A registered text is frozen, and an experiment may serve it.
pub(crate) fn find_live<'l>(loaded: &'l Loaded, name: &str) -> Result<(&'l Prompt, Vec<Problem>), Failure> {
    let refused = match find(loaded, name) {
        Ok(prompt) => return Ok((prompt, Vec::new())),
        Err(refused) => refused,
    };
    let broken = loaded.tree.broken().iter().find(|broken| broken.name == name);
    let Some((broken, prompt)) = broken.and_then(|broken| Some((broken, broken.as_far_as_read.as_ref()?)))
    else {
        return Err(refused);
    };
    if !ledger::exists(prompt.directory()) {
        return Err(refused);
    }
    let Ok(ledger) = Ledger::read(prompt.directory(), prompt.name()) else { return Err(refused) };
    if !ledger.faults().is_empty() {
        return Err(refused);
    }
    let is_of_draft = |problem: &Problem| {
        let file = problem.place.as_ref().and_then(|place| place.file.strip_prefix(prompt.directory()).ok());
        // What lies further down is no version.
        let name = file.filter(|file| file.components().count() == 1).and_then(Path::to_str);
        match name.and_then(version_meant_by_file) {
            Some(version) => {
                ledger.state().stage(&version) == Stage::Draft && !prompt.lock().rows.contains_key(&version)
            }
            // Nobody knows which version it was to be, so nobody was ever served it.
            None => problem.code == MISNAMED_VERSION,
        }
    };
    let errors: Vec<&Problem> = broken.problems.iter().filter(|problem| problem.is_error()).collect();
    if !errors.iter().all(|problem| is_of_draft(problem)) {
        return Err(refused);
    }
    let warnings =
        errors.into_iter().cloned().map(|problem| Problem { severity: Severity::Warning, ..problem });
    Ok((prompt, warnings.collect()))
}
