//! The client against real sockets on the loopback interface. No clock is paused here.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use promptassay_llm::{
    Answer, ApiKey, Client, ClientOptions, EnvironmentName, ModelError, ModelErrorKind, ModelRow, Reply,
    Secrets,
};
use serde_json::json;

use crate::support::{hello, now, row};

/// Without the beginning that keys of known providers have: only knowing it helps to cut it out.
const KEY: &str = "live0123456789abcdefghij";
const SUCCESS: &str = r#"{"choices":[{"message":{"content":"Hello!"},"finish_reason":"stop"}]}"#;

/// A server that hands each connection's whole request and its stream to `answer`. The requests come back as text.
fn serve(answer: impl Fn(&str, TcpStream) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            let _ = requests.send(request.clone());
            answer(&request, stream);
        }
    });
    (format!("http://{address}/v1"), received)
}

pub(crate) fn read_request(stream: &mut impl std::io::Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    request.extend(body);
    String::from_utf8(request).unwrap()
}

fn with_status(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn client(options: ClientOptions) -> Client {
    Client::new(ClientOptions { proxy_from_environment: false, ..options }).unwrap()
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::none();
    secrets.insert(EnvironmentName::try_from("TEST_KEY".to_owned()).unwrap(), ApiKey::new(KEY).unwrap());
    secrets
}

fn keyed(base_url: &str) -> ModelRow {
    row(
        json!({"provider": "openai", "model": "m", "base_url": base_url, "api_key_env": "TEST_KEY", "timeout": "20s"}),
    )
}

async fn ask(base_url: &str) -> Result<Answer, ModelError> {
    client(ClientOptions::default()).ask(&keyed(base_url), &secrets(), &hello(), now()).await
}

#[tokio::test]
async fn a_question_is_sent_once_and_the_answer_read() {
    let (base_url, requests) = serve(|_, mut stream| {
        let headers = "x-request-id: r1\r\nx-ratelimit-remaining-requests: 41\r\n";
        stream.write_all(&with_status("200 OK", headers, SUCCESS.as_bytes())).unwrap();
    });
    let answer = ask(&base_url).await.unwrap();
    assert_eq!((answer.reply.text.as_str(), answer.reply.request_id.as_deref()), ("Hello!", Some("r1")));
    assert_eq!(answer.rate_hint.requests.remaining, Some(41));
    assert!(answer.reply.latency > Duration::ZERO);
    assert_eq!(answer.reply.latency.subsec_nanos() % 1000, 0);

    let request = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    for line in [
        &format!("authorization: Bearer {KEY}"),
        "content-type: application/json",
        "user-agent: promptassay/",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    assert_eq!(body, r#"{"model":"m","messages":[{"role":"user","content":"Hello"}]}"#);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_transport_error() {
    let (base_url, requests) = serve(|_, stream| drop(stream));
    assert_eq!(ask(&base_url).await.unwrap_err().kind(), ModelErrorKind::Transport);
    // Not retried behind our back.
    assert!(requests.recv().is_ok() && requests.try_recv().is_err());

    let (base_url, _requests) = serve(|_, mut stream| {
        let whole = with_status("200 OK", "", SUCCESS.as_bytes());
        stream.write_all(&whole[..whole.len() - 10]).unwrap();
    });
    assert_eq!(ask(&base_url).await.unwrap_err().kind(), ModelErrorKind::Transport);

    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = ask(&format!("http://{unused}/v1")).await.unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Unreachable);
    assert!(error.to_string().starts_with(&format!("cannot connect to http://{unused}: ")), "{error}");
}

#[tokio::test]
async fn an_endless_body_is_given_up_at_the_limit() {
    let (base_url, _requests) = serve(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").unwrap();
        while stream.write_all(&[b' '; 4096]).is_ok() {}
    });
    let options = ClientOptions { max_body_bytes: 100_000, ..ClientOptions::default() };
    let error = client(options).ask(&keyed(&base_url), &secrets(), &hello(), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the answer cannot be read: the body is longer than 100000 bytes");
}

#[tokio::test]
async fn an_endless_error_keeps_its_class() {
    let (base_url, _requests) = serve(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 500 Oops\r\n\r\nbroken").unwrap();
        while stream.write_all(&[b' '; 4096]).is_ok() {}
    });
    let options = ClientOptions { max_body_bytes: 100_000, ..ClientOptions::default() };
    let error = client(options).ask(&keyed(&base_url), &secrets(), &hello(), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the server failed: broken (HTTP 500)");
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let (hold, held) = channel::<TcpStream>();
    let (base_url, _requests) = serve(move |_, stream| hold.send(stream).unwrap());
    let mut row = keyed(&base_url);
    row.timeout = Duration::from_millis(50);
    let error = client(ClientOptions::default()).ask(&row, &secrets(), &hello(), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"timed out: no complete answer within 50ms");
    drop(held);
}

#[tokio::test]
async fn a_body_that_trickles_for_ever_times_out() {
    let (base_url, _requests) = serve(|_, mut stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").unwrap();
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let mut row = keyed(&base_url);
    row.timeout = Duration::from_millis(100);
    let error = client(ClientOptions::default()).ask(&row, &secrets(), &hello(), now()).await.unwrap_err();
    assert_eq!(error.kind(), ModelErrorKind::Timeout);
}

#[tokio::test]
async fn a_compressed_body_is_unpacked_and_a_broken_one_is_malformed() {
    // gzip of {"choices": [{"message": {"content": "packed"}, "finish_reason": "stop"}]}
    const PACKED: [u8; 89] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 206, 200, 207, 76, 78, 45, 86, 178, 82, 136, 174, 86,
        202, 77, 45, 46, 78, 76, 79, 5, 114, 170, 149, 146, 243, 243, 74, 82, 243, 74, 128, 108, 165, 130,
        196, 228, 236, 212, 20, 165, 90, 29, 5, 165, 180, 204, 188, 204, 226, 140, 248, 162, 212, 196, 226,
        252, 60, 144, 92, 113, 73, 126, 129, 82, 109, 108, 45, 0, 79, 67, 74, 211, 74, 0, 0, 0,
    ];
    let (base_url, requests) = serve(|_, mut stream| {
        stream.write_all(&with_status("200 OK", "content-encoding: gzip\r\n", &PACKED)).unwrap();
    });
    assert_eq!(ask(&base_url).await.unwrap().reply.text, "packed");
    let request = requests.recv().unwrap();
    assert!(["gzip", "br", "zstd"].iter().all(|name| request.contains(name)), "{request}");

    let (base_url, _requests) = serve(|_, mut stream| {
        stream.write_all(&with_status("200 OK", "content-encoding: gzip\r\n", SUCCESS.as_bytes())).unwrap();
    });
    assert_eq!(ask(&base_url).await.unwrap_err().kind(), ModelErrorKind::Malformed);

    // Cut off on the way, which is the connection's fault and not the compression's.
    let (base_url, _requests) = serve(|_, mut stream| {
        let whole = with_status("200 OK", "content-encoding: gzip\r\n", &PACKED);
        stream.write_all(&whole[..whole.len() - 20]).unwrap();
    });
    assert_eq!(ask(&base_url).await.unwrap_err().kind(), ModelErrorKind::Transport);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, requests) = serve(|_, mut stream| {
        stream.write_all(&with_status("200 OK", "", SUCCESS.as_bytes())).unwrap();
    });
    let (base_url, _requests) = serve(move |_, mut stream| {
        let headers = format!("location: {elsewhere}\r\n");
        stream.write_all(&with_status("307 Temporary Redirect", &headers, b"")).unwrap();
    });
    assert_eq!(ask(&base_url).await.unwrap_err().kind(), ModelErrorKind::BadRequest);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_missing_key_is_named_before_anything_is_sent() {
    let (base_url, requests) = serve(|_, _| {});
    let error =
        client(ClientOptions::default()).ask(&keyed(&base_url), &Secrets::none(), &hello(), now()).await;
    insta::assert_snapshot!(error.unwrap_err(), @"not authorised: no key: the environment variable TEST_KEY is not set");
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_key_appears_in_no_error_and_no_debug_text() {
    // A spiteful server: whatever it is sent comes back, in every kind of answer.
    for (status, shape) in [
        ("200 OK", "<html>{}</html>"),
        ("200 OK", "{\"choices\": \"{}\""),
        ("200 OK", "{\"error\": {\"message\": \"{}\"}}"),
        ("400 Bad Request", "{\"error\": {\"message\": \"{}\"}}"),
        ("401 Unauthorized", "{\"error\": {\"message\": \"it was {}.\"}}"),
        ("404 Not Found", "{}"),
        ("429 Too Many Requests", "{\"detail\": \"{}\"}"),
        ("500 Internal Server Error", "[\"{}\"]"),
        ("503 Service Unavailable", "<html><title>{}</title>"),
    ] {
        let (base_url, _requests) = serve(move |request, mut stream| {
            let line = request.lines().find(|line| line.starts_with("authorization")).unwrap();
            let body = shape.replace("{}", line.rsplit(' ').next().unwrap());
            stream.write_all(&with_status(status, "", body.as_bytes())).unwrap();
        });
        let error = ask(&base_url).await.unwrap_err();
        let all = format!("{error} {error:?} {:?} {:?}", secrets(), keyed(&base_url));
        assert!(!all.contains("0123456789") && all.contains("[redacted]"), "{status} {shape}: {all}");
    }
}

#[tokio::test]
async fn a_key_that_a_model_repeats_is_not_in_the_reply() {
    let (base_url, _requests) = serve(|_, mut stream| {
        stream.write_all(&with_status("200 OK", "", SUCCESS.replace("Hello!", KEY).as_bytes())).unwrap();
    });
    let reply = ask(&base_url).await.unwrap().reply;
    assert_eq!((reply.text.as_str(), redacted(&reply).as_slice()), ("[redacted]", &["TEST_KEY"][..]));
    // However it is spelled, and in a header too.
    let spelled = format!("\\u{:04x}{}", KEY.as_bytes()[0], &KEY[1..]);
    let (base_url, _requests) = serve(move |_, mut stream| {
        let header = format!("x-request-id: id-{KEY}\r\n");
        stream
            .write_all(&with_status("200 OK", &header, SUCCESS.replace("Hello!", &spelled).as_bytes()))
            .unwrap();
    });
    let reply = ask(&base_url).await.unwrap().reply;
    assert_eq!((reply.text.as_str(), reply.request_id.as_deref()), ("[redacted]", Some("[redacted]")));
}

fn redacted(reply: &Reply) -> Vec<&str> {
    reply.redacted.iter().map(EnvironmentName::as_str).collect()
}

#[tokio::test]
async fn a_reply_says_whose_value_was_cut_out_of_it_and_not_what_was_said_beside_it() {
    let mut secrets = secrets();
    let other = EnvironmentName::try_from("OTHER".to_owned()).unwrap();
    secrets.insert(other, ApiKey::new("otherSECRET").unwrap());
    for (body, names) in [
        (SUCCESS.to_owned(), &[][..]),
        // Beside the reply, and in its id.
        (SUCCESS.replacen('{', &format!("{{\"id\":\"{KEY}\",\"asked\":\"{KEY}\","), 1), &[]),
        (
            SUCCESS.replace("Hello!", "otherSECRET").replacen('{', &format!("{{\"asked\":\"{KEY}\","), 1),
            &["OTHER"],
        ),
        (SUCCESS.replace("Hello!", &format!("{KEY} otherSECRET")), &["OTHER", "TEST_KEY"]),
        (SUCCESS.replacen('{', "{\"model\":\"otherSECRET\",", 1), &["OTHER"]),
    ] {
        let answer = body.clone();
        let (base_url, _requests) = serve(move |_, mut stream| {
            stream.write_all(&with_status("200 OK", "", answer.as_bytes())).unwrap();
        });
        let client = client(ClientOptions::default());
        let reply = client.ask(&keyed(&base_url), &secrets, &hello(), now()).await.unwrap().reply;
        assert_eq!(redacted(&reply), names, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_of_a_filter_says_whose_value_was_cut_out_of_it() {
    let (base_url, _requests) = serve(|_, mut stream| {
        let body = format!("{{\"error\":{{\"code\":\"content_filter\",\"message\":\"not {KEY}\"}}}}");
        stream.write_all(&with_status("400 Bad Request", "", body.as_bytes())).unwrap();
    });
    let reply = ask(&base_url).await.unwrap().reply;
    let refusal = reply.refusal.as_deref();
    assert_eq!(
        (refusal, redacted(&reply)),
        (Some("not [redacted] (HTTP 400, content_filter)"), vec!["TEST_KEY"])
    );
}

#[tokio::test]
async fn a_short_key_and_a_header_from_the_environment_are_not_in_the_reply_either() {
    let mut secrets = Secrets::none();
    for (name, value) in [("TEST_KEY", "sk-SECRET"), ("GATE", "Bearer gateSECRET"), ("OTHER", "otherSECRET")]
    {
        secrets.insert(EnvironmentName::try_from(name.to_owned()).unwrap(), ApiKey::new(value).unwrap());
    }
    let (base_url, _requests) = serve(|_, mut stream| {
        let text = "sk-SECRET, gateSECRET, otherSECRET, c2stU0VDUkVU, gate%53ECRET";
        stream.write_all(&with_status("200 OK", "", SUCCESS.replace("Hello!", text).as_bytes())).unwrap();
    });
    let row = row(json!({
        "provider": "openai", "model": "m", "base_url": base_url, "api_key_env": "TEST_KEY", "timeout": "20s",
        "headers": {"x-gate": {"env": "GATE"}},
    }));
    let answer = client(ClientOptions::default()).ask(&row, &secrets, &hello(), now()).await.unwrap();
    assert_eq!(answer.reply.text, "[redacted], [redacted], [redacted], [redacted], [redacted]");
}

#[tokio::test]
async fn a_key_in_a_body_that_is_too_long_is_not_in_the_error() {
    let (base_url, _requests) = serve(|_, mut stream| {
        let body = format!("{KEY} {}", "x".repeat(100));
        stream.write_all(&with_status("200 OK", "", body.as_bytes())).unwrap();
    });
    let options = ClientOptions { max_body_bytes: 60, ..ClientOptions::default() };
    let error = client(options).ask(&keyed(&base_url), &secrets(), &hello(), now()).await.unwrap_err();
    assert!(!error.to_string().contains(KEY) && error.to_string().contains("[redacted]"), "{error}");
}
