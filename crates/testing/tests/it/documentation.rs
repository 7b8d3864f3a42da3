//! Whoever follows the documentation gets what it shows.

use std::fs;

use crate::example::Example;

/// The fenced blocks of the page: what stands behind the fence, and the text.
pub(crate) fn blocks() -> Vec<(String, String)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/testing.md")).unwrap();
    let mut parts = text.split("\n```");
    parts.next();
    let blocks: Vec<(String, String)> = parts
        .step_by(2)
        .map(|block| {
            let (info, text) = block.split_once('\n').unwrap();
            (info.to_owned(), text.to_owned())
        })
        .collect();
    assert!(blocks.len() > 8, "the blocks were not found");
    blocks
}

#[test]
fn five_minutes_are_enough() {
    let package = Example::empty();
    let mut shown = None;
    for (info, text) in blocks() {
        match info.split_once(' ') {
            Some((_, "tests/prompts.rs")) => {
                let own = include_str!("../../examples/library_desk/tests/prompts.rs");
                assert_eq!(text.trim(), own.trim(), "the example has another harness than the documentation");
            }
            Some((_, file)) => package.write(file, &format!("{text}\n")),
            None if info == "console" => shown = Some(text),
            None => {}
        }
    }
    let Some(run) = package.run(&[]) else { return };
    assert_eq!(run.code, Some(0), "{}", run.text);
    for line in shown.unwrap().lines().skip(1) {
        assert!(run.text.contains(line), "`{line}` is not in\n{}", run.text);
    }
}
