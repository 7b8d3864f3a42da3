//! `eval` as a user meets it: the real binary on real files, with everything that can be wrong with them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::reports::readers::dateless_lines;

const REGISTRY: &str = "schema: 1
models:
  default: {provider: openai, model: gpt-6-luna}
replies: ../replies
properties:
  polite: {regex: '(?i)please|thank'}
";

const PROMPT: &str = "name: greet
active_version: v1.0.0
variables:
  name: {type: string}
  tone: {type: string, enum: [warm, dry], default: warm}
";

const SUITE: &str = "validators:
  - max_words: 5
cases:
  - name: one
    inputs: {name: Ada}
    expected: {polite: true}
  - name: two
    inputs: {name: Bob, tone: dry}
    validators:
      - contains: Bob
";

/// A directory with one prompt, `greet`, that passes.
struct Sandbox {
    directory: TempDir,
}

struct Output {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(sandbox.path(".git")).unwrap();
        sandbox.write("prompts/registry.yaml", REGISTRY);
        sandbox.write("prompts/greet/prompt.yaml", PROMPT);
        sandbox.write("prompts/greet/v1.0.0.txt", "Greet {name} in a {tone} way.\n");
        sandbox.write("prompts/greet/tests/test_cases.yaml", SUITE);
        sandbox.replies(&[("one", "Thank you, Ada"), ("two", "Hello Bob")]);
        sandbox
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "`{from}` is not in {path}");
        self.write(path, &text.replace(from, to))
    }

    fn replies(&self, replies: &[(&str, &str)]) -> &Self {
        let mut text = String::new();
        for (case, reply) in replies {
            let row = serde_json::json!({
                "case": case, "version": "1.0.0", "model": "default", "repeat": 1,
                "text": reply, "finish_reason": "stop", "source": "hand",
            });
            writeln!(text, "{row}").unwrap();
        }
        self.write("replies/greet.jsonl", &text)
    }

    fn eval(&self, arguments: &[&str]) -> Output {
        eval_in(self.directory.path(), arguments)
    }

    /// What a user sees: standard error, standard output and the exit code.
    fn seen(&self, arguments: &[&str]) -> String {
        let Output { code, stdout, stderr } = self.eval(arguments);
        format!("{stderr}{stdout}exit {code}")
    }
}

fn eval_in(directory: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_promptassay"))
        .arg("eval")
        .args(arguments)
        .current_dir(directory)
        .env_remove("PROMPTASSAY_PROMPTS")
        .env_remove("OPENAI_API_KEY")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Whether a JUnit report holds a failure or an error, counted by its elements.
fn junit_is_red(text: &str) -> bool {
    text.contains("<failure ") || text.contains("<error ")
}

/// Has an independent reader check a report; says so where there is none.
fn check_xml(path: &Path) {
    if let Ok(output) = Command::new("xmllint").arg("--noout").arg(path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        skipped!("SKIPPED: xmllint is not installed; {} was not checked by it", path.display());
    }
}

#[test]
fn the_sample_prompts_pass() {
    let directory = TempDir::new().unwrap();
    let junit = directory.path().join("deep/report.xml");
    let output = eval_in(&repository(), &["--offline", "--junit", junit.to_str().unwrap()]);
    let made =
        format!("made the directory `{}` for `{}`\n", junit.parent().unwrap().display(), junit.display());
    assert!(output.stderr.contains(&made), "{}", output.stderr);
    let stderr = output.stderr.replace(&made, "");
    insta::assert_snapshot!(format!("{stderr}{}exit {}", output.stdout, output.code));
    check_xml(&junit);
    assert!(!junit_is_red(&fs::read_to_string(junit).unwrap()));
}

/// The checks of each family; see `docs/validators.md`.
const FAMILIES: [(&str, &[&str]); 8] = [
    ("text", &["contains_any", "regex", "equals"]),
    ("size", &["max_words"]),
    ("structure", &["json", "contains_json"]),
    ("similarity", &["levenshtein"]),
    ("judged", &["judge"]),
    ("runtime", &["finish_reason"]),
    ("code", &["expr", "command"]),
    ("composite", &["any_of"]),
];

#[test]
fn every_family_of_checks_is_in_a_sample_suite() {
    let suites =
        ["prompts/customer_support", "prompts/code_review", "fixtures/commands/prompts/release_notes"];
    let read = |suite| fs::read_to_string(repository().join(suite).join("tests/test_cases.yaml")).unwrap();
    let text = suites.map(read).concat();
    for (family, checks) in FAMILIES {
        for check in checks {
            let is_written = text.contains(&format!(" {check}: ")) || text.contains(&format!(" {check}:\n"));
            assert!(is_written, "{family}: no sample suite has `{check}`");
        }
    }
}

#[test]
fn three_versions_are_asked_three_times_each_without_a_network() {
    let arguments = ["customer_support", "--offline", "--candidate", "v1.0.0", "--candidate", "v1.2.0"];
    let output = eval_in(&repository(), &[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(output.code, 1, "v1.0.0 reveals its instructions");
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let variants = report["prompts"][0]["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 3);
    for variant in variants {
        assert_eq!((&variant["trials"]["asked"], &variant["trials"]["errored"]), (&90.into(), &0.into()));
    }
}

#[cfg(unix)]
#[test]
fn the_sample_with_a_program_passes_where_programs_may_run() {
    let arguments = ["--prompts", "fixtures/commands/prompts", "--offline"];
    assert_eq!(eval_in(&repository(), &arguments).code, 2);
    let output = eval_in(&repository(), &[&arguments[..], &["--allow-commands"]].concat());
    assert_eq!(output.code, 0, "{}", output.stderr);
}

#[cfg(unix)]
#[test]
fn programs_of_checks_run_at_once_as_many_as_there_are_cores() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..40).map(|number| format!("case_{number}")).collect();
    let replies: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "Thank you")).collect();
    sandbox.replies(&replies);
    let cases = names.iter().fold(String::new(), |mut cases, name| {
        writeln!(cases, "  - {{name: {name}, inputs: {{name: Ada}}}}").unwrap();
        cases
    });
    let suite =
        format!("validators: [{{command: {{values: [sh, look.sh], timeout: 10m}}}}]\ncases:\n{cases}");
    sandbox.write("prompts/greet/tests/test_cases.yaml", &suite);
    // Each comes, looks how many are there, and leaves.
    let look = "cat > /dev/null; mkdir -p here/$$
for look in 1 2 3 4 5 6 7 8; do ls here | wc -l >> seen; done
rmdir here/$$; echo '{\"pass\": true}'\n";
    sandbox.write("prompts/greet/tests/look.sh", look);
    let output = sandbox.eval(&["--offline", "--allow-commands"]);
    assert_eq!(output.code, 0, "{}{}", output.stderr, output.stdout);
    let seen = fs::read_to_string(sandbox.path("prompts/greet/tests/seen")).unwrap();
    let seen: Vec<usize> = seen.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert_eq!(seen.len(), 8 * 40);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(seen.iter().all(|&at_once| at_once <= cores), "{:?} at once", seen.iter().max());
}

#[test]
fn the_old_sample_version_fails_the_gate() {
    let directory = TempDir::new().unwrap();
    let junit = directory.path().join("report.xml");
    let arguments =
        ["customer_support", "--offline", "--candidate", "1.0.0", "-v", "--junit", junit.to_str().unwrap()];
    let output = eval_in(&repository(), &arguments);
    insta::assert_snapshot!(format!("{}{}exit {}", output.stderr, output.stdout, output.code));
    check_xml(&junit);
    insta::assert_snapshot!(
        "the_old_sample_version_in_junit",
        dateless_lines(&fs::read_to_string(junit).unwrap())
    );
}

#[test]
fn a_small_suite_passes() {
    insta::assert_snapshot!(Sandbox::new().seen(&["--offline"]));
}

#[test]
fn a_wrong_answer_fails() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "Thank you, Ada"), ("two", "one two three four five six")]);
    insta::assert_snapshot!(sandbox.seen(&["--offline", "-v"]));
}

#[test]
fn nothing_that_passes_is_broken_rather_than_failed() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "no"), ("two", "no")]);
    insta::assert_snapshot!(sandbox.seen(&["--offline"]));
}

#[test]
fn a_missing_reply_is_an_error_and_breaks_the_verdict() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "Thank you, Ada")]);
    insta::assert_snapshot!(sandbox.seen(&["--offline", "--junit", "report.xml"]));
    let report = fs::read_to_string(sandbox.path("report.xml")).unwrap();
    check_xml(&sandbox.path("report.xml"));
    insta::assert_snapshot!("a_missing_reply_in_junit", dateless_lines(&report));
}

#[test]
fn a_stale_reply_is_an_error() {
    let sandbox = Sandbox::new();
    let row = format!(
        "{{\"case\":\"one\",\"version\":\"1.0.0\",\"model\":\"default\",\"repeat\":1,\"request_sha256\":\"{}\",\"text\":\"Thank you\",\"finish_reason\":\"stop\",\"source\":\"recorded\"}}\n",
        "0".repeat(64)
    );
    sandbox.write("replies/greet.jsonl", &row);
    insta::assert_snapshot!(sandbox.seen(&["--offline"]));
}

#[test]
fn a_failure_that_the_gate_tolerates_passes_and_says_so() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "Thank you, Ada"), ("two", "no")]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "gate: {min_pass_rate: 0.5}\ncases:");
    insta::assert_snapshot!(sandbox.seen(&["--offline", "--junit", "report.xml"]));
    let report = fs::read_to_string(sandbox.path("report.xml")).unwrap();
    insta::assert_snapshot!("a_tolerated_failure_in_junit", dateless_lines(&report));
}

#[test]
fn a_case_that_must_pass_decides_alone() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "Thank you, Ada"), ("two", "no")]);
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "gate: {min_pass_rate: 0.1}\ncases:");
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "  - name: two",
        "  - name: two\n    must_pass: true",
    );
    let output = sandbox.eval(&["--offline"]);
    assert_eq!(output.code, 1);
    insta::assert_snapshot!(output.stdout.lines().last().unwrap());
}

#[test]
fn junit_is_red_exactly_when_the_exit_code_is_not_zero() {
    let long = "one two three four five six";
    for (replies, gate, code) in [
        (vec![("one", "Thank you"), ("two", "Bob")], "", 0),
        (vec![("one", "Thank you"), ("two", long)], "", 1),
        (vec![("one", "Thank you"), ("two", long)], "gate: {min_pass_rate: 0.5}", 0),
        (vec![("one", long), ("two", long)], "gate: {min_pass_rate: 0}", 4),
        (vec![("one", "Thank you")], "gate: {min_pass_rate: 0, max_missing: 1}", 4),
        (vec![], "", 4),
    ] {
        let sandbox = Sandbox::new();
        sandbox.replies(&replies);
        sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", &format!("{gate}\ncases:"));
        let output = sandbox.eval(&["--offline", "--junit", "report.xml"]);
        assert_eq!(output.code, code, "{replies:?} {gate}\n{}", output.stdout);
        let report = fs::read_to_string(sandbox.path("report.xml")).unwrap();
        assert_eq!(junit_is_red(&report), code != 0, "{report}");
    }
}

#[test]
fn hostile_replies_break_no_report() {
    let sandbox = Sandbox::new();
    let hostile =
        "]]><x/> \u{1b}[2Jgone & <b>\u{0}\u{202e}\u{ffff} \"quoted\"\r\nSIX words and some more of them";
    sandbox.replies(&[("one", hostile), ("two", "Hello Bob")]);
    let output = sandbox.eval(&["--offline", "-v", "--junit", "report.xml"]);
    assert_eq!(output.code, 1);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
    check_xml(&sandbox.path("report.xml"));
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn the_json_report_holds_the_same_numbers() {
    let sandbox = Sandbox::new();
    sandbox.replies(&[("one", "Thank you, Ada"), ("two", "no")]);
    let output = sandbox.eval(&["--offline", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(output.code, 1);
    assert_eq!(report["verdict"], "failed");
    assert_eq!(report["prompts"][0]["variants"][0]["cases_passed"], 1);
    insta::assert_snapshot!(output.stdout);
}

#[test]
fn without_a_key_nothing_is_asked() {
    insta::assert_snapshot!(Sandbox::new().seen(&[]));
}

/// A mistake in a file, made by replacing text, and what the user is told.
fn mistake(path: &str, from: &str, to: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.edit(path, from, to);
    sandbox.seen(&["--offline"])
}

const SUITE_PATH: &str = "prompts/greet/tests/test_cases.yaml";

#[test]
fn a_typo_in_a_key() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "inputs: {name: Ada}", "input: {name: Ada}"));
}

#[test]
fn a_typo_in_a_validator() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "max_words", "max_word"));
}

#[test]
fn a_typo_in_a_property() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "{polite: true}", "{polit: true}"));
}

#[test]
fn a_typo_in_a_version() {
    insta::assert_snapshot!(Sandbox::new().seen(&["--offline", "--candidate", "1.1.0"]));
    insta::assert_snapshot!(Sandbox::new().seen(&["--offline", "--candidate", "1.1"]));
}

#[test]
fn a_suite_without_cases() {
    let sandbox = Sandbox::new();
    sandbox.write(SUITE_PATH, "cases: []\n");
    insta::assert_snapshot!(sandbox.seen(&["--offline"]));
    sandbox.write(SUITE_PATH, "# nothing yet\n");
    insta::assert_snapshot!(sandbox.seen(&["--offline"]));
}

#[test]
fn a_case_without_validators() {
    insta::assert_snapshot!(mistake(
        SUITE_PATH,
        "validators:\n  - max_words: 5\ncases:",
        "cases:\n  - {name: zero, inputs: {name: Ada}}"
    ));
}

#[test]
fn a_missing_an_extra_and_a_wrong_variable() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "{name: Bob, tone: dry}", "{nam: Bob, tone: loud}"));
    insta::assert_snapshot!(mistake(SUITE_PATH, "{name: Bob, tone: dry}", "{name: Bob, mood: dry}"));
}

#[test]
fn two_cases_of_one_name() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "name: two", "name: one"));
}

#[test]
fn an_unknown_prompt() {
    insta::assert_snapshot!(Sandbox::new().seen(&["gret", "--offline"]));
}

#[test]
fn an_unknown_model() {
    insta::assert_snapshot!(mistake(SUITE_PATH, "cases:", "models: [defalt]\ncases:"));
}

#[test]
fn mistakes_in_sections_of_the_registry_are_reported_by_their_owners() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/registry.yaml",
        "schema: 1
models:
  default: {provider: opnai, model: gpt-6-luna}
  other:
    provider: openai
    model: m
    price: {input: -1, output: 2}
    parms: {}
replies: ../replies
properties:
  polite: {regexp: thank}
gate: {confidence: 95, min_pas_rate: 1}
gates: {}
",
    );
    insta::assert_snapshot!(sandbox.seen(&["--offline"]));
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("taken", "a file");
    insta::assert_snapshot!(sandbox.seen(&["--offline", "--junit", "taken/report.xml", "-q"]));
}

#[test]
fn what_a_row_adds_to_a_question_is_shown_beside_the_parameters() {
    let sandbox = crate::sandbox::Sandbox::new();
    let planned = |params: &str| {
        let row = format!("{{provider: openai, model: m{params}, extra: {{store: false, temperature: 2}}}}");
        let properties = "properties: {polite: {regex: please}}";
        sandbox.write("prompts/registry.yaml", format!("models: {{default: {row}}}\n{properties}\n"));
        sandbox.run(&["eval", "--dry-run"]).stdout
    };
    let extra = "\n    extra, over the parameters: store false, temperature 2\n";
    let seen = planned(", params: {seed: 3}");
    assert!(seen.contains(&format!("    parameters: seed 3{extra}")), "{seen}");
    let seen = planned("");
    assert!(seen.contains(&format!("    parameters: none but the extra{extra}")), "{seen}");
}
