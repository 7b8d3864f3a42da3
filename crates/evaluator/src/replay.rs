//! From a journal back to what happened: the same values that the run itself had, without a question to anybody.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::event::{Answer, Event, TrialAnswered};
use crate::journal::{Entry, JournalReader, ReadError};
use crate::judge::JudgeAnswers;
use crate::outcome::RepeatOutcome;
use crate::outputs::Outputs;
use crate::plan::{Plan, TrialId};
use crate::record::Record;
use crate::run::Asked;
use crate::spending::Spent;

/// What a journal says.
#[derive(Debug)]
pub struct Replay {
    /// What came of the plan's trials.
    pub record: Record,
    /// Their whole results, in the journal.
    pub outputs: Outputs,
    /// What the run spent so far, on results that were superseded as well.
    pub spent: Spent,
    /// The bytes of whole events: where a resumed run goes on.
    pub sound_bytes: u64,
    /// The bytes of a torn last line; 0 where there is none.
    pub torn_bytes: u64,
    /// The first of the journal's trials that the plan does not have.
    pub foreign: Option<TrialId>,
    /// Replies that were not judged before the run was killed.
    pub not_judged: HashMap<TrialId, Asked>,
    /// What judges answered.
    pub judged: Arc<JudgeAnswers>,
}

/// Reads a journal. The last event of a trial wins; the order of different trials' events does not matter.
pub fn replay(journal: &Path, plan: &Plan) -> Result<Replay, ReadError> {
    let mut reader = JournalReader::open(journal)?;
    let mut record = Record::new(plan);
    let mut outputs = Outputs::in_journal(journal, plan)?;
    let mut spent = Spent::default();
    let mut foreign = None;
    let (mut not_judged, mut judged) = (HashMap::new(), JudgeAnswers::new(journal)?);
    while let Some(Entry { event, span }) = reader.next_entry()? {
        if let Event::TrialFinished(result) = &event
            && plan.index_of(result.trial).is_none()
        {
            foreign = foreign.or(Some(result.trial));
        }
        spent.apply(plan, &event);
        record.apply(plan, &event);
        outputs.apply(&event, Some(span));
        judged.apply(&event, span);
        match event {
            Event::TrialAnswered(answered) => {
                let TrialAnswered { trial, reply, source, .. } = *answered;
                not_judged.insert(trial, Asked { reply, source });
            }
            Event::TrialFinished(result) => {
                not_judged.remove(&result.trial);
            }
            _ => {}
        }
    }
    let (sound_bytes, torn_bytes) = (reader.sound_bytes(), reader.torn_bytes());
    Ok(Replay {
        record,
        outputs,
        spent,
        sound_bytes,
        torn_bytes,
        foreign,
        not_judged,
        judged: Arc::new(judged),
    })
}

/// What a resumed run does about a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Remaining {
    /// Nothing: it has its result, good or bad.
    Nothing,
    /// The model is asked.
    Ask,
    /// The model has answered and is not asked again; a check could not be carried out, and the stored answer is judged anew.
    Judge(Box<Asked>),
}

impl Replay {
    /// Of a run that has just begun, with an empty journal.
    pub fn of_nothing(journal: &Path, plan: &Plan) -> Result<Self, ReadError> {
        Ok(Self {
            record: Record::new(plan),
            outputs: Outputs::in_journal(journal, plan)?,
            spent: Spent::default(),
            sound_bytes: 0,
            torn_bytes: 0,
            foreign: None,
            not_judged: HashMap::new(),
            judged: Arc::new(JudgeAnswers::new(journal)?),
        })
    }

    /// What a resumed run does about the plan's trial at `index`.
    pub fn remaining(&self, plan: &Plan, index: usize) -> Remaining {
        let id = plan.trials()[index].id;
        if let Some(asked) = self.not_judged.get(&id) {
            return Remaining::Judge(Box::new(asked.clone()));
        }
        let Some(trial) = self.record.trial(index) else { return Remaining::Ask };
        if trial.error.is_some() {
            return Remaining::Ask;
        }
        if trial.outcome != RepeatOutcome::Errored {
            return Remaining::Nothing;
        }
        match self.outputs.get(id).map(|result| result.answer) {
            Some(Answer::Reply { reply, source }) => {
                Remaining::Judge(Box::new(Asked { reply: *reply, source }))
            }
            Some(Answer::Error(_)) | None => Remaining::Ask,
        }
    }
}
