//! Judges and programs as checks: another model and a script have their say.

mod stale;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{KEY, Mock, eval, repeats, report, sandbox, without_sources};
use crate::sandbox::{Sandbox, Seen};

/// A judge that answers so, first and when it is asked again.
fn judge(first: &str, again: &str) -> Mock {
    Mock::start(json!({"rules": [
        {"name": "again", "when": {"last_user_message": {"contains": "cannot be read"}}, "answer": {"text": again}},
        {"name": "first", "when": {"last_user_message": {"contains": "Rubric:\nThe reply thanks"}}, "answer": {"text": first}},
    ]}))
}

fn judged(asked: &Mock, judge: &Mock) -> Sandbox {
    let sandbox = sandbox(&asked.row(), 1);
    let row = judge.row().replace("model: m", "model: judge-model, price: {input: 10, output: 10}");
    sandbox.edit("prompts/registry.yaml", "replies:", &format!("  judge: {row}\nreplies:"));
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "judge: judge\ncases:\n  - name: a\n    inputs: {name: Ada}\n    validators: [{judge: The reply thanks, threshold: 0.7}]\n",
    );
    sandbox
}

fn first_repeat(report: &Value) -> Value {
    let mut report = report.clone();
    repeats(&mut report)[0].clone()
}

#[test]
fn a_judge_is_asked_once_a_reply_and_its_answer_is_kept() {
    let (asked, judge) = (Mock::polite(), judge(r#"{"pass": true, "score": 0.9, "reason": "kind"}"#, ""));
    let sandbox = judged(&asked, &judge);
    let seen = eval(&sandbox, &["--format", "json"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    judge.counters().assert_answered_by("first", 1);
    assert_eq!(first_repeat(&report(&seen))["outcome"], "passed");
    // The second time both answers come from the cache.
    let seen = eval(&sandbox, &["--format", "json"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    judge.counters().assert_calls(1);
    asked.counters().assert_calls(1);
}

#[test]
fn a_judge_that_cannot_be_read_twice_leaves_the_reply_unscored() {
    let (asked, judge) = (Mock::polite(), judge("Lovely", "Really lovely"));
    let seen = eval(&judged(&asked, &judge), &["--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    judge.counters().assert_answered_by("first", 1);
    judge.counters().assert_answered_by("again", 1);
    assert_eq!(first_repeat(&report(&seen))["outcome"], "unscored");
}

#[test]
fn a_run_with_an_unscored_reply_is_none_that_lacks_an_answer() {
    let (asked, judge) = (Mock::polite(), judge("Lovely", "Really lovely"));
    let sandbox = judged(&asked, &judge);
    assert_eq!(eval(&sandbox, &[]).code, Some(4));
    assert_eq!(eval(&sandbox, &[]).code, Some(4));
    // Neither lacks anything that is asked again, so the latest is shown.
    let resumed = eval(&sandbox, &["--resume"]);
    assert!(resumed.stderr.contains("nothing was left to ask"), "{}", resumed.shown());
}

#[test]
fn an_answer_that_cannot_be_read_is_shown_with_how_it_ended() {
    let mut said = String::new();
    for answer in [
        json!({"text": "Lovely"}),
        json!({"length_limit": "{\"pass\": tr"}),
        json!({"length_limit": ""}),
        json!({"refusal": "I do not grade people."}),
        json!({"filtered": {}}),
    ] {
        let (asked, judge) = (Mock::polite(), Mock::start(json!({"default": {"answer": answer}})));
        let sandbox = judged(&asked, &judge);
        let reason = |seen: &Seen| {
            assert_eq!(seen.code, Some(4), "{}", seen.shown());
            first_repeat(&report(seen))["checks"][0]["unscored"].clone()
        };
        let live = reason(&eval(&sandbox, &["--record", "--format", "json"]));
        assert_eq!(reason(&sandbox.run(&["eval", "--offline", "--format", "json"])), live, "{answer}");
        writeln!(said, "{answer}\n  {live}").unwrap();
    }
    insta::assert_snapshot!(said);
}

#[test]
fn an_answer_is_repaired_once() {
    let again = "```json\n{\"pass\": false, \"score\": 0.2, \"reason\": \"curt\"}\n```";
    let (asked, judge) = (Mock::polite(), judge("Lovely", again));
    let seen = eval(&judged(&asked, &judge), &[]);
    judge.counters().assert_calls(2);
    assert!(seen.stdout.contains("score 0.2, threshold 0.7: curt"), "{}", seen.shown());
}

#[test]
fn a_judge_without_its_key_is_missed_before_the_first_question() {
    let (asked, judge) = (Mock::polite(), judge("", ""));
    let sandbox = judged(&asked, &judge);
    sandbox.edit(
        "prompts/registry.yaml",
        "model: judge-model, price: {input: 10, output: 10}, api_key_env: TEST_KEY",
        "model: judge-model, api_key_env: OTHER_KEY",
    );
    let seen = eval(&sandbox, &[]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stderr.contains("OTHER_KEY"), "{}", seen.shown());
    asked.counters().assert_calls(0);
}

#[cfg(unix)]
#[test]
fn a_program_checks_only_where_that_is_allowed() {
    let asked = Mock::polite();
    let sandbox = sandbox(&asked.row(), 1);
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, thanks.sh]}]}]\n",
    );
    sandbox.write(
        "prompts/greet/tests/thanks.sh",
        "case $(cat) in *'\"output\":\"Thank you, Ada\"'*) echo '{\"pass\": true}';; *) echo '{\"pass\": false}';; esac\n",
    );
    insta::assert_snapshot!(eval(&sandbox, &[]).shown(), @r"
    --- stderr
    error: this check runs a program, and programs are not allowed
     --> prompts/greet/tests/test_cases.yaml:1:54
      |
    1 | cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, thanks.sh]}]}]
      |                                                      ^^^^^^^
      |
      = help: read the program, then pass `--allow-commands`
    --- exit 2
    ");
    asked.counters().assert_calls(0);
    let seen = eval(&sandbox, &["--allow-commands"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

const KIND: &str = r#"{"pass": true, "score": 0.9, "reason": "kind"}"#;

/// Text without what differs with the server's port.
fn clean(sandbox: &Sandbox, text: &str) -> String {
    let digest = regex::Regex::new(r"[0-9a-f]{40,}(\.\.\.)?|\b[0-9a-f]{12}\b").unwrap();
    digest.replace_all(&sandbox.clean(text), "[DIGEST]").into_owned()
}

#[test]
fn what_a_judge_said_is_recorded_and_found_without_a_network() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    let recorded = eval(&sandbox, &["--record"]);
    assert_eq!(
        recorded.stderr,
        "recorded 1 reply in replies/greet.jsonl\nrecorded 1 reply in replies/greet.judge.jsonl\n"
    );
    let live = eval(&sandbox, &["--format", "json"]);
    let file = clean(&sandbox, &sandbox.read("replies/greet.judge.jsonl"));
    insta::assert_snapshot!(file);
    let offline = sandbox.run(&["eval", "--offline", "--format", "json"]);
    assert_eq!((live.code, offline.code), (Some(0), Some(0)), "{}", offline.shown());
    assert_eq!(without_sources(&report(&live)), without_sources(&report(&offline)));
    judge.counters().assert_calls(1);
    // Recorded again, nothing changes.
    let again = eval(&sandbox, &["--record", "--refresh"]);
    assert!(again.stderr.contains("greet.judge.jsonl says all of this already"), "{}", again.shown());
}

#[test]
fn what_a_person_wrote_is_what_judges_are_asked_about_where_it_is_kept() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    let row = r#"{"case":"a","version":"1.0.0","model":"default","repeat":1,"text":"Thanks!","finish_reason":"stop","source":"hand"}"#;
    sandbox.write("replies/greet.jsonl", format!("{row}\n"));
    insta::assert_snapshot!(eval(&sandbox, &["--record"]).shown());
    asked.counters().assert_calls(0);
    judge.counters().assert_calls(1);
    let recorded = eval(&sandbox, &["--record", "--format", "json"]);
    let offline = sandbox.run(&["eval", "--offline", "--format", "json"]);
    assert_eq!((recorded.code, offline.code), (Some(0), Some(0)), "{}", offline.shown());
    assert_eq!(without_sources(&report(&recorded)), without_sources(&report(&offline)));
    // What a person wrote for a judge holds in the same way.
    let of_judge = sandbox.read("replies/greet.judge.jsonl");
    let by_hand = of_judge.replace("recorded", "hand").replace(r#"\"pass\": true"#, r#"\"pass\": false"#);
    sandbox.write("replies/greet.judge.jsonl", &by_hand);
    let again = eval(&sandbox, &["--record", "--refresh"]);
    assert_eq!(again.code, Some(4), "{}", again.shown());
    assert_eq!(sandbox.read("replies/greet.judge.jsonl"), by_hand);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(4), "nothing passes");
    judge.counters().assert_calls(1);
}

#[test]
fn equal_replies_are_judged_alike_so_that_what_is_recorded_comes_to_the_same_verdict() {
    // A judge that changes its mind with every call.
    let rule = json!({"when": {"call": {"per": "server", "from": 1, "every": 2}}, "answer": {"text": KIND}});
    let unkind = KIND.replace("true", "false");
    for option in ["--record", "--no-cache", "--refresh"] {
        let judge = Mock::start(json!({"rules": [rule], "default": {"answer": {"text": unkind}}}));
        let asked = Mock::polite();
        let sandbox = judged(&asked, &judge);
        sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "repeat: 5\ncases:");
        let live = if option == "--record" {
            eval(&sandbox, &["--record", "--format", "json"])
        } else {
            eval(&sandbox, &["--record", option, "--format", "json"])
        };
        judge.counters().assert_calls(1);
        let offline = sandbox.run(&["eval", "--offline", "--format", "json"]);
        assert_eq!((live.code, offline.code), (Some(0), Some(0)), "{option}: {}", live.shown());
        // What nobody was paid for again counts as saved.
        let reported = sandbox.run(&["report", "latest~1"]).stdout;
        assert!(reported.contains("judges   v1.0.0  5 answers, 1,290 tokens, $0.013\n"), "{reported}");
        assert!(reported.contains("saved by asking judges once $0.010\n"), "{option}: {reported}");
        let calls = &report(&live)["calls"];
        assert_eq!((&calls["cached"], &calls["shared"]), (&json!(0), &json!(4)), "{option}");
    }
}

#[test]
fn answers_of_judges_that_are_stale_or_missing_are_named_and_pruned() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    eval(&sandbox, &["--record"]);
    let pruned = sandbox.session(&[&["replies", "prune", "--dry-run"]]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "The reply thanks", "The reply thanks warmly");
    let stale = sandbox.session(&[&["eval", "--offline"], &["replies", "prune"], &["eval", "--offline"]]);
    insta::assert_snapshot!(clean(&sandbox, &format!("{pruned}\n{stale}")));
    assert_eq!(sandbox.read("replies/greet.jsonl").lines().count(), 2, "replies stay");
}

#[test]
fn a_judge_whose_answer_is_not_recorded_breaks_the_verdict_whatever_may_be_missing() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    eval(&sandbox, &["--record"]);
    sandbox.write("replies/greet.judge.jsonl", "");
    // Another case passes and most may be missing: were the gap of the judge a mere error, this would be green.
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "cases:\n",
        "gate: {max_missing: 1, min_pass_rate: 0}\ncases:\n  - {name: b, inputs: {name: Ada}, validators: [contains: Ada]}\n",
    );
    let row = sandbox.read("replies/greet.jsonl").replace("\"case\":\"a\"", "\"case\":\"b\"");
    let rows = format!("{}{}", sandbox.read("replies/greet.jsonl"), row.lines().last().unwrap());
    sandbox.write("replies/greet.jsonl", format!("{rows}\n"));
    let seen = sandbox.run(&["eval", "--offline", "--format", "json"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    let gate = &report(&seen)["prompts"][0]["variants"][0]["gate"];
    assert_eq!(gate["rule"], "could_not_be_asked", "{}", seen.shown());
    // The kept run says the same, and so does a comparison of runs.
    assert_eq!(sandbox.run(&["report"]).code, Some(4));
    assert_eq!(sandbox.run(&["compare", "latest", "latest"]).code, Some(4));
}

#[test]
fn what_a_judge_costs_is_a_line_of_its_own() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let seen = eval(&judged(&asked, &judge), &[]);
    let lines: Vec<&str> =
        seen.stdout.lines().filter(|line| line.contains("judges  ") || line.starts_with("cost ")).collect();
    assert_eq!(
        lines,
        [
            "  judges   v1.0.0  1 answer, 258 tokens, $0.0026",
            "cost       unpriced in all: replies unpriced, judges $0.0026"
        ]
    );
}

/// Cuts the journal of the only run before the first event of this name, as if the process had been killed there.
fn cut_before(sandbox: &Sandbox, event: &str) -> PathBuf {
    let runs = fs::read_dir(sandbox.path(".promptassay/runs")).unwrap();
    let runs: Vec<PathBuf> = runs.map(|entry| entry.unwrap().path()).collect();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    let journal = run.join("events.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let cut = text.find(&format!("{{\"{event}\"")).unwrap_or_else(|| panic!("no {event} in {text}"));
    fs::write(&journal, &text[..cut]).unwrap();
    journal
}

#[test]
fn a_run_that_is_killed_while_it_judges_pays_for_nothing_twice() {
    for (event, calls_of_judge) in [("judge_answered", 2), ("trial_finished", 1)] {
        let (asked, judge) = (Mock::polite(), judge(KIND, ""));
        let sandbox = judged(&asked, &judge);
        let whole = eval(&sandbox, &["--no-cache", "--format", "json"]);
        cut_before(&sandbox, event);
        let seen = eval(&sandbox, &["--no-cache", "--resume", "--format", "json"]);
        assert_eq!(seen.code, Some(0), "{event}: {}", seen.shown());
        assert_eq!(without_sources(&report(&seen)), without_sources(&report(&whole)), "{event}");
        asked.counters().assert_calls(1);
        judge.counters().assert_calls(calls_of_judge);
    }
}

#[test]
fn stored_replies_are_judged_anew_without_calls_unless_they_are_allowed() {
    let (asked, judge) = (Mock::polite(), judge(KIND, ""));
    let sandbox = judged(&asked, &judge);
    assert_eq!(eval(&sandbox, &["--no-cache"]).code, Some(0));
    let rescore = |arguments: &[&str]| {
        let arguments = [&["rescore", "--format", "json"], arguments].concat();
        let seen = Seen::of(sandbox.command(&arguments).env("TEST_KEY", KEY));
        (seen.code, first_repeat(&report(&seen))["outcome"].clone())
    };
    // The same question to the judge: its answer holds, and holds again in a run that was judged anew.
    assert_eq!(rescore(&[]), (Some(0), json!("passed")));
    assert_eq!(rescore(&[]), (Some(0), json!("passed")));
    judge.counters().assert_calls(1);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "The reply thanks", "The reply thanks warmly");
    assert_eq!(rescore(&[]), (Some(4), json!("unscored")));
    judge.counters().assert_calls(1);
    insta::assert_snapshot!(sandbox.run(&["rescore"]).stderr, @"1 question is new to the judges and was not asked, so its check is unscored; `promptassay rescore RUN --allow-calls` asks");
    assert_eq!(rescore(&["--allow-calls", "--max-calls", "0"]), (Some(4), json!("not_asked")));
    judge.counters().assert_calls(1);
    assert_eq!(rescore(&["--allow-calls"]), (Some(0), json!("passed")));
    judge.counters().assert_calls(2);
    asked.counters().assert_calls(1);
}

#[cfg(unix)]
#[test]
fn stored_replies_are_shown_to_programs_only_where_that_is_allowed() {
    let asked = Mock::polite();
    let sandbox = sandbox(&asked.row(), 2);
    let suite = "cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, yes.sh]}, {all_of: [{command: [sh, yes.sh]}, {contains: Ada}]}]}]\n";
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    sandbox.write(
        "prompts/greet/tests/yes.sh",
        "cat > /dev/null; echo ran >> ran; echo '{\"pass\": true, \"score\": 0.8}'\n",
    );
    let times = || sandbox.read("prompts/greet/tests/ran").lines().count();
    assert_eq!(eval(&sandbox, &["--allow-commands"]).code, Some(0));
    let before = times();
    // Another program than the one that judged: what that one said is no verdict of today's.
    let replaced = "cat > /dev/null; echo ran >> ran; echo '{\"pass\": false, \"score\": 0.1}'\n";
    sandbox.write("prompts/greet/tests/yes.sh", replaced);
    let runs = sandbox.run(&["runs", "list"]).stdout;
    insta::assert_snapshot!(sandbox.run(&["rescore"]).shown());
    assert_eq!((sandbox.run(&["runs", "list"]).stdout, times()), (runs, before));
    let judged = sandbox.run(&["rescore", "--allow-commands"]);
    assert!(judged.stdout.contains("`sh` says no"), "{}", judged.shown());
    assert_eq!(times(), 2 * before);
}

#[cfg(unix)]
#[test]
fn who_runs_no_program_needs_no_leave_to_run_one() {
    let asked = Mock::polite();
    let sandbox = sandbox(&asked.row(), 1);
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases: [{name: a, inputs: {name: Ada}, validators: [{command: [no-such-program, yes.sh]}]}]\n",
    );
    let row = json!({"case": "gone", "version": "1.0.0", "model": "default", "repeat": 1, "text": "hi", "finish_reason": "stop", "source": "hand"});
    sandbox.write("replies/greet.jsonl", format!("{row}\n"));
    let planned = eval(&sandbox, &["--dry-run"]);
    assert!(planned.code == Some(0) && planned.stdout.contains("1 question in all"), "{}", planned.shown());
    insta::assert_snapshot!(planned.stderr);
    for arguments in [&["replies", "prune", "--dry-run"][..], &["replies", "prune"]] {
        let seen = sandbox.run(arguments);
        assert!(seen.code == Some(0) && seen.stdout.contains("no case `gone`"), "{}", seen.shown());
    }
    assert_eq!(eval(&sandbox, &["--dry-run", "--allow-commands"]).code, Some(2), "it is not there");
}

#[cfg(unix)]
#[test]
fn a_reply_that_no_program_could_look_at_was_asked_for_and_not_checked() {
    let asked = Mock::polite();
    let sandbox = sandbox(&asked.row(), 1);
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases: [{name: a, inputs: {name: Ada}, validators: [{command: [sh, -c, exit 1]}]}]\n",
    );
    let seen =
        eval(&sandbox, &["--allow-commands", "--report", "markdown=report.md", "--junit", "report.xml"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    for file in ["report.md", "report.xml"] {
        let text = sandbox.read(file);
        assert!(text.contains("1 could not be checked") && !text.contains("be asked"), "{text}");
    }
}
