//! Repeats by their numbers.

/// Ascending numbers with a sign before each, such as `#2`, `#1, #3` or `#1–#3`.
pub(super) fn numbered(repeats: &[u32], sign: &str) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &repeat in repeats {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == repeat => *last = repeat,
            _ => runs.push((repeat, repeat)),
        }
    }
    let texts = runs.iter().map(|&(first, last)| match last - first {
        0 => format!("{sign}{first}"),
        1 => format!("{sign}{first}, {sign}{last}"),
        _ => format!("{sign}{first}–{sign}{last}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The same in words: `repeat 2`, `repeats 1, 3`.
pub(super) fn in_words(repeats: &[u32]) -> String {
    let noun = if repeats.len() == 1 { "repeat" } else { "repeats" };
    format!("{noun} {}", numbered(repeats, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_called_by_their_numbers() {
        assert_eq!(numbered(&[2], "#"), "#2");
        assert_eq!(numbered(&[1, 2], "#"), "#1, #2");
        assert_eq!(numbered(&[1, 2, 3, 5, 7, 8, 9], "#"), "#1–#3, #5, #7–#9");
        assert_eq!(in_words(&[2]), "repeat 2");
        assert_eq!(in_words(&[1, 2, 3, 5]), "repeats 1–3, 5");
    }
}
