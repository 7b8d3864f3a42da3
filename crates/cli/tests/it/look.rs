//! The commands that show what is there: list, show, log, diff.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::sandbox::{Sandbox, TEXT};

/// `greet` with three versions of both forms; the first is registered.
fn three_versions() -> Sandbox {
    let sandbox = Sandbox::new();
    let registered = sandbox.run(&[
        "register",
        "greet",
        "v1.0.0",
        "-m",
        "The first greeting\n\nIt is short.",
        "--by",
        "Ada",
        "--metadata",
        "ticket=7",
    ]);
    assert_eq!(registered.code, Some(0), "{}", registered.shown());
    sandbox
        .write("prompts/greet/v1.1.0.txt", "Greet {name} kindly.\n\nUse a {tone} tone.\nStay under 20 words.\n")
        .write(
            "prompts/greet/v2.0.0.yaml",
            "messages:\n  - role: system\n    content: |\n      Use a {tone} tone.\n      Stay under 30 words.\n  - {role: user, content: \"Greet {name} kindly.\"}\nparams: {max_output_tokens: 60}\n",
        )
        .write(
            "prompts/greet/v2.1.0.yaml",
            "messages:\n  - role: system\n    content: |\n      Use a warm tone.\n      Stay under 30 words.\n  - {role: user, content: \"Greet {name} kindly.\"}\nparams: {max_output_tokens: 80, temperature: 0.5}\nresponse_format: json_object\n",
        );
    sandbox
}

#[test]
fn prompts_are_listed_and_shown() {
    let sandbox = three_versions();
    assert_snapshot!(sandbox.session(&[
        &["list"],
        &["show", "greet"],
        &["show", "greet", "--version", "v2.1.0"],
        &["log", "greet"],
        &["show", "gret"],
        &["show", "completely_other"],
        &["show", "greet", "1.0.0"],
        &["show", "greet", "1.0.1"],
        &["show", "greet@1.0.0"],
        &["show", "greet", "1.0.0", "--version", "1.0.0"],
        &["show", "greet", "--version", "newest"],
    ]));
}

#[test]
fn what_people_see_is_there_for_programs() {
    let sandbox = three_versions();
    let clean = |value: &serde_json::Value| -> serde_json::Value {
        serde_json::from_str(&sandbox.clean(&value.to_string())).unwrap()
    };
    assert_json_snapshot!("list.json", sandbox.json(&["list"]));
    assert_json_snapshot!("show.json", clean(&sandbox.json(&["show", "greet"])));
    assert_json_snapshot!(
        "show_chat.json",
        sandbox.json(&["show", "greet", "--version", "v2.1.0"])["version"]
    );
    assert_json_snapshot!("log.json", clean(&sandbox.json(&["log", "greet"])));
    assert_json_snapshot!("diff.json", sandbox.json(&["diff", "greet", "v1.1.0", "v2.1.0"]));
}

#[test]
fn versions_are_compared_word_by_word() {
    let sandbox = three_versions();
    assert_snapshot!(sandbox.session(&[
        &["diff", "greet", "v1.0.0", "v1.1.0"],
        &["diff", "greet", "v1.1.0", "v2.0.0"],
        &["diff", "greet", "v2.0.0", "v2.1.0"],
        &["diff", "greet", "1.0.0", "latest"],
        &["diff", "greet", "v1.0.0", "v3.0.0"],
        &["diff", "greet", "v2.0.0"],
        &["diff", "greet"],
    ]));
}

#[test]
fn a_changed_interface_is_pointed_out() {
    let sandbox = three_versions();
    sandbox.edit("prompts/greet/prompt.yaml", "enum: [warm, dry]", "enum: [warm, dry, formal]");
    let registered = sandbox.run(&["register", "greet", "v1.1.0", "-m", "Kinder", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.shown());
    assert_snapshot!(sandbox.session(&[&["diff", "greet", "v1.0.0", "v1.1.0"], &["check"]]));
}

#[test]
fn what_a_file_says_cannot_draw_on_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/v1.1.0.txt", TEXT.replace("Greet", "\u{1b}[31mGreet\r\u{202e}"));
    sandbox.edit("prompts/greet/prompt.yaml", "A greeting", "\"A \\e[31mgreeting\"");
    let shown = sandbox.session(&[
        &["list"],
        &["show", "greet", "--version", "latest"],
        &["diff", "greet", "v1.0.0", "v1.1.0"],
    ]);
    assert!(!shown.contains(['\u{1b}', '\r', '\u{202e}']), "{shown}");
    // What is sent is sent as it is.
    let rendered = sandbox.run(&["render", "greet", "--version", "latest", "--var", "name=Ada"]);
    assert_eq!(rendered.stdout, "\u{1b}[31mGreet\r\u{202e} Ada in a warm tone.\n");
}

#[test]
fn without_a_prompts_directory_every_command_says_the_same() {
    let sandbox = Sandbox::empty();
    for command in [
        &["list"][..],
        &["check"],
        &["eval"],
        &["eval", "greet"],
        &["runs", "list"],
        &["report"],
        &["compare", "one", "two"],
        &["power"],
        &["cache", "stats"],
        &["verify"],
        &["blame"],
        &["status"],
        &["experiment", "list"],
    ] {
        let seen = sandbox.run(command);
        assert_eq!(seen.code, Some(2), "{command:?}");
        let said = seen.stderr + &seen.stdout;
        assert!(
            said.starts_with("error: there is no prompts directory here\n --> prompts\n"),
            "{command:?}: {said}"
        );
        assert_eq!(said.matches("error: ").count(), 1, "{command:?}: {said}");
    }
}

#[test]
fn the_same_bytes_are_another_text_in_the_other_template_format() {
    let sandbox = three_versions();
    for version in ["v1.1.0.txt", "v2.0.0.yaml", "v2.1.0.yaml"] {
        std::fs::remove_file(sandbox.path(&format!("prompts/greet/{version}"))).unwrap();
    }
    sandbox
        .write("prompts/greet/v1.1.0.txt", TEXT)
        .write("prompts/greet/prompt.yaml", "name: greet\nactive_version: v1.0.0\ntemplate_format: jinja\n");
    assert_snapshot!(sandbox.session(&[
        &["check"],
        &["diff", "greet", "v1.0.0", "v1.1.0"],
        &["add", "greet", "--from", "v1.0.0"],
        &["add", "greet", "--from", "v1.1.0"],
    ]));
}

#[test]
fn a_mistake_in_a_draft_hides_no_other_version() {
    let sandbox = three_versions();
    sandbox.write("prompts/greet/v2.2.0.txt", "Greet {name\n");
    let suite = "cases:\n  - {name: ada, inputs: {name: Ada}, validators: [min_words: 1]}\n";
    let reply = "{\"case\": \"ada\", \"version\": \"1.0.0\", \"model\": \"default\", \"repeat\": 1, \"text\": \"Hello\", \
                 \"finish_reason\": \"stop\", \"source\": \"hand\"}\n";
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", reply);
    let said = |arguments: &[&str]| {
        let seen = sandbox.run(arguments);
        let stdout = seen.stdout.lines().next().unwrap_or_default();
        sandbox.clean(&format!(
            "$ {}\n{}{stdout}\nexit {}\n\n",
            arguments.join(" "),
            seen.stderr,
            seen.code.unwrap()
        ))
    };
    let seen: Vec<String> = [
        &["list"][..],
        &["log", "greet"],
        &["show", "greet"],
        &["render", "greet", "v1.0.0", "--var", "name=Ada"],
        &["diff", "greet", "v1.0.0", "v2.0.0"],
        &["eval", "greet", "--version", "v1.0.0", "--offline"],
        // It is what is asked about.
        &["show", "greet", "v2.2.0"],
        &["diff", "greet"],
        &["eval", "greet", "--version", "v2.2.0", "--offline"],
        &["eval", "greet", "--offline"],
        &["check"],
    ]
    .into_iter()
    .map(said)
    .collect();
    assert_snapshot!(seen.concat());
}
