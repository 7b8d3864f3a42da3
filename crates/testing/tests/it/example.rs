//! The example package in a directory of its own, where a test may spoil it. It is built once, without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, Mutex};

use tempfile::TempDir;

/// The example beside its manifest.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/library_desk");

/// One cargo at a time: they share the directory in which they build.
static BUILDING: Mutex<()> = Mutex::new(());

/// The binary of `tests/prompts.rs`; `None`, said loudly, where it cannot be built without a network.
static HARNESS: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let example = Example::new();
    let output = example.cargo(&["test", "--test", "prompts", "--no-run", "--message-format", "json"])?;
    let text = String::from_utf8(output.stdout).unwrap();
    let messages = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let harness = messages
        .filter(|message| message["target"]["name"] == "prompts")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Some(harness.unwrap_or_else(|| panic!("no test binary:\n{}", String::from_utf8_lossy(&output.stderr))))
});

/// A copy of the example.
pub(crate) struct Example {
    directory: TempDir,
}

/// What a run of it printed, both streams, and how it ended.
pub(crate) struct Run {
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
}

impl Example {
    pub(crate) fn new() -> Self {
        // Inside of the repository: the example has no repository of its own, and paths may not leave it.
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        copy(Path::new(SOURCE), directory.path());
        let example = Self { directory };
        example.edit("Cargo.toml", "path = \"../..\"", &format!("path = {:?}", env!("CARGO_MANIFEST_DIR")));
        // The same versions as everywhere else, so that nothing has to be downloaded.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
        fs::copy(lock, example.directory.path().join("Cargo.lock")).unwrap();
        example
    }

    /// A directory without prompts, for the built harness.
    pub(crate) fn empty() -> Self {
        Self { directory: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    /// Replaces `old`, which stands in the file exactly once.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.directory.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "`{old}` in {file}");
        self.write(file, &text.replace(old, new));
    }

    #[expect(clippy::disallowed_methods, reason = "a file of a test needs no atomic write")]
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, directory: &str) {
        fs::remove_dir_all(self.directory.path().join(directory)).unwrap();
    }

    /// Runs cargo in the example; `None`, said loudly, where something would have to be downloaded.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Option<Output> {
        let _building = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .arg("--offline")
            .current_dir(self.directory.path())
            .env("CARGO_TARGET_DIR", target)
            // As in the workspace, so that dependencies are built once.
            .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
            // One after the other: what is printed has an order then.
            .env("RUST_TEST_THREADS", "1")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let missing = ["--offline was specified", "attempting to make an HTTP request", "offline mode"];
        if missing.iter().any(|words| error.contains(words)) {
            skipped!("SKIPPED: the example cannot be built without a network:\n{error}");
            return None;
        }
        Some(output)
    }

    /// Runs the built harness in the example; `None` where it could not be built.
    pub(crate) fn run(&self, arguments: &[&str]) -> Option<Run> {
        let output = Command::new(HARNESS.as_ref()?)
            .args(arguments)
            .current_dir(self.directory.path())
            .env("RUST_TEST_THREADS", "1")
            .output()
            .unwrap();
        Some(Run::of(&output))
    }
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { text: format!("{}{}", text(&output.stderr), text(&output.stdout)), code: output.status.code() }
    }

    /// What the failed tests say, without the lists around it.
    pub(crate) fn failures(&self) -> &str {
        let from = self.text.find("\n---- ").unwrap_or_else(|| panic!("nothing failed:\n{}", self.text));
        self.text[from..].split("\n\nfailures:").next().unwrap().trim()
    }

    /// The lines of single tests, in the order of their names.
    pub(crate) fn tests(&self) -> String {
        let mut lines: Vec<&str> = self.text.lines().filter(|line| line.starts_with("test ")).collect();
        lines.retain(|line| !line.starts_with("test result"));
        lines.sort_unstable();
        lines.join("\n")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            if name != "target" {
                copy(&path, &to.join(name));
            }
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
