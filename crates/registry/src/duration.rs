//! Durations as files write them.

use jiff::SignedDuration;

/// Reads `250ms`, `30s`, `5m`, `2h`, `7d`: an integer directly followed by its unit. `None` for anything else, and for what is too long to be
/// counted in milliseconds.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(SignedDuration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_nothing_else() {
        assert_eq!(parse("250ms"), Some(SignedDuration::from_millis(250)));
        assert_eq!(parse("7d"), Some(SignedDuration::from_hours(7 * 24)));
        for wrong in ["", "30", "s", "1.5s", "-1s", "30 s", "30S", "9223372036854775807d", "1e3s", "३s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
