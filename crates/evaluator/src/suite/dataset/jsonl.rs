//! JSON lines: an object a line. Sound rows are read quickly; a row in which something is wrong is read a second time, with places.

use promptassay_registry::merge_conflict;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::yaml::{Document, Reading, Span};
use serde_json::error::Category;

use super::super::origin::Row;
use super::super::row::RowSpec;
use super::Rows;

pub(super) fn read(text: &str, rows: &mut Rows<'_, '_>) {
    let file = rows.file;
    if let Some(merge) = merge_conflict::in_data(file, text) {
        rows.any = true;
        rows.report(merge);
        return;
    }
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        if rows.is_full() {
            return;
        }
        rows.any = true;
        read_row(Row { file, number: index + 1, line: index + 1, text: line, is_table: false }, rows);
    }
}

fn read_row(row: Row<'_>, rows: &mut Rows<'_, '_>) {
    let quick = match serde_json::from_str::<RowSpec>(row.text) {
        Ok(spec) => {
            let changes =
                spec.inputs.values().any(|value| value.is_f64() && !stands_in(row.text, &value.value));
            let (case, problems) = rows.resolve(spec, row, true);
            if problems.is_empty() && !changes {
                rows.add(case, problems);
                return;
            }
            Ok((case, problems))
        }
        Err(error) => Err(error),
    };
    let is_json =
        !quick.as_ref().is_err_and(|error| matches!(error.classify(), Category::Syntax | Category::Eof));
    match (read_with_places(row, rows).filter(|_| is_json), quick) {
        (Some((case, problems)), _) => {
            rows.cases.extend(case);
            for problem in problems {
                rows.report(problem);
            }
        }
        (None, Ok((case, problems))) => rows.add(case, problems),
        (None, Err(error)) => rows.report(not_json(row, &error)),
    }
}

/// The row as a document whose parts know where they stand; `None` where that finds nothing wrong.
fn read_with_places(row: Row<'_>, rows: &mut Rows<'_, '_>) -> Option<(Option<super::Case>, Vec<Problem>)> {
    let mut found = Vec::new();
    let document = Document::parse(row.file, row.text, &mut found)?;
    let Reading { value, problems, left_out } = document.read::<RowSpec>();
    found.extend(problems);
    for problem in &mut found {
        if let Some(place) = &mut problem.place {
            place.line += row.line - 1;
        }
        if problem.code == "yaml::duplicate_key" {
            // Its help counts lines within the row.
            problem.help = Some("keep one of the two".to_owned());
        }
        *problem = row.named(problem.clone());
    }
    let is_whole = left_out.is_empty() && found.is_empty();
    let case = value.map(|spec| {
        let (case, problems) = rows.resolve(spec, row, is_whole);
        found.extend(problems);
        case
    });
    (!found.is_empty()).then_some((case, found))
}

fn not_json(row: Row<'_>, error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    // The library repeats the place, counted within the row, and speaks of its own grammar.
    let message = match message.split(" at line ").next().unwrap_or(&message) {
        _ if error.is_eof() => "the line ends within it",
        "expected ident" | "expected value" => "there is no value here",
        other => other,
    };
    let start = error.column().saturating_sub(1).min(row.text.len());
    let mut place: Place = row.place(Span { start, end: start + 1 });
    place.width = 1;
    row.named(Problem::error("suite::invalid_row", format!("not a JSON object: {message}")))
        .at(place)
        .help("every line is one object, such as {\"name\": \"refund\", \"query\": \"Where is my money?\"}")
}

/// Whether a number stands in the text just as it is sent.
fn stands_in(text: &str, number: &serde_json::Value) -> bool {
    let number = number.to_string();
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '+' | '-');
    text.match_indices(&number).any(|(start, _)| {
        !text[..start].ends_with(is_part) && !text[start + number.len()..].starts_with(is_part)
    })
}
