//! A document: its text, its tree, and how a serde type is read from it with every problem collected.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::discretion::{Discretion, without_quotations};
use super::located::Span;
use super::node::{Builder, Kind, Node, Oddity, Raw};
use super::reader::Reader;
use super::unclosed::unclosed;
use crate::merge_conflict;
use crate::problem::{NOT_YAML, Place, Problem};

/// After so many problems in one document reading stops: whoever has more fixes these first.
const MAX_PROBLEMS: usize = 100;

/// A YAML document whose parts know where they stand. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Document {
    file: Arc<PathBuf>,
    text: Arc<str>,
    root: Arc<Node>,
    discretion: Arc<Discretion>,
    /// Where lines begin; a large suite asks for the places of many cases.
    line_starts: Arc<OnceLock<Vec<usize>>>,
}

/// What reading a document, or a part of it, gave.
#[derive(Debug)]
pub struct Reading<T> {
    /// What could be read; `None` where too little was left to make the value. With problems beside it, the value lacks the
    /// parts that they are about.
    pub value: Option<T>,
    /// Everything that did not fit.
    pub problems: Vec<Problem>,
    /// The parts that were left out because they did not fit.
    pub left_out: Vec<Span>,
}

impl Document {
    /// Reads `text` as one strict YAML 1.2 document. Duplicate keys, keys that are not text and numbers that would lose digits
    /// are problems of the document itself; all of them are added to `problems`. `None` only where the text is not YAML.
    /// Work is bounded by the length of the text: nesting, aliases and merges have budgets.
    pub fn parse(
        file: impl Into<PathBuf>,
        text: impl Into<Arc<str>>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let file = file.into();
        let text: Arc<str> = text.into();
        let raw = match parse(&text) {
            Ok(raw) => raw,
            Err(error) => {
                let merge = merge_conflict::in_data(&file, &text);
                problems.push(merge.unwrap_or_else(|| syntax_problem(&file, &text, &error)));
                return None;
            }
        };
        let discretion = Discretion::of(&file, &text, &raw);
        let mut builder = Builder::new(&text);
        let root = builder.node(raw);
        let document = Self {
            file: Arc::new(file),
            text: Arc::clone(&text),
            root: Arc::new(root),
            discretion: Arc::new(discretion),
            line_starts: Arc::default(),
        };
        problems.extend(builder.oddities.into_iter().map(|oddity| document.problem_of(oddity)));
        Some(document)
    }

    fn problem_of(&self, oddity: Oddity) -> Problem {
        let (message, help) = if self.discretion.hides(oddity.span, oddity.code) {
            (oddity.discreet.0.to_owned(), oddity.discreet.1.map(str::to_owned))
        } else {
            (oddity.message, oddity.help)
        };
        let help = help.or_else(|| {
            let first = self.place(oddity.first?);
            Some(format!("it stands first in line {}; keep one of the two", first.line))
        });
        Problem::error(oddity.code, message).at(self.place(oddity.span)).maybe_help(help)
    }

    /// The file's name, as given.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The document's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing but comments stands in it.
    pub fn is_empty(&self) -> bool {
        matches!(self.root.kind, Kind::Null)
    }

    /// Whether something stands in the list behind this key, or in the lists of the map behind it.
    pub fn has_items_behind(&self, key: Span) -> bool {
        self.root.has_items_behind(key)
    }

    /// Reads the whole document.
    pub fn read<T: DeserializeOwned>(&self) -> Reading<T> {
        self.read_node(&self.root)
    }

    /// Reads the value at a path of map keys; `None` where there is none.
    pub fn read_at<T: DeserializeOwned>(&self, path: &[&str]) -> Option<Reading<T>> {
        self.node_at(path).map(|node| self.read_node(node))
    }

    /// The keys of the map at a path of map keys, in order, with their places; empty where there is no map.
    pub fn keys_at(&self, path: &[&str]) -> Vec<(&str, Span)> {
        match self.node_at(path).map(|node| &node.kind) {
            Some(Kind::Map(entries)) => {
                entries.iter().map(|entry| (entry.key.as_str(), entry.key_span)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The place of a span of this document.
    pub fn place(&self, span: Span) -> Place {
        let line_starts = self.line_starts.get_or_init(|| {
            let after_newlines = self.text.match_indices('\n').map(|(newline, _)| newline + 1);
            std::iter::once(0).chain(after_newlines).collect()
        });
        let start = span.start.min(self.text.len());
        let line = line_starts.partition_point(|line_start| *line_start <= start);
        let file = self.file.to_path_buf();
        Place::in_line(file, &self.text, line, line_starts[line - 1], span.into(), |bytes| {
            self.discretion.hidden_in(bytes).collect()
        })
    }

    /// The place of the value at a path of map keys and of numbers in lists, from 0, or of the deepest part of the path that exists.
    pub fn place_at<S: AsRef<str>>(&self, path: &[S]) -> Place {
        let mut node = &*self.root;
        let mut span = node.span;
        for step in path {
            if let Some(entry) = node.get(step.as_ref()) {
                node = &entry.value;
                // A nested map starts at its first key, which says less than its own key does.
                span =
                    if matches!(node.kind, Kind::Map(_) | Kind::Null) { entry.key_span } else { node.span };
            } else if let Some(item) = node.item(step.as_ref()) {
                node = item;
                span = node.span;
            } else {
                break;
            }
        }
        self.place(span)
    }

    fn node_at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&*self.root, |node, key| node.get(key).map(|entry| &entry.value))
    }

    fn read_node<T: DeserializeOwned>(&self, node: &Node) -> Reading<T> {
        let mut problems = Vec::new();
        let mut left_out = HashSet::new();
        let mut spans = Vec::new();
        loop {
            let reader = Reader { node, text: &self.text, left_out: &left_out };
            let error = match T::deserialize(reader) {
                Ok(value) => return Reading { value: Some(value), problems, left_out: spans },
                Err(error) => error,
            };
            let span = error.span.unwrap_or(node.span);
            if !error.silent {
                let (message, help) = match error.discreet {
                    Some(discreet) if self.discretion.hides(span, error.code) => *discreet,
                    _ => (error.message, error.help),
                };
                problems.push(
                    Problem::error(error.code, message)
                        .at(self.place(span))
                        .maybe_help(help.map(String::from)),
                );
            }
            // Each round leaves out one more node, so the loop ends; the root cannot be left out.
            match error.leave_out {
                Some(id) if id != node.id && problems.len() < MAX_PROBLEMS && left_out.insert(id) => {
                    spans.push(span);
                }
                _ => return Reading { value: None, problems, left_out: spans },
            }
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Spanned<Raw>, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, options(text.len()))
}

fn options(length: usize) -> serde_saphyr::Options {
    // A node needs at least one byte, so the text's length bounds honest documents; aliases may repeat a part of it.
    let nodes = 50_000 + length;
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: nodes,
            max_events: 2 * nodes,
            max_aliases: nodes,
            max_merge_keys: nodes,
            max_total_scalar_bytes: 64 * 1024 + 2 * length,
            enforce_alias_anchor_ratio: false,
        },
    }
}

fn syntax_problem(file: &Path, text: &str, error: &serde_saphyr::Error) -> Problem {
    let message = error.to_string();
    // The place is shown apart from the message; the library writes it into the message as well.
    let message = message.split(" at line ").next().unwrap_or(&message).trim().to_owned();
    let says = |what: &str| Problem::error(NOT_YAML, format!("not valid YAML: {what}"));
    let Some(location) = error.location() else { return says(&message).at(Place::whole_file(file)) };
    // An error may come without a byte offset; its line and column are always there.
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let line_start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let on_line = text[line_start..].chars().take(column - 1).map(char::len_utf8).sum::<usize>();
    let at = line_start + on_line;
    if let Some(open) = unclosed(text, at) {
        let place = Place::in_text(file, text, open.at..open.at + 1);
        return says(&open.message()).at(place).help(open.help(text));
    }
    let place = Place::in_text(file, text, at..at + 1);
    let line = line_start..text[at..].find('\n').map_or(text.len(), |length| at + length);
    let is_discreet = !Discretion::in_text(file, text, line).is_empty();
    says(&if is_discreet { without_quotations(&message) } else { message }).at(place)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::yaml::Located;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Prompt {
        name: String,
        active_version: Option<Located<String>>,
        #[serde(default)]
        enabled: bool,
        #[serde(default)]
        cases: Vec<Case>,
        limit: Option<u32>,
        format: Option<Format>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        weight: Option<f64>,
        inputs: Option<BTreeMap<String, serde_json::Value>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Format {
        Plain,
        Jinja,
        Limit(u32),
    }

    /// Every problem of a document, one a line, as a person meets them.
    fn check(text: &str) -> String {
        let mut problems = Vec::new();
        if let Some(document) = Document::parse("p.yaml", text, &mut problems) {
            problems.extend(document.read::<Prompt>().problems);
        }
        crate::problem::sort(&mut problems);
        let mut out = String::new();
        for problem in &problems {
            let place = problem.place.as_ref().unwrap();
            let shown: String = place.line_text.chars().skip(place.column - 1).take(place.width).collect();
            let help = problem.help.as_deref().map(|help| format!(" [{help}]")).unwrap_or_default();
            writeln!(
                out,
                "{}:{} `{shown}` {}: {}{help}",
                place.line, place.column, problem.code, problem.message
            )
            .unwrap();
        }
        out
    }

    #[test]
    fn what_is_none_of_the_words_is_not_told_to_be_quoted() {
        for written in ["true", "5"] {
            let problems = check(&format!("name: a\nformat: {written}\n"));
            assert!(problems.contains(&format!("unknown value `{written}`")), "{problems}");
            assert!(problems.contains("`plain`") && !problems.contains("quotes"), "{problems}");
        }
    }

    #[test]
    fn every_problem_of_a_document_comes_at_once() {
        let text = "name: a\nactive_version: 1.10\nenabled: no\nlimitt: 3\ncases:\n  - name: one\n    weigth: 2\n  - nam: two\n  - name: 3\n    weight: heavy\n  - {name: ok, weight: 2}\nname: b\nlimit: -1\nformat: jnja\n";
        insta::assert_snapshot!(check(text));
    }

    #[test]
    fn a_list_is_no_map() {
        insta::assert_snapshot!(check("- name\n"), @"1:1 `- name` yaml::wrong_type: expected a map, found a list");
        insta::assert_snapshot!(check("name: x\ncases: [[a, b]]\n"), @"2:9 `[a, b` yaml::wrong_type: expected a map, found a list");
    }

    #[test]
    fn nothing_at_all_is_a_missing_key() {
        insta::assert_snapshot!(check("# empty\n"));
    }

    #[test]
    fn odd_keys_and_numbers_are_problems() {
        insta::assert_snapshot!(check(
            "name: x\n1: one\ntrue: two\n? [a]\n: three\nlimit: 123456789012345678901234567890\ncases: [{name: n, weight: .inf}]\n"
        ));
    }

    #[test]
    fn broken_yaml_has_a_place() {
        for text in [
            "name: [1,\n",
            "name: a: b\n",
            "name: *x\n",
            "a: 1\n---\nb: 2\n",
            "name: {b: 1\nc: 2\n",
            "name: \"x\n",
            "\tname: x\n\t- y\n",
        ] {
            let found = check(text);
            assert!(!found.contains("``") || text.ends_with("[1,\n"), "{text:?} shows no text: {found}");
            assert!(found.contains("yaml::syntax"), "{text:?} gave {found}");
        }
    }

    #[test]
    fn a_missing_key_of_an_element_is_shown_where_the_element_stands() {
        insta::assert_snapshot!(check("name: x\ncases:\n  - weight: 1\n  - name: y\nformat: {limit: x}\n"));
    }

    /// One key of `{odd: …}` or `{even: …}`; anything else makes the whole map unusable.
    #[derive(Debug, PartialEq)]
    struct Parity;

    impl<'de> Deserialize<'de> for Parity {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Parity;

                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("a parity")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Parity, A::Error> {
                    struct Key;
                    impl<'de> Deserialize<'de> for Key {
                        fn deserialize<D: serde::Deserializer<'de>>(
                            deserializer: D,
                        ) -> Result<Self, D::Error> {
                            match String::deserialize(deserializer)?.as_str() {
                                "odd" | "even" => Ok(Self),
                                other => Err(crate::yaml::error_of_whole(
                                    format!("unknown parity `{other}`"),
                                    "odd or even",
                                )),
                            }
                        }
                    }
                    let mut found = false;
                    while map.next_key::<Key>()?.is_some() {
                        map.next_value::<u32>()?;
                        found = true;
                    }
                    if found { Ok(Parity) } else { Err(serde::de::Error::custom("a parity is missing")) }
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }

    #[test]
    fn a_key_without_which_the_map_makes_no_sense_is_one_problem() {
        let mut problems = Vec::new();
        let document =
            Document::parse("p.yaml", "- {odd: 1}\n- {oddd: 2, x: 3}\n- {even: 4}\n", &mut problems).unwrap();
        let reading = document.read::<Vec<Parity>>();
        assert_eq!(reading.value.unwrap().len(), 2);
        assert_eq!(reading.problems.len(), 1, "{:?}", reading.problems);
        assert_eq!(reading.problems[0].to_string(), "p.yaml:2:4: unknown parity `oddd` (help: odd or even)");
    }

    #[test]
    fn located_values_know_their_bytes() {
        let text = "name: x\r\nactive_version:   'v1.0.0' # why\r\n";
        let mut problems = Vec::new();
        let document = Document::parse("p.yaml", text, &mut problems).unwrap();
        let prompt = document.read::<Prompt>().value.unwrap();
        let version = prompt.active_version.unwrap();
        assert_eq!(version.value, "v1.0.0");
        assert_eq!(&text[version.span.start..version.span.end], "'v1.0.0'");
    }

    #[test]
    fn anchors_and_merges_work_in_bounds() {
        let mut text = String::from("base: &base {a: 1, b: 2}\nuses:\n");
        for _ in 0..2_000 {
            text.push_str("  - <<: *base\n    b: 3\n");
        }
        let mut problems = Vec::new();
        let document = Document::parse("p.yaml", text, &mut problems).unwrap();
        let value = document.read::<serde_json::Value>().value.unwrap();
        assert_eq!(value["uses"][1999], serde_json::json!({"a": 1, "b": 3}));
        assert!(problems.is_empty());
    }

    #[test]
    fn an_alias_bomb_is_refused_quickly() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        let mut problems = Vec::new();
        assert!(Document::parse("p.yaml", text, &mut problems).is_none());
        assert_eq!(problems[0].code, "yaml::syntax");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut problems = Vec::new();
        assert!(Document::parse("p.yaml", "[".repeat(100_000), &mut problems).is_none());
    }

    #[test]
    fn places_are_found_by_path() {
        let mut problems = Vec::new();
        let document =
            Document::parse("r.yaml", "models:\n  local:\n    price: {input: -1}\n", &mut problems).unwrap();
        let place = document.place_at(&["models", "local", "price", "input"]);
        assert_eq!((place.line, place.column, place.width), (3, 20, 2));
        assert_eq!(document.place_at(&["models", "local", "missing"]).line, 2);
        let lists = Document::parse(
            "m.yaml",
            "rules:\n  - {name: a}\n  - name: b\n    when: {share: 2}\n",
            &mut problems,
        )
        .unwrap();
        for (path, place) in [
            (&["rules", "1", "when", "share"][..], (4, 19)),
            (&["rules", "1", "answer"], (3, 5)),
            (&["rules", "2"], (2, 3)),
        ] {
            let Place { line, column, .. } = lists.place_at(path);
            assert_eq!((line, column), place, "{path:?}");
        }
    }

    proptest! {
        /// The index of lines finds what a walk through the text finds.
        #[test]
        fn places_agree_with_a_walk(tail in "[a-zé\n]{0,40}", start in 0_usize..60, end in 0_usize..60) {
            let text = format!("a: 1\n# {}\n", tail.replace('\n', "\n# "));
            let mut problems = Vec::new();
            let document = Document::parse("p.yaml", text.clone(), &mut problems).unwrap();
            let span = Span { start, end };
            prop_assert_eq!(document.place(span), Place::in_text("p.yaml", &text, start..end));
        }

        #[test]
        fn no_text_panics(text in "[ -~\\n\\t\\r\u{e9}\u{1f600}:{}\\[\\]&*!|>'\"%@`#,?-]{0,80}") {
            check(&text);
        }

        /// What both readers accept, they read alike.
        #[test]
        fn agrees_with_another_reader(map in prop::collection::btree_map("[a-z]{1,6}", prop_oneof![
            "[a-zA-Z0-9 é.:_-]{0,12}".prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
        ], 0..6)) {
            let text = yaml_serde::to_string(&map).unwrap();
            // The other writer leaves old booleans and base-60 numbers bare; quoting is not what is compared here.
            let other: serde_json::Value = yaml_serde::from_str(&text).unwrap();
            let mut problems = Vec::new();
            let document = Document::parse("p.yaml", text.clone(), &mut problems).unwrap();
            if !map.is_empty() {
                prop_assert_eq!(document.read::<serde_json::Value>().value.unwrap(), other, "{}", text);
            }
        }
    }
}
