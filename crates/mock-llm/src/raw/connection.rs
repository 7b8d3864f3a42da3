//! One connection: requests in, replies out, one after the other, until either side has enough.

use std::io;
use std::sync::Arc;

use futures_timer::Delay;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::State;
use super::http1::{Framing, FramingError, Head, parse_head, write_head};
use crate::request::Request;
use crate::respond::{Delivery, HttpReply, Reply};

/// How much is read at once, in bytes.
const READ_SIZE: usize = 8 << 10;

/// A reply up to this many bytes of body goes out in one write.
const JOINED_BODY: usize = 64 << 10;

/// Serves a connection until it ends. An error of the socket ends it too: there is nobody to tell.
pub(super) async fn serve(stream: TcpStream, state: Arc<State>) {
    let _ = Connection { stream, input: Vec::with_capacity(READ_SIZE), output: Vec::new() }.run(&state).await;
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// What to do after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    ReadOn,
    Close,
    Abort,
}

impl Connection {
    async fn run(mut self, state: &State) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let framing = match self.read_request().await? {
                Ok(Some(framing)) => framing,
                Ok(None) => return Ok(()),
                Err(error) => return self.refuse(error).await,
            };
            match self.answer(state, framing).await? {
                Next::ReadOn => drop(self.input.drain(..framing.head_length + framing.body_length)),
                Next::Close => return self.stream.shutdown().await,
                // Dropping the stream resets the connection.
                Next::Abort => return Ok(()),
            }
        }
    }

    /// Reads until a whole request is at the start of the input; `None` if the client has closed.
    async fn read_request(&mut self) -> io::Result<Result<Option<Framing>, FramingError>> {
        let mut framing = None;
        loop {
            if framing.is_none() {
                framing = match parse_head(&self.input) {
                    Ok(head) => head.map(|head| head.framing),
                    Err(error) => return Ok(Err(error)),
                };
                if framing.is_some_and(|framing| framing.expects_continue && self.missing(framing) > 0) {
                    self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
            }
            let missing = framing.map_or(READ_SIZE, |framing| self.missing(framing));
            if missing == 0 {
                return Ok(Ok(framing));
            }
            self.input.reserve(missing.max(READ_SIZE));
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(Ok(None));
            }
        }
    }

    fn missing(&self, framing: Framing) -> usize {
        (framing.head_length + framing.body_length).saturating_sub(self.input.len())
    }

    async fn answer(&mut self, state: &State, framing: Framing) -> io::Result<Next> {
        let Ok(Some(head)) = parse_head(&self.input) else { return Ok(Next::Close) };
        let body = &self.input[framing.head_length..framing.head_length + framing.body_length];
        let keep_alive = framing.keep_alive;
        if let Some(reply) = service_reply(&head, state) {
            return self.send(&reply, keep_alive).await;
        }
        let in_flight = state.in_flight.enter();
        let request = Request { method: head.method, path: head.target, headers: &head.headers, body };
        let Reply { delay, delivery, .. } = state.mock.answer(&request);
        if !delay.is_zero() {
            // A timer of tokio counts whole milliseconds and fires up to two late: 2 % of 100 ms, which a benchmark would take for the client's.
            Delay::new(delay).await;
        }
        // Counted out before the client can read the answer, so that its next call never overlaps with this one.
        drop(in_flight);
        match delivery {
            Delivery::Whole(reply) => self.send(&reply, keep_alive).await,
            Delivery::Cut { reply, sent_bytes } => {
                self.output.clear();
                write_head(&reply, keep_alive, &mut self.output);
                self.output.extend_from_slice(&reply.body[..sent_bytes]);
                self.stream.write_all(&self.output).await?;
                Ok(Next::Close)
            }
            Delivery::Reset => {
                self.stream.set_zero_linger()?;
                Ok(Next::Abort)
            }
        }
    }

    async fn send(&mut self, reply: &HttpReply, keep_alive: bool) -> io::Result<Next> {
        self.output.clear();
        write_head(reply, keep_alive, &mut self.output);
        if reply.body.len() <= JOINED_BODY {
            self.output.extend_from_slice(&reply.body);
            self.stream.write_all(&self.output).await?;
        } else {
            self.stream.write_all(&self.output).await?;
            self.stream.write_all(&reply.body).await?;
        }
        Ok(if keep_alive { Next::ReadOn } else { Next::Close })
    }

    async fn refuse(&mut self, error: FramingError) -> io::Result<()> {
        let body = json!({"error": {"message": error.to_string(), "type": "invalid_request_error"}});
        self.send(&json_reply(error.status(), &body), false).await?;
        self.stream.shutdown().await
    }
}

/// The pages that are the server's own.
fn service_reply(head: &Head<'_>, state: &State) -> Option<HttpReply> {
    let path = head.target.split_once('?').map_or(head.target, |(path, _)| path);
    match (head.method, path) {
        ("GET", "/health") => Some(json_reply(200, &json!({"status": "ok"}))),
        ("GET", "/counters") => Some(json_reply(200, &json!(state.counters()))),
        _ => None,
    }
}

fn json_reply(status: u16, body: &serde_json::Value) -> HttpReply {
    let body = body.to_string().into_bytes();
    HttpReply { status, content_type: "application/json", headers: Vec::new(), body }
}
