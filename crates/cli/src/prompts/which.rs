//! Which version a command is about, where it need not be said.

use clap::Args;
use promptassay_registry::version::VersionSelector;

use super::parse_selector;

/// A version beside the prompt, as the commands that move versions want it; or as an option, as `eval` wants it.
#[derive(Debug, Args)]
pub(crate) struct WhichVersion {
    /// A version, or `latest` [default: the active version].
    #[arg(value_name = "VERSION", value_parser = parse_selector)]
    version: Option<VersionSelector>,
    /// The same, as an option.
    #[arg(long = "version", value_name = "VERSION", value_parser = parse_selector, conflicts_with = "version")]
    version_option: Option<VersionSelector>,
}

impl WhichVersion {
    /// What was asked for; `None` for the active version.
    pub(crate) fn selector(&self) -> Option<&VersionSelector> {
        self.version.as_ref().or(self.version_option.as_ref())
    }
}
