//! The part of GitHub that the gate talks to, on the loopback interface: the comments of one pull request, and files to download.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// The token that the server knows.
pub(super) const TOKEN: &str = "ghs_0f_a_test";
/// Who writes with it.
pub(super) const BOT: &str = "github-actions[bot]";

/// A server that listens until it is dropped.
pub(super) struct GitHub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    comments: Vec<Comment>,
    /// Methods and paths, in their order.
    calls: Vec<String>,
    is_read_only: bool,
    files: BTreeMap<String, Vec<u8>>,
    is_over: bool,
}

#[derive(Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) author: String,
    pub(super) body: String,
}

impl Comment {
    fn to_json(&self) -> Value {
        json!({"id": self.id, "user": {"login": self.author}, "body": self.body})
    }
}

impl GitHub {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().unwrap().is_over {
                    break;
                }
                // A client that goes away is none of the test's business.
                let _ = stream.and_then(|stream| serve(&stream, &shared));
            }
        });
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody else comments.
    pub(super) fn add_comment(&self, author: &str, body: &str) {
        let mut state = self.state.lock().unwrap();
        let id = state.comments.len() as u64 + 100;
        state.comments.push(Comment { id, author: author.to_owned(), body: body.to_owned() });
    }

    pub(super) fn comments(&self) -> Vec<Comment> {
        self.state.lock().unwrap().comments.clone()
    }

    /// The comments that the token wrote.
    pub(super) fn own_comments(&self) -> Vec<Comment> {
        self.comments().into_iter().filter(|comment| comment.author == BOT).collect()
    }

    /// The calls since the last time.
    pub(super) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().calls)
    }

    /// From now on the token can only read, as for a pull request from a fork.
    pub(super) fn make_read_only(&self) {
        self.state.lock().unwrap().is_read_only = true;
    }

    pub(super) fn serve_file(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().files.insert(path.to_owned(), bytes.into());
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.lock() {
            state.is_over = true;
        }
        // Wakes the thread up, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut is_known) = (0, false);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            "authorization" => is_known = value.trim() == format!("Bearer {TOKEN}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, answer) = answer(&mut state.lock().unwrap(), &method, &path, is_known, &body);
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    let mut writer = stream;
    writer.write_all(head.as_bytes())?;
    writer.write_all(&answer)
}

fn answer(
    state: &mut State,
    method: &str,
    path: &str,
    is_known: bool,
    body: &[u8],
) -> (&'static str, Vec<u8>) {
    if let Some(file) = state.files.get(path) {
        return ("200 OK", file.clone());
    }
    state.calls.push(format!("{method} {path}"));
    if !is_known {
        return ("401 Unauthorized", b"{\"message\": \"Bad credentials\"}".to_vec());
    }
    if method != "GET" && state.is_read_only {
        return ("403 Forbidden", b"{\"message\": \"Resource not accessible by integration\"}".to_vec());
    }
    let text = || serde_json::from_slice::<Value>(body).unwrap()["body"].as_str().unwrap().to_owned();
    let (route, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, route.strip_prefix("/repos/ada/shop/issues/")) {
        ("GET", Some("7/comments")) => {
            let number = |key: &str| -> usize {
                let value = query.split('&').find_map(|pair| pair.strip_prefix(key)).unwrap();
                value.parse().unwrap()
            };
            let (size, page) = (number("per_page="), number("page="));
            let comments = state.comments.iter().skip(size * (page - 1)).take(size).map(Comment::to_json);
            ("200 OK", Value::Array(comments.collect()).to_string().into_bytes())
        }
        ("POST", Some("7/comments")) => {
            let id = state.comments.len() as u64 + 100;
            let comment = Comment { id, author: BOT.to_owned(), body: text() };
            state.comments.push(comment.clone());
            ("201 Created", comment.to_json().to_string().into_bytes())
        }
        ("PATCH", Some(rest)) => {
            let id = rest.strip_prefix("comments/").and_then(|id| id.parse::<u64>().ok());
            match state.comments.iter_mut().find(|comment| Some(comment.id) == id) {
                Some(comment) if comment.author == BOT => {
                    comment.body = text();
                    ("200 OK", comment.to_json().to_string().into_bytes())
                }
                Some(_) => ("403 Forbidden", b"{}".to_vec()),
                None => ("404 Not Found", b"{}".to_vec()),
            }
        }
        _ => ("404 Not Found", b"{}".to_vec()),
    }
}
