//! Tools that a version offers to the model, from the file to the wire and back.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use super::{Mock, eval, sandbox};

const TOOLS: &str = "\
tools:
  - name: find_order
    description: Looks an order up by its {number}.
    parameters: {type: object, properties: {id: {type: integer}}, required: [id]}
  - name: ask_a_colleague
";

const CALLED: &str = "cases: [{name: late, inputs: {name: Ada}, validators: [{tool_calls: [{name: find_order, arguments: {id: 7}}]}]}]\n";

fn messages() -> String {
    "messages: [{role: user, content: \"Greet {name} in a {tone} tone.\"}]\n".to_owned()
}

#[test]
fn a_model_is_offered_the_tools_of_the_version() {
    let sandbox = sandbox("{provider: command, command: [sh, app.sh]}", 1);
    let answer = json!({"tool_calls": [{"name": "find_order", "arguments": {"id": 7}}]});
    sandbox
        .write("app.sh", format!("cat > asked.json\necho '{answer}'\n"))
        .write("prompts/greet/v1.1.0.yaml", messages() + TOOLS)
        .write("prompts/greet/tests/test_cases.yaml", CALLED);
    let seen = eval(&sandbox, &["--allow-commands", "--version", "v1.1.0"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let asked: Value = serde_json::from_str(&sandbox.read("asked.json")).unwrap();
    assert_json_snapshot!(asked["tools"]);
}

#[test]
fn other_tools_are_another_question() {
    let call = json!({"tool_calls": [{"name": "find_order", "arguments": {"id": 7}}]});
    let mock = Mock::start(json!({"default": {"answer": call}}));
    let sandbox = sandbox(&mock.row(), 1);
    sandbox
        .write("prompts/greet/v1.1.0.yaml", messages() + TOOLS)
        .write("prompts/greet/tests/test_cases.yaml", CALLED);
    for (calls, what) in [(1, "asked"), (1, "from the cache")] {
        let seen = eval(&sandbox, &["--version", "v1.1.0"]);
        assert_eq!((seen.code, mock.counters().calls), (Some(0), calls), "{what}: {}", seen.shown());
    }
    sandbox.edit("prompts/greet/v1.1.0.yaml", "Looks an order up", "Finds an order");
    let seen = eval(&sandbox, &["--version", "v1.1.0"]);
    assert_eq!((seen.code, mock.counters().calls), (Some(0), 2), "{}", seen.shown());
}

#[test]
fn tools_of_the_row_would_take_the_place_of_those_of_the_version() {
    let sandbox = sandbox("{provider: openai, model: m, extra: {tools: [], tool_choice: auto}}", 1);
    sandbox.write("prompts/greet/v1.1.0.yaml", messages() + TOOLS);
    let dry_run = |version: &str| sandbox.run(&["eval", "--dry-run", "--version", version]);
    assert_eq!(dry_run("v1.0.0").code, Some(0), "a version without tools has those of the row");
    let refused = dry_run("v1.1.0");
    assert_eq!(refused.code, Some(2));
    assert_snapshot!(sandbox.clean(&refused.stderr));
}

#[test]
fn a_program_is_given_the_tools_of_the_row_beside_those_of_the_version() {
    let sandbox =
        sandbox("{provider: command, command: [sh, app.sh], extra: {tools: [web], messages: []}}", 1);
    sandbox.write("prompts/greet/v1.1.0.yaml", messages() + TOOLS);
    let seen = sandbox.run(&["eval", "--dry-run", "--version", "v1.1.0"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn the_form_of_the_answer_of_the_row_would_take_the_place_of_that_of_the_version() {
    let sandbox = sandbox("{provider: openai, model: m, extra: {response_format: {type: text}}}", 1);
    sandbox.write("prompts/greet/v1.1.0.yaml", messages() + "response_format: json_object\n");
    let dry_run = |version: &str| sandbox.run(&["eval", "--dry-run", "--version", version]);
    assert_eq!(dry_run("v1.0.0").code, Some(0), "a version without a form has that of the row");
    let refused = dry_run("v1.1.0");
    assert_eq!(refused.code, Some(2));
    assert_snapshot!(sandbox.clean(&refused.stderr));
}

#[test]
fn a_row_replaces_neither_the_prompt_nor_the_model() {
    let sandbox = sandbox("{provider: openai, model: m, extra: {messages: [], model: n}}", 1);
    let refused = sandbox.run(&["eval", "--dry-run"]);
    assert_eq!(refused.code, Some(2));
    assert_snapshot!(sandbox.clean(&refused.stderr));
}

#[test]
fn tools_are_shown_rendered_and_compared() {
    let sandbox = sandbox("{provider: openai, model: m}", 1);
    sandbox.write("prompts/greet/v1.1.0.yaml", messages() + TOOLS).write(
        "prompts/greet/v1.2.0.yaml",
        messages() + &TOOLS.replace("type: integer", "type: string").replace("ask_a_colleague", "give_up"),
    );
    assert_snapshot!(sandbox.session(&[
        &["show", "greet", "--version", "v1.1.0"],
        &["render", "greet", "v1.1.0", "--var", "name=Ada"],
        &["diff", "greet", "v1.1.0", "v1.2.0"],
    ]));
}
