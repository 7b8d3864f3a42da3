//! Certificates are checked, always: only an authority that the user named makes an unknown server trusted.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;

use promptassay_llm::{Answer, Client, ClientOptions, ModelError, ModelErrorKind, Secrets};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::socket::{client, read_request};
use crate::support::{hello, now, row};

const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("tls/server.der");
const PRIVATE_KEY: &[u8] = include_bytes!("tls/server-key.der");

/// An HTTPS server with a certificate of an authority that nobody knows.
fn serve() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(PRIVATE_KEY).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let body = r#"{"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]}"#;
            if !read_request(&mut stream).is_empty() {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
                stream.flush().unwrap();
            }
        }
    });
    format!("https://{address}/v1")
}

async fn ask(client: &Client, base_url: &str) -> Result<Answer, ModelError> {
    let row = row(json!({"provider": "openai", "model": "m", "base_url": base_url, "timeout": "20s"}));
    client.ask(&row, &Secrets::none(), &hello(), now()).await
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let error = ask(&client(ClientOptions::default()), &serve()).await.unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Unreachable, "nothing was sent");
    assert!(error.detail().contains("certificate"), "{error}");
}

// Elsewhere the system's own verifier limits how long a certificate may be valid.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_authority_that_the_user_named_is_trusted_for_its_names_only() {
    let options =
        ClientOptions { certificate_authorities_pem: AUTHORITY.to_vec(), ..ClientOptions::default() };
    let client = client(options);
    let base_url = serve();
    assert_eq!(ask(&client, &base_url).await.unwrap().reply.text, "Hello!");
    let other_name = base_url.replace("127.0.0.1", "localhost");
    let error = ask(&client, &other_name).await.unwrap_err();
    assert!(error.detail().contains("certificate"), "{error}");
}

#[test]
fn what_is_no_certificate_is_named() {
    let options =
        ClientOptions { certificate_authorities_pem: b"hello".to_vec(), ..ClientOptions::default() };
    insta::assert_snapshot!(
        Client::new(options).unwrap_err(),
        @"the certificates of further authorities are not PEM: there is no certificate in it"
    );
}
