//! `tool_calls`: which tools the reply calls. Each expected call needs a call of its own; further ones are allowed unless `only`; the
//! order is free unless `ordered`. An empty list: the reply calls no tool.
//!
//! Expected arguments are a part of the real ones: every key that is written must be there with an equal value, objects the same
//! way, lists item by item. Numbers are equal by value: 1 and 1.0.

use promptassay_llm::ToolCall;
use promptassay_registry::yaml::Located;
use schemars::JsonSchema;
use serde_json::Value;

use super::Found;
use super::spec::{Argument, Builder, Options};
use super::view::View;
use crate::outcome::Reason;

/// How many calls a reason names.
const SHOWN_CALLS: usize = 5;

/// Calls that the reply must make.
#[derive(Debug)]
pub(super) struct ToolCalls {
    expected: Vec<ExpectedCall>,
    only: bool,
    ordered: bool,
}

#[derive(Debug)]
struct ExpectedCall {
    name: String,
    arguments: Option<Value>,
}

impl ToolCalls {
    pub(super) fn find(&self, view: &View<'_>) -> Found {
        let calls = &view.subject.reply.tool_calls;
        let matched = if self.ordered { self.match_in_order(calls) } else { self.match_in_any_order(calls) };
        let missing: Vec<String> = self
            .expected
            .iter()
            .zip(&matched)
            .filter(|(_, call)| call.is_none())
            .map(|(expected, _)| expected.to_string())
            .collect();
        let surplus: Vec<String> = calls
            .iter()
            .enumerate()
            .filter(|(index, _)| self.only && !matched.contains(&Some(*index)))
            .map(|(_, call)| format!("`{}`", call.name))
            .collect();
        let message = match (missing.is_empty(), surplus.is_empty()) {
            (false, _) => format!(
                "does not call {}{}",
                shown(&missing),
                if self.ordered { " in this order" } else { "" }
            ),
            (true, false) => format!("also calls {}", shown(&surplus)),
            (true, true) => "makes the calls".to_owned(),
        };
        let got = if calls.is_empty() {
            "no calls".to_owned()
        } else {
            shown(
                &calls
                    .iter()
                    .map(|call| clip(&format!("{}({})", call.name, call.arguments_text())))
                    .collect::<Vec<_>>(),
            )
        };
        let reason = Reason::new(message).got(got);
        Found::new(missing.is_empty() && surplus.is_empty(), reason.clone(), reason)
    }

    /// The earliest call that fits leaves the most for those that follow.
    fn match_in_order(&self, calls: &[ToolCall]) -> Vec<Option<usize>> {
        let mut from = 0;
        let mut find = |expected: &ExpectedCall| {
            let found = (from..calls.len()).find(|index| expected.fits(&calls[*index]))?;
            from = found + 1;
            Some(found)
        };
        self.expected.iter().map(&mut find).collect()
    }

    /// A largest matching by augmenting paths: an expectation that fits many calls must not take the only one that another fits.
    fn match_in_any_order(&self, calls: &[ToolCall]) -> Vec<Option<usize>> {
        let fits: Vec<Vec<usize>> = self
            .expected
            .iter()
            .map(|expected| (0..calls.len()).filter(|index| expected.fits(&calls[*index])).collect())
            .collect();
        let mut taken_by: Vec<Option<usize>> = vec![None; calls.len()];
        for expected in 0..self.expected.len() {
            augment(expected, &fits, &mut taken_by, &mut vec![false; calls.len()]);
        }
        (0..self.expected.len())
            .map(|expected| taken_by.iter().position(|by| *by == Some(expected)))
            .collect()
    }
}

fn augment(expected: usize, fits: &[Vec<usize>], taken_by: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for &call in &fits[expected] {
        if std::mem::replace(&mut seen[call], true) {
            continue;
        }
        let is_free = taken_by[call].is_none_or(|other| augment(other, fits, taken_by, seen));
        if is_free {
            taken_by[call] = Some(expected);
            return true;
        }
    }
    false
}

impl ExpectedCall {
    fn fits(&self, call: &ToolCall) -> bool {
        self.name == call.name
            && self.arguments.as_ref().is_none_or(|arguments| includes(&call.arguments, arguments))
    }
}

impl std::fmt::Display for ExpectedCall {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.arguments {
            None => write!(formatter, "`{}`", self.name),
            Some(arguments) => write!(formatter, "`{}` with {}", self.name, clip(&arguments.to_string())),
        }
    }
}

/// Whether `part` is in `whole`.
fn includes(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| includes(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| includes(whole, part))
        }
        (Value::Number(whole), Value::Number(part)) => whole == part || whole.as_f64() == part.as_f64(),
        (whole, part) => whole == part,
    }
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

fn shown(calls: &[String]) -> String {
    let more = if calls.len() > SHOWN_CALLS { ", …" } else { "" };
    format!("{}{more}", calls.iter().take(SHOWN_CALLS).cloned().collect::<Vec<_>>().join(", "))
}

/// `[name, {name, arguments}]` or `{values: […], only, ordered}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolCallsOptions {
    /// The calls that must be made; empty: none at all.
    #[schemars(with = "Vec<CallForm>")]
    values: Vec<Argument<CallOptions>>,
    /// No further calls.
    #[serde(default)]
    only: bool,
    /// In this order.
    #[serde(default)]
    ordered: bool,
}

/// A call in either form, for editors.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "only its schema is used")]
enum CallForm {
    Name(String),
    Call(CallOptions),
}

/// `name` or `{name, arguments}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct CallOptions {
    /// The tool's name.
    name: Located<String>,
    /// A part of its arguments.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    arguments: Option<Located<serde_json::Map<String, Value>>>,
}

impl Options for CallOptions {
    type Short = String;
    const EXPECTING: &'static str = "the name of a tool, or a map with `name` and `arguments`";

    fn short(name: Located<String>) -> Self {
        Self { name, arguments: None }
    }
}

/// The list alone.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct CallList(Vec<Argument<CallOptions>>);

impl JsonSchema for CallList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ToolCalls".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<CallForm>::json_schema(generator)
    }
}

impl Options for ToolCallsOptions {
    type Short = CallList;
    const EXPECTING: &'static str = "a list of calls, or a map with `values`";

    fn short(values: Located<CallList>) -> Self {
        Self { values: values.value.0, only: false, ordered: false }
    }
}

impl ToolCallsOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<ToolCalls> {
        let before = builder.problem_count();
        for Argument(call) in self.values.iter().filter(|Argument(call)| call.name.trim().is_empty()) {
            builder.refuse(
                "suite::empty_text",
                "a tool has a name",
                call.name.span,
                "write the name of the tool",
            );
        }
        let expected = self
            .values
            .iter()
            .map(|Argument(call)| ExpectedCall {
                name: call.name.value.clone(),
                arguments: call.arguments.as_ref().map(|arguments| Value::Object(arguments.value.clone())),
            })
            .collect();
        // An empty list that allowed every call would be a check that cannot fail.
        let only = self.only || self.values.is_empty();
        (builder.problem_count() == before).then_some(ToolCalls { expected, only, ordered: self.ordered })
    }
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{Reply, ToolCall};
    use serde_json::{Value, json};

    use crate::validator::Subject;
    use crate::validator::tests::{build, describe, reply};

    fn verdict(yaml: &str, calls: &[(&str, Value)]) -> String {
        let tool_calls = calls
            .iter()
            .map(|(name, arguments)| ToolCall {
                id: String::new(),
                name: (*name).into(),
                arguments: arguments.clone(),
            })
            .collect();
        let reply = Reply { tool_calls, ..reply("") };
        let inputs = promptassay_registry::template::Values::new();
        describe(&build(yaml).unwrap().check(&Subject::new(&reply, &inputs)))
    }

    #[test]
    fn each_expected_call_needs_its_own() {
        let find = || ("find", json!({"city": "Rome", "n": 1}));
        assert_eq!(verdict("tool_calls: [find]", &[("other", json!({})), find()]), "pass");
        insta::assert_snapshot!(verdict("tool_calls: [find, find]", &[find()]), @r#"does not call `find` | got: find({"city":"Rome","n":1})"#);
        insta::assert_snapshot!(verdict("tool_calls: [find]", &[]), @"does not call `find` | got: no calls");
        assert_eq!(verdict("tool_calls: []", &[]), "pass");
        insta::assert_snapshot!(verdict("tool_calls: []", &[find()]), @r#"also calls `find` | got: find({"city":"Rome","n":1})"#);
        insta::assert_snapshot!(verdict("tool_calls: {values: [find], only: true}", &[find(), ("x", json!({}))]), @r#"also calls `x` | got: find({"city":"Rome","n":1}), x({})"#);
    }

    #[test]
    fn arguments_are_a_part() {
        let yaml = "tool_calls: [{name: find, arguments: {n: 1.0, where: {city: Rome}, tags: [a]}}]";
        let call = |arguments: Value| verdict(yaml, &[("find", arguments)]);
        assert_eq!(
            call(json!({"n": 1, "where": {"city": "Rome", "more": 1}, "tags": ["a"], "x": 0})),
            "pass"
        );
        for wrong in [
            json!({"n": 2, "where": {"city": "Rome"}, "tags": ["a"]}),
            json!({"n": 1, "where": {}, "tags": ["a"]}),
            json!({"n": 1, "where": {"city": "Rome"}, "tags": ["a", "b"]}),
            json!("{\"n\": 1"),
        ] {
            assert!(call(wrong.clone()).starts_with("does not call `find` with"), "{wrong}");
        }
    }

    #[test]
    fn a_broad_expectation_does_not_take_the_only_call_of_a_narrow_one() {
        let yaml = "tool_calls: [f, {name: f, arguments: {x: 1}}]";
        assert_eq!(verdict(yaml, &[("f", json!({"x": 1})), ("f", json!({"x": 2}))]), "pass");
        assert_eq!(verdict(yaml, &[("f", json!({"x": 2})), ("f", json!({"x": 1}))]), "pass");
    }

    #[test]
    fn order_counts_where_it_is_asked_for() {
        let calls = [("b", json!({})), ("a", json!({})), ("b", json!({}))];
        assert_eq!(verdict("tool_calls: {values: [a, b], ordered: true}", &calls), "pass");
        insta::assert_snapshot!(verdict("tool_calls: {values: [a, b], ordered: true}", &calls[..2]), @"does not call `b` in this order | got: b({}), a({})");
        assert_eq!(verdict("tool_calls: {values: [b, a, b], ordered: true, only: true}", &calls), "pass");
        assert!(
            verdict("tool_calls: {values: [a, b], ordered: true, only: true}", &calls)
                .starts_with("also calls")
        );
    }

    #[test]
    fn what_is_no_call_is_refused() {
        insta::assert_snapshot!(
            [
                "tool_calls: find",
                "tool_calls: ['']",
                "tool_calls: [3]",
                "tool_calls: [{nam: find}]",
                "tool_calls: [{name: find, arguments: [1]}]",
                "tool_calls: {values: [find], onyl: true}",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }
}
