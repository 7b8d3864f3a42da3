//! `power` and the gate: what one offers, the other accepts; and what runs that were cut short teach.

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;
use regex::Regex;

use crate::sandbox::{Sandbox, TEXT};

/// 30 cases, three times each, of two versions. Twelve cases are pairs from one source, so there are 24 units.
fn sandbox(gate: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", format!("{TEXT}\n"));
    let mut suite = format!("repeat: 3\ngate: {gate}\ncases:\n");
    let mut replies = String::new();
    for case in 0..30 {
        let cluster = if case < 12 { format!(", cluster: k{}", case / 2) } else { String::new() };
        writeln!(
            suite,
            "  - {{name: c{case:02}, inputs: {{name: N{case}}}, expected: {{polite: true}}{cluster}}}"
        )
        .unwrap();
        for (version, repeat) in
            [("1.0.0", 1), ("1.0.0", 2), ("1.0.0", 3), ("1.1.0", 1), ("1.1.0", 2), ("1.1.0", 3)]
        {
            let row = serde_json::json!({
                "case": format!("c{case:02}"), "version": version, "model": "default", "repeat": repeat,
                "text": if case == 20 && repeat == 2 { "No" } else { "Thank you" },
                "finish_reason": "stop", "source": "hand",
            });
            writeln!(replies, "{row}").unwrap();
        }
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", replies);
    sandbox
}

#[test]
fn what_power_offers_a_gate_accepts_with_a_metric_that_few_cases_have() {
    let sandbox = sandbox("{min_pass_rate: 0.5, metrics: [pass_rate, contains]}");
    let mut suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
    for case in 0..11 {
        let name = format!("{{name: c{case:02}, ");
        suite = suite.replace(&name, &format!("{name}validators: [{{contains: Thank}}], "));
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let margins = ["0.15", "0.35", "0.4"];
    let options: Vec<&str> = margins.into_iter().flat_map(|margin| ["--margin", margin]).collect();
    let power =
        sandbox.run(&[&["power", "--repeats", "3", "--cases", "30", "--cases", "60"][..], &options].concat());
    assert_snapshot!("a_metric_that_few_cases_have", power.shown());
    let json = sandbox.json(&[&["power", "--repeats", "3", "--cases", "30"][..], &options].concat());
    assert_eq!(json["of"][0]["fewest"], serde_json::json!({"metric": "contains", "units": 6}), "{json}");
    for chance in json["of"][0]["chances"].as_array().unwrap() {
        let code = sandbox.run(&["eval", "--offline", "--margin", &chance["margin"].to_string()]).code;
        assert_eq!(code != Some(2), chance["is_feasible"].as_bool().unwrap(), "{chance}: {code:?}");
    }
}

/// Makes the latest run one that was killed after so many answers.
fn cut(sandbox: &Sandbox, answers: usize) {
    let mut runs: Vec<_> = fs::read_dir(sandbox.path(".promptassay/runs"))
        .unwrap()
        .map(|run| run.unwrap().path().join("events.jsonl"))
        .collect();
    runs.sort();
    let journal = runs.pop().unwrap();
    let mut kept = String::new();
    let mut seen = 0;
    for line in fs::read_to_string(&journal).unwrap().lines() {
        if seen >= answers {
            break;
        }
        seen += usize::from(line.contains("Thank you") || line.contains("\"No\""));
        writeln!(kept, "{line}").unwrap();
    }
    assert_eq!(seen, answers, "the run has fewer answers");
    fs::write(journal, kept).unwrap();
}

#[test]
fn what_power_offers_the_gate_accepts() {
    let sandbox = sandbox("{min_pass_rate: 0.5}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_snapshot!("units_of_clusters", sandbox.run(&["power"]).shown());
    let power = ["power", "latest", "--repeats", "3", "--cases", "30"];
    let margins = ["0.05", "0.1", "0.11", "0.117", "0.118", "0.15"];
    let margins: Vec<&str> = margins.into_iter().flat_map(|margin| ["--margin", margin]).collect();
    let json = sandbox.json(&[&power[..], &margins].concat());
    let of = &json["of"][0];
    assert_eq!((of["cases"].as_u64(), of["units"].as_u64()), (Some(30), Some(24)), "{json}");
    let mut offered = 0;
    for chance in of["chances"].as_array().unwrap() {
        let margin = chance["margin"].to_string();
        let is_offered = chance["is_feasible"].as_bool().unwrap();
        let code = sandbox.run(&["eval", "--offline", "--margin", &margin]).code;
        assert_eq!(code != Some(2), is_offered, "margin {margin}: {code:?}");
        offered += usize::from(is_offered);
    }
    assert_eq!(offered, 2, "of six margins two are within reach of 24 units");
}

/// `eval` says what its suite shows, `power --drop` which suite shows that.
#[test]
fn the_cases_that_show_a_drop_are_those_that_eval_counts_with() {
    let sandbox = sandbox("{margin: 0.2}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let seen = sandbox.run(&["eval", "--offline"]);
    let shows = seen.stderr.split("a regression of ").nth(1).and_then(|rest| rest.split(' ').next());
    let shows: f64 = shows.unwrap_or_else(|| panic!("{}", seen.shown())).parse().unwrap();
    let cases = |points: f64| {
        let json = sandbox.json(&["power", "--repeats", "3", "--drop", &(points / 100.0).to_string()]);
        json["of"][0]["needed"][0]["cases"].as_u64().unwrap()
    };
    let (more, less) = (cases(shows + 0.1), cases(shows - 0.1));
    assert!(more <= 30 && 30 < less && less < 35, "{more} and {less} cases around {shows} points");
    assert_snapshot!(
        "drops",
        sandbox.session(&[
            &["power", "--margin", "0.2", "--cases", "30", "--drop", "0.1", "--drop", "0.025"],
            &[
                "power",
                "--pass-rate",
                "0.9",
                "--flaky",
                "0.1",
                "--cases",
                "30",
                "--margin",
                "0.1",
                "--drop",
                "0.03"
            ],
            &["power", "--pass-rate", "0.9", "--drop", "3"],
        ])
    );
}

#[test]
fn the_confidence_is_that_of_the_gate() {
    let sandbox = sandbox("{min_pass_rate: 0.5, confidence: 0.9}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let offered = |arguments: &[&str]| {
        let power = ["power", "--repeats", "3", "--cases", "30", "--margin", "0.1"];
        sandbox.json(&[&power[..], arguments].concat())["of"][0]["chances"][0]["is_feasible"].as_bool()
    };
    assert_eq!(offered(&[]), Some(true));
    assert_eq!(offered(&["--confidence", "0.95"]), Some(false));
    assert_ne!(sandbox.run(&["eval", "--offline", "--margin", "0.1"]).code, Some(2));
}

#[test]
fn a_run_that_was_cut_short_stands_for_the_suite_or_says_that_it_cannot() {
    let sandbox = sandbox("{margin: 0.2}");
    let chance = |sandbox: &Sandbox| {
        let seen = sandbox.run(&["eval", "--offline"]);
        let line =
            seen.stderr.lines().find(|line| line.contains("an unchanged prompt passes")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", seen.shown()))
    };
    assert!(chance(&sandbox).contains("not known yet"));
    cut(&sandbox, 10);
    let shown = sandbox.run(&["power"]).shown();
    let run = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    assert_snapshot!("too_few_judged", run.replace_all(&shown, "[RUN]"));
    assert!(chance(&sandbox).contains("not known yet"), "two cases of thirty teach nothing");
    // The run above is whole; the next one is cut, and does not stand in its way.
    let learned = chance(&sandbox);
    assert!(learned.contains("passes in 100.0 % of runs"), "{learned}");
    cut(&sandbox, 10);
    assert_eq!(chance(&sandbox), learned);
    cut(&sandbox, 120);
    assert_snapshot!("most_are_judged", sandbox.run(&["power", "--repeats", "3"]).shown());
}

#[test]
fn what_was_not_asked_is_one_block() {
    let sandbox = sandbox("{margin: 0.2}");
    sandbox.run(&["eval", "--offline"]);
    cut(&sandbox, 40);
    assert_snapshot!(sandbox.run(&["report"]).stdout);
    let report = |format: &str| sandbox.run(&["report", "--report", &format!("{format}=-")]).stdout;
    assert_snapshot!("unasked_on_github", report("github"));
    let markdown = report("markdown");
    let lines: Vec<&str> = markdown.lines().filter(|line| line.contains("not asked")).collect();
    assert_snapshot!("unasked_in_markdown", lines.join("\n"));
}

#[test]
fn what_was_edited_since_it_was_blessed_is_not_counted() {
    let sandbox = sandbox("{margin: 0.15}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless"]).code, Some(0));
    for case in 24..30 {
        sandbox.edit(
            "prompts/greet/tests/test_cases.yaml",
            &format!("name: N{case}"),
            &format!("name: M{case}"),
        );
    }
    let against = |margin: &str| {
        sandbox
            .run(&["eval", "--offline", "--against-baseline", "--candidate", "1.1.0", "--margin", margin])
            .code
    };
    assert_eq!((against("0.15"), against("0.2")), (Some(2), Some(0)));
    assert_snapshot!(
        sandbox.run(&["power", "--repeats", "3", "--margin", "0.15", "--margin", "0.2"]).shown()
    );
}

#[test]
fn the_row_of_the_run_is_among_them_and_a_prompt_is_no_run() {
    let sandbox = sandbox("{margin: 0.2}");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "repeat: 3", "repeat: 2");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let rows = |arguments: &[&str]| -> Vec<u64> {
        let power = sandbox.json(&[&["power", "--cases", "30", "--margin", "0.2"], arguments].concat());
        let chances = power["of"][0]["chances"].as_array().unwrap().clone();
        chances.iter().map(|chance| chance["repeats"].as_u64().unwrap()).collect()
    };
    assert_eq!(rows(&[]), [1, 2, 3, 5]);
    assert_eq!(rows(&["--repeats", "4"]), [4]);
    assert_snapshot!(sandbox.clean(&sandbox.run(&["power", "greet"]).stderr));
}

/// Identical replies show any margin, but a gate in which nothing passes is not open.
#[test]
fn a_prompt_that_passes_nothing_has_no_chance() {
    let sandbox = sandbox("{margin: 0.2}");
    let replies = sandbox.read("replies/greet.jsonl").replace("Thank you", "No");
    sandbox.write("replies/greet.jsonl", replies);
    let seen = sandbox.run(&["eval", "--offline"]);
    assert!(seen.stdout.contains("BROKEN") && seen.stdout.contains("nothing passed"), "{}", seen.shown());
    assert_snapshot!(
        "nothing_passes",
        sandbox.clean(&sandbox.session(&[&["power"], &["power", "--pass-rate", "0"]]))
    );
}

/// The chance to be shown is not the chance that the gate is open.
#[test]
fn what_is_let_through_is_not_called_passed() {
    let sandbox = sandbox("{margin: 0.2, inconclusive: pass}");
    sandbox.run(&["eval", "--offline"]);
    let seen = sandbox.run(&["eval", "--offline"]);
    let line = seen.stderr.lines().find(|line| line.contains("unchanged prompt")).unwrap();
    assert!(line.contains("is shown to be good enough in"), "{line}");
    assert!(line.contains("what cannot be told is let through"), "{line}");
    let table = sandbox.run(&["power"]).stdout;
    assert!(
        table.contains(
            "is shown to be good enough; what cannot be told is let through (`inconclusive: pass`)"
        ),
        "{table}"
    );
}

#[test]
fn an_outlook_is_learned_from_what_is_in_use() {
    let sandbox = sandbox("{margin: 0.2}");
    let replies = sandbox.read("replies/greet.jsonl");
    let next = replies.lines().filter(|row| row.contains("1.1.0")).map(|row| row.replace("1.1.0", "1.2.0"));
    let all: Vec<String> = replies.lines().map(str::to_owned).chain(next).collect();
    sandbox.write("replies/greet.jsonl", all.join("\n") + "\n");
    let learned = || {
        let seen = sandbox.run(&["eval", "--offline"]);
        let rest = seen.stderr.split_once("an unchanged prompt passes");
        let (_, rest) = rest.unwrap_or_else(|| panic!("{}", seen.shown()));
        rest.split(';').next().unwrap().to_owned()
    };
    assert!(learned().contains("not known yet"));
    assert_eq!(learned(), " in 100.0 % of runs, if as flaky as v1.0.0 was");
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "active_version: v1.1.0");
    sandbox.write("prompts/greet/v1.2.0.txt", format!("{TEXT}\n\n"));
    assert_eq!(learned(), " in 100.0 % of runs, if as flaky as v1.1.0 was");
}
