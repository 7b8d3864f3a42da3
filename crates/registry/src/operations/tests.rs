use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::*;
use crate::files::{create_new, write_atomic};
use crate::tree::Tree;
use crate::version::{Bump, Version};
use crate::version_file::Form;

struct Prompts(tempfile::TempDir);

impl Prompts {
    /// One prompt `support` with v1.0.0.
    fn new() -> Self {
        let prompts = Self(tempfile::tempdir().unwrap());
        fs::create_dir(prompts.root().join("support")).unwrap();
        prompts.write(
            "support/prompt.yaml",
            "name: support\nactive_version: v1.0.0 # live\nvariables: [query]\n",
        );
        prompts.write("support/v1.0.0.txt", "Answer {query}.");
        prompts
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        write_atomic(&self.root().join(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    fn lock(&self) -> DirectoryLock {
        DirectoryLock::acquire(self.root()).unwrap()
    }

    fn add(&self, number: Number, text: &str) -> Result<Added, AddError> {
        add_version(&self.lock(), &name("support"), &NewVersion { number, form: Form::Text, text, used: &[] })
    }

    fn register(&self, number: &str) -> Result<Registered, RegisterError> {
        register(&self.lock(), &name("support"), &version(number), by("Ada"))
    }

    fn activate(&self, selector: &str) -> Result<Activated, ActivateError> {
        activate(&self.lock(), &name("support"), &selector.parse().unwrap())
    }
}

fn name(text: &str) -> PromptName {
    text.parse().unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn by(author: &str) -> Registration {
    Registration {
        created_at: "2026-11-22T10:00:00.7Z".parse::<Timestamp>().unwrap(),
        created_by: author.to_owned(),
        description: Some("First".to_owned()),
        metadata: BTreeMap::from([("ticket".to_owned(), "SUP-12".to_owned())]),
    }
}

#[test]
fn adding_counts_every_version_that_ever_was() {
    let prompts = Prompts::new();
    assert_eq!(prompts.add(Number::Next(Bump::Minor), "Two {query}").unwrap().version, version("1.1.0"));
    prompts.register("1.1.0").unwrap();
    fs::remove_file(prompts.root().join("support/v1.1.0.txt")).unwrap();
    // The prompt is broken now, and adding still works; the number is not used again.
    let added = prompts.add(Number::Next(Bump::Patch), "Three {query}").unwrap();
    assert_eq!(
        (&added.version, prompts.read("support/v1.1.1.txt").as_str()),
        (&version("1.1.1"), "Three {query}")
    );
    let error = prompts.add(Number::Exact(version("1.1.0")), "Again").unwrap_err();
    insta::assert_snapshot!(format!("{error} ({})", error.help().unwrap()), @"v1.1.0 was used before; no number is used twice (v1.1.2 is free)");
    let error = prompts.add(Number::Exact(version("1.0.0")), "Again").unwrap_err();
    insta::assert_snapshot!(error, @"v1.0.0 is there already; no number is used twice");
}

#[test]
fn adding_counts_the_numbers_that_only_a_ledger_knows() {
    let prompts = Prompts::new();
    let used = [version("1.3.0")];
    let add = |number| {
        let new = NewVersion { number, form: Form::Text, text: "Two {query}", used: &used };
        add_version(&prompts.lock(), &name("support"), &new)
    };
    let error = add(Number::Exact(version("1.3.0"))).unwrap_err();
    insta::assert_snapshot!(format!("{error} ({})", error.help().unwrap()), @"v1.3.0 was used before; no number is used twice (v1.3.1 is free)");
    assert_eq!(add(Number::Next(Bump::Minor)).unwrap().version, version("1.4.0"));
}

#[test]
fn adding_refuses_what_is_no_version_and_writes_nothing() {
    let prompts = Prompts::new();
    let error = prompts.add(Number::Next(Bump::Minor), "{\"a\": 1}").unwrap_err();
    let AddError::Invalid { problems } = &error else { panic!("{error}") };
    assert_eq!(problems[0].place.as_ref().unwrap().file, prompts.root().join("support/v1.1.0.txt"));
    assert!(!prompts.root().join("support/v1.1.0.txt").exists());
    let chat =
        NewVersion { number: Number::Next(Bump::Major), form: Form::Chat, text: "messages: []", used: &[] };
    assert!(matches!(add_version(&prompts.lock(), &name("support"), &chat), Err(AddError::Invalid { .. })));
    let error = add_version(&prompts.lock(), &name("suport"), &chat).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.help().as_deref()),
        ("there is no prompt `suport`", Some("did you mean `support`?"))
    );
}

#[test]
fn adding_the_same_text_again_is_pointed_out() {
    let prompts = Prompts::new();
    let added = prompts.add(Number::Next(Bump::Patch), "Answer {query}.").unwrap();
    assert_eq!(added.same_as, Some(version("1.0.0")));
}

#[test]
fn registering_writes_a_row_and_freezes_the_text() {
    let prompts = Prompts::new();
    assert!(!prompts.register("1.0.0").unwrap().already);
    insta::assert_snapshot!(prompts.read("support/prompt.lock"), @"
    # Written by promptassay; do not edit. A registered text never changes: to change it, add a version.
    schema: 1
    versions:
      1.0.0:
        file: v1.0.0.txt
        sha256: be2fcb579aeec08429bc3ea4a322226e72fe43da1db0c1c35d99ad33fac1f9fd
        interface: 18a5d1edd2c0e637795b2b16cabe576bd3779d5be95a0c11f34d37efac4e8bdc
        template_format: format
        created_at: 2026-11-22T10:00:00Z
        created_by: Ada
        description: First
        metadata:
          ticket: SUP-12
    ");
    let loaded = Tree::load(prompts.root());
    assert_eq!(loaded.problems, []);
    let row = loaded.tree.prompt("support").unwrap().latest().unwrap().registered.clone().unwrap();
    assert_eq!(row.created_by, "Ada");

    prompts.write("support/v1.0.0.txt", "Answer {query}!");
    assert!(Tree::load(prompts.root()).has_errors());
    let error = prompts.register("1.0.0").unwrap_err();
    assert!(matches!(error, RegisterError::Differs { .. }), "{error}");
    insta::assert_snapshot!(error, @"v1.0.0 is registered with another text: recorded be2fcb579aee, found dbc5c59af3d4");
}

#[test]
fn registering_the_same_bytes_again_changes_nothing() {
    let prompts = Prompts::new();
    prompts.register("1.0.0").unwrap();
    let before = prompts.read("support/prompt.lock");
    let again = register(&prompts.lock(), &name("support"), &version("v1.0.0"), by("Grace")).unwrap();
    assert_eq!((again.already, again.row.created_by.as_str()), (true, "Ada"));
    assert_eq!(prompts.read("support/prompt.lock"), before);
}

#[test]
fn a_number_whose_file_is_gone_is_not_registered_anew() {
    let prompts = Prompts::new();
    prompts.register("1.0.0").unwrap();
    fs::remove_file(prompts.root().join("support/v1.0.0.txt")).unwrap();
    create_new(&prompts.root().join("support/v1.0.0.yaml"), "messages: [{role: user, content: x}]").unwrap();
    assert!(matches!(prompts.register("1.0.0"), Err(RegisterError::Differs { .. })));
}

#[test]
fn registering_needs_a_sound_prompt_and_a_version() {
    let prompts = Prompts::new();
    let error = prompts.register("1.0.1").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.help()),
        ("`support` has no version v1.0.1", Some("did you mean `v1.0.0`?"))
    );
    prompts.write("support/v1.1.0.txt", "{unknown}");
    assert!(matches!(prompts.register("1.1.0"), Err(RegisterError::Prompt(PromptError::Broken { .. }))));
    assert!(!prompts.root().join("support/prompt.lock").exists());
}

#[test]
fn latest_is_the_newest_registered_version_once_there_is_a_lock() {
    let prompts = Prompts::new();
    prompts.add(Number::Next(Bump::Minor), "Two {query}").unwrap();
    let latest =
        || Tree::load(prompts.root()).tree.prompt("support").unwrap().latest().unwrap().version.clone();
    assert_eq!(latest(), version("1.1.0"));
    prompts.register("1.0.0").unwrap();
    assert_eq!(latest(), version("1.0.0"));
    prompts.register("1.1.0").unwrap();
    assert_eq!(latest(), version("1.1.0"));
}

#[test]
fn a_copy_is_pointed_out_until_somebody_says_that_it_is_meant() {
    let prompts = Prompts::new();
    let warned = || {
        let problems = Tree::load(prompts.root()).problems;
        problems.iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    let first = prompts.read("support/v1.0.0.txt");
    prompts.write("support/v1.1.0.txt", "Two {query}");
    prompts.write("support/v1.2.0.txt", &first);
    assert_eq!(warned(), ["version::identical"]);
    prompts.register("1.0.0").unwrap();
    assert_eq!(warned(), ["version::identical"]);
    // Whoever is served it was meant to be; the old text is back under a new number.
    prompts.activate("1.2.0").unwrap();
    assert_eq!(warned(), Vec::<&str>::new());
    prompts.activate("1.0.0").unwrap();
    prompts.register("1.2.0").unwrap();
    assert_eq!(warned(), Vec::<&str>::new());
}

#[test]
fn activating_changes_one_value() {
    let prompts = Prompts::new();
    prompts.add(Number::Next(Bump::Minor), "Two {query}").unwrap();
    let activated = prompts.activate("1.1.0").unwrap();
    assert_eq!(activated, Activated { previous: version("1.0.0").into(), changed: true });
    assert_eq!(
        prompts.read("support/prompt.yaml"),
        "name: support\nactive_version: v1.1.0 # live\nvariables: [query]\n"
    );
    assert!(!prompts.activate("v1.1.0").unwrap().changed);
    assert_eq!(prompts.activate("latest").unwrap().previous, version("1.1.0").into());
    let error = prompts.activate("1.1.1").unwrap_err();
    assert_eq!(error.help().as_deref(), Some("did you mean `v1.1.0`?"));
}

#[test]
fn activating_cures_an_active_version_that_is_not_there() {
    let prompts = Prompts::new();
    prompts.write("support/prompt.yaml", "name: support\nactive_version: v9.0.0\n");
    assert!(Tree::load(prompts.root()).has_errors());
    prompts.activate("1.0.0").unwrap();
    assert_eq!(Tree::load(prompts.root()).problems, []);
    prompts.write("support/prompt.yaml", "name: support\nactive_version: v9.0.0\ntag: []\n");
    assert!(matches!(prompts.activate("1.0.0"), Err(ActivateError::Prompt(PromptError::Broken { .. }))));
}

#[test]
fn of_two_who_register_one_version_at_once_one_wins() {
    let prompts = Prompts::new();
    for round in 1..=10 {
        let number = version(&format!("1.{round}.0"));
        prompts.add(Number::Exact(number.clone()), &format!("Round {round} {{query}}")).unwrap();
        let results: Vec<Registered> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|index| {
                    let (prompts, number) = (&prompts, &number);
                    scope.spawn(move || {
                        let lock = DirectoryLock::acquire(prompts.root()).unwrap();
                        register(&lock, &name("support"), number, by(&format!("author {index}"))).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|registered| !registered.already).count(), 1);
        assert!(results.iter().all(|registered| registered.row == results[0].row));
    }
    let loaded = Tree::load(prompts.root());
    assert!(!loaded.has_errors());
    assert_eq!(loaded.tree.prompt("support").unwrap().lock().rows.len(), 10);
}

#[test]
fn of_many_who_add_at_once_each_gets_a_number_of_its_own() {
    let prompts = Prompts::new();
    let mut versions: Vec<Version> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|index| {
                let prompts = &prompts;
                scope.spawn(move || {
                    prompts
                        .add(Number::Next(Bump::Minor), &format!("Text {index} {{query}}"))
                        .unwrap()
                        .version
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 8);
}
