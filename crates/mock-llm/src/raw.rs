//! The raw front: an own HTTP/1.1 server that has its hands on the socket, so that it can reset a connection, cut a
//! body, and serve load. Besides the models it answers `GET /health` and `GET /counters`.
//!
//! Plain HTTP for tests and demonstrations only: no TLS, no HTTP/2, no chunked request bodies, no protection against
//! slow or hostile clients beyond size limits.

mod connection;
mod http1;
mod in_flight;

use std::future::{self, Future};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::front::SharedMock;
use crate::memory::counters::Counters;
use crate::script::Script;
use in_flight::InFlight;

/// A bound server that does not answer yet.
#[derive(Debug)]
pub struct RawServer {
    listener: TcpListener,
    local_addr: SocketAddr,
    state: Arc<State>,
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("the mock server cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// What all connections of a server share.
#[derive(Debug)]
struct State {
    mock: SharedMock,
    in_flight: InFlight,
}

impl State {
    fn counters(&self) -> Counters {
        Counters { peak_in_flight: Some(self.in_flight.peak()), ..self.mock.counters() }
    }
}

/// Reads the counters of a server, whether it runs in another task or has ended.
#[derive(Debug, Clone)]
pub struct CountersHandle {
    state: Arc<State>,
}

impl CountersHandle {
    /// What the server counted so far.
    pub fn read(&self) -> Counters {
        self.state.counters()
    }
}

impl RawServer {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr, script: Script) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let state = State { mock: SharedMock::new(script), in_flight: InFlight::default() };
        Ok(Self { listener, local_addr, state: Arc::new(state) })
    }

    /// The bound address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Where it listens, such as `http://127.0.0.1:8080`; without a path and a final slash.
    pub fn uri(&self) -> String {
        format!("http://{}", self.local_addr)
    }

    /// Reads the counters while and after the server runs.
    pub fn counters(&self) -> CountersHandle {
        CountersHandle { state: Arc::clone(&self.state) }
    }

    /// Answers until `shutdown` is ready. Connections are then closed at once; answers still waiting for their
    /// delay are lost.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection::serve(stream, Arc::clone(&self.state)));
                    }
                    // The client is gone already, or file descriptors ran out; both pass.
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                },
            }
        }
    }

    /// Answers in a background task of the current tokio runtime, until the returned value is dropped.
    pub fn start(self) -> RunningRawServer {
        let (uri, counters) = (self.uri(), self.counters());
        let mut tasks = JoinSet::new();
        tasks.spawn(self.serve(future::pending()));
        RunningRawServer { uri, counters, _tasks: tasks }
    }
}

/// A server in a background task; dropping it ends the server.
#[derive(Debug)]
pub struct RunningRawServer {
    uri: String,
    counters: CountersHandle,
    _tasks: JoinSet<()>,
}

impl RunningRawServer {
    /// Where it listens, such as `http://127.0.0.1:49152`; without a path and a final slash.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What it counted so far.
    pub fn counters(&self) -> Counters {
        self.counters.read()
    }
}
