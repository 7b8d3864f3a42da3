use std::collections::VecDeque;
use std::sync::Mutex;

use promptassay_llm::{Secrets, Usage};
use promptassay_registry::template::Values;

use super::*;
use crate::event::{AskError, AskErrorKind, ReplySource};
use crate::outcome::RepeatOutcome;
use crate::validator::tests::{build, describe, reply};

const YES: &str = r#"{"pass": true, "score": 0.9, "reason": "kind"}"#;
const NO: &str = r#"{"pass": false, "score": 0.2, "reason": "rude"}"#;

/// A judge that gives these answers in turn (`None`: it cannot be asked), and what it was asked.
struct Script {
    answers: Mutex<VecDeque<Option<&'static str>>>,
    asked: Mutex<Vec<JudgeCall>>,
}

impl Script {
    fn new(answers: &[Option<&'static str>]) -> Self {
        Self { answers: Mutex::new(answers.iter().copied().collect()), asked: Mutex::default() }
    }

    fn answer(&self, call: JudgeCall) -> std::future::Ready<Result<Asked, Unanswered>> {
        self.asked.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop_front().expect("nobody asks more than the script has");
        let out_of_reach = || {
            let kind = AskErrorKind::Model(promptassay_llm::ModelErrorKind::RateLimited);
            Unanswered::from(AskError { kind, message: "rate limited".into() })
        };
        let live = |text: &str| {
            let mut reply = reply(text);
            reply.usage = Usage { input: Some(100), output: Some(10), ..Usage::default() };
            Asked { reply, source: ReplySource::Live }
        };
        std::future::ready(answer.map(live).ok_or_else(out_of_reach))
    }
}

async fn check(yaml: &[&str], text: &str, script: &Script) -> (Vec<CheckResult>, Option<Judging>) {
    let validators: Vec<_> = yaml.iter().map(|yaml| Arc::new(build(yaml).unwrap())).collect();
    let (reply, inputs) = (reply(text), Values::new());
    let result = check_all(
        &validators,
        &Subject::new(&reply, &inputs),
        &|call| script.answer(call),
        Some(&Programs::new(&Secrets::none())),
    )
    .await;
    assert!(script.answers.lock().unwrap().is_empty(), "the script was not asked to its end");
    result
}

async fn verdict(yaml: &str, text: &str, answers: &[Option<&'static str>]) -> String {
    let script = Script::new(answers);
    let (results, judging) = check(&[yaml], text, &script).await;
    let calls = judging.map_or(0, |judging| judging.answers);
    format!("{} | score {} | {calls} answers", describe(&results[0]), results[0].score)
}

#[tokio::test]
async fn a_judge_decides_is_repaired_once_and_is_then_unscored() {
    let judge = "judge: The reply is polite";
    let lines = [
        verdict(judge, "hi", &[Some(YES)]).await,
        verdict(judge, "hi", &[Some(NO)]).await,
        verdict(judge, "hi", &[Some("well…"), Some(YES)]).await,
        verdict(judge, "hi", &[Some("well…"), Some("hm")]).await,
        verdict(judge, "hi", &[None]).await,
        verdict(judge, "hi", &[Some("well…"), None]).await,
        verdict("judge: x\nthreshold: 0.95", "hi", &[Some(YES)]).await,
        verdict("judge: x\nthreshold: 0.7", "hi", &[Some(r#"{"score": 0.8}"#)]).await,
        verdict("judge: x\nthreshold: 0.7", "hi", &[Some(r#"{"pass": true}"#), Some(r#"{"pass": true}"#)])
            .await,
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn samples_are_asked_apart_and_the_majority_decides() {
    let script = Script::new(&[Some(YES), Some(NO), Some("?"), Some(YES)]);
    let (results, judging) = check(&["judge: {value: x, samples: 3}"], "hi", &script).await;
    assert_eq!(describe(&results[0]), "pass");
    let judging = judging.unwrap();
    assert_eq!((judging.answers, judging.tokens, judging.cost), (4, Some(440), None));
    let asked = script.asked.lock().unwrap();
    let calls: Vec<_> = asked
        .iter()
        .map(|call| (call.sample, call.parts.unreadable.is_some(), call.model.name.as_str()))
        .collect();
    assert_eq!(calls, [(1, false, "judge"), (2, false, "judge"), (3, false, "judge"), (3, true, "judge")]);
    assert_eq!(asked[0].request, asked[1].request);
    assert_eq!(asked[3].request.messages.len(), 4);
}

#[tokio::test]
async fn an_error_of_the_judge_makes_the_repeat_errored_and_a_failed_check_goes_first() {
    let script = Script::new(&[None]);
    let (results, judging) = check(&["judge: x", "contains: hi"], "hi", &script).await;
    assert_eq!(RepeatOutcome::of(&results), RepeatOutcome::Errored);
    assert_eq!(judging, None);
    let (results, _) = check(&["judge: x", "contains: ho"], "hi", &Script::new(&[None])).await;
    assert_eq!(RepeatOutcome::of(&results), RepeatOutcome::Failed);
    let (results, _) = check(&["judge: x"], "hi", &Script::new(&[Some("?"), Some("?")])).await;
    assert_eq!(RepeatOutcome::of(&results), RepeatOutcome::Unscored);
}

#[tokio::test]
async fn answers_find_their_way_to_the_parts_that_asked() {
    let yaml = [
        "max_words: 5",
        "any_of: [{judge: first, name: one}, {all_of: [{contains: hi}, {judge: second, name: two}]}]",
        "contains: hi",
        "judge: third",
    ];
    let script = Script::new(&[Some(NO), Some(YES), Some(NO)]);
    let (results, _) = check(&yaml, "hi", &script).await;
    let lines: Vec<_> = results.iter().map(describe).collect();
    assert_eq!(lines, ["pass", "pass", "pass", "score 0.2: rude | got: \"hi\""]);
    let rubrics: Vec<_> = script
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.request.messages[1].content.lines().nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(rubrics, ["first", "second", "third"]);
}

#[tokio::test]
async fn a_part_of_the_reply_is_judged_alone_and_a_missing_one_asks_nobody() {
    let script = Script::new(&[Some(YES)]);
    let (results, _) =
        check(&["judge: x\nat: $.answer"], r#"{"answer": "yes", "note": "secret"}"#, &script).await;
    assert_eq!(describe(&results[0]), "pass");
    let content = script.asked.lock().unwrap()[0].request.messages[1].content.clone();
    assert!(content.contains("-----\nyes\n-----") && !content.contains("secret"), "{content}");
    let line = verdict("judge: x\nat: $.answer", "{}", &[]).await;
    assert_eq!(line, r#"the reply has nothing at $.answer | got: "{}" | score 0 | 0 answers"#);
}

#[tokio::test]
async fn a_property_turns_a_judge_around_but_not_an_unread_one() {
    let check = |answer: &'static str| async move {
        let validator = Arc::new(build("judge: The reply is rude").unwrap().as_property("rude", false));
        let script = Script::new(&[Some(answer), Some(answer)]);
        let (reply, inputs) = (reply("hi"), Values::new());
        let (results, _) = check_all(
            &[validator],
            &Subject::new(&reply, &inputs),
            &|call| script.answer(call),
            Some(&Programs::new(&Secrets::none())),
        )
        .await;
        format!("{} | {}", describe(&results[0]), (results[0].score * 10.0).round())
    };
    assert_eq!(check(NO).await, "pass | 8");
    assert_eq!(check(YES).await, "holds, and must not: score 0.9: kind | got: \"hi\" | 1");
    assert!(check("?").await.starts_with("unscored: "));
}

#[test]
fn who_asks_nobody_leaves_judges_and_programs_unscored() {
    let check =
        |yaml: &str| describe(&build(yaml).unwrap().check(&Subject::new(&reply("hi"), &Values::new())));
    assert_eq!(check("judge: x"), "unscored: was not asked");
    assert_eq!(check("command: ['true']").split(':').next(), Some("unscored"));
    assert_eq!(check("any_of: [{judge: x}, {contains: hi}]"), "pass");
    assert_eq!(check("all_of: [{judge: x}, {contains: hi}]"), "unscored: judge: was not asked");
}

#[test]
fn checking_can_move_between_threads() {
    fn needs_send<T: Send>(_: &T) {}
    let (reply, inputs) = (reply("hi"), Values::new());
    let subject = Subject::new(&reply, &inputs);
    let nobody =
        |_: JudgeCall| std::future::ready(Ok(Asked { reply: reply.clone(), source: ReplySource::Recorded }));
    needs_send(&check_all(&[], &subject, &nobody, Some(&Programs::new(&Secrets::none()))));
}
