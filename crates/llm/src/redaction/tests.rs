use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn without(body: impl Into<Vec<u8>>, secrets: &[&str]) -> String {
    let needles: Vec<_> = secrets.iter().flat_map(|secret| Needle::of(secret, Said::Answer)).collect();
    let body = body.into();
    String::from_utf8(cut_out(&body, &needles).unwrap_or(body)).unwrap()
}

/// Base64 as RFC 4648 has it, with its padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::from_utf8(base64_within(bytes, 0)).unwrap();
    let rest = bytes.len() % 3;
    if rest != 0 {
        let padded = [bytes, &[0, 0]].concat();
        text.push(char::from(base64_within(&padded, 0)[text.len()]));
        text.push_str(&"=".repeat(3 - rest));
    }
    text
}

#[test]
fn secrets_are_replaced_everywhere() {
    assert_eq!(without("a SECRET-1 and SECRET-1", &["SECRET-1"]), "a [redacted] and [redacted]");
    assert_eq!(without("nothing", &["SECRET-1"]), "nothing");
    assert_eq!(without("xSECRET-1SECRET-2x", &["SECRET-1", "SECRET-2"]), "x[redacted][redacted]x");
    assert_eq!(without("SECRET-1-and-more", &["SECRET-1", "1-and-more"]), "[redacted]");
}

#[test]
fn words_and_numbers_that_a_server_without_keys_is_given_stay() {
    for value in ["ollama", "EMPTY", "none", "123456", "sk-1", "x", "anything", "lm-studio", "lettersonly"] {
        assert_eq!(without(format!("the {value} of it"), &[value]), format!("the {value} of it"));
    }
    for value in ["sk-1234", "abc123", "letters-and-more", "tok9SECRETgate", "sk-aaaSECRETaaa-b"] {
        assert_eq!(without(format!("the {value} of it"), &[value]), "the [redacted] of it");
    }
}

#[test]
fn what_is_said_beside_answers_holds_no_word_of_six_letters_that_is_a_key() {
    let aside = |text: &str, secret: &str| {
        let clean = cut_out(text.as_bytes(), &Needle::of(secret, Said::Aside));
        String::from_utf8(clean.unwrap_or_else(|| text.into())).unwrap()
    };
    for secret in ["hunterandgate", "ollama", "123456", "correct-horse-x"] {
        assert_eq!(aside(&format!("Incorrect key: {secret}."), secret), "Incorrect key: [redacted].");
    }
    for value in ["Bearer hunterandgate", "token  123456", "ApiKey lm-studio"] {
        let secret = value.rsplit(' ').next().unwrap();
        assert_eq!(aside(&format!("refused: {secret}."), value), "refused: [redacted].", "{value}");
        assert_eq!(without(format!("the {secret} of it"), &[value]), format!("the {secret} of it"));
    }
    assert_eq!(aside("no key", "no"), "no key");
}

#[test]
fn a_number_of_json_stays_a_number() {
    for (body, clean) in [
        (r#"{"tenant": 20261128, "text": "of 20261128"}"#, r#"{"tenant": 0, "text": "of [redacted]"}"#),
        (r#" [-1.202611289e5,"a\"",20261128]"#, r#" [0,"a\"",0]"#),
        (r#"{"a":"\"20261128","b":{"20261128":1}}"#, r#"{"a":"\"[redacted]","b":{"[redacted]":1}}"#),
        ("20261128 apples", "[redacted] apples"),
        ("[error] key 20261128 refused", "[error] key [redacted] refused"),
    ] {
        assert_eq!(without(body, &["20261128"]), clean);
    }
}

#[test]
fn json_in_a_string_stays_json() {
    for (body, clean) in [
        (
            r#"{"arguments": "{\"tenant\": 20261128, \"note\": \"of 20261128\", \"20261128\": 1}", "text": "of 20261128"}"#,
            r#"{"arguments": "{\"tenant\": 0, \"note\": \"of [redacted]\", \"[redacted]\": 1}", "text": "of [redacted]"}"#,
        ),
        (
            r#"{"a":"SECRET-1 20261128","b":" [-1.202611289e5]\n"}"#,
            r#"{"a":"[redacted] [redacted]","b":" [0]\n"}"#,
        ),
        // And in that.
        (
            r#"["{\"a\":\"[20261128,\\\"SECRET-1\\\"]\"}",20261128]"#,
            r#"["{\"a\":\"[0,\\\"[redacted]\\\"]\"}",0]"#,
        ),
        // What is no JSON to whoever reads it, is text.
        (
            r#"{"a":"20261128","b":"{20261128}","c":"```json\n{\"a\": 20261128}\n```"}"#,
            r#"{"a":"[redacted]","b":"{[redacted]}","c":"```json\n{\"a\": [redacted]}\n```"}"#,
        ),
        (r#""{\"a\": 20261128} and so on""#, r#""{\"a\": [redacted]} and so on""#),
        (r#"{"a":"{\"b\": \"SECRET-1\"}"}"#, r#"{"a":"{\"b\": \"[redacted]\"}"}"#),
    ] {
        assert_eq!(without(body, &["20261128", "SECRET-1"]), clean);
    }
}

#[test]
fn each_string_is_looked_into_once() {
    let text = format!("[{}", "12345678 ".repeat(100_000));
    assert!(without(json!(text).to_string(), &["12345678"]).starts_with("\"[[redacted] [redacted]"));
}

#[test]
fn a_number_that_holds_a_secret_a_hundred_thousand_times_is_looked_through_once() {
    let number = "12345678".repeat(100_000);
    assert_eq!(without(format!(r#"{{"a":{number}}}"#), &["12345678"]), r#"{"a":0}"#);
}

#[test]
fn a_scheme_is_no_part_of_the_secret() {
    for value in ["Bearer SECRET-1", "bearer  SECRET-1", "Token SECRET-1"] {
        assert_eq!(without("it was SECRET-1", &[value]), "it was [redacted]");
    }
    assert_eq!(without("horse battery", &["correct horse battery"]), "horse battery");
    assert_eq!(without("correct horse battery", &["correct horse battery"]), "[redacted]");
    assert_eq!(without("Bearer of x", &["Bearer x"]), "Bearer of x");
    assert_eq!(without("Bearer x", &["Bearer x"]), "[redacted]");
}

#[test]
fn secrets_are_found_however_json_spells_them() {
    let body = r#"{"a":["S\u0045CRET\/1",{"b":"xSECRET\u002f1x"}],"c":1.50,"d":"\u00e9\/"}"#;
    assert_eq!(
        without(body, &["SECRET/1"]),
        r#"{"a":["[redacted]",{"b":"x[redacted]x"}],"c":1.50,"d":"\u00e9\/"}"#,
        "and the rest stays as it is"
    );
    for body in [r#"{"a":"no\/thing \u0041"}"#, r#"{"a":"\u00e9"}"#, r#"broken "\/"#, r"\", "%", r"\u00"] {
        assert_eq!(without(body, &["SECRET/1"]), body, "what holds none stays as it is");
    }
    assert_eq!(
        without(r#"{"arguments":"{\"a\":\"\\u0053ECRET\\/1\"}"}"#, &["SECRET/1"]),
        r#"{"arguments":"{\"a\":\"[redacted]\"}"}"#
    );
    assert_eq!(without(r#"{"a":"pass \"word\\1"}"#, &[r#"pass "word\1"#]), r#"{"a":"[redacted]"}"#);
    assert_eq!(without(r#"{"a":"\nvapi-1234"}"#, &["nvapi-1234"]), r#"{"a":"[redacted]"}"#);
}

#[test]
fn secrets_are_found_in_urls_and_forms() {
    for text in ["SECRET%2F1%2B", "SECRET%2f1%2b", "%53ECRET/1+", "SECRET/1%2B"] {
        assert_eq!(without(format!("key={text}&x=1"), &["SECRET/1+"]), "key=[redacted]&x=1");
    }
    assert_eq!(without("a=correct+horse%20battery", &["correct horse battery"]), "a=[redacted]");
}

#[test]
fn a_header_with_a_secret_is_redacted_whole() {
    let needles = Needle::of("SECRET-1", Said::Aside);
    for (text, clean) in [("req-1", "req-1"), ("req-SECRET-1", REDACTED), ("id=%53ECRET-1", REDACTED)] {
        let mut value = HeaderValue::from_static(text);
        cut_out_of_header(&mut value, &needles);
        assert_eq!(value, clean);
    }
}

#[test]
fn nothing_that_is_printed_of_a_needle_holds_the_secret() {
    assert!(!format!("{:?}", Needle::of("SECRET-1", Said::Answer)).contains("SECRET"));
}

#[test]
fn the_base64_of_these_tests_is_that_of_the_standard() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}

proptest! {
    #[test]
    fn no_base64_of_a_text_around_a_secret_holds_it(before in "[ -~]{0,9}", after in "[ -~]{0,5}", key in "[!-~]{8,40}") {
        let encoded = base64(format!("{before}{key}{after}").as_bytes());
        for encoded in [&encoded, encoded.trim_end_matches('='), &encoded.replace('+', "-").replace('/', "_")] {
            for text in [encoded.to_owned(), encoded.replace('/', "\\/"), encoded.replace('+', "%2B").replace('/', "%2F")] {
                let clean = without(format!("\"{text}\""), &[&key]);
                prop_assert!(clean.contains(REDACTED), "{}", clean);
                // Of the secret at most the bits at its two ends are left.
                prop_assert!(clean.len() <= REDACTED.len() + (before.len() + after.len() + 4) * 4 / 3 + 12, "{}", clean);
            }
        }
    }

    #[test]
    fn json_stays_json_and_holds_the_secret_no_more(
        before in r"[ -~\n\t]{0,9}", after in r"[ -~\n\t]{0,9}", key in "[!-~]{8,40}", mask in any::<u64>(),
    ) {
        let mut spelled = String::new();
        for (index, character) in key.chars().enumerate() {
            match (mask >> index & 1 == 1, character) {
                (true, _) => spelled.extend(["\\u00".to_owned(), format!("{:02x}", u32::from(character))]),
                (false, '"' | '\\') => spelled.extend(['\\', character]),
                (false, _) => spelled.push(character),
            }
        }
        let inner = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
        let body = format!(r#"{{"text":"{}{spelled}{}"}}"#, inner(before.trim_matches('"')), inner(after.trim_matches('"')));
        let clean = without(body, &[&key]);
        let value: Value = serde_json::from_str(&clean).map_err(|error| TestCaseError::fail(format!("{error}: {clean}")))?;
        let text = value["text"].as_str().unwrap();
        prop_assert!(text.contains(REDACTED) && !text.contains(&key), "{}", text);
    }

    #[test]
    fn whatever_number_holds_a_secret_the_json_can_be_read_and_holds_none(
        secret in "[0-9]{8,12}", before in "[1-9][0-9]{0,3}", after in "[0-9]{0,3}(\\.[0-9]{1,3})?(e[0-9])?", text in "[ -~]{0,12}",
    ) {
        let number = format!("{before}{secret}{after}");
        let inner = format!(r#"{{"a": {number}, "b": [{number},{}], "{secret}": -{number}}}"#, json!(text));
        let body = format!(r#"{{"inner": {}, {}"#, json!(inner), &inner[1..]);
        let clean = without(body, &[&secret]);
        prop_assert!(!clean.contains(&secret), "{}", clean);
        let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| TestCaseError::fail(format!("{error}: {clean}")));
        let value = read(&clean)?;
        prop_assert_eq!(&value["b"], &json!([0, text]));
        prop_assert_eq!(&read(value["inner"].as_str().unwrap())?["b"], &json!([0, text]));
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is(text in "[a-z%\\\\/u0-9]{0,80}") {
        prop_assert_eq!(without(text.as_str(), &["SECRET/1+"]), text);
    }
}
