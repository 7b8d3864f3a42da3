//! `prompt.lock`: one row for every version that was ever registered. Written by this crate only, read strictly.

mod own_text;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::merge_conflict::UNRESOLVED;
use crate::problem::{Place, Problem, has_errors};
use crate::template::TemplateFormat;
use crate::version::Version;
use crate::version_file::Form;
use crate::yaml::{Document, Located};

/// The name of the file in a prompt's directory.
pub const FILE_NAME: &str = "prompt.lock";

/// The format that this crate reads and writes.
pub const SCHEMA: u64 = 1;

const SCHEMA_UNKNOWN: &str = "schema::unknown";

/// `prompt.lock`: the registered versions of a prompt. Written by promptassay; do not edit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "prompt.lock")]
pub struct LockSpec {
    /// The format of this file: 1.
    #[schemars(extend("const" = 1))]
    pub schema: Located<u64>,
    /// A row for each registered version, by its number such as `1.0.0`.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, LockRowSpec>")]
    pub versions: IndexMap<Located<String>, LockRowSpec>,
}

/// What was recorded when a version was registered.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a registered version")]
pub struct LockRowSpec {
    /// The version's file, in the same directory: `v1.0.0.txt`.
    pub file: Located<String>,
    /// SHA-256 of the file's bytes, 64 hexadecimal digits; `sha256sum` agrees.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Located<String>,
    /// SHA-256 over the template format and the variables that the version was registered with.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub interface: Located<String>,
    /// The language of its templates. Rows of before it was kept go without.
    #[serde(default)]
    pub template_format: Option<TemplateFormat>,
    /// When, as RFC 3339 in UTC: `2026-11-22T10:00:00Z`.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: Located<String>,
    /// Who: a name, often with an address.
    pub created_by: String,
    /// What the version is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Anything else worth keeping, such as a ticket.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// The registered versions of a prompt, in the order of semantic versioning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The rows by version.
    pub rows: BTreeMap<Version, LockRow>,
}

/// A registered version: what must still be true of its file, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockRow {
    /// The version's file, in the directory of the lock.
    pub file: String,
    /// Of the file's bytes.
    pub sha256: Digest,
    /// Of the template format and variables that the version was registered with.
    pub interface: Digest,
    /// The language in which the text is read for ever. `None` in rows of before it was kept, of which `interface` may tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_format: Option<TemplateFormat>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it.
    pub created_by: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Anything else worth keeping, such as a ticket.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// What is done about two sides of a merge: no row of either may go.
const KEEP_BOTH: &str = "keep the rows of both sides; of two for one version keep the one that others have already, with the file of the same side, and add your text under another number";

impl Lock {
    /// Reads a lock. `None`, with the reasons among `problems`, unless every row of it could be read: half a lock would let a
    /// frozen text be edited.
    pub fn parse(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        // Nearly always nobody has touched it, and then YAML has nothing to say that is worth its time.
        if let Some(lock) = own_text::read(text) {
            return Some(lock);
        }
        let mut found = Vec::new();
        let lock = Self::parse_document(file, text, &mut found);
        for problem in found.iter_mut().filter(|problem| problem.code != SCHEMA_UNKNOWN) {
            if problem.code == UNRESOLVED {
                problem.help = Some(KEEP_BOTH.to_owned());
                continue;
            }
            let what_to_do = "the lock is written by promptassay: restore it with git";
            problem.help = Some(match problem.help.take() {
                Some(help) => format!("{help}; {what_to_do}"),
                None => what_to_do.to_owned(),
            });
        }
        let broken = has_errors(&found);
        problems.extend(found);
        lock.filter(|_| !broken)
    }

    /// Where the row of `version` stands in the `text` of a lock.
    pub(crate) fn place_of(version: &Version, file: &Path, text: &str) -> Place {
        Self::place_in_row(version, None, file, text)
    }

    /// Where a value of the row of `version` stands in the `text` of a lock.
    pub(crate) fn place_in_row(version: &Version, key: Option<&str>, file: &Path, text: &str) -> Place {
        let document = Document::parse(file, text, &mut Vec::new());
        let names = [version.number(), version.to_string()];
        let row = document.as_ref().and_then(|document| {
            let (row, span) = document
                .keys_at(&["versions"])
                .into_iter()
                .find(|(key, _)| names.iter().any(|name| name == key))?;
            let keys = document.keys_at(&["versions", row]);
            let within = key.and_then(|key| keys.into_iter().find(|(written, _)| *written == key));
            Some(document.place(within.map_or(span, |(_, span)| span)))
        });
        row.unwrap_or_else(|| Place::whole_file(file))
    }

    fn parse_document(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let document = Document::parse(file, text, problems)?;
        if let Some(schema) = document.read_at::<Located<u64>>(&["schema"]).and_then(|reading| reading.value)
            && schema.value != SCHEMA
        {
            // What a later format means cannot be judged by the rules of this one.
            problems.push(unknown_schema(&document, &schema));
            return None;
        }
        let reading = document.read::<LockSpec>();
        problems.extend(reading.problems);
        let mut lock = Self::default();
        for (version, row) in &reading.value?.versions {
            lock.read_row(&document, version, row, problems);
        }
        Some(lock)
    }

    fn read_row(
        &mut self,
        document: &Document,
        key: &Located<String>,
        spec: &LockRowSpec,
        problems: &mut Vec<Problem>,
    ) {
        let before = problems.len();
        let mut refuse = |code, message: String, help: String, at: &Located<String>| {
            problems.push(Problem::error(code, message).at(document.place(at.span)).help(help));
        };
        let version = key
            .parse::<Version>()
            .map_err(|error| refuse("lock::version", error.to_string(), error.help().to_owned(), key))
            .ok();
        let mut digest = |text: &Located<String>| {
            text.parse::<Digest>()
                .map_err(|error| {
                    refuse("lock::digest", error.to_string(), "it looks edited".to_owned(), text);
                })
                .ok()
        };
        let (sha256, interface) = (digest(&spec.sha256), digest(&spec.interface));
        let created_at = read_time(&spec.created_at)
            .map_err(|message| {
                let help = "write it as RFC 3339 in UTC, such as `2026-11-22T10:00:00Z`".to_owned();
                refuse("lock::time", message, help, &spec.created_at);
            })
            .ok();
        if let Some(version) = &version {
            let names = file_names(version);
            if !names.contains(&spec.file.value) {
                let message = format!("`{}` is not the file of {version}", spec.file.value);
                refuse("lock::file", message, format!("it is `{}` or `{}`", names[0], names[1]), &spec.file);
            }
            if self.rows.contains_key(version) {
                let message = format!("{version} has a second row here");
                refuse("lock::version", message, "one of them is written with a `v`".to_owned(), key);
            }
        }
        let failed = problems.len() > before;
        if let (Some(version), Some(sha256), Some(interface), Some(created_at), false) =
            (version, sha256, interface, created_at, failed)
        {
            let row = LockRow {
                file: spec.file.value.clone(),
                sha256,
                interface,
                template_format: spec.template_format,
                created_at,
                created_by: spec.created_by.clone(),
                description: spec.description.clone(),
                metadata: spec.metadata.clone(),
            };
            self.rows.insert(version, row);
        }
    }

    /// The newest registered version that is not a prerelease.
    pub fn latest(&self) -> Option<&Version> {
        crate::version::latest(self.rows.keys())
    }
}

/// What the file of a version may be called.
fn file_names(version: &Version) -> [String; 2] {
    [Form::Text, Form::Chat].map(|form| form.file_name(version))
}

fn read_time(text: &str) -> Result<Timestamp, String> {
    let refused = || format!("`{}` is not a time in UTC", text.escape_debug());
    if !text.ends_with('Z') {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

/// A file of a later format than this program knows, or of none.
pub(crate) fn unknown_schema(document: &Document, schema: &Located<u64>) -> Problem {
    let help = if schema.value > SCHEMA {
        format!("this promptassay reads format {SCHEMA}; a newer one may read this file")
    } else {
        format!("write `schema: {SCHEMA}`")
    };
    Problem::error(SCHEMA_UNKNOWN, format!("the format {} is not known", schema.value))
        .at(document.place(schema.span))
        .help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Lock>, String) {
        let mut problems = Vec::new();
        let lock = Lock::parse(Path::new("prompt.lock"), text, &mut problems);
        crate::problem::sort(&mut problems);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        (lock, shown.join("\n"))
    }

    fn row(version: &str, file: &str) -> String {
        format!(
            "  {version}:\n    file: {file}\n    sha256: {0}\n    interface: {0}\n    created_at: 2026-11-22T10:00:00Z\n    created_by: Ada\n",
            Digest::of("x")
        )
    }

    #[test]
    fn rows_are_ordered_by_version() {
        let text =
            format!("schema: 1\nversions:\n{}{}", row("1.10.0", "v1.10.0.txt"), row("1.9.0", "v1.9.0.yaml"));
        let (lock, problems) = read(&text);
        assert_eq!(problems, "");
        let versions: Vec<String> = lock.unwrap().rows.keys().map(Version::number).collect();
        assert_eq!(versions, ["1.9.0", "1.10.0"]);
    }

    #[test]
    fn nothing_registered_is_a_lock() {
        assert_eq!(read("schema: 1\nversions: {}\n").0, Some(Lock::default()));
    }

    #[test]
    fn an_edited_lock_is_refused_as_a_whole() {
        let text = format!(
            "schema: 1\nversions:\n{}{}{}",
            row("1.0.0", "../../secrets.txt"),
            row("1.1.0", "v1.1.0.txt"),
            row("v1.1.0", "v1.1.0.txt").replace(":00Z", ":00+01:00").replace("Ada", "[Ada]"),
        );
        let (lock, problems) = read(&text);
        assert_eq!(lock, None);
        insta::assert_snapshot!(problems, @"
        prompt.lock:4:11: `../../secrets.txt` is not the file of v1.0.0 (help: it is `v1.0.0.txt` or `v1.0.0.yaml`; the lock is written by promptassay: restore it with git)
        prompt.lock:20:17: expected text, found a list (help: the lock is written by promptassay: restore it with git)
        ");
    }

    #[test]
    fn what_is_wrong_with_the_whole_is_said_once() {
        insta::assert_snapshot!(read("schema: 2\nrows: []\n").1, @"prompt.lock:1:9: the format 2 is not known (help: this promptassay reads format 1; a newer one may read this file)");
        insta::assert_snapshot!(read("schema: 1\nversions:\n<<<<<<< HEAD\n  1.0.0: {}\n=======\n>>>>>>> other\n").1, @"prompt.lock:3:1: here begin the two sides of a merge that nobody resolved (help: keep the rows of both sides; of two for one version keep the one that others have already, with the file of the same side, and add your text under another number)");
    }

    #[test]
    fn a_digest_is_read_strictly() {
        let text = format!("schema: 1\nversions:\n{}", row("1.0.0", "v1.0.0.txt")).replacen(
            &Digest::of("x").to_string(),
            "9F2C",
            1,
        );
        let (lock, problems) = read(&text);
        assert_eq!(lock, None);
        insta::assert_snapshot!(problems, @"prompt.lock:5:13: a SHA-256 digest is 64 hexadecimal digits in lower case (help: it looks edited; the lock is written by promptassay: restore it with git)");
    }
}
