//! The `format` template language: the part of Python's `str.format` that means the same everywhere and cannot leak.
//!
//! `{name}` inserts a value, `{{` and `}}` are literal braces; `{name!s}` and `{name:}` mean `{name}`. Everything else that
//! Python accepts between braces is refused when the template is parsed, never while it is rendered. A template is read once
//! into segments over its source; inserted values are never looked at again.

mod field;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexSet;
use serde_json::Value;

use super::{MAX_RENDERED_BYTES, RenderError, TemplateProblem, Values, check_size, missing_variables};

/// After this many problems the rest of the template is not read: nobody reads the hundredth.
const MAX_PROBLEMS: usize = 100;

/// Up to this many variables need no allocation beside the result.
const FEW_VARIABLES: usize = 16;

/// Up to this many values are looked through in their order.
const FEW_VALUES: usize = 16;

/// A parsed template of the `format` language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatTemplate {
    source: Arc<str>,
    segments: Box<[Segment]>,
    variables: Box<[Variable]>,
    literal_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// This part of the source as it is.
    Literal(Range<usize>),
    /// The value of the variable with this index.
    Variable(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variable {
    name: Box<str>,
    uses: usize,
}

impl FormatTemplate {
    /// Reads a template; on failure, all its problems in the order of the text.
    pub fn parse(source: impl Into<Arc<str>>) -> Result<Self, Vec<TemplateProblem>> {
        let source = source.into();
        check_size(&source)?;
        let mut parser = Parser::new(&source);
        parser.read();
        let Parser { segments, names, problems, .. } = parser;
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut variables: Box<[Variable]> =
            names.into_iter().map(|name| Variable { name: name.into(), uses: 0 }).collect();
        let mut literal_bytes = 0;
        for segment in &segments {
            match segment {
                Segment::Literal(range) => literal_bytes += range.len(),
                Segment::Variable(index) => variables[*index].uses += 1,
            }
        }
        Ok(Self { source, segments: segments.into(), variables, literal_bytes })
    }

    /// The text that was parsed, byte for byte.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the variables, each once, in order of first appearance.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = &str> {
        self.variables.iter().map(|variable| &*variable.name)
    }

    /// Inserts the values: strings as they are, everything else as compact JSON text.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        let mut few = [const { Cow::Borrowed("") }; FEW_VARIABLES];
        let mut many = Vec::new();
        let texts = if let Some(texts) = few.get_mut(..self.variables.len()) {
            texts
        } else {
            many.resize(self.variables.len(), Cow::Borrowed(""));
            many.as_mut_slice()
        };
        let mut length = self.literal_bytes;
        for (text, variable) in texts.iter_mut().zip(&self.variables) {
            let Some(value) = find(values, &variable.name) else {
                return Err(self.missing(values));
            };
            *text = text_of(value);
            length = length.saturating_add(text.len().saturating_mul(variable.uses));
        }
        if length > MAX_RENDERED_BYTES {
            return Err(RenderError::TooLarge);
        }
        let mut rendered = String::with_capacity(length);
        for segment in &self.segments {
            rendered.push_str(match segment {
                Segment::Literal(range) => &self.source[range.clone()],
                Segment::Variable(index) => &texts[*index],
            });
        }
        Ok(rendered)
    }

    #[cold]
    fn missing(&self, values: &Values) -> RenderError {
        RenderError::Missing(missing_variables(&self.variables().collect::<Vec<_>>(), values))
    }
}

/// Names are short: a few of them are compared sooner than one is hashed.
fn find<'a>(values: &'a Values, name: &str) -> Option<&'a Value> {
    if values.len() > FEW_VALUES {
        return values.get(name);
    }
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// A value as it stands in a prompt.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed("null"),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        other => Cow::Owned(other.to_string()),
    }
}

struct Parser<'a> {
    source: &'a str,
    segments: Vec<Segment>,
    names: IndexSet<&'a str>,
    problems: Vec<TemplateProblem>,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Self {
        Self { source, segments: Vec::new(), names: IndexSet::new(), problems: Vec::new() }
    }

    fn read(&mut self) {
        let bytes = self.source.as_bytes();
        let mut literal_start = 0;
        let mut position = 0;
        while let Some(brace) = self.next_brace(position) {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            if bytes.get(brace + 1) == Some(&bytes[brace]) {
                self.literal(literal_start..brace + 1);
                position = brace + 2;
            } else {
                self.literal(literal_start..brace);
                position = if bytes[brace] == b'{' { self.field(brace) } else { self.stray_brace(brace) };
            }
            literal_start = position;
        }
        self.literal(literal_start..self.source.len());
    }

    fn next_brace(&self, from: usize) -> Option<usize> {
        let is_brace = |byte: &u8| matches!(byte, b'{' | b'}');
        self.source.as_bytes()[from..].iter().position(is_brace).map(|offset| from + offset)
    }

    fn literal(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.segments.push(Segment::Literal(range));
        }
    }

    /// Reads the field that begins with the brace at `open`; returns where to read on.
    fn field(&mut self, open: usize) -> usize {
        let Some(close) = self.closing_brace(open) else {
            self.problem(open..open + 1, field::never_closed(&self.source[open + 1..]));
            return open + 1;
        };
        match field::name(&self.source[open + 1..close]) {
            Ok(name) => {
                let (index, _) = self.names.insert_full(name);
                self.segments.push(Segment::Variable(index));
            }
            Err(refusal) => self.problem(open..close + 1, refusal),
        }
        close + 1
    }

    /// The brace that closes the one at `open`, where braces within are counted, so that one JSON object is one problem.
    fn closing_brace(&self, open: usize) -> Option<usize> {
        let mut depth = 1_usize;
        let mut position = open + 1;
        while let Some(brace) = self.next_brace(position) {
            depth = if self.source.as_bytes()[brace] == b'{' { depth + 1 } else { depth - 1 };
            if depth == 0 {
                return Some(brace);
            }
            position = brace + 1;
        }
        None
    }

    fn stray_brace(&mut self, brace: usize) -> usize {
        self.problem(brace..brace + 1, field::closes_nothing());
        brace + 1
    }

    fn problem(&mut self, span: Range<usize>, refusal: field::Refusal) {
        let field::Refusal { code, message, help } = refusal;
        self.problems.push(TemplateProblem::new(code, self.source, span, message, Some(help)));
    }
}

#[cfg(test)]
mod tests;
