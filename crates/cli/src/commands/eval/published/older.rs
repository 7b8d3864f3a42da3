//! What stands in the place of a report that is to be written: an older one, or somebody's file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use promptassay_evaluator::report::MARKDOWN_MARK;

use super::requested::ReportFormat;

/// So much of a file says what it is.
const LOOKED_AT: u64 = 4096;

/// Whether a report may take this place: nothing is there, or an older report of its format, or what holds nothing, such as an empty file,
/// a device or a pipe. Reports of older versions of this program begin in the same way.
pub(super) fn may_be_replaced(path: &Path, format: ReportFormat) -> io::Result<bool> {
    // Where there is no way to the place, nothing can be lost there, and writing says why it cannot.
    if !fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0) {
        return Ok(true);
    }
    let mut head = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut head)?;
    Ok(begins_as(format, &String::from_utf8_lossy(&head)))
}

/// Whether a text begins as every report of this format does.
fn begins_as(format: ReportFormat, head: &str) -> bool {
    let first_line = head.lines().next().unwrap_or_default();
    match format {
        // The name of a prompt, its cases and its models.
        ReportFormat::Terminal => {
            first_line.starts_with("skipped: ")
                || (first_line.contains(" case") && first_line.contains(" × ") && first_line.contains("   "))
        }
        ReportFormat::Junit => head.starts_with("<?xml") && head.contains("<testsuites"),
        ReportFormat::Json => {
            let keys: String = head.chars().filter(|character| !character.is_whitespace()).take(40).collect();
            let after = keys.strip_prefix("{\"schema\":").unwrap_or_default();
            let after = after.trim_start_matches(|character: char| character.is_ascii_digit());
            after.starts_with(",\"verdict\":") || after.starts_with(",\"skipped\":")
        }
        ReportFormat::Markdown => head.starts_with(MARKDOWN_MARK),
        ReportFormat::Github => {
            ["::notice ", "::warning ", "::error "].iter().any(|command| head.starts_with(command))
        }
        ReportFormat::Csv => head.starts_with("prompt,version,model,role,case,repeat,outcome,"),
    }
}
