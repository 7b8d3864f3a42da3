//! Recorded answers of judges: `<replies>/<prompt>.judge.jsonl`. What a judge said belongs to what it was asked, so a row is found by
//! the digest of the whole question: the judge's model and parameters, the rubric, the inputs and the graded reply. Where it was
//! asked first stands beside it, and the digest of each part, for whoever reviews the file and for messages; they decide nothing.

mod lacking;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures::FutureExt as _;
use promptassay_llm::{EnvironmentName, FinishReason, Reply, Usage};
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

use super::merge::{Merged, Rows, order};
use super::row::{is_unknown, without_v};
use super::{Author, Lines, RecordedReplies, ReplyKey, Unused};
use crate::event::{Answer, AskError, JudgeAnswered, ReplySource};
use crate::judge::{JudgeCall, Parts, Unreadable, read};
use crate::plan::{Plan, Trial};
use crate::run::{Asked, Unanswered, judge_asking};

pub use lacking::{Beside, NoJudgement};

/// A row. Without what would change with every recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object")]
struct RowSpec {
    /// Whose reply was judged: the first, where several are equal.
    case: String,
    #[serde(serialize_with = "without_v")]
    version: Version,
    model: String,
    repeat: u32,
    /// The model row that judged.
    judge: String,
    #[serde(default = "first_sample", skip_serializing_if = "is_first_sample")]
    sample: u32,
    request_sha256: Digest,
    /// What the question is made of. Rows of earlier versions and rows by hand have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parts: Option<Parts>,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    finish_reason: FinishReason,
    #[serde(default, skip_serializing_if = "is_unknown")]
    usage: Usage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redacted: Vec<EnvironmentName>,
    source: Author,
}

fn first_sample() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first_sample(sample: &u32) -> bool {
    *sample == 1
}

impl RowSpec {
    fn asked_for(&self) -> ReplyKey {
        ReplyKey {
            case: self.case.clone(),
            version: self.version.clone(),
            model: self.model.clone(),
            repeat: self.repeat,
        }
    }

    /// What makes a row of the right shape no answer, and what to do.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.repeat == 0 {
            return Some(("repeats are counted from 1", "write `\"repeat\":1` for the first"));
        }
        (self.sample == 0).then_some(("samples are counted from 1", "leave `sample` out for the first"))
    }

    /// Why what a person wrote leads to another question to the judge, where it does whatever the threshold is.
    fn unreadable(&self) -> Option<Unreadable> {
        let error = (self.source == Author::Hand).then(|| read(&self.text, None).err()).flatten()?;
        (error != Unreadable::NoPass).then_some(error)
    }

    fn into_reply(self) -> Reply {
        let Self { text, refusal, finish_reason, usage, redacted, .. } = self;
        Reply { refusal, finish_reason, usage, redacted, ..Reply::from_text(text) }
    }
}

/// The recorded answers of the judges of one prompt.
#[derive(Debug, Default)]
pub struct RecordedJudgements {
    file: PathBuf,
    rows: HashMap<(Digest, u32), Row>,
    /// The rows about a case, by judge, in the order of the file.
    of_case: HashMap<(String, String), Vec<(Digest, u32)>>,
}

#[derive(Debug)]
struct Row {
    reply: Reply,
    author: Author,
    line: usize,
    /// Whose reply it is about.
    key: ReplyKey,
    request: Digest,
    parts: Option<Parts>,
}

impl RecordedJudgements {
    /// The file of a prompt's judges in a directory of recorded replies. No prompt can have such a name.
    pub fn path(directory: &Path, prompt: &str) -> PathBuf {
        directory.join(format!("{prompt}.judge.jsonl"))
    }

    /// Answers from a file's text, one JSON object a line. Everything that is wrong is added to `problems`.
    pub fn parse(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut judgements = Self::none(file);
        let help =
            "a row is {case, version, model, repeat, judge, request_sha256, text, finish_reason, source}";
        Lines::new(file, text, help).each_row(problems, |row: RowSpec, line, place, problems| {
            if let Some((message, help)) = row.fault() {
                problems.push(Problem::error("replies::invalid_row", message).at(place()).help(help));
                return;
            }
            let key = (row.request_sha256, row.sample);
            if let Some(Row { line: first, .. }) = judgements.rows.get(&key) {
                let message = format!("a second answer of {} to the same question", row.judge);
                problems.push(
                    Problem::error("replies::duplicate_row", message)
                        .at(place())
                        .help(format!("the first is in line {first}; keep one of the two")),
                );
                return;
            }
            if let Some(why) = row.unreadable() {
                let message = format!("this answer by hand cannot be read, so the judge would be asked once more: {why}");
                problems.push(
                    Problem::warning("replies::unreadable_answer", message)
                        .at(place())
                        .help("write its `text` as a judge would: {\"pass\": true, \"score\": 1, \"reason\": \"…\"}, as text in quotes"),
                );
            }
            let of_case = judgements.of_case.entry((row.case.clone(), row.judge.clone()));
            of_case.or_default().push(key);
            let (author, request, parts) = (row.source, row.request_sha256, row.parts.clone());
            let asked_for = row.asked_for();
            let row = Row { reply: row.into_reply(), author, line, key: asked_for, request, parts };
            judgements.rows.insert(key, row);
        });
        judgements
    }

    /// No answers, looked for in `file`.
    pub fn none(file: &Path) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// How many answers there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// What people wrote in the place of judges, by the digest of what was asked and the number of the sample.
    pub fn by_hand(&self) -> impl Iterator<Item = ((Digest, u32), &Reply)> {
        let by_hand = self.rows.iter().filter(|(_, row)| row.author == Author::Hand);
        by_hand.map(|(key, row)| (*key, &row.reply))
    }

    /// What a judge said when it was asked this about a trial's reply.
    pub fn answer(&self, plan: &Plan, trial: &Trial, call: &JudgeCall) -> Result<Asked, NoJudgement> {
        let request = super::request_digest(&call.model, &call.request);
        if let Some(Row { reply, .. }) = self.rows.get(&(request, call.sample)) {
            return Ok(Asked { reply: reply.clone(), source: ReplySource::Recorded });
        }
        Err(self.lacking(plan, trial, call, request))
    }

    fn lacking(&self, plan: &Plan, trial: &Trial, call: &JudgeCall, request: Digest) -> NoJudgement {
        let (case, judge) = (plan.case(trial), &call.model.name);
        let questions = case.validators.iter().flat_map(|validator| validator.judge_questions(case.into()));
        let asked = questions.filter(|asked| asked.model.name == *judge);
        let sought = lacking::Sought {
            judge,
            key: &plan.reply_key(trial),
            request,
            parts: &call.parts,
            sample: call.sample,
            rubrics: asked.map(|asked| asked.question.parts.rubric).collect(),
        };
        let rows = self.of_case.get(&(case.name.clone(), judge.clone()));
        let rows: Vec<&Row> = rows.into_iter().flatten().filter_map(|key| self.rows.get(key)).collect();
        sought.reason(&self.file, &rows)
    }

    /// The rows to which none of these recorded replies leads, by line. The plan should have every version of the prompt.
    pub fn unused(&self, plan: &Plan, replies: &RecordedReplies) -> Vec<Unused> {
        let used = Mutex::new(BTreeSet::new());
        for trial in plan.trials() {
            let Some(reply) = plan.request(trial).ok().and_then(|request| {
                let request = super::request_digest(&plan.variant(trial).model, &request);
                replies.find(&plan.reply_key(trial), &request).ok()
            }) else {
                continue;
            };
            let ask_judge = |call: JudgeCall| {
                let answer = self.answer(plan, trial, &call);
                if answer.is_ok()
                    && let Ok(mut used) = used.lock()
                {
                    used.insert((super::request_digest(&call.model, &call.request), call.sample));
                }
                std::future::ready(answer.map_err(|error| Unanswered::from(AskError::from(error))))
            };
            let answer = Answer::Reply { reply: Box::new(reply.clone()), source: ReplySource::Recorded };
            // Nobody is waited for: what is recorded is there, and programs are left out.
            judge_asking(plan, *trial, answer, &ask_judge, None).now_or_never();
        }
        let used = used.into_inner().unwrap_or_default();
        let unused = self.rows.iter().filter(|(key, _)| !used.contains(key));
        let why = "no recorded reply leads to this question of a judge";
        let mut unused: Vec<Unused> =
            unused.map(|(_, row)| Unused { line: row.line, why: why.to_owned() }).collect();
        unused.sort_by_key(|unused| unused.line);
        unused
    }
}

/// Merges what judges answered in a run into the file of one prompt of its plan, as [`super::merge()`] does with replies.
pub fn merge_judgements<'a>(
    plan: &Plan,
    prompt: usize,
    old: &str,
    answers: impl IntoIterator<Item = &'a JudgeAnswered>,
) -> Merged {
    let place_of = order(plan, prompt);
    let mut known =
        Rows::read(old, |row: &RowSpec| (row.request_sha256, row.sample), |row| row.source == Author::Hand);
    // What a script says must never pass for what a model said.
    let answers = answers.into_iter().filter(|answered| answered.source != ReplySource::Scripted);
    let of_prompt = |answered: &'a JudgeAnswered| {
        let index = plan.index_of(answered.trial)?;
        (plan.trials()[index].prompt == prompt).then_some((index, answered))
    };
    let answers: Vec<(usize, &JudgeAnswered)> = answers.filter_map(of_prompt).collect();
    for (key, row) in rows(plan, &answers) {
        match row {
            Some(row) => known.put(row),
            None => known.keep(&key),
        }
    }
    let merged = known
        .merged(old, |row| (place_of(&row.asked_for()), row.judge.clone(), row.sample, row.request_sha256));
    Merged { passed_over: passed_over(plan, &answers, &merged.text), ..merged }
}

/// The rows of what models answered, none for an answer that was recorded before; where several replies led to the same question, under
/// the first of them.
fn rows(plan: &Plan, answers: &[(usize, &JudgeAnswered)]) -> BTreeMap<(Digest, u32), Option<RowSpec>> {
    let mut first: BTreeMap<(Digest, u32), usize> = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for &(index, answered) in answers {
        let key = (answered.request_sha256, answered.sample);
        if first.get(&key).is_some_and(|first| *first <= index) {
            continue;
        }
        first.insert(key, index);
        if answered.source == ReplySource::Recorded {
            rows.insert(key, None);
            continue;
        }
        let ReplyKey { case, version, model, repeat } = plan.reply_key(&plan.trials()[index]);
        let row = RowSpec {
            case,
            version,
            model,
            repeat,
            judge: answered.judge.clone(),
            sample: answered.sample,
            request_sha256: answered.request_sha256,
            parts: answered.parts.clone(),
            text: answered.reply.text.clone(),
            refusal: answered.reply.refusal.clone(),
            finish_reason: answered.reply.finish_reason.clone(),
            usage: answered.reply.usage,
            redacted: answered.reply.redacted.clone(),
            source: Author::Recorded,
        };
        rows.insert(key, Some(row));
    }
    rows
}

/// The lines of what people wrote about replies that were judged, where none of the questions was theirs.
fn passed_over(plan: &Plan, answers: &[(usize, &JudgeAnswered)], text: &str) -> Vec<usize> {
    let mut maybe_by_hand = (1..).zip(text.lines()).filter(|(_, line)| line.contains(r#""hand""#)).peekable();
    if maybe_by_hand.peek().is_none() {
        return Vec::new();
    }
    let asked: HashSet<(Digest, u32)> =
        answers.iter().map(|(_, answered)| (answered.request_sha256, answered.sample)).collect();
    let judged: HashSet<(ReplyKey, &str)> = answers
        .iter()
        .map(|(index, answered)| (plan.reply_key(&plan.trials()[*index]), answered.judge.as_str()))
        .collect();
    let is_passed_over = |row: &RowSpec| {
        row.source == Author::Hand
            && judged.contains(&(row.asked_for(), row.judge.as_str()))
            && !asked.contains(&(row.request_sha256, row.sample))
    };
    let rows = maybe_by_hand.filter_map(|(line, row)| Some((line, serde_json::from_str(row.trim()).ok()?)));
    rows.filter(|(_, row)| is_passed_over(row)).map(|(line, _)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"case":"a","version":"1.0.0","model":"default","repeat":1,"judge":"judge","request_sha256":"DIGEST","text":"{\"pass\":true}","finish_reason":"stop","source":"hand"}"#;

    #[test]
    fn every_row_that_is_no_answer_is_reported_with_its_line() {
        let row = |number: u32, from: &str, to: &str| {
            let row = ROW.replace("DIGEST", &Digest::of(number.to_string()).to_string());
            assert!(row.contains(from), "{from}");
            row.replace(from, to)
        };
        let rows = [
            row(1, "", ""),
            row(1, "", ""),
            row(1, "\"text\"", "\"sample\":2,\"text\""),
            row(2, "\"text\"", "\"sample\":0,\"text\""),
            row(3, "\"repeat\":1", "\"repeat\":0"),
            row(4, "\"text\"", "\"parts\":{\"rubric\":\"Polite?\"},\"text\""),
            row(5, r#"{\"pass\":true}"#, "Fine."),
            row(6, r#"{\"pass\":true}"#, r#"{\"pass\":true,\"score\":8}"#),
            // With a threshold it can be read.
            row(7, r#"\"pass\":true"#, r#"\"score\":1"#),
            // What a model said is as it is.
            row(8, r#"{\"pass\":true}"#, "Fine.").replace("hand", "recorded"),
        ];
        let mut problems = Vec::new();
        let judgements = RecordedJudgements::parse(Path::new("j.jsonl"), &rows.join("\n"), &mut problems);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(said.join("\n"));
        assert_eq!(judgements.count(), 6);
    }
}
