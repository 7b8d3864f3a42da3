//! What the process finds around it: clock, environment variables, terminal. The only place that asks for them.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment and the clock for all others"
)]

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use promptassay_evaluator::runs::RunId;
use promptassay_registry::digest::Digest;
use uuid::Uuid;

/// A pipeline that the process runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// Who set it off, where it says so.
    pub(crate) user: Option<String>,
}

/// Variables that only pipelines set.
const PIPELINES: [&str; 3] = ["CI", "TF_BUILD", "JENKINS_URL"];
/// Where the pipelines that are in wide use say who set them off.
const PIPELINE_USERS: [&str; 6] = [
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "BUILDKITE_BUILD_CREATOR",
    "CIRCLE_USERNAME",
    "BUILD_REQUESTEDFOR",
    "BUILD_USER_ID",
];

/// The environment variable that names the store of experiments.
pub(crate) const STORE: &str = "PROMPTASSAY_STORE";

/// What it says; `None` where it is not set.
pub(crate) fn store() -> Option<String> {
    std::env::var_os(STORE).map(|value| value.to_string_lossy().into_owned())
}

/// The working directory.
///
/// # Errors
///
/// It is gone, or may not be read.
pub(crate) fn directory() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// The surroundings of the process.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Whether standard output is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// Whether the user asks for no colour, by `NO_COLOR` or by a terminal that has none.
    pub(crate) no_color: bool,
    /// The working directory.
    pub(crate) directory: PathBuf,
}

impl Environment {
    /// The real surroundings.
    pub(crate) fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            no_color: set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
            directory: directory().unwrap_or_default(),
        }
    }

    /// The time of something that is worth a line in a list: in whole seconds.
    pub(crate) fn now_in_seconds(&self) -> Timestamp {
        let now = self.now();
        // A time that is there is within the range.
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// The time of what is held against the ledger, which keeps milliseconds: cut to them, so that nothing is younger than it is.
    pub(crate) fn now_in_milliseconds(&self) -> Timestamp {
        let now = self.now();
        // A time that is there is within the range.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// The time at which something ends by the clock of now, in milliseconds: rounded up, so that it holds whatever was there before.
    pub(crate) fn end_in_milliseconds(&self) -> Timestamp {
        let now = self.now();
        let milliseconds = now.as_nanosecond().div_euclid(1_000_000);
        let is_whole = now.as_nanosecond().rem_euclid(1_000_000) == 0;
        let end = i64::try_from(milliseconds + i128::from(!is_whole));
        // A time that is there is within the range.
        end.ok().and_then(|end| Timestamp::from_millisecond(end).ok()).unwrap_or(now)
    }

    /// The time.
    #[expect(clippy::unused_self, reason = "whoever wants the time must have been given the surroundings")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The clock itself, for whoever asks it often.
    #[expect(clippy::unused_self, reason = "whoever wants the time must have been given the surroundings")]
    pub(crate) fn clock(&self) -> fn() -> Timestamp {
        Timestamp::now
    }

    /// The directories in which programs are looked for.
    #[expect(clippy::unused_self, reason = "whoever wants a variable must have been given the surroundings")]
    pub(crate) fn program_directories(&self) -> Vec<PathBuf> {
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
    }

    /// The value of an environment variable; `None` where it is not set. What is not Unicode is no key, and comes out as such.
    #[expect(clippy::unused_self, reason = "whoever wants a variable must have been given the surroundings")]
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// A new id for a run that begins now.
    pub(crate) fn run_id(&self) -> RunId {
        let now = self.now();
        let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
        let time = uuid::Timestamp::from_unix(
            uuid::NoContext,
            u64::try_from(seconds).unwrap_or(0),
            u32::try_from(nanoseconds).unwrap_or(0),
        );
        RunId::from_version_7(uuid::Uuid::new_v7(time).into_bytes())
    }

    /// 16 random bytes, for seeds and ids.
    #[expect(clippy::unused_self, reason = "whoever wants randomness must have been given the surroundings")]
    pub(crate) fn random_bytes(&self) -> [u8; 16] {
        // A UUID has some fixed bits; a digest over two of them has none.
        let drawn = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Digest::of(drawn).as_bytes()[..16]);
        bytes
    }

    /// The pipeline that the process runs in, if it does.
    pub(crate) fn pipeline(&self) -> Option<Pipeline> {
        let value = |name: &str| self.variable(name).filter(|value| !value.trim().is_empty());
        let is_there = PIPELINES
            .iter()
            .any(|name| value(name).is_some_and(|value| !matches!(value.as_str(), "false" | "0")));
        is_there.then(|| Pipeline { user: PIPELINE_USERS.iter().find_map(|name| value(name)) })
    }

    /// `Name <address>` as git knows the user, if it does.
    pub(crate) fn git_identity(&self) -> Option<String> {
        let name = self.git_config("user.name")?;
        Some(match self.git_config("user.email") {
            Some(address) => format!("{name} <{address}>"),
            None => name,
        })
    }

    fn git_config(&self, key: &str) -> Option<String> {
        let output = Command::new("git")
            .args(["config", "--get", key])
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let value = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !value.is_empty()).then_some(value)
    }
}
