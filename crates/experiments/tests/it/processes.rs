//! Several processes record into one SQLite store: nothing is lost, nothing counts twice, not even when one is killed.

use std::process::{Command, Stdio};

use jiff::Timestamp;
use promptassay_experiments::recorder::{Recorder, RecorderSettings};
use promptassay_experiments::store::{Population, SqliteStore, Store as _};

use crate::stores::{exposure, outcome};

/// Set for the processes that this test starts of itself: path, number of the writer, events.
const WRITER: &str = "PROMPTASSAY_TEST_WRITER";

/// What a started process does; nothing where no process was started by us.
#[test]
fn writer() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a process that this test starts is told its part by the environment"
    )]
    let Ok(part) = std::env::var(WRITER) else { return };
    let mut part = part.split('|');
    let path = part.next().unwrap();
    let [number, events] = [(); 2].map(|()| part.next().unwrap().parse::<u64>().unwrap());
    let store = SqliteStore::open(path.as_ref()).unwrap();
    let recorder = Recorder::start(Box::new(store), RecorderSettings::default()).unwrap();
    for index in 0..events / 2 {
        let unit = format!("w{number}-{index}");
        recorder.record(exposure(&unit, if index % 2 == 0 { "control" } else { "treatment" }, 1)).unwrap();
        recorder.record(outcome(&unit, "m", 1.0, 2, "one")).unwrap();
    }
    recorder.shutdown().unwrap();
}

fn eight_processes(events: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("e.db");
    let each = events / 8;
    let start = |number: u64| {
        Command::new(std::env::current_exe().unwrap())
            .args(["processes::writer", "--exact", "--test-threads=1"])
            .env(WRITER, format!("{}|{number}|{each}", path.display()))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut killed = start(0);
    let running: Vec<_> = (1..8).map(start).collect();
    // One is killed wherever it is, and does its work again from the beginning.
    killed.kill().unwrap();
    killed.wait().unwrap();
    let again = start(0);
    for mut process in running.into_iter().chain([again]) {
        assert!(process.wait().unwrap().success());
    }
    let mut store = SqliteStore::open(&path).unwrap();
    let everybody = Population { experiment: "e", phase: 1, until: Timestamp::MAX };
    let units: u64 = store.arms(everybody).unwrap().units.iter().map(|(_, units)| units).sum();
    let outcomes: u64 = store.series(everybody).unwrap().iter().map(|row| row.count).sum();
    assert_eq!((units, outcomes), (each / 2 * 8, each / 2 * 8));
}

#[test]
fn eight_processes_lose_and_repeat_nothing() {
    eight_processes(16_000);
}

/// `cargo test --release -p promptassay-experiments --test it -- --ignored eight_processes`
#[test]
#[ignore = "a million events take a while"]
fn eight_processes_with_a_million_events() {
    eight_processes(1_000_000);
}
