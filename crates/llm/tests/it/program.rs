//! Programs as models, with real processes. The shell stands for somebody's application; we never start one ourselves.
#![cfg(unix)]

use std::time::Duration;

use promptassay_llm::{
    Answer, ApiKey, ClientOptions, EnvironmentName, ModelError, ModelErrorKind, ModelRow, Secrets,
};
use serde_json::json;

use crate::socket::client;
use crate::support::{hello, now, rich, row};

fn shell(script: &str) -> ModelRow {
    row(json!({"provider": "command", "command": ["sh", "-c", script], "timeout": "20s"}))
}

async fn ask(row: &ModelRow, options: ClientOptions) -> Result<Answer, ModelError> {
    let options = ClientOptions { allow_commands: true, ..options };
    client(options).ask(row, &Secrets::none(), &rich(), now()).await
}

#[tokio::test]
async fn a_program_reads_the_question_and_writes_the_answer() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        ClientOptions { command_directory: Some(directory.path().to_owned()), ..ClientOptions::default() };
    let row = shell(r#"cat > question.json; echo '{"text": "Hello!", "model": "app-1.2"}'"#);
    let answer = ask(&row, options).await.unwrap();
    assert_eq!(
        (answer.reply.text.as_str(), answer.reply.served_model.as_deref()),
        ("Hello!", Some("app-1.2"))
    );
    assert!(answer.reply.latency > Duration::ZERO);
    let question = std::fs::read_to_string(directory.path().join("question.json")).unwrap();
    insta::assert_snapshot!(question);
}

#[tokio::test]
async fn a_program_that_does_not_read_its_question_still_answers() {
    let mut request = rich();
    request.messages[0].content = "x".repeat(1_000_000);
    let options = ClientOptions { allow_commands: true, ..ClientOptions::default() };
    let row = shell(r#"echo '{"text": "Hello!"}'"#);
    let answer = client(options).ask(&row, &Secrets::none(), &request, now()).await.unwrap();
    assert_eq!(answer.reply.text, "Hello!");
}

#[tokio::test]
async fn programs_run_only_where_they_are_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let options =
        ClientOptions { command_directory: Some(directory.path().to_owned()), ..ClientOptions::default() };
    let error =
        client(options).ask(&shell("touch ran"), &Secrets::none(), &hello(), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the request was refused: running programs is not allowed here");
    assert!(!directory.path().join("ran").exists());
}

#[tokio::test]
async fn a_key_that_a_program_repeats_is_in_no_answer_and_no_error() {
    let mut secrets = Secrets::none();
    let name = EnvironmentName::try_from("TEST_KEY".to_owned()).unwrap();
    secrets.insert(name, ApiKey::new("liveSECRET01").unwrap());
    let options = ClientOptions { allow_commands: true, ..ClientOptions::default() };
    let client = client(options);
    let answer = client
        .ask(&shell(r#"echo '{"text": "it is liveSECRET01"}'"#), &secrets, &hello(), now())
        .await
        .unwrap();
    assert_eq!(answer.reply.text, "it is [redacted]");
    assert_eq!(answer.reply.redacted.iter().map(EnvironmentName::as_str).collect::<Vec<_>>(), ["TEST_KEY"]);
    let error = client
        .ask(&shell("echo 'no such user: liveSECRET01' >&2; exit 1"), &secrets, &hello(), now())
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("no such user: [redacted]"), "{error}");
}

#[tokio::test]
async fn failures_of_programs_have_their_class() {
    let kind = async |script: &str| ask(&shell(script), ClientOptions::default()).await.unwrap_err().kind();
    assert_eq!(kind("exit 3").await, ModelErrorKind::Server);
    assert_eq!(kind("echo hello").await, ModelErrorKind::Malformed);
    assert_eq!(
        kind(r#"echo '{"error": {"kind": "auth", "message": "no"}}'; exit 1"#).await,
        ModelErrorKind::Auth
    );
    let missing = row(json!({"provider": "command", "command": ["/nowhere/promptassay-no-such-program"]}));
    assert_eq!(ask(&missing, ClientOptions::default()).await.unwrap_err().kind(), ModelErrorKind::NotFound);
}

#[tokio::test]
async fn endless_output_is_given_up_at_the_limit_and_a_loud_stderr_does_not_block() {
    let options = ClientOptions { max_body_bytes: 10_000, ..ClientOptions::default() };
    let error = ask(&shell("while :; do echo aaaaaaaaaaaaaaaa; done"), options.clone()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the answer cannot be read: `sh` wrote more than 10000 bytes");
    let loud =
        r#"i=0; while [ $i -lt 20000 ]; do echo "noise $i" >&2; i=$((i+1)); done; echo '{"text": "Hello!"}'"#;
    assert_eq!(ask(&shell(loud), options).await.unwrap().reply.text, "Hello!");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_given_up() {
    let mut row = shell("exec sleep 600");
    row.timeout = Duration::from_millis(50);
    assert_eq!(ask(&row, ClientOptions::default()).await.unwrap_err().kind(), ModelErrorKind::Timeout);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_call_that_is_given_up_kills_its_program() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pid");
    let options =
        ClientOptions { command_directory: Some(directory.path().to_owned()), ..ClientOptions::default() };
    let row = shell("echo $$ > new && mv new pid; exec sleep 600");
    let has_started = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answer = ask(&row, options) => panic!("{answer:?}"),
        () = has_started => {}
    }
    let stat = format!("/proc/{}/stat", std::fs::read_to_string(&file).unwrap().trim());
    let runs = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
