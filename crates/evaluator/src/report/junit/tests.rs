//! What the report holds before it is written.

use std::time::Duration;

use promptassay_llm::{FinishReason, Reply, Usage};

use super::*;
use crate::event::{Answer, Event, ReplySource, TrialResult};
use crate::gate;
use crate::outcome::{CheckOutcome, CheckResult, Reason, RepeatOutcome};
use crate::outputs::Outputs;
use crate::plan::tests::plan_of;
use crate::record::Record;
use crate::report::FileNames;

const SUITE: &str = "\
repeat: 2
validators: [{max_words: 9}]
cases:
  - {name: one, inputs: {company: A, query: One?}}
  - {name: two, inputs: {company: A, query: Two?}}
";

/// The report of a run in which every reply is this and fails: how much of it is held, and what is written.
fn of_replies(text: &str) -> (usize, String) {
    let plan = plan_of(SUITE, None, &["1.1.0"]).unwrap();
    let (mut record, mut outputs) = (Record::new(&plan), Outputs::in_memory());
    for trial in plan.trials() {
        let reply = Reply {
            text: text.to_owned(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            served_model: None,
            request_id: None,
            latency: Duration::ZERO,
            redacted: Vec::new(),
        };
        let check = CheckResult {
            name: "max_words".into(),
            outcome: CheckOutcome::Fail(Reason::new("too long")),
            score: 0.0,
            weight: 1.0,
            warn: false,
        };
        let event = Event::TrialFinished(Box::new(TrialResult {
            trial: trial.id,
            answer: Answer::Reply { reply: Box::new(reply), source: ReplySource::Recorded },
            outcome: RepeatOutcome::Failed,
            checks: vec![check],
            judging: None,
            answered_before: false,
        }));
        record.apply(&plan, &event);
        outputs.apply(&event, None);
    }
    let (summaries, gates) = gate::judge(&plan, &record);
    let evaluation = Evaluation {
        plan: &plan,
        record: &record,
        summaries: &summaries,
        gates: &gates,
        outputs: &outputs,
        attempts: None,
        files: &FileNames::default(),
    };
    let held = format!("{:?}", report(&evaluation, JunitLook::default())).len();
    let mut out = Vec::new();
    junit(&evaluation, JunitLook::default(), &mut out).unwrap();
    (held, String::from_utf8(out).unwrap())
}

#[test]
fn what_is_held_does_not_grow_with_the_replies() {
    let (held, written) = of_replies("short");
    let long = "a reply that goes on and on ".repeat(1000);
    let (held_of_long, written_of_long) = of_replies(&long);
    assert_eq!(held, held_of_long);
    assert!(held < 20_000, "{held}");
    // All of it stands in the file all the same.
    assert_eq!(written_of_long.matches(long.trim_end()).count(), written.matches("short").count());
    assert!(!written_of_long.contains('\0'));
}
