//! What holds of the files after any sequence of commands.

use promptassay_registry::problem::Problem;
use proptest::prelude::*;

use super::*;
use crate::plan::properties::{check, policy, wish};
use crate::policy::CanaryRule;
use crate::testing::{Prompts, VERSIONS, command, hour, text};
use crate::verify::{mirrors, verify};

proptest! {
    // Every command waits for the disk several times.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_sequence_of_commands_leaves_sound_files(wishes in prop::collection::vec(wish(), 1..24)) {
        let policy = policy(CanaryRule::Optional);
        let prompts = Prompts::new();
        let mut hours = 0;
        for (request, with_reason, later) in wishes {
            hours += later;
            let mut command = command(request);
            if !with_reason {
                command.reason = None;
            }
            let before = prompts.files();
            let lock = prompts.lock();
            let head = prompts.ledger().head().copied();
            match prepare(&prompts.prompt(), &prompts.ledger(), Some(head), &command, hour(hours), &policy) {
                Err(_) => prop_assert_eq!(prompts.files(), before, "a refused command changes no byte"),
                Ok(transaction) => {
                    let after = transaction.state.clone();
                    transaction.commit(&lock).unwrap();
                    // What is read back is what was decided.
                    let ledger = prompts.ledger();
                    prop_assert_eq!(ledger.state(), &after);
                    check(&after);
                    if let Some(production) = after.production() {
                        let prompt = prompts.prompt();
                        prop_assert_eq!(prompt.active(), &VersionSelector::Exact(production.clone()));
                    }
                }
            }
            drop(lock);
            // No command touches a text, frozen or not.
            for version in VERSIONS {
                prop_assert_eq!(prompts.read(&format!("v{version}.txt")), text(version));
            }
            let ledger = prompts.ledger();
            let mut problems = verify(&ledger, None);
            problems.extend(mirrors(&ledger, &prompts.prompt()));
            problems.retain(Problem::is_error);
            prop_assert_eq!(problems, []);
            prop_assert!(!pending::exists(&prompts.directory()));
        }
    }
}
