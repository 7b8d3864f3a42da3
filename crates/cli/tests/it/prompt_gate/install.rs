//! How the action comes by the program.

use std::fs;
use std::process::Command;

use super::World;

const ARCHIVE: &str = "promptassay-x86_64-unknown-linux-musl.tar.gz";

/// An archive as a release has it; the program in it only says its version.
fn archive(world: &World) -> Vec<u8> {
    world.sandbox.write("temporary/pack/promptassay", "#!/bin/sh\necho promptassay 9.9.9\n");
    world.sandbox.write("temporary/pack/README.md", "How to begin.\n");
    let pack = world.sandbox.path("temporary/pack");
    let run = |command: &mut Command| assert!(command.current_dir(&pack).status().unwrap().success());
    run(Command::new("chmod").args(["+x", "promptassay"]));
    run(Command::new("tar").args(["-czf", ARCHIVE, "README.md", "promptassay"]));
    fs::read(pack.join(ARCHIVE)).unwrap()
}

fn digest(world: &World) -> String {
    let pack = world.sandbox.path("temporary/pack");
    let output = Command::new("sha256sum").arg(pack.join(ARCHIVE)).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

#[test]
fn a_release_is_downloaded_and_compared_with_its_checksum() {
    let Some(world) = World::new() else { return };
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        skipped!("SKIPPED: the archive of this test is for Linux on x86_64");
        return;
    }
    let bytes = archive(&world);
    let digest = digest(&world);
    world.github.serve_file(&format!("/releases/v9.9.9/{ARCHIVE}"), bytes);
    let job = || {
        let from = format!("{}/releases/v9.9.9", world.github.url());
        world.job().with("binary", "").with("download-from", &from)
    };
    let installs = |job: super::Job| {
        let done = job.run();
        (done.log.contains("promptassay 9.9.9\n"), done)
    };

    let (installed, done) = installs(job());
    assert!(!installed && done.code == 2, "there are no checksums yet: {}", done.log);

    world.github.serve_file("/releases/v9.9.9/SHA256SUMS", format!("{}  {ARCHIVE}\n", "0".repeat(64)));
    let (installed, done) = installs(job());
    assert!(!installed && done.code == 2, "{}", done.log);
    assert!(done.commands()[0].contains("has the SHA-256"), "{}", done.log);

    world.github.serve_file("/releases/v9.9.9/SHA256SUMS", format!("{digest}  {ARCHIVE}\n"));
    let (installed, done) = installs(job());
    assert!(installed, "{}", done.log);

    // Whoever pins a digest trusts the release's own list no more.
    let (installed, done) = installs(job().with("sha256", &"1".repeat(64)));
    assert!(!installed && done.code == 2, "{}", done.log);
    let (installed, done) = installs(job().with("sha256", &digest));
    assert!(installed, "{}", done.log);
}

#[test]
fn without_a_program_it_is_said_what_to_name() {
    let Some(world) = World::new() else { return };
    let done = world.job().with("binary", "").run();
    done.assert(2, "invalid");
    assert!(done.commands()[0].contains("promptassay is not on the PATH"), "{}", done.log);
    let done = world.job().with("binary", "no/such/program").run();
    done.assert(2, "invalid");
}
