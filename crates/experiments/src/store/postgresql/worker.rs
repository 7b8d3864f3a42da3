//! A connection on a thread of its own, which is not waited for without end: the driver waits for as long as a server says nothing.

use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::time::Duration;
use std::{io, thread};

use crate::store::StoreError;

/// How many answers wait to be read, before the connection waits for the reader.
const WAITING: usize = 1000;

type Job<C> = Box<dyn FnOnce(&mut C) + Send>;

/// Who is asked instead of the connection. After a question without an answer nothing else is asked until that one has come to an end.
pub(super) struct Worker<C> {
    jobs: Sender<Job<C>>,
    /// The store, without secrets.
    shown: String,
    /// How long nothing may come.
    patience: Duration,
    /// Of the question that was given up: it has ended when the other end is gone.
    given_up: Option<Receiver<()>>,
}

impl<C: Send + 'static> Worker<C> {
    /// Takes a connection; it is closed when the worker is dropped and the last question has ended.
    pub(super) fn start(connection: C, shown: &str, patience: Duration) -> io::Result<Self> {
        let (jobs, asked) = mpsc::channel::<Job<C>>();
        thread::Builder::new().spawn(move || {
            let mut connection = connection;
            for job in asked {
                job(&mut connection);
            }
        })?;
        Ok(Self { jobs, shown: shown.to_owned(), patience, given_up: None })
    }

    /// Asks what has one answer.
    pub(super) fn ask<T: Send + 'static>(
        &mut self,
        doing: &'static str,
        question: impl FnOnce(&mut C) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut answered = None;
        let asked = |connection: &mut C, answers: &SyncSender<T>| {
            // Nobody may wait for it any more.
            drop(answers.send(question(connection)));
        };
        self.stream(doing, asked, |answer| {
            answered = Some(answer);
            ControlFlow::Break(())
        })?;
        answered.ok_or_else(|| self.silent(doing, "its connection is gone"))
    }

    /// Asks what has many answers, and hands them out until `visit` has enough: a question that ends before has failed.
    pub(super) fn stream<T: Send + 'static>(
        &mut self,
        doing: &'static str,
        question: impl FnOnce(&mut C, &SyncSender<T>) + Send + 'static,
        mut visit: impl FnMut(T) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if self.is_busy() {
            return Err(self.silent(doing, "it is still at what it was asked before"));
        }
        let (answers, answered) = mpsc::sync_channel(WAITING);
        let (under_way, ended) = mpsc::channel();
        let job = move |connection: &mut C| {
            question(connection, &answers);
            drop::<Sender<()>>(under_way);
        };
        let gone = |worker: &Self| worker.silent(doing, "its connection is gone");
        self.jobs.send(Box::new(job)).map_err(|_| gone(self))?;
        loop {
            match answered.recv_timeout(self.patience) {
                Ok(answer) => {
                    if visit(answer).is_break() {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(gone(self)),
                Err(RecvTimeoutError::Timeout) => {
                    self.given_up = Some(ended);
                    let waited = format!("nothing came for {} s", self.patience.as_secs_f64());
                    return Err(self.silent(doing, &waited));
                }
            }
        }
    }

    /// What is said of a store that did not do in time what it was to do.
    pub(super) fn silent(&self, doing: &'static str, reason: &str) -> StoreError {
        StoreError::Silent { location: self.shown.clone(), doing, reason: reason.to_owned() }
    }

    fn is_busy(&mut self) -> bool {
        if self.given_up.as_ref().is_some_and(|ended| ended.try_recv() != Err(TryRecvError::Empty)) {
            self.given_up = None;
        }
        self.given_up.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker() -> Worker<u32> {
        Worker::start(7, "postgres://ada@db/prod", Duration::from_millis(20)).unwrap()
    }

    #[test]
    fn a_question_without_an_answer_is_given_up_and_what_comes_later_is_answered_once_it_has_ended() {
        let mut worker = worker();
        let (end, ends) = mpsc::channel::<()>();
        let error = worker.ask("read units", move |_| ends.recv()).unwrap_err().to_string();
        assert_eq!(
            error,
            "the store postgres://ada@db/prod does not answer: nothing came for 0.02 s; it was to read units"
        );
        let error = worker.ask("read the phases", |number| *number).unwrap_err().to_string();
        assert!(
            error.ends_with("it is still at what it was asked before; it was to read the phases"),
            "{error}"
        );
        drop(end);
        loop {
            if let Ok(answer) = worker.ask("read the phases", |number| *number) {
                assert_eq!(answer, 7);
                break;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_question_that_ends_before_its_last_answer_has_failed() {
        let mut worker = worker();
        let mut seen = Vec::new();
        let question = |number: &mut u32, answers: &SyncSender<u32>| answers.send(*number).unwrap();
        let asked = worker.stream("read units", question, |number| {
            seen.push(number);
            ControlFlow::Continue(())
        });
        assert!(asked.unwrap_err().to_string().contains("its connection is gone"));
        assert_eq!(seen, [7]);
    }
}
