use serde_json::{Value, json};

use super::*;
use crate::event::{Change, Event, Grounds, Verb};
use crate::stage::Move;
use crate::testing::{ada, digest, evidence, hour, statement, text_digest, today, v};

/// v1.0.0 is in production.
fn state() -> State {
    let mut state = State::default();
    let event = Event {
        at: hour(-5),
        actor: ada(),
        command: Verb::Adopt,
        version: v("1.0.0"),
        sha256: text_digest("1.0.0"),
        change: Change::Move(Move::Adopt, Grounds::Policy),
        reason: None,
        policy: digest("policy"),
    };
    state.apply(&[event]).unwrap();
    state
}

/// What is said of evidence that was changed so, a day later, under this policy.
fn faults(change: impl Fn(&mut Value), policy: &Policy) -> String {
    let mut statement = statement("1.1.0", text_digest("1.1.0"));
    change(&mut statement["predicate"]);
    let judged = judge(&evidence(&statement), &v("1.1.0"), &today("1.1.0"), &state(), policy, hour(24));
    match judged {
        Ok(judged) => {
            assert!(judged.not_compared.is_empty());
            "good".to_owned()
        }
        Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

fn details(key: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |predicate| predicate["promptassay"][key] = value.clone()
}

fn other(part: usize) -> impl Fn(&mut Value) {
    move |predicate| predicate["configuration"][part]["digest"]["sha256"] = json!(digest("other"))
}

#[test]
fn the_trace_of_earlier_attempts_is_kept_and_refuses_nothing() {
    let mut statement = statement("1.1.0", text_digest("1.1.0"));
    let attempt = json!({"number": 4, "earlier_failed": 3});
    statement["predicate"]["promptassay"]["attempt"] = attempt.clone();
    let evidence = evidence(&statement);
    let judged =
        judge(&evidence, &v("1.1.0"), &today("1.1.0"), &state(), &Policy::default(), hour(24)).unwrap();
    let model = serde_json::to_value(&judged.summary.models[0]).unwrap();
    assert_eq!(model["attempt"], attempt);
    let read: ModelSummary = serde_json::from_value(model).unwrap();
    assert_eq!(read, judged.summary.models[0]);
}

#[test]
fn good_evidence_is_summarised() {
    let statement = statement("1.1.0", text_digest("1.1.0"));
    let evidence = evidence(&statement);
    let judged =
        judge(&evidence, &v("1.1.0"), &today("1.1.0"), &state(), &Policy::default(), hour(24)).unwrap();
    assert_eq!(judged.summary.sha256, evidence.sha256);
    insta::assert_snapshot!(serde_json::to_string_pretty(&judged.summary.models).unwrap(), @r#"
    [
      {
        "row": "default",
        "model": "gpt-6-luna",
        "served": [
          "gpt-6-luna-1"
        ],
        "cases": 40,
        "passed": 38,
        "interval": {
          "of": "pass_rate",
          "low": 0.85,
          "high": 0.98,
          "level": 0.9
        }
      }
    ]
    "#);
}

#[test]
fn whatever_changed_since_is_named() {
    let policy = Policy::default();
    let shown = [
        faults(|_| {}, &policy),
        faults(other(0), &policy),
        faults(other(1), &policy),
        faults(other(2), &policy),
        faults(other(3), &policy),
        faults(details("model", json!({"row": "default", "model": "gpt-5"})), &policy),
        faults(details("model", json!({"row": "claude", "model": "claude-sonnet-5"})), &policy),
    ];
    insta::assert_snapshot!(shown.join("\n"));
    let mut edited = today("1.1.0");
    edited.sha256 = text_digest("edited");
    let evidence = evidence(&statement("1.1.0", text_digest("1.1.0")));
    let judged = judge(&evidence, &v("1.1.0"), &edited, &state(), &policy, hour(24));
    insta::assert_snapshot!(judged.unwrap_err()[0], @"the text of v1.1.0 changed since: evaluated 36684a6096ea, now 6f0a9de6f857");
    let judged = judge(&evidence, &v("1.2.0"), &today("1.2.0"), &state(), &policy, hour(24));
    insta::assert_snapshot!(judged.unwrap_err()[0], @"run run-1 says nothing of v1.2.0; it is about support v1.1.0");
}

#[test]
fn a_result_that_does_not_meet_the_policy_is_named() {
    let policy = Policy::default();
    let recorded = Policy { replies: vec![ReplySource::Recorded], ..Policy::default() };
    let strict = Policy { min_cases: 41, models: vec!["claude".to_owned()], ..Policy::default() };
    let source =
        |source: &str, oldest: Value| details("replies", json!({"source": source, "oldest_at": oldest}));
    let failed = |predicate: &mut Value| {
        predicate["result"] = json!("FAILED");
        predicate["promptassay"]["verdict"] = json!("inconclusive");
    };
    let shown = [
        faults(failed, &policy),
        faults(details("complete", json!(false)), &policy),
        faults(details("unfiltered", json!(false)), &policy),
        faults(source("recorded", Value::Null), &policy),
        faults(source("recorded", Value::Null), &recorded),
        faults(source("live", json!(hour(0))), &recorded),
        faults(source("cached", json!(hour(24 - 7 * 24))), &policy),
        faults(source("cached", json!(hour(23 - 7 * 24))), &policy),
        faults(source("cached", Value::Null), &policy),
        faults(details("finished_at", json!(hour(25))), &policy),
        faults(|_| {}, &strict),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn it_must_have_been_compared_with_what_is_in_production() {
    let policy = Policy::default();
    let with =
        |version: &str| details("baseline", json!({"version": version, "sha256": text_digest(version)}));
    assert_eq!(faults(with("1.0.0"), &policy), "good");
    let edited = details("baseline", json!({"version": "1.0.0", "sha256": text_digest("edited")}));
    insta::assert_snapshot!(faults(edited, &policy), @"the text of v1.0.0, which it was compared with, changed since: evaluated 6f0a9de6f857, now 4fad132786a7");
    insta::assert_snapshot!(faults(with("1.2.0"), &policy), @"the evidence compares with v1.2.0, and v1.0.0 is in production");
}

#[test]
fn where_the_gate_has_a_margin_what_replaces_production_was_compared_with_it() {
    let statement = statement("1.1.0", text_digest("1.1.0"));
    let today = Today { has_margin: true, ..today("1.1.0") };
    let judged = |statement: &Value, state: &State| {
        judge(&evidence(statement), &v("1.1.0"), &today, state, &Policy::default(), hour(24))
    };
    insta::assert_snapshot!(judged(&statement, &state()).unwrap_err()[0], @"the evidence was not compared with v1.0.0, which is in production, and the gate has a margin by which it may be worse");
    judged(&statement, &State::default()).unwrap();
    let mut compared = statement;
    compared["predicate"]["promptassay"]["baseline"] =
        json!({"version": "1.0.0", "sha256": text_digest("1.0.0")});
    judged(&compared, &state()).unwrap();
}

#[test]
fn what_cannot_be_compared_is_said() {
    let mut today = today("1.1.0");
    today.suite = None;
    today.gate = None;
    today.models.get_mut("default").unwrap().params = None;
    let evidence = evidence(&statement("1.1.0", text_digest("1.1.0")));
    let judged = judge(&evidence, &v("1.1.0"), &today, &state(), &Policy::default(), hour(24)).unwrap();
    assert_eq!(judged.not_compared, ["the suite", "the gate", "the parameters"]);
}

#[test]
fn every_model_counts_and_what_they_share_is_said_once() {
    let good = statement("1.1.0", text_digest("1.1.0"));
    let mut other = good.clone();
    let details = &mut other["predicate"]["promptassay"];
    details["model"] = json!({"row": "claude", "model": "claude-sonnet-5"});
    details["replies"] = json!({"source": "cached", "oldest_at": hour(-30)});
    let mut now = today("1.1.0");
    let row = ModelToday { model: "claude-sonnet-5".to_owned(), params: Some(digest("params")) };
    now.models.insert("claude".to_owned(), row);
    let both = |good: &Value, other: &Value| Evidence::parse(&json!([good, other]).to_string()).unwrap();
    let policy = Policy { models: vec!["claude".to_owned()], ..Policy::default() };
    let judged = judge(&both(&good, &other), &v("1.1.0"), &now, &state(), &policy, hour(24)).unwrap();
    assert_eq!(
        (judged.summary.replies, judged.summary.oldest_reply_at),
        (ReplySource::Cached, Some(hour(-30)))
    );
    other["predicate"]["result"] = json!("FAILED");
    other["predicate"]["promptassay"]["verdict"] = json!("failed");
    now.suite = Some(digest("another"));
    let faults = judge(&both(&good, &other), &v("1.1.0"), &now, &state(), &policy, hour(24)).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn what_is_younger_than_a_rollback_is_told_by_milliseconds_and_what_was_cut_is_not_taken_for_younger() {
    let said = |of_run: &str, of_ledger: &str| {
        let mut statement = statement("1.1.0", text_digest("1.1.0"));
        let details = &mut statement["predicate"]["promptassay"];
        details["finished_at"] = json!("2026-11-23T10:00:09.5Z");
        details["replies"]["oldest_at"] = json!(format!("2026-11-23T10:00:{of_run}Z"));
        let at = format!("2026-11-23T10:00:{of_ledger}Z").parse().unwrap();
        let mark = Mark { at, latest: at, reason: None };
        let fault = of_rollback(&evidence(&statement).findings[0], &mark);
        fault.map_or_else(|| "younger".to_owned(), |fault| fault.to_string())
    };
    assert_eq!(said("02.019", "02.018"), "younger");
    assert_eq!(said("03", "02.018"), "younger");
    assert_eq!(said("03", "02"), "younger");
    insta::assert_snapshot!(
        [("02.018", "02.018"), ("02", "02.018"), ("02.500", "02"), ("02", "02"), ("01", "02.018")].map(|(of_run, of_ledger)| said(of_run, of_ledger)).join("\n"),
        @"
    the oldest reply of the evidence is from 2026-11-23T10:00:02.018Z, before the rollback of v1.1.0 at 2026-11-23T10:00:02.018Z
    the oldest reply of the evidence is from 2026-11-23T10:00:02Z, and so perhaps from before the rollback of v1.1.0 at 2026-11-23T10:00:02.018Z
    the oldest reply of the evidence is from 2026-11-23T10:00:02.500Z, and so perhaps from before the rollback of v1.1.0 at 2026-11-23T10:00:02Z
    the oldest reply of the evidence is from 2026-11-23T10:00:02Z, and so perhaps from before the rollback of v1.1.0 at 2026-11-23T10:00:02Z
    the oldest reply of the evidence is from 2026-11-23T10:00:01Z, before the rollback of v1.1.0 at 2026-11-23T10:00:02.018Z
    "
    );
    insta::assert_snapshot!(said("09.5", "09.5"), @"the evidence is older than the rollback of v1.1.0 at 2026-11-23T10:00:09.5Z");
    insta::assert_snapshot!(said("09.5", "09"), @"the evidence may be older than the rollback of v1.1.0 at 2026-11-23T10:00:09Z");
}

#[test]
fn what_was_asked_before_a_rollback_that_a_slow_clock_put_earlier_is_not_younger() {
    let event = |at: Timestamp, command, version: &str, change| Event {
        at,
        actor: ada(),
        command,
        version: v(version),
        sha256: text_digest(version),
        change,
        reason: None,
        policy: digest("policy"),
    };
    let move_of = |step| Change::Move(step, Grounds::Policy);
    let mut state = state();
    for (at, command, step) in
        [(hour(-4), Verb::Promote, Move::BeginTesting), (hour(2), Verb::Promote, Move::GoLive)]
    {
        let retired = (step == Move::GoLive).then(|| event(at, command, "1.0.0", move_of(Move::Deprecate)));
        let events: Vec<Event> =
            retired.into_iter().chain([event(at, command, "1.1.0", move_of(step))]).collect();
        state.apply(&events).unwrap();
    }
    // An hour slow: by its own time it was before the promotion.
    let back = [
        event(hour(1), Verb::Rollback, "1.1.0", move_of(Move::Deprecate)),
        event(hour(1), Verb::Rollback, "1.0.0", move_of(Move::Restore)),
    ];
    state.apply(&back).unwrap();
    let mark = state.versions()[&v("1.1.0")].mark.clone().unwrap();
    let said = |minutes: i64| {
        let mut statement = statement("1.1.0", text_digest("1.1.0"));
        let details = &mut statement["predicate"]["promptassay"];
        let at = hour(1) + SignedDuration::from_mins(minutes);
        details["finished_at"] = json!(at);
        details["replies"]["oldest_at"] = json!(at);
        of_rollback(&evidence(&statement).findings[0], &mark).map(|fault| fault.to_string())
    };
    assert_eq!(said(61), None);
    insta::assert_snapshot!(said(59).unwrap(), @"the evidence may be older than the rollback of v1.1.0 at 2026-11-23T11:00:00Z");
}
