//! The committed JSON Schemas are those that the binary prints; `UPDATE_DOCS=1 cargo test --workspace --test it -- schema` writes
//! them.

use std::path::Path;

use crate::sandbox::Sandbox;

#[test]
fn committed_schemas_are_up_to_date() {
    let sandbox = Sandbox::empty();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let kinds = kinds(&sandbox);
    let mut outdated = Vec::new();
    for kind in &kinds {
        let file = directory.join(format!("{kind}.schema.json"));
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        let printed = sandbox.run(&["schema", kind]).stdout;
        if committed.replace("\r\n", "\n") == printed {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(file, printed).unwrap();
        } else {
            outdated.push(kind);
        }
    }
    assert!(
        outdated.is_empty(),
        "schemas of docs/schemas are out of date: {outdated:?}: UPDATE_DOCS=1 cargo test --workspace --test it -- schema"
    );
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), kinds.len(), "{kinds:?}");
}

/// The kinds of files that have a schema, as the binary lists them.
fn kinds(sandbox: &Sandbox) -> Vec<String> {
    let seen = sandbox.run(&["schema", "nothing"]);
    let list = seen.stderr.split("[possible values: ").nth(1).and_then(|rest| rest.split(']').next());
    let list = list.unwrap_or_else(|| panic!("{}", seen.shown()));
    list.split(", ").map(str::to_owned).collect()
}

/// The first line of a file, if it names a schema: the file that it names.
fn named_schema(sandbox: &Sandbox, file: &str) -> Option<std::path::PathBuf> {
    let text = sandbox.read(file);
    let path = text.lines().next()?.strip_prefix("# yaml-language-server: $schema=")?;
    Some(sandbox.path(file).parent().unwrap().join(path))
}

#[test]
fn files_that_are_made_name_a_schema_that_is_there() {
    let sandbox = Sandbox::empty();
    for arguments in [
        &["init"][..],
        &["new", "order_status"],
        &["experiment", "new", "support_reply", "warmer", "--treatment", "1.1.0"],
    ] {
        let made = sandbox.run(arguments);
        assert_eq!(made.code, Some(0), "{}", made.shown());
    }
    let mut kinds = Vec::new();
    for file in sandbox.files("prompts") {
        if std::path::Path::new(&file).extension() != Some("yaml".as_ref()) {
            continue;
        }
        let schema = named_schema(&sandbox, &file).unwrap_or_else(|| panic!("{file} names no schema"));
        let kind = schema.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
        let expected = match file.rsplit('/').next().unwrap() {
            "registry.yaml" => "registry",
            "prompt.yaml" => "prompt",
            "test_cases.yaml" => "test_cases",
            _ => "experiment",
        };
        assert_eq!(kind, expected, "{file}");
        let there = std::fs::read_to_string(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(there, sandbox.run(&["schema", &kind]).stdout, "{file}");
        kinds.push(kind);
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn schemas_are_made_where_there_are_none_and_brought_up_to_date_on_request() {
    let sandbox = Sandbox::new();
    let made = sandbox.run(&["new", "order_status"]);
    assert!(made.stdout.contains("created prompts/.schemas/prompt.schema.json"), "{}", made.stdout);
    assert!(named_schema(&sandbox, "prompts/order_status/prompt.yaml").unwrap().exists());
    sandbox.edit("prompts/.schemas/prompt.schema.json", "\"active_version\"", "\"activated_version\"");
    let again = sandbox.run(&["new", "second"]);
    assert!(!again.stdout.contains(".schemas"), "what is there is left alone: {}", again.stdout);
    insta::assert_snapshot!(sandbox.session(&[
        &["check", "greet"],
        &["schema", "--write"],
        &["schema", "--write"],
        &["check", "greet"],
        &["schema"],
        &["schema", "--write", "prompt"],
        &["schema", "--write", "--prompts", "nowhere"],
    ]));
}
