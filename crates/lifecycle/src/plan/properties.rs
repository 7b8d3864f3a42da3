//! What holds after any sequence of commands.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::Share;
use crate::ledger::{Ledger, lines_of};
use crate::testing::{VERSIONS, command, evidence, hour, statement, text_digest, today, v};

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(VERSIONS.to_vec()).prop_map(v)
}

fn warrant() -> impl Strategy<Value = u8> {
    0..4_u8
}

/// Something that somebody might want, and how many hours after the one before.
pub(crate) fn wish() -> impl Strategy<Value = (Request, bool, i64)> {
    let stage = prop::sample::select(Stage::ALL.to_vec());
    let share = (1..10_000_u16).prop_map(|share| Share::try_from(share).unwrap());
    let request = prop_oneof![
        6 => (version(), stage, warrant()).prop_map(|(version, to, kind)| Request::Promote {
            warrant: bring(&version, kind),
            version,
            to,
        }),
        4 => (version(), warrant()).prop_map(|(version, kind)| Request::Promote {
            warrant: bring(&version, kind),
            version,
            to: Stage::Production,
        }),
        1 => version().prop_map(|version| Request::Adopt { version }),
        5 => (version(), share, warrant()).prop_map(|(version, share, kind)| Request::Canary {
            warrant: bring(&version, kind),
            version,
            share,
        }),
        1 => Just(Request::Abort { version: None }),
        3 => prop::option::of(version()).prop_map(|to| Request::Rollback { to }),
        1 => version().prop_map(|version| Request::Deprecate { version }),
        1 => version().prop_map(|version| Request::Archive { version }),
    ];
    (request, prop::bool::weighted(0.9), prop_oneof![9 => 0..5_i64, 1 => Just(200)])
}

/// Good evidence, evidence that failed, a hammer, or nothing.
fn bring(version: &Version, kind: u8) -> Warrant {
    let number = version.number();
    let mut statement = statement(&number, text_digest(&number));
    // Finished in the near future, so that it is never too old; clocks are no matter here.
    match kind {
        0 => return Warrant::None,
        1 => return Warrant::BreakGlass,
        2 => {
            statement["predicate"]["result"] = json!("FAILED");
            statement["predicate"]["promptassay"]["verdict"] = json!("failed");
        }
        _ => {}
    }
    Warrant::Evidence(Box::new((evidence(&statement), today(&number))))
}

pub(crate) fn policy(canary: CanaryRule) -> Policy {
    Policy {
        canary,
        max_reply_age: jiff::SignedDuration::from_hours(100_000),
        break_glass: BreakGlassRule::Allowed,
        ..Policy::default()
    }
}

/// Everything that must be true of a state, whatever happened.
pub(crate) fn check(state: &State) {
    let stages = |stage| state.versions().iter().filter(move |(_, known)| known.stage == stage);
    assert!(stages(Stage::Production).count() <= 1);
    assert!(stages(Stage::Canary).count() <= 1);
    assert_eq!(stages(Stage::Production).next().map(|(version, _)| version), state.production());
    assert_eq!(
        stages(Stage::Canary).next().map(|(version, _)| version),
        state.canary().map(|running| &running.version)
    );
    if let Some(running) = state.canary() {
        assert!(state.production().is_some_and(|production| *production != running.version));
    }
    if let Some(production) = state.production() {
        let known = &state.versions()[production];
        let allowed = matches!(known.grounds, Some(Grounds::Evidence(_) | Grounds::BreakGlass));
        assert!(allowed || known.adopted, "{production} is in production without any grounds");
        assert!(known.mark.is_none(), "{production} is marked and in production");
    }
    let open: Vec<_> = state.tenures().iter().filter(|tenure| tenure.until.is_none()).collect();
    assert_eq!(
        open.iter().map(|tenure| &tenure.version).collect::<Vec<_>>(),
        state.production().into_iter().collect::<Vec<_>>()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nothing_is_written_down_as_earlier_than_it_happened(within in 0_i64..3_000_000_000, edge in any::<bool>()) {
        // The last millisecond of a second is the one that is rounded up to a whole one.
        let within = if edge { within / 1_000_000_000 * 1_000_000_000 + 999_000_000 + within % 1_000_000 } else { within };
        let now = hour(1).checked_add(jiff::SignedDuration::from_nanos(within)).unwrap();
        let adopted = command(Request::Adopt { version: "1.0.0".parse().unwrap() });
        let planned = plan(&State::default(), &adopted, now, &Policy::default()).unwrap();
        let event = &planned.events[0];
        prop_assert!(event.at >= now && event.at.duration_since(now).as_nanos() < 1_000_000, "{} for {now}", event.at);
        // What lies in no future is told, and a whole second is one that was never cut.
        prop_assert!(event.second() <= now);
        prop_assert!(event.at == now || event.at.subsec_nanosecond() != 0);
    }

    #[test]
    fn any_sequence_of_commands_keeps_the_invariants(
        wishes in prop::collection::vec(wish(), 1..60),
        optional in any::<bool>(),
        active in prop::option::of(version()),
    ) {
        let policy = policy(if optional { CanaryRule::Optional } else { CanaryRule::Required });
        let name = "support".parse().unwrap();
        let mut commands = Vec::new();
        let mut state = State::default();
        let mut hours = 0;
        for (request, with_reason, later) in wishes {
            hours += later;
            let mut command = Command { active: active.clone(), ..command(request) };
            if !with_reason {
                command.reason = None;
            }
            let before = state.clone();
            match plan(&state, &command, hour(hours), &policy) {
                Err(refusal) => prop_assert!(!refusal.to_string().is_empty() && refusal.help().is_some()),
                Ok(planned) => {
                    prop_assert!(!planned.events.is_empty());
                    // Whatever is planned is legal.
                    state.apply(&planned.events).unwrap();
                    prop_assert_ne!(&before, &state);
                    // What is served goes on being served: a ledger begins with it in production.
                    prop_assert!(!commands.is_empty() || active.is_none() || state.production() == active.as_ref());
                    commands.push(planned.events);
                    // A recorded text never changes, and what is archived stays so.
                    for (version, known) in before.versions() {
                        let now = &state.versions()[version];
                        prop_assert_eq!(now.sha256, known.sha256);
                        prop_assert!(known.stage != Stage::Archived || now.stage == Stage::Archived);
                    }
                }
            }
            check(&state);
        }
        // It is written as a sound ledger, and replay gives the same state.
        let mut text = String::new();
        let mut last = None;
        for events in &commands {
            let mut appended = lines_of(&name, last.as_ref(), events);
            text += &appended.text;
            last = appended.lines.pop();
        }
        let read = Ledger::parse("lifecycle.jsonl", &name, text);
        prop_assert_eq!(read.problems(), []);
        if let Some(head) = read.head() {
            state.set_head(*head);
        }
        prop_assert_eq!(read.state(), &state);
        // What was live at any time is what the state of that time says.
        for events in commands.iter().step_by(5) {
            let at = events[0].second();
            let then = read.state_at(at);
            prop_assert_eq!(then.production(), state.production_at(at));
        }
    }
}
