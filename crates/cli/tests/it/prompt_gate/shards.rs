//! A matrix of shards and the job that merges what they left.

use std::fs;
use std::path::{Path, PathBuf};

use super::World;
use super::action::Done;

/// Runs the shards, and lays out what they would upload as the merging job would download it.
fn run_shards(world: &World, shards: usize) -> (PathBuf, Vec<Done>) {
    let downloads = world.sandbox.path("temporary/downloads");
    let _ = fs::remove_dir_all(&downloads);
    let run = |index: usize| {
        let temporary = world.sandbox.path(&format!("temporary/shard-{index}"));
        let job = world.job().with("shard", &format!("{index}/{shards}")).in_directory(&temporary);
        let done = job.run();
        for part in ["state", "reports", "runs"] {
            upload(
                &temporary.join("prompt-gate").join(part),
                &downloads.join(format!("prompt-gate-shard-{index}")).join(part),
            );
        }
        done
    };
    let done = (1..=shards).map(run).collect();
    (downloads, done)
}

/// An artifact has no hidden files and no empty directories.
fn upload(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name();
        if entry.path().is_dir() {
            upload(&entry.path(), &to.join(name));
        } else if !name.to_str().unwrap().starts_with('.') {
            fs::create_dir_all(to).unwrap();
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn merge(world: &World, downloads: &Path, shards: usize) -> Done {
    let job = world.job().with("merge", downloads.to_str().unwrap()).with("shards", &shards.to_string());
    job.run()
}

#[test]
fn shards_are_judged_together_and_comment_once() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    world.commit("be curt");
    let (downloads, done) = run_shards(&world, 3);
    for shard in &done {
        shard.assert(0, "asked");
        assert_eq!(shard.elsewhere, ["Restore replies", "Keep replies", "Upload"]);
    }
    assert!(world.github.take_calls().is_empty(), "a shard has nothing to say");
    let merged = merge(&world, &downloads, 3);
    merged.assert(1, "failed");
    assert_eq!(merged.elsewhere, ["Upload"]);
    // The shards have filled the cache.
    let whole = world.job().with("arguments", "--no-cache").run();
    whole.assert(1, "failed");
    assert_eq!(world.clean(&merged.summary), world.clean(&whole.summary));
    assert_eq!(world.github.own_comments().len(), 1);
}

#[test]
fn a_shard_that_left_nothing_is_not_one_that_had_nothing_to_do() {
    let Some(world) = World::new() else { return };
    let (downloads, done) = run_shards(&world, 2);
    for shard in &done {
        shard.assert(0, "unchanged");
    }
    merge(&world, &downloads, 2).assert(0, "unchanged");
    fs::remove_dir_all(downloads.join("prompt-gate-shard-2")).unwrap();
    let merged = merge(&world, &downloads, 2);
    merged.assert(4, "broken");
    assert!(
        merged.commands().iter().any(|line| line.contains("shard 2 of 2 left nothing behind")),
        "{}",
        merged.log
    );
}

#[test]
fn one_shard_and_more_shards_than_cases_work_too() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    for shards in [1, 6] {
        let (downloads, _) = run_shards(&world, shards);
        merge(&world, &downloads, shards).assert(0, "passed");
    }
}

#[test]
fn files_that_are_invalid_are_said_once() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("prompts/greet/v1.1.0.txt", "Greet {nmae}.\n");
    world.commit("a typing mistake");
    let (downloads, done) = run_shards(&world, 2);
    done[1].assert(2, "invalid");
    let merged = merge(&world, &downloads, 2);
    merged.assert(2, "invalid");
    assert!(merged.summary.contains("nmae"), "{}", merged.summary);
}

#[test]
fn a_shard_whose_run_is_lost_is_broken_and_not_invalid() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    let (downloads, _) = run_shards(&world, 2);
    fs::remove_dir_all(downloads.join("prompt-gate-shard-2/runs")).unwrap();
    let merged = merge(&world, &downloads, 2);
    merged.assert(4, "broken");
    assert!(
        merged.summary.contains("shard 2 of 2 left nothing behind: its run is not there"),
        "{}",
        merged.summary
    );
}
