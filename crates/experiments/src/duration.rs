//! Durations as files write them: an integer and a unit.

use jiff::SignedDuration;

/// The text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with `ms`, `s`, `m`, `h` or `d`, such as `7d`")]
pub struct InvalidDuration;

const LONGEST: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// Reads `30m`, `24h`, `7d`; longer than nothing, at most a hundred years.
pub fn parse(text: &str) -> Result<SignedDuration, InvalidDuration> {
    let duration = promptassay_registry::duration::parse(text);
    duration.filter(|duration| duration.is_positive() && *duration <= LONGEST).ok_or(InvalidDuration)
}

/// Writes it as files do, in the largest unit that leaves no rest.
pub fn show(duration: SignedDuration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.iter().find(|(unit, _)| milliseconds % unit == 0) {
        Some((unit, name)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, shown) in [
            ("7d", "7d"),
            ("24h", "1d"),
            ("90m", "90m"),
            ("61s", "61s"),
            ("1500ms", "1500ms"),
            ("2000ms", "2s"),
        ] {
            assert_eq!(show(parse(text).unwrap()), shown);
        }
        for wrong in [
            "",
            "d",
            "7",
            "-7d",
            "7 d",
            "1.5h",
            "0d",
            "7w",
            "99999999999999999999d",
            "9223372036854775807d",
            "7é",
        ] {
            assert_eq!(parse(wrong), Err(InvalidDuration), "{wrong}");
        }
    }
}
