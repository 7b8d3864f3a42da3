//! Answers that do not end.

use std::io::Write;
use std::process::Command;

use super::sandbox;
use super::server::{Asked, Server};
use crate::live::KEY;
use crate::sandbox::{Sandbox, Seen};

const GIGABYTE: u64 = 1 << 30;

/// Runs `eval` with no more address space than so many KiB: whoever keeps a gigabyte is ended by the system. The unit is what `sh`
/// counts in.
fn eval_within(sandbox: &Sandbox, kibibytes: u64) -> Seen {
    let binary = assert_cmd::cargo::cargo_bin!("promptassay");
    let script = format!("ulimit -v {kibibytes} && exec \"$0\" eval --attempts 1 --no-cache --timeout 60s");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(binary).current_dir(sandbox.path(".")).env("TEST_KEY", KEY);
    Seen::of(command.env("NO_PROXY", "127.0.0.1").env_remove("CI"))
}

/// The same bytes until there are so many.
fn pour(
    to: &mut dyn Write,
    bytes: u64,
    frame: impl Fn(&mut dyn Write, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let block = vec![b'a'; 64 * 1024];
    for _ in 0..bytes / block.len() as u64 {
        frame(to, &block)?;
    }
    Ok(())
}

const OPENING: &str = r#"{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":""#;

#[test]
fn a_reply_of_a_gigabyte_is_an_error_that_costs_no_gigabyte() {
    type Answer = fn(&mut Asked<'_>) -> std::io::Result<()>;
    let answers: [(&str, Answer); 4] = [
        ("one that says how long it is", |asked| {
            write!(asked.to, "HTTP/1.1 200 OK\r\ncontent-length: {GIGABYTE}\r\n\r\n{OPENING}")?;
            pour(asked.to, GIGABYTE, |to, block| to.write_all(block))
        }),
        ("one in pieces that never says", |asked| {
            asked.to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
            write!(asked.to, "{:x}\r\n{OPENING}\r\n", OPENING.len())?;
            pour(asked.to, GIGABYTE, |to, block| {
                write!(to, "{:x}\r\n", block.len())?;
                to.write_all(block)?;
                to.write_all(b"\r\n")
            })
        }),
        ("a failure", |asked| {
            write!(asked.to, "HTTP/1.1 500 No\r\ncontent-length: {GIGABYTE}\r\n\r\n")?;
            pour(asked.to, GIGABYTE, |to, block| to.write_all(block))
        }),
        ("a head", |asked| {
            asked.to.write_all(b"HTTP/1.1 200 OK\r\nx-request-id: ")?;
            pour(asked.to, GIGABYTE, |to, block| to.write_all(block))
        }),
    ];
    for (what, answer) in answers {
        let server = Server::start(answer);
        let sandbox = sandbox(&server.row());
        let seen = eval_within(&sandbox, 768 * 1024);
        assert_eq!(seen.code, Some(4), "{what}: {}", seen.shown());
        assert!(!seen.stderr.contains("memory"), "{what}: {}", seen.shown());
        // Of a failure its beginning is enough.
        let said = ["longer than 16777216 bytes", "connection failed: ", "the server failed:"];
        assert!(said.iter().any(|text| seen.stdout.contains(text)), "{what}: {}", seen.shown());
        // Two versions are asked; of each answer no more is taken than is read, and what the system buffers on the way.
        assert!(server.sent() < 128 << 20, "{what}: {} bytes were taken", server.sent());
        let kept: usize = super::bytes(&sandbox, ".promptassay").values().map(Vec::len).sum();
        assert!(kept < 1 << 20, "{what}: {kept} bytes were kept");
    }
}
