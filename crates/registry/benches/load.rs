//! Loading and checking 1,000 prompts with 10 versions each, beside reading the same files and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::lock_file::{Lock, LockRow};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::Tree;
use promptassay_registry::variables::{Interface, VariablesSpec};
use promptassay_registry::version::Version;

const PROMPTS: usize = 1_000;
const VERSIONS: usize = 10;

/// Each prompt has nine texts of about 1 kB, a chat, declared variables, and, where `registered`, a lock with ten rows.
fn build(root: &Path, registered: bool) -> std::io::Result<()> {
    for prompt in 0..PROMPTS {
        let name = format!("prompt_{prompt:04}");
        let directory = root.join(&name);
        fs::create_dir(&directory)?;
        // Not synced, unlike what the registry writes: nothing here must survive.
        let write =
            |file: &str, text: &str| fs::File::create_new(directory.join(file))?.write_all(text.as_bytes());
        let mut lock = Lock::default();
        for version in 0..VERSIONS {
            let (file, text) = if version + 1 == VERSIONS {
                (format!("v1.{version}.0.yaml"), chat(version))
            } else {
                (format!("v1.{version}.0.txt"), text(version))
            };
            write(&file, &text)?;
            lock.rows.insert(Version::release(1, version as u64, 0), row(file, &text, version));
        }
        if registered {
            write("prompt.lock", &lock.to_text())?;
        }
        write(
            "prompt.yaml",
            &format!(
                "schema: 1\nname: {name}\ndescription: One of many\nactive_version: v1.{}.0\nvariables:\n  company_name: {{type: string, max_length: 80}}\n  query: {{type: string}}\ntags: [support, production]\nowners: [support-team]\n",
                VERSIONS - 1
            ),
        )?;
    }
    Ok(())
}

fn row(file: String, text: &str, version: usize) -> LockRow {
    LockRow {
        file,
        sha256: Digest::of(text),
        interface: interface(),
        template_format: Some(TemplateFormat::Format),
        created_at: Timestamp::from_second(1_795_341_600).unwrap_or_default(),
        created_by: "Ada Lovelace <ada@example.com>".to_owned(),
        description: Some(format!("Version {version} of it")),
        metadata: BTreeMap::new(),
    }
}

fn text(version: usize) -> String {
    let rules = "Say what you know, say what you do not know, and offer one clear next step.\n".repeat(12);
    format!("You are support agent {version} of {{company_name}}.\n{rules}\nThe customer asks: {{query}}\n")
}

fn chat(version: usize) -> String {
    let rules = "      Say what you know, say what you do not know.\n".repeat(15);
    format!(
        "messages:\n  - role: system\n    content: |\n      You are support agent {version} of {{company_name}}.\n{rules}  - {{role: user, content: \"{{query}}\"}}\nparams: {{max_output_tokens: 300}}\n"
    )
}

fn interface() -> Digest {
    let spec = serde_json::json!({"company_name": {"type": "string", "max_length": 80}, "query": {"type": "string"}});
    let spec: VariablesSpec = serde_json::from_value(spec).unwrap_or(VariablesSpec::Names(Vec::new()));
    Interface::new(TemplateFormat::Format, spec.validate(TemplateFormat::Format).unwrap_or_default()).digest()
}

/// The least that any loader does: list the directories and read every file.
fn read_all(root: &Path) -> std::io::Result<usize> {
    let mut bytes = 0;
    for directory in fs::read_dir(root)? {
        for file in fs::read_dir(directory?.path())? {
            bytes += fs::read(file?.path())?.len();
        }
    }
    Ok(bytes)
}

fn load(criterion: &mut Criterion) {
    for (name, registered) in [("unregistered", false), ("registered", true)] {
        let Ok(directory) = tempfile::tempdir() else { return };
        if build(directory.path(), registered).is_err() {
            return;
        }
        let loaded = Tree::load(directory.path());
        assert_eq!((loaded.tree.prompts().len(), loaded.problems.len()), (PROMPTS, 0));
        let mut group = criterion.benchmark_group(format!("load/{name}"));
        group.sample_size(20);
        group.bench_function("load_and_check", |bencher| {
            bencher.iter(|| Tree::load(black_box(directory.path())));
        });
        group.bench_function("read_the_same_files", |bencher| {
            bencher.iter(|| read_all(black_box(directory.path())));
        });
        group.finish();
    }
}

criterion_group!(benches, load);
criterion_main!(benches);
