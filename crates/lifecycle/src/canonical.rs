//! The canonical form of JSON as RFC 8785 defines it: what the hashes of a ledger are taken of.
//!
//! Keys in the order of their UTF-16 code units, no white space, numbers as ECMAScript writes them. Any language can check a ledger
//! with it. Nothing here hashes.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// The largest integer up to which every integer is a double of its own, 2⁵³.
const MAX_EXACT: u64 = 1 << 53;

/// The value in canonical form.
pub(crate) fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => write_number(number, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(&Value::String(key.clone()), text);
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        // Strings are escaped just as the standard wants it. Writing to a `String` cannot fail.
        Value::Null | Value::Bool(_) | Value::String(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

fn write_number(number: &Number, text: &mut String) {
    let exact = number.as_u64().is_some_and(|number| number <= MAX_EXACT)
        || number.as_i64().is_some_and(|number| number.unsigned_abs() <= MAX_EXACT);
    if exact {
        let _ = write!(text, "{number}");
    } else {
        write_double(number.as_f64().unwrap_or_default(), text);
    }
}

/// `Number::toString` of ECMAScript (ECMA-262, 6.1.6.1.20) for a finite number.
fn write_double(number: f64, text: &mut String) {
    if number == 0.0 {
        text.push('0');
        return;
    }
    // The shortest digits that read back the same, and of those the closest, the even one of two: `1.25e-7`, `1200.0`. (What the
    // standard library prints differs where two are as close.)
    let shortest = Number::from_f64(number.abs()).map(|number| number.to_string()).unwrap_or_default();
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let length = |text: &str| i32::try_from(text.len()).unwrap_or(i32::MAX);
    // The value is 0.DIGITS × 10^point.
    let point = exponent.parse().unwrap_or(0) + length(whole) - (length(&all) - length(digits));
    let digits = digits.trim_end_matches('0').to_owned();
    let count = length(&digits);
    if number < 0.0 {
        text.push('-');
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    match point {
        _ if (count..=21).contains(&point) => text.push_str(&(digits + &zeros(point - count))),
        1..=21 => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
            text.extend([whole, ".", fraction]);
        }
        -5..=0 => text.extend(["0.", &zeros(-point), &digits]),
        _ => {
            let (first, rest) = digits.split_at(1);
            text.push_str(first);
            if !rest.is_empty() {
                text.extend([".", rest]);
            }
            let _ = write!(text, "e{:+}", point - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> String {
        canonical_json(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_example_of_the_standard() {
        let text = r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
        let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(of(text), expected);
    }

    #[test]
    fn keys_are_ordered_by_utf_16() {
        let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let order: Vec<char> = of(text).chars().filter(char::is_ascii_digit).collect();
        // The key `1` itself is among the digits.
        assert_eq!(order.iter().collect::<String>(), "21467153");
    }

    #[test]
    fn numbers_are_written_as_ecmascript_does() {
        // Appendix B of the standard, and the borders of each notation.
        assert_eq!(of("333333333.33333325"), "333333333.33333325");
        for (number, expected) in [
            ("0.0", "0"),
            ("-0.0", "0"),
            ("5e-324", "5e-324"),
            ("-1.7976931348623157e308", "-1.7976931348623157e+308"),
            ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"),
            ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"),
            ("1e21", "1e+21"),
            ("999999999999999700000", "999999999999999700000"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("9.999999999999997e-7", "9.999999999999997e-7"),
            ("1424953923781206.2", "1424953923781206.2"),
            ("18446744073709551615", "18446744073709552000"),
            ("1.0", "1"),
            ("12", "12"),
        ] {
            assert_eq!(of(number), expected, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_back_the_same(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = canonical_json(&serde_json::json!(number));
            // All bits but the sign of zero, which the standard drops.
            let expected = if number == 0.0 { 0 } else { bits };
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), expected);
        }

        #[test]
        fn the_canonical_form_is_a_fixed_point(text in "[ -~é€😀]{0,20}", number in any::<i64>()) {
            let once = canonical_json(&serde_json::json!({"text": text, "a": [number, null]}));
            prop_assert_eq!(of(&once), once);
        }
    }
}
