//! The tree of a document: what stands where, with duplicate and odd keys found on the way.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::located::Span;

/// A value of a document.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Unique within the document, so that a reader can leave a node out.
    pub(super) id: usize,
}

impl Node {
    /// Whether something stands in the list behind the key at these bytes, or in a list of the map behind it.
    pub(super) fn has_items_behind(&self, key: Span) -> bool {
        let has_items = |node: &Node| matches!(&node.kind, Kind::Sequence(items) if !items.is_empty());
        match &self.kind {
            Kind::Sequence(items) => items.iter().any(|item| item.has_items_behind(key)),
            Kind::Map(entries) => entries.iter().any(|entry| match &entry.value.kind {
                _ if entry.key_span != key => entry.value.has_items_behind(key),
                Kind::Map(options) => options.iter().any(|option| has_items(&option.value)),
                _ => has_items(&entry.value),
            }),
            _ => false,
        }
    }
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// Something odd about the tree itself, before anybody asks what it means.
#[derive(Debug)]
pub(super) struct Oddity {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The message and the help where what stands there is not repeated.
    pub(super) discreet: (&'static str, Option<&'static str>),
    pub(super) span: Span,
    /// An earlier place that belongs to the story (the first of two keys).
    pub(super) first: Option<Span>,
}

/// What the YAML library yields: resolved scalars, merged maps, places.
pub(super) enum Raw {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Sequence(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Raw::Sequence(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

pub(super) const DUPLICATE_KEY: &str = "yaml::duplicate_key";
pub(super) const KEY_NOT_TEXT: &str = "yaml::key_not_text";
const TOO_LARGE: &str = "this number has more than 64 bits and would lose digits";
const QUOTE_IDENTIFIERS: &str = "put it in quotes if it is an identifier";

/// Builds the tree and collects its oddities: duplicate keys, keys that are not text, numbers that would lose digits.
pub(super) struct Builder<'t> {
    text: &'t str,
    next_id: usize,
    pub(super) oddities: Vec<Oddity>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, next_id: 0, oddities: Vec::new() }
    }

    pub(super) fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let span = self.span(&raw);
        let id = self.next_id;
        self.next_id += 1;
        let mut span = span;
        let kind = match raw.value {
            Raw::Null => Kind::Null,
            Raw::Boolean(value) => Kind::Boolean(value),
            Raw::Integer(value) => self.integer(value, span),
            Raw::Float(value) => self.float(value, span),
            Raw::Text(value) => Kind::Text(value),
            Raw::Sequence(elements) => {
                let elements: Vec<Node> = elements.into_iter().map(|element| self.node(element)).collect();
                // The library gives the place where a collection begins; it ends where its last part does.
                span.end = elements.last().map_or(span.end, |last| last.span.end.max(span.end));
                Kind::Sequence(elements)
            }
            Raw::Map(entries) => {
                let entries = self.entries(entries);
                span.end = entries.iter().map(|entry| entry.value.span.end).fold(span.end, usize::max);
                Kind::Map(entries)
            }
        };
        Node { kind, span, id }
    }

    fn entries(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut seen: HashMap<String, Span> = HashMap::with_capacity(raw.len());
        for (key, value) in raw {
            let key_span = self.span(&key);
            let Some(key) = self.key(key, key_span) else { continue };
            if let Some(first) = seen.get(&key) {
                self.oddities.push(Oddity {
                    code: DUPLICATE_KEY,
                    message: format!("the key `{key}` stands here a second time"),
                    help: None,
                    discreet: ("the key stands here a second time", None),
                    span: key_span,
                    first: Some(*first),
                });
                continue;
            }
            seen.insert(key.clone(), key_span);
            let value = self.node(value);
            entries.push(Entry { key, key_span, value });
        }
        entries
    }

    fn key(&mut self, key: Spanned<Raw>, span: Span) -> Option<String> {
        let written = self.text.get(span.start..span.end).unwrap_or_default().to_owned();
        let (what, help) = match key.value {
            Raw::Text(text) => return Some(text),
            Raw::Null => ("empty", Some("give it a name".to_owned())),
            Raw::Boolean(_) => ("a boolean", Some(format!("put it in quotes: \"{written}\""))),
            Raw::Integer(_) | Raw::Float(_) => ("a number", Some(format!("put it in quotes: \"{written}\""))),
            Raw::Sequence(_) | Raw::Map(_) => (
                "a list or a map",
                Some("a key is plain text; `{` and `[` start a map and a list".to_owned()),
            ),
        };
        self.oddities.push(Oddity {
            code: KEY_NOT_TEXT,
            message: format!("a key must be text, this one is {what}"),
            help,
            discreet: ("a key must be text", Some("put it in quotes")),
            span,
            first: None,
        });
        None
    }

    fn integer(&mut self, value: i128, span: Span) -> Kind {
        if i64::try_from(value).is_err() && u64::try_from(value).is_err() {
            self.too_large(span);
        }
        Kind::Integer(value)
    }

    fn float(&mut self, value: f64, span: Span) -> Kind {
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        let digits = written.trim_start_matches(['-', '+']);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.too_large(span);
        } else if !value.is_finite() {
            self.oddities.push(Oddity {
                code: "yaml::not_finite",
                message: format!("`{written}` is not a finite number"),
                help: Some("put it in quotes if it is text".to_owned()),
                discreet: ("this is not a finite number", Some("put it in quotes if it is text")),
                span,
                first: None,
            });
        }
        Kind::Float(value)
    }

    fn too_large(&mut self, span: Span) {
        self.oddities.push(Oddity {
            code: "yaml::number_too_large",
            message: TOO_LARGE.to_owned(),
            help: Some(QUOTE_IDENTIFIERS.to_owned()),
            discreet: (TOO_LARGE, Some(QUOTE_IDENTIFIERS)),
            span,
            first: None,
        });
    }

    fn span<T>(&self, spanned: &Spanned<T>) -> Span {
        span_of(self.text, spanned)
    }
}

/// Where something stands; of what an anchor names, where it is used.
pub(super) fn span_of<T>(text: &str, spanned: &Spanned<T>) -> Span {
    span_at(text, spanned.referenced)
}

/// The same, but where the anchor stands.
pub(super) fn definition_of<T>(text: &str, spanned: &Spanned<T>) -> Span {
    span_at(text, spanned.defined)
}

fn span_at(text: &str, location: serde_saphyr::Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok()).unwrap_or(text.len());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    Span { start, end: start.saturating_add(length).min(text.len()) }
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The item of a list with this number, from 0.
    pub(super) fn item(&self, number: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Sequence(items) => items.get(number.parse::<usize>().ok()?),
            _ => None,
        }
    }
}
