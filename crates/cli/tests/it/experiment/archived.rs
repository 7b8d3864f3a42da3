//! A version that a started experiment serves is not archived, whatever its file says by now: there would be no way back.

use insta::assert_snapshot;

use super::{Sandbox, TRIAL, sandbox};

const ARCHIVE: [&str; 6] = ["archive", "greet", "v1.1.0", "--by", "Ada", "--dry-run"];

/// A prompt with a third version, and an experiment about the first two that was not started.
fn drafted() -> Sandbox {
    let sandbox = sandbox();
    sandbox.write("prompts/greet/v1.2.0.txt", "Good day {name}, {tone}!\n");
    for command in [&["register", "greet", "v1.2.0", "-m", "To try"][..], &["adopt", "greet", "v1.0.0"]] {
        let seen = sandbox.run(&[command, &["--by", "Ada"]].concat());
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
    sandbox
}

fn start(sandbox: &Sandbox) {
    let started = sandbox.run(&["experiment", "start", "trial"]);
    assert_eq!(started.code, Some(0), "{}", started.shown());
}

#[test]
fn a_version_that_was_started_is_kept_though_the_file_names_another_by_now() {
    let sandbox = drafted();
    start(&sandbox);
    sandbox.edit(TRIAL, "version: v1.1.0", "version: v1.2.0");
    assert_snapshot!("another_variant", sandbox.session(&[&ARCHIVE]));
    sandbox.edit(TRIAL, "window:", "phase: 2\nwindow:");
    assert_snapshot!("another_variant_in_another_phase", sandbox.session(&[&ARCHIVE]));
    // Only the phase is another one: then the file knows the versions.
    sandbox.edit(TRIAL, "version: v1.2.0", "version: v1.1.0");
    let other = ["archive", "greet", "v1.2.0", "--by", "Ada", "--dry-run"];
    assert_snapshot!("another_phase", sandbox.session(&[&ARCHIVE, &other]));
    let stop = ["experiment", "stop", "trial", "--reason", "enough"];
    assert_snapshot!("stopped", sandbox.session(&[&stop, &ARCHIVE]));
}

#[test]
fn a_version_that_is_to_be_served_later_is_kept() {
    let starts = "start: 2098-01-01T00:00:00Z\nwindow:";
    let sandbox = drafted();
    sandbox.edit(TRIAL, "window:", starts);
    assert_snapshot!("by_its_file_alone", sandbox.session(&[&ARCHIVE]));
    start(&sandbox);
    assert_snapshot!("scheduled", sandbox.session(&[&ARCHIVE]));
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    assert_snapshot!("scheduled_and_gone", sandbox.session(&[&ARCHIVE]));
    // One that runs, and whose file says a later start by now.
    let sandbox = drafted();
    start(&sandbox);
    sandbox.edit(TRIAL, "window:", starts);
    assert_snapshot!("put_off", sandbox.session(&[&ARCHIVE]));
}

#[test]
fn nothing_is_archived_while_nobody_knows_what_runs() {
    let sandbox = sandbox();
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    let away = "postgres://app@127.0.0.1:1/none?sslmode=disable";
    assert_snapshot!("out_of_reach", sandbox.session(&[&[&ARCHIVE[..], &["--store", away]].concat()]));
}

#[test]
fn what_is_over_keeps_no_version() {
    let sandbox = drafted();
    start(&sandbox);
    sandbox.edit(TRIAL, "end: 2099", "end: 2026");
    let seen = sandbox.run(&ARCHIVE);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}
