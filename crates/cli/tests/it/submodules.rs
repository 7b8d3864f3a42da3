//! What lies in submodules: a dataset of a prompt, a prompt, all of them. A change of the commit that is named there is a change of it.

use std::path::Path;

use insta::assert_snapshot;

use crate::linking::{EVAL, rows, said, sandbox};
use crate::sandbox::{Sandbox, git_command};

fn git_in(directory: &Path, arguments: &[&str]) -> bool {
    let local = ["-c", "protocol.file.allow=always"];
    let output = git_command().arg("-C").arg(directory).args(local).args(arguments).output();
    let Ok(output) = output else {
        skipped!("SKIPPED: git is not installed; submodules were not looked into");
        return false;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn a_dataset_in_a_submodule_changes_with_its_commit() {
    let data = tempfile::tempdir().unwrap();
    let write = |directory: &Path, cases: &[(&str, bool)]| {
        std::fs::write(directory.join("real.jsonl"), rows(cases)).unwrap();
    };
    write(data.path(), &[("one", true), ("two", false)]);
    if !git_in(data.path(), &["init", "-q"]) {
        return;
    }
    git_in(data.path(), &["add", "."]);
    git_in(data.path(), &["commit", "-qm", "rows"]);
    let sandbox = sandbox("../../../data/*.jsonl");
    git_in(&sandbox.path("."), &["init", "-q"]);
    git_in(&sandbox.path("."), &["submodule", "-q", "add", data.path().to_str().unwrap(), "data"]);
    sandbox.commit_to_main();
    assert!(said(&sandbox).contains("skipped:"));
    write(&sandbox.path("data"), &[("two", false), ("three", false)]);
    let mut told = said(&sandbox);
    git_in(&sandbox.path("data"), &["commit", "-qam", "other rows"]);
    told += &said(&sandbox);
    sandbox.git(&["commit", "-qam", "other rows"]);
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.git(&["branch", "-f", "main", "HEAD~1"]);
    told += &said(&sandbox);
    // A change that lets git pass its submodule over hides nothing by that.
    sandbox.git(&["config", "--file", ".gitmodules", "submodule.data.ignore", "all"]);
    sandbox.git(&["commit", "-qm", "pass it over", ".gitmodules"]);
    let seen = said(&sandbox);
    assert!(seen.contains("`one` must pass at main"), "{seen}");
    // A submodule that is replaced by its files cannot be read as it was, and stands in nobody's way.
    sandbox.git(&["checkout", "-q", "main"]);
    sandbox.git(&["rm", "-qf", "--cached", "data"]);
    std::fs::remove_dir_all(sandbox.path("data")).unwrap();
    sandbox.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
    told += &said(&sandbox);
    assert_snapshot!(told);
}

/// A repository with this one as the submodule `vendor`, committed to `main`; `None` where there is no git.
fn around(vendor: &Sandbox) -> Option<Sandbox> {
    if !vendor.commit_to_main() {
        return None;
    }
    let outer = Sandbox::empty();
    outer.write(".gitignore", ".promptassay/\n");
    let _ = std::fs::remove_dir(outer.path(".git"));
    git_in(&outer.path("."), &["init", "-q", "-b", "main"]);
    git_in(&outer.path("."), &["submodule", "-q", "add", vendor.path(".").to_str().unwrap(), "vendor"]);
    outer.commit("vendor");
    outer.git(&["checkout", "-qb", "change"]);
    Some(outer)
}

/// Commits what changed in the submodule, there on its own `main`, and in the repository around it.
fn bump(outer: &Sandbox) {
    git_in(&outer.path("vendor"), &["add", "."]);
    git_in(&outer.path("vendor"), &["commit", "-qm", "next"]);
    outer.commit("bump");
}

#[test]
fn prompts_in_a_submodule_are_compared_with_the_commit_of_the_repository_around_it() {
    let vendor = sandbox("../../../data/*.jsonl");
    vendor.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
    let Some(outer) = around(&vendor) else { return };
    let eval = [&EVAL[..], &["--prompts", "vendor/prompts", "-q"]].concat();
    let frozen = ["check", "--frozen-since", "main", "--prompts", "vendor/prompts"];
    let mut told = outer.session(&[&eval, &frozen]);
    outer.write("vendor/data/real.jsonl", rows(&[("two", false)]));
    outer.write("vendor/prompts/greet/v1.0.0.txt", "Do not greet {name}.");
    bump(&outer);
    told += &outer.session(&[&eval, &frozen]);
    // Within the submodule its own commits are meant, and its `main` is there already.
    let within = outer.command(&EVAL).current_dir(outer.path("vendor")).output().unwrap();
    told += "in vendor: ";
    told += &String::from_utf8_lossy(&within.stdout);
    // From elsewhere the repository around is meant, as from within it.
    let prompts = outer.path("vendor/prompts");
    let mut from_elsewhere =
        outer.command(&[&EVAL[..], &["-q", "--prompts", prompts.to_str().unwrap()]].concat());
    let elsewhere = from_elsewhere.current_dir(std::env::temp_dir()).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(2), "{}", String::from_utf8_lossy(&elsewhere.stdout));
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("must pass at main"));
    // A full id is one of the repository around, and no commit of the submodule is.
    git_in(&outer.path("vendor"), &["tag", "theirs"]);
    told += &outer.session(&[&["check", "--frozen-since", "theirs", "--prompts", "vendor/prompts"]]);
    assert_snapshot!(outer.clean(&told));
}

#[test]
fn a_submodule_that_was_not_there_is_nothing_to_compare_with() {
    let Some(outer) = around(&Sandbox::new()) else { return };
    outer.git(&["branch", "-f", "main", "HEAD"]);
    outer.git(&["checkout", "-q", "--orphan", "other"]);
    outer.git(&["rm", "-q", "--cached", "vendor"]);
    outer.git(&["commit", "-qm", "without"]);
    outer.git(&["branch", "without"]);
    outer.git(&["add", "vendor"]);
    outer.git(&["commit", "-qm", "with"]);
    let prompts = ["--prompts", "vendor/prompts"];
    assert_snapshot!(outer.session(&[
        &[&["check", "--frozen-since", "without"][..], &prompts].concat(),
        &[&["eval", "--offline", "--changed-since", "without"][..], &prompts].concat(),
    ]));
}

#[cfg(unix)]
#[test]
fn a_prompt_that_goes_with_its_submodule_or_its_link_is_said_to_go() {
    let (outer, vendor) = (Sandbox::new(), Sandbox::empty());
    for file in ["prompt.yaml", "v1.0.0.txt", "tests/test_cases.yaml"] {
        vendor.write(file, outer.read(&format!("prompts/greet/{file}")).replace("greet", "far"));
    }
    let _ = std::fs::remove_dir(outer.path(".git"));
    if !vendor.commit_to_main() || !git_in(&outer.path("."), &["init", "-q", "-b", "main"]) {
        return;
    }
    git_in(&outer.path("."), &["submodule", "-q", "add", vendor.path(".").to_str().unwrap(), "prompts/far"]);
    outer.write("prompts/.shared/linked/prompt.yaml", vendor.read("prompt.yaml").replace("far", "linked"));
    outer.write("prompts/.shared/linked/v1.0.0.txt", "Hello {name}");
    std::os::unix::fs::symlink(".shared/linked", outer.path("prompts/linked")).unwrap();
    outer.commit("links");
    outer.git(&["checkout", "-qb", "change"]);
    let check = ["check", "--frozen-since", "main"];
    let mut told = outer.session(&[&check]);
    git_in(&outer.path("prompts/far"), &["rm", "-qr", "."]);
    git_in(&outer.path("prompts/far"), &["commit", "-qm", "gone"]);
    std::fs::remove_file(outer.path("prompts/linked")).unwrap();
    outer.commit("gone");
    told += &outer.session(&[&check]);
    assert_snapshot!(told);
}

#[cfg(unix)]
#[test]
fn a_dataset_behind_two_links_is_read_as_it_was() {
    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("far/real.jsonl", rows(&[("one", true), ("two", false)]));
    for (to, link) in [("far", "near"), ("near", "data")] {
        std::os::unix::fs::symlink(to, sandbox.path(link)).unwrap();
    }
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("far/real.jsonl", rows(&[("two", false), ("three", false)]));
    assert_snapshot!(said(&sandbox));
}

/// A pattern of directories finds what lies behind a link and in a submodule, and found it there at the base.
#[cfg(unix)]
#[test]
fn a_pattern_finds_datasets_behind_links_and_in_submodules_as_they_were() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("rows.jsonl"), rows(&[("three", true)])).unwrap();
    if !git_in(data.path(), &["init", "-q"]) {
        return;
    }
    git_in(data.path(), &["add", "."]);
    git_in(data.path(), &["commit", "-qm", "rows"]);
    let sandbox = sandbox("../../../data/*/rows.jsonl");
    sandbox.write("data/own/rows.jsonl", rows(&[("one", false)]));
    sandbox.write("far/rows.jsonl", rows(&[("two", true)]));
    std::os::unix::fs::symlink("../far", sandbox.path("data/shared")).unwrap();
    git_in(&sandbox.path("."), &["init", "-q"]);
    git_in(&sandbox.path("."), &["submodule", "-q", "add", data.path().to_str().unwrap(), "data/taken"]);
    sandbox.commit_to_main();
    sandbox.write("data/own/rows.jsonl", rows(&[("one", false), ("four", false)]));
    let mut told = said(&sandbox);
    sandbox.write("far/rows.jsonl", rows(&[("five", false)]));
    sandbox.write("data/taken/rows.jsonl", rows(&[("six", false)]));
    git_in(&sandbox.path("data/taken"), &["commit", "-qam", "others"]);
    told += &said(&sandbox);
    assert_snapshot!(told);
}

#[test]
fn a_submodule_that_is_taken_in_throws_its_rules_off_and_that_is_said() {
    let vendor = Sandbox::new();
    let Some(outer) = around(&vendor) else { return };
    outer.git(&["branch", "-f", "main", "HEAD"]);
    let text = vendor.read("prompts/greet/tests/test_cases.yaml");
    outer.git(&["rm", "-qf", "vendor"]);
    for file in ["registry.yaml", "greet/prompt.yaml", "greet/v1.0.0.txt"] {
        outer.write(&format!("vendor/prompts/{file}"), vendor.read(&format!("prompts/{file}")));
    }
    outer.write("vendor/prompts/greet/tests/test_cases.yaml", text);
    outer.commit("taken in");
    assert_snapshot!(outer.session(&[&["check", "--frozen-since", "main", "--prompts", "vendor/prompts"]]));
}

#[test]
fn a_hook_around_a_submodule_looks_at_the_commit_that_it_takes() {
    let vendor = Sandbox::new();
    let Some(outer) = around(&vendor) else { return };
    let register =
        ["register", "greet", "v1.0.0", "-m", "first", "--by", "Ada", "--prompts", "vendor/prompts"];
    let seen = outer.run(&register);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    bump(&outer);
    let check = ["check", "--frozen-since", "HEAD", "--prompts", "vendor/prompts"];
    // What is staged around it is another commit than the one that lies there.
    outer.write("vendor/prompts/greet/v1.0.0.txt", "Do not greet {name} in a {tone} tone.\n");
    git_in(&outer.path("vendor"), &["commit", "-qam", "rewrite"]);
    outer.git(&["add", "vendor"]);
    git_in(&outer.path("vendor"), &["checkout", "-q", "HEAD~1"]);
    let mut told = outer.session(&[&check]);
    outer.git(&["reset", "-q", "--", "vendor"]);
    // What is staged in it alone is in no commit around it.
    git_in(&outer.path("vendor"), &["rm", "-q", "--cached", "prompts/greet/v1.0.0.txt"]);
    told += &outer.session(&[&check]);
    assert_snapshot!(told);
}

/// `prompts/far` is a submodule, and so committed to `main`; `None` where there is no git.
fn with_far() -> Option<Sandbox> {
    let (outer, vendor) = (Sandbox::new(), Sandbox::empty());
    for file in ["prompt.yaml", "v1.0.0.txt", "tests/test_cases.yaml"] {
        vendor.write(file, outer.read(&format!("prompts/greet/{file}")).replace("greet", "far"));
    }
    outer.write(".gitignore", ".promptassay/\n");
    let _ = std::fs::remove_dir(outer.path(".git"));
    if !vendor.commit_to_main() || !git_in(&outer.path("."), &["init", "-q", "-b", "main"]) {
        return None;
    }
    git_in(&outer.path("."), &["submodule", "-q", "add", vendor.path(".").to_str().unwrap(), "prompts/far"]);
    outer.commit("far");
    outer.git(&["checkout", "-qb", "change"]);
    Some(outer)
}

#[test]
fn a_submodule_that_is_removed_with_its_prompt_is_named() {
    let Some(outer) = with_far() else { return };
    outer.git(&["rm", "-qf", "prompts/far"]);
    outer.commit("gone");
    assert_snapshot!(outer.session(&[&["check", "--frozen-since", "main"]]));
}

#[test]
fn a_version_that_comes_with_a_submodule_is_judged() {
    let Some(outer) = with_far() else { return };
    outer.write("prompts/far/v1.1.0.txt", "Hello {name}, in a {tone} tone.\n");
    git_in(&outer.path("prompts/far"), &["add", "."]);
    git_in(&outer.path("prompts/far"), &["commit", "-qm", "next"]);
    outer.commit("bump");
    let seen = outer.run(&["eval", "--dry-run", "--changed-since", "main"]);
    assert!(seen.stdout.contains("v1.1.0"), "{}", seen.shown());
    // What nobody added is no change.
    outer.git(&["branch", "-f", "main", "HEAD"]);
    outer.write("prompts/far/.DS_Store", "");
    let seen = outer.run(&EVAL);
    assert!(seen.stdout.contains("skipped:"), "{}", seen.shown());
}

#[test]
fn a_submodule_that_was_not_fetched_is_named() {
    let Some(outer) = with_far() else { return };
    let far = "prompts/far";
    outer.write("prompts/far/v1.1.0.txt", "Hello {name}, in a {tone} tone.\n");
    git_in(&outer.path(far), &["add", "."]);
    git_in(&outer.path(far), &["commit", "-qm", "next"]);
    outer.commit("bump");
    outer.git(&["submodule", "-q", "deinit", "-f", far]);
    assert_snapshot!(outer.session(&[&["check", "--frozen-since", "main"]]));
}
