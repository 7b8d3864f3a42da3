//! Templates: text with variables, parsed once, rendered purely.
//!
//! Two languages share one face: [`mod@format`] (the default) and [`jinja`]. Neither reads files, looks at the environment or
//! scans an inserted value again. Roles of chat messages are never looked for in rendered text.

pub mod format;
pub(crate) mod identifier;
pub mod jinja;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::format::FormatTemplate;
use self::jinja::JinjaTemplate;
use crate::problem::closest;

/// The most bytes of a template.
pub const MAX_TEMPLATE_BYTES: usize = 1 << 20;

/// The most bytes of a rendered template: what no model can read need not be built.
pub const MAX_RENDERED_BYTES: usize = 64 << 20;

/// Values by the name of their variable, in the order given.
pub type Values = IndexMap<String, Value>;

/// The language of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TemplateFormat {
    /// `{name}`: the part of Python's `str.format` that means the same everywhere.
    #[default]
    Format,
    /// `{{ name }}`, conditions and loops: MiniJinja, strict.
    Jinja,
}

impl TemplateFormat {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Format, Self::Jinja];

    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Jinja => "jinja",
        }
    }

    /// The other one: what is a field in one is plain text in the other.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Format => Self::Jinja,
            Self::Jinja => Self::Format,
        }
    }
}

impl fmt::Display for TemplateFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A parsed template of either language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// See [`mod@format`].
    Format(FormatTemplate),
    /// See [`jinja`].
    Jinja(JinjaTemplate),
}

impl Template {
    /// Reads a template; on failure, its problems in the order of the text.
    ///
    /// ```
    /// use promptassay_registry::template::{Template, TemplateFormat, Values};
    ///
    /// let template = Template::parse(TemplateFormat::Format, "Greet {name} {{warmly}}.").unwrap();
    /// let values = Values::from([("name".to_owned(), "{x}".into())]);
    /// // A value is never read as a template again.
    /// assert_eq!(template.render(&values).unwrap(), "Greet {x} {warmly}.");
    ///
    /// let problems = Template::parse(TemplateFormat::Format, "Greet {name!r}.").unwrap_err();
    /// assert_eq!((problems[0].line, problems[0].column), (1, 7));
    /// ```
    pub fn parse(format: TemplateFormat, source: impl Into<Arc<str>>) -> Result<Self, Vec<TemplateProblem>> {
        match format {
            TemplateFormat::Format => FormatTemplate::parse(source).map(Self::Format),
            TemplateFormat::Jinja => JinjaTemplate::parse(source).map(Self::Jinja),
        }
    }

    /// Its language.
    pub fn format(&self) -> TemplateFormat {
        match self {
            Self::Format(_) => TemplateFormat::Format,
            Self::Jinja(_) => TemplateFormat::Jinja,
        }
    }

    /// The text that was parsed, byte for byte.
    pub fn source(&self) -> &str {
        match self {
            Self::Format(template) => template.source(),
            Self::Jinja(template) => template.source(),
        }
    }

    /// The names of the variables, each once, in order of first appearance.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Format(template) => template.variables().collect(),
            Self::Jinja(template) => template.variables().collect(),
        }
    }

    /// Inserts the values: strings as they are, everything else as compact JSON text. Values that no variable takes are
    /// ignored; [`unknown_variables`] finds them.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        match self {
            Self::Format(template) => template.render(values),
            Self::Jinja(template) => template.render(values),
        }
    }
}

/// The stable names of what can be wrong with a template.
pub mod code {
    /// The braces or tags do not fit together.
    pub const MALFORMED_TEMPLATE: &str = "template::malformed_template";
    /// The text between braces is not the name of a variable.
    pub const INVALID_NAME: &str = "template::invalid_name";
    /// `{}`: a field without a name.
    pub const BLANK_FIELD: &str = "template::blank_field";
    /// `{0}`: a field by position.
    pub const POSITIONAL_FIELD: &str = "template::positional_field";
    /// `{a.b}` or `{a[0]}`.
    pub const UNSUPPORTED_ACCESS: &str = "template::unsupported_access";
    /// `{a!r}`.
    pub const UNSUPPORTED_CONVERSION: &str = "template::unsupported_conversion";
    /// `{a:>10}`.
    pub const UNSUPPORTED_SPECIFICATION: &str = "template::unsupported_spec";
    /// A tag of Jinja that prompts do not have, such as `include`.
    pub const UNSUPPORTED_TAG: &str = "template::unsupported_tag";
    /// A filter, test, function or method of Jinja that does not exist.
    pub const UNKNOWN_FUNCTION: &str = "template::unknown_function";
    /// The template fails with these values.
    pub const RENDER_FAILED: &str = "template::render_failed";
    /// The template does more work than one rendering may.
    pub const OUT_OF_FUEL: &str = "template::out_of_fuel";
    /// More than [`MAX_TEMPLATE_BYTES`](super::MAX_TEMPLATE_BYTES).
    pub const TOO_LARGE: &str = "template::too_large";
}

/// One thing that is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateProblem {
    /// A stable name for programs: one of [`code`].
    pub code: &'static str,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The bytes of the template that are meant.
    pub span: Range<usize>,
    /// Line in the template, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl TemplateProblem {
    pub(crate) fn new(
        code: &'static str,
        source: &str,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Self {
        let before = source.get(..span.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before[..line_start].matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Self { code, message, help, span, line, column }
    }
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {}", self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(formatter, " (help: {help})"),
            None => Ok(()),
        }
    }
}

/// A variable without a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingVariable {
    /// The variable.
    pub name: String,
    /// A value that was given under a similar name which no variable has.
    pub misspelt_as: Option<String>,
}

/// A value whose name no variable has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownVariable {
    /// The name of the value.
    pub name: String,
    /// The variable that may have been meant.
    pub suggestion: Option<String>,
}

/// The template could not be rendered with these values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Variables without a value, all of them, in order of first appearance.
    #[error("no value for {}", listed(.0))]
    Missing(Vec<MissingVariable>),
    /// The result would be larger than [`MAX_RENDERED_BYTES`].
    #[error("the rendered text would be larger than {} MiB", MAX_RENDERED_BYTES >> 20)]
    TooLarge,
    /// The template does not work with these values; only a `jinja` template can fail so.
    #[error("{0}")]
    Failed(TemplateProblem),
}

impl RenderError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Missing(missing) => missing.iter().find_map(|variable| {
                let given = variable.misspelt_as.as_ref()?;
                Some(format!("a value `{given}` was given; did you mean `{}`?", variable.name))
            }),
            Self::TooLarge => Some("pass shorter values".to_owned()),
            // Its text already ends with its help.
            Self::Failed(_) => None,
        }
    }
}

/// Refuses a text that is too large to be a prompt.
fn check_size(source: &str) -> Result<(), Vec<TemplateProblem>> {
    if source.len() <= MAX_TEMPLATE_BYTES {
        return Ok(());
    }
    let message = format!("the template has {} bytes, more than {MAX_TEMPLATE_BYTES}", source.len());
    let help = "pass large texts as values of variables".to_owned();
    Err(vec![TemplateProblem::new(code::TOO_LARGE, source, 0..0, message, Some(help))])
}

/// The values that no variable takes: probably misspelt. Whether that is an error is for the caller to decide.
pub fn unknown_variables(known: &[&str], values: &Values) -> Vec<UnknownVariable> {
    let free = || known.iter().copied().filter(|known| !values.contains_key(*known));
    let unknown = values.keys().filter(|name| !known.contains(&name.as_str()));
    unknown
        .map(|name| UnknownVariable {
            name: name.clone(),
            suggestion: closest(name, free()).map(str::to_owned),
        })
        .collect()
}

/// The variables among `used` that have no value.
pub(crate) fn missing_variables(used: &[&str], values: &Values) -> Vec<MissingVariable> {
    let free = || values.keys().map(String::as_str).filter(|name| !used.contains(name));
    let absent = used.iter().filter(|name| !values.contains_key(**name));
    absent
        .map(|name| MissingVariable {
            name: (*name).to_owned(),
            misspelt_as: closest(name, free()).map(str::to_owned),
        })
        .collect()
}

fn listed(missing: &[MissingVariable]) -> String {
    missing.iter().map(|variable| format!("`{}`", variable.name)).collect::<Vec<_>>().join(", ")
}
