//! A server on the loopback interface that sends what it likes, byte by byte.

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Listens until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was asked, with head and body, and where the answer goes.
pub(super) struct Asked<'a> {
    pub(super) request: &'a str,
    pub(super) to: &'a mut dyn Write,
}

impl Server {
    /// Answers one request of each connection, one after the other. What cannot be sent, because nobody reads it, ends an answer.
    pub(super) fn start(answer: impl Fn(&mut Asked<'_>) -> std::io::Result<()> + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopped) = (Arc::clone(&sent), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let request = read(&mut stream);
                let mut to = Counting { stream, sent: &counter };
                let _ = answer(&mut Asked { request: &request, to: &mut to });
            }
        });
        Self { address, sent, stop, thread: Some(thread) }
    }

    /// A row of registry.yaml for it.
    pub(super) fn row(&self) -> String {
        format!(
            "{{provider: openai, base_url: \"http://{}/v1\", model: m, api_key_env: TEST_KEY}}",
            self.address
        )
    }

    /// How many bytes the other side took, as far as the system can tell.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Counting<'a> {
    stream: TcpStream,
    sent: &'a AtomicU64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.sent.fetch_add(count as u64, Ordering::SeqCst);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A whole request: head, and as much body as it announces.
fn read(stream: &mut TcpStream) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= announced.unwrap_or(0) {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => return String::from_utf8_lossy(&request).into_owned(),
        }
    }
}
