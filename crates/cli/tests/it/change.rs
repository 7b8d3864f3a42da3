//! The commands that write: init, new, add, register, activate.

use std::fs;

use insta::assert_snapshot;

use crate::sandbox::{PROMPT, SUITE, Sandbox, TEXT};

#[test]
fn init_makes_a_tree_that_works_at_once() {
    let sandbox = Sandbox::empty();
    assert_snapshot!(sandbox.session(&[&["init"], &["check"], &["check", "--locked"], &["list"]]));
    if sandbox.git(&["init", "-q"]) {
        sandbox.git(&["check-ignore", "-q", "prompts/.promptassay.lock"]);
    }
    let evaluated = sandbox.run(&["eval", "--offline"]);
    assert_eq!(evaluated.code, Some(0), "{}", evaluated.shown());
    assert!(evaluated.stdout.contains("PASSED"), "{}", evaluated.stdout);
}

#[test]
fn init_touches_nothing_that_is_there() {
    let sandbox = Sandbox::empty();
    sandbox.write("prompts/mine.txt", "mine").write(".gitignore", "x\n");
    assert_snapshot!(sandbox.session(&[&["init"]]));
    assert_eq!(sandbox.files("prompts"), ["prompts/mine.txt"]);

    let elsewhere = sandbox.json(&["init", "--prompts", "ai/prompts"]);
    assert_eq!(elsewhere["created"][0], "ai/prompts/.gitattributes");
    assert_eq!(sandbox.read(".gitignore"), "x\n");
    assert_eq!(sandbox.run(&["check", "--prompts", "ai/prompts"]).code, Some(0));
}

#[test]
fn a_new_prompt_is_sound_as_it_is() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.session(&[
        &["new", "order_status"],
        &["check", "order_status"],
        &["render", "order_status", "--var", "question=Where is it?"],
        &["new", "order_status"],
        &["new", "Order Status"],
        &["new", "x", "--prompts", "nowhere"],
    ]));
    // What holds nothing is in nobody's way; a link that leads nowhere is something.
    fs::create_dir_all(sandbox.path("prompts/empty/tests")).unwrap();
    assert_eq!(sandbox.run(&["new", "empty"]).code, Some(0));
    #[cfg(unix)]
    {
        fs::create_dir_all(sandbox.path("prompts/linked")).unwrap();
        std::os::unix::fs::symlink("nothing", sandbox.path("prompts/linked/prompt.yaml")).unwrap();
        assert_eq!(sandbox.run(&["new", "linked"]).code, Some(2));
    }
    let version = sandbox.json(&["new", "second"]);
    assert_eq!(
        (&version["name"], &version["created"][1]),
        (&"second".into(), &"prompts/second/v0.1.0.txt".into())
    );
}

#[test]
fn a_version_is_added_without_being_registered() {
    let sandbox = Sandbox::new();
    sandbox.write("draft.txt", "Say hello to {name}.\n").write(
        "chat.yaml",
        "messages:\n  - {role: system, content: \"Be {tone}.\"}\n  - {role: user, content: \"{name}\"}\n",
    );
    assert_snapshot!(sandbox.session(&[
        &["add", "greet"],
        &["add", "greet", "--from", "draft.txt", "--bump", "patch"],
        &["add", "greet", "--from", "chat.yaml", "--bump", "major"],
        &["add", "greet", "3.0.0-rc.1", "--from", "draft.txt"],
        &["log", "greet"],
    ]));
    assert_eq!(sandbox.read("prompts/greet/v1.1.0.txt"), TEXT);
    assert_eq!(sandbox.read("prompts/greet/v1.1.1.txt"), "Say hello to {name}.\n");
    let added = sandbox
        .run_with_input(&["add", "greet", "--from", "-", "--format", "json"], "Hi {name}, no line feed");
    assert_eq!(added.code, Some(0), "{}", added.shown());
    assert_eq!(sandbox.read("prompts/greet/v3.0.0.txt"), "Hi {name}, no line feed");
    let copied = sandbox.run(&["add", "greet", "--from", "v1.1.1"]);
    assert!(copied.code == Some(0) && copied.stderr.contains("a copy of v1.1.1"), "{}", copied.shown());
    assert_eq!(sandbox.read("prompts/greet/v3.1.0.txt"), "Say hello to {name}.\n");
}

#[test]
fn a_new_version_that_needs_more_than_the_prompt_has_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("chat.YAML", "messages:\n  - {role: user, content: 'Greet {name}, {mood}'}\n");
    let seen = sandbox.run(&["add", "greet", "--from", "chat.YAML"]);
    assert!(
        seen.code == Some(0)
            && seen.stdout.starts_with("added prompts/greet/v1.1.0.yaml")
            && seen.stderr.contains("warning:")
            && seen.stderr.contains("`mood`"),
        "{}",
        seen.shown()
    );
}

#[test]
fn what_cannot_be_added_is_not() {
    let sandbox = Sandbox::new();
    sandbox.write("draft.txt", "Reply as {\"text\": 1} to {name}.\n").write("chat.yaml", "messages: []\n");
    let before = sandbox.files("prompts");
    assert_snapshot!(sandbox.session(&[
        &["add", "greet", "--from", "draft.txt"],
        &["add", "greet", "--from", "chat.yaml"],
        &["add", "greet", "--from", "nothing.txt"],
        &["add", "greet", "--from", "v7.0.0"],
        &["add", "greet", "--version", "v1.0.0"],
        &["add", "greet", "--version", "1.1"],
        &["add", "greet", "--version", "v2.0.0", "--bump", "major"],
        &["add", "greet", "v2.0.0", "--bump", "major"],
        &["add", "gret"],
        &["add", "Greet me"],
    ]));
    let latin = sandbox.run_with_input(&["add", "greet", "--from", "-"], b"caf\xe9");
    assert_eq!(latin.code, Some(2), "{}", latin.shown());
    let mut after = sandbox.files("prompts");
    after.retain(|file| file != "prompts/.promptassay.lock");
    assert_eq!(after, before);
}

#[test]
fn a_prompt_without_a_version_can_be_given_one() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/empty/prompt.yaml", "name: empty\n").write("draft.txt", "Hello.\n");
    assert_snapshot!(sandbox.session(&[
        &["add", "empty"],
        &["add", "empty", "--from", "draft.txt"],
        &["render", "empty"],
    ]));
}

#[test]
fn registering_freezes_a_text() {
    let sandbox = Sandbox::new();
    let register: &[&str] = &[
        "register",
        "greet",
        "v1.0.0",
        "-m",
        "The first greeting",
        "--by",
        "Ada <ada@example.com>",
        "--metadata",
        "ticket=SUP-12",
    ];
    assert_snapshot!(sandbox.session(&[register, register, &["log", "greet"], &["check", "--locked"]]));
    assert_snapshot!(
        "registering_freezes_a_text.lock",
        sandbox.clean(&sandbox.read("prompts/greet/prompt.lock"))
    );

    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "greet");
    assert_snapshot!(
        "a_registered_text_that_was_edited",
        sandbox.session(&[
            &["check"],
            &["render", "greet", "--var", "name=Ada"],
            register,
            &["activate", "greet", "latest"]
        ])
    );
}

#[test]
fn a_text_with_an_unresolved_merge_is_not_frozen() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/greet/v1.1.0.txt",
        "Greet {name} {tone}.\n<<<<<<< HEAD\nBe kind.\n=======\nBe polite.\n>>>>>>> change\n",
    );
    assert_snapshot!(sandbox.session(&[
        &["check"],
        &["register", "greet", "1.1.0", "-m", "x", "--by", "Ada"],
        &["check", "--locked"]
    ]));
}

#[test]
fn who_registers_comes_from_git_or_must_be_said() {
    let sandbox = Sandbox::new();
    let register: &[&str] = &["register", "greet", "1.0.0", "-m", "First"];
    assert_snapshot!(sandbox.session(&[
        register,
        &["register", "greet", "1.0.0"],
        &["register", "greet", "1.0.0", "-m", " "],
        &["register", "greet", "1.0.1", "-m", "First", "--by", "Ada"],
        &["register", "gret", "1.0.0", "-m", "First", "--by", "Ada"],
        &["register", "greet", "v1.0", "-m", "First", "--by", "Ada"],
        &["register", "greet", "latest", "-m", "First", "--by", "Ada"],
        &["register", "greet", "1.0.0", "-m", "First", "--by", "Ada", "--metadata", "ticket"],
        &[
            "register",
            "greet",
            "1.0.0",
            "-m",
            "First",
            "--by",
            "Ada",
            "--metadata",
            "a=1",
            "--metadata",
            "a=2"
        ],
    ]));
    assert!(!sandbox.path("prompts/greet/prompt.lock").exists());

    sandbox.write(".gitconfig", "[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n");
    let registered = sandbox.json(register);
    assert_eq!(registered["created_by"], "Ada Lovelace <ada@example.com>");
    assert_eq!(registered["already"], false);
    assert_eq!(sandbox.json(register)["already"], true);
}

#[test]
fn activating_changes_one_value_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox
        .write("prompts/greet/v1.9.0.txt", "{name} {tone} 9\n")
        .write("prompts/greet/v1.10.0.txt", "{name} {tone} 10\n");
    assert_snapshot!(sandbox.session(&[
        &["activate", "greet", "1.9.0"],
        &["activate", "greet", "v1.9.0"],
        &["activate", "greet", "latest"],
        &["activate", "greet", "v1.8.0"],
        &["activate", "greet", "v1.10"],
        &["activate", "gret", "v1.10.0"],
    ]));
    assert_eq!(
        sandbox.read("prompts/greet/prompt.yaml"),
        PROMPT.replace("active_version: v1.0.0", "active_version: latest")
    );
    let activated = sandbox.json(&["activate", "greet", "latest", "-q"]);
    // Who registers some versions is told of those that are not.
    sandbox.run(&["register", "greet", "v1.0.0", "-m", "First", "--by", "Ada"]);
    assert_snapshot!(
        "activating_a_version_that_is_not_registered",
        sandbox.session(&[&["activate", "greet", "v1.9.0"]])
    );
    assert_eq!((&activated["active_version"], &activated["changed"]), (&"1.10.0".into(), &false.into()));
}

#[test]
fn mistakes_elsewhere_do_not_stand_in_the_way() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/broken/prompt.yaml", "name: brokn\n").write("prompts/broken/v1.0.0.txt", "x");
    for arguments in [
        &["render", "greet", "--var", "name=Ada"][..],
        &["show", "greet"],
        &["add", "greet"],
        &["activate", "greet", "v1.1.0"],
        &["check", "greet"],
    ] {
        let seen = sandbox.run(arguments);
        assert_eq!(seen.code, Some(0), "{arguments:?}\n{}", seen.shown());
    }
    assert_eq!(sandbox.run(&["check"]).code, Some(2));
    assert_eq!(sandbox.read("prompts/greet/tests/test_cases.yaml"), SUITE);
}

#[test]
fn a_prompt_moves_from_format_to_jinja_by_the_steps_of_the_page() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["register", "greet", "v1.0.0", "-m", "First", "--by", "Ada"]).code, Some(0));
    let prompt = sandbox.read("prompts/greet/prompt.yaml");
    sandbox.write("prompts/greet/prompt.yaml", format!("{prompt}template_format: jinja\n"));
    for copy in [&["add", "greet", "--from", "v1.0.0"][..], &["add", "greet"]] {
        let refused = sandbox.run(copy);
        assert_eq!(refused.code, Some(2), "{}", refused.shown());
        assert!(
            refused.stderr.contains("v1.0.0 is a text of `template_format: format`"),
            "{}",
            refused.shown()
        );
    }
    // The way that the page and the help name.
    let text = sandbox.read("prompts/greet/v1.0.0.txt");
    sandbox.write("draft.txt", text.replace("{name}", "{{ name }}").replace("{tone}", "{{ tone }}"));
    assert_eq!(sandbox.run(&["add", "greet", "v2.0.0", "--from", "./draft.txt"]).code, Some(0));
    let rendered = |version: &str| sandbox.run(&["render", "greet", version, "--var", "name=Ada"]).stdout;
    assert_eq!(rendered("v2.0.0"), rendered("v1.0.0"));
    // Of what is written in today's language a copy is a copy.
    assert_eq!(sandbox.run(&["add", "greet"]).code, Some(0));
    // And back.
    assert_eq!(sandbox.run(&["register", "greet", "v2.0.0", "-m", "Jinja", "--by", "Ada"]).code, Some(0));
    assert_eq!(sandbox.run(&["register", "greet", "v2.1.0", "-m", "Jinja", "--by", "Ada"]).code, Some(0));
    sandbox.write("prompts/greet/prompt.yaml", prompt);
    assert_eq!(sandbox.run(&["add", "greet"]).code, Some(2));
}
