//! HTTP/1.1 as far as this server needs it: the framing of requests, and replies as bytes.

use crate::respond::HttpReply;

/// The most headers that a request may have.
const MOST_HEADERS: usize = 100;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 64 << 10;

/// The longest body of a request, in bytes.
const LONGEST_BODY: u64 = 64 << 20;

/// Where a request ends, and what its head says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) head_length: usize,
    pub(super) body_length: usize,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// Why a request cannot be read; the connection is closed after the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("this is not an HTTP/1.1 request")]
    Malformed,
    #[error("the head of the request is longer than 64 KiB or has more than 100 headers")]
    HeadTooLong,
    #[error("the body of the request is longer than 64 MiB")]
    BodyTooLong,
    #[error("this mock needs a content-length: it does not read chunked bodies")]
    LengthRequired,
}

impl FramingError {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::LengthRequired => 411,
            Self::BodyTooLong => 413,
            Self::HeadTooLong => 431,
        }
    }
}

/// The head of a request, borrowed from its bytes.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    pub(super) framing: Framing,
}

/// Parses the head at the start of `bytes`; `None` if it is not complete yet.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<Head<'_>>, FramingError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head_length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(FramingError::HeadTooLong);
        }
        Err(_) => return Err(FramingError::Malformed),
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(FramingError::Malformed);
    };
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|header| (header.name, header.value)).collect();
    let framing = framing(&headers, head_length, version)?;
    Ok(Some(Head { method, target, headers, framing }))
}

fn framing(headers: &[(&str, &[u8])], head_length: usize, version: u8) -> Result<Framing, FramingError> {
    let is_http_1_1 = version == 1;
    let mut framing =
        Framing { head_length, body_length: 0, keep_alive: is_http_1_1, expects_continue: false };
    let mut length: Option<u64> = None;
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("content-length") {
            let text = str::from_utf8(value).map_err(|_| FramingError::Malformed)?.trim();
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than fit are too long, not malformed.
            let parsed = if is_number {
                text.parse().unwrap_or(u64::MAX)
            } else {
                return Err(FramingError::Malformed);
            };
            if length.is_some_and(|before| before != parsed) {
                return Err(FramingError::Malformed);
            }
            length = Some(parsed);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(FramingError::LengthRequired);
        } else if name.eq_ignore_ascii_case("connection") {
            if has_token(value, "close") {
                framing.keep_alive = false;
            } else if has_token(value, "keep-alive") {
                framing.keep_alive = true;
            }
        } else if name.eq_ignore_ascii_case("expect") {
            framing.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        }
    }
    let length = length.unwrap_or(0);
    if length > LONGEST_BODY {
        return Err(FramingError::BodyTooLong);
    }
    framing.body_length = usize::try_from(length).map_err(|_| FramingError::BodyTooLong)?;
    Ok(framing)
}

fn has_token(value: &[u8], token: &str) -> bool {
    value.split(|&byte| byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The status line and headers of a reply, up to and including the empty line.
pub(super) fn write_head(reply: &HttpReply, keep_alive: bool, output: &mut Vec<u8>) {
    let mut text = |part: &str| output.extend_from_slice(part.as_bytes());
    text("HTTP/1.1 ");
    text(&reply.status.to_string());
    text(" ");
    text(reason(reply.status));
    text("\r\ncontent-type: ");
    text(reply.content_type);
    text("\r\ncontent-length: ");
    text(&reply.body.len().to_string());
    for (name, value) in &reply.headers {
        text("\r\n");
        text(name);
        text(": ");
        text(value);
    }
    if !keep_alive {
        text("\r\nconnection: close");
    }
    text("\r\n\r\n");
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The reason may be empty; clients ignore it.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing_of(head: &str) -> Result<Option<Framing>, FramingError> {
        parse_head(head.as_bytes()).map(|head| head.map(|head| head.framing))
    }

    #[test]
    fn a_head_is_read_only_when_it_is_whole() {
        let head = "POST /v1/messages?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(framing_of(&head[..end]), Ok(None), "{end} bytes");
        }
        let bytes = format!("{head}12345POST");
        let parsed = parse_head(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!((parsed.method, parsed.target), ("POST", "/v1/messages?a=b"));
        assert_eq!(parsed.headers[1], ("Content-Length", b"5".as_slice()));
        let expected =
            Framing { head_length: head.len(), body_length: 5, keep_alive: true, expects_continue: false };
        assert_eq!(parsed.framing, expected);
    }

    #[test]
    fn keep_alive_follows_version_and_header() {
        let table = [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: te, close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ];
        for (head, expected) in table {
            assert_eq!(framing_of(head).unwrap().unwrap().keep_alive, expected, "{head:?}");
        }
    }

    #[test]
    fn what_cannot_be_framed_is_refused_with_its_status() {
        let long = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(LONGEST_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(MOST_HEADERS + 1));
        let table = [
            ("\u{1}\u{2}", FramingError::Malformed, 400),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", FramingError::Malformed, 400),
            ("POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", FramingError::Malformed, 400),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                FramingError::Malformed,
                400,
            ),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", FramingError::LengthRequired, 411),
            (
                "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                FramingError::BodyTooLong,
                413,
            ),
            (&long, FramingError::HeadTooLong, 431),
            (&many, FramingError::HeadTooLong, 431),
        ];
        for (head, error, status) in table {
            assert_eq!(framing_of(head), Err(error), "{:?}", &head[..head.len().min(80)]);
            assert_eq!(error.status(), status);
        }
    }

    #[test]
    fn a_reply_has_its_length_and_its_headers() {
        let reply = HttpReply {
            status: 429,
            content_type: "application/json",
            headers: vec![("retry-after".into(), "2".to_owned())],
            body: b"{}".to_vec(),
        };
        let mut bytes = Vec::new();
        write_head(&reply, false, &mut bytes);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap().replace('\r', ""), @"
        HTTP/1.1 429 Too Many Requests
        content-type: application/json
        content-length: 2
        retry-after: 2
        connection: close
        ");
    }
}
