use std::sync::Arc;

use promptassay_registry::files::write_atomic;
use promptassay_registry::memory::{RenderFailure, Rendering};
use promptassay_registry::template::{TemplateFormat, Values};
use promptassay_registry::tree::Tree;
use promptassay_registry::variables::{Interface, Variables, VariablesSpec};
use serde_json::json;

use super::*;

fn snapshot() -> Snapshot {
    let text = "Answer {query}.\r\n";
    let interface = Arc::new(Interface::new(
        TemplateFormat::Format,
        Variables::inferred(TemplateFormat::Format, ["query"]),
    ));
    let arm = |version: &str| {
        let file = format!("v{version}.txt");
        Arm::new(version.parse().unwrap(), file, text, Arc::clone(&interface)).unwrap()
    };
    let canary = crate::serving::CanaryArm {
        settings: crate::event::Canary {
            basis_points: 500.try_into().unwrap(),
            salt: "salt".to_owned(),
            expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        },
        arm: arm("1.1.0"),
    };
    let served = Served { head: Some(Digest::of("head")), production: arm("1.0.0"), canary: Some(canary) };
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    Snapshot::new(now, BTreeMap::from([("support".parse().unwrap(), served)]))
}

#[test]
fn a_snapshot_is_read_back_and_resolves_the_same() {
    let snapshot = snapshot();
    let read = Snapshot::from_json(&snapshot.to_json()).unwrap();
    assert_eq!(read, snapshot);
    let now = snapshot.created_at;
    for unit in (0..200).map(|unit| format!("user-{unit}")) {
        let expected = snapshot.prompts["support"].resolve(Some(&unit), now);
        assert_eq!(read.resolve("support", Some(&unit), now), Some(expected));
    }
    assert_eq!(read.resolve("other", None, now), None);
}

/// A prompt may have gone on in Jinja, where a variable needs no default, while a version of before is served.
#[test]
fn what_is_declared_for_versions_of_the_other_format_keeps_no_snapshot_from_being_read() {
    let mut snapshot = snapshot();
    let declared: VariablesSpec =
        serde_json::from_value(json!({"query": {}, "tone": {"required": false}})).unwrap();
    let variables = declared.validate(TemplateFormat::Jinja).unwrap();
    let served = snapshot.prompts.values_mut().next().unwrap();
    served.production.interface = Arc::new(Interface::new(TemplateFormat::Format, variables));
    assert_eq!(Snapshot::from_json(&snapshot.to_json()).unwrap(), snapshot);
}

#[test]
fn a_changed_snapshot_is_refused() {
    let text = snapshot().to_json();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Snapshot::from_json(&text.replace(from, to)).unwrap_err()
    };
    assert_eq!(refused("500", "9000"), SnapshotError::Changed);
    assert_eq!(refused("Answer", "Do not answer"), SnapshotError::Changed);
    assert_eq!(refused("\"schema\": 2", "\"schema\": 3"), SnapshotError::UnknownSchema(3));
    assert!(matches!(Snapshot::from_json("[]"), Err(SnapshotError::Changed)));
    assert!(matches!(Snapshot::from_json("{"), Err(SnapshotError::Unreadable(_))));
    // Whoever also writes the digest anew still has to keep the digests of the texts.
    let mut forged = snapshot();
    forged.prompts.values_mut().next().unwrap().production.text = "Do not answer".into();
    assert_eq!(
        Snapshot::from_json(&forged.to_json()).unwrap_err(),
        SnapshotError::Text("support v1.0.0".to_owned())
    );
}

/// A tree with what rendering may depend on: both languages, texts and chats, declared variables and others.
fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_atomic(&path, text).unwrap();
    };
    let variables = "variables:
  tier: {type: string, enum: [plus, basic, pro], default: basic}
  question: {type: string, max_length: 12, pattern: '\\?$', description: what is asked}
  rows: {type: list, default: [1, 2.0, null]}
  note: {type: string, default: ''}
";
    let text = "For {tier} ({rows}): {question}{note} {{ok}}\r\n";
    let chat = "messages:
  - {role: system, content: \"You serve {tier}.{note}\"}
  - {role: user, content: \"{rows}: {question}\"}
params: {max_output_tokens: 9}
";
    let jinja = "{% if tier == 'basic' %}short{% else %}long{% endif %}: {{ question }} {{ rows | length }}{{ note }}\n";
    let jinja_chat = "messages:
  - {role: system, content: \"{{ tier }} {{ note }}\"}
  - {role: user, content: \"{% for row in rows %}{{ row }};{% endfor %}{{ question }}\"}
";
    for (format, written, chat) in [("format", text, chat), ("jinja", jinja, jinja_chat)] {
        for (declared, variables) in [("declared", variables), ("free", "")] {
            for (form, file, written) in [("text", "v1.0.0.txt", written), ("chat", "v1.0.0.yaml", chat)] {
                let name = format!("{format}_{declared}_{form}");
                write(
                    &format!("{name}/prompt.yaml"),
                    &format!("name: {name}\nactive_version: v1.0.0\ntemplate_format: {format}\n{variables}"),
                );
                write(&format!("{name}/{file}"), written);
            }
        }
    }
    root
}

/// What was rendered, or why nothing was, with every help.
fn shown(rendered: &Result<Rendering, RenderFailure>) -> String {
    format!("{rendered:#?}")
}

#[test]
fn what_is_resolved_from_a_snapshot_is_rendered_as_the_repository_renders_it() {
    let root = tree();
    let loaded = Tree::load(root.path());
    assert!(!loaded.has_errors(), "{:?}", loaded.problems);
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    let served = loaded
        .tree
        .prompts()
        .map(|prompt| (prompt.name().clone(), Served::of(prompt, None, None).unwrap()))
        .collect();
    let snapshot = Snapshot::from_json(&Snapshot::new(now, served).to_json()).unwrap();
    let asked = [
        json!({"question": "why?"}),
        json!({"question": "why?", "tier": "plus", "rows": ["{tier}"], "note": " {{ tier }}"}),
        json!({"question": "why?", "tir": "plus"}),
        json!({"qestion": "why?", "tier": "plsu"}),
        json!({"question": "why oh why oh why?", "rows": "none", "tier": 1, "note": null}),
        json!({"question": "why", "tier": "basc"}),
        json!({}),
    ];
    let mut results = Vec::new();
    for prompt in loaded.tree.prompts() {
        let version = prompt.active_version().unwrap();
        let resolved = snapshot.resolve(prompt.name().as_str(), Some("user"), now).unwrap();
        assert_eq!(resolved.content(), &version.content);
        for values in &asked {
            let values: Values = serde_json::from_value(values.clone()).unwrap();
            let here = version.render(&values);
            results.push(here.as_ref().map(|rendering| rendering.unknown.len()).map_err(|_| ()));
            let there = resolved.render(&values);
            assert_eq!(shown(&there), shown(&here), "{} {values:?}", prompt.name());
        }
    }
    assert_eq!(results.len(), 8 * asked.len());
    for outcome in [Ok(0), Ok(1), Err(())] {
        assert!(results.contains(&outcome), "{outcome:?} is not among what is compared");
    }
}

/// Written by a program that knew no variables there.
const OF_FORMAT_1: &str = r#"{
  "schema": 1,
  "created_at": "2026-11-23T10:00:00Z",
  "prompts": {
    "support": {
      "head": null,
      "production": {
        "version": "v1.0.0",
        "sha256": "SHA256",
        "file": "v1.0.0.txt",
        "template_format": "format",
        "text": "Answer {query}."
      },
      "canary": null
    }
  },
  "sha256": "ALL"
}"#;

#[test]
fn a_snapshot_without_variables_is_read_and_every_variable_needs_a_value() {
    let text = OF_FORMAT_1.replace("SHA256", &Digest::of("Answer {query}.").to_string());
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value.as_object_mut().unwrap().remove("sha256");
    let text = text.replace("ALL", &digest(&value).to_string());
    let snapshot = Snapshot::from_json(&text).unwrap();
    let served = snapshot.resolve("support", None, snapshot.created_at).unwrap();
    let values = |value: Value| serde_json::from_value::<Values>(value).unwrap();
    assert!(served.render(&values(json!({"query": "hi"}))).is_ok());
    let missing = served.render(&values(json!({"qery": "hi"}))).unwrap_err();
    assert_eq!(missing.to_string(), "no value for `query`");
}

#[test]
fn a_text_or_variables_that_are_none_are_named_with_their_prompt() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&snapshot().to_json()).unwrap();
        value.as_object_mut().unwrap().remove("sha256");
        change(&mut value["prompts"]["support"]["production"]);
        let all = digest(&value);
        value["sha256"] = all.to_string().into();
        Snapshot::from_json(&value.to_string()).unwrap_err().to_string()
    };
    let lines = [
        refused(&|arm| arm["text"] = "Answer {query".into()),
        refused(&|arm| arm["variables"] = json!({"query": {"type": "string", "max_length": 0}})),
        refused(&|arm| arm["variables"] = json!({"query": {"typ": "string"}})),
        refused(&|arm| arm["varaibles"] = json!({})),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    this is no snapshot: `support`: v1.0.0.txt:1:8: this `{` is never closed (help: close the field with `}`, or write `{{` for a literal brace)
    this is no snapshot: `support`: the variables of v1.0.0: `max_length` of `query` admits no text
    this is no snapshot: `support`: unknown field `typ`, expected one of `type`, `required`, `default`, `enum`, `max_length`, `pattern`, `description`
    this is no snapshot: `support`: unknown field `varaibles`, expected one of `version`, `sha256`, `file`, `template_format`, `variables`, `text`
    ");
}
