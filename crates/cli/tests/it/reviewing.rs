//! What whoever reviews a change is told of it beside the numbers: rules that do not count yet, prompts that are gone or renamed.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::sandbox::Sandbox;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

/// A prompt with two cases, one of which must pass; what is recorded passes.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", ".promptassay/\nreport.*\nnow.*\n");
    sandbox.write(
        SUITE,
        "validators: [{contains: please}]\ncases:\n  - {name: one, inputs: {name: Ada}, must_pass: true}\n  - {name: two, inputs: {name: Bob}}\n",
    );
    sandbox.write("replies/greet.jsonl", replies("1.0.0", &["one", "two"]));
    sandbox.write("prompts/other/prompt.yaml", "name: other\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say please.\n");
    sandbox.write("prompts/other/tests/test_cases.yaml", "- {name: a, validators: [{contains: please}]}\n");
    sandbox.write("replies/other.jsonl", replies("1.0.0", &["a"]));
    sandbox
}

fn replies(version: &str, cases: &[&str]) -> String {
    let row = |case: &&str| {
        format!(
            "{{\"case\": \"{case}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
             \"text\": \"Yes please\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
        )
    };
    cases.iter().map(row).collect()
}

const EVAL: [&str; 4] = ["eval", "--offline", "--changed-since", "main"];

const REPORTS: [&str; 8] = [
    "--report",
    "markdown=report.md",
    "--report",
    "github=report.txt",
    "--report",
    "json=report.json",
    "--junit",
    "report.xml",
];

/// Evaluates the change with every report, and what standard error and the beginning of the comment say.
fn reviewed(sandbox: &Sandbox, lines: usize) -> String {
    let seen = sandbox.run(&[&EVAL[..], &REPORTS].concat());
    let markdown = sandbox.read("report.md");
    let markdown: Vec<&str> = markdown.lines().take(lines).collect();
    sandbox.clean(&format!("{}exit {}\n\n{}\n", seen.stderr, seen.code.unwrap(), markdown.join("\n")))
}

#[test]
fn rules_that_do_not_count_yet_stand_in_every_report() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.edit(SUITE, "validators:", "gate: {min_pass_rate: 0.5, max_missing: 0.1}\nvalidators:");
    assert_snapshot!(reviewed(&sandbox, 12));
    let words = "min_pass_rate is none there and 0.5 here";
    for file in ["report.txt", "report.xml"] {
        assert!(sandbox.read(file).contains(words), "{}", sandbox.read(file));
    }
    let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    assert_eq!(report["remarks"][0]["code"], "changes::rules_not_counted");
    assert_eq!(report["remarks"][0]["file"], SUITE);
    // It is kept with the run.
    let again = ["report", "--report", "markdown=now.md", "--report", "json=now.json", "--junit", "now.xml"];
    assert_eq!(sandbox.run(&again).code, Some(0));
    for ending in ["md", "json", "xml"] {
        assert_eq!(sandbox.read(&format!("now.{ending}")), sandbox.read(&format!("report.{ending}")));
    }
    // What the command line says counts at once.
    let with_flag = sandbox.run(&[&EVAL[..], &["--min-pass-rate", "0.7"]].concat());
    assert!(!with_flag.stderr.contains("min_pass_rate is"), "{}", with_flag.shown());
    assert!(with_flag.stderr.contains("max_missing is 0.02 there and 0.1 here"), "{}", with_flag.shown());
    let with_both = sandbox.run(&[&EVAL[..], &["--min-pass-rate", "0.7", "--max-missing", "0"]].concat());
    assert!(!with_both.stderr.contains("do not count"), "{}", with_both.shown());
}

#[test]
fn a_prompt_that_is_renamed_without_its_gate_is_named() {
    let sandbox = sandbox();
    sandbox.write("prompts/greet/lifecycle.jsonl", "");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.git(&["mv", "prompts/greet", "prompts/hello"]);
    sandbox.edit("prompts/hello/prompt.yaml", "name: greet", "name: hello");
    sandbox.write("replies/hello.jsonl", replies("1.0.0", &["one", "two"]));
    // A ledger stays with its prompt: that of the new one begins anew.
    fs::remove_file(sandbox.path("prompts/hello/lifecycle.jsonl")).unwrap();
    let adopted = sandbox.run(&["adopt", "hello", "1.0.0", "--by", "Ada"]);
    assert_eq!(adopted.code, Some(0), "{}", adopted.shown());
    let whole = reviewed(&sandbox, 9);
    sandbox.edit("prompts/hello/tests/test_cases.yaml", ", must_pass: true", "");
    fs::remove_file(sandbox.path("prompts/hello/lifecycle.jsonl")).unwrap();
    sandbox.commit("rename");
    assert_snapshot!(format!("the whole directory\n{whole}\nwithout its gate\n{}", reviewed(&sandbox, 9)));
    for file in ["report.txt", "report.xml", "report.json"] {
        assert!(sandbox.read(file).contains("has texts of `greet`"), "{}", sandbox.read(file));
    }
}

#[test]
fn prompts_that_move_to_another_directory_are_named() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    fs::create_dir(sandbox.path("app")).unwrap();
    sandbox.git(&["mv", "prompts", "app/prompts"]);
    sandbox.edit("app/prompts/registry.yaml", "replies: ../replies", "replies: ../../replies");
    let moved = ["--prompts", "app/prompts"];
    let seen = sandbox.run(&[&EVAL[..], &moved].concat());
    let frozen = sandbox.run(&[&["check", "--frozen-since", "main"][..], &moved].concat());
    let warnings = |text: &str| {
        let lines = text.lines().filter(|line| line.contains("there were prompts in"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&seen.stderr), warnings(&frozen.stderr));
    assert_snapshot!(warnings(&seen.stderr).join("\n"), @r"warning: at main there were prompts in `prompts`, which this change removes, and none in `app/prompts`: its prompts are judged as new ones, and not against what was frozen, asked and in use there");
}

#[test]
fn prompts_are_seen_to_move_wherever_they_move_to() {
    let said = |moving: &dyn Fn(&Sandbox), to: &str| {
        let sandbox = sandbox();
        sandbox.write("app/prompts/README.md", "Prompts will lie here.\n");
        if !sandbox.commit_to_main() {
            return;
        }
        moving(&sandbox);
        let seen = sandbox.run(&["check", "--frozen-since", "main", "--prompts", to]);
        assert!(seen.stderr.contains("at main there were prompts in `prompts`"), "{to}: {}", seen.shown());
    };
    // Where other files lay already; to a directory around the old one; and with a link in the old place.
    let into = |sandbox: &Sandbox| {
        sandbox.git(&["mv", "prompts/greet", "prompts/registry.yaml", "app/prompts/"]);
        sandbox.edit("app/prompts/registry.yaml", "replies: ../replies", "replies: ../../replies");
    };
    let up = |sandbox: &Sandbox| {
        sandbox.git(&["mv", "prompts/greet", "prompts/registry.yaml", "."]);
        sandbox.edit("registry.yaml", "replies: ../replies", "replies: replies");
    };
    said(&into, "app/prompts");
    said(&up, ".");
    #[cfg(unix)]
    said(
        &|sandbox| {
            into(sandbox);
            let _ = fs::remove_dir_all(sandbox.path("prompts"));
            std::os::unix::fs::symlink("app/prompts", sandbox.path("prompts")).unwrap();
        },
        "app/prompts",
    );
}

#[test]
fn a_prompt_that_is_gone_is_named() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.git(&["rm", "-rq", "prompts/greet"]);
    let alone = reviewed(&sandbox, 20);
    for file in ["report.xml", "report.json", "report.txt"] {
        assert!(sandbox.read(file).contains("`greet` is a prompt at main"), "{}", sandbox.read(file));
    }
    sandbox.edit("prompts/other/v1.0.0.txt", "Say", "Do say");
    let beside = reviewed(&sandbox, 9);
    assert!(sandbox.read("report.xml").contains("`greet` is a prompt at main"));
    assert_snapshot!(format!("alone\n{alone}\nbeside another\n{beside}"));
    // What main removed as well, this change did not take away.
    sandbox.commit("remove");
    sandbox.git(&["branch", "-q", "-f", "main", "change"]);
    assert!(!sandbox.run(&EVAL).stderr.contains("greet"));
}

#[test]
fn of_registry_yaml_only_what_is_asked_or_judged_by_selects() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.edit("prompts/registry.yaml", "replies:", "lifecycle: {canary: optional}   # for now\nreplies:");
    let seen = sandbox.run(&EVAL);
    assert_eq!(seen.stdout, "skipped: no prompt that has a suite changed since main\n", "{}", seen.shown());
    sandbox.edit("prompts/registry.yaml", "lifecycle:", "gate: {confidence: 0.9}\nlifecycle:");
    let seen = sandbox.run(&EVAL);
    assert_eq!(seen.stdout.matches("registry.yaml changed (gate)").count(), 2, "{}", seen.shown());
}

#[test]
fn a_warning_stands_in_the_gate_of_its_prompt_wherever_its_place_is() {
    let sandbox = sandbox();
    let registry = |kind: &str| {
        format!(
            "schema: 1\nreplies: ../replies\nmodels:\n  default: {{provider: openai, model: m}}\nproperties:\n  kind: {kind}\n"
        )
    };
    sandbox.write("prompts/registry.yaml", registry("{contains: Yes}"));
    sandbox.write(
        SUITE,
        "cases:\n  - {name: one, inputs: {name: Ada}, expected: {kind: true}}\n  - {name: two, inputs: {name: Bob}, validators: [{contains: please}]}\n",
    );
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("prompts/registry.yaml", registry("{contains: es}"));
    let seen = sandbox.run(&[&EVAL[..], &REPORTS].concat());
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    assert!(seen.stderr.contains("--> prompts/registry.yaml:6"), "{}", seen.stderr);
    let junit = sandbox.read("report.xml");
    let gate = junit.split("<testcase name=\"gate\"").nth(1).unwrap().split("</testcase>").next().unwrap();
    assert!(gate.contains("warning: greet: this change edits the suite"), "{junit}");
    assert!(!junit.contains("name=\"change\""), "{junit}");
    let report: Value = serde_json::from_str(&sandbox.read("report.json")).unwrap();
    assert_eq!(report["remarks"][0]["prompt"], "greet");
}

#[test]
fn a_version_of_the_change_that_options_leave_out_is_named_in_the_comment() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name} rudely, {tone}.\n");
    let chosen = [&EVAL[..], &["--version", "v1.0.0", "--report", "markdown=report.md"]].concat();
    let seen = sandbox.run(&chosen);
    let words = "greet: this change brings v1.1.0, and the options choose other versions: it is not judged";
    assert!(seen.code == Some(0) && seen.stderr.contains(words), "{}", seen.shown());
    assert!(sandbox.read("report.md").contains("this change brings v1.1.0"), "{}", sandbox.read("report.md"));
    let whole = sandbox.run(&EVAL);
    assert!(!whole.stderr.contains("this change brings"), "{}", whole.shown());
    let named = sandbox.run(&[&EVAL[..], &["--candidate", "v1.1.0"]].concat());
    assert!(!named.stderr.contains("this change brings"), "{}", named.shown());
}

#[test]
fn a_change_of_what_is_served_and_of_the_rules_for_it_is_told_though_nothing_is_judged() {
    let sandbox = sandbox();
    let registry = sandbox.read("prompts/registry.yaml");
    let policy =
        "store: ../data/e.db\nlifecycle: {evidence_for: [], guardrails: [error], max_failure_rate: 0.05}\n";
    sandbox.write("prompts/registry.yaml", registry + policy);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}, please.\n");
    for command in [
        &["adopt", "greet", "v1.0.0", "--reason", "live", "--by", "Ada"][..],
        &["promote", "greet", "v1.1.0", "--to", "testing", "--by", "Ada"],
    ] {
        assert_eq!(sandbox.run(command).code, Some(0));
    }
    if !sandbox.commit_to_main() {
        return;
    }
    let canary = ["canary", "greet", "v1.1.0", "--percent", "10", "--by", "Ada"];
    assert_eq!(sandbox.run(&canary).code, Some(0));
    sandbox
        .edit("prompts/registry.yaml", "max_failure_rate: 0.05", "max_failure_rate: 1, canary: optional")
        .edit("prompts/registry.yaml", "data/e.db", "data/other.db");
    assert_snapshot!(reviewed(&sandbox, 30));
}

#[test]
fn a_password_of_the_store_is_shown_on_neither_side_of_a_change() {
    const SECRET: &str = "s3cret";
    let stores = [
        // What mends it, what brings it in, and what exchanges it for another one.
        ("store: 'postgres://me:s3cret@h/db'\n", ""),
        ("", "store: 'postgres://me:s3cret@h/db'\n"),
        ("store: 'postgres://me:old-s3cret@h/db'\n", "store: 'postgres://me:s3cret@h/db'\n"),
        ("store: ../data/e.db\n", "store: 'mysql://me:s3cret@h/db'\n"),
        ("store: {url: 'postgres://me:s3cret@h/db'}\n", "store: ['postgres://me:s3cret@h/db']\n"),
        ("lifecycle: {}\n", "lifecycle: {store: 'postgres://me:s3cret@h/db'}\n"),
    ];
    let told = stores.map(|(there, here)| {
        let sandbox = sandbox();
        let registry = sandbox.read("prompts/registry.yaml");
        sandbox.write("prompts/registry.yaml", format!("{there}{registry}"));
        if !sandbox.commit_to_main() {
            return String::new();
        }
        sandbox.write("prompts/registry.yaml", format!("{here}{registry}"));
        let seen = sandbox.run(&[&EVAL[..], &REPORTS].concat());
        let reports =
            ["report.md", "report.txt", "report.json", "report.xml"].map(|report| sandbox.read(report));
        let all = format!("{}{}", seen.shown(), reports.concat());
        assert!(!all.contains(SECRET), "{all}");
        assert!(reports[0].contains("where it is recorded"), "{}", reports[0]);
        let warning = seen.stderr.split("\n\n").find(|warning| warning.contains("where it is recorded"));
        format!("{}\n", warning.unwrap_or(&seen.stderr))
    });
    if told.iter().any(|told| !told.is_empty()) {
        assert_snapshot!(told.join("\n"));
    }
}

#[test]
fn a_registry_file_that_a_change_removes_takes_its_rules_with_it() {
    let sandbox = sandbox();
    sandbox.write("prompts/registry.yaml", "store: ../data/e.db\nlifecycle: {min_cases: 30}\n");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["rm", "-q", "prompts/registry.yaml"]);
    let seen = sandbox.run(&EVAL);
    assert!(seen.stderr.contains("`lifecycle.min_cases` (30 there and not set here)"), "{}", seen.shown());
}

/// A prompt with v1.0.0 in production and v1.1.0 in testing, committed to main after these commands; what else is moved is the change.
fn moved(before: &[&[&str]], change: &[&[&str]]) -> Option<String> {
    let sandbox = sandbox();
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write("prompts/registry.yaml", registry + "lifecycle: {evidence_for: []}\n");
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}, please.\n");
    let done = |commands: &[&[&str]]| {
        for command in commands {
            let [verb, rest @ ..] = command else { continue };
            let seen = sandbox.run(&[&[*verb, "greet"], rest, &["--by", "Ada"]].concat());
            assert_eq!(seen.code, Some(0), "{}", seen.shown());
        }
    };
    done(&[&["adopt", "v1.0.0", "--reason", "live"], &["promote", "v1.1.0", "--to", "testing"]]);
    done(before);
    if !sandbox.commit_to_main() {
        return None;
    }
    done(change);
    let seen = sandbox.run(&EVAL);
    let told = seen.stderr.split("\n\n").find(|warning| warning.contains("moves what users are served"));
    Some(told.unwrap_or("nothing is told").trim_end().to_owned())
}

#[test]
fn what_is_told_of_moves_is_what_they_come_to() {
    const WHY: [&str; 2] = ["--reason", "slow"];
    let canary = |percent: &'static str| ["canary", "v1.1.0", "--percent", percent];
    let deprecate = [&["deprecate", "v1.0.0"][..], &WHY].concat();
    let abort = [&["abort"][..], &WHY].concat();
    let promote = ["promote", "v1.1.0", "--to", "production"];
    let changes: [[&[&[&str]]; 2]; 7] = [
        [&[], &[&deprecate]],
        [&[&canary("90")], &[&abort]],
        [&[&canary("5")], &[&canary("10")]],
        [&[&canary("5")], &[&abort, &[&canary("5")[..], &WHY].concat()]],
        [&[&canary("5")], &[&promote]],
        [
            &[&canary("5"), &promote],
            &[&["rollback", "--reason", "slow"], &["archive", "v1.1.0", "--reason", "slow"]],
        ],
        // Nobody is served anything else by these.
        [&[], &[&canary("90"), &canary("95"), &abort]],
    ];
    let told: Option<Vec<String>> = changes
        .iter()
        .map(|[before, change]| Some(format!("{change:?}\n{}\n", moved(before, change)?)))
        .collect();
    if let Some(told) = told {
        assert_snapshot!(told.join("\n"));
    }
}
