//! What is exported is what the store holds: brought back it changes nothing, brought elsewhere it makes the same store.

use std::ops::ControlFlow;

use jiff::Timestamp;
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::store::{SqliteStore, Store, Written};
use promptassay_experiments::table::{TableFormat, TableWriter, read};
use proptest::collection::vec;
use proptest::prelude::*;

fn exported(store: &mut dyn Store, format: TableFormat) -> String {
    let mut bytes = Vec::new();
    let mut writer = TableWriter::new(format, &mut bytes).unwrap();
    store.events("e", &mut |event| writer.write(event).unwrap()).unwrap();
    writer.finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn imported(store: &mut dyn Store, format: TableFormat, table: &str) -> Written {
    let mut events = Vec::new();
    let _ = read(format, table.as_bytes(), "e", 1, &mut |line, event| {
        events.push(event.unwrap_or_else(|reason| panic!("line {line}: {reason}")));
        ControlFlow::Continue(())
    });
    store.write(&events).unwrap()
}

/// Ids that a user chose, that a program drew, and those that lie between: control characters, hexadecimal digits, nothing.
fn ids() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-c0-1,\" =]{0,3}".prop_map(String::into_bytes),
        "(0x)?[0-9a-f]{0,4}".prop_map(String::into_bytes),
        "[\u{0}\u{7}\n\r\u{1b}\u{85}\u{feff}é]{1,2}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..4),
        vec(any::<u8>(), 24),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let at = (0..2_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_microsecond(micros).unwrap());
    let exposure = (ids(), "[ab]", 1..3_u32, at.clone()).prop_map(|(unit, variant, phase, at)| {
        Event::Exposure(Exposure { experiment: "e".into(), phase, unit, variant, at })
    });
    let value = any::<f64>().prop_filter("a value is finite", |value| value.is_finite());
    let outcome = (ids(), "[mn]", value, at, ids()).prop_map(|(unit, series, value, at, id)| {
        Event::Outcome(Outcome { experiment: "e".into(), unit, series, value, at, id })
    });
    vec(prop_oneof![exposure, outcome], 0..30)
}

proptest! {
    #[test]
    fn an_export_is_the_store(events in events()) {
        for format in [TableFormat::Csv, TableFormat::Jsonl] {
            let mut store = SqliteStore::in_memory().unwrap();
            store.write(&events).unwrap();
            let table = exported(&mut store, format);
            prop_assert!(!table.chars().any(|letter| letter.is_control() && letter != '\n'), "{table:?}");
            let again = imported(&mut store, format, &table);
            let nothing_new = Written { repeated: again.repeated, ..Written::default() };
            prop_assert_eq!(again, nothing_new, "{}", table);
            let mut elsewhere = SqliteStore::in_memory().unwrap();
            imported(&mut elsewhere, format, &table);
            prop_assert_eq!(exported(&mut elsewhere, format), table);
        }
    }
}

#[test]
fn outcomes_without_an_id_come_back_as_those_that_they_are() {
    let table =
        "unit,variant,metric,value,at\nu1,control,m,1,2026-11-02T00:00:00Z\nu1,,m,1,2026-11-02T00:00:00Z\n";
    let mut store = SqliteStore::in_memory().unwrap();
    imported(&mut store, TableFormat::Csv, table);
    let back = exported(&mut store, TableFormat::Csv);
    insta::assert_snapshot!(back);
    // Neither way round is anything new: the table where the export is, nor the export where the table is.
    let mut restored = SqliteStore::in_memory().unwrap();
    imported(&mut restored, TableFormat::Csv, &back);
    for (store, table) in [(&mut store, back.as_str()), (&mut restored, table)] {
        assert_eq!(imported(store, TableFormat::Csv, table), Written { repeated: 3, ..Written::default() });
    }
}
