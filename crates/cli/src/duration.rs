//! Durations on the command line, written as in files.

use std::time::Duration;

/// Reads `500ms`, `30s`, `7d`; for `clap`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    promptassay_llm::parse_duration(text)
        .ok_or_else(|| "write a whole number and its unit: ms, s, m, h or d, such as `30s`".to_owned())
}
