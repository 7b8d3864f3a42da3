//! What a model says reaches no terminal, no spreadsheet, no browser and no runner as anything but text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use regex::Regex;
use serde_json::{Value, json};

use super::{ALL_REPORTS, readers};
use crate::sandbox::{Sandbox, Seen};

/// The corpus, by name.
fn corpus() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/hostile/outputs.jsonl");
    let rows = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let times = usize::try_from(row["times"].as_u64().unwrap_or(1)).unwrap();
        (row["name"].as_str().unwrap().to_owned(), row["text"].as_str().unwrap().repeat(times))
    };
    rows.lines().map(row).collect()
}

/// The reports of a suite in which every text is a reply that fails, and is quoted as one, as what was got, and as a reason; one case
/// passes, so that the verdict is a failure.
struct Evaluated {
    sandbox: Sandbox,
    corpus: BTreeMap<String, String>,
    seen: Seen,
}

fn evaluate(corpus: BTreeMap<String, String>) -> Evaluated {
    let sandbox = Sandbox::new();
    let mut suite =
        "cases:\n  - {name: fine, inputs: {name: A}, validators: [{contains: fine}]}\n".to_owned();
    let mut replies = String::new();
    let mut reply = |case: &str, text: &str| {
        let row = json!({
            "case": case, "version": "1.0.0", "model": "default", "repeat": 1,
            "text": text, "finish_reason": "stop", "source": "hand",
        });
        writeln!(replies, "{row}").unwrap();
    };
    reply("fine", "fine");
    for (name, text) in &corpus {
        writeln!(
            suite,
            "  - {{name: {name}, inputs: {{name: B}}, validators: [{{equals: impossible}}, {{expr: 'output == inputs.name'}}, {{not_regex: '(?s).'}}]}}"
        )
        .unwrap();
        reply(name, text);
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", replies);
    let seen = sandbox.run(&[&["eval", "--offline", "-v", "--color", "always"], &ALL_REPORTS[..]].concat());
    assert_eq!(seen.code, Some(1), "{}", seen.shown().chars().take(2000).collect::<String>());
    Evaluated { sandbox, corpus, seen }
}

/// What no report may hold, whatever it is: anything that acts on a terminal or on the machine that keeps a log.
fn assert_harmless(report: &str, lines_end_with_cr: bool) {
    for (number, line) in report.split('\n').enumerate() {
        let line = if lines_end_with_cr { line.strip_suffix('\r').unwrap_or(line) } else { line };
        let acts = |character: char| {
            (character.is_control() && character != '\t')
                || matches!(character, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
        };
        let found: Vec<char> = line.chars().filter(|character| acts(*character)).collect();
        assert!(found.is_empty(), "line {}: {found:?} in {line}", number + 1);
        assert!(!line.contains("##[") && !line.contains("##vso["), "line {}: {line}", number + 1);
        assert!(!line.trim_start().starts_with("::"), "line {}: {line}", number + 1);
    }
}

/// A terminal sees text.
fn check_terminal(evaluated: &Evaluated) {
    let Evaluated { sandbox, seen, .. } = evaluated;
    assert_harmless(&sandbox.read("report.txt"), false);
    let own_colours = Regex::new("\u{1b}\\[(0|1|2|31|32|33)m").unwrap();
    assert_harmless(&own_colours.replace_all(&seen.stdout, ""), false);
    // No line claims to be a gate but the gate's own.
    let gates = sandbox.read("report.txt").lines().filter(|line| line.starts_with("gate ")).count();
    assert_eq!(gates, 1);
}

/// Readers of XML see text.
fn check_xml(evaluated: &Evaluated) {
    let Evaluated { sandbox, corpus, .. } = evaluated;
    assert_harmless(&sandbox.read("report.xml"), false);
    readers::check_junit(&sandbox.path("report.xml"));
    let Some(suites) = readers::junitparser(&sandbox.path("report.xml")) else { return };
    let suites = suites.as_array().unwrap();
    assert_eq!(suites.len(), 1);
    let cases = suites[0]["cases"].as_array().unwrap();
    let names: Vec<&str> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
    let expected: Vec<&str> =
        ["fine"].into_iter().chain(corpus.keys().map(String::as_str)).chain(["gate"]).collect();
    assert_eq!(names, expected);
    // What is harmless comes through as it was.
    for (name, text) in corpus {
        let case = cases.iter().find(|case| case["name"] == name.as_str()).unwrap();
        let shown = case["causes"][0]["text"].as_str().unwrap();
        assert_eq!(case["causes"].as_array().unwrap().len(), 1);
        assert!(shown.contains("  output:\n"), "{name}");
        let plain = |character: char| character == '\n' || (' '..='~').contains(&character);
        // Commands to a runner are made visible: they are not as they were.
        let commands = text.contains("##") || text.lines().any(|line| line.trim_start().starts_with("::"));
        if text.chars().all(plain) && !commands && text.len() < 64 * 1024 {
            assert!(shown.contains(text), "{name}: {shown}");
        }
    }
}

/// Readers of JSON get every byte.
fn check_json(evaluated: &Evaluated) {
    let Evaluated { sandbox, corpus, .. } = evaluated;
    let report = sandbox.read("report.json");
    assert_harmless(&report, false);
    let report: Value = serde_json::from_str(&report).unwrap();
    for case in report["prompts"][0]["variants"][0]["results"].as_array().unwrap() {
        let text = &case["repeats"][0]["answer"]["reply"]["reply"]["text"];
        let name = case["name"].as_str().unwrap();
        assert_eq!(text.as_str().unwrap(), corpus.get(name).map_or("fine", String::as_str));
    }
}

/// Spreadsheets see no formula.
fn check_csv(evaluated: &Evaluated) {
    let Evaluated { sandbox, corpus, .. } = evaluated;
    assert_harmless(&sandbox.read("trials.csv"), true);
    let Some(rows) = readers::csv_rows(&sandbox.path("trials.csv")) else { return };
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), corpus.len() + 1);
    for row in rows {
        for (column, cell) in row.as_object().unwrap() {
            let cell = cell.as_str().unwrap();
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']), "{column}: {cell}");
        }
        assert_eq!(
            row["line"].as_str().unwrap().parse::<usize>().unwrap(),
            rows.iter().position(|other| other == row).unwrap() + 2
        );
    }
}

/// A runner carries out our commands only.
fn check_annotations(evaluated: &Evaluated) {
    let Evaluated { sandbox, corpus, .. } = evaluated;
    let annotations = sandbox.read("annotations.txt");
    let command =
        Regex::new(r"^::(error|notice) (file=[^:,%\r]+(,line=\d+)?,)?title=([^:,%\r]|%25|%0A|%3A|%2C)*::([^%\r]|%25|%0A)*$").unwrap();
    for line in annotations.lines() {
        assert!(command.is_match(line), "{line}");
        assert_harmless(line.split_once("::").unwrap().1, false);
    }
    assert_eq!(annotations.matches("\n::error ").count() + 1, 10);
    let left_out = corpus.len() + 1 - 10;
    assert!(annotations.contains(&format!("; {left_out} errors more in the other reports")), "{annotations}");
}

/// Has a reader of Markdown find nothing but what a report is made of. Headings are counted.
fn assert_plain_markdown(report: &str) -> usize {
    let summary = r"<details><summary>([^<>`@]|<code>[^<>]*</code>)*</summary>";
    let own = Regex::new(&format!("^(<!-- promptassay -->|{summary}|</details>)\n$")).unwrap();
    let (mut headings, mut in_code) = (0, false);
    for event in Parser::new_ext(
        report,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES,
    ) {
        match event {
            Event::Html(html) => assert!(own.is_match(&html), "{html}"),
            Event::InlineHtml(html) => panic!("{html}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("{dest_url}"),
            Event::Start(Tag::FootnoteDefinition(_) | Tag::BlockQuote(_)) | Event::FootnoteReference(_) => {
                panic!("{event:?}")
            }
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => {
                assert!(!text.contains('@') && !text.contains("://") && !text.contains('#'), "{text}");
            }
            _ => {}
        }
    }
    headings
}

/// A pull request sees text.
fn check_markdown(evaluated: &Evaluated) {
    let Evaluated { sandbox, corpus, .. } = evaluated;
    let report = sandbox.read("report.md");
    assert_harmless(&report, false);
    assert!(report.starts_with("<!-- promptassay -->\n") && report.len() <= 65_536, "{}", report.len());
    assert_eq!(assert_plain_markdown(&report), 2, "the verdict and one gate");
    for name in corpus.keys() {
        assert!(report.contains(&format!("<code>{name}</code>")) || report.contains("Cut here"), "{name}");
    }
    // What was left out is said.
    assert!(report.len() < 60_000 || report.contains("_Cut here: "), "{}", report.len());
}

/// Asked once and read by everybody: judging these texts takes longer than reading about them.
fn check(evaluated: &Evaluated) {
    check_terminal(evaluated);
    check_xml(evaluated);
    check_json(evaluated);
    check_csv(evaluated);
    check_annotations(evaluated);
    check_markdown(evaluated);
}

#[test]
fn what_a_model_says_is_text_to_everybody() {
    check(&evaluate(corpus()));
}

/// Pieces of the corpus, cut anywhere and put together: what is harmless alone may act beside another.
fn mixtures() -> impl Strategy<Value = BTreeMap<String, String>> {
    let texts: Vec<String> = corpus().into_values().map(|text| text.chars().take(200).collect()).collect();
    let piece = (prop::sample::select(texts), any::<prop::sample::Index>(), any::<prop::sample::Index>())
        .prop_map(|(text, one, other)| {
            let characters: Vec<char> = text.chars().collect();
            let (one, other) = (one.index(characters.len() + 1), other.index(characters.len() + 1));
            characters[one.min(other)..one.max(other)].iter().collect::<String>()
        });
    let between = prop::sample::select(vec!["", "\n", " ", "\r\n", "`", "```\n", "]]>", "::", "\u{1b}"]);
    let mixture = prop::collection::vec((piece, between), 1..6)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, between)| piece + between).collect::<String>());
    // An empty text fails no `not_regex`; it is a reply like another.
    prop::collection::vec(mixture, 24).prop_map(|texts| {
        texts.into_iter().enumerate().map(|(index, text)| (format!("mixture_{index:02}"), text)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_mixture_is_text_as_well(texts in mixtures()) {
        check(&evaluate(texts));
    }
}

#[test]
fn names_are_text_too() {
    const FINE: &str = "cases:\n  - {name: fine, inputs: {name: A}, validators: [{contains: fine}]}\n";
    let corpus = corpus();
    let sandbox = Sandbox::new();
    let case_of = |name: &str| {
        format!("  - {{name: {}, inputs: {{name: B}}, validators: [{{contains: fine}}]}}\n", json!(name))
    };
    let all = corpus.values().filter(|text| text.len() < 100 && !text.trim().is_empty());
    // What a suite refuses as a name reaches no report.
    let (names, refused): (Vec<&String>, Vec<&String>) = all.partition(|name| {
        sandbox.write("prompts/greet/tests/test_cases.yaml", FINE.to_owned() + &case_of(name));
        let checked = sandbox.run(&["check"]);
        let is_refused = checked.code == Some(2);
        // Some are no text of YAML at all.
        let is_known = ["error: a case needs a name that can be read", "error: not valid YAML: "]
            .iter()
            .any(|message| checked.stderr.starts_with(message));
        assert!(!is_refused || is_known, "{name:?}: {}", checked.shown());
        assert_harmless(&checked.stderr, false);
        !is_refused
    });
    assert!(names.len() > 10 && refused.len() > 10, "{} {}", names.len(), refused.len());
    let mut suite = FINE.to_owned();
    let mut replies = String::new();
    for (case, text) in
        [("fine".to_owned(), "fine")].into_iter().chain(names.iter().map(|name| ((*name).clone(), "other")))
    {
        let row = json!({
            "case": case, "version": "1.0.0", "model": "default", "repeat": 1,
            "text": text, "finish_reason": "stop", "source": "hand",
        });
        writeln!(replies, "{row}").unwrap();
        if case != "fine" {
            suite.push_str(&case_of(&case));
        }
    }
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite).write("replies/greet.jsonl", replies);
    let seen = sandbox.run(&[
        "eval",
        "--offline",
        "--report",
        "markdown=report.md",
        "--report",
        "github=annotations.txt",
        "--report",
        "csv=trials.csv",
        "--junit",
        "report.xml",
    ]);
    assert!(matches!(seen.code, Some(1 | 4)), "{}", seen.shown());
    assert_eq!(assert_plain_markdown(&sandbox.read("report.md")), 2);
    assert_harmless(&sandbox.read("report.md"), false);
    assert_harmless(&sandbox.read("report.xml"), false);
    assert_harmless(&sandbox.read("trials.csv"), true);
    assert!(
        sandbox
            .read("annotations.txt")
            .lines()
            .all(|line| line.starts_with("::error ") || line.starts_with("::notice "))
    );
    readers::check_junit(&sandbox.path("report.xml"));
}

#[test]
fn half_a_character_is_no_reply() {
    let sandbox = Sandbox::new();
    let row = r#"{"case":"one","version":"1.0.0","model":"default","repeat":1,"text":"\ud800","finish_reason":"stop","source":"hand"}"#;
    sandbox.write("replies/greet.jsonl", format!("{row}\n"));
    let seen = sandbox.run(&["eval", "--offline"]);
    insta::assert_snapshot!(seen.shown());
}
