//! `registry.yaml`: what all prompts of a directory share.
//!
//! This crate owns the list of top-level keys and types `schema` and `replies`. The other sections belong to the crates that act
//! on them; each reads its own from the same document (`document.read_at(&["models"])`), so that places stay exact.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::files::resolve_inside;
use crate::lock_file::{SCHEMA, unknown_schema};
use crate::problem::Problem;
use crate::yaml::{Document, Located};

/// The name of the file in the prompts directory.
pub const FILE_NAME: &str = "registry.yaml";

/// registry.yaml: the models, properties and policies that all prompts of this directory share. Every key may be left out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "registry.yaml")]
pub struct RegistrySpec {
    /// The format of this file: 1.
    #[schemars(extend("const" = 1))]
    pub schema: Option<Located<u64>>,
    /// Models that suites refer to, by name.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub models: Option<IgnoredAny>,
    /// A directory of recorded replies, relative to this file: read by `--offline`, written by `--record`.
    pub replies: Option<Located<String>>,
    /// Where experiments keep their data: a file relative to this one, or a PostgreSQL URL.
    #[schemars(with = "Option<String>")]
    pub store: Option<IgnoredAny>,
    /// Named checks that `expected:` of a case refers to.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub properties: Option<IgnoredAny>,
    /// The defaults of the merge gate.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub gate: Option<IgnoredAny>,
    /// The policy by which versions move from draft to production.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub lifecycle: Option<IgnoredAny>,
}

/// What `registry.yaml` says; everything is absent where there is no such file.
#[derive(Debug, Clone, Default)]
pub struct RegistryFile {
    /// The whole document, for the owners of the other sections. Absent too where the file is not YAML.
    pub document: Option<Document>,
    /// The directory of recorded replies. It need not exist.
    pub replies: Option<PathBuf>,
    /// Why a key that does not stand here may be meant all the same: the file cannot be read, has another name, is no map, or has a key that
    /// nobody knows. Whoever goes on without a key where this is not empty may do the opposite of what was written.
    pub unclear: Vec<Problem>,
}

impl RegistryFile {
    /// Types what belongs to the registry; problems are added. `directory` is where the file stands, `repository` the directory that
    /// its paths may not leave.
    pub fn read(
        document: Document,
        directory: &Path,
        repository: &Path,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (mut replies, mut unclear) = (None, Vec::new());
        if !document.is_empty() {
            let reading = document.read::<RegistrySpec>();
            let is_map = reading.value.is_some();
            unclear.extend(
                reading
                    .problems
                    .iter()
                    .filter(|problem| !is_map || problem.code == "yaml::unknown_key")
                    .cloned(),
            );
            problems.extend(reading.problems);
            let spec = reading.value.unwrap_or_default();
            if let Some(schema) = spec.schema.filter(|schema| schema.value != SCHEMA) {
                let problem = unknown_schema(&document, &schema);
                unclear.push(problem.clone());
                problems.push(problem);
            }
            if let Some(written) = spec.replies {
                match resolve_inside(directory, &written, repository) {
                    Ok(path) => replies = Some(path),
                    Err(error) => problems.push(
                        Problem::error("registry::path", error.to_string())
                            .at(document.place(written.span))
                            .help(error.help()),
                    ),
                }
            }
        }
        Self { document: Some(document), replies, unclear }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (RegistryFile, String) {
        let directory = tempfile::tempdir().unwrap();
        let outside = std::fs::canonicalize(directory.path()).unwrap();
        let root = outside.join("repository");
        let prompts = root.join("prompts");
        std::fs::create_dir_all(&prompts).unwrap();
        let mut problems = Vec::new();
        let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
        let mut file = RegistryFile::read(document, &prompts, &root, &mut problems);
        file.replies = file.replies.map(|path| path.strip_prefix(&root).unwrap().to_owned());
        let shown: Vec<String> = problems
            .iter()
            .map(|problem| problem.to_string().replace(outside.to_str().unwrap(), "OUTSIDE"))
            .collect();
        (file, shown.join("\n"))
    }

    #[test]
    fn sections_of_others_are_handed_out_and_not_looked_into() {
        let (file, problems) = read(
            "models: {default: {no_such_key: [1]}}\nreplies: ../fixtures/replies\nstore: 5\ngate: {confidence: 7}\n",
        );
        assert_eq!(problems, "");
        assert_eq!(file.replies.as_deref(), Some(Path::new("fixtures/replies")));
        let gate = file.document.unwrap().read_at::<Value>(&["gate"]).unwrap().value.unwrap();
        assert_eq!(gate, serde_json::json!({"confidence": 7}));
    }

    #[test]
    fn an_empty_file_is_fine() {
        let (file, problems) = read("# nothing yet\n");
        assert_eq!(problems, "");
        assert!(file.document.is_some());
    }

    #[test]
    fn what_is_its_own_is_checked() {
        insta::assert_snapshot!(read("schema: 2\nmodel: {}\nreplies: ../../elsewhere\nproperties: {}\nproperties: {}\n").1, @"
        registry.yaml:5:1: the key `properties` stands here a second time (help: it stands first in line 4; keep one of the two)
        registry.yaml:2:1: unknown key `model` (help: did you mean `models`?)
        registry.yaml:1:9: the format 2 is not known (help: this promptassay reads format 1; a newer one may read this file)
        registry.yaml:3:10: `../../elsewhere` leads out of the repository, to `OUTSIDE/elsewhere` (help: keep it inside the repository, so that every clone has it)
        ");
        insta::assert_snapshot!(read("[models]").1, @"registry.yaml:1:1: expected a map, found a list");
    }

    #[test]
    fn what_may_be_another_key_is_told_apart_from_what_is_wrong_with_one() {
        let unclear = |text: &str| {
            let shown: Vec<String> = read(text).0.unclear.iter().map(ToString::to_string).collect();
            shown.join("\n")
        };
        for text in [
            "",
            "models: 5\nreplies: [1]\nstore: [1]\n",
            "replies: ../../elsewhere\n",
            "gate: {}\ngate: {}\n",
        ] {
            assert_eq!(unclear(text), "", "{text}");
        }
        insta::assert_snapshot!(
            unclear("stor: a\nreplies: 5\n") + "\n" + &unclear("[store]") + "\n" + &unclear("schema: 2\n"),
            @"
        registry.yaml:1:1: unknown key `stor` (help: did you mean `store`?)
        registry.yaml:1:1: expected a map, found a list
        registry.yaml:1:9: the format 2 is not known (help: this promptassay reads format 1; a newer one may read this file)
        "
        );
    }
}
