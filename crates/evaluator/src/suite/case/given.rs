//! What a case gives the prompt: the values of its variables, and the conversation before its question.

use indexmap::IndexMap;
use promptassay_llm::{Message, Role, ToolCall};
use promptassay_registry::content;
use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::template::Values;
use promptassay_registry::variables::{ValueProblem, VariableType, code};
use promptassay_registry::yaml::Located;
use serde_json::Value;

use super::CaseReader;
use crate::suite::origin::Origin;
use crate::suite::row::{KNOWN_COLUMNS, unknown_column};
use crate::suite::spec::MessageSpec;

impl CaseReader<'_> {
    pub(super) fn messages(&mut self, specs: Vec<Located<MessageSpec>>) -> Vec<Message> {
        let mut messages = Vec::with_capacity(specs.len());
        let mut calls: Vec<String> = Vec::new();
        for Located { value: spec, span } in specs {
            let role = match spec.role {
                content::Role::System => Role::System,
                content::Role::User => Role::User,
                content::Role::Assistant => Role::Assistant,
                content::Role::Tool => Role::Tool,
            };
            let mut refuse = |message: &str, help: &str| {
                self.problem(Problem::error("suite::invalid_message", message).help(help), span);
            };
            match (role, &spec.tool_call_id) {
                (Role::Tool, None) => refuse(
                    "the result of a tool needs `tool_call_id`",
                    "name the `id` of the call that it answers, in `tool_calls` of a message before it",
                ),
                (Role::Tool, Some(id)) if !calls.contains(id) => refuse(
                    &format!("no message before it calls a tool with the id `{id}`"),
                    "write the call into `tool_calls` of the assistant's message before it",
                ),
                (Role::Tool, Some(_)) | (_, None) => {}
                (_, Some(_)) => {
                    refuse("only a message of the role `tool` has a `tool_call_id`", "leave it out");
                }
            }
            if role != Role::Assistant && !spec.tool_calls.is_empty() {
                refuse("only a message of the role `assistant` calls tools", "leave `tool_calls` out");
            }
            if spec.content.is_empty() && spec.tool_calls.is_empty() && role != Role::Tool {
                refuse("this message says nothing", "write its `content`");
            }
            calls.extend(spec.tool_calls.iter().map(|call| call.id.clone()));
            let tool_calls = spec.tool_calls.into_iter();
            let tool_calls = tool_calls.map(|call| ToolCall {
                id: call.id,
                name: call.name,
                arguments: Value::Object(call.arguments),
            });
            messages.push(Message {
                role,
                content: spec.content,
                tool_calls: tool_calls.collect(),
                tool_call_id: spec.tool_call_id,
            });
        }
        messages
    }

    /// The values with which the prompt is filled: those of the case, then the defaults of the prompt's variables.
    pub(super) fn inputs(
        &mut self,
        case: &Located<String>,
        inputs: &IndexMap<Located<String>, Located<Value>>,
        is_whole: bool,
        origin: Origin<'_>,
    ) -> Values {
        let variables = self.interface.variables();
        for (name, value) in inputs {
            self.warn_of_number(name, value, origin);
        }
        let values: Values =
            inputs.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect();
        match variables.resolve(&values) {
            Ok(resolved) => {
                for unknown in &resolved.unknown {
                    let place = inputs
                        .keys()
                        .find(|name| name.value == unknown.name)
                        .map_or(case.span, |name| name.span);
                    let message =
                        format!("the prompt has no variable `{}`; this value is not used", unknown.name);
                    let code = "suite::unknown_variable";
                    let problem = if origin.is_row() {
                        unknown_column(&unknown.name, message, code, variables.names(), &KNOWN_COLUMNS)
                    } else {
                        let known: Vec<&str> = variables.names().collect();
                        Problem::warning(code, message).help(did_you_mean(&unknown.name, known, "variables"))
                    };
                    self.problems.push(origin.locate(problem, place));
                }
                let mut values = resolved.values.into_owned();
                // A large dataset has many of these, and none of them grows any more.
                values.shrink_to_fit();
                values
            }
            Err(problems) => {
                if is_whole {
                    for problem in problems {
                        self.value_problem(case, inputs, problem, origin);
                    }
                }
                values
            }
        }
    }

    fn value_problem(
        &mut self,
        case: &Located<String>,
        inputs: &IndexMap<Located<String>, Located<Value>>,
        problem: ValueProblem,
        origin: Origin<'_>,
    ) {
        let given = inputs.iter().find(|(name, _)| name.value == problem.variable);
        let place = given.map_or(case.span, |(_, value)| value.span);
        // A variable without a value is missed in many cases at once: what says the same is shown as one problem, at all their places.
        let is_missing = given.is_none() && problem.code == code::MISSING;
        let message =
            if is_missing { problem.message } else { format!("case `{case}`: {}", problem.message) };
        let help = if given.is_none() && origin.is_row() && KNOWN_COLUMNS.contains(&problem.variable.as_str())
        {
            let name = &problem.variable;
            Some(format!(
                "a column `{name}` is about the case; a column `inputs.{name}` gives the variable its value"
            ))
        } else if given.is_none() && origin.is_table() {
            Some(
                "fill its cell, or declare a `default`; an empty cell gives no value, `\"\"` is empty text"
                    .to_owned(),
            )
        } else {
            problem.help
        };
        let problem = Problem::error("suite::invalid_input", message).maybe_help(help);
        self.problems.push(if is_missing {
            problem.at(origin.place(place))
        } else {
            origin.locate(problem, place)
        });
    }

    /// `1.10` is a number, and a number has no spelling: what is sent is `1.1`.
    fn warn_of_number(&mut self, name: &Located<String>, value: &Located<Value>, origin: Origin<'_>) {
        let written = origin.written(value.span);
        if !value.is_number() || written.is_empty() || *written == value.to_string() {
            return;
        }
        let sent = value.to_string();
        let kind =
            self.interface.variables().get(name).and_then(promptassay_registry::variables::Variable::kind);
        let must_be_number = matches!(kind, Some(VariableType::Integer | VariableType::Number));
        let help = if must_be_number {
            format!("write {sent}, or declare `{name}` as a string to send `{written}`")
        } else {
            format!("put it in quotes to send it as it stands: \"{written}\"")
        };
        let message = format!("`{written}` is read as a number and sent as `{sent}`");
        let problem = Problem::warning("suite::number_changes", message).help(help);
        self.problems.push(origin.locate(problem, value.span));
    }
}
