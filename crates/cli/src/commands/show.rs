//! `promptassay show`: a prompt, and what one of its versions says.

use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_evaluator::report::visible;
use promptassay_lifecycle::ledger::Ledger;
use promptassay_lifecycle::state::State;
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::tree::{Prompt, PromptVersion};
use promptassay_registry::version::{Version, VersionSelector};
use serde::Serialize;

use super::Context;
use crate::describe::{Content, VariableRow, VersionRow, role_name, variable_line};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lifecycle::{Asked, find_asked, trusted};
use crate::prompts::{WhichVersion, version};
use crate::table::{DIM, STRONG, columns, count, paint};

const EXAMPLES: &str = "Examples:
  promptassay show customer_support                     the active version
  promptassay show customer_support v1.0.0
  promptassay show customer_support --format json | jq -r '.version.messages[].content'";

/// Show a prompt: its variables, its versions, and what one version says.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    name: String,
    #[command(flatten)]
    version: WhichVersion,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    directory: &'a Path,
    description: Option<&'a str>,
    active: &'a VersionSelector,
    template_format: TemplateFormat,
    tags: &'a [String],
    owners: &'a [String],
    suite: Option<PathBuf>,
    variables: Vec<VariableRow<'a>>,
    versions: Vec<&'a Version>,
    version: Shown<'a>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: VersionRow<'a>,
    /// A registered text keeps the one that it was registered with.
    template_format: TemplateFormat,
    #[serde(flatten)]
    content: Content<'a>,
}

pub(crate) fn run(arguments: &ShowArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let (loaded, selector) = (context.load(), arguments.version.selector());
    let (prompt, of_drafts) = find_asked(&loaded, &arguments.name, &[Asked::Version(selector)])?;
    context.console.problems(&of_drafts);
    let version = version(prompt, selector)?;
    // A ledger that cannot be trusted hides nothing of the files, and is an error in the end.
    let ledger = trusted(prompt, context);
    let stages = ledger.as_ref().ok().map(Ledger::state);
    let answer = answer(prompt, version, stages);
    let exit = context.answer(|| text(&answer, prompt, context.console.color), &answer)?;
    ledger.map(|_| exit)
}

fn answer<'a>(prompt: &'a Prompt, version: &'a PromptVersion, stages: Option<&'a State>) -> Answer<'a> {
    let suite = prompt.suite_path();
    Answer {
        name: prompt.name().as_str(),
        directory: prompt.directory(),
        description: prompt.description(),
        active: prompt.active(),
        template_format: prompt.template_format(),
        tags: prompt.tags(),
        owners: prompt.owners(),
        suite: prompt.has_suite().then_some(suite),
        variables: prompt
            .interface()
            .variables()
            .iter()
            .map(|(name, variable)| VariableRow::of(name, variable))
            .collect(),
        versions: prompt.versions().map(|version| &version.version).collect(),
        version: Shown {
            row: VersionRow::of(prompt, version, stages),
            template_format: version.interface.format(),
            content: Content::of(&version.content),
        },
    }
}

fn text(answer: &Answer<'_>, prompt: &Prompt, color: bool) -> String {
    let heading = |text: &str| format!("\n{}\n", paint(color, STRONG, text));
    let mut text = format!("{}\n", paint(color, STRONG, answer.name));
    if let Some(description) = answer.description.filter(|description| !description.is_empty()) {
        text.push_str(&indented(description));
    }
    text.push('\n');
    text.push_str(&table(&about_prompt(answer), color));
    if !answer.variables.is_empty() {
        text.push_str(&heading("variables"));
        let rows = prompt.interface().variables().iter();
        let rows: Vec<_> =
            rows.map(|(name, variable)| vec![name.to_owned(), variable_line(variable)]).collect();
        text.push_str(&columns(&rows, &[], 2, color));
    }
    let Shown { row, content, template_format } = &answer.version;
    let own_format = (*template_format != answer.template_format).then_some(*template_format);
    text.push_str(&heading(&format!("{}  {}", row.version, row.state())));
    text.push_str(&table(&about_version(row, own_format, content), color));
    for message in &content.messages {
        text.push_str(&heading(&format!("{} message", role_name(message.role))));
        text.push_str(&indented(message.content));
    }
    text
}

fn about_prompt(answer: &Answer<'_>) -> Vec<(&'static str, String)> {
    let suite = match &answer.suite {
        Some(path) => path.display().to_string(),
        None => "none".to_owned(),
    };
    let newest: Vec<String> = answer.versions.iter().rev().take(6).map(ToString::to_string).collect();
    let versions = match answer.versions.len() {
        more if more > newest.len() => format!("{}, … ({})", newest.join(", "), count(more, "version")),
        _ => newest.join(", "),
    };
    vec![
        ("active", answer.active.to_string()),
        ("versions", versions),
        ("templates", answer.template_format.to_string()),
        ("tags", answer.tags.join(", ")),
        ("owners", answer.owners.join(", ")),
        ("suite", suite),
    ]
}

fn about_version(
    row: &VersionRow<'_>,
    own_format: Option<TemplateFormat>,
    content: &Content<'_>,
) -> Vec<(&'static str, String)> {
    let registered = match (row.created_at, row.created_by) {
        (Some(at), Some(by)) => format!("{at} by {by}"),
        _ => String::new(),
    };
    let params = if content.params.is_empty() {
        String::new()
    } else {
        serde_json::Value::Object(content.params.clone()).to_string()
    };
    vec![
        ("file", row.file.display().to_string()),
        ("sha256", row.sha256.to_string()),
        ("registered", registered),
        ("why", row.description.unwrap_or_default().to_owned()),
        ("grounds", row.grounds.clone().unwrap_or_default()),
        ("metadata", row.metadata_line()),
        ("templates", own_format.map(|format| format.to_string()).unwrap_or_default()),
        ("params", params),
        ("response_format", content.response_format.map(ToString::to_string).unwrap_or_default()),
        ("tools", content.tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ")),
    ]
}

/// Labels and values; those without a value are left out.
fn table(rows: &[(&str, String)], color: bool) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| vec![(*label).to_owned(), visible(value).replace('\n', " ")])
        .collect();
    columns(&rows, &[DIM], 2, color)
}

fn indented(text: &str) -> String {
    visible(text)
        .lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") })
        .collect()
}
