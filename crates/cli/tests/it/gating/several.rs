//! Gates of several prompts and models, and runs that did not judge the same.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::clean;
use crate::sandbox::{Sandbox, Seen};

/// A prompt with these versions, so many cases and this gate. `says` is what is recorded for a version and a case, on `default` and `other`.
fn write(
    sandbox: &Sandbox,
    name: &str,
    (versions, cases, gate): (&[&str], usize, &str),
    says: impl Fn(&str, usize) -> &'static str,
) {
    let file = |path: &str| format!("prompts/{name}/{path}");
    sandbox.write(&file("prompt.yaml"), format!("name: {name}\nactive_version: v1.0.0\n"));
    let mut replies = String::new();
    for version in versions {
        sandbox.write(&file(&format!("v{version}.txt")), format!("Say yes, {version}.\n"));
        for case in 0..cases {
            for model in ["default", "other"] {
                let row = serde_json::json!({
                    "case": format!("c{case:02}"), "version": version, "model": model, "repeat": 1,
                    "text": says(version, case), "finish_reason": "stop", "source": "hand",
                });
                writeln!(replies, "{row}").unwrap();
            }
        }
    }
    sandbox.write(&format!("replies/{name}.jsonl"), replies);
    let cases: Vec<String> = (0..cases).map(|case| format!("  - {{name: c{case:02}}}\n")).collect();
    let suite =
        format!("repeat: 1\ngate: {gate}\nvalidators: [{{contains: \"Yes\"}}]\ncases:\n{}", cases.concat());
    sandbox.write(&file("tests/test_cases.yaml"), suite);
}

#[test]
fn what_is_let_through_has_not_passed() {
    let sandbox = Sandbox::new();
    for number in 1..=6 {
        let worse = |version: &str, case: usize| {
            if version == "1.1.0" && case < 3 && [2, 5].contains(&number) { "No" } else { "Yes" }
        };
        let versions = &["1.0.0", "1.1.0"][..];
        write(&sandbox, &format!("p_{number}"), (versions, 20, "{margin: 0.2, inconclusive: pass}"), worse);
    }
    let reports = ["--report", "markdown=report.md", "--report", "github=report.txt"];
    let ended = |prompts: &[&str]| {
        let seen: Seen = sandbox.run(&[&["eval", "--offline"], prompts, &reports].concat());
        let last = |text: &str| text.lines().last().unwrap().to_owned();
        let head: Vec<String> =
            sandbox.read("report.md").lines().skip(1).take(3).map(str::to_owned).collect();
        let total = seen.stdout.lines().filter(|line| line.contains(" gates passed"));
        let total: Vec<&str> = total.collect();
        format!(
            "{}\n{}\n{}\nexit {}\n",
            total.join("\n"),
            head.join("\n"),
            last(&sandbox.read("report.txt")),
            seen.code.unwrap()
        )
    };
    assert_snapshot!([ended(&["p_*"]), ended(&["p_1", "p_2", "p_3"]), ended(&["p_1"])].join("\n"));
}

#[test]
fn what_only_one_of_two_runs_judged_is_named() {
    let sandbox = Sandbox::new();
    sandbox.edit("prompts/registry.yaml", "models:\n", "models:\n  other: {provider: openai, model: o}\n");
    for name in ["s", "t"] {
        write(&sandbox, name, (&["1.0.0"], 4, "{min_pass_rate: 0.5}"), |_, _| "Yes");
        sandbox.edit(
            &format!("prompts/{name}/tests/test_cases.yaml"),
            "repeat: 1\n",
            "repeat: 1\nmodels: [default, other]\n",
        );
    }
    for arguments in [&["s", "t"][..], &["s", "--model", "default"]] {
        let seen = sandbox.run(&[&["eval", "--offline"], arguments].concat());
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
    let compare = |runs: [&str; 2]| sandbox.run(&[&["compare"], &runs[..], &["--margin", "none"]].concat());
    let fewer = compare(["latest~1", "latest"]);
    assert_eq!(fewer.code, Some(0), "{}", fewer.shown());
    let json = sandbox.run(&["compare", "latest~1", "latest", "--margin", "none", "--format", "json", "-q"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let only_in = serde_json::to_string_pretty(&json["only_in"]).unwrap();
    let more = compare(["latest", "latest~1"]);
    assert_eq!(more.code, Some(2), "{}", more.shown());
    assert_snapshot!(clean(&sandbox, &format!("{}\n{only_in}\n\n{}", fewer.stderr, more.stderr)));
    // The way that the help names.
    let help = more.stderr.rsplit("`promptassay ").next().unwrap().split('`').next().unwrap();
    let arguments: Vec<&str> = help.split(' ').chain(["--offline"]).collect();
    assert_eq!(sandbox.run(&arguments).code, Some(0), "{help}");
    assert_eq!(compare(["latest~1", "latest"]).code, Some(0));
}
