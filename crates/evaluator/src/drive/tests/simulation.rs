//! How close the driver comes to a limit that a server keeps to itself, and how often it is refused on the way.

use std::time::Duration;

use futures::{StreamExt, stream};
use promptassay_llm::Limits;
use tokio::time::{Instant, sleep};

use super::server::{Hidden, Server, request, row, trial};
use crate::drive::{Models, Options, Question};
use crate::run::Tell;

/// What came of a simulation.
struct Outcome {
    /// The best five seconds of the first thirty, as a share of what the server could have answered.
    reached: f64,
    /// The mean from second 15 to the end, as such a share.
    kept: f64,
    /// The share of refused calls, over all of it.
    refused: f64,
    /// The same for the first thirty seconds.
    refused_early: f64,
}

const SECONDS: u64 = 180;

async fn simulate(hidden: Hidden, latency_ms: u64, retry_after: Option<Duration>) -> Outcome {
    let server = Server::new(latency_ms).hidden(hidden, retry_after);
    let row = row("default", Limits::default());
    let models = Models::new(&server, [&row], Options::default());
    let (tell, _told) = Tell::channel();
    let begin = Instant::now();
    let work = async {
        let questions = stream::iter(0..).map(|number: usize| {
            let (models, row, tell) = (&models, &row, &tell);
            async move {
                let request = request(number);
                models.ask(&Question { trial: trial(number), repeat: 1, row, request: &request }, tell).await
            }
        });
        let answers = questions.buffer_unordered(400).take_until(sleep(Duration::from_secs(SECONDS)));
        answers.for_each(|answer| async move { assert!(answer.is_ok(), "{answer:?}") }).await;
    };
    models.with_permits(work).await;
    let log = server.log();
    let per_second = match hidden {
        Hidden::Concurrency(limit) => limit as f64 * 1000.0 / latency_ms as f64,
        Hidden::Rate { per_second, .. } => per_second,
        Hidden::Nothing => unreachable!("there is nothing to come close to"),
    };
    let count = |times: &[Instant], from: u64, to: u64| {
        let range = Duration::from_secs(from)..Duration::from_secs(to);
        times.iter().filter(|&&time| range.contains(&(time - begin))).count() as f64
    };
    let refused =
        |to: u64| count(&log.refused, 0, to) / (count(&log.refused, 0, to) + count(&log.answered, 0, to));
    let reached =
        (0..=25).map(|from| count(&log.answered, from, from + 5) / (5.0 * per_second)).fold(0.0, f64::max);
    let kept = count(&log.answered, 15, SECONDS) / ((SECONDS - 15) as f64 * per_second);
    Outcome { reached, kept, refused: refused(SECONDS), refused_early: refused(30) }
}

async fn check(hidden: Hidden, latency_ms: u64) {
    for retry_after in [None, Some(Duration::from_secs(1))] {
        let Outcome { reached, kept, refused, refused_early } =
            simulate(hidden, latency_ms, retry_after).await;
        let what = format!("{hidden:?}, {latency_ms} ms, hint {retry_after:?}");
        assert!(reached >= 0.9, "{what}: reached {reached:.3} of what the server takes");
        assert!(kept >= 0.88, "{what}: kept {kept:.3} of what the server takes");
        assert!(refused <= 0.01, "{what}: {refused:.4} of the calls were refused");
        assert!(refused_early <= 0.05, "{what}: {refused_early:.4} of the first calls were refused");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hidden_number_at_once_is_found() {
    for (limit, latency_ms) in [(10, 1000), (50, 1000), (50, 300), (150, 1000)] {
        check(Hidden::Concurrency(limit), latency_ms).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hidden_rate_is_found() {
    for (per_second, latency_ms) in [(20.0, 1000), (50.0, 800), (100.0, 400), (50.0, 200)] {
        check(Hidden::Rate { per_second, burst: 10.0 }, latency_ms).await;
    }
}
