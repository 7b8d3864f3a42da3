//! Durations are written alike everywhere. `llm` and `mock-llm` know no other crate, so three functions read them; what one takes, all take.

use std::time::Duration;

use promptassay_mock_llm::Script;
use proptest::prelude::*;
use serde_json::json;

/// The longest that a script of the mock model may wait.
const LONGEST_DELAY: Duration = Duration::from_hours(1);

/// Whether a script may have such a delay. It tells no value, but which of two is larger: a uniform delay goes from the smaller one.
fn is_delay(from: &str, to: &str) -> bool {
    let delay = json!({"uniform": {"from": from, "to": to}});
    Script::from_json(json!({"default": {"answer": {"text": "x"}, "delay": delay}})).is_ok()
}

fn agreed(text: &str) -> Option<Duration> {
    let of_models = promptassay_llm::parse_duration(text);
    let of_registry = promptassay_registry::duration::parse(text);
    assert_eq!(of_models, of_registry.map(jiff::SignedDuration::unsigned_abs), "{text:?}");
    let shown = of_models.filter(|duration| *duration <= LONGEST_DELAY);
    assert_eq!(is_delay(text, "1h"), shown.is_some(), "{text:?} as a delay");
    if let Some(duration) = shown {
        let milliseconds = duration.as_millis();
        assert!(is_delay(text, &format!("{milliseconds}ms")), "{text:?} is longer as a delay");
        assert!(is_delay(&format!("{milliseconds}ms"), text), "{text:?} is shorter as a delay");
    }
    of_models
}

#[test]
fn what_one_reader_takes_all_take_for_the_same_time() {
    let milliseconds = |text| agreed(text).map(|duration| duration.as_millis());
    for (text, expected) in [
        ("0s", 0),
        ("0d", 0),
        ("250ms", 250),
        ("007s", 7_000),
        ("5m", 300_000),
        ("60m", 3_600_000),
        ("1h", 3_600_000),
        ("3601s", 3_601_000),
        ("7d", 604_800_000),
    ] {
        assert_eq!(milliseconds(text), Some(expected), "{text}");
    }
    for wrong in [
        "",
        "5",
        "s",
        "ms",
        "-1s",
        "+1s",
        "1.5s",
        "1 s",
        " 1s",
        "1s ",
        "1S",
        "1e3s",
        "1min",
        "1w",
        "１s",
        "३s",
        "99999999999999999999d",
    ] {
        assert_eq!(milliseconds(wrong), None, "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_alike(text in "[0-9]{0,9}[ .]?(ms|s|m|h|d|S|us|w|)") {
        agreed(&text);
    }
}
