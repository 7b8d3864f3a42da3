//! docs/cli.md shows the help of every command as the binary prints it; `UPDATE_DOCS=1 cargo test --workspace --test it --
//! reference` writes it.

use std::fs;
use std::path::Path;

use crate::console::COMMANDS;
use crate::sandbox::Sandbox;

const BEGIN: &str = "<!-- help: written by the tests; `UPDATE_DOCS=1` -->\n";
const END: &str = "<!-- end of help -->\n";

#[test]
fn the_reference_shows_the_help_of_every_command() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let mut reference = fs::read_to_string(&path).unwrap();
    let before = reference.clone();
    let sandbox = Sandbox::empty();
    for command in COMMANDS {
        let title = format!("\n## {command}\n");
        let at = reference.find(&title).unwrap_or_else(|| panic!("no section {command}")) + title.len();
        let section = &reference[at..];
        let section = &section[..section.find("\n## ").map_or(section.len(), |end| end + 1)];
        let old = section.find(BEGIN).map_or(0, |begin| {
            let end = section[begin..].find(END).unwrap_or_else(|| panic!("{command}: `{END}` is missing"));
            assert_eq!(section[..begin].trim(), "", "{command}: the help stands first");
            begin + end + END.len()
        });
        let help = helps(&sandbox, &[command]);
        let block = format!("\n{BEGIN}```text\n{}\n```\n{END}", help.join("\n\n"));
        reference.replace_range(at..at + old, &block);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, reference).unwrap();
    } else {
        assert!(
            before == reference,
            "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test --workspace --test it -- reference"
        );
    }
}

/// The help of a command and of its subcommands, without the options of every command and the examples.
fn helps(sandbox: &Sandbox, command: &[&str]) -> Vec<String> {
    let help = sandbox.run(&[command, &["-h"]].concat()).stdout;
    let own = ["Options of every command:", "Examples:"].iter().filter_map(|part| help.find(part)).min();
    let own = help[..own.unwrap_or(help.len())].trim_end();
    let mut all = vec![format!("promptassay {}\n{own}", command.join(" "))];
    let names = own.split("\nCommands:\n").nth(1).unwrap_or("").lines();
    for name in names.take_while(|line| !line.is_empty()) {
        // A deeper line goes on with the one above it.
        let name = name.strip_prefix("  ").filter(|name| !name.starts_with(' '));
        if let Some(name) =
            name.and_then(|line| line.split_whitespace().next()).filter(|name| *name != "help")
        {
            all.extend(helps(sandbox, &[command, &[name]].concat()));
        }
    }
    all
}
