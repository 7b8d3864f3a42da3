//! An experiment that runs decides before the ledger does: whoever moves or counts versions has to know of it.

use jiff::Timestamp;
use promptassay_experiments::assignment::Assignment;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Loaded, Prompt};
use promptassay_registry::version::Version;

use super::{Found, Purpose, StoreArguments, of_prompt, running};
use crate::failure::Failure;

/// The experiments of a prompt that decide at this time what users are served. The store is not asked about a prompt that has none.
fn deciding(
    prompt: &Prompt,
    store: &StoreArguments,
    loaded: &Loaded,
    at: Timestamp,
) -> Result<Vec<Found>, Failure> {
    let mut mistakes = Vec::new();
    if of_prompt(prompt, &mut mistakes).is_empty() && mistakes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(running(prompt, store, loaded, at, Purpose::Serve)?.deciding)
}

/// The experiment that decides what this user is served, and not the canary; `None` where the ledger does.
pub(crate) fn decides_for(
    unit: &[u8],
    prompt: &Prompt,
    store: &StoreArguments,
    loaded: &Loaded,
    at: Timestamp,
) -> Result<Option<Found>, Failure> {
    let mut deciding = deciding(prompt, store, loaded, at)?.into_iter();
    let takes_part = |found: &Found| matches!(found.experiment.assign(unit), Ok(Assignment::Variant(_)));
    Ok(deciding.find(takes_part))
}

/// What is to be said where versions were moved or are judged while experiments decide first: which of them still serve a version that was
/// `left`, and which else run. That this cannot be found out stands in nobody's way, and is said.
pub(crate) fn decide_first(
    left: &[&Version],
    prompt: &Prompt,
    store: &StoreArguments,
    loaded: &Loaded,
    now: Timestamp,
) -> Vec<Problem> {
    let deciding = match deciding(prompt, store, loaded, now) {
        Ok(deciding) => deciding,
        Err(failure) => {
            let why = failure.problems.iter().map(|problem| problem.message.as_str());
            let why = why.collect::<Vec<_>>().join("; ");
            let message = format!(
                "whether an experiment of `{}` runs, and what it serves, is not known: {why}",
                prompt.name()
            );
            let help = "`promptassay experiment list` tells it, once that is mended";
            return vec![Problem::warning("experiment::unknown", message).help(help)];
        }
    };
    deciding.iter().map(|found| found.decides_first(left)).collect()
}

impl Found {
    fn decides_first(&self, left: &[&Version]) -> Problem {
        let name = &self.experiment.name;
        let variants = self.experiment.variants.iter();
        let serving: Vec<String> = variants
            .filter(|variant| left.contains(&&variant.version))
            .map(|variant| format!("{} to `{}`", variant.version, variant.name))
            .collect();
        let message = if serving.is_empty() {
            let served: Vec<String> = self.versions().iter().map(ToString::to_string).collect();
            format!(
                "the experiment `{name}` runs, and decides first: its users are served {}, whatever the ledger says",
                served.join(" or ")
            )
        } else {
            format!("the experiment `{name}` runs, and goes on serving {}", serving.join(" and "))
        };
        Problem::warning("experiment::decides_first", message)
            .at(Place::whole_file(self.file.as_path()))
            .help(format!("`promptassay experiment stop {name} --reason WHY` ends it"))
    }
}
