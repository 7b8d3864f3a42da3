//! Names the commit that the binary is built from, for `--version`: `PROMPTASSAY_COMMIT` where it is set (a source archive has no
//! repository), else what git says.

use std::path::Path;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "a build script is told everything by its environment")]
fn main() {
    println!("cargo::rerun-if-env-changed=PROMPTASSAY_COMMIT");
    let commit = std::env::var("PROMPTASSAY_COMMIT")
        .ok()
        .or_else(|| git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| is_ours()));
    // What HEAD names moves with each commit; its log tells.
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    let version = commit.map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=PROMPTASSAY_VERSION={version}");
}

/// Whether the repository is that of these sources, and not one in which a source archive was unpacked.
#[expect(clippy::disallowed_methods, reason = "a build script is told everything by its environment")]
fn is_ours() -> bool {
    // Of this build, and not of the one that compiled this script: a directory of builds may be shared or moved.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let root = Path::new(&manifest).join("../..").canonicalize().ok();
    let top = git(&["rev-parse", "--show-toplevel"]).and_then(|top| Path::new(&top).canonicalize().ok());
    root.is_some() && root == top
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
