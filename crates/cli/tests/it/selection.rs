//! What `eval` takes of what is there: names, tags, samples, datasets, changes since a commit, shards; and what it would ask.

#![expect(clippy::format_push_string, reason = "rows of a few hundred; the line says what they look like")]

mod margins;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

const SUITE: &str = "\
validators: [{max_words: 9}]
cases:
  - {name: one, inputs: {name: Ada}, tags: [smoke]}
  - {name: two, inputs: {name: Bob}}
datasets: [{file: \"cases/*.csv\"}]
";

/// A prompt with two versions, two cases in its suite and two in a table.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
    sandbox.write("prompts/greet/tests/cases/more.csv", "name,inputs.name\nthree,Cem\nfour,Dai\n");
    let mut rows = String::new();
    for version in ["1.0.0", "1.1.0"] {
        for case in ["one", "two", "three", "four"] {
            let text =
                if case == "two" { "one two three four five six seven eight nine ten" } else { "Hello" };
            rows.push_str(&format!(
                "{{\"case\": \"{case}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
                 \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
            ));
        }
    }
    sandbox.write("replies/greet.jsonl", &rows);
    sandbox
}

fn seen(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["eval"].iter().chain(arguments).copied().collect();
    let Seen { code, stdout, stderr } = sandbox.run(&all);
    sandbox.clean(&format!("$ eval {}\n{stderr}{stdout}exit {}\n\n", arguments.join(" "), code.unwrap()))
}

#[test]
fn a_dry_run_prints_the_plan_and_asks_nothing() {
    let sandbox = sandbox();
    assert_snapshot!(seen(&sandbox, &["--dry-run"]));
    assert!(!sandbox.path(".promptassay").exists());
    let json = sandbox.run(&["eval", "--dry-run", "--format", "json", "--sample", "2"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["questions"], 4);
    assert_eq!(json["complete"], false);
    assert_eq!(json["filters"][0], "--sample 2 --seed 0");
}

#[test]
fn what_is_known_of_the_cost_is_in_the_sum() {
    let sandbox = sandbox();
    let rows = "models:
  default: {provider: openai, model: m, params: {max_output_tokens: 1000}, price: {input: 1, output: 100}}
  judge: {provider: openai, model: n, price: {input: 1, output: 100}}
";
    sandbox.write("prompts/registry.yaml", rows);
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "{max_words: 9}]\n",
        "{max_words: 9}, {judge: It is kind}]\njudge: judge\n",
    );
    let seen = sandbox.run(&["eval", "--dry-run", "--version", "1.0.0"]);
    let costs: Vec<&str> = seen.stdout.lines().filter(|line| line.contains('$')).collect();
    assert_snapshot!(costs.join("\n"), @r"
      about $0.400 at most
      about $0.005 and the answers, which no `max_output_tokens` limits
    about $0.405 at most, and the answers of `judge`, which no `max_output_tokens` limits
    ");
}

#[test]
fn a_selection_that_matches_nothing_says_what_there_is() {
    let sandbox = sandbox();
    let all: String = [
        &["--dry-run", "--case", "fuor"][..],
        &["--dry-run", "--tag", "smok"],
        &["--dry-run", "--model", "defualt"],
        &["--dry-run", "--prompt-tag", "x"],
        &["--dry-run", "gr?t"],
        &["--dry-run", "1.0.0"],
        &["--dry-run", "greet@1.0.0"],
        &["--dry-run", "--version", "1.2.0"],
        &["--dry-run", "--version", "1.1.0", "--candidate", "1.0.0"],
        &["--dry-run", "--case", "("],
        &["--dry-run", "--sample", "0"],
        &["--dry-run", "--shard", "3/2"],
        &["--dry-run", "--failed-in", "latest"],
    ]
    .into_iter()
    .map(|arguments| seen(&sandbox, arguments))
    .collect();
    assert_snapshot!(all);
}

#[test]
fn mistakes_in_a_dataset_are_shown_in_their_row() {
    let sandbox = sandbox();
    sandbox
        .write("prompts/greet/tests/cases/more.csv", "name,inputs.name,inputs.tone\nthree,Cem,wram\nfour\n");
    assert_snapshot!(seen(&sandbox, &["--dry-run"]));
    let check = sandbox.run(&["check"]);
    assert_eq!(check.code, Some(2));
    assert!(check.stderr.contains("more.csv:3"), "{}", check.stderr);
    std::fs::remove_file(sandbox.path("prompts/greet/tests/cases/more.csv")).unwrap();
    assert_snapshot!(seen(&sandbox, &["--dry-run"]));
}

#[test]
fn what_failed_before_is_asked_again() {
    let sandbox = sandbox();
    let first = sandbox.run(&["eval", "--offline"]);
    assert_eq!(first.code, Some(1), "{}", first.stderr);
    let again = sandbox.run(&["eval", "--dry-run", "--failed-in", "latest", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(plan["prompts"][0]["cases"], 1, "{}", again.stdout);
    assert_eq!(plan["questions"], 2);
}

#[test]
fn a_narrowed_run_is_reported_again_as_it_was() {
    let sandbox = sandbox();
    let text = std::fs::read_to_string(sandbox.path("prompts/greet/tests/test_cases.yaml")).unwrap();
    let text = text.replace("datasets:", "  - {name: later, inputs: {name: Eve}, skip: not yet}\ndatasets:");
    sandbox.write("prompts/greet/tests/test_cases.yaml", &text);
    for arguments in [&["--tag", "smoke"][..], &["--version", "1.0.0"], &["--sample", "3", "--seed", "4"]] {
        let all: Vec<&str> = ["eval", "--offline"].iter().chain(arguments).copied().collect();
        let run = sandbox.run(&all);
        let report = sandbox.run(&["report", "latest"]);
        assert_eq!((run.code, run.stdout), (report.code, report.stdout), "{arguments:?}: {}", report.stderr);
    }
}

/// Whoever reads that all is well has to know of how much, and how it was chosen.
#[test]
fn every_report_of_a_narrowed_run_says_by_what_with_the_seed_of_its_sample() {
    let sandbox = sandbox();
    let report = |selection: &[&str], format: &str| {
        let format = format!("{format}=-");
        sandbox.run(&[&["eval", "--offline", "--report", &format], selection].concat()).stdout
    };
    let sample = ["--sample", "3", "--seed", "4"];
    for format in ["terminal", "junit", "markdown", "github"] {
        let (narrowed, whole) = (report(&sample, format), report(&[], format));
        assert!(narrowed.contains("narrowed by"), "{format}: {narrowed}");
        assert!(narrowed.contains("--sample 3 --seed 4"), "{format}: {narrowed}");
        assert!(!whole.contains("narrowed"), "{format}: {whole}");
    }
    let json: serde_json::Value = serde_json::from_str(&report(&sample, "json")).unwrap();
    assert_eq!(json["narrowed_by"], serde_json::json!(["--sample 3 --seed 4"]));
    let run: serde_json::Value = serde_json::from_str(&sandbox.read(&newest_run(&sandbox))).unwrap();
    assert_eq!(run["seed"], 4, "{run:#}");
    let whole: serde_json::Value = serde_json::from_str(&report(&[], "json")).unwrap();
    assert!(whole.get("narrowed_by").is_none(), "{whole:#}");
}

fn newest_run(sandbox: &Sandbox) -> String {
    let runs = sandbox.files(".promptassay/runs");
    runs.into_iter().filter(|file| file.ends_with("run.json")).max().unwrap()
}

#[test]
fn shards_are_merged_to_the_run_that_was_divided() {
    let sandbox = sandbox();
    for shard in ["1/3", "2/3", "3/3"] {
        let run = sandbox.run(&["eval", "--offline", "--shard", shard, "--runs", "shards"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.stdout.starts_with(&format!("shard {shard}   ")), "{}", run.stdout);
    }
    let shards: Vec<_> =
        std::fs::read_dir(sandbox.path("shards")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let shards: Vec<&str> = shards.iter().map(|path| path.to_str().unwrap()).collect();
    let merged = sandbox.run(&[&["merge"][..], &shards].concat());
    let whole = sandbox.run(&["eval", "--offline", "--runs", "whole"]);
    assert_eq!((merged.code, merged.stdout), (whole.code, whole.stdout), "{}", merged.stderr);
}

#[test]
fn changes_since_a_commit_choose_prompts_and_versions() {
    let sandbox = sandbox();
    sandbox.write(".gitignore", ".promptassay/\n");
    sandbox.write("prompts/other/prompt.yaml", "name: other\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say hello.\n");
    sandbox.write("prompts/other/tests/test_cases.yaml", "- {name: a, validators: [{max_words: 3}]}\n");
    let shared = "validators: [{max_words: 3}]\ndatasets: [{file: ../../../data/*.csv}]\n";
    sandbox.write("prompts/shared/prompt.yaml", "name: shared\n");
    sandbox.write("prompts/shared/v1.0.0.txt", "Say hello.\n");
    sandbox.write("prompts/shared/tests/test_cases.yaml", shared);
    sandbox.write("data/a.csv", "name\na\n").write("data/b.csv", "name\nb\n");
    if !sandbox.commit_to_main() {
        return;
    }
    let chosen = |what: &str| -> String {
        let plan = sandbox.run(&["eval", "--quiet", "--dry-run", "--changed-since", "main"]);
        let lines = plan.stdout.lines().filter(|line| line.starts_with("  v") || !line.starts_with(' '));
        let lines: Vec<&str> =
            lines.filter(|line| !line.contains("token") && !line.starts_with("plan")).collect();
        format!("{what}\n{}{}\n", plan.stderr, lines.join("\n"))
    };
    let mut all = chosen("nothing");
    sandbox.git(&["checkout", "-q", "-b", "work"]);
    sandbox.write("prompts/greet/v1.2.0.txt", "Greet {name}.\n");
    all += &chosen("a version that git does not know yet");
    sandbox.commit("second");
    all += &chosen("the same, committed");
    let prompt = std::fs::read_to_string(sandbox.path("prompts/greet/prompt.yaml")).unwrap();
    sandbox.write("prompts/greet/prompt.yaml", prompt.replace("v1.0.0", "v1.1.0"));
    all += &chosen("the pointer as well: it does not move the baseline");
    sandbox.write("prompts/other/README.md", "notes\n");
    sandbox.commit("third");
    sandbox.git(&["checkout", "-q", "-b", "later"]);
    sandbox.git(&["branch", "-q", "-f", "main", "later"]);
    all += &chosen("all of it is in main now");
    sandbox.write("prompts/greet/tests/cases/more.csv", "name,inputs.name\nthree,Cem\n");
    all += &chosen("a dataset");
    std::fs::remove_file(sandbox.path("data/b.csv")).unwrap();
    all += &chosen("a dataset that is gone, outside of the prompt's directory");
    let registry = std::fs::read_to_string(sandbox.path("prompts/registry.yaml")).unwrap();
    sandbox.write("prompts/registry.yaml", format!("{registry}# again\n"));
    all += &chosen("a remark in registry.yaml");
    sandbox.write("prompts/registry.yaml", format!("{registry}gate: {{confidence: 0.9}}\n"));
    all += &chosen("the gate in registry.yaml");
    assert_snapshot!(all);
    assert_snapshot!(seen(&sandbox, &["--dry-run", "--changed-since", "nowhere"]));
}

#[test]
fn where_nothing_changed_a_report_is_there_and_green() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    assert_snapshot!(seen(&sandbox, &["--offline", "--changed-since", "HEAD", "--junit", "report.xml"]));
    let report = std::fs::read_to_string(sandbox.path("report.xml")).unwrap();
    assert!(report.ends_with("<testsuites/>"), "{report}");
    let json = sandbox.run(&["eval", "--offline", "--changed-since", "HEAD", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["skipped"], "no prompt that has a suite changed since HEAD");
}

#[test]
fn without_git_it_is_said_what_is_missing() {
    let sandbox = sandbox();
    let seen = seen(&sandbox, &["--dry-run", "--changed-since", "main"]);
    let root = std::fs::canonicalize(sandbox.path("")).unwrap().display().to_string();
    let seen =
        regex::Regex::new("repository: .*").unwrap().replace(&seen, "repository: …").replace(&root, "ROOT");
    assert_snapshot!(seen);
}

#[test]
fn a_case_that_is_named_and_skipped_is_said_where_others_are_asked() {
    let sandbox = sandbox();
    let text = std::fs::read_to_string(sandbox.path("prompts/greet/tests/test_cases.yaml")).unwrap();
    let later = "  - {name: later, inputs: {name: Eve}, skip: not yet}\n  - {name: latest, inputs: {name: Eve}, skip: never}\ndatasets:";
    sandbox.write("prompts/greet/tests/test_cases.yaml", text.replace("datasets:", later));
    let seen = |cases: &[&str]| {
        let named: Vec<&str> = cases.iter().flat_map(|case| ["--case", case]).collect();
        let seen = sandbox.run(&[&["eval", "--offline", "--dry-run"], &named[..]].concat());
        format!("$ {}\n{}exit {}\n", named.join(" "), seen.stderr, seen.code.unwrap())
    };
    // Of a pattern that finds another one that is asked nothing is said: nobody asked for each of its cases.
    let told = [
        &["one", "late"][..],
        &["one", "later", "latest"],
        &["^(one|later)$"],
        &["late"],
        &["one", "tow"],
        &["zzz"],
    ]
    .map(seen);
    assert_snapshot!(sandbox.clean(&told.join("\n")));
}
