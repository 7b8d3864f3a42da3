//! Judges stored answers with today's suite. No model is asked a case's question again; judges are asked only where somebody allows it.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use promptassay_llm::Secrets;

use crate::event::{Answer, Event, JudgeAnswered, RunEnd, TrialResult};
use crate::journal::{JournalReader, ReadError};
use crate::judge::JudgeCall;
use crate::outcome::{CheckOutcome, CheckResult, RepeatOutcome};
use crate::outputs::Outputs;
use crate::plan::{Plan, Trial};
use crate::record::Record;
use crate::replay::{Replay, replay};
use crate::run::{Asked, Tell, Unanswered, Work, run};
use crate::runs::{RunFile, changes_beside_cases};
use crate::validator::Validator;

/// What can be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The cases that ask something else than they did, or were not there: prompt and name.
    other_questions: BTreeSet<(String, String)>,
    /// The cases that ask what they did and judge it otherwise.
    other_checks: BTreeSet<(String, String)>,
}

/// Which answers of the run `then` can be judged for the plan of `now`. An error names the versions and settings that are not what
/// they were: answers to those would be answers to somebody else.
pub fn usable(then: &RunFile, now: &RunFile) -> Result<Usable, Vec<String>> {
    let mut different = Vec::new();
    let (mut other_questions, mut other_checks) = (BTreeSet::new(), BTreeSet::new());
    for prompt in &now.prompts {
        let Some(before) = then.prompts.iter().find(|before| before.name == prompt.name) else {
            different.push(format!("{}: the prompt was not in the plan", prompt.name));
            continue;
        };
        different.extend(changes_beside_cases(before, prompt));
        let cases: HashMap<_, _> = before.cases.iter().map(|case| (case.name.as_str(), case)).collect();
        for case in &prompt.cases {
            let before = cases.get(case.name.as_str());
            let key = || (prompt.name.to_string(), case.name.clone());
            if before.is_none_or(|before| before.question != case.question) {
                other_questions.insert(key());
            } else if before.is_some_and(|before| before.digest != case.digest) {
                other_checks.insert(key());
            }
        }
    }
    if different.is_empty() { Ok(Usable { other_questions, other_checks }) } else { Err(different) }
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
    record: Record,
    work: Work,
}

impl<'a> Stored<'a> {
    /// The answers that `journal` holds for the trials of `plan`. Checks run their programs where `programs` has the
    /// secrets that are cut out of what they say; without it, what these said before holds, where the case is as it was.
    pub fn open(
        plan: &'a Plan,
        usable: &'a Usable,
        journal: &'a Path,
        programs: Option<Secrets>,
    ) -> Result<Self, ReadError> {
        let Replay { outputs, judged, record, .. } = replay(journal, plan)?;
        let work = Work {
            judged: Some(judged),
            is_stored: true,
            without_programs: programs.is_none(),
            secrets: programs.unwrap_or_default(),
            ..Work::all(plan)
        };
        Ok(Self { plan, usable, journal, outputs, record, work })
    }

    /// Whether a program has to be run to judge the answers. What one said before holds where the case is as it was; one that could
    /// not be asked said nothing.
    pub fn needs_programs(&self) -> bool {
        self.plan.trials().iter().enumerate().any(|(index, trial)| {
            let by_programs =
                self.plan.case(trial).validators.iter().any(|validator| validator.runs_program());
            let Some(before) =
                self.record.trial(index).filter(|before| by_programs && before.error.is_none())
            else {
                return false;
            };
            let key = self.key(*trial);
            let failed = || before.outcome == RepeatOutcome::Errored && self.lacks_program(*trial);
            self.usable.other_checks.contains(&key) || !self.usable.other_questions.contains(&key) && failed()
        })
    }

    fn lacks_program(&self, trial: Trial) -> bool {
        let checks = self.outputs.get(trial.id).map(|before| before.checks).unwrap_or_default();
        let failed = |check: &CheckResult| matches!(check.outcome, CheckOutcome::Error(_));
        let mut checks = self.plan.case(&trial).validators.iter().zip(&checks);
        checks.any(|(validator, check)| validator.runs_program() && failed(check))
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
        let observe = |event: &Event| match event {
            Event::TrialFinished(result) if self.work.without_programs => match self.with_programs(result) {
                Some(result) => observe(&Event::TrialFinished(Box::new(result))),
                None => observe(event),
            },
            _ => observe(event),
        };
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

    /// A result with what programs said of the same answer in the run; `None` where they said nothing that holds.
    fn with_programs(&self, result: &TrialResult) -> Option<TrialResult> {
        let trial = self.plan.trials()[self.plan.index_of(result.trial)?];
        let validators = &self.plan.case(&trial).validators;
        if !validators.iter().any(|validator| validator.runs_program())
            || self.usable.other_checks.contains(&self.key(trial))
        {
            return None;
        }
        let before = self.outputs.get(result.trial)?.checks;
        if before.len() != validators.len() || result.checks.len() != validators.len() {
            return None;
        }
        let said = |((validator, now), before): ((&Arc<Validator>, &CheckResult), CheckResult)| {
            let now = now.clone();
            if validator.runs_program() {
                CheckResult { outcome: before.outcome, score: before.score, ..now }
            } else {
                now
            }
        };
        let checks: Vec<_> = validators.iter().zip(&result.checks).zip(before).map(said).collect();
        Some(TrialResult { outcome: RepeatOutcome::of(&checks), checks, ..result.clone() })
    }

    fn key(&self, trial: Trial) -> (String, String) {
        (self.plan.prompts()[trial.prompt].name.to_string(), self.plan.case(&trial).name.clone())
    }

    fn answer(&self, trial: Trial) -> Result<Asked, Unanswered> {
        let is_another = self.usable.other_questions.contains(&self.key(trial));
        let result = if is_another { None } else { self.outputs.get(trial.id) };
        match result.map(|result| result.answer) {
            Some(Answer::Reply { reply, source }) => Ok(Asked { reply: *reply, source }),
            Some(Answer::Error(error)) => Err(Unanswered::Error(error)),
            None => Err(Unanswered::Withdrawn),
        }
    }
}

/// The answer of a judge that is not to be asked.
#[expect(clippy::unused_async, reason = "it stands where a judge would be asked")]
pub async fn leave_out(_trial: Trial, _call: JudgeCall, _tell: Tell) -> Result<Asked, Unanswered> {
    Err(Unanswered::LeftOut)
}
