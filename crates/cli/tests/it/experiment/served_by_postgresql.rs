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
