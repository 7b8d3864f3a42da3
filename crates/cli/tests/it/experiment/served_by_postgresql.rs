//! What is served where the store is a server says what it says where the store is a file.

use super::{TRIAL, sandbox};
use crate::postgres_server::PostgresServer;

#[test]
fn an_experiment_that_runs_without_a_file_is_named_whichever_store_knows_it() {
    let Some(server) = PostgresServer::start() else { return };
    let database = server.database("gone");
    let said = |store: &str| {
        let sandbox = sandbox();
        assert_eq!(sandbox.run(&["experiment", "start", "trial", "--store", store]).code, Some(0));
        std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
        let resolved = sandbox.run(&["resolve", "greet", "--unit", "u2", "--store", store]).shown();
        // Without a unit nobody is asked.
        let seen = sandbox.run(&["resolve", "greet", "--store", store]);
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{}", seen.shown());
        resolved
    };
    let by_file = said("data/experiments.db");
    assert!(by_file.contains("phase 1 of `trial` runs, and its file is gone"), "{by_file}");
    assert_eq!(said(&database), by_file);
}

#[test]
fn an_outcome_that_a_silent_server_may_have_recorded_is_repeated_under_its_id() {
    let Some(server) = PostgresServer::start() else { return };
    let database = server.database("silent");
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial", "--store", &database]).code, Some(0));
    let mut other = postgres::Client::connect(&database, postgres::NoTls).unwrap();
    let mut held = other.transaction().unwrap();
    held.batch_execute("LOCK TABLE promptassay.outcomes").unwrap();
    let hurried = format!("{database}{}connect_timeout=1", if database.contains('?') { "&" } else { "?" });
    let outcome = ["record", "trial", "u1", "cost", "5", "--store"];
    let refused = sandbox.run(&[&outcome[..], &[&hurried]].concat());
    assert_eq!(refused.code, Some(4), "{}", refused.shown());
    let id =
        refused.stderr.split("`--id ").nth(1).and_then(|rest| rest.split('`').next()).unwrap().to_owned();
    held.rollback().unwrap();
    let again = [&outcome[..], &[&database, "--id", &id]].concat();
    assert_eq!(sandbox.run(&again).stdout, "recorded\n");
    assert_eq!(sandbox.run(&again).stdout, "was recorded before\n");
}
