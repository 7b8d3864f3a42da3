//! `check`: what is wrong is said at its place, with what to do.

use std::fs;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, TEXT, git_command};

/// What `check` says of a sandbox after a change of one of its files.
fn after_edit(path: &str, from: &str, to: &str) -> String {
    let sandbox = Sandbox::new();
    sandbox.edit(path, from, to);
    sandbox.session(&[&["check"]])
}

#[test]
fn sound_files_are_one_line() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.session(&[
        &["check"],
        &["check", "greet"],
        &["check", "-q"],
        &["check", "--locked"]
    ]));
    let checked = sandbox.json(&["check"]);
    assert_eq!(
        checked.to_string(),
        r#"{"ok":true,"prompts":1,"versions":1,"cases":1,"errors":0,"warnings":0,"problems":[]}"#
    );
}

#[test]
fn typing_errors_are_named_with_what_was_meant() {
    let prompt = "prompts/greet/prompt.yaml";
    let suite = "prompts/greet/tests/test_cases.yaml";
    let registry = "prompts/registry.yaml";
    let seen = [
        after_edit(prompt, "active_version", "activ_version"),
        after_edit(prompt, "max_length", "maxlength"),
        after_edit(prompt, "v1.0.0 ", "v1.0 "),
        after_edit(prompt, "v1.0.0 ", "v1.0.1 "),
        after_edit(prompt, "v1.0.0 ", "1.0 "),
        after_edit(suite, "max_words", "max_word"),
        after_edit(suite, "polite", "polit"),
        after_edit(suite, "{name: Ada}", "{nam: Ada}"),
        after_edit(suite, "{name: Ada}", "{name: Ada, tone: wam}"),
        after_edit(registry, "models:", "model:"),
        after_edit(registry, "provider: openai", "provider: opneai"),
        after_edit(registry, "model: gpt", "modle: gpt"),
        after_edit(registry, "regex:", "regexp:"),
        after_edit(registry, "please|", "(please|"),
    ];
    assert_snapshot!(seen.join("\n"));
}

#[test]
fn prompts_are_chosen_by_patterns() {
    let sandbox = Sandbox::new();
    for name in ["order_extract", "order_status"] {
        sandbox
            .write(&format!("prompts/{name}/prompt.yaml"), format!("name: {name}\nactive_version: v1.0.0\n"))
            .write(&format!("prompts/{name}/v1.0.0.txt"), "Hello.\n");
    }
    let checked = |names: &[&str]| sandbox.json(&[&["check"], names].concat())["prompts"].clone();
    assert_eq!(checked(&["order_*"]), 2);
    assert_eq!(checked(&["order_*", "gre?t"]), 3);
    assert_eq!(checked(&["*"]), 3);
    let none = sandbox.run(&["check", "ordre_*"]);
    assert_eq!(none.code, Some(2), "{}", none.shown());
    assert!(none.stderr.contains("error: no prompt is called like `ordre_*`"), "{}", none.shown());
}

#[test]
fn a_registry_that_is_no_yaml_is_told_before_what_comes_of_it() {
    assert_snapshot!(after_edit("prompts/registry.yaml", "models:", "foo: [1, 2\nmodels:"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let sandbox = Sandbox::new();
    sandbox
        .edit("prompts/greet/prompt.yaml", "description", "descripton")
        .edit("prompts/registry.yaml", "replies", "reply")
        .write("prompts/other/prompt.yaml", "name: another\nvariables: [a, b]\n")
        .write("prompts/other/v1.0.0.txt", "{a} {c} {0}\n")
        .write("prompts/sound/prompt.yaml", "name: sound\nactive_version: v1.0.0\n")
        .write("prompts/sound/v1.0.0.txt", "Hello.\n");
    assert_snapshot!(sandbox.session(&[&["check"], &["list"], &["check", "sound", "othr"]]));
}

/// One mistake of every kind in one file: none of them hides another.
const WRONG_CHAT: &str = "\
schema: 2
messages:
  - {role: sytem, content: \"Greet {na me}.\"}
  - {role: user, content: \"Be {tone.\", cached: true}
  - {role: user, contents: \"{tone}\"}
  - {role: user, content: \"{name} {0}\"}
params: {temprature: 0.5, max_output_tokens: 0, top_p: high}
response_format: {type: jsn}
other: 1
";

#[test]
fn a_mistake_in_a_version_hides_no_other_one_of_it() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.yaml", WRONG_CHAT);
    let all = sandbox.session(&[&["check"]]);
    // Without `messages` as well, which is the whole of a chat.
    sandbox.write("prompts/greet/v1.1.0.yaml", WRONG_CHAT.replace("messages:", "mesages:"));
    let without_messages = sandbox.session(&[&["check"]]);
    // The sound messages of a version whose `params` are no map, and a text with several mistakes.
    sandbox.write("prompts/greet/v1.1.0.yaml", "messages: [{role: user, content: \"{name\"}]\nparams: 3\n");
    sandbox.write("prompts/greet/v1.2.0.txt", "{0}, {a.b}\n{name!r}\n");
    assert_snapshot!([all, without_messages, sandbox.session(&[&["check"]])].join("\n"));
}

#[test]
fn a_prompt_that_is_not_asked_for_is_not_checked_though_it_is_broken() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/other/prompt.yaml", "name: other\n").write(
        "prompts/other/v1.0.0.yaml",
        "messages: [{role: usr, content: hi}]\nparams: {temprature: 1}\n",
    );
    assert!(sandbox.session(&[&["check"]]).contains("temprature"));
    assert!(!sandbox.session(&[&["check", "greet"]]).contains("temprature"));
}

#[test]
fn unescaped_json_gets_the_hint_to_double_the_braces() {
    let seen = after_edit("prompts/greet/v1.0.0.txt", "tone.", "tone.\nReply as {\"text\": \"...\"}.");
    assert_snapshot!(seen);
}

#[test]
fn two_files_for_one_version_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.0.0.yaml", "messages: [{role: user, content: \"{name} {tone}\"}]\n");
    assert_snapshot!(sandbox.session(&[&["check"]]));
}

#[test]
fn versions_are_ordered_as_versions() {
    let sandbox = Sandbox::new();
    sandbox
        .edit("prompts/greet/prompt.yaml", "v1.0.0 ", "latest ")
        .write("prompts/greet/v1.9.0.txt", TEXT.replace("Greet", "Welcome"))
        .write("prompts/greet/v1.10.0.txt", TEXT.replace("Greet", "Receive"))
        .write("prompts/greet/v2.0.0-rc.1.txt", TEXT);
    assert_snapshot!(sandbox.session(&[&["check"], &["list"], &["render", "greet", "--var", "name=Ada"]]));
}

#[test]
fn nothing_to_check_is_an_error() {
    let sandbox = Sandbox::empty();
    assert_snapshot!({
        let without = sandbox.session(&[&["check"], &["list"], &["show", "greet"]]);
        std::fs::create_dir(sandbox.path("prompts")).unwrap();
        format!("{without}\n{}", sandbox.session(&[&["check"], &["list"], &["show", "greet"]]))
    });
}

#[test]
fn suites_that_judge_nothing_are_refused() {
    let suite = "prompts/greet/tests/test_cases.yaml";
    let no_case = Sandbox::new();
    no_case.write(suite, "cases: []\n");
    let no_validator = Sandbox::new();
    no_validator.write(suite, "cases:\n  - name: one\n    inputs: {name: Ada}\n");
    let no_suite = Sandbox::new();
    std::fs::remove_file(no_suite.path(suite)).unwrap();
    let seen = [no_case, no_validator, no_suite].map(|sandbox| sandbox.session(&[&["check"]]));
    assert_snapshot!(seen.join("\n"));
}

#[cfg(unix)]
#[test]
fn a_suite_that_cannot_be_read_is_not_a_suite_that_is_not_there() {
    let suite = "prompts/greet/tests/test_cases.yaml";
    let mut seen = String::new();
    for (what, spoil) in [
        (
            "another name",
            &(|sandbox: &Sandbox| {
                let path = sandbox.path(suite);
                std::fs::rename(&path, path.with_extension("yml")).unwrap();
            }) as &dyn Fn(&Sandbox),
        ),
        ("a link that leads nowhere", &|sandbox| {
            std::fs::remove_file(sandbox.path(suite)).unwrap();
            std::os::unix::fs::symlink("nowhere.yaml", sandbox.path(suite)).unwrap();
        }),
        ("a file in place of the directory", &|sandbox| {
            std::fs::remove_dir_all(sandbox.path("prompts/greet/tests")).unwrap();
            sandbox.write("prompts/greet/tests", "x");
        }),
        ("a directory in place of the file", &|sandbox| {
            std::fs::remove_file(sandbox.path(suite)).unwrap();
            std::fs::create_dir(sandbox.path(suite)).unwrap();
        }),
    ] {
        let sandbox = Sandbox::new();
        spoil(&sandbox);
        let session = sandbox.session(&[&["check", "-q"], &["eval", "--offline", "-q"]]);
        seen.extend(["# ", what, "\n", &session, "\n"]);
    }
    assert_snapshot!(seen);
}

#[test]
fn an_emptied_ledger_is_not_one_that_never_was() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/lifecycle.jsonl", "");
    assert_snapshot!(sandbox.session(&[
        &["check", "-q"],
        &["verify"],
        &["status", "greet"],
        &["resolve", "greet"],
        &["adopt", "greet", "1.0.0", "--by", "Ada"],
    ]));
    assert_eq!(sandbox.read("prompts/greet/lifecycle.jsonl"), "");
}

#[test]
fn every_section_of_the_registry_is_read() {
    let sandbox = Sandbox::new();
    let text = sandbox.read("prompts/registry.yaml") + "store: ../data.db\nlifecycle: {canary: required}\n";
    sandbox.write("prompts/registry.yaml", text);
    assert_snapshot!(sandbox.session(&[&["check"], &["check", "-q"]]));
}

#[test]
fn parameters_of_chat_versions_are_checked_even_without_a_suite() {
    let sandbox = Sandbox::new();
    std::fs::remove_dir_all(sandbox.path("prompts/greet/tests")).unwrap();
    sandbox.write("prompts/greet/v1.1.0.yaml", "messages:\n  - {role: sytem, content: \"{name} {tone}\"}\n");
    let role = sandbox.session(&[&["check", "-q"]]);
    sandbox.write(
        "prompts/greet/v1.1.0.yaml",
        "messages:\n  - {role: user, content: \"{name} {tone}\"}\nparams: {max_tokens: 5, temperature: -1}\nresponse_format: xml\n",
    );
    assert_snapshot!(format!("{role}\n{}", sandbox.session(&[&["check", "-q"]])));
}

#[test]
fn problems_are_data_where_a_program_asks() {
    let sandbox = Sandbox::new();
    sandbox.edit("prompts/greet/prompt.yaml", "v1.0.0 ", "v1.0.1 ");
    let seen = sandbox.run(&["check", "--format", "json"]);
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(2), ""));
    let checked: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    insta::assert_json_snapshot!(checked);
}

#[test]
fn a_file_stands_for_its_prompt() {
    let sandbox = Sandbox::new();
    sandbox
        .write("prompts/other/prompt.yaml", "name: other\nvariables: [x]\n")
        .write("prompts/other/v1.0.0.txt", "Say {y}.\n");
    let code = |arguments: &[&str]| sandbox.run(&[&["check"], arguments].concat()).code;
    assert_eq!(code(&["prompts/greet/tests/test_cases.yaml"]), Some(0));
    assert_eq!(code(&["./prompts/greet/v1.0.0.txt", "prompts/greet/prompt.yaml"]), Some(0));
    assert_eq!(code(&["prompts/other/v1.0.0.txt"]), Some(2));
    assert_eq!(code(&["prompts/registry.yaml"]), Some(2), "what all prompts share concerns all");
    assert_eq!(code(&["prompts/greet/prompt.yaml", "prompts/registry.yaml"]), Some(2));
    let absolute = sandbox.path("prompts/greet/prompt.yaml");
    assert_eq!(code(&[absolute.to_str().unwrap()]), Some(0));
}

#[test]
fn the_same_mistake_in_many_cases_is_one_block() {
    let sandbox = Sandbox::new();
    let case =
        |case| format!("  - {{name: c{case:02}, inputs: {{name: Ada}}, expected: {{friendly: true}}}}\n");
    let cases = (0..40).map(case).collect::<Vec<_>>().concat();
    sandbox.write("prompts/greet/tests/test_cases.yaml", format!("cases:\n{cases}"));
    assert_snapshot!(sandbox.run(&["check"]).shown());
    let json = sandbox.run(&["check", "--format", "json"]);
    let all = format!("{}{}", json.stdout, json.stderr);
    assert_eq!(all.matches("suite::unknown_property").count(), 40, "programs get them all: {all}");
}

#[test]
fn what_no_reply_can_mend_is_found_without_asking() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "validators:\n  - expr: json(output).score > 3\n  - expr: inputs.limit > json.score\ncases:\n  - name: a\n    inputs: {name: Ada}\n    validators:\n      - max_cost: 0.1\n      - command: [no-such-program-anywhere]\n",
    );
    assert_snapshot!(sandbox.session(&[&["check"], &["eval", "--allow-commands"], &["eval", "--offline"]]));
}

#[test]
fn what_was_recorded_and_blessed_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "replies/greet.jsonl",
        r#"{"case":"one","version":"1.0.0","model":"default","repeat":1,"text":"Thank you","finish_reason":"stop","source":"hand"}"#,
    );
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless", "latest"]).code, Some(0));
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
    let blessed = sandbox.read("prompts/greet/tests/baseline.json");
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("prompts/greet/tests/baseline.json", blessed.replace("\"greet\"", "\"other\""));
    let compared = sandbox.run(&["eval", "--offline", "--against-baseline"]);
    assert_eq!(compared.code, Some(2), "{}", compared.shown());
    assert!(compared.stderr.contains("these are blessed results of `other`"), "{}", compared.stderr);
    sandbox
        .write("replies/greet.jsonl", format!("{replies}\nnot a row\n"))
        .write("replies/greet.judge.jsonl", "[]\n");
    let of_another = sandbox.run(&["check"]).shown();
    sandbox.write("prompts/greet/tests/baseline.json", "{");
    assert_snapshot!(format!("{of_another}\n{}", sandbox.run(&["check", "replies/greet.jsonl"]).shown()));
}

#[test]
fn what_a_bare_number_lacks_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/registry.yaml",
        "models:\n  default: {provider: openai, model: m, timeout: 5}\nlifecycle: {max_reply_age: 7, canary_expires_after: 1.5}\n",
    );
    sandbox
        .write("prompts/greet/prompt.yaml", "name: greet\nactive_version: 1.10\nvariables: [name, tone]\n");
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "cases:\n  - {name: a, inputs: {name: Ada, tone: kind}, validators: [{command: {values: [a], timeout: 10}}, {max_latency: 5}, {max_latency: {value: 5}}, {max_latency: {value: 1.5}}, {max_latency: -1}]}\n",
    );
    sandbox.write("mock.yaml", "default: {answer: {rate_limited: {retry_after: 5}}, delay: {fixed: 2}}\n");
    let seen = sandbox.run(&["check"]);
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: 1.10\n", "");
    sandbox.edit("prompts/registry.yaml", "lifecycle: {max_reply_age: 7, canary_expires_after: 1.5}", "");
    sandbox.edit("prompts/registry.yaml", ", timeout: 5", "");
    let suite = sandbox.run(&["check"]);
    let mock = sandbox.run(&["mock", "--script", "mock.yaml"]);
    insta::assert_snapshot!([seen.shown(), suite.shown(), mock.shown()].concat());
}

#[test]
fn a_prompt_that_cannot_be_read_is_not_known_to_be_as_it_was() {
    let sandbox = Sandbox::new();
    fs::remove_dir(sandbox.path(".git")).unwrap();
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    assert_eq!(sandbox.run(&["register", "greet", "v1.1.0", "-m", "More", "--by", "Ada"]).code, Some(0));
    for words in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "base"]] {
        let git = git_command().args(words).current_dir(sandbox.path("")).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    }
    let frozen = ["check", "--frozen-since", "HEAD"];
    assert_eq!(sandbox.run(&frozen).code, Some(0));
    fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    let seen = sandbox.run(&frozen);
    assert_eq!(seen.code, Some(2), "{}", seen.shown());
    assert!(seen.stderr.contains("v1.1.0"), "{}", seen.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_suite_under_a_name_that_is_not_read_makes_nothing_green_and_stops_no_serving() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.path("prompts/greet/tests"), sandbox.path("prompts/greet/Tests")).unwrap();
    fs::create_dir(sandbox.path("prompts/greet/Experiments")).unwrap();
    assert_snapshot!(sandbox.session(&[
        &["check"],
        &["eval", "--offline"],
        &["eval", "--offline", "greet"],
        &["resolve", "greet", "--quiet"],
    ]));
}

#[test]
fn two_sides_of_one_version_are_resolved_by_taking_one() {
    let sandbox = Sandbox::new();
    let merge = |one: &str, other: &str| format!("<<<<<<< HEAD\n{one}=======\n{other}>>>>>>> other\n");
    let chat = |text: &str| format!("  - {{role: user, content: \"{text} {{name}} {{tone}}\"}}\n");
    sandbox
        .write("prompts/greet/v1.1.0.yaml", "messages:\n".to_owned() + &merge(&chat("Hi"), &chat("Hello")));
    sandbox.write("prompts/greet/v1.2.0.txt", merge("Hi {name}, {tone}\n", "Hello {name}, {tone}\n"));
    let row = |digit: &str| format!("  1.1.0: {{file: v1.1.0.yaml, sha256: {}}}\n", digit.repeat(64));
    sandbox.write(
        "prompts/greet/prompt.lock",
        "schema: 1\nversions:\n".to_owned() + &merge(&row("a"), &row("b")),
    );
    assert_snapshot!(sandbox.session(&[&["check"]]));
}

#[test]
fn a_merge_that_nobody_resolved_is_called_that_wherever_it_is() {
    let sandbox = Sandbox::new();
    sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "cases:",
        "datasets: [{file: ../../../rows.jsonl}, {file: ../../../rows.csv}]\ncases:",
    );
    let row = "{\"name\": \"two\", \"inputs\": {\"name\": \"Bob\"}, \"expected\": {\"polite\": true}}\n";
    sandbox.write("rows.jsonl", row);
    sandbox.write("rows.csv", "name,inputs.name,expected\nthree,Eve,polite\n");
    let mut told = String::new();
    for file in [
        "prompts/registry.yaml",
        "prompts/greet/prompt.yaml",
        "prompts/greet/tests/test_cases.yaml",
        "rows.jsonl",
        "rows.csv",
        "replies/greet.jsonl",
    ] {
        let text = if sandbox.path(file).exists() { sandbox.read(file) } else { String::new() };
        sandbox.write(file, format!("{text}<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n"));
        told += &sandbox.session(&[&["check"]]);
        sandbox.write(file, text);
    }
    // What stands in a cell is what a prompt is asked.
    sandbox.write(
        "rows.csv",
        "name,inputs.name,expected,reference\nthree,Eve,polite,\"a\n<<<<<<< a\n=======\n>>>>>>> b\n\"\n",
    );
    assert_eq!(sandbox.run(&["check"]).code, Some(0), "{}", sandbox.run(&["check"]).shown());
    assert_snapshot!(told);
}

#[test]
fn a_data_set_that_nothing_reads_is_said() {
    let sandbox = Sandbox::new();
    sandbox
        .edit(
            "prompts/greet/tests/test_cases.yaml",
            "cases:",
            "datasets: [{file: 'rows/*.csv'}]\nvalidators: [{max_words: 9}]\ncases:",
        )
        .write("prompts/greet/tests/rows/a.csv", "name,inputs.name\nrow,Ada\n");
    assert_eq!(sandbox.run(&["check"]).stderr, "");
    sandbox
        .write("prompts/greet/tests/rows/faq.CSV", "name,inputs.name\nfaq,Bob\n")
        .write("prompts/greet/tests/more.jsonl", "{}\n")
        .write("prompts/greet/tests/.hidden.csv", "");
    assert_snapshot!(sandbox.session(&[&["check"]]));
}

/// What the help of the first warning says to write, between its first two backticks behind `from`.
fn advised<'a>(shown: &'a str, from: &str) -> &'a str {
    let help = shown.split("= help: ").nth(1).unwrap();
    help.split(from).nth(1).unwrap().split('`').next().unwrap()
}

#[test]
fn what_the_help_says_of_an_unread_data_set_can_be_typed() {
    const SUITE: &str = "prompts/greet/tests/test_cases.yaml";
    for (file, name) in [
        ("faq.CSV", "faq.csv"),
        ("a, b [1].csv", "a, b [1].csv"),
        ("it's.jsonl", "it's.jsonl"),
        ("- x.CSV", "- x.csv"),
    ] {
        let sandbox = Sandbox::new();
        let rows = if file.contains("jsonl") {
            "{\"name\": \"row\", \"inputs\": {\"name\": \"Bob\"}}\n"
        } else {
            "name,inputs.name\nrow,Bob\n"
        };
        sandbox.write(&format!("prompts/greet/tests/{file}"), rows);
        let shown = sandbox.run(&["check"]).stderr;
        if file != name {
            assert_eq!(advised(&shown, "rename it to `"), name, "{shown}");
            fs::rename(
                sandbox.path(&format!("prompts/greet/tests/{file}")),
                sandbox.path(&format!("prompts/greet/tests/{name}")),
            )
            .unwrap();
        }
        let entry = advised(&shown, "write `").to_owned();
        sandbox.edit(
            SUITE,
            "cases:",
            &format!("validators: [{{max_words: 9}}]\ndatasets:\n  {entry}\ncases:"),
        );
        let checked = sandbox.run(&["check"]);
        assert_eq!(
            (checked.stdout.as_str(), checked.stderr.as_str()),
            ("ok: 1 prompt, 1 version, 2 cases\n", "")
        );
    }
}

#[test]
fn rows_that_a_program_or_the_suite_of_another_prompt_reads_are_read() {
    const SUITE: &str = "prompts/greet/tests/test_cases.yaml";
    let sandbox = Sandbox::new();
    let row = "name,inputs.name\nrow,Bob\n";
    for file in ["allowed.jsonl", "lists/a.csv", "shared.csv"] {
        sandbox.write(&format!("prompts/greet/tests/{file}"), row);
    }
    let programs =
        "validators:\n  - max_words: 9\n  - command: [sh, check.sh, allowed.jsonl, lists/]\ncases:";
    sandbox.write("prompts/greet/tests/check.sh", "").edit(SUITE, "cases:", programs);
    let suite = sandbox.read(SUITE).replace(
        programs,
        "validators: [{max_words: 9}]\ndatasets: [{file: ../../greet/tests/shared.csv}]\ncases:",
    );
    for (file, text) in [
        ("prompt.yaml", crate::sandbox::PROMPT.replace("greet", "other")),
        ("v1.0.0.txt", crate::sandbox::TEXT.to_owned()),
        ("tests/test_cases.yaml", suite),
    ] {
        sandbox.write(&format!("prompts/other/{file}"), text);
    }
    for named in [&["check"][..], &["check", "greet"]] {
        let checked = sandbox.run(named);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.shown());
    }
    // What nobody names is told all the same.
    sandbox.write("prompts/greet/tests/forgotten.csv", row);
    assert!(sandbox.run(&["check"]).stderr.contains("forgotten.csv"));
}
