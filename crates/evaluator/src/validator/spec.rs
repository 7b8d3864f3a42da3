//! The table of checks, and how each is read from a file and built into one that cannot be wrong.

mod builder;
mod canonical;
mod check_spec;
mod everywhere;
pub(super) mod located_json;
pub(super) mod meant;
mod misplaced;
mod options;
mod schema;
mod text;
mod validator_spec;

use super::affix::End;
use super::composite::Rule;
use super::contains::Quantity;
use super::size::{Bound, Unit};

pub(super) use builder::Builder;
pub(crate) use builder::{Context, DEPENDS_ON_SUITE, Surroundings};
pub(super) use options::{Argument, Options};
pub use validator_spec::ValidatorSpec;

/// A row of the table of checks.
#[derive(Debug)]
pub struct CheckDescription {
    /// The key in a file.
    pub name: &'static str,
    /// What it asks for, in a sentence for documentation and editors.
    pub about: &'static str,
    /// Whether there is a `not_` form.
    pub has_negation: bool,
    kind: Kind,
}

/// Which check, and so which argument.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Affix(End),
    Contains,
    ContainsList(Quantity),
    Equals,
    Regex,
    Size(Unit, Bound),
    Json,
    JsonSchema,
    ContainsJson,
    Levenshtein,
    Judge,
    Latency,
    Cost,
    Tokens,
    FinishReason,
    Refusal,
    ToolCalls,
    Expression,
    Command,
    Composite(Rule),
}

impl Kind {
    /// Whether scores between 0 and 1 occur, so that a threshold means something.
    fn is_graded(self) -> bool {
        match self {
            Self::Levenshtein | Self::Judge | Self::Command | Self::Composite(Rule::All | Rule::Any) => true,
            Self::Affix(_)
            | Self::Contains
            | Self::ContainsList(_)
            | Self::Equals
            | Self::Regex
            | Self::Size(..)
            | Self::Json
            | Self::JsonSchema
            | Self::ContainsJson
            | Self::Latency
            | Self::Cost
            | Self::Tokens
            | Self::FinishReason
            | Self::Refusal
            | Self::ToolCalls
            | Self::Expression
            | Self::Composite(Rule::None) => false,
        }
    }

    /// Whether it looks at the output, so that `at` means something.
    fn looks_at_output(self) -> bool {
        match self {
            Self::Latency
            | Self::Cost
            | Self::Tokens
            | Self::FinishReason
            | Self::Refusal
            | Self::ToolCalls => false,
            Self::Affix(_)
            | Self::Contains
            | Self::ContainsList(_)
            | Self::Equals
            | Self::Regex
            | Self::Size(..)
            | Self::Json
            | Self::JsonSchema
            | Self::ContainsJson
            | Self::Levenshtein
            | Self::Judge
            | Self::Expression
            | Self::Command
            | Self::Composite(_) => true,
        }
    }
}

const fn text(name: &'static str, kind: Kind, about: &'static str) -> CheckDescription {
    CheckDescription { name, about, has_negation: true, kind }
}

const fn size(name: &'static str, unit: Unit, bound: Bound, about: &'static str) -> CheckDescription {
    CheckDescription { name, about, has_negation: false, kind: Kind::Size(unit, bound) }
}

const fn plain(name: &'static str, kind: Kind, about: &'static str) -> CheckDescription {
    CheckDescription { name, about, has_negation: false, kind }
}

/// All checks, in the order of the documentation.
pub const CHECKS: &[CheckDescription] = &[
    text("equals", Kind::Equals, "The reply is exactly this text; nothing is trimmed."),
    text("contains", Kind::Contains, "The reply contains this text."),
    text(
        "contains_any",
        Kind::ContainsList(Quantity::Any),
        "The reply contains at least one of these texts.",
    ),
    text("contains_all", Kind::ContainsList(Quantity::All), "The reply contains every one of these texts."),
    text("starts_with", Kind::Affix(End::Start), "The reply begins with this text; nothing is trimmed."),
    text("ends_with", Kind::Affix(End::End), "The reply ends with this text; nothing is trimmed."),
    text("regex", Kind::Regex, "The pattern matches somewhere in the reply; linear time, no look-around."),
    size("max_words", Unit::Words, Bound::Max, "At most so many words, separated by white space."),
    size("min_words", Unit::Words, Bound::Min, "At least so many words, separated by white space."),
    size("max_chars", Unit::Characters, Bound::Max, "At most so many characters (Unicode scalar values)."),
    size("min_chars", Unit::Characters, Bound::Min, "At least so many characters (Unicode scalar values)."),
    size("max_lines", Unit::Lines, Bound::Max, "At most so many lines; a final line feed starts no new one."),
    plain("json", Kind::Json, "The whole reply is one JSON value, or an object, or an array."),
    plain(
        "json_schema",
        Kind::JsonSchema,
        "The reply is JSON that fits this JSON Schema (2020-12, or draft 7).",
    ),
    plain("contains_json", Kind::ContainsJson, "A real JSON object or array stands somewhere in the reply."),
    plain("levenshtein", Kind::Levenshtein, "The reply is at most so many edits away from this text."),
    plain("judge", Kind::Judge, "Another model finds that the reply fits this rubric."),
    plain("max_latency", Kind::Latency, "The model took at most so long; an error where nobody measured."),
    plain("max_cost", Kind::Cost, "The reply cost at most so many US dollars; an error where nobody knows."),
    plain("max_tokens", Kind::Tokens, "At most so many tokens; an error where the provider counted none."),
    plain("finish_reason", Kind::FinishReason, "The reply ended for this reason, or one of these."),
    plain("refusal", Kind::Refusal, "Whether the provider marks the reply as refused or filtered."),
    plain("tool_calls", Kind::ToolCalls, "The reply calls these tools; an empty list: none."),
    plain(
        "expr",
        Kind::Expression,
        "A MiniJinja expression over `output`, `json`, `inputs` and `reference` is true.",
    ),
    plain(
        "command",
        Kind::Command,
        "A program says so: JSON on stdin, JSON on stdout; needs --allow-commands.",
    ),
    plain("all_of", Kind::Composite(Rule::All), "All of these checks hold."),
    plain("any_of", Kind::Composite(Rule::Any), "At least one of these checks holds."),
    plain("none_of", Kind::Composite(Rule::None), "None of these checks holds."),
];
