//! What README shows is what the binary prints.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_capture_is_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let capture = readme.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_promptassay"))
        .args(["eval", "customer_support", "--offline", "--color", "never"])
        .current_dir(&root)
        .env_remove("PROMPTASSAY_PROMPTS")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        capture.trim_end(),
        printed.trim_end(),
        "README.md shows something else: copy what is printed"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn every_page_that_it_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let links: Vec<&str> = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.contains(':'))
        .collect();
    assert!(links.len() > 5);
    for link in links {
        assert!(root.join(link).exists(), "README.md names {link}, which is not there");
    }
}
