//! How numbers are written for people.

/// A share in percent with one decimal; never rounded to 100 % or to 0 % where it is not.
pub(crate) fn percent(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    if share < 1.0 && rounded >= 100.0 {
        return "99.9 %".to_owned();
    }
    if share > 0.0 && rounded <= 0.0 {
        return "0.1 %".to_owned();
    }
    format!("{rounded:.1} %")
}

/// Two shares in percent, with as many decimals as tell them apart: `93.33 %` fails where `93.34 %` are needed.
pub(super) fn percents(one: f64, other: f64) -> (String, String) {
    const MOST_DECIMALS: usize = 9;
    let rounded = (percent(one), percent(other));
    if rounded.0 != rounded.1 || one.total_cmp(&other).is_eq() {
        return rounded;
    }
    let finer = |decimals: usize| {
        (format!("{:.decimals$} %", one * 100.0), format!("{:.decimals$} %", other * 100.0))
    };
    (2..=MOST_DECIMALS).map(finer).find(|(one, other)| one != other).unwrap_or(rounded)
}

/// A difference of shares in points with its sign and one decimal, such as `+17.5` or `−3.3`. What is nearly 0 keeps its sign, which may
/// have decided: the end of an interval at `−0.0` is below 0. Only 0 itself has none.
pub fn points(difference: f64) -> String {
    let sign = match difference {
        _ if difference.abs() <= ROUNDING => "",
        _ if difference < 0.0 => "\u{2212}",
        _ => "+",
    };
    let rounded = (difference.abs() * 1000.0).round() / 10.0;
    format!("{sign}{rounded:.1}")
}

/// What adding and dividing leave of 0.
const ROUNDING: f64 = 1e-9;

/// A margin or another size in points, without a decimal where there is none.
pub(crate) fn size(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    if (rounded - rounded.round()).abs() < 1e-9 { format!("{rounded:.0}") } else { format!("{rounded:.1}") }
}

/// The same with its unit: `1 point`, `2.5 points`.
pub(crate) fn in_points(share: f64) -> String {
    let size = size(share);
    if size == "1" { "1 point".to_owned() } else { format!("{size} points") }
}

/// A number of things.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Names, the first few of them.
pub(crate) fn few(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_and_one_has_no_s() {
        let all = [0, 1, 999, 14_210, 1_234_567].map(|count| plural(count, "case"));
        assert_eq!(all, ["0 cases", "1 case", "999 cases", "14,210 cases", "1,234,567 cases"]);
    }

    #[test]
    fn what_differs_looks_different() {
        let texts = |one, other| {
            let (one, other) = percents(one, other);
            format!("{one}, {other}")
        };
        assert_eq!(texts(0.85, 0.9), "85.0 %, 90.0 %");
        assert_eq!(texts(0.9, 0.9), "90.0 %, 90.0 %");
        assert_eq!(texts(56.0 / 60.0, 0.9334), "93.33 %, 93.34 %");
        assert_eq!(texts(0.05 + 1e-7, 0.05), "5.00001 %, 5.00000 %");
        assert_eq!(texts(0.1 + 1e-16, 0.1), "10.0 %, 10.0 %");
    }

    #[test]
    fn a_share_is_not_rounded_to_certainty() {
        assert_eq!(percent(0.9996), "99.9 %");
        assert_eq!(percent(0.0001), "0.1 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.0), "0.0 %");
    }

    #[test]
    fn a_difference_has_a_sign_unless_it_is_none() {
        assert_eq!(
            [points(0.175), points(-0.0333), points(0.0), points(-0.0001)],
            ["+17.5", "−3.3", "0.0", "\u{2212}0.0"]
        );
        assert_eq!([size(0.1), size(0.125), size(0.2)], ["10", "12.5", "20"]);
    }

    #[test]
    fn many_names_are_counted() {
        assert_eq!(few(&["a", "b"]), "a, b");
        assert_eq!(few(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
