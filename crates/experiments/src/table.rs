//! Events as tables: CSV and JSON lines, to bring data from elsewhere and to take it away.
//!
//! A row has `unit` (or `unit_hex`, for ids that are no text) and `at`; with `variant` it is an exposure, with `metric` and `value`
//! an outcome, with all of them both. `id` (or `id_hex`) makes an outcome count once; without it, equal rows of one file are told apart
//! by their order, so that the same file imported twice counts once.

mod bytes;
mod columns;

pub use columns::Unread;

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::ops::ControlFlow;

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::definition::valid_label;
use crate::event::{Event, Exposure, Outcome};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object per line.
    Jsonl,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Row {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_hex: Option<String>,
}

/// Reads a table. `visit` gets the line that a row begins in, from 1, and an event of the row or what is wrong with it; reading goes
/// on until it breaks. Rows without a phase are of `phase`. What it returns are the columns that were not read.
pub fn read(
    format: TableFormat,
    input: impl BufRead,
    experiment: &str,
    phase: u32,
    visit: &mut dyn FnMut(u64, Result<Event, String>) -> ControlFlow<()>,
) -> Unread {
    let mut unread = Unread::new();
    let mut repeats = Repeats::default();
    let mut take = |line: u64, row: Result<Row, String>| match row
        .and_then(|row| events(row, experiment, phase, &mut repeats))
    {
        Ok(events) => events.into_iter().flatten().try_for_each(|event| visit(line, Ok(event))),
        Err(reason) => visit(line, Err(reason)),
    };
    match format {
        TableFormat::Csv => {
            let mut reader = csv::Reader::from_reader(input);
            let names_units = match known_header(&mut reader, &mut unread) {
                Ok(names_units) => names_units,
                Err(reason) => {
                    let _ = visit(1, Err(reason));
                    return unread;
                }
            };
            let mut rows = reader.into_deserialize::<Row>();
            loop {
                let line = rows.reader().position().line();
                let Some(row) = rows.next() else { break };
                // An empty cell is an empty id, which some experiments allow, and not the lack of one.
                let named = |row: Row| Row { unit: row.unit.or(names_units.then(String::new)), ..row };
                if take(line, row.map(named).map_err(|error| csv_reason(&error))).is_break() {
                    break;
                }
            }
        }
        TableFormat::Jsonl => {
            for (line, text) in (1..).zip(input.lines()) {
                let row = match text {
                    Ok(text) if text.trim().is_empty() => continue,
                    Ok(text) => columns::note_keys(&text, line, &mut unread)
                        .and_then(|()| serde_json::from_str(&text).map_err(|error| json_reason(&error))),
                    Err(error) => Err(error.to_string()),
                };
                if take(line, row).is_break() {
                    break;
                }
            }
        }
    }
    unread
}

/// A table whose header has no unit or time has no row that could be read; one sentence is enough. Otherwise whether there is a column
/// `unit`.
fn known_header(reader: &mut csv::Reader<impl BufRead>, unread: &mut Unread) -> Result<bool, String> {
    let header = reader.headers().map_err(|error| csv_reason(&error))?;
    header.iter().try_for_each(|column| columns::note(column, 1, unread))?;
    let has = |name: &str| header.iter().any(|column| column == name);
    if (has("unit") || has("unit_hex")) && has("at") && (has("variant") || has("metric")) {
        return Ok(has("unit"));
    }
    let separated = match header.iter().collect::<Vec<&str>>().as_slice() {
        [only] if only.contains(';') => "; its columns are separated by `;`, and must be by commas",
        [only] if only.contains('\t') => "; its columns are separated by tabs, and must be by commas",
        _ => "",
    };
    Err(format!("the header must name `unit`, `at`, and `variant` or `metric`{separated}"))
}

/// The line is known already.
fn json_reason(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    match text.strip_suffix(&place) {
        Some(reason) => format!("{reason} in column {}", error.column()),
        None => text,
    }
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(field) if matches!(err.kind(), csv::DeserializeErrorKind::ParseFloat(_)) => {
                format!("what stands in column {} is no number such as 0.5", field + 1)
            }
            Some(field) => format!("column {} cannot be read: {}", field + 1, err.kind()),
            None => err.kind().to_string(),
        },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, but the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "this is not UTF-8; write `unit_hex` for such ids".to_owned(),
        _ => error.to_string(),
    }
}

/// Counts equal rows.
#[derive(Default)]
struct Repeats(HashMap<[u8; 16], u64>);

impl Repeats {
    /// An id for a row without one: what stands in it, and how often that has been there before.
    fn id(&mut self, unit: &[u8], series: &str, value: f64, at: Timestamp) -> Vec<u8> {
        let digest = Digest::of_json(&json!([unit, series, value.to_bits(), at.as_microsecond()]));
        let mut key = [0; 16];
        key.copy_from_slice(&digest.as_bytes()[..16]);
        let seen = self.0.entry(key).or_insert(0);
        *seen += 1;
        [&key[..], &seen.to_be_bytes()].concat()
    }
}

fn events(
    row: Row,
    experiment: &str,
    phase: u32,
    repeats: &mut Repeats,
) -> Result<[Option<Event>; 2], String> {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let unit = match (filled(row.unit_hex), row.unit) {
        (Some(_), Some(unit)) if !unit.is_empty() => {
            return Err(
                "both `unit` and `unit_hex` are given; they may name two units, so leave one out".to_owned()
            );
        }
        (Some(digits), _) => bytes::read(&digits).ok_or("`unit_hex` is not hexadecimal")?,
        (None, Some(unit)) => unit.into_bytes(),
        (None, None) => return Err("there is no `unit`".to_owned()),
    };
    let at = filled(row.at).ok_or("there is no `at`, the time such as 2026-11-24T00:00:00Z")?;
    let at: Timestamp = at
        .parse()
        .map_err(|_| format!("`{}` is not a time such as 2026-11-24T00:00:00Z", at.escape_debug()))?;
    let (variant, metric) = (filled(row.variant), filled(row.metric));
    if variant.is_none() && metric.is_none() {
        return Err("there is neither a `variant` nor a `metric`".to_owned());
    }
    if metric.is_none() && row.value.is_some() {
        return Err("there is a `value`, and no `metric` that says what it is of".to_owned());
    }
    for name in [&variant, &metric].into_iter().flatten() {
        if !valid_label(name) {
            return Err(format!(
                "`{}` is no name: use 1 to 64 letters, digits, `_`, `-` and `.`",
                name.escape_debug()
            ));
        }
    }
    if row.phase == Some(0) {
        return Err("phases are counted from 1: there is no `phase` 0".to_owned());
    }
    let exposure = variant.map(|variant| {
        let phase = row.phase.unwrap_or(phase);
        Event::Exposure(Exposure {
            experiment: experiment.to_owned(),
            phase,
            unit: unit.clone(),
            variant,
            at,
        })
    });
    let outcome = match metric {
        None => None,
        Some(series) => {
            let value =
                row.value.filter(|value| value.is_finite()).ok_or("the `value` is not a finite number")?;
            let id = match (filled(row.id_hex), filled(row.id)) {
                (Some(_), Some(_)) => {
                    return Err("both `id` and `id_hex` are given; leave one out".to_owned());
                }
                (Some(digits), None) => bytes::read(&digits).ok_or("`id_hex` is not hexadecimal")?,
                (None, Some(id)) => id.into_bytes(),
                (None, None) => repeats.id(&unit, &series, value, at),
            };
            Some(Event::Outcome(Outcome { experiment: experiment.to_owned(), unit, series, value, at, id }))
        }
    };
    Ok([exposure, outcome])
}

/// Writes events as rows; [`read`] reads them back.
#[derive(Debug)]
pub struct TableWriter<W: Write> {
    output: Output<W>,
}

#[derive(Debug)]
enum Output<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(W),
}

impl<W: Write> TableWriter<W> {
    /// Begins a table.
    pub fn new(format: TableFormat, output: W) -> std::io::Result<Self> {
        let output = match format {
            TableFormat::Jsonl => Output::Jsonl(output),
            TableFormat::Csv => {
                let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(output);
                writer.write_record(columns::COLUMNS)?;
                Output::Csv(Box::new(writer))
            }
        };
        Ok(Self { output })
    }

    /// Writes an event.
    pub fn write(&mut self, event: Event) -> std::io::Result<()> {
        let row = row(event);
        match &mut self.output {
            Output::Jsonl(output) => {
                serde_json::to_writer(&mut *output, &row)?;
                output.write_all(b"\n")
            }
            Output::Csv(writer) => {
                let number = |value: Option<String>| value.unwrap_or_default();
                let record = [
                    number(row.unit),
                    number(row.unit_hex),
                    number(row.phase.map(|phase| phase.to_string())),
                    number(row.variant),
                    number(row.metric),
                    number(row.value.map(|value| value.to_string())),
                    number(row.at),
                    number(row.id),
                    number(row.id_hex),
                ];
                Ok(writer.write_record(&record)?)
            }
        }
    }

    /// Ends the table.
    pub fn finish(self) -> std::io::Result<()> {
        match self.output {
            Output::Jsonl(mut output) => output.flush(),
            Output::Csv(mut writer) => writer.flush(),
        }
    }
}

fn row(event: Event) -> Row {
    match event {
        Event::Exposure(exposure) => {
            let (unit, unit_hex) = bytes::written(exposure.unit);
            let phase = Some(exposure.phase);
            Row {
                unit,
                unit_hex,
                phase,
                variant: Some(exposure.variant),
                at: Some(exposure.at.to_string()),
                ..Row::default()
            }
        }
        Event::Outcome(outcome) => {
            let (unit, unit_hex) = bytes::written(outcome.unit);
            let (id, id_hex) = bytes::written_unless_empty(outcome.id);
            Row {
                unit,
                unit_hex,
                metric: Some(outcome.series),
                value: Some(outcome.value),
                at: Some(outcome.at.to_string()),
                id,
                id_hex,
                ..Row::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(format: TableFormat, text: &str) -> Result<Vec<Event>, String> {
        let (mut events, mut wrong) = (Vec::new(), Vec::new());
        read(format, text.as_bytes(), "e", 3, &mut |line, event| {
            match event {
                Ok(event) => events.push(event),
                Err(reason) => wrong.push(format!("line {line}: {reason}")),
            }
            ControlFlow::Continue(())
        });
        if wrong.is_empty() { Ok(events) } else { Err(wrong.join("\n")) }
    }

    const CSV: &str = "\
unit,variant,at,metric,value,extra
u1,control,2026-11-24T00:00:00Z,,,x
u1,,2026-11-24T01:00:00Z,m,4.5,
u1,,2026-11-24T01:00:00Z,m,4.5,
\"u,2\",treatment,2026-11-24T00:00:00Z,m,1,
";

    #[test]
    fn what_is_written_is_read_back() {
        let mut events = read_all(TableFormat::Csv, CSV).unwrap();
        assert_eq!(events.len(), 5);
        // Equal rows are two outcomes; the same file again has the same ids.
        assert_ne!(events[1], events[2]);
        assert_eq!(events, read_all(TableFormat::Csv, CSV).unwrap());
        if let Event::Exposure(exposure) = &mut events[0] {
            exposure.unit = b"\xff\x00".to_vec();
        }
        for format in [TableFormat::Csv, TableFormat::Jsonl] {
            let mut bytes = Vec::new();
            let mut writer = TableWriter::new(format, &mut bytes).unwrap();
            events.iter().cloned().for_each(|event| writer.write(event).unwrap());
            writer.finish().unwrap();
            assert_eq!(read_all(format, &String::from_utf8(bytes).unwrap()).unwrap(), events, "{format:?}");
        }
    }

    #[test]
    fn an_empty_id_is_one_in_both_formats() {
        let events = read_all(TableFormat::Csv, "unit,variant,at\n,a,2026-11-24T00:00:00Z\n").unwrap();
        assert!(matches!(&events[..], [Event::Exposure(exposure)] if exposure.unit.is_empty()));
        let row = r#"{"unit":"","variant":"a","at":"2026-11-24T00:00:00Z"}"#;
        assert_eq!(read_all(TableFormat::Jsonl, row).unwrap(), events);
        let without = read_all(TableFormat::Csv, "unit_hex,variant,at\n,a,2026-11-24T00:00:00Z\n");
        assert_eq!(without.unwrap_err(), "line 2: there is no `unit`");
    }

    #[test]
    fn what_is_not_read_is_named() {
        let unread =
            |format, text: &str| read(format, text.as_bytes(), "e", 3, &mut |_, _| ControlFlow::Continue(()));
        let at = "2026-11-24T00:00:00Z";
        let csv = format!("unit,variant,at,event_id,uid,id\nu,a,{at},1,2,3\n");
        let expected = Unread::from([("event_id".to_owned(), 1), ("uid".to_owned(), 1)]);
        assert_eq!(unread(TableFormat::Csv, &csv), expected);
        let jsonl = [
            r#"{"unit":"u","variant":"a","at":"AT"}"#,
            r#"{"unit":"u","variant":"a","at":"AT","event_id":{"a":1}}"#,
        ];
        let jsonl = jsonl.join("\n").replace("AT", at);
        assert_eq!(unread(TableFormat::Jsonl, &jsonl), Unread::from([("event_id".to_owned(), 2)]));
        assert_eq!(unread(TableFormat::Csv, CSV), Unread::from([("extra".to_owned(), 1)]));
    }

    #[test]
    fn a_bad_row_is_named() {
        let refused = |text: &str| read_all(TableFormat::Jsonl, text).unwrap_err();
        insta::assert_snapshot!(
            [
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\"}"),
                refused("\n{\"unit\":\"u\",\"at\":\"today\",\"variant\":\"a\"}"),
                refused("{\"at\":\"2026-11-24T00:00:00Z\",\"variant\":\"a\"}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"metric\":\"a b\",\"value\":1}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"metric\":\"a\"}"),
                refused("{\"unit_hex\":\"abc\",\"at\":\"2026-11-24T00:00:00Z\",\"metric\":\"a\"}"),
                refused("{\"unit\":\"u1\",\"unit_hex\":\"7532\",\"at\":\"2026-11-24T00:00:00Z\",\"variant\":\"a\"}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"metric\":\"a\",\"value\":1,\"id\":\"x\",\"id_hex\":\"78\"}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"metric\":\"a\",\"value\":1,\"id_hex\":\"x\"}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"variant\":\"a\",\"phase\":0}"),
                refused("{\"unit\":\"u\",\"at\":\"2026-11-24T00:00:00Z\",\"variant\":\"a\",\"phse\":2}"),
                read_all(TableFormat::Csv, "unit,variant,at,idd\nu,a,2026-11-24T00:00:00Z,1\n").unwrap_err(),
                refused("nothing"),
                read_all(TableFormat::Csv, "unit,value\nu,seven\n").unwrap_err(),
                read_all(
                    TableFormat::Csv,
                    "unit,at,metric,value\n\"u\n1\",2026-11-24T00:00:00Z,m,1\nu,2026-11-24T00:00:00Z,m,seven\nu,,m,1,1\n"
                )
                .unwrap_err(),
            ]
            .join("\n")
        );
    }
}
