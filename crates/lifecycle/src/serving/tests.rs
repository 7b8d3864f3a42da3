use super::*;
use crate::commit::prepare;
use crate::plan::{Request, Warrant};
use crate::policy::Policy;
use crate::testing::{Prompts, command, hour, proof_at, text, v};

fn done(prompts: &Prompts, request: Request, at: i64) {
    let command = command(request);
    prepare(&prompts.prompt(), &prompts.ledger(), None, &command, hour(at), &Policy::default())
        .unwrap()
        .commit(&prompts.lock())
        .unwrap();
}

/// v1.0.0 is live, v1.1.0 a canary for half of the users from the second hour on.
fn with_canary() -> Prompts {
    let prompts = Prompts::new();
    done(&prompts, Request::Adopt { version: v("1.0.0") }, 0);
    done(&prompts, Request::Promote { version: v("1.1.0"), to: Stage::Testing, warrant: Warrant::None }, 1);
    let warrant = proof_at("1.1.0", 1);
    done(&prompts, Request::Canary { version: v("1.1.0"), share: "50".parse().unwrap(), warrant }, 2);
    prompts
}

fn served(prompts: &Prompts, at: Option<i64>) -> Result<Served, NotServed> {
    Served::of(&prompts.prompt(), Some(&prompts.ledger()), at.map(hour))
}

#[test]
fn users_are_split_and_everybody_else_gets_production() {
    let prompts = with_canary();
    let served = served(&prompts, None).unwrap();
    let units: Vec<String> = (0..100).map(|unit| format!("user-{unit}")).collect();
    let canaries = units
        .iter()
        .filter(|unit| {
            let resolution = served.resolve(Some(unit), hour(3));
            let expected = if resolution.stage == Some(Stage::Canary) { "1.1.0" } else { "1.0.0" };
            assert_eq!((resolution.version, resolution.text), (&v(expected), text(expected).as_str()));
            resolution.stage == Some(Stage::Canary)
        })
        .count();
    assert!((30..=70).contains(&canaries), "{canaries}");
    assert_eq!(served.resolve(None, hour(3)).decision, Decision::NoUnit);
    let expired = served.resolve(Some(&units[0]), hour(2 + 7 * 24));
    assert_eq!((expired.stage, expired.decision), (Some(Stage::Production), Decision::CanaryExpired));
}

#[test]
fn the_past_is_answered_too() {
    let prompts = with_canary();
    assert_eq!(served(&prompts, Some(1)).unwrap().canary, None);
    assert!(served(&prompts, Some(2)).unwrap().canary.is_some());
    assert!(matches!(served(&prompts, Some(-1)), Err(NotServed::NothingInProduction { .. })));
}

#[test]
fn nothing_is_guessed() {
    let prompts = with_canary();
    prompts.write("prompt.yaml", "name: support\nactive_version: v1.2.0\nvariables: [query]\n");
    let error = served(&prompts, None).unwrap_err();
    insta::assert_snapshot!(format!("{error} ({})", error.help()), @"`support`: v1.0.0 is in production according to the ledger, and `active_version` is v1.2.0 (`promptassay repair support` lets `active_version` follow the ledger)");
    // While a command writes, and after a crash, the ledger alone is right.
    prompts.write(pending::FILE_NAME, "{}");
    assert!(served(&prompts, None).is_ok());
    prompts.write("v1.0.0.txt", "Answer {query} otherwise.\n");
    std::fs::remove_file(prompts.directory().join("prompt.lock")).unwrap();
    assert!(matches!(served(&prompts, None), Err(NotServed::Text { .. })));
}

#[test]
fn without_a_ledger_a_version_must_be_named() {
    let prompts = Prompts::new();
    let served = |at| Served::of(&prompts.prompt(), None, at);
    let resolved = served(None).unwrap();
    let resolution = resolved.resolve(Some("user"), hour(0));
    assert_eq!((resolution.stage, resolution.decision), (None, Decision::ActiveVersion));
    assert!(matches!(served(Some(hour(0))), Err(NotServed::NoHistory { .. })));
    prompts.write("prompt.yaml", "name: support\nactive_version: latest\nvariables: [query]\n");
    let error = served(None).unwrap_err();
    insta::assert_snapshot!(format!("{error} ({})", error.help()), @"`support` has no ledger, and `latest` would serve what nobody reviewed (`promptassay adopt support VERSION` records what is live, or name a version in `active_version`)");
}
