//! The tools that a chat version offers to the model.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::content::Tool;
use crate::problem::Problem;
use crate::yaml::{Document, Located};

/// The longest name that all providers take, in characters.
const MAX_NAME: usize = 64;

/// A tool of a chat version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a tool")]
pub struct ToolSpec {
    /// The name that the model calls it by: letters, digits, `_` and `-`, at most 64.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{1,64}$"))]
    pub name: Located<String>,
    /// What it does, for the model to read. It is sent as it stands, without values.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its arguments, that of an object. Without it the tool takes none.
    #[serde(default)]
    pub parameters: Option<Located<Map<String, Value>>>,
}

/// The tools as they are sent; what is wrong with one is added to `problems`.
pub(super) fn read(specs: Vec<ToolSpec>, document: &Document, problems: &mut Vec<Problem>) -> Vec<Tool> {
    let mut names = HashSet::new();
    let mut tools = Vec::with_capacity(specs.len());
    for ToolSpec { name, description, parameters } in specs {
        if !is_sound(&name) {
            let message = format!("`{}` cannot be the name of a tool", name.escape_debug());
            let problem = Problem::error("version::tool_name", message);
            let help =
                format!("use letters, digits, `_` and `-`, at most {MAX_NAME}: providers take no others");
            problems.push(problem.at(document.place(name.span)).help(help));
        }
        if !names.insert(name.value.clone()) {
            let message = format!("two tools are called `{}`", name.escape_debug());
            let problem = Problem::error("version::tool_name", message);
            problems.push(problem.at(document.place(name.span)).help("give one of them another name"));
        }
        let parameters = match parameters {
            Some(parameters) => {
                if parameters.get("type") != Some(&json!("object")) {
                    let message = "the parameters of a tool are the JSON Schema of an object";
                    let problem = Problem::error("version::tool_parameters", message);
                    let help = "write `parameters: {type: object, properties: {…}}`";
                    problems.push(problem.at(document.place(parameters.span)).help(help));
                }
                parameters.value
            }
            None => {
                Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), json!({}))])
            }
        };
        tools.push(Tool { name: name.value, description: description.unwrap_or_default(), parameters });
    }
    tools
}

fn is_sound(name: &str) -> bool {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_taken)
}
