//! `command`: what a program of the user's says of the reply. An argument vector, never a shell; JSON on stdin, JSON on stdout;
//! limits on time and output. The program runs in the directory of the file that names it.
//!
//! On time-out the program itself is killed, not what it has started.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use promptassay_llm::program_output::{read_end, read_up_to};
use promptassay_llm::{Secrets, secrets_in_command};
use promptassay_registry::yaml::{Located, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;

use super::excerpt::excerpt;
use super::outside::{Inquiry as OutsideInquiry, Outside};
use super::runtime_spec::read_duration;
use super::spec::{Builder, Options};
use super::view::View;
use super::{Found, Look};
use crate::outcome::{CheckOutcome, Reason};
use crate::program_words::{has_directory, paths_among};
use crate::programs::Programs;

pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most that a program may write to stdout, in bytes.
pub(super) const OUTPUT_LIMIT: usize = 64 * 1024;

/// How much of the end of stderr is kept, in bytes: a traceback ends with its reason.
const KEPT_OF_STDERR: usize = 4 * 1024;

/// A program that looks at the reply.
#[derive(Debug)]
pub(super) struct CommandCheck {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
    directory: PathBuf,
    has_threshold: bool,
}

/// A program to be run.
#[derive(Debug)]
pub(super) struct Inquiry {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
    directory: PathBuf,
    has_threshold: bool,
    question: Vec<u8>,
}

/// The JSON object that a program must write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    pass: bool,
    score: Option<f64>,
    reason: Option<String>,
}

impl CommandCheck {
    /// The paths among its words, seen from where it runs: of `[python3, checks/links.py, --strict]` the script.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let words: Vec<String> = [&self.program].into_iter().chain(&self.arguments).cloned().collect();
        paths_among(&words).into_iter().map(|path| self.directory.join(path)).collect()
    }

    pub(super) fn look(&self, view: &View<'_>, outside: &mut Outside) -> Look {
        outside.inquire(|| {
            let question = json!({
                "output": view.text(),
                "json": view.json().ok(),
                "inputs": view.subject.inputs,
                "reference": view.subject.reference,
                "reply": view.subject.reply,
            });
            OutsideInquiry::Program(Inquiry {
                program: self.program.clone(),
                arguments: self.arguments.clone(),
                timeout: self.timeout,
                directory: self.directory.clone(),
                has_threshold: self.has_threshold,
                question: question.to_string().into_bytes(),
            })
        })
    }
}

impl Inquiry {
    /// Asks the program when it is its turn; its time begins then. It has the environment of the run and may repeat a key of it,
    /// which is cut out of what it says.
    pub(super) async fn run(self, programs: &Programs<'_>) -> Look {
        let Some(_turn) = programs.turn().await else {
            return Err(error(format!("`{}` was not run: the run was stopped before", self.program)));
        };
        let secrets = programs.secrets();
        let child = self.start().await.map_err(error)?;
        let finished = tokio::time::timeout(self.timeout, self.finish(child, secrets)).await;
        let output = match finished {
            Ok(Ok(output)) => output,
            Ok(Err(message)) => return Err(error(message)),
            Err(_) => {
                return Err(error(format!(
                    "`{}` took more than {:?} and was killed",
                    self.program, self.timeout
                )));
            }
        };
        self.read(&output, secrets)
    }

    /// Starts the program, on another thread: that takes milliseconds, in which answers would wait that have arrived, and their
    /// waiting would count as the model's latency.
    async fn start(&self) -> Result<Child, String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = spawn_blocking(move || command.spawn()).await.map_err(io::Error::from);
        started.flatten().map_err(|error| format!("`{}` cannot be started: {error}", self.program))
    }

    async fn finish(&self, mut child: Child, secrets: &Secrets) -> Result<Vec<u8>, String> {
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(format!("`{}` has no standard streams", self.program));
        };
        let ask = async {
            // A program that answers without having read everything closes the pipe, and may.
            let _ = stdin.write_all(&self.question).await;
            drop(stdin);
        };
        let broke = |error: io::Error| format!("the pipe of `{}` broke: {error}", self.program);
        // All three at once: a program that writes while it is written to must not block.
        let answer = async {
            let read = async {
                let output = read_up_to(stdout, OUTPUT_LIMIT).await.map_err(broke)?;
                output.ok_or_else(|| format!("`{}` wrote more than {OUTPUT_LIMIT} bytes", self.program))
            };
            let ((), (output, stderr)) =
                futures::join!(ask, async { futures::join!(read, read_end(stderr, KEPT_OF_STDERR)) });
            (output, stderr)
        };
        let (output, stderr) = answer.await;
        let output = output?;
        let status = child.wait().await.map_err(broke)?;
        if !status.success() {
            let stderr = secrets.cut_out(stderr);
            let text = String::from_utf8_lossy(&stderr);
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing on stderr");
            return Err(format!("`{}` failed ({status}): {}", self.program, excerpt(last)));
        }
        Ok(output)
    }

    /// Reads the verdict as it was written, and cuts secrets out of what is shown of it: a score is no text.
    fn read(&self, output: &[u8], secrets: &Secrets) -> Look {
        let calm = |text: Vec<u8>| String::from_utf8_lossy(&secrets.cut_out(text)).into_owned();
        let shown = || excerpt(&calm(output.to_owned()));
        let no_answer = |why: String| {
            CheckOutcome::Error(
                Reason::new(format!("`{}` wrote no answer: {why}", self.program))
                    .expected("one JSON object {pass, score, reason} on stdout")
                    .got(shown()),
            )
        };
        if !output.trim_ascii_start().starts_with(b"{") {
            // A list of the three values would be read as well.
            return Err(no_answer("it does not begin with `{`".to_owned()));
        }
        let answer: Answer =
            serde_json::from_slice(output).map_err(|why| no_answer(calm(why.to_string().into_bytes())))?;
        if answer.score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return Err(error(format!("`{}` gives a score that is not from 0 to 1", self.program)));
        }
        if self.has_threshold && answer.score.is_none() {
            return Err(error(format!("`{}` gives no score, and `threshold` needs one", self.program)));
        }
        let reason = Reason::new(answer.reason.map_or_else(
            || format!("`{}` says {}", self.program, if answer.pass { "yes" } else { "no" }),
            |reason| excerpt(&calm(reason.into_bytes())).trim_matches('"').to_owned(),
        ));
        let found = Found::new(answer.pass, reason.clone(), reason);
        Ok(match answer.score {
            Some(score) => found.scored(score),
            None => found,
        })
    }
}

fn error(message: String) -> CheckOutcome {
    CheckOutcome::Error(Reason::new(message))
}

const SECRET: &str = "a word of this program holds a secret, and files are read by many";
const NO_SECRET: &str = "take it out: the program inherits the environment, and reads it there; for a program that takes it as a word \
     write `[sh, -c, 'app --api-key \"$NAME\"']`";

/// `[program, argument, …]` or `{values: […], timeout: 30s}`.
#[derive(Debug, Clone, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandOptions {
    /// The program and its arguments.
    values: Vec<Located<String>>,
    /// How long it may take, such as `30s`; 10s when absent.
    #[serde(default, deserialize_with = "promptassay_registry::yaml::spelled")]
    timeout: Option<Located<String>>,
}

impl Options for CommandOptions {
    type Short = Vec<Located<String>>;
    const EXPECTING: &'static str = "a list: the program and its arguments";

    fn short(values: Located<Vec<Located<String>>>) -> Self {
        Self { values: values.value, timeout: None }
    }
}

impl CommandOptions {
    pub(super) fn build(&self, builder: &mut Builder<'_>) -> Option<CommandCheck> {
        let key = builder.key();
        let before = builder.problem_count();
        let words: Vec<&str> = self.values.iter().map(|word| word.value.as_str()).collect();
        let secrets = secrets_in_command(&words);
        let names_a_secret = secrets.contains(&0);
        let secrets: Vec<Span> = secrets.into_iter().map(|word| self.values[word].span).collect();
        builder.hide(secrets.iter().copied());
        for secret in secrets {
            builder.refuse("suite::secret_in_command", SECRET, secret, NO_SECRET);
        }
        if self.values.first().is_none_or(|program| program.trim().is_empty()) {
            builder.refuse("suite::empty_list", "no program is named", key, "write `[program, argument]`");
        }
        if let Some(word) = self.values.iter().find(|word| word.contains('\0')) {
            builder.refuse("suite::invalid_command", "a word contains a NUL byte", word.span, "take it out");
        }
        let timeout = match &self.timeout {
            Some(text) => read_duration(text, builder),
            None => Some(DEFAULT_TIMEOUT),
        };
        if builder.surroundings().is_some_and(|surroundings| !surroundings.settings.allow_commands) {
            builder.refuse(
                "suite::commands_not_allowed",
                "this check runs a program, and programs are not allowed",
                key,
                "read the program, then pass `--allow-commands`",
            );
        }
        let [program, arguments @ ..] = self.values.as_slice() else { return None };
        let directory = match builder.file().parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let settings = builder.surroundings().map(|surroundings| surroundings.settings);
        let looked_in = settings.filter(|settings| settings.allow_commands);
        let looked_in = looked_in.map_or(&[][..], |settings| &settings.program_directories);
        if !names_a_secret && !looked_in.is_empty() && !is_there(program, &directory, looked_in) {
            let (message, help) = if has_directory(program) {
                let path: PathBuf = directory.join(&program.value).components().collect();
                (
                    format!("there is no program `{}`", path.display()),
                    "a path is read from the directory of this file; mend it, or make the file executable",
                )
            } else {
                (
                    format!("there is no program `{program}` in PATH"),
                    "install it, or write `./NAME` for one in the directory of this file",
                )
            };
            builder.refuse("suite::no_program", message, program.span, help);
        }
        let check = CommandCheck {
            program: program.value.clone(),
            arguments: arguments.iter().map(|argument| argument.value.clone()).collect(),
            timeout: timeout?,
            directory,
            has_threshold: builder.threshold().is_some(),
        };
        (builder.problem_count() == before).then_some(check)
    }
}

/// Whether there is a file that can be started.
fn is_there(program: &str, directory: &Path, paths: &[PathBuf]) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let can_start = |path: PathBuf| path.is_file() && is_executable(&path);
    let places: Vec<PathBuf> = if has_directory(program) {
        vec![directory.to_owned()]
    } else {
        // A relative entry of `PATH` is read where the program starts.
        paths.iter().map(|path| directory.join(path)).collect()
    };
    places.iter().any(|place| can_start(place.join(program)) || can_start(place.join(&name)))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
