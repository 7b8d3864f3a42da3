//! `eval --served`: what users are served is judged, whatever newer versions the tree holds.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

const ADA: &str = "Ada <ada@example.com>";

const REGISTRY: &str = "\
models:
  default: {provider: openai, model: gpt-6-luna}
replies: ../replies
lifecycle: {replies: [live, recorded], evidence_for: []}
";

const SUITE: &str = "\
validators: [{max_words: 3}]
cases:
  - {name: one, inputs: {name: Ada}}
  - {name: two, inputs: {name: Bob}}
  - {name: three, inputs: {name: Cem}}
  - {name: four, inputs: {name: Dai}}
gate: {min_pass_rate: 0.75, margin: 0.6}
";

/// v1.0.0 is served and has come down to half of its cases; v1.1.0 waits in the tree, and passes all.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/registry.yaml", REGISTRY);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
    let mut rows = String::new();
    for version in ["1.0.0", "1.1.0"] {
        for case in ["one", "two", "three", "four"] {
            let fails = version == "1.0.0" && ["one", "two"].contains(&case);
            let text = if fails { "Hello and welcome to you" } else { "Hello" };
            for repeat in 1..=3 {
                writeln!(
                    rows,
                    "{{\"case\": \"{case}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": {repeat}, \
                     \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}"
                )
                .unwrap();
            }
        }
    }
    sandbox.write("replies/greet.jsonl", &rows);
    sandbox
}

fn done(sandbox: &Sandbox, arguments: &[&str]) {
    let seen = sandbox.run(arguments);
    assert_eq!(seen.code, Some(0), "{arguments:?}: {}", seen.stderr);
}

fn seen(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["eval", "--offline"].iter().chain(arguments).copied().collect();
    let Seen { code, stdout, stderr } = sandbox.run(&all);
    sandbox.clean(&format!("$ eval {}\n{stderr}{stdout}exit {}\n\n", arguments.join(" "), code.unwrap()))
}

#[test]
fn what_is_served_fails_though_a_newer_version_is_better() {
    let sandbox = sandbox();
    let newest = seen(&sandbox, &["--report", "junit=report.xml", "--report", "markdown=report.md"]);
    assert_snapshot!(newest);
    let said = "the baseline v1.0.0 does not reach `min_pass_rate` itself: 50.0 % of 12 trials passed, 75.0 % needed";
    for report in ["report.xml", "report.md"] {
        assert!(sandbox.read(report).contains(said), "{}", sandbox.read(report));
    }
    assert_snapshot!(seen(&sandbox, &["--served"]));
}

#[test]
fn production_and_a_canary_are_judged_each_alone() {
    let sandbox = sandbox();
    done(&sandbox, &["adopt", "greet", "v1.0.0", "--reason", "it is live", "--by", ADA]);
    done(&sandbox, &["promote", "greet", "v1.1.0", "--to", "testing", "--by", ADA]);
    sandbox.write("prompts/greet/v1.2.0.txt", "Greet {name} {tone}ly.\n");
    done(&sandbox, &["canary", "greet", "v1.1.0", "--percent", "5", "--reason", "try it", "--by", ADA]);
    assert_snapshot!(seen(&sandbox, &["--served", "greet"]));
    done(&sandbox, &["abort", "greet", "--reason", "enough", "--by", ADA]);
    let plan = sandbox.run(&["eval", "--offline", "--served", "--dry-run"]).stdout;
    assert!(plan.contains("v1.0.0 is in production, and judged alone"), "{plan}");
}

#[test]
fn where_nothing_is_served_nothing_is_judged() {
    let sandbox = sandbox();
    done(&sandbox, &["adopt", "greet", "v1.0.0", "--reason", "it is live", "--by", ADA]);
    done(&sandbox, &["deprecate", "greet", "v1.0.0", "--reason", "no longer", "--by", ADA]);
    assert_snapshot!(["greet", "*"].map(|name| seen(&sandbox, &["--served", name])).concat());
}

#[test]
fn what_is_served_is_compared_with_nothing_that_somebody_asks_for() {
    let sandbox = sandbox();
    for other in [
        &["--version", "1.0.0"][..],
        &["--candidate", "1.1.0"],
        &["--baseline", "1.0.0"],
        &["--changed-since", "main"],
    ] {
        let seen = sandbox.run(&[&["eval", "--offline", "--served"][..], other].concat());
        assert_eq!(seen.code, Some(2), "{other:?}: {}", seen.stderr);
        assert!(seen.stderr.contains("cannot be used with"), "{}", seen.stderr);
    }
    let resumed = sandbox.run(&["eval", "--served", "--resume"]);
    assert!(resumed.stderr.contains("takes no `--served`"), "{}", resumed.stderr);
}

#[test]
fn two_nights_with_a_canary_are_compared_version_by_version() {
    let sandbox = sandbox();
    done(&sandbox, &["adopt", "greet", "v1.0.0", "--reason", "it is live", "--by", ADA]);
    done(&sandbox, &["promote", "greet", "v1.1.0", "--to", "testing", "--by", ADA]);
    done(&sandbox, &["canary", "greet", "v1.1.0", "--percent", "10", "--by", ADA]);
    seen(&sandbox, &["--served"]);
    seen(&sandbox, &["--served"]);
    let nights = sandbox.run(&["compare", "latest~1", "latest", "--min-pass-rate", "0.5"]);
    assert_eq!((nights.code, nights.stderr.as_str()), (Some(0), ""), "{}", nights.shown());
    for version in ["v1.0.0", "v1.1.0"] {
        let sides = nights.stdout.matches(&format!("{version} of run")).count();
        assert_eq!(sides, 3, "{version}: {}", nights.shown());
    }
    // A version that only one of the nights judged is in nobody's way.
    let text = sandbox.read("replies/greet.jsonl");
    let of_canary: String = text
        .lines()
        .filter(|line| line.contains("1.1.0"))
        .map(|line| line.replace("1.1.0", "1.2.0") + "\n")
        .collect();
    sandbox.write("replies/greet.jsonl", text + &of_canary);
    sandbox.write("prompts/greet/v1.2.0.txt", "Greet {name}, {tone}!\n");
    done(&sandbox, &["abort", "greet", "v1.1.0", "--reason", "slow", "--by", ADA]);
    done(&sandbox, &["promote", "greet", "v1.2.0", "--to", "testing", "--by", ADA]);
    done(&sandbox, &["canary", "greet", "v1.2.0", "--percent", "10", "--by", ADA]);
    seen(&sandbox, &["--served"]);
    let nights = sandbox.run(&["compare", "latest~1", "latest", "--min-pass-rate", "0.5"]);
    assert_eq!(nights.code, Some(0), "{}", nights.shown());
    assert!(
        nights.stderr.contains("evaluated several versions, and v1.2.0 is none of them"),
        "{}",
        nights.shown()
    );
    assert_eq!(nights.stdout.matches("v1.0.0 of run").count(), 3, "{}", nights.shown());
    assert!(nights.stderr.contains("greet: v1.1.0 on default only in run"), "{}", nights.shown());
}

#[test]
fn a_model_that_only_the_later_run_asked_is_no_canary_and_is_not_passed_over() {
    let sandbox = sandbox();
    let text = sandbox.read("replies/greet.jsonl");
    let other: String = text.lines().map(|line| line.replace("\"default\"", "\"other\"") + "\n").collect();
    sandbox.write("replies/greet.jsonl", text + &other);
    seen(&sandbox, &["--version", "v1.0.0"]);
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write(
        "prompts/registry.yaml",
        registry.replace("models:\n", "models:\n  other: {provider: openai, model: o}\n"),
    );
    let suite = sandbox.read("prompts/greet/tests/test_cases.yaml");
    sandbox.write("prompts/greet/tests/test_cases.yaml", format!("models: [default, other]\n{suite}"));
    seen(&sandbox, &["--version", "v1.0.0"]);
    let compared = sandbox.run(&["compare", "latest~1", "latest", "--min-pass-rate", "0.5"]);
    assert_eq!(compared.code, Some(2), "{}", compared.shown());
    assert!(compared.stderr.contains("did not evaluate it on other"), "{}", compared.shown());
}
