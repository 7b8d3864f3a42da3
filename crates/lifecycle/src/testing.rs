//! What the tests of this crate share: an actor, a clock, commands, evidence, a prompts directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{DirectoryLock, write_atomic};
use promptassay_registry::tree::{Prompt, Tree};
use promptassay_registry::version::Version;
use serde_json::{Value, json};

use crate::actor::{Actor, ActorKind, KnownBy};
use crate::evidence::{Evidence, ModelToday, Today};
use crate::ledger::Ledger;
use crate::plan::{Command, Request, Warrant};

pub(crate) fn v(text: &str) -> Version {
    text.parse().unwrap()
}

/// So many hours after the beginning.
pub(crate) fn hour(hours: i64) -> Timestamp {
    "2026-11-23T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

pub(crate) fn ada() -> Actor {
    Actor { name: "Ada <ada@example.com>".to_owned(), kind: ActorKind::Human, known_by: KnownBy::Git }
}

pub(crate) fn text(version: &str) -> String {
    format!("Answer {{query}} as {version} does.\n")
}

pub(crate) fn text_digest(version: &str) -> Digest {
    Digest::of(text(version))
}

pub(crate) const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "1.2.0", "1.10.0"];

pub(crate) fn command(request: Request) -> Command {
    let files = VERSIONS.map(|version| (v(version), text_digest(version))).into();
    Command { actor: ada(), reason: Some("because".to_owned()), files, active: None, request }
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text)
}

/// A statement that allows everything: on `support`, compared with nothing, finished at the first hour.
pub(crate) fn statement(version: &str, sha256: Digest) -> Value {
    let part = |name: &str| json!({"name": name, "digest": {"sha256": digest(name)}});
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": format!("support@{version}"), "digest": {"sha256": sha256}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "PASSED",
            "configuration": [part("interface"), part("suite"), part("gate"), part("params")],
            "promptassay": {
                "schema": 1,
                "run": "run-1",
                "finished_at": hour(0),
                "model": {"row": "default", "model": "gpt-6-luna", "served": ["gpt-6-luna-1"]},
                "complete": true,
                "unfiltered": true,
                "replies": {"source": "live", "oldest_at": hour(0)},
                "baseline": null,
                "verdict": "passed",
                "counts": {"cases": 40, "passed": 38, "failed": 2, "incomplete": 0, "repeats": 3},
                "interval": {"of": "pass_rate", "low": 0.85, "high": 0.98, "level": 0.9},
            },
        },
    })
}

pub(crate) fn evidence(statement: &Value) -> Evidence {
    Evidence::parse(&statement.to_string()).unwrap()
}

/// What is there when nothing has changed since [`statement`].
pub(crate) fn today(version: &str) -> Today {
    let row = ModelToday { model: "gpt-6-luna".to_owned(), params: Some(digest("params")) };
    Today {
        prompt: "support".parse().unwrap(),
        sha256: text_digest(version),
        interface: digest("interface"),
        suite: Some(digest("suite")),
        gate: Some(digest("gate")),
        has_margin: false,
        models: BTreeMap::from([("default".to_owned(), row)]),
    }
}

/// Good evidence, finished at this hour.
pub(crate) fn proof_at(version: &str, hours: i64) -> Warrant {
    let mut statement = statement(version, text_digest(version));
    let details = &mut statement["predicate"]["promptassay"];
    details["finished_at"] = json!(hour(hours));
    details["replies"]["oldest_at"] = json!(hour(hours));
    Warrant::Evidence(Box::new((evidence(&statement), today(version))))
}

/// A prompts directory with one prompt `support`.
pub(crate) struct Prompts(tempfile::TempDir);

impl Prompts {
    pub(crate) fn new() -> Self {
        let prompts = Self(tempfile::tempdir().unwrap());
        fs::create_dir(prompts.directory()).unwrap();
        prompts.write("prompt.yaml", "name: support\nactive_version: v1.0.0 # live\nvariables: [query]\n");
        for version in VERSIONS {
            prompts.write(&format!("v{version}.txt"), &text(version));
        }
        prompts
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.root().join("support")
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        write_atomic(&self.directory().join(file), text).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.directory().join(file)).unwrap_or_default()
    }

    pub(crate) fn lock(&self) -> DirectoryLock {
        DirectoryLock::acquire(self.root()).unwrap()
    }

    pub(crate) fn prompt(&self) -> Prompt {
        let loaded = Tree::load(self.root());
        loaded.tree.find("support").unwrap_or_else(|_| panic!("{:?}", loaded.problems)).clone()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::read(&self.directory(), &"support".parse().unwrap()).unwrap()
    }

    /// Every file of the prompt with its bytes.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.directory()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    }
}
