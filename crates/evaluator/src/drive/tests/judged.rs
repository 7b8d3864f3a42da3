//! One question to a judge has one answer in a run, however often it comes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use promptassay_llm::{Limits, ModelError};
use promptassay_registry::files::write_atomic;
use promptassay_registry::template::Values;

use super::server::{Server, row, trial};
use crate::cache::Cache;
use crate::drive::{Models, Options};
use crate::event::ReplySource;
use crate::judge::{Given, JudgeCall, Question, question_about};
use crate::plan::Trial;
use crate::run::{Asked, Tell, Unanswered};

/// Asks a judge about these replies at once, each with its sample.
async fn judge(models: &Models<&Server>, replies: &[(&str, u32)]) -> Vec<Result<Asked, Unanswered>> {
    let (tell, _told) = Tell::channel();
    let ask = |(number, (reply, sample)): (usize, &(&str, u32))| {
        let model = Arc::new(row("judge", Limits::default()));
        let Question { request, parts } = question_about(
            &model,
            "Is polite.",
            reply,
            Given { inputs: &Values::new(), conversation: &[], reference: None },
        );
        let trial = Trial { id: trial(number), prompt: 0, variant: 0, case: number, repeat: 1 };
        models.ask_judge(trial, JudgeCall { model, request, parts, sample: *sample }, tell.clone())
    };
    models.with_permits(join_all(replies.iter().enumerate().map(ask))).await
}

fn models(server: &Server, cache: Option<Cache>) -> Models<&Server> {
    Models::new(server, &[row("judge", Limits::default())], Options { cache, ..Options::default() })
}

#[tokio::test(start_paused = true)]
async fn equal_replies_are_judged_alike_and_paid_for_once() {
    let directory = tempfile::tempdir().unwrap();
    let caches = [
        None,
        Some(Cache::new(&directory.path().join("refreshed")).refresh(true)),
        Some(Cache::new(&directory.path().join("used"))),
        // Too old as soon as time has passed.
        Some(Cache::new(&directory.path().join("aged")).max_age(Some(Duration::ZERO))),
        // It cannot be written: a file stands where its directory should be.
        Some(Cache::new(&directory.path().join("file/cache"))),
    ];
    write_atomic(&directory.path().join("file"), "").unwrap();
    for cache in caches {
        let server = Server::new(100);
        let models = models(&server, cache);
        let asked = judge(&models, &[("Hi", 1), ("Hi", 1), ("Hi", 2), ("Ho", 1), ("Hi", 1)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let again = judge(&models, &[("Hi", 1), ("Ho", 1), ("Hi", 2)]).await;
        assert_eq!(server.log().came["judge"].len(), 3, "{:?}", models.cache);
        let live: Vec<bool> = asked
            .iter()
            .chain(&again)
            .map(|asked| asked.as_ref().unwrap().source == ReplySource::Live)
            .collect();
        assert_eq!(live.iter().filter(|live| **live).count(), 3, "{live:?}");
        // What was asked in this run was not saved by a cache, whoever has it now.
        let is_shared = |asked: &&Result<Asked, Unanswered>| {
            asked.as_ref().is_ok_and(|asked| asked.source == ReplySource::Shared)
        };
        assert_eq!(asked.iter().chain(&again).filter(is_shared).count(), 5, "{:?}", models.cache);
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_first_fails_the_next_who_waits_asks_in_its_place() {
    let server = Server::new(100)
        .fault(|call| (call.nth == 1).then(|| ModelError::BadRequest { detail: "once".into() }));
    let models = models(&server, None);
    let asked = judge(&models, &[("Hi", 1), ("Hi", 1), ("Hi", 1)]).await;
    assert_eq!(asked.iter().filter(|asked| asked.is_err()).count(), 1, "{asked:?}");
    assert!(asked[0].is_err(), "{asked:?}");
    let later = judge(&models, &[("Hi", 1), ("Hi", 1)]).await;
    assert!(later.iter().all(Result::is_ok), "{later:?}");
    assert_eq!(server.log().came["judge"].len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_answered_is_not_asked_by_all_who_wait_one_after_the_other() {
    let server = Server::new(100)
        .fault(|call| (call.nth <= 3).then(|| ModelError::BadRequest { detail: "too long".into() }));
    let models = models(&server, None);
    let asked = judge(&models, &[("Hi", 1); 8]).await;
    assert!(asked.iter().all(Result::is_err), "{asked:?}");
    assert_eq!(server.log().came["judge"].len(), 3);
    assert!(judge(&models, &[("Hi", 1)]).await[0].is_ok(), "whoever comes later asks again");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_no_answer_for_whoever_comes_later() {
    let server = Server::new(100)
        .fault(|call| (call.nth == 1).then(|| ModelError::BadRequest { detail: "once".into() }));
    let models = models(&server, None);
    assert!(judge(&models, &[("Hi", 1)]).await[0].is_err());
    assert!(judge(&models, &[("Hi", 1)]).await[0].is_ok());
}
