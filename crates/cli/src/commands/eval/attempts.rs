//! Repeated evaluation is no evidence: whoever asks the same questions again is told how often that was done.

use promptassay_evaluator::event::ReplySource;
use promptassay_evaluator::gate::{self, Against, Verdict};
use promptassay_evaluator::plan::Plan;
use promptassay_evaluator::record::Record;
use promptassay_evaluator::replay::replay;
use promptassay_evaluator::runs::{RunDirectory, RunFile, Runs, changes};

/// So many of the latest runs are looked at.
const LOOKED_AT: usize = 100;

/// What the user is told of a run that has come to its end, where it is not the first attempt. `now` is what it had planned, and
/// `directory` where it is kept.
pub(super) fn remark(
    judged: (&Plan, Against<'_>),
    record: &Record,
    (directory, now): (&RunDirectory, &RunFile),
    runs: &Runs,
) -> Option<String> {
    // A verdict takes longer than to see that nobody was asked, or that there is no other run.
    if !asked(judged.0, record) {
        return None;
    }
    let earlier = earlier(judged, (directory, now), runs);
    if earlier == 0 || !has_verdict(judged, record) {
        return None;
    }
    let runs = if earlier == 1 { "1 earlier run".to_owned() } else { format!("{earlier} earlier runs") };
    Some(format!(
        "attempt {}: {runs} asked the same questions of the same texts; the first result counts, not the best",
        earlier + 1
    ))
}

/// Whether a model answered in the run. What came from the cache is no new roll of the dice.
fn asked(plan: &Plan, record: &Record) -> bool {
    let is_live = |index| record.trial(index).is_some_and(|trial| trial.source == Some(ReplySource::Live));
    (0..plan.trials().len()).any(is_live)
}

/// Whether the run came to a verdict. One that could not be judged shows nothing that somebody could choose.
fn has_verdict((plan, against): (&Plan, Against<'_>), record: &Record) -> bool {
    let (_, gates) = gate::judge_against(plan, record, against);
    gates.iter().any(|gate| gate.verdict != Verdict::Broken)
}

/// How many of the runs before this one asked models the very questions of this plan, and came to a verdict.
fn earlier(judged: (&Plan, Against<'_>), (directory, now): (&RunDirectory, &RunFile), runs: &Runs) -> usize {
    // Without a directory of runs there is no earlier one; what is wrong with it is for the run itself to find.
    let Ok(found) = runs.list() else { return 0 };
    let before: Vec<RunDirectory> = found.into_iter().take_while(|one| one != directory).collect();
    let files =
        before.iter().rev().take(LOOKED_AT).filter_map(|directory| Some((directory, directory.file().ok()?)));
    let same = files
        .filter(|(_, then)| then.shard.is_none() && then.rescored_from.is_none())
        .filter(|(_, then)| then.blessed == now.blessed && then.trials_sha256 == now.trials_sha256)
        .filter(|(_, then)| changes(then, now).is_empty());
    same.filter(|(directory, _)| {
        replay(&directory.journal_path(), judged.0)
            .is_ok_and(|then| asked(judged.0, &then.record) && has_verdict(judged, &then.record))
    })
    .count()
}
