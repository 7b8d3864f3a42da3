//! What checks cannot find out themselves: a judge's opinion, a program's answer. Looking at a reply stays pure: a first look
//! collects the questions, they are asked, and a second look, which goes the same way, finds the answers in the same order.

use std::future::Future;
use std::sync::Arc;

use futures::future::join_all;

use super::view::View;
use super::{Look, Subject, Validator, judged, program};
use crate::judge::{JudgeCall, Judging};
use crate::outcome::{CheckOutcome, CheckResult, Reason};
use crate::programs::Programs;
use crate::run::{Asked, Unanswered};

/// Who answers questions during a look.
#[derive(Debug)]
pub(super) enum Outside {
    /// Nobody: what would have to be asked is unscored.
    Nobody,
    /// Later: the questions are collected.
    Collecting(Vec<Inquiry>),
    /// Those who were asked.
    Answered(std::vec::IntoIter<Look>),
}

/// A question to the outside.
#[derive(Debug)]
pub(super) enum Inquiry {
    Judge(Box<judged::Inquiry>),
    Program(program::Inquiry),
}

impl Outside {
    pub(super) fn inquire(&mut self, inquiry: impl FnOnce() -> Inquiry) -> Look {
        match self {
            Self::Nobody => {}
            Self::Collecting(inquiries) => inquiries.push(inquiry()),
            Self::Answered(answers) => {
                if let Some(answer) = answers.next() {
                    return answer;
                }
            }
        }
        Err(not_asked())
    }

    fn collected(&self) -> usize {
        match self {
            Self::Collecting(inquiries) => inquiries.len(),
            Self::Nobody | Self::Answered(_) => 0,
        }
    }
}

fn not_asked() -> CheckOutcome {
    CheckOutcome::Unscored(Reason::new("was not asked"))
}

/// Looks at a reply with every validator, asks judges through `ask_judge` and runs the programs that commands name, where that is
/// allowed. Results are in the order of the validators.
pub(crate) async fn check_all<J, F>(
    validators: &[Arc<Validator>],
    subject: &Subject<'_>,
    ask_judge: &J,
    programs: Option<&Programs<'_>>,
) -> (Vec<CheckResult>, Option<Judging>)
where
    J: Fn(JudgeCall) -> F,
    F: Future<Output = Result<Asked, Unanswered>>,
{
    let view = View::whole(subject);
    let mut outside = Outside::Collecting(Vec::new());
    let mut open = Vec::new();
    let mut results = Vec::with_capacity(validators.len());
    for (index, validator) in validators.iter().enumerate() {
        let before = outside.collected();
        results.push(validator.result(&view, &mut outside));
        if outside.collected() > before {
            open.push(index);
        }
    }
    let Outside::Collecting(inquiries) = outside else { return (results, None) };
    if inquiries.is_empty() {
        return (results, None);
    }
    let asked = inquiries.into_iter().map(|inquiry| async move {
        match inquiry {
            Inquiry::Judge(inquiry) => inquiry.ask(ask_judge).await,
            Inquiry::Program(inquiry) => {
                let look = match programs {
                    Some(programs) => inquiry.run(programs).await,
                    None => Err(not_asked()),
                };
                (look, Judging::default())
            }
        }
    });
    let (answers, judging): (Vec<Look>, Vec<Judging>) = join_all(asked).await.into_iter().unzip();
    let mut outside = Outside::Answered(answers.into_iter());
    for index in open {
        results[index] = validators[index].result(&view, &mut outside);
    }
    let judging = judging.into_iter().fold(Judging::default(), Judging::and);
    (results, (judging.answers > 0 || judging.gaps > 0).then_some(judging))
}

#[cfg(test)]
mod tests;
