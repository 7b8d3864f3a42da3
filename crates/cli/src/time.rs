//! Times on the command line.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Reads `2026-11-20T14:05:00Z`, with any offset, or a day, which begins at midnight in UTC; for `clap`.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let time = text.parse::<Timestamp>();
    time.or_else(|error| {
        // A day with an hour and no offset would be read as a day alone.
        let day = text.len() == "2026-11-20".len();
        day.then(|| text.parse::<Date>().and_then(|date| date.to_zoned(TimeZone::UTC)))
            .map_or(Err(error), |zoned| zoned.map(|zoned| zoned.timestamp()))
    })
    .map_err(|_| {
        "write a time such as `2026-11-20T14:05:00Z`, or a day such as `2026-11-20`: its midnight in UTC"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset_and_a_day_begins_at_midnight() {
        let read = |text: &str| parse_time(text).map(|time| time.to_string());
        assert_eq!(read("2026-11-20T14:05:00Z").unwrap(), "2026-11-20T14:05:00Z");
        assert_eq!(read("2026-11-20T14:05:00+02:00").unwrap(), "2026-11-20T12:05:00Z");
        assert_eq!(read("2026-11-20").unwrap(), "2026-11-20T00:00:00Z");
        for wrong in ["yesterday", "2026-11-31", "2026-11-20T14:05", "2026-11-20 14:05:00", "20261120", ""] {
            assert!(read(wrong).unwrap_err().contains("such as"), "{wrong}");
        }
    }
}
