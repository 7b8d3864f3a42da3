use super::*;
use crate::testing::{ada, digest, hour, v};

fn event(command: Verb, version: &str, change: Change) -> Event {
    Event {
        at: hour(0),
        actor: ada(),
        command,
        version: v(version),
        sha256: digest(version),
        change,
        reason: None,
        policy: digest("policy"),
    }
}

fn step(command: Verb, version: &str, step: Move) -> Event {
    event(command, version, Change::Move(step, Grounds::Policy))
}

fn start(version: &str, share: u16) -> Canary {
    let _ = version;
    Canary { basis_points: share.try_into().unwrap(), salt: "salt".to_owned(), expires_at: hour(9) }
}

/// What a whole command amounts to after these.
fn refused(before: &[Event], command: &[Event]) -> String {
    let mut state = State::default();
    for event in before {
        state.apply(std::slice::from_ref(event)).unwrap();
    }
    let unchanged = state.clone();
    let error = state.apply(command).unwrap_err();
    assert_eq!(state, unchanged, "a refused command changes nothing");
    error.to_string()
}

#[test]
fn what_no_plan_makes_is_illegal() {
    let live = step(Verb::Adopt, "1.0.0", Move::Adopt);
    let tested = step(Verb::Promote, "1.1.0", Move::BeginTesting);
    let canary = event(Verb::Canary, "1.1.0", Change::StartCanary(start("1.1.0", 500), Grounds::Policy));
    let mut edited = step(Verb::Promote, "1.1.0", Move::GoLive);
    edited.sha256 = digest("edited");
    let shrunk = event(Verb::Canary, "1.1.0", Change::Widen(start("1.1.0", 400)));
    let two = [live.clone(), tested.clone()];
    let three = [live.clone(), tested.clone(), canary.clone()];
    let shown = [
        refused(&[], &[step(Verb::Promote, "1.1.0", Move::GoLive)]),
        refused(&[], &[step(Verb::Rollback, "1.1.0", Move::BeginTesting)]),
        refused(&two, &[step(Verb::Promote, "1.1.0", Move::GoLive)]),
        refused(&two, &[edited]),
        refused(&two, &[step(Verb::Adopt, "1.2.0", Move::Adopt)]),
        refused(std::slice::from_ref(&tested), &[canary]),
        refused(&three, &[shrunk]),
        refused(&three, &[step(Verb::Deprecate, "1.0.0", Move::Deprecate)]),
        refused(&two, &[event(Verb::Canary, "1.1.0", Change::Widen(start("1.1.0", 600)))]),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}
