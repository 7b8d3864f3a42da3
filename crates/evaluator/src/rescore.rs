//! Judges stored answers with today's suite. Nobody is asked: what needs a model to be judged stays unscored.

use std::collections::BTreeSet;
use std::path::Path;

use crate::event::{Answer, Event, RunEnd};
use crate::journal::{AppendError, JournalWriter, ReadError};
use crate::plan::Plan;
use crate::replay::replay;
use crate::run::judge;
use crate::runs::{RunFile, changes_beside_cases};

/// What can be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The cases that ask something else than they did, or were not there: prompt and name.
    other_questions: BTreeSet<(String, String)>,
}

/// Why stored answers cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum RescoreError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new one cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Which answers of the run `then` can be judged for the plan of `now`. An error names the versions and settings that are not what
/// they were: answers to those would be answers to somebody else.
pub fn usable(then: &RunFile, now: &RunFile) -> Result<Usable, Vec<String>> {
    let mut different = Vec::new();
    let mut other_questions = BTreeSet::new();
    for prompt in &now.prompts {
        let Some(before) = then.prompts.iter().find(|before| before.name == prompt.name) else {
            different.push(format!("{}: the prompt was not in the plan", prompt.name));
            continue;
        };
        different.extend(changes_beside_cases(before, prompt));
        let questions: std::collections::HashMap<_, _> =
            before.cases.iter().map(|case| (case.name.as_str(), case.question)).collect();
        for case in &prompt.cases {
            if questions.get(case.name.as_str()) != Some(&case.question) {
                other_questions.insert((prompt.name.to_string(), case.name.clone()));
            }
        }
    }
    if different.is_empty() { Ok(Usable { other_questions }) } else { Err(different) }
}

impl Usable {
    /// The cases that have no usable answer because they ask something else than they did: `prompt/case`.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        self.other_questions.iter().map(|(prompt, case)| format!("{prompt}/{case}"))
    }
}

/// Judges the answers that `journal` holds for the trials of `plan`, and writes the results into `writer`. Trials without an answer
/// stay as they were: errors are errors, and what was not asked is not asked.
pub fn rescore(
    plan: &Plan,
    usable: &Usable,
    journal: &Path,
    writer: &mut JournalWriter,
) -> Result<RunEnd, RescoreError> {
    let stored = replay(journal, plan)?;
    writer.append(&Event::RunStarted { trials: plan.trials().len() })?;
    let mut end = RunEnd::Completed;
    for trial in plan.trials() {
        let key = (plan.prompts()[trial.prompt].name.to_string(), plan.case(trial).name.clone());
        let result = if usable.other_questions.contains(&key) { None } else { stored.outputs.get(trial.id) };
        let Some(result) = result else {
            end = RunEnd::Interrupted;
            continue;
        };
        let result = match result.answer {
            answer @ Answer::Reply { .. } => judge(plan, *trial, answer),
            Answer::Error(_) => result,
        };
        writer.append(&Event::TrialFinished(Box::new(result)))?;
    }
    if let Some(error) = stored.outputs.take_error() {
        return Err(error.into());
    }
    writer.append(&Event::RunFinished { end })?;
    Ok(end)
}
