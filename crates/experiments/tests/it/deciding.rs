//! Who decides about phases does so alone: of many that look whether something runs before they start, one starts.

use std::sync::Barrier;

use promptassay_experiments::store::{Location, Phase, Store, open};
use promptassay_registry::digest::Digest;

use crate::postgres_server::PostgresServer;
use crate::stores::at;

const DECIDERS: usize = 6;

const ROUNDS: usize = 10;

fn phase() -> Phase {
    Phase {
        phase: 1,
        allocation: Digest::of("a"),
        rules: None,
        exposure_millionths: 1_000_000,
        planned_units: 1000,
        prompt: Some("greet".into()),
        started_at: at(0),
        stopped: None,
    }
}

/// Starts an experiment where none runs, and says whether it did.
fn start(store: &mut dyn Store, experiment: &str) -> bool {
    store.begin_deciding().unwrap();
    let is_first = store.begun().unwrap().is_empty();
    if is_first {
        assert!(store.put_phase(experiment, &phase()).unwrap());
    }
    store.end_deciding().unwrap();
    is_first
}

/// Stops what runs, and says whether it did.
fn stop(store: &mut dyn Store, reason: &str) -> bool {
    store.begin_deciding().unwrap();
    let running = store.begun().unwrap().pop_first();
    let is_first = running.is_some_and(|(experiment, phase)| {
        store.put_phase(&experiment, &Phase { stopped: Some((at(1), reason.into())), ..phase }).unwrap()
    });
    store.end_deciding().unwrap();
    is_first
}

fn one_decides(location: &Location) {
    for round in 0..ROUNDS {
        let [started, stopped] = [start as fn(&mut dyn Store, &str) -> bool, stop].map(|decide| {
            let together = Barrier::new(DECIDERS);
            let decided = |number: usize| {
                let mut store = open(location).unwrap();
                together.wait();
                decide(store.as_mut(), &format!("{round}-{number}"))
            };
            std::thread::scope(|scope| {
                let deciders: Vec<_> =
                    (0..DECIDERS).map(|number| scope.spawn(move || (number, decided(number)))).collect();
                deciders
                    .into_iter()
                    .map(|decider| decider.join().unwrap())
                    .filter(|(_, first)| *first)
                    .count()
            })
        });
        assert_eq!((started, stopped), (1, 1));
        assert!(open(location).unwrap().begun().unwrap().is_empty());
    }
    let mut store = open(location).unwrap();
    let stopped = store.phases_on("greet").unwrap();
    assert!(stopped.len() == ROUNDS && stopped.iter().all(|(_, phase)| phase.stopped.is_some()));
    assert!(stopped.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(store.phases_on("another").unwrap().is_empty());
}

/// Whoever is gone before the end has put nothing, and keeps nobody waiting.
fn who_gives_up_has_put_nothing(location: &Location) {
    let mut gone = open(location).unwrap();
    gone.begin_deciding().unwrap();
    gone.put_phase("given up", &phase()).unwrap();
    // Whoever looks meanwhile waits for nobody.
    assert!(open(location).unwrap().phases("given up").unwrap().is_empty());
    drop(gone);
    assert!(start(open(location).unwrap().as_mut(), "next"));
    assert!(open(location).unwrap().phases("given up").unwrap().is_empty());
}

#[test]
fn one_decides_in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("e.db"));
    one_decides(&location);
    who_gives_up_has_put_nothing(&location);
}

#[test]
fn one_decides_in_postgresql() {
    let Some(server) = PostgresServer::start() else { return };
    let location = Location::parse(&server.database("deciding")).unwrap();
    one_decides(&location);
    who_gives_up_has_put_nothing(&location);
}
