//! Suites under `fixtures/suites`: every message about an invalid one, word for word, and what a valid one comes to. And digests.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::{Problem, Severity, has_errors};
use promptassay_registry::tree::Tree;
use promptassay_registry::yaml::Document;
use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/suites")
}

/// The tree of the fixtures, its settings, and a suite that is read for its prompt.
pub(crate) fn resolve_text(text: &str, files: &[(&str, &str)]) -> (Option<Suite>, Vec<Problem>) {
    let tree = Tree::load(fixtures().join("prompts")).tree;
    let given = |pattern: &str| -> Result<Vec<DatasetFile>, Box<Problem>> {
        let matching = files.iter().filter(|(name, _)| *name == pattern);
        Ok(matching.map(|(name, text)| DatasetFile { path: name.into(), text: (*text).to_owned() }).collect())
    };
    resolve_with(&tree, "test_cases.yaml", text, &given)
}

fn resolve_with(
    tree: &Tree,
    name: impl Into<PathBuf>,
    text: &str,
    files: &Files<'_>,
) -> (Option<Suite>, Vec<Problem>) {
    let mut problems = Vec::new();
    let settings = Settings::read(tree.registry().document.as_ref().unwrap(), &mut problems);
    let interface = tree.prompt("support").unwrap().interface();
    let document = Document::parse(name, text, &mut problems);
    let suite = document.and_then(|document| resolve(&document, interface, &settings, files, &mut problems));
    (suite, problems)
}

fn resolve_directory(tree: &Tree, directory: &Path) -> (Option<Suite>, Vec<Problem>) {
    let path = directory.join("test_cases.yaml");
    let text = fs::read_to_string(&path).unwrap();
    // The fixtures lie in a repository of their own, so that leaving them is leaving it.
    let repository = fs::canonicalize(fixtures()).unwrap();
    resolve_with(tree, path.as_path(), &text, &files_beside(&path, &repository))
}

fn shown(problems: &[Problem], directory: &Path) -> String {
    let mut text = String::new();
    for problem in problems {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(text, "{severity}[{}]: {}", problem.code, problem.message).unwrap();
        if let Some(place) = &problem.place {
            let file = place.file.strip_prefix(directory).unwrap_or(&place.file);
            let file = file.display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
            writeln!(text, "  --> {file}:{}:{}", place.line, place.column).unwrap();
            if !place.line_text.is_empty() {
                writeln!(text, "   | {}", place.line_text).unwrap();
                writeln!(text, "   | {}{}", " ".repeat(place.column - 1), "^".repeat(place.width)).unwrap();
            }
        }
        if let Some(help) = &problem.help {
            writeln!(text, "  help: {help}").unwrap();
        }
        text.push('\n');
    }
    let real = fs::canonicalize(fixtures()).unwrap();
    let outside = real.ancestors().nth(1).unwrap().display().to_string();
    text.replace(&directory.display().to_string(), "SUITE")
        .replace(&real.display().to_string(), "FIXTURES")
        .replace(&outside, "OUTSIDE")
}

fn described(suite: &Suite) -> String {
    let mut text = String::new();
    writeln!(text, "models {:?}, repeat {}", suite.models, suite.repeat).unwrap();
    for case in &suite.cases {
        let inputs: Vec<String> = case.inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let checks: Vec<&str> = case.validators.iter().map(|validator| validator.name()).collect();
        writeln!(
            text,
            "{}:{} {}",
            case.place.file.file_name().unwrap().display(),
            case.place.line,
            case.name
        )
        .unwrap();
        writeln!(text, "  {}", inputs.join(" ")).unwrap();
        writeln!(text, "  checks {checks:?}").unwrap();
        let mut extras = Vec::new();
        extras.extend(case.reference.as_ref().map(|reference| format!("reference {reference:?}")));
        extras.extend((!case.messages.is_empty()).then(|| format!("{} messages", case.messages.len())));
        extras.extend(case.models.as_ref().map(|models| format!("models {models:?}")));
        extras.extend((!case.tags.is_empty()).then(|| format!("tags {:?}", case.tags)));
        extras.extend(case.cluster.as_ref().map(|cluster| format!("cluster {cluster}")));
        extras.extend(case.must_pass.then(|| "must pass".to_owned()));
        extras.extend(case.skip.as_ref().map(|skip| format!("skipped: {skip}")));
        if !extras.is_empty() {
            writeln!(text, "  {}", extras.join(", ")).unwrap();
        }
    }
    text
}

fn topics(kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures().join(kind)).unwrap();
    let mut topics: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    topics.sort();
    topics
}

#[test]
fn a_case_is_skipped_for_a_reason() {
    let text = "- {name: one, inputs: {company: TechCorp, query: Hello}, validators: [{max_words: 3}], skip: ' '}\n\
                - {name: two, inputs: {company: TechCorp, query: Hello}, validators: [{max_words: 3}]}\n";
    let (_, problems) = resolve_text(text, &[]);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @"test_cases.yaml:1:10: `one` is skipped, and nothing says why (help: write the reason behind `skip`, or take it out to have the case asked; in a table an empty cell says nothing)");
}

#[test]
fn true_is_no_reason_with_and_without_quotes() {
    let told = |skip: &str| {
        let case = format!(
            "- {{name: one, inputs: {{company: A, query: B}}, validators: [{{max_words: 3}}], skip: {skip}}}\n"
        );
        let (_, problems) = resolve_text(&case, &[]);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for skip in ["true", "false"] {
        let problems = told(skip);
        assert!(
            problems.contains(&format!("`{skip}` is no reason")) && !problems.contains("quotes"),
            "{problems}"
        );
    }
    assert!(told("true").contains("write the reason, such as `skip: needs a model with eyes`"));
    assert!(told("\"true\"").contains("`true` is no reason"));
    assert!(!told("needs a photo").contains("reason"), "{}", told("needs a photo"));
}

/// They are shown as one, with the lines of all, where they say the same.
#[test]
fn a_variable_that_no_case_gives_a_value_is_one_problem_at_many_places() {
    let case = |name: &str| {
        format!("- {{name: {name}, inputs: {{query: Hello}}, validators: [{{max_words: 3}}]}}\n")
    };
    let rows = ("rows.csv", "name,query\none,Hello\ntwo,Hello\n");
    let suites = [
        (["one", "two", "three"].map(case).concat(), vec![]),
        ("datasets: [{file: rows.csv}]\nvalidators: [{max_words: 3}]\n".to_owned(), vec![rows]),
    ];
    for (text, files) in suites {
        let (_, problems) = resolve_text(&text, &files);
        assert!(problems.len() > 1);
        let says: BTreeSet<_> = problems.iter().map(|problem| (&problem.message, &problem.help)).collect();
        assert_eq!(says.len(), 1, "{says:?}");
        let places: BTreeSet<_> =
            problems.iter().map(|problem| problem.place.as_ref().unwrap().line).collect();
        assert_eq!(places.len(), problems.len());
    }
}

#[test]
fn every_message_about_an_invalid_suite() {
    let tree = Tree::load(fixtures().join("prompts")).tree;
    let topics = topics("invalid");
    assert!(topics.len() > 9);
    for topic in topics {
        let (suite, problems) = resolve_directory(&tree, &topic);
        let name = topic.file_name().unwrap().to_str().unwrap();
        assert!(suite.is_none(), "{name}");
        insta::assert_snapshot!(format!("invalid_{name}"), shown(&problems, &topic));
    }
}

#[test]
fn what_valid_suites_come_to() {
    let tree = Tree::load(fixtures().join("prompts")).tree;
    for topic in topics("valid") {
        let (suite, problems) = resolve_directory(&tree, &topic);
        let name = topic.file_name().unwrap().to_str().unwrap();
        let problems = shown(&problems, &topic);
        let suite = suite.unwrap_or_else(|| panic!("{name}: {problems}"));
        assert_eq!(problems.is_empty(), !name.starts_with("warnings"), "{name}: {problems}");
        insta::assert_snapshot!(format!("valid_{name}"), format!("{problems}{}", described(&suite)));
    }
}

const SMALL: &str = "\
properties: {polite: {regex: please}}
validators: [{max_words: 9}]
cases:
  - {name: one, inputs: {company: A, query: B}, expected: {polite: true}, validators: [{contains: hi}], tags: [x]}
  - {name: two, inputs: {query: B, company: A}, messages: [{role: user, content: before}], reference: R}
";

fn digests(text: &str) -> (String, Vec<String>) {
    let (suite, problems) = resolve_text(text, &[("rows.jsonl", ROWS)]);
    let suite = suite.unwrap_or_else(|| panic!("{problems:?}"));
    (suite.digest.to_string(), suite.cases.iter().map(|case| case.digest.to_string()).collect())
}

const ROWS: &str = "{\"company\": \"A\", \"name\": \"three\", \"query\": \"C\"}\n";

#[test]
fn what_changes_nothing_about_a_suite_leaves_its_digest() {
    let (suite, cases) = digests(SMALL);
    let same = |text: &str| assert_eq!(digests(text), (suite.clone(), cases.clone()), "{text}");
    same(&format!("# a comment\n{SMALL}"));
    same(&SMALL.replace("- {name: one,", "- {name:   one, # why\n    "));
    same(&SMALL.replace("contains: hi", "contains: {value: hi, ignore_case: false}"));
    same(&SMALL.replace("inputs: {company: A, query: B}", "inputs: {query: B, company: A, status: Basic}"));
    // What decides is not what is asked.
    same(&format!("{SMALL}gate: {{min_pass_rate: 0.1}}\n"));
    same(&format!("{SMALL}models: [default]\nrepeat: 1\n"));
    // A property that nobody refers to.
    same(&SMALL.replace("properties: {", "properties: {unused: {contains: x}, "));
}

#[test]
fn every_change_of_what_is_asked_or_judged_changes_a_digest() {
    let (suite, cases) = digests(SMALL);
    for (from, to, changed) in [
        ("query: B}, expected", "query: Z}, expected", 1),
        ("regex: please", "regex: pleas", 1),
        ("polite: true", "polite: false", 1),
        ("contains: hi", "contains: ho", 1),
        ("{contains: hi}", "{contains: hi, weight: 2}", 1),
        ("max_words: 9", "max_words: 8", 2),
        ("content: before", "content: Before", 1),
        ("role: user", "role: assistant", 1),
        ("reference: R", "reference: r", 1),
        ("tags: [x]", "tags: [y]", 0),
        ("tags: [x]", "cluster: c", 0),
        ("tags: [x]", "must_pass: true", 0),
        ("tags: [x]", "skip: later", 0),
        ("tags: [x]", "models: [claude]", 0),
        ("name: one", "name: uno", 0),
        ("validators: [{max_words: 9}]", "repeat: 2\nvalidators: [{max_words: 9}]", 0),
        ("validators: [{max_words: 9}]", "params: {temperature: 0}\nvalidators: [{max_words: 9}]", 0),
        ("validators: [{max_words: 9}]", "models: [claude]\nvalidators: [{max_words: 9}]", 0),
        ("validators: [{max_words: 9}]", "judge: judge\nvalidators: [{max_words: 9}]", 0),
        ("cases:", "datasets: [{file: rows.jsonl}]\ncases:", 0),
    ] {
        assert!(SMALL.contains(from));
        let (now, cases_now) = digests(&SMALL.replacen(from, to, 1));
        assert_ne!(now, suite, "{to}");
        let differ = cases.iter().zip(&cases_now).filter(|(before, now)| before != now).count();
        assert_eq!(differ, changed, "{to}");
    }
}

#[test]
fn it_does_not_matter_where_a_case_stands() {
    let in_suite =
        "validators: [{max_words: 9}]\ncases:\n  - {name: three, inputs: {query: C, company: A}}\n";
    let in_rows = "validators: [{max_words: 9}]\ndatasets: [{file: rows.jsonl}]\n";
    assert_eq!(digests(in_suite), digests(in_rows));
}

/// Cases with small inputs and a shared name space.
fn cases() -> impl Strategy<Value = IndexMap<String, (String, BTreeSet<String>)>> {
    let case = ("[a-z]{1,3}", ("[ -~é]{0,8}", proptest::collection::btree_set("[a-c]", 0..3)));
    proptest::collection::vec(case, 1..6).prop_map(|cases| cases.into_iter().collect())
}

fn rows<'a>(cases: impl Iterator<Item = (&'a String, &'a (String, BTreeSet<String>))>) -> String {
    let row = |(name, (query, tags)): (&String, &(String, BTreeSet<String>))| {
        serde_json::json!({"name": name, "query": query, "tags": tags, "company": "A"}).to_string() + "\n"
    };
    cases.map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rows_in_any_order_and_of_any_kind_have_one_digest(cases in cases(), blank in any::<bool>()) {
        let suite = |file: &str, text: &str| {
            let yaml = format!("validators: [{{max_words: 9}}]\ndatasets: [{{file: {file}}}]\n");
            let (suite, problems) = resolve_text(&yaml, &[(file, text)]);
            suite.unwrap_or_else(|| panic!("{problems:?}"))
        };
        let json = suite("a.jsonl", &rows(cases.iter()));
        let reversed = rows(cases.iter().rev());
        let reversed = if blank { reversed.replace('\n', "\r\n\r\n") } else { reversed };
        prop_assert_eq!(suite("a.jsonl", &reversed).digest, json.digest);
        let mut table = "company,name,query,tags\n".to_owned();
        for (name, (query, tags)) in &cases {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            writeln!(table, "A,{name},\"{}\",\"{}\"", query.replace('"', "\"\""), tags.join("; ")).unwrap();
        }
        prop_assert_eq!(suite("a.csv", &table).digest, json.digest);
    }

    #[test]
    fn no_text_breaks_the_readers(text in "[{}\":,a-c\n\r1 é\\\\]{0,60}") {
        for file in ["a.jsonl", "a.csv"] {
            let yaml = format!("validators: [{{max_words: 9}}]\ndatasets: [{{file: {file}}}]\n");
            let (suite, problems) = resolve_text(&yaml, &[(file, &text)]);
            prop_assert!(suite.is_some() || problems.iter().any(Problem::is_error));
            for problem in problems {
                let place = problem.place.unwrap();
                prop_assert!(place.line >= 1 && place.column >= 1);
            }
        }
    }
}

#[test]
fn a_name_is_made_of_the_inputs_where_a_row_has_none() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.jsonl}]\n";
    let names = |rows: &str| -> BTreeSet<String> {
        let (suite, problems) = resolve_text(yaml, &[("a.jsonl", rows)]);
        suite.unwrap_or_else(|| panic!("{problems:?}")).cases.into_iter().map(|case| case.name).collect()
    };
    let (a, b) = (r#"{"company": "A", "query": "one"}"#, r#"{"query": "two", "company": "A"}"#);
    let found = names(&format!("{a}\n{b}\n"));
    assert!(found.iter().all(|name| name.len() == 16 && name.starts_with("row_")), "{found:?}");
    assert_eq!(found, names(&format!("{b}\n\n{a}")));
    assert!(found.is_superset(&names(r#"{"tags": ["x"], "inputs": {"query": "one", "company": "A"}}"#)));
}

#[test]
fn reading_stops_where_nothing_is_right() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.jsonl}, {file: a.csv}]\n";
    let bad = "{\"name\": 1}\n".repeat(5_000);
    let table = format!("company,query\n{}", "one\n".repeat(5_000));
    let (_, problems) = resolve_text(yaml, &[("a.jsonl", &bad), ("a.csv", &table)]);
    assert!((100..300).contains(&problems.len()), "{}", problems.len());
}

#[test]
fn however_much_is_to_be_said_of_the_rows_all_are_read() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.jsonl}, {file: a.csv}]\n";
    let unknown = |row: usize| {
        format!(
            "{{\"name\": \"n{row}\", \"inputs\": {{\"company\": \"a\", \"query\": \"q{row}\"}}, \"id_{row}\": 1}}\n"
        )
    };
    let rows: String = (0..300).map(unknown).collect();
    let numbers: Vec<String> = (0..150).map(|column| format!("n_{column}")).collect();
    let row = |row: usize| format!("a,b{row}{}\n", ",1".repeat(numbers.len()));
    let table = format!("company,query,{}\n{}", numbers.join(","), (0..3).map(row).collect::<String>());
    let (suite, problems) = resolve_text(yaml, &[("a.jsonl", &rows), ("a.csv", &table)]);
    assert!(problems.iter().all(|problem| !problem.is_error()), "{}", shown(&problems, Path::new("nowhere")));
    assert_eq!(suite.unwrap().cases.len(), 300 + 3);
    let last = problems.iter().rev().map(|problem| problem.message.as_str());
    assert_eq!(
        last.filter(|message| message.contains("more")).collect::<Vec<_>>(),
        ["130 more columns of this table are not used", "200 more warnings of this file are not shown"]
    );
    assert_eq!(problems.len(), 100 + 1 + 20 + 1);
}

#[test]
fn a_column_that_is_nearly_a_known_one_is_an_error_and_others_are_not() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.jsonl}, {file: a.csv}]\n";
    let row = "{\"company\": \"a\", \"query\": \"b\", \"must_pas\": true, \"remark\": 1}\n";
    let rows = format!("{row}{}", row.replace("\"b\"", "\"c\""));
    let table = "company,query,Skip,tag,game,inputs.must_pas,Must Pass,remark\na,d,later,x,go,1,true,1\n";
    let (suite, problems) = resolve_text(yaml, &[("a.jsonl", &rows), ("a.csv", table)]);
    assert!(suite.is_none());
    insta::assert_snapshot!(shown(&problems, Path::new("nowhere")));
}

#[test]
fn what_only_a_case_of_a_suite_has_is_no_column() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.jsonl}, {file: a.csv}]\n";
    let row =
        "{\"company\": \"a\", \"query\": \"b\", \"validators\": [{\"contains\": \"x\"}], \"messages\": []}\n";
    let table = "company,query,models\na,d,other\n";
    let (suite, problems) = resolve_text(yaml, &[("a.jsonl", &row.repeat(2)), ("a.csv", table)]);
    assert!(suite.is_none(), "the checks of a row would be lost");
    insta::assert_snapshot!(shown(&problems, Path::new("nowhere")));
}

#[test]
fn a_row_names_a_property_once() {
    let yaml = "properties: {short: {max_words: 9}}\ndatasets: [{file: a.csv}]\n";
    let table = "company,query,expected\na,b,short; !short\na,c,\"short, short\"\na,d,!short\n";
    let (suite, problems) = resolve_text(yaml, &[("a.csv", table)]);
    assert!(suite.is_none());
    insta::assert_snapshot!(shown(&problems, Path::new("nowhere")), @r#"
    error[suite::invalid_cell]: row 2: `short` stands twice in `expected`
      --> a.csv:2:12
       | a,b,short; !short
       |            ^^^^^^
      help: say once what is expected of it: `short`, or `!short` where it must not hold

    error[suite::invalid_cell]: row 3: `short` stands twice in `expected`
      --> a.csv:3:13
       | a,c,"short, short"
       |             ^^^^^
      help: say once what is expected of it: `short`, or `!short` where it must not hold
    "#);
}

#[test]
fn an_input_of_a_table_has_one_column() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.csv}]\n";
    for table in ["company,query,inputs.query\na,b,c\n", "company,inputs.query,query\na,b,c\n"] {
        let (suite, problems) = resolve_text(yaml, &[("a.csv", table)]);
        assert!(suite.is_none());
        assert_eq!(problems[0].message, "row 1: the input `query` is given twice");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn a_table_is_read_as_spreadsheets_save_it() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: a.csv}]\n";
    let table = "name,company,query,must_pass\nx,a,b,TRUE\ny,a,b,False\nz,a,b,yes\n";
    let (_, problems) = resolve_text(yaml, &[("a.csv", table)]);
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(said, ["row 4: `must_pass` is `yes`"]);
    let (suite, problems) = resolve_text(yaml, &[("a.csv", &table.replace("yes", "true"))]);
    assert!(problems.is_empty(), "{problems:?}");
    let must_pass: Vec<bool> = suite.unwrap().cases.iter().map(|case| case.must_pass).collect();
    assert_eq!(must_pass, [true, false, true]);
}

#[test]
fn a_dataset_may_begin_with_a_byte_order_mark() {
    let yaml = "validators: [{max_words: 9}]\ndatasets: [{file: \"a.*\"}]\n";
    let directory = tempfile::tempdir().unwrap();
    write_atomic(
        &directory.path().join("a.jsonl"),
        "\u{feff}{\"name\": \"x\", \"company\": \"a\", \"query\": \"b\"}\n",
    )
    .unwrap();
    write_atomic(&directory.path().join("a.csv"), "\u{feff}name,company,query\r\ny,a,c\r\n").unwrap();
    let tree = Tree::load(fixtures().join("prompts")).tree;
    let repository = fs::canonicalize(directory.path()).unwrap();
    let path = repository.join("test_cases.yaml");
    let (suite, problems) = resolve_with(&tree, path.as_path(), yaml, &files_beside(&path, &repository));
    assert!(problems.is_empty(), "{problems:?}");
    let names: Vec<_> = suite.unwrap().cases.into_iter().map(|case| case.name).collect();
    assert_eq!(names, ["y", "x"]);
}

#[test]
fn a_list_of_which_nothing_is_left_is_not_called_empty() {
    for (check, empty) in [
        ("contains_any: [1, 2]", false),
        ("contains_any: {values: [1]}", false),
        ("any_of: [{no_such: 1}]", false),
        ("contains_any: []", true),
        ("contains_any: {values: []}", true),
    ] {
        let yaml =
            format!("cases: [{{name: a, inputs: {{company: a, query: b}}, validators: [{{{check}}}]}}]\n");
        let (suite, problems) = resolve_text(&yaml, &[]);
        assert!(suite.is_none(), "{check}");
        let said = problems.iter().any(|problem| problem.code == "suite::empty_list");
        assert_eq!(said, empty, "{check}: {problems:?}");
    }
}

#[test]
fn where_a_check_is_wrong_nothing_but_that_is_said() {
    let rows = [("a.jsonl", "{\"name\": \"r\", \"company\": \"a\", \"query\": \"b\"}\n")];
    let case = "cases: [{name: c, inputs: {company: a, query: b}}]\ndatasets: [{file: a.jsonl}]\n";
    let not_judged = |text: &str| {
        let (suite, problems) = resolve_text(text, &rows);
        assert!(suite.is_none() && has_errors(&problems), "{text}");
        problems.iter().filter(|problem| problem.code == "suite::no_validators").count()
    };
    for wrong in [
        "validators: [{max_wrods: 3}]",
        "validators: [{json_schema: {type: objct}}]",
        "validators: [{regex: '('}]",
        "validators: [{judge: is it kind, model: nobody}]",
        "validators: [{equals: a, warn: true}, {regex: '('}]",
    ] {
        assert_eq!(not_judged(&format!("{wrong}\n{case}")), 0, "{wrong}");
    }
    // Another mistake does not hide what nobody would judge.
    let other = "{name: d, inputs: {company: a, query: b}, expected: {no_such: true}}";
    assert_eq!(
        not_judged(&format!(
            "{}, {other}]\ndatasets: [{{file: a.jsonl}}]\n",
            &case[..case.find(']').unwrap()]
        )),
        2
    );
    assert_eq!(not_judged(case), 2);
}
