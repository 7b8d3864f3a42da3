//! The reports that were asked for on the command line, and how they get to where they go.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use promptassay_registry::files::{WriteError, copy_atomic, try_writing};
use promptassay_registry::problem::{Problem, did_you_mean};

use super::older::may_be_replaced;
use crate::commands::Context;
use crate::failure::Failure;
use crate::stream::Stream;
use crate::writing::real_place;

/// Which reports are written.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReportArguments {
    /// Write a report, such as `markdown=report.md`: `terminal`, `junit`, `json`, `markdown`, `github` or `csv`. Several at once by
    /// several options; `-` is standard output, in place of the report that is printed otherwise.
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<Requested>,
    /// Write a JUnit report: the same as `--report junit=FILE`.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Leave out of JUnit reports everything that a model may have said: outputs, reasons, expected and got.
    #[arg(long)]
    pub(super) junit_redact: bool,
}

/// A report and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requested {
    pub(super) format: ReportFormat,
    pub(super) target: Target,
}

/// The formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Terminal,
    Junit,
    Json,
    Markdown,
    Github,
    Csv,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// In place of the report that is printed otherwise.
    Stdout,
    /// Beside what else is written there.
    Stream(PathBuf, Stream),
    File(PathBuf),
}

impl ReportFormat {
    /// Every format by its name.
    fn all() -> impl Iterator<Item = (String, Self)> {
        let named = |format: &Self| Some((format.to_possible_value()?.get_name().to_owned(), *format));
        Self::value_variants().iter().filter_map(named)
    }

    /// What is written in it.
    fn in_words(self) -> &'static str {
        match self {
            Self::Terminal => "terminal report",
            Self::Junit => "JUnit report",
            Self::Json => "JSON report",
            Self::Markdown => "Markdown report",
            Self::Github => "report of GitHub annotations",
            Self::Csv => "CSV report",
        }
    }
}

impl FromStr for Requested {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = ReportFormat::all().map(|(name, _)| name).collect();
        let usage =
            || format!("write FORMAT=FILE, such as `junit=report.xml`; formats are {}", names.join(", "));
        let (name, file) = text.split_once('=').ok_or_else(usage)?;
        let Some((_, format)) = ReportFormat::all().find(|(known, _)| known == name) else {
            let help = did_you_mean(name, names.iter().map(String::as_str), "formats");
            return Err(format!("there is no format `{name}`; {help}"));
        };
        if file.is_empty() {
            return Err(format!(
                "say where the report goes: `{name}=FILE`, or `{name}=-` for standard output"
            ));
        }
        Ok(Self { format, target: Target::of(Path::new(file)) })
    }
}

impl Requested {
    /// Refuses the place of somebody's file.
    pub(super) fn refuse_elsewhere(&self, context: &Context<'_>) -> Result<(), Failure> {
        let Target::File(path) = &self.target else { return Ok(()) };
        context.refuse_among_prompts(path)?;
        if let Some(message) = in_the_way(path) {
            let help = "name a file in a directory; one that is not there is made";
            return Err(Failure::invalid_one(Problem::error("reports::no_place", message).help(help)));
        }
        let message = match may_be_replaced(path, self.format) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                format!("`{}` is no older {}: it is not written over", path.display(), self.format.in_words())
            }
            Err(error) => format!("cannot look at what is to be replaced, `{}`: {error}", path.display()),
        };
        let help = "write the report elsewhere, or remove that file first";
        Err(Failure::invalid_one(Problem::error("reports::no_report", message).help(help)))
    }
}

impl Target {
    fn of(path: &Path) -> Self {
        match Stream::named(path) {
            _ if path == Path::new("-") => Self::Stdout,
            Some(stream) => Self::Stream(path.to_owned(), stream),
            None => Self::File(path.to_owned()),
        }
    }

    /// Writes a report: to a file wholly or not at all; a pipe, a device or a stream of the process gets it as it is.
    pub(super) fn write(&self, report: &mut dyn Read, context: &Context<'_>) -> Result<(), Failure> {
        match self {
            Self::Stdout => context.data_of(report),
            Self::Stream(path, stream) => stream
                .write(report, context.console)
                .map_err(|error| cannot_write(format!("cannot write to `{}`: {error}", path.display()))),
            Self::File(path) => write_file(path, report, context),
        }
    }

    /// Whether a file can be written there, tried without one: better known before anything is paid for.
    pub(super) fn try_writing(&self) -> Result<(), Failure> {
        let Self::File(path) = self else { return Ok(()) };
        // What is written to as it is, such as a pipe, is not tried: its reader would take that for the report.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Ok(());
        }
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        let cannot = if directory.is_dir() {
            let why = try_writing(path).err().map(|error| match error {
                WriteError::Io { source, .. } => in_short(&source),
                other @ WriteError::Exists { .. } => other.to_string(),
            });
            why.map(|why| format!("cannot write a report to `{}`: {why}", path.display()))
        } else {
            let made_in = directory.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
            let tried = tempfile::Builder::new().prefix(".promptassay-").tempdir_in(made_in).err();
            let why = tried.map(|error| in_short(&error));
            why.map(|why| format!("cannot make `{}` for `{}`: {why}", directory.display(), path.display()))
        };
        let Some(message) = cannot else { return Ok(()) };
        let help = "name a file in a directory that can be written to";
        Err(Failure::invalid_one(Problem::error("reports::no_place", message).help(help)))
    }

    /// What two names of one place have in common.
    fn identity(&self) -> PathBuf {
        match self {
            Self::Stdout => PathBuf::from("-"),
            Self::Stream(path, _) | Self::File(path) => real_place(path),
        }
    }
}

impl ReportArguments {
    /// Every report that was asked for, wherever it is to go.
    pub(super) fn all(&self) -> Vec<Requested> {
        let short =
            self.junit.iter().map(|path| Requested { format: ReportFormat::Junit, target: Target::of(path) });
        self.reports.iter().cloned().chain(short).collect()
    }

    /// Every report that was asked for. Two for one place are refused: the second would replace the first. So is one in the place of
    /// anything but an older report, which a slip of the pen would cost.
    pub(crate) fn requested(&self, context: &Context<'_>) -> Result<Vec<Requested>, Failure> {
        let requested = self.all();
        let identities: Vec<PathBuf> =
            requested.iter().map(|requested| requested.target.identity()).collect();
        for (index, identity) in identities.iter().enumerate() {
            requested[index].refuse_elsewhere(context)?;
            requested[index].target.try_writing()?;
            if identities[..index].contains(identity) {
                let message = match &requested[index].target {
                    Target::Stdout => "two reports are to go to standard output".to_owned(),
                    Target::Stream(path, _) | Target::File(path) => {
                        format!("two reports are to go to `{}`", path.display())
                    }
                };
                let problem = Problem::error("reports::same_file", message);
                return Err(Failure::invalid_one(problem.help("give each report a file of its own")));
            }
        }
        Ok(requested)
    }

    /// Whether any report was asked for.
    pub(crate) fn any(&self) -> bool {
        !self.reports.is_empty() || self.junit.is_some()
    }
}

/// Why no file can be written there, where that is known before there is a report.
fn in_the_way(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some(format!("cannot write a report to `{}`: it is a directory", path.display()));
    }
    if is_called_a_directory(path) {
        return Some(format!(
            "cannot write a report to `{}`: that is the name of a directory",
            path.display()
        ));
    }
    let directory = path.ancestors().skip(1).find(|directory| directory.exists())?;
    let is_file = !directory.is_dir();
    is_file.then(|| {
        format!("cannot write a report to `{}`: `{}` is no directory", path.display(), directory.display())
    })
}

/// An error without the name of the file that was tried in the place of the real one.
fn in_short(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path ").map_or_else(|| text.clone(), |(error, _)| error.to_owned())
}

/// Whether a path can be that of a directory alone: `out/`, `out/.` and `out/..`.
fn is_called_a_directory(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let last = text.rsplit(std::path::is_separator).next().unwrap_or_default();
    matches!(last, "" | "." | "..")
}

/// A directory that is not there is made, and said: it may be a slip of the pen.
fn write_file(path: &Path, report: &mut dyn Read, context: &Context<'_>) -> Result<(), Failure> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        fs::create_dir_all(directory)
            .map_err(|error| cannot_write(format!("cannot create `{}`: {error}", directory.display())))?;
        context.console.note(&format!(
            "made the directory `{}` for `{}`",
            directory.display(),
            path.display()
        ));
    }
    copy_atomic(path, report).map_err(|error| cannot_write(error.to_string()))
}

pub(super) fn cannot_write(message: String) -> Failure {
    Failure::broken(Problem::error("eval::cannot_write_report", message))
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    #[test]
    fn every_format_is_in_the_help_and_on_the_pages() {
        let command = ReportArguments::augment_args(clap::Command::new("eval"));
        let option = command.get_arguments().find(|argument| argument.get_long() == Some("report")).unwrap();
        let help = option.get_help().unwrap().to_string();
        let page = include_str!("../../../../../../docs/reports.md");
        let reference = include_str!("../../../../../../docs/cli.md");
        let option = reference.lines().find(|line| line.starts_with("| `--report FORMAT=FILE` |")).unwrap();
        for (name, _) in ReportFormat::all() {
            let name = format!("`{name}`");
            assert!(help.contains(&name), "the help of --report does not name {name}");
            assert!(page.contains(&format!("\n| {name} |")), "docs/reports.md has no row for {name}");
            assert!(option.contains(&name), "docs/cli.md does not name {name}");
        }
    }
}
