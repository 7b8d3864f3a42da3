//! Requests per second of the raw server over keep-alive connections on the loopback interface, with the load
//! generator in the same process: `cargo bench -p promptassay-mock-llm`.
//!
//! The generator is as light as it can be (prepared bytes, no parsing beyond the length), so that on a small machine
//! the number says something about the server. It is measured, never asserted.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells benchmarks by an argument that it is not a test run"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use promptassay_mock_llm::{RawServer, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const CONNECTIONS: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let length = if is_bench { Duration::from_secs(5) } else { Duration::from_millis(50) };
    let scripts = [
        ("one text", json!({"default": {"answer": {"text": "We are open from 9 to 5."}}})),
        (
            "faults, 20 rules, template, counts per request",
            json!({
                "draw_per": "request",
                "faults": [
                    {"share": 0.2, "answer": {"rate_limited": {"retry_after": "1s"}}},
                    {"share": 0.05, "answer": {"server_error": {}}},
                ],
                "rules": (0..20).map(|index| json!({
                    "when": {"last_user_message": {"regex": format!("refund {index}$")}},
                    "answer": {"text": "x"},
                })).collect::<Vec<Value>>(),
                "default": {"answer": {"template": "{call}: {last_user_message}"}},
            }),
        ),
    ];
    for (name, script) in scripts {
        let (requests, elapsed) = measure(Script::from_json(script)?, length)?;
        let rate = requests as f64 / elapsed.as_secs_f64();
        println!(
            "{name}: {requests} requests in {:.2} s over {CONNECTIONS} connections: {rate:.0}/s",
            elapsed.as_secs_f64()
        );
    }
    Ok(())
}

fn measure(script: Script, length: Duration) -> Result<(u64, Duration), Box<dyn std::error::Error>> {
    let server_runtime = Runtime::new()?;
    let server = server_runtime.block_on(RawServer::bind(SocketAddr::from(([127, 0, 0, 1], 0)), script))?;
    let (address, counters) = (server.local_addr(), server.counters());
    let _running = {
        let _context = server_runtime.enter();
        server.start()
    };
    let load_runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = Instant::now();
    let until = started + length;
    let requests = load_runtime.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            clients.spawn(client(address, until));
        }
        clients.join_all().await.into_iter().sum::<std::io::Result<u64>>()
    })?;
    let elapsed = started.elapsed();
    assert_eq!(counters.read().calls, requests, "the server counted other calls than were made");
    Ok((requests, elapsed))
}

/// Asks one question after the other until the time is over.
async fn client(address: SocketAddr, until: Instant) -> std::io::Result<u64> {
    let messages = json!([
        {"role": "system", "content": "You are an expert support agent for TechCorp. Answer in two sentences."},
        {"role": "user", "content": "What are your business hours, and do you open on public holidays?"},
    ]);
    let body = json!({"model": "gpt-6-luna", "messages": messages, "max_completion_tokens": 300}).to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer key\r\naccept: */*\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(8 << 10);
    let mut requests = 0;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await?;
        input.clear();
        while !is_whole(&input) {
            if stream.read_buf(&mut input).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        requests += 1;
    }
    Ok(requests)
}

fn is_whole(input: &[u8]) -> bool {
    let head_length = input.windows(4).position(|window| window == b"\r\n\r\n").map(|position| position + 4);
    let Some(head_length) = head_length else { return false };
    let head = String::from_utf8_lossy(&input[..head_length]);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    input.len() >= head_length + length
}
