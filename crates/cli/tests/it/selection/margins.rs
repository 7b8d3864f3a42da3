//! A selection that leaves too few cases for a margin: these cases are shown, and nothing is proved.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

/// Two versions and 14 cases under a margin that these can show; `one` must pass and fails with the new version, whose other answers
/// are good.
fn sandbox(gate: &str, cases: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    let mut suite = format!("repeat: 1\nvalidators: [{{max_words: 3}}]\ngate: {gate}\ncases:\n");
    let mut rows = String::new();
    for number in 1..=cases {
        let must = if number == 1 { ", must_pass: true, tags: [rude]" } else { ", tags: [good]" };
        writeln!(suite, "  - {{name: case_{number}, inputs: {{name: Ada}}{must}}}").unwrap();
        for version in ["1.0.0", "1.1.0"] {
            let is_bad = number == 1 && version == "1.1.0";
            let text = if is_bad { "What do you want of me?" } else { "Hello there" };
            writeln!(
                rows,
                "{{\"case\": \"case_{number}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
                 \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}"
            )
            .unwrap();
        }
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    sandbox.write("replies/greet.jsonl", rows);
    sandbox
}

fn seen(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let Seen { code, stdout, stderr } = sandbox.run(arguments);
    sandbox.clean(&format!("$ {}\n{stderr}{stdout}exit {}\n\n", arguments.join(" "), code.unwrap()))
}

const REMARK: &str = "narrowed: the margin of 20 points is not judged; 1 unit cannot show it";

#[test]
fn a_few_cases_are_shown_and_the_margin_is_not_judged() {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.85}", 14);
    let mut shown = String::new();
    for options in [
        &["--case", "^case_2$", "--report", "json=report.json", "--report", "markdown=report.md"][..],
        &["--tag", "rude"],
        &["--sample", "5"],
    ] {
        shown += &seen(&sandbox, &[&["eval", "--offline"][..], options].concat());
    }
    assert_snapshot!(shown);
    let json: serde_json::Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    let prompt = &json["prompts"][0];
    assert_eq!(prompt["policy"]["margin"]["value"], "none", "{prompt:#}");
    assert_eq!(prompt["variants"][1]["gate"]["remarks"][0], REMARK, "{prompt:#}");
    assert!(sandbox.read("report.md").contains(REMARK), "{}", sandbox.read("report.md"));
    // What failed is asked again, and fails again: the gate that is left stands in the way.
    seen(&sandbox, &["eval", "--offline"]);
    let failed = sandbox.run(&["eval", "--offline", "--failed-in", "latest"]);
    assert_eq!(failed.code, Some(4), "{}", failed.shown());
    assert!(failed.stdout.replace("\n       ", " ").contains(REMARK), "{}", failed.shown());
}

#[test]
fn a_kept_run_and_what_is_made_of_it_say_the_same() {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.85}", 14);
    let first = sandbox.run(&["eval", "--offline", "--case", "^case_2$"]);
    assert_eq!(first.code, Some(0), "{}", first.shown());
    assert_eq!(sandbox.run(&["report"]).stdout, first.stdout);
    let judged_anew = sandbox.run(&["rescore"]);
    assert_eq!(judged_anew.code, Some(0), "{}", judged_anew.shown());
    assert!(judged_anew.stdout.replace("\n       ", " ").contains(REMARK), "{}", judged_anew.shown());
    assert_eq!(sandbox.run(&["report"]).stdout, judged_anew.stdout);
    // So does what is made of shards.
    for shard in ["1/2", "2/2"] {
        let part = sandbox.run(&["eval", "--offline", "--case", "^case_[23]$", "--shard", shard]);
        assert_eq!(part.code, Some(0), "{}", part.shown());
    }
    let merged = sandbox.run(&["merge", "latest~1", "latest"]);
    assert_eq!(merged.code, Some(0), "{}", merged.shown());
    assert!(merged.stdout.replace("\n       ", " ").contains("2 units cannot show it"), "{}", merged.shown());
}

#[test]
fn who_asks_for_a_margin_means_it_and_a_suite_that_is_too_small_is_refused_as_ever() {
    let whole = sandbox("{margin: 0.2, min_pass_rate: 0.85}", 14);
    assert_snapshot!(seen(&whole, &["eval", "--offline", "--case", "^case_2$", "--margin", "0.2"]));
    let small = sandbox("{margin: 0.2, min_pass_rate: 0.85}", 13);
    for options in [&[][..], &["--case", "^case_2$"]] {
        let seen = small.run(&[&["eval", "--offline"][..], options].concat());
        assert_eq!(seen.code, Some(2), "{}", seen.shown());
        assert!(seen.stderr.contains("cannot show a margin of 20 points"), "{}", seen.stderr);
    }
}

#[test]
fn a_model_with_too_few_cases_takes_no_margin_from_another() {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.1}", 40);
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write(
        "prompts/registry.yaml",
        registry.replace("models:\n", "models:\n  other: {provider: openai, model: o}\n"),
    );
    let suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        suite.replace("{name: case_2, ", "{name: case_2, models: [default, other], "),
    );
    let rows = sandbox.read("replies/greet.jsonl");
    let of_other = rows.lines().filter(|row| row.contains("\"case_2\""));
    let of_other: String = of_other.map(|row| row.replace("default", "other") + "\n").collect();
    sandbox.write("replies/greet.jsonl", rows + &of_other);
    let seen = sandbox.run(&["eval", "--offline", "--tag", "good"]);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("1 unit cannot show a margin of 20 points"), "{}", seen.shown());
    let alone = sandbox.run(&["eval", "--offline", "--tag", "good", "--model", "default"]);
    assert!(alone.code == Some(0) && !alone.stdout.contains("is not judged"), "{}", alone.shown());
}

#[test]
fn units_that_are_too_few_are_counted_for_each_model() {
    let sandbox = on_two_models(20);
    let seen = sandbox.run(&["eval", "--offline", "--case", "^case_([2-9]|2[2-4])$"]);
    let words = seen.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "is not judged; on default 11 units cannot show it, on other 8 units cannot show it";
    assert!(seen.code == Some(0) && words.contains(said), "{}", seen.shown());
}

/// 40 cases on `default`, of which the first are asked of `other` as well.
fn on_two_models(of_other: usize) -> Sandbox {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.1}", 40);
    let registry = sandbox.read("prompts/registry.yaml");
    let rows = "models:\n  other: {provider: openai, model: o}\n";
    sandbox.write("prompts/registry.yaml", registry.replace("models:\n", rows));
    let mut suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
    let mut replies = sandbox.read("replies/greet.jsonl");
    for number in 1..=of_other {
        let case = format!("{{name: case_{number}, ");
        suite = suite.replace(&case, &format!("{case}models: [default, other], "));
        let name = format!("\"case_{number}\"");
        let rows: Vec<&str> = replies.lines().filter(|row| row.contains(&name)).collect();
        let of_other: String =
            rows.iter().map(|row| row.replace("\"default\"", "\"other\"") + "\n").collect();
        replies += &of_other;
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    sandbox.write("replies/greet.jsonl", replies);
    sandbox
}

#[test]
fn a_model_that_the_whole_suite_has_too_few_cases_of_is_refused_in_a_selection_too() {
    let sandbox = on_two_models(5);
    let eval = |options: &[&str]| sandbox.run(&[&["eval", "--offline"][..], options].concat());
    let whole = eval(&[]);
    assert_eq!(whole.code, Some(2), "{}", whole.shown());
    let check = sandbox.run(&["check"]);
    let said = "no version can pass the margin of the gate on other once it is compared: 5 units";
    assert!(check.code == Some(0) && check.stderr.contains(said), "{}", check.shown());
    for options in [&["--case", "^case_[2-4]$"][..], &["--tag", "good", "--model", "other"]] {
        let seen = eval(options);
        assert_eq!(seen.code, Some(2), "{}", seen.shown());
        assert!(seen.stderr.contains("on other: "), "{}", seen.shown());
    }
    let alone = eval(&["--case", "^case_[2-4]$", "--model", "default"]);
    assert!(alone.code == Some(0) && alone.stdout.contains("is not judged"), "{}", alone.shown());
}

#[test]
fn a_metric_that_few_cases_have_is_refused_in_a_selection_too_unless_the_whole_suite_has_enough_of_them() {
    let eval = |with_metric: std::ops::RangeInclusive<usize>, options: &[&str]| {
        let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.1, metrics: [pass_rate, contains]}", 20);
        let mut suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
        for number in with_metric {
            let case = format!("{{name: case_{number}, ");
            suite = suite.replace(&case, &format!("{case}validators: [{{contains: Hello}}], "));
        }
        sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
        sandbox.run(&[&["eval", "--offline"][..], options].concat())
    };
    for options in [&[][..], &["--tag", "good"], &["--case", "^case_[2-4]$"]] {
        let seen = eval(2..=6, options);
        assert_eq!(seen.code, Some(2), "{options:?} {}", seen.shown());
        let whole =
            "5 units of 20 have `contains`, a metric of the gate, and cannot show a margin of 20 points";
        assert!(seen.stderr.contains(whole), "{}", seen.shown());
        let is_narrowed = seen.stderr.contains("not even the whole suite is enough");
        assert_eq!(is_narrowed, !options.is_empty(), "{}", seen.shown());
    }
    assert_eq!(eval(2..=20, &["--tag", "good"]).code, Some(0));
    let few = eval(2..=16, &["--case", "^case_([7-9]|1.|20)$"]);
    let words = few.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "is not judged; too few of 14 units have a metric of the gate to show it";
    assert!(few.code == Some(0) && words.contains(said), "{}", few.shown());
}

#[test]
fn a_case_in_which_a_check_only_warns_does_not_have_it_as_a_metric() {
    let with_warnings = |warned: std::ops::RangeInclusive<usize>| {
        let sandbox = sandbox("{margin: 0.2, metrics: [pass_rate, contains]}", 20);
        let mut suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
        for number in 1..=20 {
            let warn = if warned.contains(&number) { ", warn: true" } else { "" };
            let case = format!("{{name: case_{number}, ");
            let check = format!("{case}validators: [{{contains: Hello{warn}}}], ");
            suite = suite.replace(&case, &check);
        }
        sandbox.write("prompts/greet/tests/test_cases.yaml", suite.replace(", must_pass: true", ""));
        let rows = sandbox.read("replies/greet.jsonl");
        sandbox.write("replies/greet.jsonl", rows.replace("What do you want of me?", "Hello there"));
        sandbox
    };
    // 14 units show 20 points: the same replies pass, though six cases have no score of the check.
    let enough = with_warnings(1..=6).run(&["eval", "--offline"]);
    assert!(enough.code == Some(0) && enough.stdout.contains("PASSED"), "{}", enough.shown());
    let few = with_warnings(1..=7);
    assert_snapshot!(seen(&few, &["check"]) + &seen(&few, &["eval", "--offline"]));
}

#[test]
fn without_a_pass_rate_every_case_must_pass() {
    let sandbox = sandbox("{margin: 0.2}", 14);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", ", must_pass: true", "");
    let fails = sandbox.run(&["eval", "--offline", "--sample", "13"]);
    assert_eq!(fails.code, Some(1), "{}", fails.shown());
    let auto = sandbox.edit("prompts/greet/tests/test_cases.yaml", "margin: 0.2", "margin: auto");
    let refused = auto.run(&["eval", "--offline", "--case", "^case_2$"]);
    assert_eq!(refused.code, Some(2), "14 units are too few for `auto`: {}", refused.shown());
}

#[test]
fn a_change_and_what_was_blessed_are_narrowed_as_well() {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.85}", 14);
    assert_eq!(sandbox.run(&["eval", "--offline", "--version", "1.0.0"]).code, Some(0));
    let blessed = sandbox.run(&["baseline", "bless", "latest", "greet"]);
    assert_eq!(blessed.code, Some(0), "{}", blessed.shown());
    let against = sandbox.run(&["eval", "--offline", "--against-baseline", "--case", "^case_2$"]);
    assert_eq!(against.code, Some(0), "{}", against.shown());
    assert!(against.stdout.replace("\n       ", " ").contains(REMARK), "{}", against.shown());
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("prompts/greet/v1.2.0.txt", "Greet {name} {tone}ly.\n");
    let rows = sandbox.read("replies/greet.jsonl");
    let newest: String = rows.split_inclusive('\n').filter(|row| row.contains("1.1.0")).collect();
    sandbox.write("replies/greet.jsonl", rows + &newest.replace("1.1.0", "1.2.0"));
    assert_snapshot!(seen(
        &sandbox,
        &["eval", "--offline", "--changed-since", "main", "--case", "^case_[12]$"]
    ));
}

#[test]
fn what_the_model_said_of_selected_cases_is_shown_though_they_pass() {
    let sandbox = sandbox("{margin: 0.2, min_pass_rate: 0.4}", 14);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", ", must_pass: true", "");
    let shown = seen(&sandbox, &["-v", "eval", "--offline", "--case", "^case_[12]$"]);
    assert_snapshot!(shown);
    assert!(shown.contains(&sandbox.run(&["-v", "report"]).stdout), "{shown}");
    // Of a whole suite that would be too much.
    let whole = sandbox.run(&["-v", "eval", "--offline"]).stdout;
    assert!(!whole.contains("| Hello there"), "{whole}");
}

#[test]
fn repeats_that_pass_alike_are_shown_once() {
    let sandbox = sandbox("{min_pass_rate: 0.4}", 2);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "repeat: 1", "repeat: 3");
    let one = sandbox.read("replies/greet.jsonl");
    let again = |number: u8, text: &str| {
        let repeat = format!("\"repeat\": {number}");
        one.replace("\"repeat\": 1", &repeat).replace("Hello there", text)
    };
    sandbox
        .write("replies/greet.jsonl", [one.clone(), again(2, "Hi\\nAda"), again(3, "Hello there")].concat());
    let shown = seen(&sandbox, &["-v", "eval", "--offline", "--version", "1.0.0", "--case", "^case_2$"]);
    let passed = shown.split_once("  passed ").map_or("", |(_, rest)| rest);
    assert_snapshot!(passed.split("\n\n").next().unwrap_or_default());
}
