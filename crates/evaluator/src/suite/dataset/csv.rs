//! Tables: the first row names the columns, every other row is a case.

use std::collections::HashSet;
use std::path::Path;

use indexmap::IndexMap;
use promptassay_registry::merge_conflict;
use promptassay_registry::problem::{Place, Problem, did_you_mean};
use promptassay_registry::yaml::{Located, Span};

use super::super::origin::{Origin, Row};
use super::super::row::{RowSpec, unknown_column};
use super::Rows;
use super::table::{Cell, Record, Records};
use crate::gate::plural;

impl<'a> Record<'a> {
    fn row(&self, file: &'a Path) -> Row<'a> {
        Row { file, number: self.number, line: self.line, text: self.text, is_table: true }
    }
}

/// The columns of a table that are no inputs.
const TABLE_COLUMNS: [&str; 7] = ["name", "expected", "reference", "tags", "cluster", "must_pass", "skip"];

/// So many columns that nobody reads are named.
const SHOWN_UNUSED: usize = 20;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Column {
    Name,
    Expected,
    Reference,
    Tags,
    Cluster,
    MustPass,
    Skip,
    /// The value of this variable.
    Input(Located<String>),
    /// Nothing that anybody reads; it was reported.
    Unknown,
}

pub(super) fn read(text: &str, rows: &mut Rows<'_, '_>) {
    let file = rows.file;
    if let Some(merge) = merge_conflict::in_table(file, text) {
        let is_of_rows = merge.is_error();
        rows.report(merge);
        if is_of_rows {
            rows.any = true;
            return;
        }
    }
    let mut records = Records::new(text);
    let Some(header) = records.next() else { return };
    let Some(columns) = columns(&header, header.row(file), rows) else { return };
    for record in records {
        if rows.is_full() {
            return;
        }
        rows.any = true;
        let row = record.row(file);
        let mut found = Vec::new();
        let spec = spec(&record, row, &columns, rows, &mut found);
        for problem in found {
            rows.report(problem);
        }
        if let Some(spec) = spec {
            let (case, problems) = rows.resolve(spec, row, true);
            rows.add(case, problems);
        }
    }
}

fn columns(header: &Record<'_>, row: Row<'_>, rows: &mut Rows<'_, '_>) -> Option<Vec<Column>> {
    let origin = Origin::Row(row);
    let cells = match &header.cells {
        Ok(cells) => cells,
        Err(fault) => {
            rows.report(quote_problem(row, *fault));
            return None;
        }
    };
    if let [only] = cells.as_slice()
        && let Some(separator) = [';', '\t'].into_iter().find(|separator| only.text.contains(*separator))
    {
        let shown = if separator == ';' { "semicolons" } else { "tabs" };
        let problem = Problem::error("suite::separator", format!("the columns are separated by {shown}"));
        rows.report(origin.locate(problem.help("separate them by commas"), only.span));
        return None;
    }
    if let Some(problem) = carriage_return(cells, row) {
        rows.report(problem);
        return None;
    }
    let (mut columns, mut unused) = (Vec::with_capacity(cells.len()), 0);
    let mut first: IndexMap<&str, Span> = IndexMap::new();
    for cell in cells {
        let name = cell.text.trim();
        if first.insert(name, cell.span).is_some() {
            let message = format!("a second column is called `{name}`");
            let problem = Problem::error("suite::duplicate_column", message).help("keep one of the two");
            rows.report(origin.locate(problem, cell.span));
        }
        let column = column(name, cell.span, rows);
        if column == Column::Unknown {
            let problem = unused_column(name, rows);
            // Each is looked for and drawn with the whole line of names.
            unused += usize::from(!problem.is_error());
            if problem.is_error() || unused <= SHOWN_UNUSED {
                rows.report(origin.locate(problem, cell.span));
            }
        }
        // Under its name and as `inputs.name`.
        if let Column::Input(input) = &column
            && first.len() > columns.len()
            && columns
                .iter()
                .any(|earlier| matches!(earlier, Column::Input(known) if known.value == input.value))
        {
            let message = format!("the input `{}` is given twice", input.value);
            let problem =
                Problem::error("suite::duplicate_column", message).help("keep one of the two columns");
            rows.report(origin.locate(problem, cell.span));
        }
        columns.push(column);
    }
    if unused > SHOWN_UNUSED {
        let more = plural(unused - SHOWN_UNUSED, "more column");
        let problem = Problem::warning("suite::unknown_column", format!("{more} of this table are not used"));
        let help =
            "the prompt has no variables of their names; write the names of variables into the first row";
        rows.report(problem.at(Place::whole_file(row.file)).help(help));
    }
    Some(columns)
}

fn column(name: &str, span: Span, rows: &Rows<'_, '_>) -> Column {
    let variables = rows.reader.interface.variables();
    match name {
        "name" => return Column::Name,
        "expected" => return Column::Expected,
        "reference" => return Column::Reference,
        "tags" => return Column::Tags,
        "cluster" => return Column::Cluster,
        "must_pass" => return Column::MustPass,
        "skip" => return Column::Skip,
        _ => {}
    }
    let variable = name.strip_prefix("inputs.").unwrap_or(name);
    if variables.get(variable).is_some() {
        return Column::Input(Located { value: variable.to_owned(), span });
    }
    Column::Unknown
}

/// What is wrong with a column that nobody reads.
fn unused_column(name: &str, rows: &Rows<'_, '_>) -> Problem {
    let variables = rows.reader.interface.variables();
    let variable = name.strip_prefix("inputs.").unwrap_or(name);
    let message = format!("the prompt has no variable `{variable}`; this column is not used");
    let code = "suite::unknown_column";
    if variable == name {
        return unknown_column(name, message, code, variables.names(), &TABLE_COLUMNS);
    }
    // `inputs.` says that no column about the case is meant.
    let known: Vec<&str> = variables.names().collect();
    Problem::warning(code, message).help(did_you_mean(variable, known, "variables"))
}

fn spec(
    record: &Record<'_>,
    row: Row<'_>,
    columns: &[Column],
    rows: &mut Rows<'_, '_>,
    problems: &mut Vec<Problem>,
) -> Option<RowSpec> {
    let cells = match &record.cells {
        Ok(cells) => cells,
        Err(fault) => {
            problems.push(quote_problem(row, *fault));
            return None;
        }
    };
    if let Some(problem) = carriage_return(cells, row) {
        problems.push(problem);
        return None;
    }
    if cells.len() != columns.len() {
        let message = format!("{} under {}", plural(cells.len(), "cell"), plural(columns.len(), "column"));
        let help = if cells.len() > columns.len() {
            "put a cell that has a comma in quotes"
        } else {
            "write an empty cell for what is not known: `a,,c`"
        };
        let span = Span { start: 0, end: record.text.len() };
        let problem = Problem::error("suite::wrong_width", message).help(help);
        problems.push(Origin::Row(row).locate(problem, span));
        return None;
    }
    let mut spec = RowSpec::default();
    for (column, cell) in columns.iter().zip(cells) {
        // A cell of nothing, not even of quotes, says nothing.
        if cell.text.is_empty() && !cell.is_quoted {
            continue;
        }
        let text = || cell.text.clone().into_owned();
        match column {
            Column::Name => spec.name = Some(Located { value: text(), span: cell.span }),
            Column::Reference => spec.reference = Some(text()),
            Column::Cluster => spec.cluster = Some(text()),
            Column::Skip => spec.skip = Some(text()),
            Column::Tags => spec.tags = listed(cell).map(|(tag, _)| tag.to_owned()).collect(),
            Column::Expected => {
                spec.expected = expected(cell);
                if let Some(name) = stands_twice(&spec.expected) {
                    let message = format!("`{name}` stands twice in `expected`");
                    let help = format!(
                        "say once what is expected of it: `{name}`, or `!{name}` where it must not hold"
                    );
                    let problem = Problem::error("suite::invalid_cell", message).help(help);
                    problems.push(Origin::Row(row).locate(problem, name.span));
                }
            }
            // Spreadsheets write every `true` as `TRUE`.
            Column::MustPass => match cell.text.trim() {
                yes if yes.eq_ignore_ascii_case("true") => spec.must_pass = true,
                no if no.eq_ignore_ascii_case("false") => {}
                other => {
                    let message = format!("`must_pass` is `{other}`");
                    let help = did_you_mean(other, ["true", "false"], "values");
                    let problem = Problem::error("suite::invalid_cell", message).help(help);
                    problems.push(Origin::Row(row).locate(problem, cell.span));
                }
            },
            Column::Input(variable) => {
                let value = rows.reader.interface.variables().value_from_text(variable, &cell.text);
                spec.inputs.insert(
                    Located { value: variable.value.clone(), span: cell.span },
                    Located { value, span: inner_span(cell) },
                );
            }
            Column::Unknown => {}
        }
    }
    Some(spec)
}

/// A carriage return that ends no line would be a part of the input, or all lines one.
fn carriage_return(cells: &[Cell<'_>], row: Row<'_>) -> Option<Problem> {
    let cell = cells.iter().find(|cell| !cell.is_quoted && cell.text.contains('\r'))?;
    let problem =
        Problem::error("suite::carriage_return", "a carriage return stands within an unquoted cell")
            .help("save the file with lines that end with LF or CR LF, and not with CR alone or CR CR LF");
    Some(Origin::Row(row).locate(problem, cell.span))
}

/// Where the text of a cell stands, without its quotes.
fn inner_span(cell: &Cell<'_>) -> Span {
    let quote = usize::from(cell.is_quoted);
    Span { start: cell.span.start + quote, end: cell.span.end - quote }
}

/// The parts of a cell between commas or semicolons, with their places.
fn listed<'a>(cell: &'a Cell<'_>) -> impl Iterator<Item = (&'a str, Span)> {
    let start = inner_span(cell).start;
    cell.text.split([',', ';']).filter_map(move |part| {
        let trimmed = part.trim();
        let offset = trimmed.as_ptr() as usize - cell.text.as_ptr() as usize;
        let span = Span { start: start + offset, end: start + offset + trimmed.len() };
        (!trimmed.is_empty()).then_some((trimmed, span))
    })
}

/// `contains_hours; !contains_apology`: properties that must hold, and those that must not.
fn expected(cell: &Cell<'_>) -> IndexMap<Located<String>, bool> {
    let property = |(part, span): (&str, Span)| match part.strip_prefix('!') {
        Some(name) => (Located { value: name.trim().to_owned(), span }, false),
        None => (Located { value: part.to_owned(), span }, true),
    };
    listed(cell).map(property).collect()
}

/// The first property that a cell names for the second time.
fn stands_twice(expected: &IndexMap<Located<String>, bool>) -> Option<&Located<String>> {
    let mut seen = HashSet::new();
    expected.keys().find(|name| !seen.insert(name.as_str()))
}

fn quote_problem(row: Row<'_>, (message, span): (&'static str, Span)) -> Problem {
    let problem = Problem::error("suite::invalid_quote", message)
        .help("put the whole cell in quotes, and write a quote within it twice: \"a 5\"\" pipe\"");
    Origin::Row(row).locate(problem, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_cell_know_where_they_stand() {
        let mut records = Records::new("\"a; !b ,c\"\n");
        let record = records.next().unwrap();
        let cell = &record.cells.as_ref().unwrap()[0];
        let found = expected(cell);
        let shown: Vec<_> = found
            .iter()
            .map(|(name, holds)| (name.as_str(), *holds, &record.text[name.span.start..name.span.end]))
            .collect();
        assert_eq!(shown, [("a", true, "a"), ("b", false, "!b"), ("c", true, "c")]);
    }
}
