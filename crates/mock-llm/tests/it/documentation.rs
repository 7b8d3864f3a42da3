use promptassay_mock_llm::{Script, ScriptSpec};

/// The YAML blocks of docs/mock.md, each with the line it begins at.
fn examples() -> Vec<(usize, String)> {
    let text = include_str!("../../../../docs/mock.md");
    let mut examples = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((index + 1, String::new())),
            (Some(_), "```") => examples.extend(open.take()),
            (Some((_, example)), line) => {
                example.push_str(line);
                example.push('\n');
            }
            (None, _) => {}
        }
    }
    examples
}

#[test]
fn every_example_of_the_documentation_is_a_valid_script() {
    let examples = examples();
    assert!(examples.len() >= 5, "found only {} examples", examples.len());
    for (line, example) in examples {
        let spec: ScriptSpec =
            serde_saphyr::from_str(&example).unwrap_or_else(|error| panic!("docs/mock.md:{line}: {error}"));
        Script::from_spec(&spec).unwrap_or_else(|error| panic!("docs/mock.md:{line}: {error}"));
    }
}

#[test]
fn every_kind_of_answer_is_documented() {
    let text = include_str!("../../../../docs/mock.md");
    let schema = serde_json::to_value(schemars::schema_for!(ScriptSpec)).unwrap();
    let answers = schema["$defs"]["AnswerSpec"]["oneOf"].as_array().unwrap();
    for answer in answers {
        let key = answer["required"][0].as_str().unwrap();
        assert!(text.contains(&format!("| `{key}`")), "docs/mock.md has no row for `{key}`");
    }
}
