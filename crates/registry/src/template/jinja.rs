//! The `jinja` template language: MiniJinja with everything strict and nothing from outside.
//!
//! An undefined variable is an error wherever it is used, except behind `is defined`, `is undefined` and `default()`. There is no
//! loader, so no `include`, `import` or `extends`; no escaping; the final line break is kept. Fuel bounds the work and the memory of
//! one rendering. Values appear as in [`super::format`]: strings verbatim, everything else as compact JSON text.
//!
//! MiniJinja's own strictness ends where a value is handed on: to a filter, to a test, inside a list. So its filters and tests are
//! wrapped (`builtins`), and its operators see checked values only (`source`).

mod builtins;
mod chains;
mod names;
mod placeholder;
mod source;
mod text_filters;
mod whole;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value as Item};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

pub use self::chains::end_of_chain;
use self::placeholder::Placeholder;
use self::source::{Additions, Checked, Unreadable, checked};
use super::{
    MAX_RENDERED_BYTES, MissingVariable, RenderError, TemplateProblem, Values, check_size, code,
    missing_variables,
};

/// The name under which the environment of a template knows it; only seen in errors, which do not show it.
const NAME: &str = "template";

/// MiniJinja takes one unit a step and one for about every 64 bytes, so this bounds both.
const FUEL: u64 = (MAX_RENDERED_BYTES / 64) as u64;

/// The tags that a prompt can use, for help.
const TAGS: &str = "`if`, `for`, `set`, `with`, `filter` and `raw`";

/// A parsed template of the `jinja` language.
#[derive(Debug, Clone)]
pub struct JinjaTemplate {
    source: Arc<str>,
    environment: Arc<Environment<'static>>,
    additions: Additions,
    variables: Box<[Box<str>]>,
}

impl PartialEq for JinjaTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for JinjaTemplate {}

impl JinjaTemplate {
    /// Reads a template. MiniJinja stops at its first problem, so there is one.
    pub fn parse(source: impl Into<Arc<str>>) -> Result<Self, Vec<TemplateProblem>> {
        let source = source.into();
        check_size(&source)?;
        let mut environment = ENVIRONMENT.clone();
        let Checked { text, additions, undeclared } = checked(&source, NAME, environment.syntax())
            .map_err(|unreadable| vec![parse_problem(unreadable, &source)])?;
        if let Err(error) = environment.add_template_owned(NAME, text) {
            return Err(vec![problem(code::MALFORMED_TEMPLATE, &error, &source, &additions, None)]);
        }
        let variables = variables_of(&environment, undeclared, &source);
        let template = Self { source, environment: Arc::new(environment), additions, variables };
        match template.trial(&Placeholder::value()).or_else(|| template.trial(&Item::from("text"))) {
            Some(problem) => Err(vec![problem]),
            None => Ok(template),
        }
    }

    /// The text that was parsed, byte for byte.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the variables that come from outside, each once, in order of first appearance.
    ///
    /// A template can do without some of them: those behind `is defined` or `default()`.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = &str> {
        self.variables.iter().map(|name| &**name)
    }

    /// Renders with these values.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        self.evaluate(Serde(values).into()).map_err(|error| self.explain(&error, values))
    }

    fn evaluate(&self, context: Item) -> Result<String, Error> {
        self.environment.get_template(NAME)?.render(context)
    }

    /// Filters, tests and functions are looked up late; a rendering with a made-up value finds those that do not exist, as
    /// far as it comes.
    fn trial(&self, value: &Item) -> Option<TemplateProblem> {
        let context = self.variables.iter().map(|name| (name.to_string(), value.clone()));
        let error = self.evaluate(Item::from_pairs(context)).err()?;
        // A filter that is named by a value, as in `map(name)`, is unknown without details: the made-up value is no filter.
        error.detail()?;
        let help = match error.kind() {
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest => None,
            ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
                Some("use a filter, as in `{{ name | upper }}`".to_owned())
            }
            _ => return None,
        };
        Some(self.problem(code::UNKNOWN_FUNCTION, &error, help))
    }

    fn explain(&self, error: &Error, values: &Values) -> RenderError {
        let is_undefined = is_undefined(error);
        if is_undefined {
            let missing = self.missing(values);
            if !missing.is_empty() {
                return RenderError::Missing(missing);
            }
        }
        let (code, help) = match error.kind() {
            ErrorKind::OutOfFuel => (
                code::OUT_OF_FUEL,
                Some("shorten the loops of the template or the values that it walks".to_owned()),
            ),
            _ if is_undefined => {
                (code::RENDER_FAILED, Some("test it with `is defined`, or give it a `default()`".to_owned()))
            }
            _ => (code::RENDER_FAILED, None),
        };
        RenderError::Failed(self.problem(code, error, help))
    }

    fn problem(&self, code: &'static str, error: &Error, help: Option<String>) -> TemplateProblem {
        problem(code, error, &self.source, &self.additions, help)
    }

    /// The absent variables that the template cannot do without.
    ///
    /// Which they are depends on the path that it takes. So each absent variable is left out in turn, with placeholders for the others.
    /// What fails without any being left out is not their fault.
    fn missing(&self, values: &Values) -> Vec<MissingVariable> {
        let absent =
            missing_variables(&self.variables.iter().map(|name| &**name).collect::<Vec<_>>(), values);
        let without = self.fails_at(None, &absent, values);
        let is_needed = |left_out: &&MissingVariable| {
            let place = self.fails_at(Some(&left_out.name), &absent, values);
            place.is_some() && place != without
        };
        absent.iter().filter(is_needed).cloned().collect()
    }

    /// Where something is undefined, with placeholders for all absent variables but one.
    fn fails_at(
        &self,
        left_out: Option<&str>,
        absent: &[MissingVariable],
        values: &Values,
    ) -> Option<Range<usize>> {
        let given = values.iter().map(|(name, value)| (name.clone(), Item::from(Serde(value))));
        let others = absent.iter().filter(|variable| Some(&*variable.name) != left_out);
        let context = given.chain(others.map(|variable| (variable.name.clone(), Placeholder::value())));
        let error = self.evaluate(Item::from_pairs(context)).err().filter(is_undefined)?;
        Some(error.range().unwrap_or_default())
    }
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    builtins::teach(&mut environment);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write_value);
    environment.set_fuel(Some(FUEL));
    // Without it errors have no place. What it adds to their text can show values, and is never printed.
    environment.set_debug(true);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment
});

fn write_value(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Item) -> Result<(), Error> {
    if value.is_undefined() {
        // The absent `else` of an inline `if`; every other undefined value is refused before it comes here.
        return Ok(());
    }
    output.write_str(&whole::text(state, value)?).map_err(Error::from)
}

/// Whether something failed because a value is undefined. Arithmetic has no kind of error for it, and names the value.
fn is_undefined(error: &Error) -> bool {
    error.kind() == ErrorKind::UndefinedError
        || error.detail().is_some_and(|detail| detail.contains("` is undefined"))
}

/// The undeclared variables in order of first appearance.
fn variables_of(
    environment: &Environment<'static>,
    mut variables: BTreeSet<String>,
    source: &str,
) -> Box<[Box<str>]> {
    for (global, _) in environment.globals() {
        variables.remove(global);
    }
    let mut variables: Vec<Box<str>> = variables.into_iter().map(Into::into).collect();
    variables.sort_by_cached_key(|name| (first_word(source, name), name.clone()));
    variables.into()
}

/// Where `word` first stands on its own.
fn first_word(source: &str, word: &str) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = source.as_bytes();
    source
        .match_indices(word)
        .map(|(start, _)| start)
        .find(|start| {
            let before = start.checked_sub(1).and_then(|before| bytes.get(before));
            !before.is_some_and(is_part) && !bytes.get(start + word.len()).is_some_and(is_part)
        })
        .unwrap_or(usize::MAX)
}

fn parse_problem(unreadable: Unreadable, source: &str) -> TemplateProblem {
    let as_it_stands = Additions::default();
    let error = match unreadable {
        Unreadable::Syntax(error) => error,
        Unreadable::Refused { place, message, help } => {
            return TemplateProblem::new(code::MALFORMED_TEMPLATE, source, place, message, Some(help));
        }
    };
    let unknown_tag = error.detail().and_then(|detail| detail.strip_prefix("unknown statement "));
    let Some(tag) = unknown_tag else {
        return problem(code::MALFORMED_TEMPLATE, &error, source, &as_it_stands, None);
    };
    let help = match tag {
        "include" | "import" | "from" | "extends" | "block" => {
            "a prompt is one file: copy the text, or pass it as the value of a variable".to_owned()
        }
        _ => format!("the tags of a prompt are {TAGS}"),
    };
    let mut problem = problem(code::UNSUPPORTED_TAG, &error, source, &as_it_stands, Some(help));
    problem.message = format!("the tag `{tag}` is not supported");
    problem
}

fn problem(
    code: &'static str,
    error: &Error,
    source: &str,
    additions: &Additions,
    help: Option<String>,
) -> TemplateProblem {
    // Never the whole error as text: in debug mode it can show values.
    let message = match (error.kind(), error.detail()) {
        (ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction, Some(detail)) => {
            detail.to_owned()
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    let span = match error.range() {
        Some(place) => additions.original(&place),
        None => line_span(source, error.line().unwrap_or(1)),
    };
    let start = source.floor_char_boundary(span.start);
    let end = source.ceil_char_boundary(span.end).max(start);
    TemplateProblem::new(code, source, start..end, message, help)
}

fn line_span(source: &str, line: usize) -> Range<usize> {
    let start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = source[start..].find('\n').unwrap_or(source.len() - start);
    start..start + length
}

#[cfg(test)]
mod tests;
