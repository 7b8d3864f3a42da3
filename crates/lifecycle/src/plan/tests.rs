use serde_json::json;

use super::*;
use crate::evidence::EvidenceFault;
use crate::testing::{ada, command, evidence, hour, proof_at, statement, text_digest, today, v};

/// Carries commands out, one an hour.
fn after(requests: &[Request]) -> State {
    let mut state = State::default();
    for (index, request) in requests.iter().enumerate() {
        let now = hour(i64::try_from(index).unwrap());
        let planned = plan(&state, &command(request.clone()), now, &policy())
            .unwrap_or_else(|refusal| panic!("{request:?}: {refusal}"));
        state.apply(&planned.events).unwrap();
    }
    state
}

/// Nothing needs evidence, so that the moves themselves can be looked at.
fn policy() -> Policy {
    Policy { evidence_for: Vec::new(), ..Policy::default() }
}

fn promote(version: &str, to: Stage) -> Request {
    Request::Promote { version: v(version), to, warrant: Warrant::None }
}

fn testing(version: &str) -> Request {
    promote(version, Stage::Testing)
}

fn live(version: &str) -> Request {
    promote(version, Stage::Production)
}

fn canary(version: &str, share: &str) -> Request {
    Request::Canary { version: v(version), share: share.parse().unwrap(), warrant: Warrant::None }
}

fn adopt(version: &str) -> Request {
    Request::Adopt { version: v(version) }
}

fn rollback(to: Option<&str>) -> Request {
    Request::Rollback { to: to.map(v) }
}

fn deprecate(version: &str) -> Request {
    Request::Deprecate { version: v(version) }
}

fn archive(version: &str) -> Request {
    Request::Archive { version: v(version) }
}

/// v1.0.0 was replaced by v1.1.0 by way of a canary.
fn replaced() -> Vec<Request> {
    vec![adopt("1.0.0"), testing("1.1.0"), canary("1.1.0", "5"), live("1.1.0")]
}

fn steps(state: &State, request: Request, now: i64, policy: &Policy) -> Result<String, Refusal> {
    let planned = plan(state, &command(request), hour(now), policy)?;
    let mut next = state.clone();
    next.apply(&planned.events).unwrap();
    let shown = planned.events.iter().map(|event| match &event.change {
        Change::Widen(canary) => format!("{} to {}", event.version, canary.basis_points),
        change => {
            let step = change.step().unwrap();
            format!("{} {}→{}", event.version, step.from(), step.to())
        }
    });
    Ok(shown.collect::<Vec<_>>().join(", "))
}

fn refusal(state: &State, request: Request) -> String {
    let refusal = steps(state, request, 100, &policy()).unwrap_err();
    format!("{refusal} ({})", refusal.help().unwrap_or_default())
}

#[test]
fn every_pair_of_stages_is_a_move_or_a_refusal() {
    // A version 1.1.0 in each stage, beside v1.0.0 in production where that is possible.
    let beside = |requests: &[Request]| after(&[&[adopt("1.0.0"), testing("1.1.0")], requests].concat());
    let states = [
        (Stage::Draft, after(&[adopt("1.0.0")])),
        (Stage::Testing, beside(&[])),
        (Stage::Canary, beside(&[canary("1.1.0", "5")])),
        (Stage::Production, after(&replaced())),
        (
            Stage::Deprecated,
            after(&[replaced(), vec![testing("1.2.0"), canary("1.2.0", "5"), live("1.2.0")]].concat()),
        ),
        (Stage::Archived, beside(&[archive("1.1.0")])),
    ];
    let mut table = Vec::new();
    for (from, state) in &states {
        assert_eq!(state.stage(&v("1.1.0")), *from);
        for to in Stage::ALL {
            let request = match to {
                Stage::Canary => canary("1.1.0", "10"),
                Stage::Deprecated => deprecate("1.1.0"),
                Stage::Archived => archive("1.1.0"),
                Stage::Testing if *from == Stage::Canary => Request::Abort { version: None },
                _ => promote("1.1.0", to),
            };
            let policy = Policy { canary: CanaryRule::Optional, ..policy() };
            let result = match steps(state, request, 5, &policy) {
                Ok(steps) => steps,
                Err(refusal) => format!("refused: {refusal}"),
            };
            table.push(format!("{from} to {to}: {result}"));
        }
    }
    insta::assert_snapshot!(table.join("\n"));
}

/// The ledger alone decides from its first line on, so it begins with what is served.
#[test]
fn a_ledger_does_not_begin_without_what_is_served() {
    let served = |request| Command { active: Some(v("1.0.0")), ..command(request) };
    let first = |request: Request| match plan(&State::default(), &served(request), hour(0), &policy()) {
        Ok(planned) => format!("{} event", planned.events.len()),
        Err(refusal) => format!("{refusal} ({})", refusal.help().unwrap()),
    };
    let requests = [
        testing("1.1.0"),
        testing("1.0.0"),
        live("1.1.0"),
        promote("9.9.9", Stage::Testing),
        canary("1.1.0", "5"),
        archive("1.1.0"),
        archive("1.0.0"),
        rollback(None),
        rollback(Some("1.1.0")),
        deprecate("1.0.0"),
        Request::Abort { version: None },
        adopt("1.0.0"),
    ];
    let shown: Vec<String> =
        requests.into_iter().map(|request| format!("{:?}: {}", request.verb(), first(request))).collect();
    insta::assert_snapshot!(shown.join("\n"));
    // Once something has been in production, `active_version` follows and asks for nothing.
    let over = after(&[adopt("1.0.0"), deprecate("1.0.0")]);
    assert!(plan(&over, &served(testing("1.1.0")), hour(9), &policy()).is_ok());
    assert!(plan(&over, &served(archive("1.0.0")), hour(9), &policy()).is_ok());
}

#[test]
fn production_replaces_what_is_there_and_ends_the_canary() {
    let state = after(&[adopt("1.0.0"), testing("1.1.0"), testing("1.2.0"), canary("1.1.0", "5")]);
    let optional = Policy { canary: CanaryRule::Optional, ..policy() };
    insta::assert_snapshot!(steps(&state, live("1.1.0"), 5, &policy()).unwrap(), @"v1.0.0 production→deprecated, v1.1.0 canary→production");
    insta::assert_snapshot!(steps(&state, live("1.2.0"), 5, &optional).unwrap(), @"v1.1.0 canary→testing, v1.0.0 production→deprecated, v1.2.0 testing→production");
    insta::assert_snapshot!(refusal(&state, live("1.2.0")), @"v1.2.0 has to be a canary before it replaces v1.0.0 (`promptassay canary NAME v1.2.0 --percent 5` begins one; `canary: optional` in the policy does without)");
    let first = after(&[testing("1.1.0")]);
    insta::assert_snapshot!(steps(&first, live("1.1.0"), 5, &policy()).unwrap(), @"v1.1.0 testing→production");
}

#[test]
fn a_canary_only_widens_and_keeps_its_salt() {
    let state = after(&[adopt("1.0.0"), testing("1.1.0"), testing("1.2.0"), canary("1.1.0", "5")]);
    let salt = state.canary().unwrap().settings.salt.clone();
    let planned = plan(&state, &command(canary("1.1.0", "25")), hour(9), &policy()).unwrap();
    let Change::Widen(settings) = &planned.events[0].change else { panic!("{planned:?}") };
    assert_eq!((&settings.salt, settings.basis_points.basis_points()), (&salt, 2_500));
    assert_eq!(settings.expires_at, hour(9 + 7 * 24));
    insta::assert_snapshot!(refusal(&state, canary("1.1.0", "5")), @"the canary v1.1.0 is served to 5 % already, and 5 % is not more (a canary only widens, so that nobody is moved back and forth; `promptassay abort NAME --reason WHY` ends it)");
    insta::assert_snapshot!(refusal(&state, canary("1.2.0", "5")), @"v1.1.0 is the canary; there is one at a time (`promptassay abort NAME --reason WHY` ends it)");
    // Another canary has another salt.
    let again = after(&[
        adopt("1.0.0"),
        testing("1.1.0"),
        canary("1.1.0", "5"),
        Request::Abort { version: None },
        canary("1.1.0", "5"),
    ]);
    assert_ne!(again.canary().unwrap().settings.salt, salt);
    assert_eq!(salt.len(), 32);
}

#[test]
fn a_canary_that_was_ended_does_not_begin_again_on_what_was_known() {
    let begin = |warrant| Request::Canary { version: v("1.1.0"), share: "5".parse().unwrap(), warrant };
    let past_it = |warrant| Request::Promote { version: v("1.1.0"), to: Stage::Production, warrant };
    let optional = Policy { canary: CanaryRule::Optional, ..Policy::default() };
    let open = Policy { evidence_for: Vec::new(), ..optional.clone() };
    // Ended in the third hour, and it has been a draft since; the evidence is of the given hour.
    let state = after(&[
        adopt("1.0.0"),
        testing("1.1.0"),
        canary("1.1.0", "5"),
        Request::Abort { version: None },
        promote("1.1.0", Stage::Draft),
        testing("1.1.0"),
    ]);
    let silent = |request| plan(&state, &Command { reason: None, ..command(request) }, hour(9), &optional);
    for request in [begin(proof_at("1.1.0", 3)), past_it(proof_at("1.1.0", 3))] {
        let refused = silent(request.clone()).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{refused} ({})", refused.help().unwrap()));
        }
        assert!(plan(&state, &command(request), hour(9), &optional).is_ok(), "somebody says why");
    }
    assert!(silent(begin(proof_at("1.1.0", 4))).is_ok() && silent(past_it(proof_at("1.1.0", 4))).is_ok());
    // Where no evidence is asked for, somebody says why.
    for request in [begin(Warrant::None), past_it(Warrant::None)] {
        let silent = Command { reason: None, ..command(request.clone()) };
        assert!(matches!(plan(&state, &silent, hour(9), &open), Err(Refusal::Aborted { .. })), "{request:?}");
        assert!(plan(&state, &command(request), hour(9), &open).is_ok());
    }
    // It is known for as long as the next canary runs, and not said of what went to production.
    let aborted = |state: &State| state.versions()[&v("1.1.0")].aborted.clone();
    let mut next = state.clone();
    next.apply(&silent(begin(proof_at("1.1.0", 4))).unwrap().events).unwrap();
    assert_eq!(aborted(&next).unwrap().reason.as_deref(), Some("because"));
    next.apply(&plan(&next, &command(live("1.1.0")), hour(10), &open).unwrap().events).unwrap();
    assert_eq!(aborted(&next), None);
}

#[test]
fn only_who_ends_a_canary_marks_its_version() {
    // Whatever else ends one has no opinion of it.
    let canary = || vec![testing("1.2.0"), canary("1.2.0", "5")];
    let aborted = |request: Request| {
        let state = after(&[replaced(), canary(), vec![request]].concat());
        assert_eq!(state.stage(&v("1.2.0")), Stage::Testing);
        state.versions()[&v("1.2.0")].aborted.is_some()
    };
    assert!(aborted(Request::Abort { version: None }));
    assert!(!aborted(rollback(None)) && !aborted(deprecate("1.1.0")));
}

#[test]
fn an_expired_canary_neither_widens_nor_goes_live() {
    let state = after(&[adopt("1.0.0"), testing("1.1.0"), canary("1.1.0", "5")]);
    let late = 2 + 7 * 24;
    for request in [canary("1.1.0", "25"), live("1.1.0")] {
        let refusal = steps(&state, request, late, &policy()).unwrap_err();
        assert_eq!(refusal, Refusal::CanaryExpired { version: v("1.1.0"), at: hour(late) });
    }
    assert!(steps(&state, live("1.1.0"), late - 1, &policy()).is_ok());
    insta::assert_snapshot!(steps(&state, Request::Abort { version: None }, late, &policy()).unwrap(), @"v1.1.0 canary→testing");
}

#[test]
fn a_canary_needs_something_beside_it() {
    insta::assert_snapshot!(refusal(&after(&[testing("1.1.0")]), canary("1.1.0", "5")), @"v1.1.0 cannot be a canary: nothing is in production beside it (`promptassay promote NAME v1.1.0 --to production` puts it there; `promptassay adopt` records what is live already)");
    insta::assert_snapshot!(refusal(&after(&[adopt("1.0.0")]), canary("1.1.0", "5")), @"v1.1.0 cannot go from draft to canary (`promptassay promote NAME v1.1.0 --to testing` comes first)");
    let running = after(&[adopt("1.0.0"), testing("1.1.0"), canary("1.1.0", "5")]);
    let other = Request::Abort { version: Some(v("1.2.0")) };
    insta::assert_snapshot!(refusal(&running, other), @"v1.2.0 is not the canary; v1.1.0 is (`promptassay abort NAME v1.1.0 --reason WHY` ends that one)");
    insta::assert_snapshot!(refusal(&after(&[adopt("1.0.0")]), Request::Abort { version: None }), @"no canary runs (`promptassay status NAME` shows what there is)");
}

#[test]
fn a_rollback_goes_to_what_was_in_production_before() {
    let state = after(&replaced());
    insta::assert_snapshot!(steps(&state, rollback(None), 9, &policy()).unwrap(), @"v1.1.0 production→deprecated, v1.0.0 deprecated→production");
    // A running canary ends in the same append.
    let canary = after(&[replaced(), vec![testing("1.2.0"), canary("1.2.0", "5")]].concat());
    insta::assert_snapshot!(steps(&canary, rollback(None), 9, &policy()).unwrap(), @"v1.2.0 canary→testing, v1.1.0 production→deprecated, v1.0.0 deprecated→production");
}

#[test]
fn nothing_bounces_back() {
    let state = after(&[replaced(), vec![rollback(None)]].concat());
    assert_eq!(state.production(), Some(&v("1.0.0")));
    assert_eq!(state.versions()[&v("1.1.0")].mark.as_ref().unwrap().reason.as_deref(), Some("because"));
    insta::assert_snapshot!(refusal(&state, rollback(None)), @"there is nothing to roll back to: no version that was in production before can be again (`promptassay deprecate NAME v1.0.0 --reason WHY` takes it out of production with nothing in its place)");
    insta::assert_snapshot!(refusal(&state, rollback(Some("1.1.0"))), @"v1.1.0 was rolled back from at 2026-11-23T14:00:00Z: because (`promptassay eval NAME --candidate v1.1.0 --refresh` asks the models again; with what it finds, `promptassay promote NAME v1.1.0 --to production --evidence latest`)");
    // New evidence brings it back, old evidence does not.
    let with = |finished| Request::Promote {
        version: v("1.1.0"),
        to: Stage::Production,
        warrant: proof_at("1.1.0", finished),
    };
    insta::assert_snapshot!(steps(&state, with(5), 9, &Policy::default()).unwrap(), @"v1.0.0 production→deprecated, v1.1.0 deprecated→production");
    let Refusal::Evidence { faults, .. } = steps(&state, with(4), 9, &Policy::default()).unwrap_err() else {
        panic!("accepted")
    };
    insta::assert_snapshot!(faults[0], @"the evidence may be older than the rollback of v1.1.0 at 2026-11-23T14:00:00Z");
    // Nor does none at all, where the policy asks for none.
    let refused = steps(&state, live("1.1.0"), 9, &policy()).unwrap_err();
    assert!(matches!(refused, Refusal::RolledBackFrom { .. }), "{refused}");
}

#[test]
fn a_young_run_of_old_replies_brings_nothing_back() {
    let state = after(&[replaced(), vec![rollback(None)]].concat());
    let policy = Policy { replies: ["live", "cached", "recorded"].map(source).to_vec(), ..Policy::default() };
    let with = |source: &str, oldest_at: Option<i64>| {
        let mut statement = statement("1.1.0", text_digest("1.1.0"));
        let details = &mut statement["predicate"]["promptassay"];
        details["finished_at"] = json!(hour(6));
        details["replies"] = json!({"source": source, "oldest_at": oldest_at.map(hour)});
        let warrant = Warrant::Evidence(Box::new((evidence(&statement), today("1.1.0"))));
        let request = Request::Promote { version: v("1.1.0"), to: Stage::Production, warrant };
        match steps(&state, request, 9, &policy) {
            Ok(steps) => steps,
            Err(Refusal::Evidence { faults, .. }) => {
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
            Err(refusal) => refusal.to_string(),
        }
    };
    let shown = [
        with("cached", Some(3)),
        with("cached", Some(4)),
        with("cached", Some(5)),
        with("live", Some(4)),
        with("live", Some(5)),
        with("live", None),
        with("recorded", None),
        with("recorded", Some(5)),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r"
    the oldest reply of the evidence is from 2026-11-23T13:00:00Z, before the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    the oldest reply of the evidence is from 2026-11-23T14:00:00Z, and so perhaps from before the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    v1.0.0 production→deprecated, v1.1.0 deprecated→production
    the oldest reply of the evidence is from 2026-11-23T14:00:00Z, and so perhaps from before the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    v1.0.0 production→deprecated, v1.1.0 deprecated→production
    the evidence does not say how old its replies are; the replies of the evidence are live, and nothing says that they were given after the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    the replies of the evidence are recorded, and nothing says that they were given after the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    the replies of the evidence are recorded, and nothing says that they were given after the rollback of v1.1.0 at 2026-11-23T14:00:00Z
    ");
}

fn source(name: &str) -> ReplySource {
    serde_json::from_value(json!(name)).unwrap()
}

#[test]
fn a_rollback_is_refused_where_it_would_serve_something_else() {
    let state = after(&replaced());
    insta::assert_snapshot!(refusal(&state, rollback(Some("1.2.0"))), @"v1.2.0 was never in production (only what was in production can be gone back to; `promote` brings others there)");
    insta::assert_snapshot!(refusal(&state, rollback(Some("1.1.0"))), @"v1.1.0 is in production already (there is nothing to do)");
    insta::assert_snapshot!(refusal(&after(&[adopt("1.0.0")]), rollback(None)), @"there is nothing to roll back to: no version that was in production before can be again (`promptassay deprecate NAME v1.0.0 --reason WHY` takes it out of production with nothing in its place)");
    let first_canary = after(&[adopt("1.0.0"), testing("1.1.0"), canary("1.1.0", "5")]);
    insta::assert_snapshot!(refusal(&first_canary, rollback(None)), @"there is nothing to roll back to: no version that was in production before can be again (`promptassay abort NAME --reason WHY` ends the canary v1.1.0)");
    let archived = after(&[replaced(), vec![archive("1.0.0")]].concat());
    insta::assert_snapshot!(refusal(&archived, rollback(Some("1.0.0"))), @"v1.0.0 is archived (an archived version stays so; add its text as a new version)");
    insta::assert_snapshot!(refusal(&archived, rollback(None)), @"there is nothing to roll back to: no version that was in production before can be again (`promptassay deprecate NAME v1.1.0 --reason WHY` takes it out of production with nothing in its place)");
    let mut edited = command(rollback(None));
    edited.files.insert(v("1.0.0"), text_digest("other"));
    let refused = plan(&state, &edited, hour(9), &policy()).unwrap_err();
    assert!(matches!(refused, Refusal::EditedSince { .. }), "{refused}");
    edited.files.remove(&v("1.0.0"));
    assert_eq!(plan(&state, &edited, hour(9), &policy()), Err(Refusal::NoFile { version: v("1.0.0") }));
}

#[test]
fn the_default_target_is_by_time_and_not_by_number() {
    // 1.10.0 was live first, 1.1.0 after it, then 1.2.0: back from 1.2.0 means 1.1.0.
    let state = after(&[
        adopt("1.10.0"),
        testing("1.1.0"),
        canary("1.1.0", "5"),
        live("1.1.0"),
        testing("1.2.0"),
        canary("1.2.0", "5"),
        live("1.2.0"),
    ]);
    insta::assert_snapshot!(steps(&state, rollback(None), 9, &policy()).unwrap(), @"v1.2.0 production→deprecated, v1.1.0 deprecated→production");
    insta::assert_snapshot!(steps(&state, rollback(Some("1.10.0")), 9, &policy()).unwrap(), @"v1.2.0 production→deprecated, v1.10.0 deprecated→production");
}

#[test]
fn out_of_production_with_nothing_in_its_place_can_be_undone() {
    let state = after(&[adopt("1.0.0"), testing("1.1.0"), canary("1.1.0", "5"), deprecate("1.0.0")]);
    assert_eq!((state.production(), state.canary()), (None, None));
    insta::assert_snapshot!(steps(&state, rollback(None), 9, &policy()).unwrap(), @"v1.0.0 deprecated→production");
}

#[test]
fn only_what_is_live_before_the_ledger_is_adopted() {
    insta::assert_snapshot!(refusal(&after(&[adopt("1.0.0")]), adopt("1.1.0")), @"there is nothing left to adopt: the ledger has had v1.0.0 in production (use `promote` from now on)");
    insta::assert_snapshot!(refusal(&after(&[adopt("1.0.0")]), adopt("1.0.0")), @"v1.0.0 is in production already (there is nothing to do)");
    insta::assert_snapshot!(refusal(&after(&[testing("1.1.0")]), adopt("1.1.0")), @"v1.1.0 is in testing, and only a draft can be adopted (use `promote`)");
    insta::assert_snapshot!(steps(&after(&[testing("1.1.0")]), adopt("1.0.0"), 9, &policy()).unwrap(), @"v1.0.0 draft→production");
}

/// A slip of one digit would release a version that nobody was served, and the ledger would say that it was live before.
#[test]
fn what_active_version_does_not_serve_is_not_adopted() {
    let served = |request| Command { active: Some(v("1.0.0")), ..command(request) };
    let adopted = |request| plan(&State::default(), &served(request), hour(0), &policy());
    let refusal = adopted(adopt("1.1.0")).unwrap_err();
    insta::assert_snapshot!(format!("{refusal} ({})", refusal.help().unwrap()), @"v1.1.0 is not live, so it cannot be adopted: v1.0.0 is served by `active_version` (`promptassay adopt NAME v1.0.0` records what is served; `promptassay activate NAME v1.1.0` comes first where v1.1.0 is to be it)");
    assert!(matches!(adopted(adopt("9.9.9")), Err(Refusal::NoFile { .. })));
    assert_eq!(adopted(adopt("1.0.0")).unwrap().events.len(), 1);
    // Where the ledger has begun without it, nothing is served that a slip could replace.
    let begun = after(&[testing("1.2.0")]);
    assert!(plan(&begun, &served(adopt("1.1.0")), hour(9), &policy()).is_ok());
}

#[test]
fn what_goes_out_of_service_needs_a_reason() {
    let state = after(&[replaced(), vec![testing("1.2.0"), canary("1.2.0", "5")]].concat());
    for request in [Request::Abort { version: None }, rollback(None), deprecate("1.1.0")] {
        let silent = Command { reason: None, ..command(request) };
        assert_eq!(plan(&state, &silent, hour(9), &policy()), Err(Refusal::NoReason));
    }
}

#[test]
fn evidence_is_asked_for_where_the_policy_says_so() {
    let policy = Policy::default();
    let state = after(&[adopt("1.0.0"), testing("1.1.0")]);
    let with = |warrant| Request::Canary { version: v("1.1.0"), share: "5".parse().unwrap(), warrant };
    let none = steps(&state, with(Warrant::None), 2, &policy).unwrap_err();
    insta::assert_snapshot!(format!("{none} ({})", none.help().unwrap()), @"v1.1.0 needs evidence to go to canary (`promptassay eval NAME --candidate v1.1.0` asks its whole suite; `--evidence latest` here brings what it found)");
    assert!(steps(&state, with(proof_at("1.1.0", 1)), 2, &policy).is_ok());
    // Evidence that is brought along is held against today even where none is asked for.
    let other = proof_at("1.2.0", 1);
    let request = Request::Promote { version: v("1.1.0"), to: Stage::Draft, warrant: other };
    assert!(matches!(steps(&state, request, 2, &policy), Err(Refusal::Evidence { .. })));
}

#[test]
fn breaking_the_glass_is_recorded_needs_a_reason_and_may_be_forbidden() {
    let state = after(&[adopt("1.0.0"), testing("1.1.0")]);
    let request =
        Request::Promote { version: v("1.1.0"), to: Stage::Production, warrant: Warrant::BreakGlass };
    let open = Policy { break_glass: BreakGlassRule::Allowed, ..Policy::default() };
    let planned = plan(&state, &command(request.clone()), hour(3), &open).unwrap();
    assert_eq!(planned.events.last().unwrap().change, Change::Move(Move::GoLive, Grounds::BreakGlass));
    let mut next = state.clone();
    next.apply(&planned.events).unwrap();
    assert_eq!(next.versions()[&v("1.1.0")].grounds, Some(Grounds::BreakGlass));
    let silent = Command { reason: None, ..command(request.clone()) };
    assert_eq!(plan(&state, &silent, hour(3), &open), Err(Refusal::NoReason));
    // Who says nothing about it has not allowed it.
    assert_eq!(plan(&state, &command(request), hour(3), &Policy::default()), Err(Refusal::BreakGlassRefused));
}

#[test]
fn who_was_slower_is_told_that_production_moved() {
    let compared = |hours: i64| {
        let mut statement = statement("1.2.0", text_digest("1.2.0"));
        let details = &mut statement["predicate"]["promptassay"];
        details["baseline"] = json!({"version": "1.0.0", "sha256": text_digest("1.0.0")});
        details["finished_at"] = json!(hour(hours));
        Request::Canary {
            version: v("1.2.0"),
            share: "5".parse().unwrap(),
            warrant: Warrant::Evidence(Box::new((evidence(&statement), today("1.2.0")))),
        }
    };
    // v1.1.0 replaced v1.0.0 at the third hour.
    let state = after(&[replaced(), vec![testing("1.2.0")]].concat());
    let moved = steps(&state, compared(2), 9, &Policy::default()).unwrap_err();
    assert!(moved.is_conflict());
    let Refusal::Evidence { faults, .. } = &moved else { panic!("{moved}") };
    insta::assert_snapshot!(faults[0], @"production moved from v1.0.0 to v1.1.0 since this was evaluated");
    // The ledger knows seconds only, and clocks differ: at the very time of the move it is a conflict.
    assert!(steps(&state, compared(3), 9, &Policy::default()).unwrap_err().is_conflict());
    // Whoever compared with something that was not in production any more was not slower.
    let wrong = steps(&state, compared(4), 9, &Policy::default()).unwrap_err();
    assert!(!wrong.is_conflict(), "{wrong}");
}

#[test]
fn evidence_that_does_not_count_says_what_to_do_before_it_is_brought_again() {
    let help = |faults: &[EvidenceFault], offline: bool| {
        let (version, faults) = (v("1.1.0"), faults.to_vec());
        Refusal::Evidence { version, to: Stage::Canary, faults, offline }.help().unwrap()
    };
    let few = EvidenceFault::TooFewCases { row: "default".to_owned(), cases: 12, least: 20 };
    let model = EvidenceFault::ModelMissing { row: "claude".to_owned() };
    let baseline = EvidenceFault::OtherBaseline { baseline: v("0.9.0"), production: v("1.0.0") };
    let moved = EvidenceFault::ProductionMoved { from: v("0.9.0"), to: Some(v("1.0.0")) };
    let suite = EvidenceFault::Changed {
        what: "the suite".to_owned(),
        evaluated: text_digest("1.0.0"),
        now: text_digest("1.1.0"),
    };
    let shown = [
        help(std::slice::from_ref(&few), false),
        help(std::slice::from_ref(&model), false),
        help(std::slice::from_ref(&baseline), true),
        help(&[few, model, baseline], true),
        help(&[moved], true),
        help(&[suite], false),
        help(&[EvidenceFault::Filtered], true),
        help(&[EvidenceFault::Incomplete, EvidenceFault::Filtered], false),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn events_carry_who_why_and_by_which_rules() {
    let planned = plan(&State::default(), &command(testing("1.1.0")), hour(0), &policy()).unwrap();
    let event = &planned.events[0];
    assert_eq!((&event.actor, event.reason.as_deref()), (&ada(), Some("because")));
    assert_eq!((event.policy, event.sha256), (policy().digest(), text_digest("1.1.0")));
}
