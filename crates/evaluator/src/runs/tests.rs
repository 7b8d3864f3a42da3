//! Finding, making and removing runs.

#![expect(clippy::disallowed_methods, reason = "files of a test need not survive a power cut")]

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

fn file(id: &str) -> RunFile {
    RunFile {
        schema: 1,
        id: id.parse().unwrap(),
        tool: "promptassay 0.1.0".to_owned(),
        started_at: "2026-11-23T04:00:00Z".parse().unwrap(),
        seed: 7,
        shard: None,
        blessed: BTreeMap::new(),
        merged_from: Vec::new(),
        rescored_from: None,
        asked_anew: serde::de::IgnoredAny,
        asking: Asking::default(),
        prompts_directory: None,
        prices: BTreeMap::default(),
        trials: 0,
        trials_sha256: promptassay_registry::digest::Digest::of(""),
        prompts: Vec::new(),
        remarks: Vec::new(),
    }
}

const FIRST: &str = "019aae2f-3a51-7c04-a1c2-6d2f6f1b7a10";
const SECOND: &str = "019aae2f-4000-7c04-a1c2-6d2f6f1b7a10";

fn two() -> (TempDir, Runs) {
    let directory = TempDir::new().unwrap();
    let runs = Runs::new(directory.path().join("runs"));
    runs.create(&mut file(FIRST)).unwrap();
    runs.create(&mut file(SECOND)).unwrap();
    std::fs::create_dir(directory.path().join("runs/notes")).unwrap();
    (directory, runs)
}

#[test]
fn a_run_is_found_by_its_id_by_its_beginning_and_as_the_latest() {
    let (_directory, runs) = two();
    let found = |reference: &str| runs.find(reference).map(|run| run.file().unwrap().id.to_string());
    assert_eq!(found("latest").unwrap(), SECOND);
    assert_eq!(found("latest~0").unwrap(), SECOND);
    assert_eq!(found("latest~1").unwrap(), FIRST);
    assert!(matches!(found("latest~2"), Err(FindError::TooFarBack { runs: 2, .. })));
    assert_eq!(found(FIRST).unwrap(), FIRST);
    assert_eq!(found("019aae2f-3").unwrap(), FIRST);
    assert!(
        matches!(found("019aae2f"), Err(FindError::Ambiguous { candidates, .. }) if candidates.len() == 2)
    );
    for unknown in ["", "latest~", "latest~x", "latest1", "notes", "02", ".."] {
        assert!(matches!(found(unknown), Err(FindError::Unknown { .. })), "{unknown}");
    }
    assert_eq!(runs.list().unwrap().len(), 2);
}

#[test]
fn a_new_run_is_the_latest_even_if_the_clock_went_backwards() {
    let directory = TempDir::new().unwrap();
    let runs = Runs::new(directory.path());
    runs.create(&mut file(SECOND)).unwrap();
    let moved = runs.create(&mut file(FIRST)).unwrap();
    assert_eq!(moved.file().unwrap().id.as_str(), "019aae2f-4001-7c04-a1c2-6d2f6f1b7a10");
    assert_eq!(runs.find("latest").unwrap(), moved);
}

#[test]
fn without_a_directory_there_is_no_run() {
    let directory = TempDir::new().unwrap();
    let runs = Runs::new(directory.path().join("none"));
    assert!(matches!(runs.find("latest"), Err(FindError::Empty { .. })));
    assert_eq!(runs.list().unwrap(), []);
}

#[test]
fn a_run_is_described_once() {
    let (_directory, runs) = two();
    assert!(matches!(runs.create(&mut file(FIRST)), Err(CreateError::Write(WriteError::Exists { .. }))));
}

#[test]
fn what_is_removed_is_gone_and_what_is_under_way_stays() {
    let (_directory, runs) = two();
    let run = runs.find(FIRST).unwrap();
    let lock = run.lock().unwrap();
    assert!(matches!(run.clone().remove(), Err(RemoveError::UnderWay(_))));
    drop(lock);
    run.remove().unwrap();
    assert!(matches!(runs.find(FIRST), Err(FindError::Unknown { .. })));
    assert_eq!(runs.list().unwrap().len(), 1);
}

#[test]
fn a_run_that_was_killed_before_it_was_described_can_be_removed_and_is_never_the_latest() {
    const KILLED: &str = "019aae2f-5000-7c04-a1c2-6d2f6f1b7a10";
    let (_directory, runs) = two();
    let id: RunId = KILLED.parse().unwrap();
    assert_eq!(id.time().unwrap().as_millisecond(), 0x019a_ae2f_5000);
    std::fs::create_dir(runs.directory_of(&id)).unwrap();
    assert_eq!(runs.undescribed().unwrap(), std::slice::from_ref(&id));
    assert_eq!(runs.find("latest").unwrap().file().unwrap().id.as_str(), SECOND);
    for reference in [KILLED, "019aae2f-5"] {
        assert!(matches!(runs.find(reference), Err(FindError::Undescribed { .. })), "{reference}");
    }
    let run = runs.find_to_remove("019aae2f-5").unwrap();
    let lock = run.lock().unwrap();
    assert!(matches!(run.clone().remove(), Err(RemoveError::UnderWay(_))));
    drop(lock);
    run.remove().unwrap();
    assert!(!runs.directory_of(&id).exists());
    assert_eq!(runs.undescribed().unwrap(), []);
}

#[test]
fn what_one_removes_is_named_so_that_no_run_of_either_kind_is_meant_beside_it() {
    const KILLED: &str = "019aae2f-3b00-7c04-a1c2-6d2f6f1b7a10";
    let (_directory, runs) = two();
    std::fs::create_dir(runs.directory_of(&KILLED.parse().unwrap())).unwrap();
    let candidates = |reference: &str| match runs.find_to_remove(reference) {
        Err(FindError::Ambiguous { candidates, .. }) => candidates.len(),
        _ => 0,
    };
    assert_eq!((candidates("019aae2f-3"), candidates("019aae2f")), (2, 3));
    for (reference, id) in
        [("019aae2f-3a", FIRST), ("019aae2f-3b", KILLED), (KILLED, KILLED), ("latest", SECOND)]
    {
        assert!(runs.find_to_remove(reference).unwrap().path().ends_with(id), "{reference}");
    }
    for unknown in ["", "02", "notes", ".."] {
        assert!(matches!(runs.find_to_remove(unknown), Err(FindError::Unknown { .. })), "{unknown}");
    }
}

#[test]
fn of_a_run_that_was_removed_only_what_somebody_put_there_is_left_and_it_is_no_run() {
    let (_directory, runs) = two();
    let run = runs.find(FIRST).unwrap();
    let (path, note) = (run.path().to_owned(), run.path().join("notes.txt"));
    std::fs::write(&note, "mine").unwrap();
    assert_eq!(run.remove().unwrap(), Some(note.clone()));
    assert_eq!(std::fs::read_to_string(&note).unwrap(), "mine");
    assert_eq!(runs.undescribed().unwrap(), []);
    assert!(matches!(runs.find_to_remove(FIRST), Err(FindError::Unknown { .. })));
    // With a journal it is one that was killed, whatever else is there.
    std::fs::write(path.join("events.jsonl"), "").unwrap();
    assert_eq!(runs.undescribed().unwrap().len(), 1);
}

#[test]
fn a_file_of_another_time_is_refused_by_its_schema() {
    let (directory, runs) = two();
    let path = directory.path().join("runs").join(FIRST).join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 2, \"new\": true")).unwrap();
    let error = runs.find(FIRST).unwrap().file().unwrap_err();
    assert!(error.to_string().contains("has schema 2"), "{error}");
    std::fs::write(&path, text.replace("\"seed\"", "\"sead\"")).unwrap();
    let error = runs.find(FIRST).unwrap().file().unwrap_err();
    assert!(error.to_string().contains("unknown field `sead`"), "{error}");
    // What an earlier program wrote, and nobody needs.
    std::fs::write(&path, text.replace("\"seed\"", "\"asked_anew\": [\"default\"], \"seed\"")).unwrap();
    assert_eq!(runs.find(FIRST).unwrap().file().unwrap(), file(FIRST));
}

#[test]
fn only_a_uuid_of_version_7_is_an_id() {
    for bad in ["", "latest", "019aae2f-3a51-4c04-a1c2-6d2f6f1b7a10", "019AAE2F-3A51-7C04-A1C2-6D2F6F1B7A10"]
    {
        assert!(bad.parse::<RunId>().is_err(), "{bad}");
    }
}

#[test]
fn any_bytes_make_an_id() {
    for byte in [0x00, 0x5a, 0xff] {
        let id = RunId::from_version_7([byte; 16]);
        assert_eq!(id.as_str().parse::<RunId>().unwrap(), id);
    }
}
