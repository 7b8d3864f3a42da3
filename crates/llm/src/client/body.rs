//! Reads an answer's body up to a limit, and turns the HTTP library's errors into ours, without any URL.

use std::error::Error;

use crate::error::ModelError;

/// What came of a body.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Whether there is more of it, beyond the limit.
    pub(super) is_cut: bool,
}

/// The body, of which nothing is kept above `limit` bytes.
pub(super) async fn read(
    mut response: reqwest::Response,
    limit: usize,
    origin: &str,
) -> Result<Body, ModelError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport_error(error, origin))? {
        if bytes.len() + chunk.len() > limit {
            bytes.extend_from_slice(&chunk[..limit - bytes.len()]);
            return Ok(Body { bytes, is_cut: true });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Body { bytes, is_cut: false })
}

/// Our class for an error of the HTTP library. `origin` is scheme, host and port: enough to find the fault.
pub(super) fn transport_error(error: reqwest::Error, origin: &str) -> ModelError {
    let error = error.without_url();
    let why = chain_text(&error);
    if error.is_timeout() {
        ModelError::Timeout { detail: format!("{origin} did not accept a connection in time: {why}") }
    } else if is_broken_compression(&error) {
        ModelError::Malformed { detail: format!("the compressed body of {origin} is broken: {why}") }
    } else if error.is_connect() {
        let help = "check the network, the proxy and `base_url`";
        ModelError::Unreachable { detail: format!("{origin}: {why}; {help}") }
    } else {
        ModelError::Transport { detail: format!("the connection to {origin} broke: {why}") }
    }
}

/// The library reports a connection that breaks within a body as a decoding error too; only a decompressor's own error is
/// a plain I/O error that no other error of the library stands behind.
fn is_broken_compression(error: &reqwest::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    error.is_decode()
        && cause.is_some_and(|cause| cause.get_ref().is_none_or(|inner| !inner.is::<reqwest::Error>()))
}

/// The innermost cause: the outer layers only say that something went wrong.
pub(super) fn chain_text(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
