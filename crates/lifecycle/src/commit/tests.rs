use std::fs;

use super::*;
use crate::plan::{Request, Warrant};
use crate::stage::Stage;
use crate::testing::{Prompts, command, hour, proof_at, v};

fn prepared(prompts: &Prompts, request: Request, at: i64) -> Result<Transaction, Refusal> {
    prepare(&prompts.prompt(), &prompts.ledger(), None, &command(request), hour(at), &Policy::default())
}

fn done(prompts: &Prompts, request: Request, at: i64) {
    prepared(prompts, request, at).unwrap().commit(&prompts.lock()).unwrap();
}

fn live(version: &str) -> Request {
    Request::Promote { version: v(version), to: Stage::Production, warrant: proof_at(version, 0) }
}

fn testing(version: &str) -> Request {
    Request::Promote { version: v(version), to: Stage::Testing, warrant: Warrant::None }
}

fn canary(version: &str) -> Request {
    Request::Canary { version: v(version), share: "5".parse().unwrap(), warrant: proof_at(version, 0) }
}

fn name() -> PromptName {
    "support".parse().unwrap()
}

/// v1.0.0 is live, v1.1.0 is a canary.
fn with_canary() -> Prompts {
    let prompts = Prompts::new();
    done(&prompts, Request::Adopt { version: v("1.0.0") }, 0);
    done(&prompts, testing("1.1.0"), 1);
    done(&prompts, canary("1.1.0"), 2);
    prompts
}

fn finish_now(prompts: &Prompts) -> Option<Finished> {
    finish(&prompts.lock(), &prompts.directory(), &name(), &prompts.ledger()).unwrap()
}

#[test]
fn the_first_step_out_of_draft_freezes_the_text() {
    let prompts = Prompts::new();
    let transaction = prepared(&prompts, testing("1.1.0"), 0).unwrap();
    assert_eq!((transaction.freezes(), transaction.mirrors()), (Some(&v("1.1.0")), None));
    transaction.commit(&prompts.lock()).unwrap();
    let prompt = prompts.prompt();
    let row = prompt.version(&v("1.1.0")).unwrap().registered.clone().unwrap();
    assert_eq!(row.description.as_deref(), Some("because"));
    assert_eq!(prompts.read("prompt.yaml").matches("v1.0.0 # live").count(), 1);
    // Back in draft the text stays frozen, and a second time there is nothing to freeze.
    done(&prompts, Request::Promote { version: v("1.1.0"), to: Stage::Draft, warrant: Warrant::None }, 1);
    assert_eq!(prepared(&prompts, testing("1.1.0"), 2).unwrap().freezes(), None);
}

#[test]
fn production_is_mirrored_and_nothing_else_of_the_file_changes() {
    let prompts = with_canary();
    done(&prompts, live("1.1.0"), 3);
    assert_eq!(
        prompts.read("prompt.yaml"),
        "name: support\nactive_version: v1.1.0 # live\nvariables: [query]\n"
    );
    assert!(!pending::exists(&prompts.directory()));
    done(&prompts, Request::Rollback { to: None }, 4);
    assert!(prompts.read("prompt.yaml").contains("v1.0.0 # live"));
}

#[test]
fn a_refused_command_changes_no_byte() {
    let prompts = with_canary();
    let before = prompts.files();
    let refused = [
        testing("1.1.0"),
        live("1.2.0"),
        canary("1.2.0"),
        Request::Adopt { version: v("1.2.0") },
        Request::Rollback { to: None },
        Request::Rollback { to: Some(v("1.2.0")) },
        Request::Deprecate { version: v("1.1.0") },
        Request::Archive { version: v("1.0.0") },
    ];
    for request in refused {
        assert!(prepared(&prompts, request.clone(), 3).is_err(), "{request:?}");
        assert_eq!(prompts.files(), before, "{request:?}");
    }
    // What is only prepared changes nothing either.
    prepared(&prompts, live("1.1.0"), 3).unwrap();
    assert_eq!(prompts.files(), before);
}

#[test]
fn whoever_decided_on_an_older_head_is_told_so() {
    let prompts = with_canary();
    let head = prompts.ledger().head().copied();
    let prepare_with = |expected| {
        let command = command(live("1.1.0"));
        prepare(&prompts.prompt(), &prompts.ledger(), Some(expected), &command, hour(3), &Policy::default())
    };
    assert!(prepare_with(head).is_ok());
    let refusal = prepare_with(None).unwrap_err();
    assert!(refusal.is_conflict(), "{refusal}");
}

/// The process dies after each number of writes: the next one explains and finishes it, or it never happened.
#[test]
fn a_crash_between_any_two_writes_is_finished_by_the_next_command() {
    type Setup = fn() -> Prompts;
    let cases: [(Setup, Request, &str); 4] = [
        (Prompts::new, Request::Adopt { version: v("1.0.0") }, "1.0.0"),
        (Prompts::new, testing("1.1.0"), "1.0.0"),
        (with_canary, live("1.1.0"), "1.1.0"),
        (
            || {
                let prompts = with_canary();
                done(&prompts, live("1.1.0"), 3);
                prompts
            },
            Request::Rollback { to: None },
            "1.0.0",
        ),
    ];
    let mut story = Vec::new();
    for (setup, request, expected) in cases {
        let writes = prepared(&setup(), request.clone(), 5).unwrap().count();
        for survived in 0..=writes {
            let prompts = setup();
            let before = prompts.ledger().head().copied();
            let transaction = prepared(&prompts, request.clone(), 5).unwrap();
            let after = transaction.state.clone();
            transaction.commit_first(&prompts.lock(), survived).unwrap();
            let finished = finish_now(&prompts);
            let message = finished.as_ref().map_or_else(|| "nothing to say".to_owned(), Finished::message);
            story.push(format!("{} after {survived} of {writes}: {message}", request.verb()));
            let ledger = prompts.ledger();
            assert_eq!(ledger.problems(), []);
            assert!(!pending::exists(&prompts.directory()));
            assert_eq!(finish_now(&prompts), None, "it is finished once");
            if ledger.head() == before.as_ref() {
                // It never happened: it can be done again.
                done(&prompts, request.clone(), 5);
            }
            let ledger = prompts.ledger();
            assert_eq!(*ledger.state(), after);
            let prompt = prompts.prompt();
            let active = prompt.active_version().unwrap().version.clone();
            assert_eq!(active, v(expected));
            let errors = crate::verify::mirrors(&ledger, &prompt);
            assert!(!errors.iter().any(promptassay_registry::problem::Problem::is_error), "{errors:?}");
        }
    }
    insta::assert_snapshot!(story.join("\n"));
}

#[test]
fn a_note_that_cannot_be_read_is_still_finished() {
    let prompts = with_canary();
    let transaction = prepared(&prompts, live("1.1.0"), 3).unwrap();
    transaction.commit_first(&prompts.lock(), 2).unwrap();
    prompts.write(pending::FILE_NAME, "{");
    let finished = finish_now(&prompts).unwrap();
    assert!(matches!(finished, Finished::Completed { pending: None, mirrored: Some(_) }), "{finished:?}");
}

#[test]
fn an_append_that_the_disk_refuses_leaves_nothing_behind() {
    let prompts = with_canary();
    let transaction = prepared(&prompts, live("1.1.0"), 3).unwrap();
    let path = ledger::path(&prompts.directory());
    let kept = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let before = prompts.files();
    let error = transaction.commit(&prompts.lock()).unwrap_err();
    assert!(matches!(error, CommitError::Write(_)), "{error}");
    assert_eq!(prompts.files(), before);
    fs::remove_dir(&path).unwrap();
    prompts.write(ledger::FILE_NAME, std::str::from_utf8(&kept).unwrap());
    done(&prompts, live("1.1.0"), 3);
}

#[test]
fn what_could_not_be_mirrored_is_not_begun() {
    let prompts = Prompts::new();
    // An anchor and what refers to it: no one place to change.
    prompts.write(
        "prompt.yaml",
        "name: support\ndescription: &v v1.1.0\nactive_version: *v\nvariables: [query]\n",
    );
    let before = prompts.files();
    let refusal = prepared(&prompts, Request::Adopt { version: v("1.0.0") }, 0).unwrap_err();
    assert!(matches!(&refusal, Refusal::NoMirror { line } if line == "active_version: v1.0.0"), "{refusal}");
    assert_eq!(prompts.files(), before);
}
