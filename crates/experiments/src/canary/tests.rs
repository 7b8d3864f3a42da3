use std::collections::HashMap;

use jiff::SignedDuration;

use super::guard::{Known, guardrail};
use super::*;
use crate::simulate::SplitMix64;
use crate::store::{SqliteStore, Store as _};

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

fn canary(shares: &[u32]) -> Canary {
    let steps = shares
        .iter()
        .zip(0_i64..)
        .map(|(share, day)| Step { basis_points: *share, from: at(24 * day) })
        .collect();
    Canary { id: "c1".into(), salt: "salt".into(), steps, expires_at: at(24 * 7) }
}

fn policy() -> GuardPolicy {
    GuardPolicy { guardrails: vec!["error".into()], max_failure_rate: Some(0.2) }
}

/// Users of a day, of whom the canary's fail with another probability.
fn day(canary: &Canary, store: &mut SqliteStore, hour: i64, users: u64, rates: [f64; 2], seed: u64) {
    let mut random = SplitMix64(seed);
    let mut events = Vec::new();
    for user in 0..users {
        let unit = format!("u{seed}-{user}");
        let when = at(hour);
        let arm = canary.arm(unit.as_bytes(), when).unwrap();
        let failed = random.next_unit() < rates[usize::from(arm == Arm::Production)];
        events.extend(canary.exposure(unit.as_bytes(), when));
        events.extend(canary.outcome(unit.as_bytes(), "error", failed, when, b"1".to_vec()));
    }
    store.write(&events).unwrap();
}

#[test]
fn widening_only_adds_users_and_ids_decide() {
    let canary = canary(&[500, 2500]);
    let inside = |unit: u32, hour| canary.arm(unit.to_string().as_bytes(), at(hour)) == Some(Arm::Canary);
    let early: Vec<u32> = (0..4000).filter(|unit| inside(*unit, 1)).collect();
    assert!((150..250).contains(&early.len()), "{}", early.len());
    assert!(early.iter().all(|unit| inside(*unit, 25)));
    assert_eq!(canary.arm(b"", at(1)), None);
    assert_eq!(canary.arm(b"u", at(-1)), None);
    assert_eq!(canary.arm(b"u", at(24 * 7)), None);
    // The definition, by an independent program.
    assert_eq!([bucket("salt", b"u1"), bucket("salt", b"user_123")], [BUCKETS[0], BUCKETS[1]]);
}

const BUCKETS: [u32; 2] = [531, 7364];

#[test]
fn a_harmful_canary_goes_back() {
    let canary = canary(&[2500]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 2000, [0.2, 0.05], 1);
    let report = check(&canary, &policy(), &mut store, at(2)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::RollBack);
    assert!(report.reasons[0].contains("`error` fails more often"), "{:?}", report.reasons);
    // What it brought before does not vanish when it behaves better later.
    day(&canary, &mut store, 30, 3000, [0.0, 0.05], 2);
    assert_eq!(check(&canary, &policy(), &mut store, at(31)).unwrap().verdict, GuardVerdict::RollBack);
}

#[test]
fn failures_of_users_that_were_never_exposed_count_and_are_said() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 20, [1.0, 1.0], 1);
    let failing = |user: u32| {
        canary.outcome(format!("x{user}").as_bytes(), "error", true, at(1), b"2".to_vec()).unwrap()
    };
    store.write(&(0..1234).map(failing).collect::<Vec<_>>()).unwrap();
    let report = check(&canary, &policy(), &mut store, at(2)).unwrap();
    let error = &report.guardrails[0];
    assert_eq!((error.failing_unexposed, error.canary_failing + error.production_failing), (1234, 1254));
    assert!(terminal(&report).contains("1,234 of these were never exposed"), "{}", terminal(&report));
}

#[test]
fn a_good_canary_goes_on_when_it_was_seen_enough() {
    let canary = canary(&[2500, 5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 300, [0.05, 0.05], 1);
    let report = check(&canary, &policy(), &mut store, at(2)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Hold);
    assert!(report.reasons.iter().any(|reason| reason.contains("of 200 users")), "{:?}", report.reasons);
    day(&canary, &mut store, 25, 600, [0.05, 0.05], 2);
    let report = check(&canary, &policy(), &mut store, at(26)).unwrap();
    assert_eq!(report.reasons, [format!("the last step lasts 24 hours, until {}", at(48))]);
    let report = check(&canary, &policy(), &mut store, at(48)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Promote, "{:?}", report.reasons);
    let strict = GuardPolicy { max_failure_rate: Some(0.01), ..policy() };
    assert_eq!(check(&canary, &strict, &mut store, at(48)).unwrap().verdict, GuardVerdict::Hold);
    let silent = GuardPolicy { max_failure_rate: None, ..policy() };
    assert_eq!(check(&canary, &silent, &mut store, at(48)).unwrap().verdict, GuardVerdict::Hold);
    assert_eq!(check(&canary, &policy(), &mut store, at(24 * 8)).unwrap().verdict, GuardVerdict::Hold);
}

#[test]
fn arms_that_are_not_what_they_should_be_are_unhealthy() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 1000, [0.02, 0.02], 1);
    // Users of production that are never seen.
    let events: Vec<Event> = (0..400)
        .map(|user| format!("lost{user}"))
        .filter(|unit| canary.arm(unit.as_bytes(), at(1)) == Some(Arm::Canary))
        .filter_map(|unit| canary.exposure(unit.as_bytes(), at(1)))
        .collect();
    store.write(&events).unwrap();
    let report = check(&canary, &policy(), &mut store, at(48)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Unhealthy);
    assert!(
        report.reasons.iter().any(|reason| reason.contains("something loses users")),
        "{:?}",
        report.reasons
    );
}

#[test]
fn what_is_known_of_one_guardrail_does_not_hide_what_is_lost_of_another() {
    let canary = canary(&[5000]);
    let policy = GuardPolicy { guardrails: vec!["error".into(), "complaint".into()], ..policy() };
    let judged = |lost: Arm| {
        let mut store = SqliteStore::in_memory().unwrap();
        let mut events = Vec::new();
        for user in 0..2000 {
            let unit = format!("u{user}").into_bytes();
            let arm = canary.arm(&unit, at(1)).unwrap();
            events.extend(canary.exposure(&unit, at(1)));
            events.extend(canary.outcome(&unit, "error", false, at(1), b"1".to_vec()));
            if arm != lost || user % 4 == 0 {
                events.extend(canary.outcome(&unit, "complaint", false, at(1), b"1".to_vec()));
            }
        }
        store.write(&events).unwrap();
        check(&canary, &policy, &mut store, at(48)).unwrap()
    };
    // Lost outcomes may be those of users that failed.
    for lost in [Arm::Canary, Arm::Production] {
        let report = judged(lost);
        assert_eq!(report.verdict, GuardVerdict::Unhealthy, "{lost:?}: {:?}", report.reasons);
        assert!(
            report.reasons[0].starts_with("outcomes of `complaint` are known of "),
            "{:?}",
            report.reasons
        );
        assert_eq!(report.reasons.len(), 1, "{:?}", report.reasons);
    }
}

#[test]
fn a_canary_that_loses_the_outcomes_of_few_users_is_not_trusted() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    let mut events = Vec::new();
    for user in 0..1200 {
        let unit = format!("u{user}").into_bytes();
        let is_canary = canary.arm(&unit, at(1)) == Some(Arm::Canary);
        events.extend(canary.exposure(&unit, at(1)));
        // An eighth of the canary's, such as those whose request timed out.
        if !is_canary || user % 8 != 0 {
            events.extend(canary.outcome(&unit, "error", false, at(1), b"1".to_vec()));
        }
    }
    // Of whom nothing says that they were exposed, nothing says that outcomes are complete.
    for user in 0..100 {
        let unit = format!("unknown{user}").into_bytes();
        events.extend(canary.outcome(&unit, "error", false, at(1), b"1".to_vec()));
    }
    store.write(&events).unwrap();
    let report = check(&canary, &policy(), &mut store, at(48)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Unhealthy, "{:?}", report.reasons);
    assert!(report.reasons[0].starts_with("outcomes of `error` are known of 8"), "{:?}", report.reasons);
}

#[test]
fn a_guardrail_that_the_policy_drops_while_the_canary_runs_promotes_nothing() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    let mut events = Vec::new();
    for user in 0..1000 {
        let unit = format!("u{user}").into_bytes();
        let is_canary = canary.arm(&unit, at(1)) == Some(Arm::Canary);
        events.extend(canary.exposure(&unit, at(1)));
        events.extend(canary.outcome(&unit, "error", is_canary && user % 5 == 0, at(1), b"1".to_vec()));
        events.extend(canary.outcome(&unit, "complaint", false, at(1), b"1".to_vec()));
    }
    store.write(&events).unwrap();
    let both = GuardPolicy { guardrails: vec!["error".into(), "complaint".into()], ..policy() };
    assert_eq!(check(&canary, &both, &mut store, at(48)).unwrap().verdict, GuardVerdict::RollBack);
    let one = GuardPolicy { guardrails: vec!["complaint".into()], ..policy() };
    let report = check(&canary, &one, &mut store, at(48)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Hold, "{:?}", report.reasons);
    insta::assert_snapshot!(report.reasons.join("\n"), @"`error` is no guardrail of the policy any more, and outcomes of it are recorded of this canary (1,000): name it there again, or begin a new canary without it");
}

#[test]
fn a_user_of_production_counts_once_however_often_the_canary_is_widened() {
    let canary = canary(&[2000, 3000, 4000]);
    let mut store = SqliteStore::in_memory().unwrap();
    let units = || (0..500).map(|user| format!("u{user}").into_bytes());
    let in_canary =
        |hour| units().filter(|unit| canary.arm(unit, at(hour)) == Some(Arm::Canary)).count() as u64;
    for hour in [1, 25, 49] {
        let exposures: Vec<Event> = units().filter_map(|unit| canary.exposure(&unit, at(hour))).collect();
        store.write(&exposures).unwrap();
    }
    let report = check(&canary, &policy(), &mut store, at(50)).unwrap();
    assert_eq!([report.canary_exposed, report.production_exposed], [in_canary(49), 500 - in_canary(1)]);
}

#[test]
fn a_last_step_of_which_nobody_is_recorded_waits() {
    let canary = canary(&[5000, 9000]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 2000, [0.02, 0.02], 1);
    let report = check(&canary, &policy(), &mut store, at(49)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Hold, "{:?}", report.reasons);
    assert_eq!(report.reasons, [format!("nobody is recorded since the last step began at {}", at(24))]);
    // Users without what became of them.
    let units = (0..500).map(|user| format!("v{user}").into_bytes());
    let exposures: Vec<Event> = units.filter_map(|unit| canary.exposure(&unit, at(25))).collect();
    store.write(&exposures).unwrap();
    let report = check(&canary, &policy(), &mut store, at(49)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Hold, "{:?}", report.reasons);
    assert_eq!(
        report.reasons,
        [format!("no outcome of `error` is recorded since the last step began at {}", at(24))]
    );
    day(&canary, &mut store, 26, 500, [0.02, 0.02], 2);
    let report = check(&canary, &policy(), &mut store, at(49)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Promote, "{:?}", report.reasons);
}

#[test]
fn every_judgement_is_said() {
    let mut said = Vec::new();
    let mut say = |hours: i64, rates: [f64; 2], users: u64| {
        let canary = canary(&[2500]);
        let mut store = SqliteStore::in_memory().unwrap();
        day(&canary, &mut store, 1, users, rates, 1);
        said.push(terminal(&check(&canary, &policy(), &mut store, at(hours)).unwrap()));
    };
    say(2, [0.0, 0.0], 0);
    say(2, [0.05, 0.05], 500);
    say(48, [0.05, 0.05], 2000);
    say(48, [0.15, 0.05], 900);
    say(48, [0.2, 0.05], 2000);
    say(24 * 8, [0.05, 0.05], 2000);
    insta::assert_snapshot!(said.join("\n---\n"));
}

#[test]
fn failures_alone_do_not_say_that_nothing_is_lost() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    let units: Vec<String> = (0..1000).map(|unit| format!("u{unit}")).collect();
    let exposures = units.iter().filter_map(|unit| canary.exposure(unit.as_bytes(), at(1)));
    let failures = units
        .iter()
        .step_by(40)
        .filter_map(|unit| canary.outcome(unit.as_bytes(), "error", true, at(1), b"1".to_vec()));
    store.write(&exposures.chain(failures).collect::<Vec<_>>()).unwrap();
    let report = check(&canary, &policy(), &mut store, at(48)).unwrap();
    assert_eq!(report.verdict, GuardVerdict::Hold);
    assert!(report.reasons[0].contains("record `0` for users who do not fail"), "{:?}", report.reasons);
}

#[test]
fn what_is_known_of_few_users_or_of_none_promotes_nothing() {
    let canary = canary(&[5000]);
    let both = GuardPolicy { guardrails: vec!["error".into(), "refund".into()], max_failure_rate: Some(0.2) };
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 1000, [0.02, 0.02], 1);
    let reasons = |store: &mut SqliteStore| check(&canary, &both, store, at(48)).unwrap();
    let never = reasons(&mut store);
    assert_eq!(never.verdict, GuardVerdict::Hold);
    assert_eq!(never.guardrails[1].failure_rate_at_most, None);
    assert!(never.reasons[0].starts_with("nothing is recorded of `refund`"), "{:?}", never.reasons);
    // Of 250 users something is known, and so of fewer than 200 of the canary.
    let of = |units: std::ops::Range<u32>| -> Vec<Event> {
        let unit = |number: u32| format!("u1-{number}");
        let outcome = |number| canary.outcome(unit(number).as_bytes(), "refund", false, at(1), b"1".to_vec());
        units.filter_map(outcome).collect()
    };
    store.write(&of(0..250)).unwrap();
    let few = reasons(&mut store);
    assert_eq!(few.verdict, GuardVerdict::Hold);
    assert!(few.reasons[0].starts_with("`refund` is known of 1"), "{:?}", few.reasons);
    store.write(&of(250..1000)).unwrap();
    let enough = reasons(&mut store);
    assert_eq!(enough.verdict, GuardVerdict::Promote, "{:?}", enough.reasons);
    assert_eq!(enough.guardrails[1].canary_known, enough.canary_exposed);
}

#[test]
fn a_canary_whose_every_user_fails_does_not_go_on() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    // Too few in production to be evidence of harm, and one good outcome there.
    day(&canary, &mut store, 1, 1000, [1.0, 0.99], 1);
    let report = check(&canary, &policy(), &mut store, at(48)).unwrap();
    assert_ne!(report.verdict, GuardVerdict::Promote, "{:?}", report.reasons);
    assert!(report.reasons.iter().any(|reason| reason.contains("100.00 %")), "{:?}", report.reasons);
}

#[test]
fn whoever_failed_in_production_before_counts_in_the_canary_as_well() {
    let canary = canary(&[500, 5000]);
    let widened = canary.steps[1].from;
    let mut store = SqliteStore::in_memory().unwrap();
    let units: Vec<String> = (0..1000).map(|unit| format!("u{unit}")).collect();
    let before = widened - SignedDuration::from_hours(1);
    let (after, later) = (widened + SignedDuration::from_hours(1), widened + SignedDuration::from_hours(30));
    let mut events: Vec<Event> = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        let fails = number % 5 == 0;
        events.extend(canary.exposure(unit.as_bytes(), after));
        for (time, id) in [(before, "before"), (after, "after")] {
            events.extend(canary.outcome(unit.as_bytes(), "error", fails, time, id.into()));
        }
    }
    store.write(&events).unwrap();
    let report = check(&canary, &policy(), &mut store, later).unwrap();
    let guardrail = &report.guardrails[0];
    // A fifth of them fails in the canary, though the first time of most was in production.
    assert!(guardrail.canary_failed * 6 > guardrail.canary_known, "{guardrail:?}");
    assert!(guardrail.failure_rate_at_most.unwrap() > 0.2, "{guardrail:?}");
    assert_eq!(report.verdict, GuardVerdict::Hold, "{:?}", report.reasons);
    assert!(crate::canary::text::terminal(&report).contains("failing in the canary first, "));
}

#[test]
fn failing_users_whose_exposure_nobody_recorded_make_the_rate_larger_and_not_smaller() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    day(&canary, &mut store, 1, 1000, [0.0, 0.0], 1);
    let rate = |store: &mut SqliteStore| {
        check(&canary, &policy(), store, at(48)).unwrap().guardrails[0].failure_rate_at_most.unwrap()
    };
    let before = rate(&mut store);
    let unseen = (0..1000).map(|unit| format!("unseen{unit}"));
    let failures =
        unseen.filter_map(|unit| canary.outcome(unit.as_bytes(), "error", true, at(1), b"1".into()));
    store.write(&failures.collect::<Vec<_>>()).unwrap();
    assert!(rate(&mut store) > 0.4 && before < 0.05, "{before}");
}

#[test]
fn a_users_first_failure_counts_once() {
    let canary = canary(&[5000]);
    let mut store = SqliteStore::in_memory().unwrap();
    let unit = (0..1000)
        .map(|user: u32| user.to_string())
        .find(|unit| canary.arm(unit.as_bytes(), at(1)) == Some(Arm::Canary))
        .unwrap();
    for attempt in 0..50_u8 {
        let event = canary.outcome(unit.as_bytes(), "error", true, at(1), vec![attempt]).unwrap();
        store.write(&[event]).unwrap();
    }
    let report = check(&canary, &policy(), &mut store, at(2)).unwrap();
    assert_eq!(report.guardrails[0].canary_failing, 1);
    assert_ne!(report.verdict, GuardVerdict::RollBack);
}

/// How often a harmless canary goes back, looking after every failing user.
fn false_alarms(canaries: u32, failing: u32) -> f64 {
    let mut random = SplitMix64(5);
    let canary = canary(&[2000]);
    let mut alarms = 0;
    for _ in 0..canaries {
        let failures: HashMap<Vec<u8>, Timestamp> = (0..failing)
            .map(|number| {
                (random.next_u64().to_be_bytes().to_vec(), at(1) + SignedDuration::from_secs(number.into()))
            })
            .collect();
        let judged = guardrail(&canary, "error", Some(&failures), Known { users: 1000, failed: 0 }).unwrap();
        alarms += u32::from(judged.rolls_back(1.0));
    }
    f64::from(alarms) / f64::from(canaries)
}

#[test]
fn a_harmless_canary_rarely_goes_back() {
    let rate = false_alarms(300, 200);
    assert!(rate <= 0.01 + 3.0 * (0.01 * 0.99 / 300.0_f64).sqrt(), "{rate}");
}

/// `cargo test --release -p promptassay-experiments -- --ignored --nocapture twenty_thousand`
#[test]
#[ignore = "twenty thousand canaries take a while"]
fn twenty_thousand_harmless_canaries_go_back_at_most_once_in_a_hundred() {
    let rate = false_alarms(20_000, 500);
    assert!(rate <= 0.01, "{rate}");
}
