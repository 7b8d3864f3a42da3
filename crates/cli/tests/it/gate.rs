//! The gate as a pipeline meets it: what it refuses, what it says, and the exit code.

#![expect(clippy::format_push_string, reason = "rows of a few hundred; the line says what they look like")]

use insta::assert_snapshot;
use serde_json::Value;

use crate::sandbox::{Sandbox, Seen};

/// What the replies of a version are like, case by case: `(letter, cases)` with p passed, f failed.
type Replies<'a> = &'a [(char, usize)];

/// A prompt with two versions that were asked so many times, whose gate asks for this. With 0 the suite does not say how often, and
/// there are three replies of each.
fn sandbox(gate: &str, repeat: u32, baseline: Replies<'_>, candidate: Replies<'_>) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    let letters = |replies: Replies<'_>| -> Vec<char> {
        replies.iter().flat_map(|(letter, cases)| std::iter::repeat_n(*letter, *cases)).collect()
    };
    let how_often = if repeat == 0 { String::new() } else { format!("repeat: {repeat}\n") };
    let mut suite = format!("{gate}{how_often}cases:\n");
    for case in 0..letters(candidate).len() {
        suite.push_str(&format!(
            "  - {{name: case_{case:02}, inputs: {{name: Ada}}, validators: [contains: please]}}\n"
        ));
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    let mut rows = String::new();
    for (version, letters) in [("1.0.0", letters(baseline)), ("1.1.0", letters(candidate))] {
        for (case, letter) in letters.iter().enumerate() {
            let text = if *letter == 'p' { "Yes please" } else { "No" };
            for repeat in 1..=if repeat == 0 { 3 } else { repeat } {
                rows.push_str(&format!(
                    "{{\"case\": \"case_{case:02}\", \"version\": \"{version}\", \"model\": \"default\", \
                     \"repeat\": {repeat}, \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
                ));
            }
        }
    }
    sandbox.write("replies/greet.jsonl", rows);
    sandbox
}

fn shown(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let Seen { code, stdout, stderr } = sandbox.run(arguments);
    sandbox.clean(&format!("$ {}\n{stderr}{stdout}exit {}\n", arguments.join(" "), code.unwrap()))
}

fn gate_of(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, Value) {
    let seen = sandbox.run(&[arguments, &["--format", "json"]].concat());
    let report: Value =
        serde_json::from_str(&seen.stdout).unwrap_or_else(|error| panic!("{error}: {}", seen.shown()));
    let variants = report["prompts"][0]["variants"].as_array().unwrap().clone();
    (
        seen.code,
        variants.into_iter().map(|variant| variant["gate"].clone()).find(|gate| !gate.is_null()).unwrap(),
    )
}

#[test]
fn a_regression_in_nine_of_forty_is_red_and_named() {
    let sandbox = sandbox(
        "gate: {margin: auto}\n",
        1,
        &[('p', 35), ('f', 5)],
        &[('p', 27), ('f', 8), ('p', 1), ('f', 4)],
    );
    assert_snapshot!(shown(&sandbox, &["eval", "--offline"]));
    let (code, gate) = gate_of(&sandbox, &["report"]);
    assert_eq!(code, Some(1));
    assert_eq!((&gate["row"], &gate["rule"]), (&5.into(), &"regression_proven".into()));
}

#[test]
fn every_verdict_has_its_exit_code() {
    let margin = "gate: {margin: 0.1}\n";
    let same: Replies<'_> = &[('p', 30)];
    let one_broke: Replies<'_> = &[('p', 29), ('f', 1)];
    for (gate, baseline, candidate, code, row) in [
        (margin, same, same, 0, 4),
        (margin, same, one_broke, 3, 6),
        ("gate: {margin: 0.1, inconclusive: pass}\n", same, one_broke, 0, 6),
        ("gate: {margin: 0.15}\n", same, one_broke, 0, 4),
        (margin, same, &[('p', 20), ('f', 10)], 1, 5),
        ("gate: {margin: 0.1, min_pass_rate: 0.99}\n", same, one_broke, 1, 3),
        (margin, same, &[('f', 30)], 4, 1),
        ("", same, one_broke, 1, 3),
        ("gate: {min_pass_rate: 0.9}\n", same, one_broke, 0, 3),
    ] {
        let sandbox = sandbox(gate, 1, baseline, candidate);
        let (exit, gate_report) = gate_of(&sandbox, &["eval", "--offline"]);
        assert_eq!((exit, &gate_report["row"]), (Some(code), &Value::from(row)), "{gate}{candidate:?}");
        assert_eq!(gate_report["blocks"], code != 0);
        // The run that was kept says the same.
        assert_eq!(gate_of(&sandbox, &["report"]), (exit, gate_report));
    }
}

#[test]
fn what_could_not_pass_is_refused_before_the_first_question() {
    let sandbox = sandbox("gate: {margin: 0.1}\n", 1, &[('p', 15)], &[('p', 15)]);
    assert_snapshot!(shown(&sandbox, &["eval", "--offline"]));
    assert!(!sandbox.path(".promptassay").exists(), "nothing was begun");
    // It is known before any version is compared.
    assert_snapshot!(shown(&sandbox, &["check"]));
    // What the help names is accepted.
    assert_eq!(sandbox.run(&["eval", "--offline", "--margin", "0.182"]).code, Some(0));
    assert_eq!(
        sandbox.run(&["eval", "--offline", "--margin", "none", "--min-pass-rate", "0.9"]).code,
        Some(0)
    );
    assert_eq!(sandbox.run(&["eval", "--offline", "--inconclusive", "pass"]).code, Some(0));
    assert_eq!(sandbox.run(&["eval", "--offline", "--margin", "auto"]).code, Some(2));
    // Alone there is nothing to compare, and the margin asks for nothing.
    let alone = sandbox.run(&["eval", "--offline", "--version", "1.1.0"]);
    assert_eq!(alone.code, Some(0));
    let alone = alone.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(alone.contains("nothing is compared, so the margin asks for nothing"), "{alone}");
    // What a change writes into the suite to get there does not count for it.
    let version = sandbox.read("prompts/greet/v1.1.0.txt");
    std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("prompts/greet/v1.1.0.txt", version);
    let seen = sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("so merge a change of the suite alone first"), "{}", seen.shown());
}

#[test]
fn flags_go_before_files_and_say_so() {
    let sandbox =
        sandbox("gate: {margin: 0.1, min_pass_rate: 0.5}\n", 1, &[('p', 30)], &[('p', 29), ('f', 1)]);
    let shown = shown(
        &sandbox,
        &["eval", "--offline", "--margin", "0.15", "--confidence", "0.9", "--metric", "score"],
    );
    assert_snapshot!(shown);
    // A kept run is judged by what it was planned with, whatever the file says today, unless somebody asks for more.
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "margin: 0.1", "margin: 0.01");
    assert_eq!(sandbox.run(&["report"]).code, Some(0));
    assert_eq!(sandbox.run(&["report", "--margin", "0.08"]).code, Some(3));
    // Judged anew, it is judged by today's files. What 30 cases cannot show is refused here as well.
    let seen = sandbox.run(&["rescore"]);
    assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
    assert!(seen.stderr.contains("30 units cannot show a margin of 1 point:"), "{}", seen.stderr);
    assert_eq!(sandbox.run(&["report", "--margin", "0.01"]).code, Some(2));
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "margin: 0.01", "margin: 0.1");
    assert_eq!(sandbox.run(&["rescore"]).code, Some(3));
    for arguments in [
        &["eval", "--offline", "--margin", "1.5"][..],
        &["eval", "--offline", "--min-pass-rate", "2"],
        &["eval", "--offline", "--confidence", "0.5"],
        &["eval", "--offline", "--inconclusive", "maybe"],
        &["eval", "--offline", "--metric", "contain"],
    ] {
        let seen = sandbox.run(arguments);
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
    }
}

#[test]
fn a_metric_that_no_validator_has_is_a_mistake_at_its_place() {
    let sandbox =
        sandbox("gate: {margin: 0.2, metrics: [pass_rate, contians]}\n", 1, &[('p', 30)], &[('p', 30)]);
    assert_snapshot!(shown(&sandbox, &["eval", "--offline"]));
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "contians", "contains");
    let (code, _) = gate_of(&sandbox, &["eval", "--offline"]);
    assert_eq!(code, Some(0));
}

#[test]
fn a_margin_and_a_baseline_ask_three_times_where_nobody_says_how_often() {
    let sandbox = sandbox("gate: {margin: 0.2}\n", 0, &[('p', 30)], &[('p', 30)]);
    let suite = "prompts/greet/tests/test_cases.yaml";
    let plan = |arguments: &[&str]| {
        let plan = sandbox.run(&[arguments, &["--dry-run", "--format", "json"]].concat()).stdout;
        let plan: Value = serde_json::from_str(&plan).unwrap();
        (plan["questions"].as_u64().unwrap(), plan["prompts"][0]["versions"].as_str().unwrap().to_owned())
    };
    let (questions, why) = plan(&["eval"]);
    assert_eq!(questions, 2 * 30 * 3);
    assert!(why.ends_with("; each case is asked 3 times, because a margin is set"), "{why}");
    assert_eq!(plan(&["eval", "--margin", "none"]).0, 2 * 30, "without a margin");
    assert_eq!(plan(&["eval", "--version", "1.1.0"]).0, 30, "without a baseline");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let report = sandbox.run(&["report"]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    sandbox.edit(suite, "cases:", "repeat: 2\ncases:");
    assert_eq!(plan(&["eval"]).0, 2 * 30 * 2, "as it is written");
    let report = sandbox.run(&["report"]);
    assert_eq!(report.code, Some(2), "{}", report.stdout);
}

#[test]
fn a_gate_that_is_new_with_the_change_does_not_count_yet_and_that_is_said() {
    let sandbox = sandbox("gate: {}\n", 1, &[('p', 20)], &[('p', 20)]);
    std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "gate: {}", "gate: {margin: 0.2, max_missing: 0}");
    sandbox.commit("a gate");
    let eval = ["eval", "--offline", "--changed-since", "main"];
    assert_snapshot!("rules_not_counted", shown(&sandbox, &eval));
    let warning = sandbox.run(&[&eval[..], &["--format", "json"]].concat()).stderr;
    let warning: Value = serde_json::from_str(warning.lines().next().unwrap()).unwrap();
    assert_eq!(warning["code"], "changes::rules_not_counted");
}

#[test]
fn what_a_margin_lets_through_and_would_be_red_in_use_is_said() {
    let of = |gate: &str, candidate: Replies<'_>| {
        let sandbox = sandbox(gate, 1, &[('p', 38), ('f', 2)], candidate);
        let seen = sandbox.run(&["eval", "--offline", "--report", "markdown=report.md"]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
        let said =
            |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").contains("once it is in use");
        assert_eq!(said(&seen.stdout), said(&sandbox.read("report.md")));
        (said(&seen.stdout), seen, sandbox)
    };
    let (is_said, seen, sandbox) = of("gate: {margin: 0.2}\n", &[('p', 38), ('f', 2)]);
    assert!(is_said, "{}", seen.shown());
    let rules = seen.stdout.lines().skip_while(|line| !line.starts_with("rules"));
    assert_snapshot!(rules.collect::<Vec<_>>().join("\n"));
    // It is true; and what it says would do, does.
    let alone = ["eval", "--offline", "--version", "1.1.0"];
    assert_eq!(sandbox.run(&alone).code, Some(1));
    let with = sandbox.run(&[&alone[..], &["--min-pass-rate", "0.85"]].concat());
    assert_eq!(with.code, Some(0), "{}", with.shown());
    assert!(!of("gate: {margin: 0.2, min_pass_rate: 0.9}\n", &[('p', 38), ('f', 2)]).0);
    assert!(!of("gate: {margin: 0.2}\n", &[('p', 40)]).0);
}

#[test]
fn a_change_cannot_relax_its_own_gate() {
    let sandbox = sandbox("gate: {min_pass_rate: 0.9}\n", 1, &[('p', 20)], &[('p', 15), ('f', 5)]);
    std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "min_pass_rate: 0.9", "min_pass_rate: 0.1");
    sandbox.edit("prompts/registry.yaml", "replies:", "gate: {max_missing: 1.0}\nreplies:");
    sandbox.commit("relax");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0), "by today's files it passes");
    assert_snapshot!(shown(&sandbox, &["eval", "--offline", "--changed-since", "main"]));
    let json = sandbox.run(&["eval", "--offline", "--changed-since", "main", "--format", "json"]);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let policy = &report["prompts"][0]["policy"];
    assert_eq!(policy["min_pass_rate"], serde_json::json!({"value": 0.9, "source": {"suite_at": "main"}}));
    assert_eq!(policy["max_missing"], serde_json::json!({"value": 0.02, "source": "default"}));
    // Whoever starts the run may say otherwise, and the report says that it was said.
    let flag = sandbox.run(&["eval", "--offline", "--changed-since", "main", "--min-pass-rate", "0.5"]);
    assert_eq!(flag.code, Some(0), "{}", flag.shown());
    assert!(flag.stdout.contains("min_pass_rate 0.5 (flag)"), "{}", flag.stdout);
}

#[test]
fn a_change_cannot_take_out_of_its_gate_what_must_pass() {
    let suite = "prompts/greet/tests/test_cases.yaml";
    let data = "prompts/greet/tests/cases/more.csv";
    let sandbox = sandbox("datasets: [{file: cases/*.csv}]\n", 1, &[('p', 22)], &[('p', 19), ('f', 3)]);
    let critical = "name: case_19, inputs: {name: Ada}";
    sandbox.edit(suite, critical, &format!("must_pass: true, {critical}"));
    // The last two cases stand in a dataset.
    let (head, _) = sandbox
        .read(suite)
        .split_once("  - {name: case_20")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    sandbox.write(
        suite,
        head.replace("cases:\n", "properties: {please: {contains: please}}\ncases:\n").replace("gate:", ""),
    );
    sandbox
        .write(data, "name,inputs.name,expected,must_pass\ncase_20,Ada,please,true\ncase_21,Ada,please,\n");
    std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    let eval = ["eval", "--offline", "--min-pass-rate", "0.5", "--changed-since", "main"];
    let mut seen = String::new();
    let mut check = |title: &str, code: i32| {
        let run = shown(&sandbox, &eval);
        assert!(run.ends_with(&format!("exit {code}\n")), "{title}: {run}");
        seen.push_str(&format!("## {title}\n{run}\n"));
    };
    check("what must pass fails", 1);
    sandbox.edit(suite, "must_pass: true, ", "");
    sandbox.edit(data, "please,true", "please,");
    check("neither need pass any more", 1);
    // What the change says holds once it is merged; the run that was made is judged as it was made.
    assert_eq!(sandbox.run(&["report"]).code, Some(1));
    let only_here = ["eval", "--offline", "--min-pass-rate", "0.5"];
    assert_eq!(sandbox.run(&only_here).code, Some(0), "by today's files it passes");
    sandbox.edit(suite, "{name: case_19, ", "{skip: flaky, name: case_19, ");
    sandbox.write(data, "name,inputs.name,expected\ncase_21,Ada,please\n");
    check("one is skipped, one is removed", 2);
    std::fs::remove_dir_all(sandbox.path("prompts/greet/tests/cases")).unwrap();
    sandbox.edit(suite, "datasets: [{file: cases/*.csv}]\n", "");
    check("the dataset is gone", 2);
    std::fs::remove_dir_all(sandbox.path("prompts/greet/tests")).unwrap();
    check("so is the suite", 2);
    assert_snapshot!(seen);
}

#[test]
fn nothing_asked_scored_or_selected_is_never_green() {
    let suite = "prompts/greet/tests/test_cases.yaml";
    let good: Replies<'_> = &[('p', 2)];
    let check = |title: &str, change: &dyn Fn(&Sandbox), arguments: &[&str], codes: &[i32]| {
        let sandbox = sandbox("", 1, good, good);
        assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0), "{title}: green before");
        change(&sandbox);
        let seen = sandbox.run(arguments);
        assert!(codes.contains(&seen.code.unwrap()), "{title}: {}", seen.shown());
        assert!(!seen.stderr.is_empty() || seen.code == Some(4), "{title}: it says why: {}", seen.shown());
    };
    let offline = &["eval", "--offline"][..];
    let nothing = |_: &Sandbox| {};
    check(
        "no prompt",
        &|sandbox| std::fs::remove_dir_all(sandbox.path("prompts/greet")).unwrap(),
        offline,
        &[2],
    );
    check("no suite", &|sandbox| std::fs::remove_file(sandbox.path(suite)).unwrap(), offline, &[2]);
    check(
        "an empty suite",
        &|sandbox| {
            sandbox.write(suite, "");
        },
        offline,
        &[2],
    );
    check(
        "no case",
        &|sandbox| {
            sandbox.write(suite, "cases: []\n");
        },
        offline,
        &[2],
    );
    check(
        "every case is skipped",
        &|sandbox| {
            sandbox.edit(suite, "validators:", "skip: later, validators:");
        },
        offline,
        &[2],
    );
    check(
        "nothing judges",
        &|sandbox| {
            sandbox.edit(suite, ", validators: [contains: please]", "");
        },
        offline,
        &[2],
    );
    check(
        "only warnings judge",
        &|sandbox| {
            sandbox.edit(suite, "contains: please", "{contains: please, warn: true}");
        },
        offline,
        &[2],
    );
    check("no case of this name", &nothing, &["eval", "--offline", "--case", "other"], &[2]);
    check("no case with this tag", &nothing, &["eval", "--offline", "--tag", "other"], &[2]);
    check("no prompt of this name", &nothing, &["eval", "--offline", "other"], &[2]);
    check("no model row of this name", &nothing, &["eval", "--offline", "--model", "other"], &[2]);
    check(
        "no recorded reply",
        &|sandbox| {
            sandbox.write("replies/greet.jsonl", "");
        },
        offline,
        &[2, 4],
    );
    check(
        "no replies at all",
        &|sandbox| std::fs::remove_dir_all(sandbox.path("replies")).unwrap(),
        offline,
        &[2, 4],
    );
    check("no key", &nothing, &["eval"], &[2, 4]);
    check("no calls allowed", &nothing, &["eval", "--max-calls", "0"], &[2, 4]);
    check("no blessed baseline", &nothing, &["eval", "--offline", "--against-baseline"], &[2]);
    check("no run to report", &nothing, &["report", "--runs", "elsewhere"], &[2]);
    check(
        "a judge that cannot be asked",
        &|sandbox| {
            sandbox.edit(
                "prompts/registry.yaml",
                "replies:",
                "  judge: {provider: openai, model: gpt-6-luna}\nreplies:",
            );
            sandbox.edit(suite, "cases:", "judge: judge\ncases:");
            sandbox.edit(suite, "contains: please", "judge: It is polite");
        },
        offline,
        &[2, 4],
    );
}
