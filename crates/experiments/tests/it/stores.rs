//! What every store promises, asked of both.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use promptassay_experiments::event::{Event, Exposure, Outcome};
use promptassay_experiments::recorder::{RecordError, Recorder, RecorderSettings, WhenFull};
use promptassay_experiments::store::{
    Arms, Conflict, Location, MOST_CONFLICTS, Phase, Population, SeriesRow, SqliteStore, Store, StoreError,
    UnitRow, Window, Written, open, open_to_look,
};
use promptassay_registry::digest::Digest;

use crate::postgres_server::PostgresServer;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn exposure(unit: &str, variant: &str, seconds: i64) -> Event {
    Event::Exposure(Exposure {
        experiment: "e".into(),
        phase: 1,
        unit: unit.into(),
        variant: variant.into(),
        at: at(seconds),
    })
}

pub(crate) fn outcome(unit: &str, series: &str, value: f64, seconds: i64, id: &str) -> Event {
    Event::Outcome(Outcome {
        experiment: "e".into(),
        unit: unit.into(),
        series: series.into(),
        value,
        at: at(seconds),
        id: id.into(),
    })
}

fn everybody() -> Population<'static> {
    Population::as_of("e", 1, Timestamp::MAX)
}

fn units(store: &mut dyn Store, series: &str, window: Window) -> Vec<(String, u64, f64, bool)> {
    let mut rows = Vec::new();
    store
        .units(everybody(), series, window, &mut |row| {
            rows.push((row.variant.to_owned(), row.count, row.sum, row.any));
        })
        .unwrap();
    rows
}

/// The same questions and answers for every store.
fn keeps_its_promises(store: &mut dyn Store) {
    let row = |variant: &str, count, sum: f64, any| (variant.to_owned(), count, sum, any);
    // Nothing is there.
    assert_eq!(store.arms(everybody()).unwrap().units, []);
    assert_eq!(store.nth_exposure(everybody(), 1).unwrap(), None);
    assert!(units(store, "m", Window::After(None)).is_empty());

    let events = [
        outcome("b", "m", 9.0, 5, "before"),
        exposure("b", "control", 20),
        exposure("b", "control", 10),
        exposure("a", "treatment", 30),
        outcome("b", "m", 1.5, 10, "1"),
        outcome("b", "m", 2.0, 19, "2"),
        outcome("b", "m", 100.0, 20, "late"),
        outcome("a", "other", 1.0, 31, "1"),
        exposure("both", "control", 40),
        exposure("both", "treatment", 50),
        outcome("nobody", "m", 1.0, 60, "1"),
        exposure("c\0\u{e9}", "control", 70),
        outcome("c\0\u{e9}", "m", 0.0, 71, "1"),
    ];
    let written = store.write(&events).unwrap();
    // Whether the earlier of two equal exposures counts as written depends on how a store writes a batch.
    assert_eq!((written.exposures, written.outcomes, written.earlier + written.repeated), (5, 7, 1));
    // Everything once more changes nothing, and a later exposure of the same kind neither.
    let again = store.write(&events).unwrap();
    assert_eq!(again, Written { repeated: events.len() as u64, ..Written::default() });
    assert_eq!(store.write(&[exposure("a", "treatment", 90)]).unwrap().exposures, 0);

    let arms = store.arms(everybody()).unwrap();
    assert_eq!(arms.units, [("control".to_owned(), 2), ("treatment".to_owned(), 1)]);
    assert_eq!((arms.crossovers, arms.span), (1, Some((at(10), at(70)))));
    let mut served = Vec::new();
    store
        .served(everybody(), &mut |unit, variant| served.push((unit.to_owned(), variant.to_owned())))
        .unwrap();
    served.sort();
    let one = |unit: &str, variant: &str| (unit.as_bytes().to_owned(), variant.to_owned());
    assert_eq!(served, [one("a", "treatment"), one("b", "control"), one("c\0\u{e9}", "control")]);
    let early = Population { until: at(30), ..everybody() };
    assert_eq!(store.arms(early).unwrap().units, [("control".to_owned(), 1), ("treatment".to_owned(), 1)]);
    let nth = |store: &mut dyn Store, number| store.nth_exposure(everybody(), number).unwrap();
    // Until it was served the other variant as well, `both` was the third one.
    assert_eq!([1, 2, 3].map(|number| nth(store, number)), [Some(at(10)), Some(at(30)), Some(at(40))]);
    assert_eq!(nth(store, 4), None);

    // In the order of the bytes of the ids: a, b, c.
    let seconds = |seconds| Window::After(Some(SignedDuration::from_secs(seconds)));
    assert_eq!(
        units(store, "m", seconds(10)),
        [row("treatment", 0, 0.0, false), row("control", 2, 3.5, true), row("control", 1, 0.0, false)]
    );
    assert_eq!(units(store, "m", Window::After(None))[1], row("control", 3, 103.5, true));
    assert_eq!(units(store, "m", Window::Before)[1], row("control", 1, 9.0, true));
    assert_eq!(units(store, "never", Window::After(None)).len(), 3);

    assert_eq!(store.unexposed(everybody()).unwrap(), 1);
    let first = |store: &mut dyn Store, unit: &str| {
        let Population { experiment, phase, .. } = everybody();
        store.first_exposure(experiment, phase, unit.as_bytes()).unwrap()
    };
    let found = ["b", "both", "nobody"].map(|unit| first(store, unit));
    assert_eq!(found, [Some(at(10)), Some(at(40)), None]);
    let series = store.series(everybody()).unwrap();
    assert_eq!(series.len(), 2);
    let control = &series[0];
    assert_eq!((control.series.as_str(), control.variant.as_str(), control.count), ("m", "control", 4));
    assert_eq!((control.mean, control.min, control.max), (103.5 / 4.0, 0.0, 100.0));

    let mut back = Vec::new();
    store.events("e", &mut |event| back.push(event)).unwrap();
    // Of two equal exposures one is left.
    assert_eq!(back.len(), events.len() - 1);
    assert!(back.contains(&exposure("b", "control", 10)) && !back.contains(&exposure("b", "control", 20)));
    assert!(back.contains(&outcome("c\0\u{e9}", "m", 0.0, 71, "1")));

    known_ids(store);
    what_comes_later_changes_no_answer(store);
    an_outcome_counts_in_one_phase(store);
    phases(store);
    reading_sees_one_moment(store);
    assert!(store.write(&[outcome("a", "m", f64::NAN, 1, "nan")]).is_err());
}

/// Everything that is answered about a population.
fn answers(store: &mut dyn Store, population: Population<'_>) -> String {
    let mut rows = Vec::new();
    store.served(population, &mut |unit, variant| rows.push(format!("{unit:?} {variant}"))).unwrap();
    rows.sort();
    for window in [Window::After(None), Window::After(Some(SignedDuration::from_secs(60))), Window::Before] {
        store.units(population, "m", window, &mut |row| rows.push(format!("{row:?}"))).unwrap();
    }
    let nth: Vec<_> = (1..5).map(|number| store.nth_exposure(population, number).unwrap()).collect();
    let cut = store.cut_short(population, SignedDuration::from_secs(60)).unwrap();
    let (arms, unexposed) = (store.arms(population).unwrap(), store.unexposed(population).unwrap());
    format!("{rows:?} {nth:?} {cut} {arms:?} {unexposed} {:?}", store.series(population).unwrap())
}

/// As of a moment is by what was known then.
fn what_comes_later_changes_no_answer(store: &mut dyn Store) {
    let of = |mut event: Event, phase: u32| {
        match &mut event {
            Event::Exposure(exposure) => (exposure.experiment, exposure.phase) = ("later".into(), phase),
            Event::Outcome(outcome) => outcome.experiment = "later".into(),
        }
        event
    };
    let before = [
        of(exposure("a", "control", 0), 1),
        of(exposure("b", "treatment", 10), 1),
        of(exposure("c", "control", 20), 1),
        of(outcome("a", "m", 1.0, 5, "1"), 1),
        of(outcome("b", "m", 2.0, 50, "2"), 1),
        // One that crossed over in time.
        of(exposure("d", "control", 25), 1),
        of(exposure("d", "treatment", 30), 1),
    ];
    store.write(&before).unwrap();
    let then = Population::as_of("later", 1, at(50));
    let known = answers(store, then);
    for event in [
        of(exposure("a", "treatment", 51), 1),
        of(exposure("e", "control", 52), 1),
        of(exposure("b", "treatment", 53), 2),
        of(outcome("a", "m", 4.0, 54, "3"), 1),
        of(outcome("e", "m", 4.0, 55, "4"), 1),
        of(outcome("nobody", "m", 4.0, 56, "5"), 1),
    ] {
        store.write(std::slice::from_ref(&event)).unwrap();
        assert_eq!(answers(store, then), known, "{event:?}");
    }
    let now = Population::as_of("later", 1, at(60));
    let arms = store.arms(now).unwrap();
    assert_eq!((arms.crossovers, store.unexposed(now).unwrap()), (2, 1));
    // The third one had come before the first crossed over, and stays the third.
    assert_eq!(store.nth_exposure(now, 3).unwrap(), Some(at(20)));
    // A look at the units of before by what is known now.
    let settled = Population { until: at(50), ..now };
    assert_eq!(store.arms(settled).unwrap().crossovers, 2);
    let row = store.series(settled).unwrap().into_iter().map(|row| row.count).collect::<Vec<_>>();
    assert_eq!(row, [1]);
}

/// What comes under an id that is there with another value is counted apart, and changes nothing.
fn an_outcome_counts_in_one_phase(store: &mut dyn Store) {
    let of_phase = |number: u32, unit: &str, seconds: i64| {
        Event::Exposure(Exposure {
            experiment: "two".into(),
            phase: number,
            unit: unit.into(),
            variant: "control".into(),
            at: at(seconds),
        })
    };
    let outcome = |unit: &str, value: f64, seconds: i64| {
        let Event::Outcome(outcome) = outcome(unit, "m", value, seconds, &seconds.to_string()) else {
            unreachable!("an outcome is one")
        };
        Event::Outcome(Outcome { experiment: "two".into(), ..outcome })
    };
    let events = [
        of_phase(1, "again", 0),
        of_phase(2, "again", 20),
        of_phase(3, "again", 40),
        of_phase(1, "once", 0),
        outcome("again", 1.0, 10),
        outcome("again", 2.0, 20),
        outcome("again", 4.0, 39),
        outcome("again", 8.0, 40),
        outcome("once", 16.0, 45),
    ];
    store.write(&events).unwrap();
    let population = |phase| Population::as_of("two", phase, at(1000));
    let mut sums = |phase: u32, window: Window| {
        let mut sums = Vec::new();
        store.units(population(phase), "m", window, &mut |row| sums.push(row.sum)).unwrap();
        sums
    };
    let minute = Window::After(Some(SignedDuration::from_secs(60)));
    assert_eq!([1, 2, 3].map(|phase| sums(phase, minute)), [vec![1.0, 16.0], vec![6.0], vec![8.0]]);
    assert_eq!(
        [1, 2, 3].map(|phase| sums(phase, Window::After(None))),
        [vec![1.0, 16.0], vec![6.0], vec![8.0]]
    );
    assert_eq!([1, 2, 3].map(|phase| sums(phase, Window::Before)), [vec![0.0, 0.0], vec![1.0], vec![7.0]]);
    let mut counts = |phase| store.series(population(phase)).unwrap().first().map_or(0, |row| row.count);
    assert_eq!([1, 2, 3].map(&mut counts), [2, 2, 1]);
    let mut cut =
        |phase, seconds| store.cut_short(population(phase), SignedDuration::from_secs(seconds)).unwrap();
    assert_eq!([cut(1, 20), cut(1, 21), cut(2, 60), cut(3, 60)], [0, 1, 1, 0]);
}

fn known_ids(store: &mut dyn Store) {
    let written = |store: &mut dyn Store, events: &[Event]| store.write(events).unwrap();
    let [first, at_another_time] = [5, 6].map(|at| outcome("k", "m", 1.0, at, "known"));
    let other = |value| outcome("k", "m", value, 7, "known");
    let conflict = |event, kept| {
        let Event::Outcome(outcome) = event else { unreachable!() };
        Conflict { outcome, kept }
    };
    // Within a batch: the first one stands, a retry at another time is the same, whatever the order.
    let batch = [first.clone(), other(7.0), at_another_time.clone(), outcome("k", "m", 7.0, 7, "new")];
    let expected = Written {
        outcomes: 2,
        repeated: 1,
        conflicting: 1,
        conflicts: vec![conflict(other(7.0), 1.0)],
        ..Written::default()
    };
    assert_eq!(written(store, &batch), expected);
    // Against what is there, also where the batch begins with the other value.
    let batch = [other(7.0), first.clone(), other(1.0), other(8.0), exposure("k", "control", 9)];
    let expected = Written {
        exposures: 1,
        repeated: 2,
        conflicting: 2,
        conflicts: vec![conflict(other(7.0), 1.0), conflict(other(8.0), 1.0)],
        ..Written::default()
    };
    assert_eq!(written(store, &batch), expected);
    for (at, earlier) in [(8, 1), (10, 0), (7, 1)] {
        let expected = Written { earlier, repeated: 1 - earlier, ..Written::default() };
        assert_eq!(written(store, &[exposure("k", "control", at)]), expected, "{at}");
    }
    let mut back = Vec::new();
    store.events("e", &mut |event| back.push(event)).unwrap();
    assert!(back.contains(&first) && back.contains(&exposure("k", "control", 7)), "{back:?}");
    assert!(!back.contains(&other(7.0)));
    // All are counted, and a few are named.
    let many: Vec<Event> = (0..50).map(|index| other(f64::from(index) + 10.0)).collect();
    let conflicts = written(store, &many);
    assert_eq!((conflicts.conflicting, conflicts.conflicts.len()), (50, MOST_CONFLICTS));
}

fn phases(store: &mut dyn Store) {
    let first = Phase {
        phase: 1,
        allocation: Digest::of("a"),
        rules: Some(Digest::of("r")),
        exposure_millionths: 100_000,
        planned_units: 1000,
        prompt: Some("greet".into()),
        started_at: at(0),
        stopped: None,
    };
    let second = Phase { phase: 2, stopped: Some((at(9), "because".into())), ..first.clone() };
    assert!(store.put_phase("e", &second).unwrap() && store.put_phase("e", &first).unwrap());
    let wider = Phase { exposure_millionths: 200_000, ..first };
    assert!(store.put_phase("e", &wider).unwrap());
    assert_eq!(store.phases("e").unwrap(), [wider, second.clone()]);
    // A stop is never overwritten: not by who had read the phase before it, and not by another stop.
    for late in [None, Some((at(10), "another".to_owned()))] {
        assert!(!store.put_phase("e", &Phase { stopped: late, ..second.clone() }).unwrap());
        assert_eq!(store.phases("e").unwrap()[1], second);
    }
    assert_eq!(store.phases("none").unwrap(), []);
    // An experiment whose last phase was stopped has not begun, whatever was forgotten of the one before.
    assert_eq!(store.begun().unwrap(), BTreeMap::new());
    let third = Phase { phase: 3, ..store.phases("e").unwrap()[0].clone() };
    store.put_phase("f", &third).unwrap();
    assert_eq!(store.begun().unwrap(), BTreeMap::from([("f".to_owned(), third)]));
}

fn reading_sees_one_moment(store: &mut dyn Store) {
    store.begin_reading().unwrap();
    assert_eq!(store.arms(everybody()).unwrap().units.len(), 2);
    store.end_reading().unwrap();
    store.write(&[exposure("z", "control", 99)]).unwrap();
}

#[test]
fn sqlite_keeps_its_promises() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/e.db");
    keeps_its_promises(&mut SqliteStore::open(&path).unwrap());
    keeps_its_promises(&mut SqliteStore::in_memory().unwrap());
    // What was written is there for whoever opens it next.
    assert_eq!(SqliteStore::open(&path).unwrap().arms(everybody()).unwrap().crossovers, 1);
}

/// One that fails may not take away what another has begun, so nobody begins in a file that is there and is no store yet.
#[test]
fn a_new_file_is_a_whole_store_as_soon_as_it_is_there() {
    for _ in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/e.db");
        let make = &|number: u32| {
            let mut store = open(&Location::Sqlite(path.clone())).unwrap();
            store.write(&[exposure(&format!("u{number}"), "control", 1)]).unwrap();
        };
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3).map(|number| scope.spawn(move || make(number))).collect();
            while makers.iter().any(|maker| !maker.is_finished()) {
                if let Ok(found) = std::fs::metadata(&path) {
                    assert!(found.len() > 0);
                }
                std::thread::yield_now();
            }
        });
        let arms = SqliteStore::open(&path).unwrap().arms(everybody()).unwrap();
        assert_eq!(arms.units, [("control".to_owned(), 3)]);
        assert_eq!(std::fs::read_dir(directory.path().join("new")).unwrap().count(), 1);
    }
}

const BACK_TO_FORMAT_1: &str = "ALTER TABLE phases DROP COLUMN rules; ALTER TABLE phases DROP COLUMN prompt";

/// A phase that a store of format 1 kept.
fn survives_the_new_format(store: &mut dyn Store) {
    let old = store.phases("e").unwrap();
    assert_eq!(old.len(), 2);
    assert!(old.iter().all(|phase| phase.rules.is_none() && phase.planned_units == 1000));
    assert!(store.begun().unwrap().values().all(|phase| phase.prompt.is_none() && phase.phase == 3));
    assert_eq!(store.begun().unwrap().len(), 1);
    assert_eq!(store.arms(everybody()).unwrap().crossovers, 1);
}

#[test]
fn a_sqlite_store_of_an_older_program_is_brought_up_to_date_and_one_of_a_newer_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("e.db");
    keeps_its_promises(&mut SqliteStore::open(&path).unwrap());
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(&format!("{BACK_TO_FORMAT_1}; PRAGMA user_version = 1;")).unwrap();
    survives_the_new_format(&mut SqliteStore::open(&path).unwrap());
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(&format!("{BACK_TO_FORMAT_1}; PRAGMA user_version = 1;")).unwrap();
    // Whoever only looks leaves it as it is.
    let bytes = std::fs::read(&path).unwrap();
    let mut looking = SqliteStore::open_to_look(&path).unwrap();
    survives_the_new_format(&mut looking);
    assert!(looking.write(&[exposure("u", "control", 1)]).is_err());
    drop(looking);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert!(SqliteStore::open_to_look(&directory.path().join("nowhere.db")).is_err());
    assert!(!directory.path().join("nowhere.db").exists());
    database.execute_batch("PRAGMA user_version = 99").unwrap();
    assert!(matches!(SqliteStore::open_to_look(&path), Err(StoreError::TooNew { .. })));
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert_eq!(error, "the store has the format 99; this promptassay knows formats up to 3");
}

/// A volume is often mounted elsewhere, and what leads to its file is a link; SQLite keeps the log beside the file itself.
#[cfg(unix)]
#[test]
fn what_is_in_the_log_only_is_seen_through_a_link_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("volume")).unwrap();
    std::os::unix::fs::symlink("volume/e.db", path("link.db")).unwrap();
    std::os::unix::fs::symlink("link.db", path("behind.db")).unwrap();
    // It stays open, so nothing is moved from the log into the file.
    let mut writer = SqliteStore::open(&path("volume/e.db")).unwrap();
    phases(&mut writer);
    for name in ["volume/e.db", "link.db", "behind.db"] {
        let mut looking = SqliteStore::open_to_look(&path(name)).unwrap();
        assert_eq!(looking.begun().unwrap(), writer.begun().unwrap(), "{name}");
    }
}

#[test]
fn a_postgresql_store_of_an_older_program_is_brought_up_to_date_and_one_of_a_newer_is_refused() {
    let Some(server) = PostgresServer::start() else { return };
    let location = Location::parse(&server.database("older")).unwrap();
    keeps_its_promises(open(&location).unwrap().as_mut());
    let Location::Postgres(config) = &location else { unreachable!("a server has no path") };
    let mut database = config.connect(postgres::NoTls).unwrap();
    database.batch_execute("SET search_path TO promptassay").unwrap();
    database.batch_execute(&format!("{BACK_TO_FORMAT_1}; UPDATE format SET format = 1")).unwrap();
    // Whoever only looks leaves it as it is.
    let mut looking = open_to_look(&location).unwrap();
    survives_the_new_format(looking.as_mut());
    assert!(looking.write(&[exposure("u", "control", 1)]).is_err());
    let found: i64 = database.query_one("SELECT format FROM format", &[]).unwrap().get(0);
    assert_eq!(found, 1);
    survives_the_new_format(open(&location).unwrap().as_mut());
    database.batch_execute("UPDATE format SET format = 99").unwrap();
    assert!(matches!(open_to_look(&location), Err(StoreError::TooNew { .. })));
    let error = open(&location).err().unwrap().to_string();
    assert_eq!(error, "the store has the format 99; this promptassay knows formats up to 3");
}

#[test]
fn looking_into_a_postgresql_database_without_tables_makes_none() {
    let Some(server) = PostgresServer::start() else { return };
    let location = Location::parse(&server.database("empty")).unwrap();
    assert_eq!(open_to_look(&location).unwrap().phases("e").unwrap(), []);
    let Location::Postgres(config) = &location else { unreachable!("a server has no path") };
    let mut database = config.connect(postgres::NoTls).unwrap();
    let made: i64 = database
        .query_one("SELECT count(*) FROM pg_namespace WHERE nspname = 'promptassay'", &[])
        .unwrap()
        .get(0);
    assert_eq!(made, 0);
}

#[test]
fn postgresql_keeps_its_promises() {
    let Some(server) = PostgresServer::start() else { return };
    let location = Location::parse(&server.database("promises")).unwrap();
    keeps_its_promises(open(&location).unwrap().as_mut());
    assert_eq!(open(&location).unwrap().arms(everybody()).unwrap().crossovers, 1);
    // Several writers at once, in different orders, end with the same rows.
    let shared = Location::parse(&server.database("shared")).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                let mut store = open(shared).unwrap();
                for batch in 0..20 {
                    let events: Vec<Event> = (0..50)
                        .map(|index| if writer % 2 == 0 { index } else { 49 - index })
                        .flat_map(|index| {
                            let unit = format!("u{}", batch * 50 + index);
                            [exposure(&unit, "control", writer), outcome(&unit, "m", 1.0, 9, "one")]
                        })
                        .collect();
                    store.write(&events).unwrap();
                }
            });
        }
    });
    let mut store = open(&shared).unwrap();
    assert_eq!(store.arms(everybody()).unwrap().units, [("control".to_owned(), 1000)]);
    assert_eq!(store.series(everybody()).unwrap()[0].count, 1000);
}

#[test]
fn a_store_that_cannot_be_opened_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let error = open(&Location::Sqlite(directory.path().to_owned())).err().unwrap().to_string();
    assert!(error.contains(directory.path().to_str().unwrap()), "{error}");
    let file = directory.path().join("file");
    promptassay_registry::files::write_atomic(&file, b"a file").unwrap();
    let error = open(&Location::Sqlite(file.join("data/e.db"))).err().unwrap().to_string();
    assert!(error.ends_with(&format!("{} is a file, and no directory", file.display())), "{error}");
    let nowhere = Location::parse("postgres://ada:s3cret@127.0.0.1:1/none?sslmode=disable").unwrap();
    let error = open(&nowhere).err().unwrap().to_string();
    assert!(error.contains("postgres://ada@127.0.0.1:1/none") && !error.contains("s3cret"), "{error}");
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada@127.0.0.1:{}/none", silent.local_addr().unwrap().port());
    for url in [format!("{url}?sslmode=disable"), url] {
        let location = Location::parse(&url).unwrap().within(std::time::Duration::from_millis(250));
        for opened in [open(&location), open_to_look(&location)] {
            let error = opened.err().unwrap().to_string();
            assert!(error.ends_with("cannot be opened: the server does not answer within 0.25 s"), "{error}");
        }
    }
}

/// A password must not be said to whoever answers that there is no encryption.
#[test]
fn where_encryption_is_asked_for_nothing_is_said_without_it() {
    use std::io::{Read as _, Write as _};
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://ada:s3cret@127.0.0.1:{}/none", server.local_addr().unwrap().port());
    let heard = std::thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        let mut request = [0; 8];
        client.read_exact(&mut request).unwrap();
        client.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        rest
    });
    let error = open(&Location::parse(&format!("{url}?sslmode=require")).unwrap()).err().unwrap().to_string();
    assert_eq!(heard.join().unwrap(), b"");
    assert!(error.contains("server does not support TLS") && !error.contains("s3cret"), "{error}");
}

/// Somebody changes the tables, and does not come to an end.
#[test]
fn a_server_that_stalls_in_mid_question_is_given_up() {
    let Some(server) = PostgresServer::start() else { return };
    let url = server.database("stalled");
    let location = Location::parse(&format!("{url}&connect_timeout=1")).unwrap();
    let mut recording = open(&location).unwrap();
    recording.write(&[exposure("u", "control", 1)]).unwrap();
    let mut looking = open_to_look(&location).unwrap();
    let Location::Postgres(config) = &location else { unreachable!("a server has no path") };
    let mut somebody = config.connect(postgres::NoTls).unwrap();
    let mut locking = somebody.transaction().unwrap();
    locking.batch_execute("LOCK TABLE promptassay.phases, promptassay.exposures").unwrap();
    for error in [
        looking.begun().unwrap_err(),
        // What was asked last may still be under way, so nothing else is asked.
        looking.phases("e").unwrap_err(),
        recording.write(&[exposure("v", "control", 1)]).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.starts_with(&format!("the store {location} does not answer")), "{error}");
    }
    drop(locking);
    // What waited for a lock is given up by the server as well, and what is asked later is answered.
    recording.write(&[exposure("w", "control", 1)]).unwrap();
    assert_eq!(recording.arms(everybody()).unwrap().units, [("control".to_owned(), 2)]);
}

#[test]
fn a_recorder_writes_everything_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("e.db");
    let settings = RecorderSettings { queue: 7, batch: 5, ..RecorderSettings::default() };
    let recorder = Recorder::start(Box::new(SqliteStore::open(&path).unwrap()), settings).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                for index in 0..100 {
                    recorder.record(exposure(&format!("{writer}-{index}"), "control", index)).unwrap();
                }
            });
        }
    });
    assert_eq!(recorder.flush().unwrap().written.exposures, 400);
    recorder.record(exposure("last", "control", 1)).unwrap();
    let recorded = recorder.shutdown().unwrap();
    assert_eq!((recorded.written.exposures, recorded.dropped), (401, 0));
    assert_eq!(SqliteStore::open(&path).unwrap().arms(everybody()).unwrap().units[0].1, 401);
}

/// A store that is stuck until it is let go, and then refuses.
struct Stuck {
    gate: std::sync::mpsc::Receiver<()>,
    inner: SqliteStore,
}

impl Store for Stuck {
    fn write(&mut self, events: &[Event]) -> Result<Written, StoreError> {
        self.gate.recv().unwrap();
        self.inner.write(events)
    }
    fn phases(&mut self, experiment: &str) -> Result<Vec<Phase>, StoreError> {
        self.inner.phases(experiment)
    }
    fn begun(&mut self) -> Result<BTreeMap<String, Phase>, StoreError> {
        self.inner.begun()
    }
    fn phases_on(&mut self, prompt: &str) -> Result<Vec<(String, Phase)>, StoreError> {
        self.inner.phases_on(prompt)
    }
    fn put_phase(&mut self, experiment: &str, phase: &Phase) -> Result<bool, StoreError> {
        self.inner.put_phase(experiment, phase)
    }
    fn begin_deciding(&mut self) -> Result<(), StoreError> {
        self.inner.begin_deciding()
    }
    fn end_deciding(&mut self) -> Result<(), StoreError> {
        self.inner.end_deciding()
    }
    fn begin_reading(&mut self) -> Result<(), StoreError> {
        self.inner.begin_reading()
    }
    fn end_reading(&mut self) -> Result<(), StoreError> {
        self.inner.end_reading()
    }
    fn arms(&mut self, population: Population<'_>) -> Result<Arms, StoreError> {
        self.inner.arms(population)
    }
    fn served(
        &mut self,
        population: Population<'_>,
        visit: &mut dyn FnMut(&[u8], &str),
    ) -> Result<(), StoreError> {
        self.inner.served(population, visit)
    }
    fn nth_exposure(
        &mut self,
        population: Population<'_>,
        number: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.nth_exposure(population, number)
    }
    fn units(
        &mut self,
        population: Population<'_>,
        series: &str,
        window: Window,
        visit: &mut dyn FnMut(UnitRow<'_>),
    ) -> Result<(), StoreError> {
        self.inner.units(population, series, window, visit)
    }
    fn cut_short(&mut self, population: Population<'_>, window: SignedDuration) -> Result<u64, StoreError> {
        self.inner.cut_short(population, window)
    }
    fn series(&mut self, population: Population<'_>) -> Result<Vec<SeriesRow>, StoreError> {
        self.inner.series(population)
    }
    fn unexposed(&mut self, population: Population<'_>) -> Result<u64, StoreError> {
        self.inner.unexposed(population)
    }

    fn first_exposure(
        &mut self,
        experiment: &str,
        phase: u32,
        unit: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.first_exposure(experiment, phase, unit)
    }
    fn events(&mut self, experiment: &str, visit: &mut dyn FnMut(Event)) -> Result<(), StoreError> {
        self.inner.events(experiment, visit)
    }
}

#[test]
fn a_full_queue_drops_and_counts_where_that_is_asked_for() {
    let (open_gate, gate) = std::sync::mpsc::channel();
    let store = Stuck { gate, inner: SqliteStore::in_memory().unwrap() };
    let settings =
        RecorderSettings { queue: 3, batch: 1, when_full: WhenFull::Drop, ..RecorderSettings::default() };
    let recorder = Recorder::start(Box::new(store), settings).unwrap();
    for index in 0..20 {
        recorder.record(exposure(&index.to_string(), "control", 1)).unwrap();
    }
    for _ in 0..20 {
        open_gate.send(()).unwrap();
    }
    let recorded = recorder.shutdown().unwrap();
    assert_eq!(recorded.written.exposures + recorded.dropped, 20);
    assert!(recorded.dropped >= 16, "{recorded:?}");
}

#[test]
fn a_store_that_refuses_is_reported_with_what_is_lost() {
    let recorder =
        Recorder::start(Box::new(SqliteStore::in_memory().unwrap()), RecorderSettings::default()).unwrap();
    recorder.record(outcome("a", "m", f64::INFINITY, 1, "1")).unwrap();
    let error = recorder.flush().unwrap_err();
    assert!(matches!(&error, RecordError::Store { lost: 1, .. }), "{error}");
    assert!(recorder.record(exposure("a", "control", 1)).is_err());
    assert!(recorder.shutdown().is_err());
}
