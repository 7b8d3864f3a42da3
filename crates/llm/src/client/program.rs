//! Runs a program once: an argument vector and never a shell, a question on stdin, an answer on stdout, limits on both
//! outputs. The caller sets the time limit: when the future is dropped, the program is killed.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::spawn_blocking;

use crate::error::ModelError;
use crate::program_output::{read_end, read_up_to};
use crate::provider::command::Finished;

/// How much of the end of stderr is kept: a traceback ends with its reason.
const KEPT_OF_STDERR: usize = 16 * 1024;

pub(super) async fn run(
    words: &[String],
    directory: Option<&Path>,
    question: &[u8],
    limit: usize,
) -> Result<Finished, ModelError> {
    let [program, arguments @ ..] = words else {
        return Err(ModelError::BadRequest { detail: "the command is empty".to_owned() });
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    // On another thread: that takes milliseconds, in which the answers of others would wait.
    let started = spawn_blocking(move || command.spawn()).await.map_err(io::Error::from);
    let mut child = started.flatten().map_err(|error| cannot_start(program, &error))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(ModelError::Transport { detail: format!("`{program}` has no standard streams") });
    };
    let ask = async {
        // A program that answers without having read everything closes the pipe, and may.
        let _ = stdin.write_all(question).await;
        drop(stdin);
    };
    // All three at once: a program that writes while it is written to must not block.
    let ((), stdout, stderr) = tokio::join!(ask, read_up_to(stdout, limit), read_end(stderr, KEPT_OF_STDERR));
    let broke = |error: io::Error| ModelError::Transport {
        detail: format!("the pipe of `{program}` broke: {error}"),
    };
    let Some(stdout) = stdout.map_err(broke)? else {
        let detail = format!("`{program}` wrote more than {limit} bytes");
        return Err(ModelError::Malformed { detail });
    };
    let status = child.wait().await.map_err(broke)?;
    Ok(Finished {
        program: program.clone(),
        success: status.success(),
        status: status.to_string(),
        stdout,
        stderr,
    })
}

fn cannot_start(program: &str, error: &io::Error) -> ModelError {
    let detail = format!("`{program}` cannot be started: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => ModelError::NotFound { detail },
        io::ErrorKind::PermissionDenied => ModelError::BadRequest { detail },
        _ => ModelError::Transport { detail },
    }
}
