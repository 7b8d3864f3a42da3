//! The difference between two versions as a value, which is also its JSON.

use promptassay_registry::content::{Role, Tool};
use promptassay_registry::digest::Digest;
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::PromptVersion;
use promptassay_registry::version::Version;
use promptassay_registry::version_file::Form;
use serde::Serialize;
use serde_json::{Value, json};

use crate::describe::{Content, Message, role_name};
use crate::text_diff::{self, Change, Piece};

/// What changes between two versions.
#[derive(Debug, Serialize)]
pub(super) struct Difference<'a> {
    pub(super) name: &'a str,
    pub(super) from: Side<'a>,
    pub(super) to: Side<'a>,
    /// Whether the files have the same bytes, and these are read in one template format or say the same in both.
    pub(super) identical: bool,
    pub(super) variables: VariableChanges,
    /// Whether both are registered, with other declarations of their variables or another template format.
    pub(super) interface_changed: bool,
    pub(super) params: Vec<ValueChange>,
    pub(super) response_format: Vec<ValueChange>,
    /// By the names of the tools; `(order)`, which no tool can be called, where those of both stand in another order.
    pub(super) tools: Vec<ValueChange>,
    pub(super) messages: Vec<MessageChange>,
}

/// One of the two versions.
#[derive(Debug, Serialize)]
pub(super) struct Side<'a> {
    pub(super) version: &'a Version,
    pub(super) form: Form,
    pub(super) template_format: TemplateFormat,
    pub(super) sha256: Digest,
}

/// The variables that one of the two uses and the other does not.
#[derive(Debug, Default, Serialize)]
pub(super) struct VariableChanges {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// A JSON value that changed, appeared or disappeared.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ValueChange {
    /// The keys that lead to it, separated by points; empty for the whole.
    pub(super) path: String,
    pub(super) from: Option<Value>,
    pub(super) to: Option<Value>,
}

/// The text of one message in both versions. Where the roles of the messages differ, all messages are compared as one text, in
/// which a line such as `=== system ===` stands before each.
#[derive(Debug, Serialize)]
pub(super) struct MessageChange {
    /// `None` for all messages as one text.
    pub(super) role: Option<Role>,
    pub(super) pieces: Vec<Piece>,
}

impl MessageChange {
    pub(super) fn is_changed(&self) -> bool {
        self.pieces.iter().any(|piece| piece.change != Change::Equal)
    }
}

pub(super) fn compare<'a>(name: &'a str, from: &'a PromptVersion, to: &'a PromptVersion) -> Difference<'a> {
    let (old, new) = (Content::of(&from.content), Content::of(&to.content));
    let registered_interface = |version: &PromptVersion| version.registered.as_ref().map(|row| row.interface);
    let mut params = Vec::new();
    let object = |params: serde_json::Map<String, Value>| Some(Value::Object(params));
    value_changes("", object(old.params).as_ref(), object(new.params).as_ref(), &mut params);
    let mut response_format = Vec::new();
    value_changes("", old.response_format, new.response_format, &mut response_format);
    let mut tools = Vec::new();
    value_changes("", Some(&by_name(old.tools)), Some(&by_name(new.tools)), &mut tools);
    tools.extend(order_change(old.tools, new.tools));
    Difference {
        name,
        from: side(from),
        to: side(to),
        identical: from.says_the_same_as(to),
        variables: variable_changes(&from.content.variables(), &to.content.variables()),
        interface_changed: registered_interface(from)
            .zip(registered_interface(to))
            .is_some_and(|(old, new)| old != new),
        params,
        response_format,
        tools,
        messages: message_changes(&old.messages, &new.messages),
    }
}

fn by_name(tools: &[Tool]) -> Value {
    tools
        .iter()
        .map(|Tool { name, description, parameters }| {
            (name.clone(), json!({"description": description, "parameters": parameters}))
        })
        .collect()
}

/// The names of the tools that both have, where their order differs: models are known to prefer what comes first.
fn order_change(old: &[Tool], new: &[Tool]) -> Option<ValueChange> {
    let in_both = |some: &[Tool], others: &[Tool]| -> Vec<String> {
        let has = |name: &str| others.iter().any(|other| other.name == name);
        some.iter().filter(|tool| has(&tool.name)).map(|tool| tool.name.clone()).collect()
    };
    let (from, to) = (in_both(old, new), in_both(new, old));
    (from != to).then(|| ValueChange {
        path: "(order)".to_owned(),
        from: Some(json!(from)),
        to: Some(json!(to)),
    })
}

fn side(version: &PromptVersion) -> Side<'_> {
    Side {
        version: &version.version,
        form: version.form(),
        template_format: version.interface.format(),
        sha256: version.digest,
    }
}

fn variable_changes(old: &[&str], new: &[&str]) -> VariableChanges {
    let only_in = |some: &[&str], others: &[&str]| {
        some.iter().filter(|name| !others.contains(name)).map(|name| (*name).to_owned()).collect()
    };
    VariableChanges { added: only_in(new, old), removed: only_in(old, new) }
}

/// The smallest values that differ: maps are compared key by key, everything else as a whole.
fn value_changes(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<ValueChange>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                value_changes(&path, old.get(key), new.get(key), changes);
            }
        }
        (old, new) if old == new => {}
        (old, new) => {
            changes.push(ValueChange { path: path.to_owned(), from: old.cloned(), to: new.cloned() });
        }
    }
}

fn message_changes(old: &[Message<'_>], new: &[Message<'_>]) -> Vec<MessageChange> {
    if old.iter().map(|message| message.role).eq(new.iter().map(|message| message.role)) {
        let pairs = old.iter().zip(new);
        let change = |(old, new): (&Message<'_>, &Message<'_>)| MessageChange {
            role: Some(new.role),
            pieces: text_diff::diff(old.content, new.content),
        };
        return pairs.map(change).collect();
    }
    vec![MessageChange { role: None, pieces: text_diff::diff(&as_one_text(old), &as_one_text(new)) }]
}

fn as_one_text(messages: &[Message<'_>]) -> String {
    let mut text = String::new();
    for message in messages {
        let end = if message.content.ends_with('\n') { "" } else { "\n" };
        text.extend(["=== ", role_name(message.role), " ===\n", message.content, end]);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(old: &Value, new: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let mut changes = Vec::new();
        value_changes("", Some(old), Some(new), &mut changes);
        changes.into_iter().map(|change| (change.path, change.from, change.to)).collect()
    }

    #[test]
    fn the_smallest_values_that_differ_are_named() {
        assert_eq!(
            changes(
                &json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3}),
                &json!({"a": 1, "b": {"c": [2], "d": 2}, "f": null})
            ),
            [
                ("b.c".to_owned(), Some(json!([1])), Some(json!([2]))),
                ("e".to_owned(), Some(json!(3)), None),
                ("f".to_owned(), None, Some(Value::Null)),
            ]
        );
        assert_eq!(changes(&json!({"a": 1}), &json!({"a": 1})), []);
    }

    #[test]
    fn tools_in_another_order_are_a_change() {
        let tools = |names: &[&str]| -> Vec<Tool> {
            let tool = |name: &&str| Tool {
                name: (*name).to_owned(),
                description: String::new(),
                parameters: serde_json::Map::new(),
            };
            names.iter().map(tool).collect()
        };
        let change = |old: &[&str], new: &[&str]| {
            order_change(&tools(old), &tools(new)).map(|change| (change.from, change.to))
        };
        assert_eq!(
            change(&["search", "refund", "close"], &["open", "refund", "search"]),
            Some((Some(json!(["search", "refund"])), Some(json!(["refund", "search"]))))
        );
        assert_eq!(
            change(&["search", "refund"], &["open", "search", "refund"]),
            None,
            "one that is new moves none"
        );
        assert_eq!(change(&["search"], &[]), None);
    }

    #[test]
    fn a_text_that_moves_to_another_message_is_no_change() {
        let message = |role, content| Message { role, content };
        let found = message_changes(
            &[message(Role::User, "You are kind.\n{query}")],
            &[message(Role::System, "You are kind.\n"), message(Role::User, "{query}")],
        );
        let piece = |change, text: &str| Piece { change, text: text.to_owned() };
        assert_eq!(found[0].role, None);
        assert_eq!(
            found[0].pieces,
            [
                piece(Change::Equal, "=== "),
                piece(Change::Delete, "user"),
                piece(Change::Insert, "system"),
                piece(Change::Equal, " ===\nYou are kind.\n"),
                piece(Change::Insert, "=== user ===\n"),
                piece(Change::Equal, "{query}\n"),
            ]
        );
    }

    #[test]
    fn messages_of_the_same_roles_are_compared_one_by_one() {
        let message = |role, content| Message { role, content };
        let messages = [message(Role::System, "a"), message(Role::User, "b")];
        let found = message_changes(&messages, &[message(Role::System, "a"), message(Role::User, "c")]);
        let shown: Vec<_> = found.iter().map(|change| (change.role, change.is_changed())).collect();
        assert_eq!(shown, [(Some(Role::System), false), (Some(Role::User), true)]);
    }
}
