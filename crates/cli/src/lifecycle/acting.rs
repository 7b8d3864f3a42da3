//! Who moves a version, and what they say about it.

use clap::Args;
use promptassay_lifecycle::actor::{Actor, ActorKind, KnownBy};
use promptassay_lifecycle::ledger::HeadPrefix;
use promptassay_registry::problem::Problem;
use promptassay_registry::version::Version;

use crate::commands::Context;
use crate::failure::Failure;
use crate::prompts::parse_version;

/// What every command that moves a version takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MoveArguments {
    /// Why, in a sentence; the ledger keeps it.
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: Option<String>,
    /// Who [default: whom the pipeline names, or git].
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Only where the ledger still has this head, or one that begins so; exit code 5 where somebody else moved first.
    #[arg(long, value_name = "HEAD")]
    pub(crate) expect_head: Option<HeadPrefix>,
    /// Say what would be done; nothing is written.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// One version, and who moves it.
#[derive(Debug, Clone, Args)]
pub(crate) struct VersionArguments {
    /// The prompt.
    #[arg(value_name = "PROMPT")]
    pub(crate) name: String,
    /// The version.
    #[arg(value_parser = parse_version)]
    pub(crate) version: Version,
    #[command(flatten)]
    pub(crate) moving: MoveArguments,
}

impl MoveArguments {
    /// The reason; none where it is blank.
    pub(super) fn said(&self) -> Option<String> {
        self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned)
    }

    /// Who acts, and how that is known. In a pipeline it is a program, whoever is named; so is a name that ends in `[bot]`.
    pub(super) fn actor(&self, context: &Context<'_>) -> Result<Actor, Failure> {
        let pipeline = context.environment.pipeline();
        let is_bot = |name: &str| pipeline.is_some() || name.ends_with("[bot]");
        let given = self.by.as_deref().map(str::trim).filter(|by| !by.is_empty()).map(str::to_owned);
        let of_pipeline = || pipeline.as_ref().and_then(|pipeline| pipeline.user.clone());
        let (name, known_by) = None
            .or_else(|| given.map(|name| (name, KnownBy::Flag)))
            .or_else(|| of_pipeline().map(|name| (name, KnownBy::Ci)))
            .or_else(|| context.environment.git_identity().map(|name| (name, KnownBy::Git)))
            .ok_or_else(|| {
                Failure::invalid_one(
                    Problem::error("lifecycle::no_actor", "nobody says who does this")
                        .help("pass `--by \"Name <address>\"`, or tell git: `git config user.name \"Name\"`"),
                )
            })?;
        let kind = if is_bot(&name) { ActorKind::Bot } else { ActorKind::Human };
        Ok(Actor { name, kind, known_by })
    }
}
