//! Several processes record into one SQLite store: nothing is lost, nothing counts twice, not even when one is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

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

/// Set for a process that is to be killed: path, milliseconds of the batch window.
const VICTIM: &str = "PROMPTASSAY_TEST_VICTIM";

/// Records and flushes some events, then records more and waits to be killed.
#[test]
fn victim() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a process that this test starts is told its part by the environment"
    )]
    let Ok(part) = std::env::var(VICTIM) else { return };
    let (path, window) = part.split_once('|').unwrap();
    let store = SqliteStore::open(path.as_ref()).unwrap();
    let window = Duration::from_millis(window.parse().unwrap());
    let recorder =
        Recorder::start(Box::new(store), RecorderSettings { window, ..RecorderSettings::default() }).unwrap();
    for index in 0..FLUSHED {
        recorder.record(exposure(&format!("flushed-{index}"), "control", 1)).unwrap();
    }
    recorder.flush().unwrap();
    for index in 0..LATER {
        recorder.record(exposure(&format!("later-{index}"), "control", 1)).unwrap();
    }
    // The parent reads this line, and then nothing more.
    eprintln!("recorded");
    loop {
        std::thread::park();
    }
}

const FLUSHED: u64 = 2500;
const LATER: u64 = 40;

/// Kills a process as soon as it has recorded everything and `done` is satisfied with what is in the store.
fn killed(window: Duration, done: impl Fn(u64) -> bool) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("e.db");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["processes::victim", "--exact", "--nocapture", "--test-threads=1"])
        .env(VICTIM, format!("{}|{}", path.display(), window.as_millis()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "recorded"));
    let units = || {
        let arms = SqliteStore::open(&path).unwrap().arms(everybody()).unwrap();
        arms.units.iter().map(|(_, units)| units).sum()
    };
    while !done(units()) {
        std::thread::yield_now();
    }
    // SIGKILL: nothing of the process runs any more.
    victim.kill().unwrap();
    victim.wait().unwrap();
    units()
}

#[test]
fn a_killed_process_loses_no_more_than_the_last_batch_window() {
    // The window is over for nobody but those that were flushed: these are there, and at most the others are not.
    let kept = killed(Duration::from_hours(1), |_| true);
    assert_eq!(kept, FLUSHED);
    // Without a flush everything is there as soon as the window has passed.
    let kept = killed(Duration::from_millis(5), |units| units == FLUSHED + LATER);
    assert_eq!(kept, FLUSHED + LATER);
}

fn everybody() -> Population<'static> {
    Population::as_of("e", 1, Timestamp::MAX)
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
    let units: u64 = store.arms(everybody()).unwrap().units.iter().map(|(_, units)| units).sum();
    let outcomes: u64 = store.series(everybody()).unwrap().iter().map(|row| row.count).sum();
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
