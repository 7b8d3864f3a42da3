//! Every console block of README and docs/ is executed, and shows what the commands print.
//!
//! The blocks of a page run one after the other in one shell, in a copy of the sample prompts that is a git repository. `$ ` begins
//! a command, `> ` goes on with it, and what follows is its output. A command that does not end with 0 says so: `# exits with 1`. A
//! line `…` stands for any lines. Times, ids, digests and durations may differ. A code block whose first line names a file
//! (```` ```yaml prompts/registry.yaml ````) is written there before what follows it. `cargo run --release --` is the binary; other
//! calls of cargo are not made. ```` ```console no-run: why ```` is for readers only, and so is ```` ```sh no-run: why ````.
//!
//! `UPDATE_DOCS=1 cargo test --workspace --test it -- documentation` writes what is printed into the pages.

mod page;
mod shell;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use page::Page;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages that have console blocks, each a test of its own so that they run side by side.
macro_rules! pages {
    ($($test:ident: $path:literal,)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(#[cfg(unix)]
        #[test]
        fn $test() {
            check($path);
        })*
    };
}

pages! {
    readme: "README.md",
    contributing: "CONTRIBUTING.md",
    experiments: "docs/experiments.md",
    gating: "docs/gating.md",
    lifecycle: "docs/lifecycle.md",
    reports: "docs/reports.md",
    scale: "docs/scale.md",
    testing: "docs/testing.md",
}

/// All pages, by their names from the root, and their texts.
fn all_pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<(String, String)> = docs
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| format!("docs/{}", path.file_name().unwrap().display()))
        .chain(["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map(str::to_owned))
        .map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// A command that nobody runs is wrong one day.
#[test]
fn commands_stand_in_blocks_that_are_executed_or_say_why_not() {
    let mut found = String::new();
    for (path, text) in all_pages() {
        for line in page::commands_elsewhere(&text) {
            writeln!(found, "{path}:{line}").unwrap();
        }
    }
    assert_eq!(
        found, "",
        "write ```console, which is executed, or ```sh no-run: why; ```text for what is no command"
    );
}

#[test]
fn every_page_with_a_console_block_is_executed() {
    let executed = all_pages().into_iter().filter(|(_, text)| text.contains("\n```console\n"));
    let found: Vec<String> = executed.map(|(path, _)| path).collect();
    let mut pages = PAGES.to_vec();
    pages.sort_unstable();
    assert_eq!(found, pages, "add the page to the list in {}", file!());
}

fn check(path: &str) {
    let file = root().join(path);
    let text = fs::read_to_string(&file).unwrap();
    let page = Page::read(&text);
    let printed = shell::run(&page);
    // Before anything is written: what a command that was refused prints is no output of the page.
    for (command, printed) in page.commands().zip(&printed) {
        assert_eq!(printed.code, command.exit_code, "{path}: $ {}\n{}", command.text, printed.output);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, page.with_outputs(&text, &printed)).unwrap();
        return;
    }
    for (command, printed) in page.commands().zip(&printed) {
        assert!(
            command.shows(&printed.output),
            "{path}: $ {}\n--- the page says\n{}\n--- it prints\n{}\n(UPDATE_DOCS=1 writes it into the page)",
            command.text,
            command.output.join("\n"),
            printed.output
        );
    }
}
