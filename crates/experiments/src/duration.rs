//! Durations as files write them: an integer and a unit.

use jiff::SignedDuration;

/// The text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with `s`, `m`, `h` or `d`, such as `7d`")]
pub struct InvalidDuration;

/// Reads `30m`, `24h`, `7d`; longer than nothing, at most a hundred years.
pub fn parse(text: &str) -> Result<SignedDuration, InvalidDuration> {
    let unit = text.chars().next_back().ok_or(InvalidDuration)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(InvalidDuration),
    };
    let number = &text[..text.len() - 1];
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidDuration);
    }
    let number: i64 = number.parse().map_err(|_| InvalidDuration)?;
    let total = number.checked_mul(seconds).ok_or(InvalidDuration)?;
    if (1..=100 * 366 * 86_400).contains(&total) {
        Ok(SignedDuration::from_secs(total))
    } else {
        Err(InvalidDuration)
    }
}

/// Writes it as files do, in the largest unit that leaves no rest.
pub fn show(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    match units.iter().find(|(unit, _)| seconds % unit == 0) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, shown) in [("7d", "7d"), ("24h", "1d"), ("90m", "90m"), ("61s", "61s")] {
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
