//! The user's wish to stop: Ctrl-C, or SIGTERM from a scheduler.

use std::future::pending;

/// Resolves when the process has been asked to stop so many times. Whoever wants to know must begin to wait before: what nobody
/// waits for takes its default action, which ends the process.
#[cfg(unix)]
pub(crate) async fn asked_to_stop(times: usize) {
    use tokio::signal::unix::{SignalKind, signal};

    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        // Without a handler the signal ends the process, which is what is wanted then.
        return pending().await;
    };
    for _ in 0..times {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Resolves when the process has been asked to stop so many times.
#[cfg(not(unix))]
pub(crate) async fn asked_to_stop(times: usize) {
    for _ in 0..times {
        if tokio::signal::ctrl_c().await.is_err() {
            return pending().await;
        }
    }
}
