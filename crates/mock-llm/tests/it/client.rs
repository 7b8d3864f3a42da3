//! The smallest clients that the tests need.

use std::net::SocketAddr;
use std::sync::Arc;

use promptassay_mock_llm::{RawServer, RunningRawServer, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client without certificates, proxies and retries.
pub(crate) fn http() -> reqwest::Client {
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls());
    builder.no_proxy().retry(reqwest::retry::never()).build().unwrap()
}

/// No certificate is trusted: everything here is plain HTTP. `reqwest` wants to know its cryptography all the same.
fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

pub(crate) fn question(message: &str) -> Value {
    json!({"model": "m-1", "messages": [{"role": "user", "content": message}]})
}

pub(crate) fn script(value: Value) -> Script {
    Script::from_json(value).unwrap()
}

pub(crate) async fn raw_server(value: Value) -> RunningRawServer {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    RawServer::bind(anywhere, script(value)).await.unwrap().start()
}

/// Sends bytes on a new connection and reads what comes until the server closes.
pub(crate) async fn exchange(uri: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(uri.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A chat request as bytes.
pub(crate) fn request_bytes(message: &str, connection: &str) -> Vec<u8> {
    let body = question(message).to_string();
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: {connection}\r\n\r\n{body}"
    )
    .into_bytes()
}
