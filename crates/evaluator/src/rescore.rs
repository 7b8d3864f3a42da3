//! Judges stored answers with today's suite. No model is asked a case's question again; judges are asked only where somebody allows it.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::path::Path;

use promptassay_llm::Secrets;

use crate::event::{Answer, Event, JudgeAnswered, RunEnd};
use crate::journal::{JournalReader, ReadError};
use crate::judge::JudgeCall;
use crate::outputs::Outputs;
use crate::plan::{Plan, Trial, TrialId};
use crate::replay::{Replay, replay};
use crate::run::{Asked, Tell, Unanswered, Work, run};
use crate::runs::{RunFile, changes_beside_cases};

/// What can be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The cases that ask something else than they did, or were not there: prompt and name.
    other_questions: BTreeSet<(String, String)>,
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

/// The answers of a run, to be judged for another plan.
#[derive(Debug)]
pub struct Stored<'a> {
    plan: &'a Plan,
    usable: &'a Usable,
    journal: &'a Path,
    outputs: Outputs,
    not_judged: HashMap<TrialId, Asked>,
    work: Work,
}

impl<'a> Stored<'a> {
    /// The answers that `journal` holds for the trials of `plan`. Checks run their programs where `programs` has the
    /// secrets that are cut out of what they say.
    pub fn open(
        plan: &'a Plan,
        usable: &'a Usable,
        journal: &'a Path,
        programs: Option<Secrets>,
    ) -> Result<Self, ReadError> {
        let Replay { outputs, judged, not_judged, .. } = replay(journal, plan)?;
        let work = Work {
            judged: Some(judged),
            is_stored: true,
            without_programs: programs.is_none(),
            secrets: programs.unwrap_or_default(),
            ..Work::all(plan)
        };
        Ok(Self { plan, usable, journal, outputs, not_judged, work })
    }

    /// Judges the answers. Trials without one stay as they were: errors are errors, and what was not asked is not asked. What a judge
    /// said of the same question before holds; what is new to it is asked through `ask_judge`, at most `window` trials at a time.
    pub async fn judge<J, G>(
        &self,
        ask_judge: J,
        window: usize,
        stop: impl Future<Output = RunEnd>,
        mut observe: impl FnMut(&Event),
    ) -> Result<RunEnd, ReadError>
    where
        J: Fn(Trial, JudgeCall, Tell) -> G,
        G: Future<Output = Result<Asked, Unanswered>>,
    {
        self.carry_over(&mut observe)?;
        let ask = |trial, _request, _tell| std::future::ready(self.answer(trial));
        let end = run(self.plan, &self.work, ask, ask_judge, window, stop, observe).await;
        match self.outputs.take_error() {
            Some(error) => Err(error),
            None => Ok(end),
        }
    }

    /// What judges answered, so that the new run can be judged anew as well.
    fn carry_over(&self, observe: &mut impl FnMut(&Event)) -> Result<(), ReadError> {
        let mut reader = JournalReader::open(self.journal)?;
        while let Some(entry) = reader.next_entry()? {
            if let Event::JudgeAnswered(answered) = entry.event {
                let answered = JudgeAnswered { answered_before: true, ..*answered };
                observe(&Event::JudgeAnswered(Box::new(answered)));
            }
        }
        Ok(())
    }

    fn answer(&self, trial: Trial) -> Result<Asked, Unanswered> {
        let key = (self.plan.prompts()[trial.prompt].name.to_string(), self.plan.case(&trial).name.clone());
        if self.usable.other_questions.contains(&key) {
            return Err(Unanswered::Withdrawn);
        }
        match self.outputs.get(trial.id).map(|result| result.answer) {
            Some(Answer::Reply { reply, source }) => Ok(Asked { reply: *reply, source }),
            Some(Answer::Error(error)) => Err(Unanswered::Error(error)),
            None => self.not_judged.get(&trial.id).cloned().ok_or(Unanswered::Withdrawn),
        }
    }
}

/// The answer of a judge that is not to be asked.
#[expect(clippy::unused_async, reason = "it stands where a judge would be asked")]
pub async fn leave_out(_trial: Trial, _call: JudgeCall, _tell: Tell) -> Result<Asked, Unanswered> {
    Err(Unanswered::LeftOut)
}
