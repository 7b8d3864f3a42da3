//! What did not pass in a run, from its two files alone: it may have been a run of other texts than today's.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::RunFile;
use crate::event::Event;
use crate::journal::{JournalReader, ReadError};
use crate::outcome::RepeatOutcome;
use crate::plan::TrialId;

/// The cases, each with its prompt, of which a candidate's or a baseline's trial did not pass in the run that `file` describes and
/// the journal at `path` tells of: it failed, or could not be judged. Trials that were never asked are none. The last result of a
/// trial counts.
pub fn failed_cases(file: &RunFile, path: &Path) -> Result<BTreeSet<(String, String)>, ReadError> {
    let mut owners: HashMap<TrialId, (&str, &str)> = HashMap::new();
    for prompt in &file.prompts {
        for variant in &prompt.variants {
            for case in &prompt.cases {
                for repeat in 1..=prompt.repeat {
                    let version = (&variant.version, &variant.sha256);
                    let id = TrialId::of(&prompt.name, version, &variant.model, &case.name, repeat);
                    owners.insert(id, (prompt.name.as_str(), case.name.as_str()));
                }
            }
        }
    }
    let mut outcomes: HashMap<TrialId, RepeatOutcome> = HashMap::new();
    let mut reader = JournalReader::open(path)?;
    while let Some(entry) = reader.next_entry()? {
        if let Event::TrialFinished(result) = entry.event {
            outcomes.insert(result.trial, result.outcome);
        }
    }
    let failed = outcomes.iter().filter(|(_, outcome)| **outcome != RepeatOutcome::Passed);
    let named = failed.filter_map(|(trial, _)| owners.get(trial));
    Ok(named.map(|(prompt, case)| ((*prompt).to_owned(), (*case).to_owned())).collect())
}
