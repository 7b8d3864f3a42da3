use std::net::SocketAddr;
use std::time::Duration;

use promptassay_mock_llm::{BindError, Counters, RawServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::client::{exchange, http, question, raw_server, request_bytes, script};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn all_four_formats_are_answered_on_one_port() {
    let server = raw_server(json!({"default": {"answer": {"text": "Hi!"}}})).await;
    let table = [
        ("/gateway/v1/chat/completions", question("x"), "/choices/0/message/content"),
        ("/v1/responses", json!({"model": "m", "input": "x"}), "/output/0/content/0/text"),
        (
            "/v1/messages",
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}),
            "/content/0/text",
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"parts": [{"text": "x"}]}]}),
            "/candidates/0/content/parts/0/text",
        ),
    ];
    for (path, body, pointer) in table {
        let response = http().post(format!("{}{path}", server.uri())).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body.pointer(pointer), Some(&json!("Hi!")), "{path}: {body}");
    }
    server.counters().assert_calls(4);
}

#[tokio::test]
async fn health_and_counters_are_pages_and_no_calls() {
    let server = raw_server(json!({"default": {"answer": {"text": "Hi!"}}})).await;
    let get = async |path: &str| http().get(format!("{}{path}", server.uri())).send().await.unwrap();
    assert_eq!(get("/health").await.json::<Value>().await.unwrap(), json!({"status": "ok"}));
    let response = http().post(format!("{}{CHAT}", server.uri())).json(&question("x")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let counters: Counters = get("/counters").await.json().await.unwrap();
    assert_eq!(counters, server.counters());
    counters.assert_calls(1);
    assert_eq!((counters.refused, counters.peak_in_flight), (0, Some(1)));
    assert_eq!(get("/nowhere").await.status(), 404);
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let server = raw_server(json!({"default": {"answer": {"reset": {}}}})).await;
    let mut stream = TcpStream::connect(server.uri().trim_start_matches("http://")).await.unwrap();
    stream.write_all(&request_bytes("x", "keep-alive")).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(server.counters().resets, 1);

    let sent = http().post(format!("{}{CHAT}", server.uri())).json(&question("x")).send().await;
    assert!(sent.is_err_and(|error| error.is_request()));
}

#[tokio::test]
async fn a_cut_body_promises_more_than_it_sends() {
    let server = raw_server(json!({"default": {"answer": {"cut_body": {"keep": 0.5}}}})).await;
    let answer = exchange(server.uri(), &request_bytes("x", "keep-alive")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), promised.parse::<usize>().unwrap() / 2);
    assert_eq!(server.counters().cut_bodies, 1);

    let response = http().post(format!("{}{CHAT}", server.uri())).json(&question("x")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_huge_body_arrives_whole() {
    let server = raw_server(json!({"default": {"answer": {"huge_body": {"bytes": 5_000_000}}}})).await;
    let response = http().post(format!("{}{CHAT}", server.uri())).json(&question("x")).send().await.unwrap();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["choices"][0]["message"]["content"].as_str().unwrap().len(), 5_000_000);
}

#[tokio::test]
async fn requests_on_one_connection_may_come_in_any_pieces() {
    let server = raw_server(json!({"default": {"answer": {"template": "{call}:{last_user_message}"}}})).await;
    let mut bytes = request_bytes("one", "keep-alive");
    bytes.extend(request_bytes("two", "keep-alive"));
    bytes.extend(request_bytes("three", "close"));
    for piece in [1, 7, 100, bytes.len()] {
        let mut stream = TcpStream::connect(server.uri().trim_start_matches("http://")).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for part in bytes.chunks(piece) {
            stream.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let positions: Vec<usize> =
            [":one", ":two", ":three"].iter().map(|part| answer.find(part).expect(part)).collect();
        assert!(positions.is_sorted(), "pieces of {piece}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "pieces of {piece}");
    }
    server.counters().assert_calls(12);
}

#[tokio::test]
async fn a_client_that_waits_for_continue_gets_it() {
    let server = raw_server(json!({"default": {"answer": {"text": "Hi!"}}})).await;
    let mut stream = TcpStream::connect(server.uri().trim_start_matches("http://")).await.unwrap();
    let body = question("x").to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\ncontent-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_the_server_lives_on() {
    let server = raw_server(json!({"default": {"answer": {"text": "Hi!"}}})).await;
    let chunked = format!("POST {CHAT} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    for (bytes, status) in [("\u{0}nonsense\r\n\r\n", "400"), (&chunked, "411")] {
        let answer = exchange(server.uri(), bytes.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let answer = exchange(server.uri(), &request_bytes("x", "close")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    server.counters().assert_calls(1);
}

#[tokio::test]
async fn the_peak_of_calls_in_flight_is_what_the_clients_had_open() {
    let server =
        raw_server(json!({"default": {"answer": {"text": "Hi!"}, "delay": {"fixed": "200ms"}}})).await;
    let (client, url) = (http(), format!("{}{CHAT}", server.uri()));
    for _ in 0..2 {
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            calls.spawn(client.post(&url).json(&question("x")).send());
        }
        while let Some(call) = calls.join_next().await {
            assert_eq!(call.unwrap().unwrap().status(), 200);
        }
    }
    let counters = server.counters();
    counters.assert_calls(16);
    assert!(counters.peak_in_flight.is_some_and(|peak| (1..=8).contains(&peak)), "{counters:?}");
}

#[tokio::test]
async fn many_clients_together_get_exactly_the_scripted_faults() {
    let faulty = json!({
        "seed": 7,
        "faults": [
            {"share": 0.2, "answer": {"rate_limited": {}}},
            {"share": 0.05, "answer": {"reset": {}}},
            {"share": 0.05, "answer": {"server_error": {}}},
            {"share": 0.01, "answer": {"garbage": {}}},
        ],
        "default": {"answer": {"text": "ok"}},
    });
    let run = async || {
        let server = raw_server(faulty.clone()).await;
        let client = http();
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            let (client, url) = (client.clone(), format!("{}{CHAT}", server.uri()));
            clients.spawn(async move {
                for _ in 0..50 {
                    // A reset is an error for the client; the counters tell.
                    let _ = client.post(&url).json(&question("x")).send().await;
                }
            });
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        let counters = server.counters();
        (counters.calls, counters.answered_by)
    };
    let (calls, answered_by) = run().await;
    assert_eq!(calls, 400);
    assert!(answered_by.values().all(|&count| count > 0), "{answered_by:?}");
    assert_eq!(run().await, (calls, answered_by));
}

#[tokio::test]
async fn the_server_ends_when_it_is_told_to() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server =
        RawServer::bind(anywhere, script(json!({"default": {"answer": {"text": "Hi!"}}}))).await.unwrap();
    let (address, counters) = (server.local_addr(), server.counters());
    let (stop, stopped) = oneshot::channel::<()>();
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(async { stopped.await.unwrap() }));
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(&request_bytes("x", "keep-alive")).await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    stop.send(()).unwrap();
    tasks.join_next().await.unwrap().unwrap();
    let mut rest = Vec::new();
    // The connection ends, cleanly or not.
    let ended = tokio::time::timeout(Duration::from_mins(1), idle.read_to_end(&mut rest)).await;
    assert!(ended.is_ok());
    assert!(TcpStream::connect(address).await.is_err());
    counters.read().assert_calls(1);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let server = raw_server(json!({})).await;
    let taken: SocketAddr = server.uri().trim_start_matches("http://").parse().unwrap();
    let error: BindError = RawServer::bind(taken, script(json!({}))).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("the mock server cannot listen on {taken}: ")), "{error}");
}
