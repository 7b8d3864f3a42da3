//! `promptassay mock`: a scripted model that speaks real HTTP on this machine, for demonstrations, tests and load.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use promptassay_mock_llm::{RawServer, Script, ScriptSpec};
use promptassay_registry::files::read_text;
use promptassay_registry::problem::{Problem, sort};
use promptassay_registry::yaml::{Document, Reading};

use super::Context;
use super::eval::{asked_to_stop, server_runtime};
use crate::exit::Exit;
use crate::failure::Failure;

/// The largest script that is read.
const MAX_SCRIPT_BYTES: u64 = 16 << 20;

const EXAMPLES: &str = "Examples:
  promptassay mock --script script.yaml --port 8090
  curl http://127.0.0.1:8090/counters

Point a model row at it: {provider: openai, base_url: \"http://127.0.0.1:8090/v1\", model: any-name}. The smallest script is
  default: {answer: {text: \"Hello!\"}}
docs/mock.md describes the rest. It ends with Ctrl-C and prints what it counted.";

/// Serve a scripted model on this machine.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MockArguments {
    /// The script, in YAML.
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8090)]
    port: u16,
}

pub(crate) fn run(arguments: &MockArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let script = read(&arguments.script)?;
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), arguments.port);
    let counters = server_runtime()?.block_on(async {
        let server = RawServer::bind(address, script).await.map_err(|error| {
            let problem = Problem::error("mock::cannot_listen", error.to_string());
            Failure::broken(problem.help("`--port 0` takes a port that is free, and says which"))
        })?;
        context.console.note(&format!("listening on {}; Ctrl-C ends it", server.uri()));
        let counters = server.counters();
        server.serve(asked_to_stop(1)).await;
        Ok::<_, Failure>(counters.read())
    })?;
    context.json(&counters)?;
    Ok(Exit::Success)
}

/// Reads a script; every problem of it has its place.
fn read(path: &Path) -> Result<Script, Failure> {
    let text = read_text(path, MAX_SCRIPT_BYTES).map_err(|problem| Failure::invalid_one(*problem))?;
    let mut problems = Vec::new();
    let Some(document) = Document::parse(path, text, &mut problems) else {
        return Err(Failure::invalid(problems));
    };
    let Reading { value, problems: found, .. } = document.read::<ScriptSpec>();
    problems.extend(found);
    let script = value.map(|spec| Script::from_spec(&spec));
    match script {
        Some(Ok(script)) if problems.is_empty() => Ok(script),
        Some(Err(invalid)) => {
            problems.extend(invalid.problems.into_iter().map(|problem| {
                Problem::error("mock::invalid_script", problem.message)
                    .at(document.place_at(&problem.path))
                    .help(problem.help)
            }));
            sort(&mut problems);
            Err(Failure::invalid(problems))
        }
        _ => Err(Failure::invalid(problems)),
    }
}
