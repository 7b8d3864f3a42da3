//! `promptassay add`: one more version of a prompt, still to be edited.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use promptassay_registry::files::read_text;
use promptassay_registry::operations::{AddError, NewVersion, Number, add_version};
use promptassay_registry::problem::{Problem, Severity};
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::{MAX_VERSION_BYTES, Prompt, PromptVersion};
use promptassay_registry::version::{Bump as Part, Version, VersionSelector};
use promptassay_registry::version_file::Form;
use serde::Serialize;

use super::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Asked, find_asked, ledger_of, sound};
use crate::prompts::{parse_version, version};

const EXAMPLES: &str = "Examples:
  promptassay add customer_support                      a copy of the newest version, to be edited
  promptassay add customer_support --from v1.0.0        a copy of that version
  promptassay add customer_support --from draft.txt     the text of a file
  promptassay add customer_support --from chat.yaml --bump major
  some-program | promptassay add customer_support v2.0.0-rc.1 --from -";

/// Add a version to a prompt.
///
/// The new file is not registered: it can be evaluated, and still be edited. Without `--from` it is a copy of the newest version.
/// No number is used twice, those of removed versions included.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    /// The number of the new version [default: what `--bump` makes of the newest].
    #[arg(value_parser = parse_version)]
    version: Option<Version>,
    /// A version of the prompt, or a file with the text, `-` for standard input; `.yaml` holds chat messages. A file that is called
    /// like a version is `./v1.0.0`.
    #[arg(long, value_name = "VERSION|FILE")]
    from: Option<PathBuf>,
    /// Which part of the newest version to raise.
    #[arg(long, value_name = "PART", value_enum, default_value_t, conflicts_with_all = ["version", "version_option"])]
    bump: Bump,
    /// The same as VERSION, as an option.
    #[arg(long = "version", value_name = "VERSION", value_parser = parse_version, conflicts_with = "version")]
    version_option: Option<Version>,
}

/// Which part of a version is raised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Bump {
    Patch,
    #[default]
    Minor,
    Major,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    version: &'a Version,
    file: &'a Path,
    /// A version with the same text.
    same_as: Option<&'a Version>,
}

/// A text, and where it comes from.
struct Source {
    text: String,
    form: Form,
    /// `None` for a copy of another version.
    file: Option<PathBuf>,
    /// The version that it is a copy of.
    copied: Option<Version>,
}

impl Source {
    fn copy(version: &PromptVersion) -> Self {
        Self {
            text: version.text.to_string(),
            form: version.form(),
            file: None,
            copied: Some(version.version.clone()),
        }
    }
}

pub(crate) fn run(arguments: &AddArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let lock = context.lock()?;
    let name = context.existing_name(&arguments.name)?;
    let source = match &arguments.from {
        Some(from) => match from.to_str().and_then(|text| text.parse().ok()) {
            Some(version) => copy_of(version, name.as_str(), context)?,
            None => read_source(from)?,
        },
        None => copy_of_newest(name.as_str(), context)?,
    };
    let number = match arguments.version.as_ref().or(arguments.version_option.as_ref()) {
        Some(version) => Number::Exact(version.clone()),
        None => Number::Next(match arguments.bump {
            Bump::Patch => Part::Patch,
            Bump::Minor => Part::Minor,
            Bump::Major => Part::Major,
        }),
    };
    // A version that was archived may have neither a file nor a row any more; what it was is in the ledger all the same.
    let ledger = sound(ledger_of(&name, context)?)?;
    let used: Vec<Version> = ledger.state().versions().keys().cloned().collect();
    let new = NewVersion { number, form: source.form, text: &source.text, used: &used };
    let added = add_version(&lock, &name, &new).map_err(|error| failure(error, source.file.as_deref()))?;
    let answer = Answer {
        name: name.as_str(),
        version: &added.version,
        file: &added.path,
        same_as: added.same_as.as_ref(),
    };
    context.answer(|| format!("added {}\n", added.path.display()), &answer)?;
    match &added.same_as {
        Some(same) if source.copied.is_none() => context.console.problems(&[Problem::warning(
            "add::same_text",
            format!("{} has the same text as {same}", added.version),
        )]),
        _ => {}
    }
    context.console.problems(&mistakes_in(&added.path, context));
    if let Some(copied) = &source.copied {
        context.console.note(&format!("a copy of {copied}: edit it"));
    }
    Ok(Exit::Success)
}

/// What is wrong with the new version beside the prompt's other files, such as a variable that is not declared: it may be declared next, and
/// until then it is in every command's way.
fn mistakes_in(file: &Path, context: &Context<'_>) -> Vec<Problem> {
    let is_of_file = |problem: &Problem| {
        problem.is_error() && problem.place.as_ref().is_some_and(|place| place.file == file)
    };
    let mistakes = context.load().problems.into_iter().filter(is_of_file);
    mistakes.map(|problem| Problem { severity: Severity::Warning, ..problem }).collect()
}

fn read_source(path: &Path) -> Result<Source, Failure> {
    if path == Path::new("-") {
        let mut text = String::new();
        // One byte more than is allowed, so that what is too large is refused and not cut.
        std::io::stdin().lock().take(MAX_VERSION_BYTES + 1).read_to_string(&mut text).map_err(|error| {
            let message = format!("standard input cannot be read: {error}");
            Failure::invalid_one(Problem::error("cli::stdin", message).help("pass the text as UTF-8"))
        })?;
        return Ok(Source {
            text,
            form: Form::Text,
            file: Some(PathBuf::from("<standard input>")),
            copied: None,
        });
    }
    let text = read_text(path, MAX_VERSION_BYTES).map_err(|problem| Failure::invalid_one(*problem))?;
    let is_chat = path
        .extension()
        .is_some_and(|extension| ["yaml", "yml"].iter().any(|form| extension.eq_ignore_ascii_case(form)));
    Ok(Source {
        text,
        form: if is_chat { Form::Chat } else { Form::Text },
        file: Some(path.to_owned()),
        copied: None,
    })
}

fn copy_of(wanted: Version, name: &str, context: &Context<'_>) -> Result<Source, Failure> {
    let (loaded, wanted) = (context.load(), VersionSelector::Exact(wanted));
    let (prompt, _) = find_asked(&loaded, name, &[Asked::Version(Some(&wanted))])?;
    copied(prompt, version(prompt, Some(&wanted))?)
}

fn copy_of_newest(name: &str, context: &Context<'_>) -> Result<Source, Failure> {
    let prompt = context.prompt(name)?;
    match prompt.versions().next_back() {
        Some(newest) => copied(&prompt, newest),
        None => Err(Failure::invalid_one(
            Problem::error("add::nothing_to_copy", format!("`{name}` has no version to copy"))
                .help("name a file with the text: `--from FILE`"),
        )),
    }
}

/// A copy, which says what the version says: in the other template format the same bytes are another text, or none.
fn copied(prompt: &Prompt, version: &PromptVersion) -> Result<Source, Failure> {
    let (then, now) = (version.interface.format(), prompt.template_format());
    if version.is_alike_in(now) {
        return Ok(Source::copy(version));
    }
    let name = prompt.name();
    let message = format!(
        "{} is a text of `template_format: {then}`, and new versions of `{name}` are `{now}`, in which its braces mean something else",
        version.version
    );
    let (from, to) = match then {
        TemplateFormat::Format => ("{name}", "{{ name }}"),
        TemplateFormat::Jinja => ("{{ name }}", "{name}"),
    };
    let help = format!(
        "copy {} to a file, write `{to}` there where it has `{from}`, and `promptassay add {name} --from FILE`",
        version.path.display()
    );
    Err(Failure::invalid_one(Problem::error("add::other_format", message).help(help)))
}

fn failure(error: AddError, source: Option<&Path>) -> Failure {
    let (message, help) = (error.to_string(), error.help());
    match error {
        AddError::Prompt(error) => error.into(),
        AddError::Write(error) => Failure::from_write(&error),
        AddError::Invalid { mut problems } => {
            // Nothing was written, so the mistake stands in the file that the text came from.
            for place in problems.iter_mut().filter_map(|problem| problem.place.as_mut()) {
                if let Some(source) = source {
                    source.clone_into(&mut place.file);
                }
            }
            Failure::invalid(problems)
        }
        AddError::Taken { .. } | AddError::NumbersExhausted => {
            Failure::invalid_one(Problem::error("add::number", message).maybe_help(help))
        }
    }
}
