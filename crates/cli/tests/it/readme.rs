//! What README promises. Its console blocks are executed by `documentation.rs`.

use std::fs;
use std::path::Path;

/// What the first screen promises, word for word: `.ci/run` and whoever clones read it there.
#[test]
fn the_two_commands_stand_on_the_first_screen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let screen = readme.lines().take(16).collect::<Vec<_>>().join("\n");
    for command in ["\n$ cargo run --release -- eval --offline ", "\n$ cargo test --workspace "] {
        assert!(screen.contains(command), "{command}");
    }
    // The gate runs the same command for its tests.
    let gate = fs::read_to_string(root.join(".ci/run")).unwrap();
    assert!(gate.contains("\ncargo test --workspace\n"));
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
