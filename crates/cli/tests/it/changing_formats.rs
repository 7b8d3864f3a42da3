//! What a change of prompt.lock does to how a text is read: the same bytes say something else in the other template format.

#![expect(clippy::format_push_string, reason = "rows of a few hundred; the line says what they look like")]

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen};

const LOCK: &str = "prompts/greet/prompt.lock";
const PROMPT: &str = "prompts/greet/prompt.yaml";

/// `greet` with a suite of one case and recorded replies; nothing is committed yet.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let suite = "gate: {min_pass_rate: 0.5}\ncases:\n  - {name: ada, inputs: {name: Ada}, validators: [contains: please]}\n";
    let reply = "{\"case\": \"ada\", \"version\": \"1.0.0\", \"model\": \"default\", \"repeat\": 1, \"text\": \"Yes please\", \
                 \"finish_reason\": \"stop\", \"source\": \"hand\"}\n";
    sandbox
        .write("prompts/greet/tests/test_cases.yaml", suite)
        .write("replies/greet.jsonl", reply)
        .write(".gitignore", ".promptassay/\n");
    sandbox
}

/// Registers v1.0.0 in this format, and gives what prompt.yaml was before that.
fn register(sandbox: &Sandbox, format: &str) -> String {
    let before = sandbox.read(PROMPT);
    sandbox.write(PROMPT, format!("{before}template_format: {format}\n"));
    let registered = sandbox.run(&["register", "greet", "1.0.0", "-m", "for a test", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.stderr);
    before
}

/// What is said of the change, compared with `main`: by the gate and by the hook.
fn said(sandbox: &Sandbox) -> String {
    let Seen { code, stdout, stderr } = sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
    let gate: Vec<&str> =
        stdout.lines().filter(|line| line.starts_with("gate") || line.starts_with("skipped:")).collect();
    let seen = format!("{stderr}{}\nexit {}\n", gate.join("\n"), code.unwrap());
    let hook = sandbox.run(&["check", "--frozen-since", "main"]);
    let hook = format!("{}{}exit {}\n", hook.stderr, hook.stdout, hook.code.unwrap());
    sandbox.clean(&format!("{seen}--- the hook\n{hook}"))
}

#[test]
fn a_row_by_which_an_unregistered_text_is_read_otherwise_rewrites_it() {
    let sandbox = sandbox();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    let before = register(&sandbox, "jinja");
    sandbox.write(PROMPT, &before);
    assert_snapshot!(said(&sandbox));
    // In the format in which it is read anyway, a row changes nothing.
    std::fs::remove_file(sandbox.path(LOCK)).unwrap();
    register(&sandbox, "format");
    sandbox.write(PROMPT, before);
    let seen = said(&sandbox);
    assert!(seen.contains("skipped: ") && seen.ends_with("exit 0\n") && !seen.contains("warning"), "{seen}");
}

#[test]
fn a_row_of_before_the_format_was_kept_may_get_only_the_one_that_it_was_read_in() {
    let sandbox = sandbox();
    register(&sandbox, "format");
    sandbox.edit(LOCK, "    template_format: format\n", "");
    // Nothing of the row tells the format any more.
    sandbox.edit(PROMPT, "max_length: 20", "max_length: 30");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    let without = sandbox.read(LOCK);
    let with = |format: &str| {
        without.replace("    created_at", &format!("    template_format: {format}\n    created_at"))
    };
    sandbox.write(LOCK, with("jinja"));
    let seen = said(&sandbox);
    sandbox.write(LOCK, with("format"));
    assert_snapshot!(seen + "## in the same format\n" + &said(&sandbox));
}

#[test]
fn a_format_that_nothing_tells_is_written_into_the_row_by_hand_and_one_that_is_proven_by_register() {
    let sandbox = sandbox();
    let before = register(&sandbox, "format");
    sandbox.edit(LOCK, "    template_format: format\n", "");
    let checked = || {
        let Seen { code, stdout, stderr } = sandbox.run(&["check"]);
        sandbox.clean(&format!("{stderr}{stdout}exit {}\n\n", code.unwrap()))
    };
    let mut seen = format!("## proven\n{}", checked());
    let without = sandbox.read(LOCK);
    let again = sandbox.run(&["register", "greet", "1.0.0", "-m", "its format", "--by", "Bob"]);
    seen.push_str(&sandbox.clean(&again.shown()));
    assert!(sandbox.read(LOCK).contains("    template_format: format\n"), "{}", sandbox.read(LOCK));
    seen.push_str(&checked());
    // Edited before that, nothing tells it any more.
    let edited = before.replace("max_length: 20", "max_length: 30");
    sandbox.write(LOCK, &without).write(PROMPT, edited + "template_format: jinja\n");
    seen.push_str(&format!("## not told\n{}", checked()));
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    let told = without.replace("    created_at", "    template_format: format\n    created_at");
    sandbox.write(LOCK, told);
    seen.push_str(&format!("## told\n{}", said(&sandbox)));
    assert_snapshot!(seen);
}

#[test]
fn a_version_of_which_nothing_tells_the_format_is_served_looked_at_and_built_on_by_nobody() {
    let sandbox = sandbox();
    register(&sandbox, "format");
    assert_eq!(sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada", "--reason", "live"]).code, Some(0));
    // A row of before the format was kept, and the variable has another name and a limit since, with the format.
    sandbox.edit(LOCK, "    template_format: format\n", "");
    sandbox.edit(PROMPT, "template_format: format", "template_format: jinja");
    sandbox.edit(
        PROMPT,
        "  name: {type: string, max_length: 20}",
        "  person: {type: string, max_length: 30}",
    );
    sandbox.write("prompts/greet/v2.0.0.txt", "Greet {{ person }}.\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "{name: Ada}", "{person: Ada}");
    let commands: [&[&str]; 11] = [
        &["check"],
        &["eval", "greet", "--offline"],
        &["eval", "greet", "--version", "v2.0.0", "--offline"],
        &["render", "greet", "v1.0.0", "--var", "person=Ada"],
        &["render", "greet", "v2.0.0", "--var", "person=Ada"],
        &["resolve", "greet", "--unit", "u1"],
        &["snapshot", "greet"],
        &["register", "greet", "1.0.0", "-m", "its format", "--by", "Ada"],
        &["register", "greet", "2.0.0", "-m", "the next", "--by", "Ada"],
        &["promote", "greet", "2.0.0", "--to", "testing", "--reason", "the next", "--by", "Ada"],
        &["verify", "greet"],
    ];
    let before = sandbox.read(LOCK);
    for arguments in commands {
        let Seen { code, stdout, stderr } = sandbox.run(arguments);
        let expected = if arguments[0] == "verify" { 1 } else { 2 };
        assert_eq!(code, Some(expected), "{arguments:?}: {stdout}{stderr}");
        let is_told = stderr.contains("nothing says in which template format v1.0.0 was registered");
        assert!(
            is_told && stderr.contains("write `    template_format: format` or"),
            "{arguments:?}: {stderr}"
        );
    }
    assert_eq!(sandbox.read(LOCK), before);
    let mut seen = sandbox.clean(&sandbox.run(&["check"]).stderr);
    // A text that is none of today's format.
    let text = "Greet {name} in a {tone} tone, as {{\"text\": \"…\"}}.\n";
    let digest = |text: &str| promptassay_registry::digest::Digest::of(text).to_string();
    sandbox.write("prompts/greet/v1.0.0.txt", text);
    sandbox.write(LOCK, before.replace(&digest(crate::sandbox::TEXT), &digest(text)));
    seen.push_str(&sandbox.clean(&sandbox.run(&["check"]).stderr));
    assert_snapshot!(seen);
    // The help, followed; and what was renamed is declared for the version that still uses it.
    let (_, help) = seen.split_once("write `").unwrap();
    let (line, help) = help.split_once('`').unwrap();
    let (_, number) = help.split_once("below line ").unwrap();
    let number: usize = number.split_once(',').unwrap().0.parse().unwrap();
    let mut lines: Vec<&str> = before.lines().collect();
    lines.insert(number, line);
    sandbox.write("prompts/greet/v1.0.0.txt", crate::sandbox::TEXT).write(LOCK, lines.join("\n") + "\n");
    sandbox.edit(PROMPT, "  person:", "  name: {default: Ada}\n  person:");
    for arguments in &commands[..10] {
        let seen = sandbox.run(arguments);
        let is_asked = arguments[0] != "eval";
        assert!(!is_asked || seen.code == Some(0), "{arguments:?}: {}", seen.shown());
        assert!(!seen.stderr.contains("nothing says in which"), "{arguments:?}: {}", seen.stderr);
    }
    let rendered = sandbox.run(&["render", "greet", "v1.0.0", "--var", "person=Ada"]);
    assert_eq!(rendered.stdout, "Greet Ada in a warm tone.\n", "{}", rendered.stderr);
    assert_eq!(sandbox.run(&["verify", "greet"]).code, Some(0));
}

#[test]
fn what_was_no_text_where_the_change_began_keeps_nobody_from_mending_it() {
    // What declares nothing makes the texts of that day be looked at, too.
    let undeclared = "name: greet\nactive_version: v1.0.0\n";
    for (broken, mended) in [(PROMPT, crate::sandbox::PROMPT), ("prompts/greet/v1.0.0.txt", undeclared)] {
        for is_registered in [false, true] {
            let sandbox = sandbox();
            sandbox.write(PROMPT, mended);
            if is_registered {
                let registered =
                    sandbox.run(&["register", "greet", "1.0.0", "-m", "for a test", "--by", "Ada"]);
                assert_eq!(registered.code, Some(0), "{}", registered.stderr);
            }
            let text = sandbox.read(broken);
            sandbox.write(broken, b"\xff\xfe");
            if !sandbox.commit_to_main() {
                return;
            }
            sandbox.git(&["checkout", "-qb", "change"]);
            sandbox.write(broken, text);
            sandbox.edit(
                "prompts/greet/tests/test_cases.yaml",
                "inputs: {name: Ada}",
                "inputs: {name: Ada, tone: warm}",
            );
            let seen = sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
            assert!(!seen.stderr.contains("not UTF-8"), "{broken}: {}", seen.shown());
            assert!(seen.stdout.contains("gate  greet v1.0.0"), "{broken}: {}", seen.shown());
            let hook = sandbox.run(&["check", "--frozen-since", "main"]);
            assert!(!hook.stderr.contains("not UTF-8"), "{broken}: {}", hook.shown());
        }
    }
}
