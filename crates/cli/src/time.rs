//! Times on the command line.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

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

/// Clocks of machines differ by seconds, of badly kept ones by minutes.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Refuses what is said to have happened later than now. It would be written down, and count on the day that it names.
pub(crate) fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), &'static str> {
    if at.duration_since(now) > CLOCKS_DIFFER {
        Err("`at` is in the future: only what has happened is recorded")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_minutes() {
        let now: Timestamp = "2026-11-20T14:05:00Z".parse().unwrap();
        let at = |text: &str| not_in_the_future(text.parse().unwrap(), now);
        assert!(at("1999-11-20T14:05:00Z").is_ok() && at("2026-11-20T14:10:00Z").is_ok());
        assert!(at("2026-11-20T14:10:01Z").is_err());
        assert!(not_in_the_future(Timestamp::MAX, Timestamp::MIN).is_err());
    }

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
