//! Durations as people read them.

use jiff::SignedDuration;

/// In the largest unit of which there are at least two, cut: `3 days`, `47 hours`, `90 seconds`.
pub(crate) fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (number, unit) = match seconds {
        172_800.. => (seconds / 86_400, "days"),
        7_200.. => (seconds / 3_600, "hours"),
        120.. => (seconds / 60, "minutes"),
        1 => (1, "second"),
        _ => (seconds, "seconds"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_to_the_largest_unit() {
        for (seconds, words) in
            [(1, "1 second"), (119, "119 seconds"), (7_199, "119 minutes"), (172_800, "2 days")]
        {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), words);
        }
    }
}
