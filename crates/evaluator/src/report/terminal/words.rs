//! The difference of two short texts, word by word.

/// More words than these are not compared: the table grows with the product.
const MOST_WORDS: usize = 200;

/// What happened to a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is in both.
    Same,
    /// It was expected and did not come.
    Expected,
    /// It came and was not expected.
    Got,
}

/// The words of both texts in order, what was expected before what came in its place. `None` where the texts have less than half of
/// their words in common: there two texts side by side are easier to read.
pub(super) fn diff(expected: &str, got: &str) -> Option<Vec<(Change, String)>> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (expected.split_whitespace().collect(), got.split_whitespace().collect());
    if old.len() > MOST_WORDS || new.len() > MOST_WORDS {
        return None;
    }
    // common[i][j]: the most words in common of old[i..] and new[j..].
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    if common[0][0] < 2 || 2 * common[0][0] < old.len().max(new.len()) {
        return None;
    }
    let mut words = Vec::with_capacity(old.len() + new.len());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            words.push((Change::Same, old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            words.push((Change::Expected, old[i].to_owned()));
            i += 1;
        } else {
            words.push((Change::Got, new[j].to_owned()));
            j += 1;
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(expected: &str, got: &str) -> Option<String> {
        let words = diff(expected, got)?;
        let word = |(change, word): &(Change, String)| match change {
            Change::Same => word.clone(),
            Change::Expected => format!("[-{word}-]"),
            Change::Got => format!("{{+{word}+}}"),
        };
        Some(words.iter().map(word).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_changed_stands_where_it_changed() {
        insta::assert_snapshot!(
            shown("We open at 9 am on weekdays", "We open at 10 am on most weekdays").unwrap(),
            @"We open at [-9-] {+10+} am on {+most+} weekdays"
        );
    }

    #[test]
    fn texts_that_have_little_in_common_are_not_mixed() {
        assert_eq!(shown("yes", "no"), None);
        assert_eq!(shown("a b c d", "x y z d"), None);
        assert_eq!(shown("", ""), None);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_it(old in "([ab] ){0,9}", new in "([ab] ){0,9}") {
            if let Some(words) = diff(&old, &new) {
                let side = |left_out: Change| {
                    let kept = words.iter().filter(|(change, _)| *change != left_out);
                    kept.map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ")
                };
                prop_assert_eq!(side(Change::Got), old.split_whitespace().collect::<Vec<_>>().join(" "));
                prop_assert_eq!(side(Change::Expected), new.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }
}
