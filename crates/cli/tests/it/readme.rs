//! What README promises. Its console blocks are executed by `documentation.rs`.

use std::fs;
use std::path::Path;

use regex::Regex;

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

/// Every link of README and the pages leads to a file that is there, and to a heading of it where it names one.
#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|page| root.join(page));
    let fences = Regex::new("(?s)\n```.*?\n```").unwrap();
    let link = Regex::new(r"\]\(([^)#:]*)(?:#([^):]*))?\)").unwrap();
    let mut seen = 0;
    for page in docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).chain(pages) {
        let text = fs::read_to_string(&page).unwrap();
        for found in link.captures_iter(&fences.replace_all(&text, "")) {
            let target = match &found[1] {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{}: {} is not there", page.display(), &found[0]);
            if let Some(heading) = found.get(2) {
                let known = fs::read_to_string(&target).unwrap();
                let known = known
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line) == heading.as_str());
                assert!(known, "{}: {} has no such heading", page.display(), &found[0]);
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// What GitHub calls a heading in links.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || "-_ ".contains(*char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// Every file that the codemap names is there: from the root, or beside the first path of its row, or in the `src` of that.
#[test]
fn the_codemap_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let begin = architecture.find("## Codemap").unwrap();
    let end = architecture.find("### The dependency rule").unwrap();
    let mut named = 0;
    let mut first = None;
    for line in architecture[begin..end].lines() {
        if line.starts_with(|start: char| start == '|' || start.is_ascii_digit()) {
            first = None;
        }
        for path in line.split('`').skip(1).step_by(2).filter(|word| is_path(word)) {
            let from_root = root.join(path);
            let beside = first.get_or_insert_with(|| {
                let is_file = from_root.is_file();
                from_root.ancestors().nth(usize::from(is_file)).unwrap().to_owned()
            });
            let found = [from_root, beside.join(path), beside.join("src").join(path)];
            assert!(
                found.iter().any(|path| path.exists()),
                "ARCHITECTURE.md names {path}, which is not there: {line}"
            );
            named += 1;
        }
    }
    assert!(named > 60, "{named}");
}

/// Whether it is written like a file or a directory.
fn is_path(word: &str) -> bool {
    let file = [".rs", ".md", ".yml", ".yaml"].iter().any(|ending| word.ends_with(ending));
    (file || word.contains('/')) && !word.contains(' ')
}
