//! From the runs of shards to one run: what they planned must fit together, and nothing may be missing. Pure; the verdict belongs
//! to whoever has all of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use promptassay_registry::digest::Digest;

use crate::event::{Event, RunEnd};
use crate::journal::{AppendError, JournalReader, JournalWriter, ReadError};
use crate::runs::{PlannedPrompt, RunDirectory, RunFile, changes_beside_cases};

/// Why shards do not make a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeProblem {
    /// There is nothing to merge.
    #[error("there is no shard to merge")]
    Nothing,
    /// A whole run is no shard.
    #[error("run {0} is not a shard")]
    NotAShard(String),
    /// They are parts of different wholes.
    #[error("run {run} is shard {index} of {of}, not of {expected}")]
    OtherCount {
        /// The run.
        run: String,
        /// Which shard it is.
        index: u32,
        /// Of how many.
        of: u32,
        /// Of how many the others are.
        expected: u32,
    },
    /// A part is there twice.
    #[error("runs {first} and {second} are both shard {index}")]
    Twice {
        /// Which shard.
        index: u32,
        /// A run of it.
        first: String,
        /// Another one.
        second: String,
    },
    /// A part is not there.
    #[error("shard {index} of {of} is missing")]
    Missing {
        /// Which shard.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// Shards of different plans.
    #[error("shard {index} was planned otherwise than shard {other}: {difference}")]
    Different {
        /// The shard.
        index: u32,
        /// The shard that it is compared with.
        other: u32,
        /// What differs.
        difference: String,
    },
    /// A case is asked twice, so the shards were cut from different suites.
    #[error("{prompt}: the case `{case}` is in shard {first} and in shard {second}")]
    Overlap {
        /// The prompt.
        prompt: String,
        /// The case.
        case: String,
        /// A shard that has it.
        first: u32,
        /// Another one.
        second: u32,
    },
}

/// What the shards planned together, under the header of the first of them: its cases in the order of the shards. Every problem at
/// once.
pub fn union(shards: &[RunFile]) -> Result<RunFile, Vec<MergeProblem>> {
    let mut problems = Vec::new();
    let parts = parts(shards, &mut problems);
    let Some((&first_index, first)) = parts.first_key_value() else {
        if problems.is_empty() {
            problems.push(MergeProblem::Nothing);
        }
        return Err(problems);
    };
    let mut prompts: BTreeMap<String, PlannedPrompt> = BTreeMap::new();
    let mut owners: BTreeMap<(String, String), u32> = BTreeMap::new();
    for (&index, part) in &parts {
        if part.seed != first.seed {
            let difference = format!("its seed is {}, not {}", part.seed, first.seed);
            problems.push(MergeProblem::Different { index, other: first_index, difference });
        }
        if part.blessed != first.blessed {
            let difference = "it is compared with other blessed results".to_owned();
            problems.push(MergeProblem::Different { index, other: first_index, difference });
        }
        for prompt in &part.prompts {
            let name = prompt.name.to_string();
            for case in &prompt.cases {
                let key = (name.clone(), case.name.clone());
                if let Some(first) = owners.insert(key, index) {
                    let (prompt, case) = (name.clone(), case.name.clone());
                    problems.push(MergeProblem::Overlap { prompt, case, first, second: index });
                }
            }
            match prompts.get_mut(&name) {
                None => {
                    prompts.insert(name, prompt.clone());
                }
                Some(whole) => {
                    let different =
                        |difference| MergeProblem::Different { index, other: first_index, difference };
                    problems.extend(differences(whole, prompt).into_iter().map(different));
                    whole.cases.extend(prompt.cases.iter().cloned());
                }
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(RunFile {
        shard: None,
        merged_from: parts.values().map(|part| part.id.clone()).collect(),
        trials: parts.values().map(|part| part.trials).sum(),
        trials_sha256: Digest::of(""),
        prompts: prompts.into_values().collect(),
        ..(*first).clone()
    })
}

/// The shards by their index.
fn parts<'a>(shards: &'a [RunFile], problems: &mut Vec<MergeProblem>) -> BTreeMap<u32, &'a RunFile> {
    let mut parts: BTreeMap<u32, &RunFile> = BTreeMap::new();
    let expected = shards.iter().find_map(|run| run.shard).map_or(0, |shard| shard.of);
    for run in shards {
        let Some(shard) = run.shard else {
            problems.push(MergeProblem::NotAShard(run.id.to_string()));
            continue;
        };
        if shard.of != expected {
            let (run, index, of) = (run.id.to_string(), shard.index, shard.of);
            problems.push(MergeProblem::OtherCount { run, index, of, expected });
        } else if let Some(first) = parts.insert(shard.index, run) {
            let (first, second) = (first.id.to_string(), run.id.to_string());
            problems.push(MergeProblem::Twice { index: shard.index, first, second });
        }
    }
    let missing = (1..=expected).filter(|index| !parts.contains_key(index));
    problems.extend(missing.map(|index| MergeProblem::Missing { index, of: expected }));
    parts
}

fn differences(one: &PlannedPrompt, other: &PlannedPrompt) -> Vec<String> {
    let mut lines = changes_beside_cases(one, other);
    if one.repeat != other.repeat {
        lines.push(format!("{}: the repeats, {} and {}", one.name, one.repeat, other.repeat));
    }
    if one.policy != other.policy {
        lines.push(format!("{}: what the gate asks for", one.name));
    }
    if one.suite != other.suite {
        lines.push(format!("{}: the suite", one.name));
    }
    if one.narrowed_by != other.narrowed_by {
        lines.push(format!("{}: the selection of cases or models", one.name));
    }
    lines
}

/// Why journals cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// A shard's journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The joined journal cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Writes the results of all shards into one journal. Its end is the worst of theirs.
pub fn join(
    shards: &[RunDirectory],
    trials: usize,
    journal: &mut JournalWriter,
) -> Result<RunEnd, JoinError> {
    journal.append(&Event::RunStarted { trials })?;
    let mut ends = BTreeSet::new();
    for shard in shards {
        let mut reader = JournalReader::open(&shard.journal_path())?;
        let (mut last, mut finished) = (None, HashSet::new());
        while let Some(entry) = reader.next_entry()? {
            match entry.event {
                Event::RunStarted { .. } => last = None,
                Event::RunFinished { end } => last = Some(end),
                event @ (Event::TrialFinished(_)
                | Event::TrialAnswered(_)
                | Event::JudgeAnswered(_)
                | Event::AttemptFailed(_)
                | Event::CircuitOpened(_)) => {
                    if let Event::TrialFinished(result) = &event {
                        finished.insert(result.trial);
                    }
                    journal.append(&event)?;
                }
            }
        }
        // A shard that was killed did not come to its end, unless the line that says so is all that it lacks.
        let is_whole = || shard.file().is_ok_and(|file| file.trials == finished.len());
        ends.insert(last.unwrap_or_else(|| if is_whole() { RunEnd::Completed } else { RunEnd::Killed }));
    }
    let end = ends.last().copied().unwrap_or(RunEnd::Killed);
    journal.append(&Event::RunFinished { end })?;
    Ok(end)
}
