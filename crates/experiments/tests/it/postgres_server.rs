//! A PostgreSQL server of our own, made from the machine's binaries and gone with the test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server that listens on a socket in its own directory only.
pub(crate) struct PostgresServer {
    process: Child,
    directory: TempDir,
}

/// The newest installed server.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").exists() && path.join("postgres").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, path)| path)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// A program as somebody who may run a server: PostgreSQL refuses to be root.
fn unprivileged(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

impl PostgresServer {
    /// Starts a server; `None`, said loudly, where the machine has none.
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            // Not `eprintln!`, which the test harness keeps to itself while a test passes.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no PostgreSQL below /usr/lib/postgresql, so its store is not tested here"
            );
            return None;
        };
        let directory = TempDir::new().unwrap();
        let data = directory.path().join("data");
        if is_root() {
            std::os::unix::fs::chown(directory.path(), Some(65534), Some(65534)).unwrap();
        }
        let made = unprivileged(&binaries.join("initdb"))
            .args([
                "--auth=trust",
                "--username=assay",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--pgdata",
            ])
            .arg(&data)
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let log = std::fs::OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(directory.path().join("log"))
            .unwrap();
        let process = unprivileged(&binaries.join("postgres"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", directory.path().display()))
            .arg("-D")
            .arg(&data)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { process, directory };
        server.wait_until_ready(&binaries);
        Some(server)
    }

    fn wait_until_ready(&self, binaries: &Path) {
        for _ in 0..600 {
            let asked = Command::new(binaries.join("pg_isready"))
                .arg("--quiet")
                .arg("--host")
                .arg(self.directory.path())
                .status()
                .unwrap();
            if asked.success() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        panic!("the server did not start within a minute: {log}");
    }

    /// The URL of a database of this server that nobody else has.
    pub(crate) fn database(&self, name: &str) -> String {
        let host = self.directory.path().display().to_string().replace('/', "%2F");
        let url = |database: &str| format!("postgres://assay@{host}/{database}?sslmode=disable");
        let mut client = postgres::Client::connect(&url("postgres"), postgres::NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        url(name)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // SIGINT to the server itself: it disconnects everybody and ends. `setpriv` replaced itself by it.
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.process.wait();
    }
}
