//! Asking again until it passes is no evidence: whoever asks the same questions again is told how often that was done.

use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::runs::{Header, Outline, RunFile, Runs, changes};

/// So many of the latest runs are looked at.
const LOOKED_AT: usize = 100;

/// How many kept runs had models answer the very questions of this plan.
pub(super) fn earlier(plan: &Plan, header: Header, runs: &Runs) -> usize {
    // Without a directory of runs there is no earlier one; what is wrong with it is for the run itself to find.
    let Ok(found) = runs.list() else { return 0 };
    let now = RunFile::of(plan, header);
    let files =
        found.iter().rev().take(LOOKED_AT).filter_map(|directory| Some((directory, directory.file().ok()?)));
    let same = files
        .filter(|(_, then)| then.shard.is_none() && then.rescored_from.is_none())
        .filter(|(_, then)| then.blessed == now.blessed && then.trials_sha256 == now.trials_sha256)
        .filter(|(_, then)| changes(then, &now).is_empty());
    // Where no model answered, nothing was tried: it could not be reached, or the cache knew everything.
    same.filter(|(directory, _)| {
        Outline::read(&directory.journal_path()).is_ok_and(|outline| outline.live > 0)
    })
    .count()
}

/// What the user is told about it.
pub(super) fn remark(earlier: usize) -> Option<String> {
    let runs = if earlier == 1 { "1 earlier run".to_owned() } else { format!("{earlier} earlier runs") };
    (earlier > 0).then(|| {
        format!(
            "attempt {}: {runs} asked the same questions of the same texts; the first result counts, not the best",
            earlier + 1
        )
    })
}
