use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::poll;
use promptassay_llm::Secrets;
use promptassay_registry::template::Values;
use promptassay_registry::yaml::Document;
use tokio::sync::Semaphore;

use crate::programs::Programs;
use crate::run::{Asked, Unanswered};
use crate::settings::Settings;
use crate::validator::tests::{build, build_in, describe, reply};
use crate::validator::{Context, Subject, Surroundings, ValidatorSpec, check_all};

async fn verdict(yaml: &str, text: &str) -> String {
    verdict_of(&Programs::new(&Secrets::none()), yaml, text).await
}

async fn verdict_of(programs: &Programs<'_>, yaml: &str, text: &str) -> String {
    let validators = [Arc::new(build(yaml).unwrap())];
    let inputs: Values = [("name".to_owned(), "Ada".into())].into_iter().collect();
    let reply = reply(text);
    let nobody = |_| std::future::ready(Err::<Asked, Unanswered>(unreachable()));
    let (results, judging) =
        check_all(&validators, &Subject::new(&reply, &inputs), &nobody, Some(programs)).await;
    assert_eq!(judging, None);
    describe(&results[0])
}

fn unreachable() -> Unanswered {
    unreachable!("no judge is asked")
}

#[tokio::test]
async fn a_program_decides() {
    assert_eq!(verdict(r#"command: [echo, '{"pass": true}']"#, "hi").await, "pass");
    assert_eq!(verdict(r#"command: [echo, '{"pass": false}']"#, "hi").await, "`echo` says no");
    let yaml = r#"command: [echo, '{"pass": true, "score": 0.4, "reason": "meh"}']"#;
    assert_eq!(verdict(&format!("{yaml}\nthreshold: 0.5"), "hi").await, "score 0.4, threshold 0.5: meh");
    assert_eq!(
        verdict(&format!("none_of: [{{{yaml}}}]"), "hi").await,
        "1 of 1 holds, and none may: command: meh"
    );
}

#[tokio::test]
async fn no_shell_reads_the_words() {
    let got = verdict("command: [echo, '$(echo {})', ';', '`id`', '*']", "hi").await;
    assert!(got.contains("got: \"$(echo {}) ; `id` *\""), "{got}");
}

#[tokio::test]
async fn a_program_reads_the_reply_as_json() {
    let check = r#"q=$(cat); case $q in *'"output":"{\"a\":1}"'*'"json":{"a":1}'*'"inputs":{"name":"Ada"}'*'"finish_reason":"stop"'*) echo '{"pass":true}';; *) echo "$q" >&2; exit 3;; esac"#;
    let yaml = format!("command: [sh, -c, {}]", serde_json::to_string(check).unwrap());
    assert_eq!(verdict(&yaml, r#"{"a":1}"#).await, "pass");
}

#[tokio::test]
async fn whatever_goes_wrong_is_an_error_and_never_a_pass() {
    let lines = [
        verdict("command: [no-such-program-at-all]", "hi").await,
        verdict("command: ['false']", "hi").await,
        verdict("command: [sh, -c, 'echo broken >&2; exit 3']", "hi").await,
        verdict("command: [echo, 'yes']", "hi").await,
        verdict("command: ['true']", "hi").await,
        verdict("command: [echo, '[true]']", "hi").await,
        verdict(r#"command: [echo, '{"pass": "true"}']"#, "hi").await,
        verdict(r#"command: [echo, '{"pass": true, "passed": false}']"#, "hi").await,
        verdict(r#"command: [echo, '{"pass": true, "score": 2}']"#, "hi").await,
        verdict("{command: [echo, '{\"pass\": true}'], threshold: 0.5}", "hi").await,
        verdict("command: [cat]", "hi").await,
        verdict("command: ['yes']", "hi").await,
        verdict("command: {values: [sleep, '600'], timeout: 50ms}", "hi").await,
    ];
    insta::assert_snapshot!(lines.join("\n").replace("(os error 2)", ""));
}

#[tokio::test]
async fn a_huge_reply_need_not_be_read() {
    assert_eq!(verdict(r#"command: [echo, '{"pass": true}']"#, &"é".repeat(1 << 19)).await, "pass");
    assert_eq!(
        verdict(
            "command: [sh, -c, 'test $(wc -c) -gt 1000000 && echo \"{\\\"pass\\\": true}\"']",
            &"é".repeat(1 << 19)
        )
        .await,
        "pass"
    );
}

/// A check whose program comes, looks how many are there, and leaves: some wait for another one before.
fn counting(directory: &Path, waits_for: usize) -> String {
    let script = format!(
        "cat > /dev/null; cd '{}'; mkdir here/$$; echo >> came; while [ $(wc -l < came) -lt {waits_for} ]; do :; done
         n=0; while [ $n -lt 5 ]; do n=$((n+1)); ls here | wc -l >> seen; done; rmdir here/$$; echo '{{\"pass\": true}}'",
        directory.display()
    );
    format!("command: {{values: [sh, -c, {}], timeout: 10m}}", serde_json::to_string(&script).unwrap())
}

#[tokio::test]
async fn no_more_programs_run_at_once_than_may() {
    for at_once in [1, 2, 3] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("here")).unwrap();
        let (secrets, turns, check) =
            (Secrets::none(), Semaphore::new(at_once), counting(directory.path(), at_once));
        // Those of two runs, and several of one reply, take turns with each other.
        let programs = [(); 2].map(|()| Programs::new(&secrets).in_turns_of(&turns));
        let check = format!("all_of: [{{{check}}}, {{{check}}}]").replace("command: ", "\"command\": ");
        let verdicts = join_all((0..6).map(|index| verdict_of(&programs[index % 2], &check, "hi"))).await;
        assert_eq!(verdicts, ["pass"; 6]);
        let seen = std::fs::read_to_string(directory.path().join("seen")).unwrap();
        let seen: Vec<usize> = seen.lines().map(|line| line.trim().parse().unwrap()).collect();
        assert_eq!((seen.len(), seen.iter().max()), (60, Some(&at_once)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_program_begins_with_its_turn() {
    let (secrets, turns) = (Secrets::none(), Semaphore::new(1));
    let programs = Programs::new(&secrets).in_turns_of(&turns);
    let turn = turns.acquire().await.unwrap();
    let check = r#"command: {values: [echo, '{"pass": true}'], timeout: 10m}"#;
    let mut waiting = pin!(verdict_of(&programs, check, "hi"));
    assert!(poll!(waiting.as_mut()).is_pending());
    tokio::time::advance(Duration::from_hours(24)).await;
    assert!(poll!(waiting.as_mut()).is_pending());
    tokio::time::resume();
    drop(turn);
    assert_eq!(waiting.await, "pass");
}

#[tokio::test]
async fn a_program_that_waits_is_not_run_where_somebody_stops_the_run() {
    let (secrets, turns) = (Secrets::none(), Semaphore::new(0));
    let programs = Programs::new(&secrets).in_turns_of(&turns);
    let mut waiting = pin!(verdict_of(&programs, "command: [echo, hi]", "hi"));
    assert!(poll!(waiting.as_mut()).is_pending());
    programs.stop();
    assert_eq!(waiting.await, "error: `echo` was not run: the run was stopped before");
    turns.add_permits(1);
    assert!(verdict_of(&programs, "command: [echo, hi]", "hi").await.ends_with("was stopped before"));
}

#[test]
fn what_is_no_command_is_refused() {
    insta::assert_snapshot!(
        [
            "command: echo hi",
            "command: []",
            "command: ['']",
            "command: {values: [a], timeout: never}",
            "command: [\"a\\0\"]"
        ]
        .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
        .concat()
    );
}

#[test]
fn a_secret_among_the_words_is_refused_and_in_no_line() {
    let mut shown = Vec::new();
    for yaml in [
        "command: [app, --api-key, hidden]",
        "command: [app, --api-key, sk-proj-hidden1hidden1, \"--url=https://u:hidden@h/x\", \"a\\0\"]",
        "command: {values: [app, -H, 'X-Up: Token hidden1'], timeout: never}",
        "command:\n  - app\n  - --secret\n  - hidden",
        "command: ['https://u:hidden@h/é', --password, hidden]",
    ] {
        let settings = Settings { program_directories: vec!["/bin".into()], ..Settings::default() };
        let surroundings = Surroundings { settings: &settings, judge: None, asked: &[] };
        let mut problems = Vec::new();
        let document = Document::parse("v.yaml", yaml, &mut problems).unwrap();
        let spec = document.read::<ValidatorSpec>().value.unwrap();
        let context = Context { document: &document, surroundings: Some(surroundings) };
        assert!(spec.build(context, &mut problems).is_none());
        for problem in problems {
            let line = &problem.place.as_ref().unwrap().line_text;
            shown.push(format!("{problem}\n{line}"));
        }
    }
    let shown = shown.join("\n\n");
    assert!(!shown.contains("hidden"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_program_that_is_not_there_is_refused_where_somebody_says_where_programs_lie() {
    let settings = Settings {
        allow_commands: true,
        program_directories: vec!["/usr/bin".into(), "/bin".into()],
        ..Settings::default()
    };
    let said = |yaml: &str| {
        let surroundings = Surroundings { settings: &settings, judge: None, asked: &[] };
        build_in(surroundings, yaml).map_or_else(|problems| problems, |_| "fine".to_owned())
    };
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let lines = [
        said("command: [sh, -c, exit 0]"),
        said("command: [/bin/sh, -c, exit 0]"),
        said("command: [no-such-program]"),
        said("command: [./checks/no_such.py]"),
        said(&format!("command: [{fixtures}]")).replace(fixtures, "/not/executable"),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}
