//! The user's wish to stop: Ctrl-C, or SIGTERM from a scheduler.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use super::runtime;
use crate::console::Console;
use crate::exit::Exit;

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

/// Whether somebody else says what becomes of the command when it is asked to stop.
static IS_TOLD_ELSEWHERE: AtomicBool = AtomicBool::new(false);

/// Whether a run listens already.
static LISTENS: AtomicBool = AtomicBool::new(false);

/// Whether somebody else says from now on what becomes of the command when it is asked to stop.
pub(crate) fn told_elsewhere(is_told: bool) {
    IS_TOLD_ELSEWHERE.store(is_told, Ordering::SeqCst);
}

/// Takes over from a run that has ended: it listened for signals, whose default action is gone for good. What was asked and paid for is
/// written first, which is said; whoever asks again, or has asked before, ends the process.
pub(super) fn listen_on(was_asked: bool, console: Console) {
    if LISTENS.swap(true, Ordering::SeqCst) {
        return;
    }
    let (listening, listens) = mpsc::channel();
    thread::spawn(move || {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            let mut stop = pin!(asked_to_stop(1));
            tokio::select! {
                biased;
                () = &mut stop => {}
                // By now a signal is seen.
                () = ready(()) => {
                    let _ = listening.send(());
                    stop.await;
                }
            }
            if !was_asked {
                let again = asked_to_stop(1);
                if !IS_TOLD_ELSEWHERE.load(Ordering::SeqCst) {
                    console.note("stopping: what was asked is written first; again ends at once");
                }
                again.await;
            }
        });
        end_at_once();
    });
    // One that could not begin to listen is gone, and waited for by nobody.
    let _ = listens.recv();
}

/// Ends the process as one that was interrupted.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "in place of the default action of a signal, which runs no destructor either"
)]
pub(crate) fn end_at_once() {
    std::process::exit(Exit::Interrupted.code().into())
}
