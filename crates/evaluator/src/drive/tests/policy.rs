//! What the driver does with errors, limits, several models and an interruption.

use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::join_all;
use promptassay_llm::{Limits, ModelError, ModelErrorKind, ModelRow, Provider};
use tokio::time::{Instant, sleep};

use super::server::{Hidden, Server, request, row, trial};
use crate::cache::Cache;
use crate::drive::{Models, Options, Question, RetryPolicy};
use crate::event::{AskErrorKind, Event, ReplySource};
use crate::run::{Asked, Tell, Unanswered};

type Answers = Vec<Result<Asked, Unanswered>>;

/// Asks `count` questions of each row at once.
async fn ask_all(
    server: &Server,
    rows: &[ModelRow],
    count: usize,
    options: Options,
) -> (Answers, Vec<Event>) {
    let models = Models::new(server, rows, options);
    let (tell, told) = Tell::channel();
    let answers = models.with_permits(questions(&models, rows, count, &tell)).await;
    (answers, all(told))
}

async fn questions(models: &Models<&Server>, rows: &[ModelRow], count: usize, tell: &Tell) -> Answers {
    let ask = |number: usize| async move {
        let request = request(number);
        let row = &rows[number % rows.len()];
        models.ask(&Question { trial: trial(number), repeat: 1, row, request: &request }, tell).await
    };
    join_all((0..count * rows.len()).map(ask)).await
}

fn all(mut told: UnboundedReceiver<Event>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Ok(event) = told.try_recv() {
        events.push(event);
    }
    events
}

fn limited(retry_after: Option<Duration>) -> ModelError {
    ModelError::RateLimited { retry_after, detail: "slow down".into() }
}

fn auth() -> ModelError {
    ModelError::Auth { detail: "wrong key".into() }
}

fn kind_of(answer: &Result<Asked, Unanswered>) -> Option<AskErrorKind> {
    match answer {
        Err(Unanswered::Error(error)) => Some(error.kind),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_retried_success_is_an_answer_and_every_failed_attempt_is_told() {
    let server = Server::new(100).fault(|call| match call.nth {
        1 => Some(limited(Some(Duration::from_secs(7)))),
        2 => Some(ModelError::Malformed { detail: "garbage".into() }),
        _ => None,
    });
    let began = Instant::now();
    let (answers, events) =
        ask_all(&server, &[row("default", Limits::default())], 1, Options::default()).await;
    let asked = answers[0].as_ref().unwrap();
    assert_eq!((asked.reply.text.as_str(), asked.source), ("you said 0", ReplySource::Live));
    assert!(began.elapsed() >= Duration::from_secs(7), "the server's hint is honoured");
    let attempts: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::AttemptFailed(failed) => (failed.attempt, failed.kind, failed.wait_ms.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(attempts, [(1, ModelErrorKind::RateLimited, true), (2, ModelErrorKind::Malformed, true)]);
}

#[tokio::test(start_paused = true)]
async fn attempts_and_the_deadline_end_what_never_succeeds() {
    let server = Server::new(100).fault(|_| Some(limited(None)));
    let rows = [row("default", Limits::default())];
    let (answers, events) = ask_all(&server, &rows, 1, Options::default()).await;
    assert_eq!(kind_of(&answers[0]), Some(AskErrorKind::Model(ModelErrorKind::RateLimited)));
    assert_eq!(events.len(), 8);
    let Event::AttemptFailed(last) = &events[7] else { panic!("{events:?}") };
    assert_eq!(last.wait_ms, None);

    let retry = RetryPolicy { deadline: Duration::from_secs(3), ..RetryPolicy::default() };
    let slow = Server::new(60_000);
    let began = Instant::now();
    let (answers, _) = ask_all(&slow, &rows, 1, Options { retry, ..Options::default() }).await;
    assert_eq!(kind_of(&answers[0]), Some(AskErrorKind::Model(ModelErrorKind::Timeout)));
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_spares_the_rest_and_leaves_other_models_alone() {
    let server = Server::new(100).fault(|call| (call.model == "locked").then(auth));
    let rows = [row("locked", Limits::default()), row("open", Limits::default())];
    let (answers, events) = ask_all(&server, &rows, 100, Options::default()).await;
    let count = |wanted: &dyn Fn(&Result<Asked, Unanswered>) -> bool| {
        answers.iter().filter(|answer| wanted(answer)).count()
    };
    assert_eq!(count(&|answer| answer.is_ok()), 100);
    let asked = server.log().came["locked"].len();
    // 10 at once, and one more for each of the first two answers.
    assert!(asked <= 12, "{asked} calls for a wrong key");
    assert_eq!(count(&|answer| kind_of(answer) == Some(AskErrorKind::Model(ModelErrorKind::Auth))), asked);
    assert_eq!(count(&|answer| kind_of(answer) == Some(AskErrorKind::ModelOutOfReach)), 100 - asked);
    let opened: Vec<_> = events.iter().filter(|event| matches!(event, Event::CircuitOpened(_))).collect();
    assert_eq!(opened.len(), 1, "it is said once: {opened:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_user_is_kept() {
    let server = Server::new(500);
    let limits = Limits { max_concurrency: Some(3), ..Limits::default() };
    ask_all(&server, &[row("default", limits)], 100, Options::default()).await;
    assert_eq!(server.log().peak["default"], 3);
}

#[tokio::test(start_paused = true)]
async fn programs_in_the_place_of_models_do_not_grow_in_number_unless_the_row_says_how_many() {
    for (max_concurrency, peak) in [(None, 10), (Some(40), 40), (Some(3), 3)] {
        let server = Server::new(100);
        let mut program = row("app", Limits { max_concurrency, ..Limits::default() });
        program.provider = Provider::Command;
        ask_all(&server, &[program], 200, Options::default()).await;
        assert_eq!(server.log().peak["app"], peak);
    }
}

#[tokio::test(start_paused = true)]
async fn no_minute_sees_more_requests_than_the_user_allows() {
    let server = Server::new(100);
    let limits = Limits { requests_per_minute: Some(120), ..Limits::default() };
    ask_all(&server, &[row("default", limits)], 400, Options::default()).await;
    let came = &server.log().came["default"];
    for (index, &first) in came.iter().enumerate() {
        let within = came[index..].iter().take_while(|&&time| time < first + Duration::from_mins(1)).count();
        assert!(within <= 121, "{within} in a minute");
    }
    let took = (came[399] - came[0]).as_secs();
    assert!((195..=205).contains(&took), "400 at 120 a minute took {took} s");
}

#[tokio::test(start_paused = true)]
async fn tokens_per_minute_are_kept_once_the_provider_has_counted_them() {
    let server = Server::new(100);
    // Every answer counts 100 tokens: 60 a minute.
    let limits = Limits { tokens_per_minute: Some(6_000), ..Limits::default() };
    ask_all(&server, &[row("default", limits)], 180, Options::default()).await;
    let came = &server.log().came["default"];
    let took = (came[179] - came[0]).as_secs();
    assert!((165..=185).contains(&took), "180 answers took {took} s");
}

#[tokio::test(start_paused = true)]
async fn the_ceiling_over_all_models_is_shared_fairly() {
    let server = Server::new(1_000);
    let rows: Vec<ModelRow> = ["a", "b", "c"].map(|name| row(name, Limits::default())).into();
    let options = Options { max_concurrency: 12, ..Options::default() };
    ask_all(&server, &rows, 100, options).await;
    let log = server.log();
    for (name, peak) in &log.peak {
        assert!((4..=6).contains(peak), "{name} had {peak} of 12 under way");
    }
    assert!(log.peak.values().sum::<usize>() <= 18);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_hints_does_not_hold_a_model_back_for_ever() {
    // For two minutes everything is refused with a hint of an hour; then all is well.
    let began = Instant::now();
    let server = Server::new(100).fault(move |_| {
        (began.elapsed() < Duration::from_mins(2)).then(|| limited(Some(Duration::from_hours(1))))
    });
    let retry = RetryPolicy { longest_hint: Duration::from_secs(30), ..RetryPolicy::default() };
    let rows = [row("default", Limits::default())];
    let (answers, _) = ask_all(&server, &rows, 50, Options { retry, ..Options::default() }).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(began.elapsed() < Duration::from_mins(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_run_is_stopped_is_withdrawn_and_what_is_under_way_is_finished() {
    let server =
        Server::new(10_000).fault(|call| (call.text == "0").then(|| limited(Some(Duration::from_mins(1)))));
    let rows = [row("default", Limits::default())];
    let models = Models::new(&server, &rows, Options::default());
    let (tell, _told) = Tell::channel();
    let began = Instant::now();
    let work = async {
        let stop = async {
            sleep(Duration::from_secs(1)).await;
            models.permits.stop();
        };
        futures::future::join(questions(&models, &rows, 40, &tell), stop).await.0
    };
    let answers = models.with_permits(work).await;
    let withdrawn = answers.iter().filter(|answer| **answer == Err(Unanswered::Withdrawn)).count();
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(withdrawn + answered, 40);
    assert_eq!(answers[0], Err(Unanswered::Withdrawn), "it waited for its second attempt");
    assert!(answered >= 8, "{answered} were under way");
    assert!(began.elapsed() < Duration::from_secs(16), "nobody waits for a minute: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_cached_reply_is_not_asked_for_and_more_repeats_pay_for_themselves_only() {
    let directory = tempfile::tempdir().unwrap();
    let cache = || Options { cache: Some(Cache::new(directory.path())), ..Options::default() };
    let rows = [row("default", Limits::default())];
    let first = Server::new(100);
    let (before, _) = ask_all(&first, &rows, 20, cache()).await;
    assert_eq!(first.log().answered.len(), 20);

    let second = Server::new(100);
    let (after, events) = ask_all(&second, &rows, 20, cache()).await;
    assert!(second.log().came.is_empty() && events.is_empty());
    for (before, after) in before.iter().zip(&after) {
        let (before, after) = (before.as_ref().unwrap(), after.as_ref().unwrap());
        assert_eq!(before.reply, after.reply);
        assert!(matches!(after.source, ReplySource::Cached { .. }));
    }

    let models = Models::new(&second, &rows, cache());
    let (tell, _told) = Tell::channel();
    let request = request(0);
    let (models, rows, request, tell) = (&models, &rows, &request, &tell);
    let ask = |repeat| async move {
        models.ask(&Question { trial: trial(0), repeat, row: &rows[0], request }, tell).await
    };
    let answers = models.with_permits(join_all((1..=3).map(ask))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(second.log().answered.len(), 2, "the second and the third repeat");
}

#[tokio::test(start_paused = true)]
async fn errors_are_never_cached_and_a_cache_that_cannot_be_written_fails_no_run() {
    let directory = tempfile::tempdir().unwrap();
    let cache = |path: &std::path::Path| Options { cache: Some(Cache::new(path)), ..Options::default() };
    let rows = [row("default", Limits::default())];
    let locked = Server::new(100).fault(|_| Some(auth()));
    ask_all(&locked, &rows, 5, cache(directory.path())).await;
    assert_eq!(crate::cache::stats(directory.path()).unwrap().entries, 0);

    let file = directory.path().join("a file");
    promptassay_registry::files::create_new(&file, "x").unwrap();
    let server = Server::new(100);
    let models = Models::new(&server, &rows, cache(&file));
    let (tell, _told) = Tell::channel();
    let answers = models.with_permits(questions(&models, &rows, 3, &tell)).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(models.cache_problem().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_bad_day_ends_with_every_question_answered() {
    let server = Server::new(300).hidden(Hidden::Concurrency(30), None).fault(|call| {
        // Shares of calls that look random: 20 % refused, 5 % cut, 5 % failed, 1 % garbage.
        match (call.text.len() * 31 + call.text.parse::<usize>().unwrap_or(0) * 7919 + call.nth * 104_729)
            % 100
        {
            0..20 => Some(limited(None)),
            20..25 => Some(ModelError::Transport { detail: "reset".into() }),
            25..30 => Some(ModelError::Server { retry_after: None, retryable: true, detail: "500".into() }),
            30 => Some(ModelError::Malformed { detail: "garbage".into() }),
            _ => None,
        }
    });
    let (answers, events) =
        ask_all(&server, &[row("default", Limits::default())], 1_000, Options::default()).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.log().answered.len(), 1_000, "no answer was asked for twice");
    assert!(events.len() > 300, "{} failed attempts", events.len());
}
