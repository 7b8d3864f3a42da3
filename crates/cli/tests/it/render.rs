//! `render`: exact bytes, and every missing value at once.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::sandbox::Sandbox;

#[test]
fn a_text_is_printed_byte_for_byte() {
    let sandbox = Sandbox::new();
    for text in ["Hi {name}", "Hi {name}\n", "Hi {name}\r\n\r\n", "{{\"a\": 1}} {name}"] {
        sandbox.write("prompts/greet/v1.0.0.txt", text);
        let seen = sandbox.run(&["render", "greet", "--var", "name={x} é"]);
        let expected = text.replace("{name}", "{x} é").replace("{{", "{").replace("}}", "}");
        assert_eq!((seen.stdout, seen.code), (expected, Some(0)), "{}", seen.stderr);
    }
}

#[test]
fn values_that_are_missing_unknown_or_wrong_are_said_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("values.yaml", "nmae: Ada\ntone: wram\n");
    assert_snapshot!(sandbox.session(&[
        &["render", "greet"],
        &["render", "greet", "--vars", "values.yaml"],
        &["render", "greet", "--vars", "values.yaml", "--var", "name=Ada", "--var", "tone=dry"],
        &["render", "greet", "--vars", "values.yaml", "--var", "name=Ada", "--var", "tone=dry", "--strict"],
        &["render", "greet", "--var", "name=Ada", "--var", "x=1", "-q"],
        &["render", "greet", "--var", "name=a name that is too long"],
        &["render", "greet", "--var", "name"],
        &["render", "greet", "--vars", "nothing.yaml"],
        &["render"],
        &["render", "gret", "--var", "name=Ada"],
        &["render", "greet", "--template", "x"],
    ]));
}

#[test]
fn a_chat_is_printed_as_json() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/greet/v1.1.0.yaml",
        "messages:\n  - {role: system, content: \"Be {tone}.\"}\n  - {role: user, content: \"Hi, I am {name}\\n\"}\nparams: {max_output_tokens: 9}\n",
    );
    let arguments = ["render", "greet", "--version", "v1.1.0", "--var", "name=\"}, {\"role\": \"tool\""];
    let human = sandbox.run(&arguments);
    let parsed: serde_json::Value = serde_json::from_str(&human.stdout).unwrap();
    assert_json_snapshot!("render_chat.json", parsed);
    assert_eq!(sandbox.json(&arguments), parsed);
    assert_json_snapshot!("render_text.json", sandbox.json(&["render", "greet", "--var", "name=Ada"]));
}

#[test]
fn a_snapshot_renders_as_the_repository_does() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["snapshot", "--output", "s.json"]).code, Some(0));
    let ada = ["--var", "name=Ada"];
    let from = ["render", "--snapshot", "s.json", "greet"];
    let repository = sandbox.run(&[&["render", "greet"][..], &ada].concat());
    let snapshot = sandbox.run(&[&from[..], &ada].concat());
    assert_eq!((snapshot.code, &snapshot.stdout), (Some(0), &repository.stdout), "{}", snapshot.shown());
    assert_eq!(
        sandbox.json(&[&from[..], &ada].concat()),
        sandbox.json(&[&["render", "greet"][..], &ada].concat())
    );
    // The repository may be gone, and say otherwise.
    std::fs::remove_dir_all(sandbox.path("prompts")).unwrap();
    assert_eq!(sandbox.run(&[&from[..], &ada, &["--unit", "u1"]].concat()).stdout, repository.stdout);
    assert_snapshot!(sandbox.session(&[
        &from,
        &["render", "--snapshot", "s.json", "gret"],
        &["render", "--snapshot", "s.json", "greet", "--case", "one"],
        &["render", "greet", "--unit", "u1"],
    ]));
}

#[test]
fn a_value_that_goes_nowhere_is_said_by_render_and_check() {
    let sandbox = Sandbox::new();
    sandbox
        .write("prompts/faq/prompt.yaml", "name: faq\nactive_version: v1.0.0\nvariables: [question]\n")
        .write("prompts/faq/v1.0.0.txt", "Question: {question}\n")
        .write("prompts/faq/v1.1.0.txt", "Be kind.\nQuestion: {{ question }}\n")
        .write("prompts/faq/v1.2.0.yaml", "messages:\n  - {role: system, content: Be kind.}\n  - role: user\n    content: \"Q: {{question}}\"\n");
    assert_snapshot!(sandbox.session(&[
        &["check", "faq"],
        &["render", "faq", "v1.0.0", "--var", "question=Hi"],
        &["render", "faq", "v1.1.0", "--var", "question=Hi"],
    ]));
}

#[test]
fn values_have_the_declared_types() {
    let sandbox = Sandbox::new();
    sandbox
        .write(
            "prompts/typed/prompt.yaml",
            "name: typed\nactive_version: v1.0.0\nvariables:\n  count: integer\n  tags: list\n  note: string\n",
        )
        .write("prompts/typed/v1.0.0.txt", "{count} {tags} {note}")
        .write("values.json", "{\"count\": 3, \"tags\": [\"a\", \"b\"], \"note\": \"5\"}");
    assert_snapshot!(sandbox.session(&[
        &["render", "typed", "--var", "count=3", "--var", "tags=[\"a\", 1]", "--var", "note=5"],
        &["render", "typed", "--vars", "values.json"],
        &["render", "typed", "--vars", "values.json", "--var", "note=7"],
        &["render", "typed", "--var", "count=three", "--var", "tags=a", "--var", "note=5"],
        &["render", "typed", "--var", "count=3.0", "--var", "tags=[]", "--var", "note=5"],
    ]));
}

#[test]
fn a_bare_template_needs_no_registry() {
    let sandbox = Sandbox::empty();
    sandbox
        .write("draft.txt", "Dear {name},\n{text}")
        .write("draft.jinja", "{% for item in items %}- {{ item }}\n{% endfor %}")
        .write("bad.txt", "Dear {user.name},\nreply as {\"a\": 1}\n")
        .write(
            "loop.jinja",
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
        );
    assert_snapshot!(sandbox.session(&[
        &["render", "--template", "draft.txt", "--var", "name=Ada", "--var", "text=hello"],
        &["render", "--template", "draft.txt", "--var", "nam=Ada"],
        &["render", "--template", "bad.txt"],
        &["render", "--template", "draft.jinja", "--template-format", "jinja"],
        &["render", "--template", "loop.jinja", "--template-format", "jinja"],
        &["render", "--template", "nothing.txt"],
        &[
            "render",
            "--template",
            "draft.txt",
            "--var",
            "name=Ada",
            "--var",
            "text=hello",
            "--format",
            "json"
        ],
    ]));
    let piped = sandbox.run_with_input(
        &["render", "--template", "draft.jinja", "--template-format", "jinja", "--vars", "-"],
        "items: [1, two]\n",
    );
    assert_eq!((piped.stdout.as_str(), piped.code), ("- 1\n- two\n", Some(0)), "{}", piped.stderr);
    let malformed =
        sandbox.run_with_input(&["render", "--template", "draft.txt", "--vars", "-"], "name: [\n");
    assert_snapshot!("malformed_values_on_standard_input", malformed.shown());
}

#[test]
fn a_case_is_rendered_as_it_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "prompts/greet/tests/test_cases.yaml",
        "validators: [{max_words: 9}]\ncases:\n  - name: by_name\n    inputs: {name: Ada}\n  - name: again\n    inputs: {name: Bo, tone: dry}\n    messages: [{role: user, content: Hello}, {role: assistant, content: Who is it?}]\n",
    );
    assert_snapshot!(sandbox.session(&[
        &["render", "greet", "--case", "by_name"],
        &["render", "greet", "--case", "by_name", "--var", "name=Eve"],
        &["render", "greet", "--case", "again"],
        &["render", "greet", "--case", "by_nam"],
        &["render", "greet", "--case", "another"],
        &["render", "--template", "x", "--case", "again"],
    ]));
    sandbox.write("prompts/greet/tests/test_cases.yaml", "cases: [{name: by_name, inputs: {nam: Ada}}]\n");
    assert_snapshot!(sandbox.session(&[&["render", "greet", "--case", "by_name"]]));
}
