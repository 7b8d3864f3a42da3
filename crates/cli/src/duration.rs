//! Durations on the command line, written as in files.

use std::time::Duration;

/// Reads `500ms`, `30s`, `7d`; for `clap`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    promptassay_llm::parse_duration(text)
        .ok_or_else(|| "write a whole number and its unit: ms, s, m, h or d, such as `30s`".to_owned())
}

/// The same above zero: in no time nothing can be answered.
pub(crate) fn parse_time_limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("nothing is answered in no time: write more than 0, such as `30s`".to_owned()),
        duration => Ok(duration),
    }
}
