//! What names the store: nothing is recorded where nobody would find it again, and no password is printed.

use insta::assert_snapshot;
use promptassay_experiments::store::SqliteStore;

use super::{Sandbox, TRIAL, sandbox};
use crate::sandbox::Seen;

/// A started experiment with an exposure in the store of registry.yaml.
fn started() -> Sandbox {
    let sandbox = sandbox();
    for command in [&["experiment", "start", "trial"][..], &["expose", "trial", "u1"]] {
        assert_eq!(sandbox.run(command).code, Some(0));
    }
    sandbox
}

#[test]
fn a_store_that_would_be_gone_or_is_a_path_by_mistake_is_refused_by_every_command() {
    let sandbox = started();
    let before = sandbox.files(".");
    let row = "unit,variant,metric,value,at\nu1,control,resolved,1,2026-01-02T00:00:00Z\n";
    let commands = [
        &["experiment", "start", "trial"][..],
        &["experiment", "list"],
        &["experiment", "stop", "trial", "--reason", "enough"],
        &["expose", "trial", "u2"],
        &["record", "trial", "u1", "resolved", "1"],
        &["import", "trial", "-", "--as", "csv"],
        &["export", "trial"],
        &["analyze", "trial"],
        &["assign", "trial", "u1"],
        &["resolve", "greet", "--unit", "u1"],
        &["check"],
    ];
    for store in
        ["", " ", "mysql://app:s3cret@db/prod", "postgresql+asyncpg://app:s3cret@db/prod", ":memory:"]
    {
        for command in commands {
            let mut by_variable = sandbox.command(command);
            let seen = [
                Seen::of(by_variable.env("PROMPTASSAY_STORE", store)),
                sandbox.run_with_input(&[command, &["--store", store]].concat(), row),
            ];
            for (seen, named) in seen.iter().zip(["PROMPTASSAY_STORE", "`--store`"]) {
                let shown = seen.shown();
                // The files are sound or not without the environment.
                let code = if command == ["check"] && named == "PROMPTASSAY_STORE" { 0 } else { 2 };
                assert!(
                    seen.code == Some(code) && seen.stderr.contains(named),
                    "{command:?} {store}: {shown}"
                );
                assert!(!shown.contains("s3cret"), "{command:?}: {shown}");
            }
        }
    }
    assert_eq!(sandbox.files("."), before);
    let said = |store: &str| {
        let mut command = sandbox.command(&["record", "trial", "u1", "resolved", "1"]);
        sandbox.clean(&Seen::of(command.env("PROMPTASSAY_STORE", store)).shown())
    };
    assert_snapshot!(said("") + &said("postgresql+asyncpg://app:s3cret@db/prod"));
    let shown = |name: &str| sandbox.session(&[&["record", "trial", "u1", "resolved", "1", "--store", name]]);
    assert_snapshot!(shown("") + &shown(":memory:"));
}

#[test]
fn what_asks_no_store_is_not_hindered_by_one_that_is_named() {
    let sandbox = started();
    sandbox.write("events.csv", "unit,variant,at\nu1,control,2026-01-02T00:00:00Z\n");
    for command in
        [&["analyze", "trial", "--from", "events.csv"][..], &["assign", "trial", "u1", "--by-file"]]
    {
        let seen = Seen::of(sandbox.command(command).env("PROMPTASSAY_STORE", "data/experiments.db"));
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        let both = sandbox.run(&[command, &["--store", "data/experiments.db"]].concat());
        assert!(both.code == Some(2) && both.stderr.contains("cannot be used with"), "{}", both.shown());
    }
}

#[test]
fn a_prompt_without_experiments_is_served_without_asking_a_server_and_whatever_the_environment_says() {
    let sandbox = sandbox();
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    let said = |store: &str, command: &[&str]| {
        sandbox.clean(&Seen::of(sandbox.command(command).env("PROMPTASSAY_STORE", store)).shown())
    };
    let resolve = ["resolve", "greet", "--unit", "u1"];
    let away = "postgres://app:s3cret@127.0.0.1:1/none?sslmode=disable";
    assert_snapshot!("served_without_a_server", said(away, &resolve) + &said(away, &["check"]));
    let shown =
        ["", "mysql://app:s3cret@db/prod"].map(|store| said(store, &resolve) + &said(store, &["check"]));
    assert_snapshot!("served_without_a_store", shown.concat());
    // What is written here, and there for all, is mended.
    let wrong = sandbox.run(&[&resolve[..], &["--store", ""]].concat());
    assert!(wrong.code == Some(2) && wrong.stderr.contains("`--store` is empty"), "{}", wrong.shown());
    let archived = said("", &["archive", "greet", "v1.1.0", "--by", "Ada"]);
    assert!(archived.contains("PROMPTASSAY_STORE is empty") && archived.contains("exit 2"), "{archived}");
}

#[test]
fn a_relative_store_of_the_environment_is_one_for_the_repository_and_none_is_left_behind() {
    let sandbox = sandbox();
    std::fs::create_dir_all(sandbox.path("service/data")).unwrap();
    let seen = |store: &str| {
        let mut command = sandbox.command(&["--prompts", "../prompts", "experiment", "start", "trial"]);
        Seen::of(command.current_dir(sandbox.path("service")).env("PROMPTASSAY_STORE", store))
    };
    let _by_another_program = SqliteStore::open(&sandbox.path("service/data/e.db")).unwrap();
    let refused = seen("data/e.db");
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert_snapshot!(sandbox.clean(&refused.stderr));
    assert!(!sandbox.path("data").exists());
    let at_the_root = seen("other.db");
    assert!(at_the_root.code == Some(0) && sandbox.path("other.db").exists(), "{}", at_the_root.shown());
    // Without a repository nothing is its root.
    std::fs::remove_dir_all(sandbox.path(".git")).unwrap();
    let here = seen("here.db");
    assert!(here.code == Some(0) && sandbox.path("service/here.db").exists(), "{}", here.shown());
    // Earlier programs kept it beside the prompts all the same.
    let left_behind = seen("other.db");
    assert_eq!(left_behind.code, Some(2), "{}", left_behind.shown());
    assert_snapshot!("a_store_beside_the_prompts", sandbox.clean(&left_behind.stderr));
    assert!(!sandbox.path("service/other.db").exists());
    let mut resolve = sandbox.command(&["--prompts", "../prompts", "resolve", "greet", "--unit", "u1"]);
    resolve.current_dir(sandbox.path("service")).env("PROMPTASSAY_STORE", "other.db");
    assert_eq!(Seen::of(&mut resolve).code, Some(2));
}

/// What is misspelt may be `store:`, and what is served without it is another prompt than an experiment gives.
#[test]
fn a_key_that_nobody_knows_ends_no_experiment_in_silence() {
    let sandbox = started();
    let sound = sandbox.read("prompts/registry.yaml");
    let commands = [
        &["resolve", "greet", "--unit", "u1"][..],
        &["assign", "trial", "u1"],
        &["expose", "trial", "u2"],
        &["record", "trial", "u1", "resolved", "1"],
        &["analyze", "trial"],
        &["experiment", "list"],
        &["snapshot"],
        &["check"],
    ];
    let store = "store: ../data/experiments.db";
    let twice = format!("{store}\nstore: ../data/other.db");
    for wrong in ["stor: ../data/experiments.db", &twice, "schema: 2", "? [store]\n: x\nStore: x"] {
        sandbox.write("prompts/registry.yaml", sound.replace(store, wrong).as_str());
        for command in commands {
            let seen = sandbox.run(command);
            assert_eq!(seen.code, Some(2), "{wrong}: {command:?} {}", seen.shown());
            assert!(seen.stderr.contains("registry.yaml:"), "{wrong}: {command:?} {}", seen.shown());
        }
    }
    // Its name as well.
    std::fs::rename(sandbox.path("prompts/registry.yaml"), sandbox.path("prompts/registry.yml")).unwrap();
    let misnamed = sandbox.run(commands[0]);
    assert_eq!(misnamed.code, Some(2), "{}", misnamed.shown());
    // Where a store is named, another key has nothing to do with what is served.
    sandbox.write("prompts/registry.yaml", format!("{sound}modelz: {{}}\n").as_str());
    for command in &commands[..4] {
        assert_eq!(sandbox.run(command).code, Some(0), "{command:?}");
    }
    sandbox.write("prompts/registry.yaml", sound.replace(store, "stor: x").as_str());
    for command in [
        &["resolve", "greet", "--unit", "u1", "--store", "data/experiments.db"][..],
        &["assign", "trial", "u1", "--by-file"],
        &["resolve", "greet"],
    ] {
        assert_eq!(sandbox.run(command).code, Some(0), "{command:?}");
    }
    assert_snapshot!(sandbox.session(&[commands[0], commands[1]]));
}

#[cfg(unix)]
#[test]
fn a_store_behind_a_link_says_what_it_says_by_its_own_name() {
    let sandbox = sandbox();
    std::fs::create_dir(sandbox.path("volume")).unwrap();
    std::os::unix::fs::symlink("volume/e.db", sandbox.path("link.db")).unwrap();
    // An application has it open all the while.
    let _application = SqliteStore::open(&sandbox.path("volume/e.db")).unwrap();
    assert_eq!(sandbox.run(&["experiment", "start", "trial", "--store", "link.db"]).code, Some(0));
    for (command, code) in [
        (&["resolve", "greet", "--unit", "u2"][..], 0),
        (&["experiment", "list"], 0),
        (&["archive", "greet", "v1.1.0", "--by", "Ada", "--dry-run"], 1),
    ] {
        let of = |store: &str| sandbox.run(&[command, &["--store", store]].concat());
        let (by_link, by_name) = (of("link.db"), of("volume/e.db"));
        assert_eq!(by_name.code, Some(code), "{}", by_name.shown());
        assert_eq!(by_link.shown(), by_name.shown());
    }
}

#[cfg(unix)]
#[test]
fn a_path_may_begin_with_two_slashes() {
    let sandbox = sandbox();
    let store = format!("/{}", sandbox.path("a b%20?c#d.db").display());
    for command in [
        &["experiment", "start", "trial"][..],
        &["expose", "trial", "u2"],
        &["experiment", "list"],
        &["resolve", "greet", "--unit", "u2"],
        &["check"],
    ] {
        let seen = sandbox.run(&[command, &["--store", &store]].concat());
        let said =
            if command.contains(&"start") { format!("made the store `{store}`\n") } else { String::new() };
        assert!(seen.code == Some(0) && seen.stderr == said, "{}", seen.shown());
    }
}
