//! What of a document is not shown again. Model rows may hold a secret where none belongs, and a line that is wrong is printed where many
//! read it: in logs, in reports, in comments on a pull request.
//!
//! One rule for all that is said of such a file, whoever says it: what stands in the rows is starred out unless it is known to be harmless
//! (names of keys, and values of those keys that have room for no secret); comments, anchors and tags too, for a secret that begins with
//! `#`, `&` or `!` is taken for one. A line is what [`Place`](crate::problem::Place) shows; a message that repeats what is starred there
//! says it in other words. Where the text is no YAML, [`unparsed`] tells by the signs.

mod unparsed;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use serde_saphyr::Spanned;

use super::document::parse;
use super::located::Span;
use super::node::{DUPLICATE_KEY, KEY_NOT_TEXT, Raw, definition_of, span_of};
use super::reader::UNKNOWN_KEY;
use crate::problem::{may_be_a_key, one_edit_away};
use crate::registry_file;

/// Sections of registry.yaml in which no secret is looked for. What is none of these may be `models` with a slip of the pen.
const HARMLESS_SECTIONS: [&str; 5] = ["schema", "replies", "properties", "gate", "lifecycle"];

/// Keys of a row, and of the maps in it, whose values have room for no secret; a test holds them against the rows.
const HARMLESS: [(&str, &[&str]); 5] = [
    ("provider", &[]),
    ("timeout", &[]),
    ("limits", &["max_concurrency", "requests_per_minute", "tokens_per_minute"]),
    ("price", &["input", "output", "cached_input"]),
    (
        "params",
        &[
            "max_output_tokens",
            "temperature",
            "top_p",
            "top_k",
            "seed",
            "stop",
            "reasoning_effort",
            "frequency_penalty",
            "presence_penalty",
        ],
    ),
];

/// Keys of a row that take no map: what looks like the key of one is a part of the value.
const WITHOUT_KEYS: [&str; 4] = ["model", "base_url", "api_key_env", "command"];

/// The sections that are looked through, by the names that a line may begin them with.
const LOOKED_THROUGH: [&str; 2] = ["models", "store"];

/// Which bytes of a text are starred out, in order and apart from each other.
#[derive(Debug, Default)]
pub(crate) struct Discretion {
    hidden: Vec<(usize, usize)>,
    /// What looks like a key and may be a secret.
    keys: Vec<Span>,
}

/// Where something stands, by what leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the map of sections.
    Sections,
    /// In a section in which no secret is looked for.
    Harmless,
    /// In `store`: a path, or an address with a password.
    Store,
    /// In the map of rows.
    Rows,
    /// In a row.
    Row,
    /// In a map of a row whose keys are known.
    Known(&'static [&'static str]),
    /// At a value that has room for no secret.
    Value,
    /// At the name of a model, which is kept and shown; somebody may have pasted a key there.
    Model,
    /// Anywhere else: names of keys are shown.
    Elsewhere,
    /// Where not even what looks like a key is one.
    Text,
}

impl At {
    fn below(self, key: &str) -> Self {
        match self {
            Self::Sections => match meant(key, HARMLESS_SECTIONS.into_iter().chain(LOOKED_THROUGH)) {
                "models" => Self::Rows,
                "store" => Self::Store,
                key if HARMLESS_SECTIONS.contains(&key) => Self::Harmless,
                _ => Self::Elsewhere,
            },
            Self::Harmless => Self::Harmless,
            // Whose name was forgotten is no row.
            Self::Rows if is_of_rows(key) => Self::Elsewhere,
            Self::Rows => Self::Row,
            Self::Row if ["headers", "extra"].contains(&key) => Self::Elsewhere,
            // One that nobody knows may be any of the others.
            Self::Row => {
                let key = meant(key, HARMLESS.iter().map(|(harmless, _)| *harmless).chain(["model"]));
                match HARMLESS.iter().find(|(harmless, _)| *harmless == key) {
                    Some((_, [])) => Self::Value,
                    Some((_, known)) => Self::Known(known),
                    None if key == "model" => Self::Model,
                    None => Self::Text,
                }
            }
            Self::Known(known) if known.contains(&meant(key, known.iter().copied())) => Self::Value,
            Self::Text | Self::Known(_) | Self::Value | Self::Model => Self::Text,
            _ if key == "env" => Self::Text,
            _ => Self::Elsewhere,
        }
    }

    fn shows(self, value: &Raw, written: &str) -> bool {
        match self {
            Self::Harmless => true,
            // What goes on, perhaps in the next line, is a comment or a key that lost its sign.
            Self::Value => !written.contains(char::is_whitespace),
            Self::Model => {
                !may_be_a_key(written)
                    && !written.contains(|letter: char| letter.is_whitespace() || letter == '#')
            }
            Self::Store => !written.contains(['@', '=', '?']) && !written.contains("://"),
            Self::Text => false,
            _ => matches!(value, Raw::Boolean(_)),
        }
    }
}

/// The key that is meant, by one of these that has a slip of the pen in it.
fn meant<'k>(key: &'k str, known: impl Iterator<Item = &'k str> + Clone) -> &'k str {
    if known.clone().any(|known| known == key) { key } else { one_edit_away(key, known).unwrap_or(key) }
}

fn is_of_rows(key: &str) -> bool {
    ["headers", "extra"].contains(&key)
        || WITHOUT_KEYS.contains(&key)
        || HARMLESS.iter().any(|(harmless, _)| *harmless == key)
}

fn is_registry(file: &Path) -> bool {
    // Of a commit, it is called `main:prompts/registry.yaml`.
    file.file_name().is_some_and(|name| name == registry_file::FILE_NAME)
        || file.to_str().is_some_and(|name| name.ends_with(":registry.yaml"))
}

impl Discretion {
    /// The rule of a document that was read. Other files than registry.yaml have no rows, but somebody may have written them there.
    pub(super) fn of(file: &Path, text: &str, root: &Spanned<Raw>) -> Self {
        let is_registry = is_registry(file);
        if !is_registry && !may_hold_rows(file, text) {
            return Self::default();
        }
        let mut walk = Walk { text, shown: HashSet::new(), hidden: HashSet::new(), keys: Vec::new() };
        let mut guarded = Vec::new();
        match &root.value {
            Raw::Map(entries) => {
                let mut sections: Vec<(usize, At)> = Vec::new();
                for (key, value) in entries {
                    let Raw::Text(name) = &key.value else {
                        sections.push((span_of(text, key).start, At::Elsewhere));
                        continue;
                    };
                    let at = match At::Sections.below(name) {
                        At::Rows if is_registry || holds_rows(value) => At::Rows,
                        at if is_registry => at,
                        _ => At::Harmless,
                    };
                    sections.push((span_of(text, key).start, at));
                }
                sections.sort_by_key(|(start, _)| *start);
                if is_registry && let Some((first, _)) = sections.first() {
                    guarded.push(0..*first);
                }
                for (index, (start, at)) in sections.iter().enumerate() {
                    let end = sections.get(index + 1).map_or(text.len(), |(next, _)| *next);
                    if *at != At::Harmless {
                        guarded.push(*start..end);
                    }
                }
                if !guarded.is_empty() {
                    walk.sections(entries, is_registry);
                }
            }
            _ if is_registry => {
                guarded.push(0..text.len());
                walk.value(root, At::Sections);
            }
            _ => {}
        }
        if guarded.is_empty() { Self::default() } else { walk.discretion(&guarded) }
    }

    /// What is starred out of these bytes, a line of a text of which nobody has made a document.
    pub(crate) fn in_text(file: &Path, text: &str, line: Range<usize>) -> Vec<(usize, usize)> {
        if !is_registry(file) && !may_hold_rows(file, text) {
            return Vec::new();
        }
        match parse(text) {
            Ok(root) => Self::of(file, text, &root).hidden_in(line).collect(),
            Err(_) => unparsed::hidden(text, line, is_registry(file)),
        }
    }

    /// What is starred out of these bytes.
    pub(crate) fn hidden_in(&self, bytes: Range<usize>) -> impl Iterator<Item = (usize, usize)> + '_ {
        let from = self.hidden.partition_point(|(_, end)| *end <= bytes.start);
        self.hidden[from..]
            .iter()
            .take_while(move |(start, _)| *start < bytes.end)
            .map(move |(start, end)| ((*start).max(bytes.start), (*end).min(bytes.end)))
    }

    /// Whether a problem with this code at these bytes may repeat what stands there.
    pub(super) fn hides(&self, span: Span, code: &str) -> bool {
        let end = span.end.max(span.start + 1);
        match code {
            UNKNOWN_KEY | DUPLICATE_KEY | KEY_NOT_TEXT => {
                self.keys.iter().any(|key| key.start < end && span.start < key.end)
            }
            _ => self.hidden_in(span.start..end).next().is_some(),
        }
    }
}

/// Quick: there are large files, and nearly none has any.
fn may_hold_rows(file: &Path, text: &str) -> bool {
    let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    is_yaml && text.contains("models") && text.contains("provider")
}

/// Whether these are rows, and no names of some.
fn holds_rows(models: &Spanned<Raw>) -> bool {
    let is_row = |row: &Spanned<Raw>| match &row.value {
        Raw::Map(keys) => {
            keys.iter().any(|(key, _)| matches!(&key.value, Raw::Text(key) if key == "provider"))
        }
        _ => false,
    };
    match &models.value {
        Raw::Map(rows) => is_row(models) || rows.iter().any(|(_, row)| is_row(row)),
        Raw::Sequence(rows) => rows.iter().any(is_row),
        _ => false,
    }
}

/// Collects what is shown and what is not. What is reached in two ways, as what an anchor names, is shown where both show it.
struct Walk<'t> {
    text: &'t str,
    shown: HashSet<Span>,
    hidden: HashSet<Span>,
    keys: Vec<Span>,
}

impl Walk<'_> {
    fn sections(&mut self, entries: &[(Spanned<Raw>, Spanned<Raw>)], is_registry: bool) {
        for (key, value) in entries {
            let below = match &key.value {
                Raw::Text(name) if !is_registry && name != "models" => At::Harmless,
                Raw::Text(name) => At::Sections.below(name),
                _ => At::Elsewhere,
            };
            self.key(key, value, At::Sections);
            self.value(value, below);
        }
    }

    fn value(&mut self, value: &Spanned<Raw>, at: At) {
        match &value.value {
            Raw::Map(entries) => {
                for (key, value) in entries {
                    self.key(key, value, at);
                    let below = match &key.value {
                        Raw::Text(name) if at == At::Harmless && name == "models" && holds_rows(value) => {
                            At::Rows
                        }
                        Raw::Text(name) => at.below(name),
                        _ if at == At::Harmless => At::Harmless,
                        _ => At::Elsewhere,
                    };
                    self.value(value, below);
                }
            }
            // A list is no name.
            Raw::Sequence(items) => {
                let at = if at == At::Model { At::Text } else { at };
                for item in items {
                    self.value(item, at);
                }
            }
            Raw::Null => {}
            scalar => {
                let span = span_of(self.text, value);
                let written = self.text.get(span.start..span.end).unwrap_or_default();
                if at.shows(scalar, written) {
                    self.shown.insert(span);
                } else {
                    // Of a text of lines the library gives what stands before the next key, too.
                    let end = span.start + written.trim_end().len();
                    self.hidden.extend([Span { end, ..span }, definition_of(self.text, value)]);
                }
            }
        }
    }

    fn key(&mut self, key: &Spanned<Raw>, value: &Spanned<Raw>, at: At) {
        let span = span_of(self.text, key);
        match &key.value {
            Raw::Map(_) | Raw::Sequence(_) => self.value(key, if at == At::Harmless { at } else { At::Text }),
            _ if at == At::Harmless => _ = self.shown.insert(span),
            // What stands in braces alone is read as a key, and meant as a value.
            _ if matches!(at, At::Text | At::Value | At::Model)
                || (matches!(value.value, Raw::Null) && !self.is_before_colon(span.end)) =>
            {
                self.keys.push(span);
                self.hidden.extend([span, definition_of(self.text, key)]);
            }
            _ => _ = self.shown.insert(span),
        }
    }

    fn is_before_colon(&self, end: usize) -> bool {
        self.text.get(end..).is_some_and(|rest| rest.trim_start().starts_with(':'))
    }

    fn discretion(self, guarded: &[Range<usize>]) -> Discretion {
        let mut signs = vec![Sign::Open; self.text.len()];
        for range in guarded {
            signs[range.clone()].fill(Sign::Between);
        }
        for (spans, sign) in [(self.shown, Sign::Shown), (self.hidden, Sign::Hidden)] {
            let mut spans: Vec<Span> = spans.into_iter().collect();
            spans.sort_unstable();
            let mut from = 0;
            for span in spans {
                let start = span.start.max(from).min(signs.len());
                let end = span.end.clamp(start, signs.len());
                signs[start..end].fill(sign);
                from = end.max(from);
            }
        }
        let mut hidden: Vec<(usize, usize)> = Vec::new();
        let (mut in_comment, mut before) = (false, '\n');
        for (at, letter) in self.text.char_indices() {
            in_comment &= letter != '\n' && signs[at] == Sign::Between;
            in_comment |= letter == '#' && before.is_whitespace() && signs[at] == Sign::Between;
            let is_hidden = match signs[at] {
                Sign::Open | Sign::Shown => false,
                Sign::Hidden => !matches!(letter, '\n' | '\r'),
                Sign::Between if letter == '#' => false,
                Sign::Between => {
                    !letter.is_whitespace() && (in_comment || !"{}[],:?-|>&*!<\"'".contains(letter))
                }
            };
            if is_hidden {
                let end = at + letter.len_utf8();
                match hidden.last_mut() {
                    Some((_, last)) if *last == at => *last = end,
                    _ => hidden.push((at, end)),
                }
            }
            before = letter;
        }
        Discretion { hidden, keys: self.keys }
    }
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// A section in which no secret is looked for.
    Open,
    /// Neither a key nor a value: brackets, comments, anchors.
    Between,
    Shown,
    Hidden,
}

/// The message without what it repeats, which stands in quotes or backticks.
pub(super) fn without_quotations(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(['`', '"', '\'']) {
        let (before, quoted) = rest.split_at(start);
        let quote = &quoted[..1];
        let Some(length) = quoted[1..].rfind(quote) else { break };
        shown.push_str(before);
        shown.extend([quote, "…", quote]);
        rest = &quoted[1 + length + 1..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use crate::problem::Place;
    use crate::yaml::Document;

    fn line(file: &str, text: &str, at: &str) -> String {
        let mut problems = Vec::new();
        let start = text.find(at).unwrap();
        let place = Place::in_text(file, text, start..start + at.len());
        if let Some(document) = Document::parse(file, text, &mut problems) {
            let span = crate::yaml::Span { start, end: start + at.len() };
            assert_eq!(document.place(span), place);
        }
        place.line_text
    }

    #[test]
    fn rows_are_rows_in_whatever_file_and_names_of_rows_are_none() {
        let rows = "name: x\nmodels: {a: {provider: openai, model: m, token: abc}}\ncases: [{name: a}]\n";
        for file in
            ["tests/test_cases.yaml", "registry.yaml", "main:prompts/registry.yaml", "main:registry.yaml"]
        {
            let shown = line(file, rows, "models");
            assert_eq!(shown, "models: {a: {provider: openai, model: m, token: ***}}", "{file}");
            let unclosed = rows.replace("}}", "}");
            assert_eq!(
                line(file, &unclosed, "models"),
                "models: {a: {provider: ******, model: *, token: ***}",
                "{file}"
            );
        }
        for names in ["name: x\nmodels: [a, provider]\n", "name: x\nmodels: {a: provider, b: c}\n"] {
            assert_eq!(line("tests/test_cases.yaml", names, "models"), names.lines().nth(1).unwrap());
        }
        let text = "{\"models\": {\"a\": {\"provider\": \"x\"}}}\n";
        assert_eq!(line("replies.jsonl", text, "models"), text.trim_end());
    }

    #[test]
    fn the_rest_of_a_registry_is_shown() {
        for rest in [
            "schema: 2 # why",
            "gate: {confidnce: 0.9} # why",
            "replies: ../elsewhere",
            "store: a/b.db",
            "store: 5",
        ] {
            for text in [
                format!("{rest}\nmodels: {{a: {{token: x}}}}\n"),
                format!("models:\n  a: {{token: x}}\n{rest}\n"),
            ] {
                assert_eq!(line("registry.yaml", &text, rest), rest);
                assert_eq!(line("registry.yaml", &format!("{text}gate: [\n"), "gate: ["), "gate: [");
            }
        }
        let store = "store: postgres://me@host/base?password=abc\n";
        assert!(!line("registry.yaml", store, "store").contains("abc"));
    }
}
