//! Reads an answer's body up to a limit, and turns the HTTP library's errors into ours, without any URL.

use std::error::Error;

use crate::error::ModelError;
use crate::wire::malformed;

/// The whole body. Above `limit` bytes a success is malformed, while of an error the beginning is enough.
pub(super) async fn read(
    mut response: reqwest::Response,
    limit: usize,
    origin: &str,
) -> Result<Vec<u8>, ModelError> {
    let is_success = response.status().is_success();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport_error(error, origin))? {
        if body.len() + chunk.len() > limit {
            if is_success {
                return Err(malformed(&format!("the body is longer than {limit} bytes"), &body));
            }
            body.extend_from_slice(&chunk[..limit - body.len()]);
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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
