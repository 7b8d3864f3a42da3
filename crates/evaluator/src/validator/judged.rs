//! `judge`: what another model says of the reply, measured by a rubric. The questions and their reading are in [`crate::judge`].

use std::future::Future;
use std::sync::Arc;

use futures::future::join_all;
use promptassay_llm::ModelRow;
use promptassay_registry::problem::did_you_mean;
use promptassay_registry::yaml::Located;
use schemars::JsonSchema;

use super::ending::excerpt_with_ending;
use super::excerpt::excerpt;
use super::outside::{Inquiry as OutsideInquiry, Outside};
use super::spec::meant::refuse_file;
use super::spec::{Builder, Options};
use super::view::View;
use super::{Found, Look};
use crate::judge::{self, JudgeCall, Judging, Question, Sample};
use crate::outcome::{CheckOutcome, Reason};
use crate::run::{Asked, Unanswered};

/// More samples than this are a typing error.
pub(super) const MAX_SAMPLES: u32 = 15;

/// A rubric and who reads it.
#[derive(Debug)]
pub(super) struct Judge {
    rubric: String,
    threshold: Option<f64>,
    samples: u32,
    model: Arc<ModelRow>,
}

/// A question to a judge, of which only the reply is not known yet.
#[derive(Debug)]
pub(crate) struct JudgeQuestion<'a> {
    pub(crate) model: &'a ModelRow,
    pub(crate) samples: u32,
    pub(crate) question: Question,
}

/// A rubric to be put to its model.
#[derive(Debug)]
pub(super) struct Inquiry {
    question: Question,
    threshold: Option<f64>,
    samples: u32,
    model: Arc<ModelRow>,
    /// What is judged, as a reason shows it.
    got: String,
}

impl Judge {
    pub(super) fn model(&self) -> &ModelRow {
        &self.model
    }

    /// What it would ask about an empty reply to a case, and how often.
    pub(super) fn question(&self, given: judge::Given<'_>) -> JudgeQuestion<'_> {
        let question = judge::question_about(&self.model, &self.rubric, "", given);
        JudgeQuestion { model: &self.model, samples: self.samples, question }
    }

    pub(super) fn look(&self, view: &View<'_>, outside: &mut Outside) -> Look {
        outside.inquire(|| {
            let question = if view.is_part() {
                judge::question_about(&self.model, &self.rubric, view.text(), view.subject.given())
            } else {
                judge::question(&self.model, &self.rubric, view.subject)
            };
            OutsideInquiry::Judge(Box::new(Inquiry {
                question,
                threshold: self.threshold,
                samples: self.samples,
                model: Arc::clone(&self.model),
                got: excerpt(view.text()),
            }))
        })
    }
}

impl Inquiry {
    pub(super) async fn ask<J, F>(self, ask_judge: &J) -> (Look, Judging)
    where
        J: Fn(JudgeCall) -> F,
        F: Future<Output = Result<Asked, Unanswered>>,
    {
        let samples = (1..=self.samples).map(|sample| self.ask_once(sample, ask_judge));
        let (samples, judging): (Vec<Sample>, Vec<Judging>) = join_all(samples).await.into_iter().unzip();
        let (outcome, score) = judge::combine(&samples);
        let said = |reason: Reason| reason.got(self.got.clone());
        let look = match outcome {
            CheckOutcome::Pass => {
                let reason = said(judge::reason_for(&samples, true));
                Ok(Found::new(true, reason.clone(), reason).scored(score))
            }
            CheckOutcome::Fail(reason) => {
                let reason = said(reason);
                Ok(Found::new(false, reason.clone(), reason).scored(score))
            }
            undecided => Err(undecided),
        };
        (look, judging.into_iter().fold(Judging::default(), Judging::and))
    }

    /// One sample: a question, and one more where the answer cannot be read.
    async fn ask_once<J, F>(&self, sample: u32, ask_judge: &J) -> (Sample, Judging)
    where
        J: Fn(JudgeCall) -> F,
        F: Future<Output = Result<Asked, Unanswered>>,
    {
        let call = |Question { request, parts }: Question| {
            ask_judge(JudgeCall { model: Arc::clone(&self.model), request, parts, sample })
        };
        let first = match call(self.question.clone()).await {
            Ok(asked) => asked,
            Err(error) => {
                let judging = nothing_answered(&error);
                return (not_asked(error), judging);
            }
        };
        let mut judging = Judging::of(&self.model, &first);
        let unreadable = match judge::read(&first.reply.text, self.threshold) {
            Ok(judgement) => return (Sample::Read(judgement), judging),
            Err(unreadable) => unreadable,
        };
        let repair = judge::repair_question(&self.question, &first.reply.text, &unreadable);
        let second = match call(repair).await {
            Ok(asked) => asked,
            Err(error) => {
                let judging = judging.and(nothing_answered(&error));
                return (not_asked(error), judging);
            }
        };
        judging = judging.and(Judging::of(&self.model, &second));
        let sample = match judge::read(&second.reply.text, self.threshold) {
            Ok(judgement) => Sample::Read(judgement),
            Err(why) => Sample::Unreadable { why, answer: excerpt_with_ending(&second.reply) },
        };
        (sample, judging)
    }
}

/// What a question took that brought no answer.
fn nothing_answered(error: &Unanswered) -> Judging {
    match error {
        Unanswered::Error(error) => Judging::of_error(error),
        Unanswered::Withdrawn | Unanswered::LeftOut => Judging::default(),
    }
}

fn not_asked(error: Unanswered) -> Sample {
    match error {
        Unanswered::Error(error) => Sample::NotAsked(error.message),
        Unanswered::Withdrawn => Sample::NotAsked("the run was stopped before".to_owned()),
        Unanswered::LeftOut => Sample::LeftOut,
    }
}

/// What a warning says where a judge grades its own replies.
pub(crate) fn judges_itself(judge: &str, asked: &str) -> String {
    let other = if judge == asked { String::new() } else { format!(" as `{asked}`") };
    format!("`{judge}` judges its own replies: the suite asks the same model{other}")
}

/// What to do about it.
pub(crate) const JUDGES_ITSELF_HELP: &str = "models favour their own words; name a row with another model";

/// `"rubric"` or `{value: rubric, samples: 3, model: row}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeOptions {
    /// What the reply must be like, in words.
    value: Located<String>,
    /// How often the judge is asked; the majority decides. An odd number.
    #[serde(default)]
    samples: Option<Located<u32>>,
    /// A model row; without it the suite's `judge`.
    #[serde(default)]
    model: Option<Located<String>>,
}

impl Options for JudgeOptions {
    type Short = String;
    const EXPECTING: &'static str = "a rubric, or a map with `value`";

    fn short(value: Located<String>) -> Self {
        Self { value, samples: None, model: None }
    }
}

impl JudgeOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<Judge> {
        if self.value.trim().is_empty() {
            let help = "write what the reply must be like";
            builder.refuse("suite::empty_text", "the rubric is empty", self.value.span, help);
        }
        refuse_file(&self.value, builder);
        let samples = self.samples.map_or(1, |samples| samples.value);
        if let Some(located) =
            self.samples.filter(|samples| samples.value % 2 == 0 || samples.value > MAX_SAMPLES)
        {
            builder.refuse(
                "suite::invalid_samples",
                format!("`samples` is {located}"),
                located.span,
                format!("write an odd number from 1 to {MAX_SAMPLES}: the majority decides"),
            );
        }
        let model = self.row(builder)?;
        Some(Judge { rubric: self.value.value.clone(), threshold: builder.threshold(), samples, model })
    }

    /// The judge's model row: its own, else the suite's.
    fn row(&self, builder: &mut Builder<'_>) -> Option<Arc<ModelRow>> {
        // Without a suite around it only the form is checked.
        let surroundings = builder.surroundings()?;
        match (&self.model, surroundings.judge) {
            (Some(name), _) => {
                if let Some(row) = surroundings.settings.models.get(&name.value) {
                    if let Some(asked) = surroundings.asked_as(row) {
                        builder.warn(
                            "suite::judges_itself",
                            judges_itself(name, asked),
                            name.span,
                            JUDGES_ITSELF_HELP,
                        );
                    }
                    return Some(Arc::new(row.clone()));
                }
                if surroundings.settings.has_written_model(name) {
                    // What is wrong with the row is reported there.
                    return None;
                }
                let help = did_you_mean(name, surroundings.settings.model_names(), "models in registry.yaml");
                builder.refuse(
                    "suite::unknown_model",
                    format!("there is no model `{name}`"),
                    name.span,
                    help,
                );
                None
            }
            // What is wrong with the suite's own row is reported there.
            (None, Some(row)) => surroundings.settings.models.get(row).map(|row| Arc::new(row.clone())),
            (None, None) => {
                let key = builder.key();
                builder.refuse(
                    "suite::no_judge",
                    "nobody is named who judges",
                    key,
                    "add `judge: ROW` to the suite, with the name of a model row of registry.yaml",
                );
                None
            }
        }
    }
}
