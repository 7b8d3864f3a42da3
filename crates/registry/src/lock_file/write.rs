//! A lock as text: the same rows give the same bytes, and one more version is one more block in a diff.

use std::fmt::Write as _;

use super::{Lock, LockRow};

pub(super) const HEADER: &str =
    "# Written by promptassay; do not edit. A registered text never changes: to change it, add a version.\n";

impl Lock {
    /// The file's text: rows in the order of semantic versioning, every text quoted that YAML could read as something else.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}schema: {}\n", super::SCHEMA);
        if self.rows.is_empty() {
            text.push_str("versions: {}\n");
            return text;
        }
        text.push_str("versions:\n");
        for (version, row) in &self.rows {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  {}:", version.number());
            write_row(&mut text, row);
        }
        text
    }
}

fn write_row(text: &mut String, row: &LockRow) {
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "    {key}: {value}");
    };
    line("file", &row.file);
    // Quoted where all 64 digits are decimal: that would be a number.
    line("sha256", &scalar(&row.sha256.to_string()));
    line("interface", &scalar(&row.interface.to_string()));
    if let Some(format) = row.template_format {
        line("template_format", format.as_str());
    }
    line("created_at", &row.created_at.to_string());
    line("created_by", &scalar(&row.created_by));
    if let Some(description) = &row.description {
        line("description", &scalar(description));
    }
    if !row.metadata.is_empty() {
        line("metadata", "");
        text.truncate(text.trim_end().len());
        text.push('\n');
        for (key, value) in &row.metadata {
            let _ = writeln!(text, "      {}: {}", scalar(key), scalar(value));
        }
    }
}

/// Text as a YAML scalar on one line: bare where nothing else can be read from it, else in double quotes.
fn scalar(value: &str) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for character in value.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            // Characters that YAML does not print, or takes for the end of a line, or that a reader cannot see.
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{a0}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Strict on purpose: quotes are always right. Letters, digits, spaces between words and a few marks inside them.
fn is_plain(value: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.chars().all(|c| {
                c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ',' | '@' | '<' | '>' | '(' | ')' | '/')
            })
    };
    let keyword = matches!(
        value.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    !keyword
        && value.split(' ').all(word)
        // What begins with a letter outside the number words is text; a digest may begin with a digit but has letters.
        && (value.chars().next().is_some_and(char::is_alphabetic) || is_hexadecimal_text(value))
}

/// Hexadecimal digits that no reader takes for a number: with letters other than the `e` of an exponent.
fn is_hexadecimal_text(value: &str) -> bool {
    value.len() == 64
        && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        && value.bytes().any(|byte| matches!(byte, b'a'..=b'd' | b'f'))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;
    use crate::template::TemplateFormat;
    use crate::version::Version;
    use crate::version_file::Form;

    fn read(text: &str) -> Lock {
        let mut problems = Vec::new();
        Lock::parse(Path::new("prompt.lock"), text, &mut problems)
            .unwrap_or_else(|| panic!("{problems:?}\n{text}"))
    }

    #[test]
    fn the_text_is_plain_where_it_can_be() {
        let row = LockRow {
            file: "v1.0.0.txt".to_owned(),
            sha256: Digest::of("a"),
            interface: Digest::of("b"),
            template_format: None,
            created_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            created_by: "Ada Lovelace <ada@example.com>".to_owned(),
            description: Some("First: 100 % polite # really".to_owned()),
            metadata: BTreeMap::from([
                ("ticket".to_owned(), "SUP-12".to_owned()),
                ("n".to_owned(), "1.10".to_owned()),
            ]),
        };
        let mut lock = Lock::default();
        lock.rows.insert(
            "1.10.0".parse().unwrap(),
            LockRow {
                file: "v1.10.0.txt".to_owned(),
                template_format: Some(TemplateFormat::Jinja),
                description: None,
                metadata: BTreeMap::new(),
                ..row.clone()
            },
        );
        lock.rows.insert("1.0.0".parse().unwrap(), row);
        insta::assert_snapshot!(lock.to_text(), @r#"
        # Written by promptassay; do not edit. A registered text never changes: to change it, add a version.
        schema: 1
        versions:
          1.0.0:
            file: v1.0.0.txt
            sha256: ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
            interface: 3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d
            created_at: 2026-11-22T10:00:00Z
            created_by: Ada Lovelace <ada@example.com>
            description: "First: 100 % polite # really"
            metadata:
              "n": "1.10"
              ticket: SUP-12
          1.10.0:
            file: v1.10.0.txt
            sha256: ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
            interface: 3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d
            template_format: jinja
            created_at: 2026-11-22T10:00:00Z
            created_by: Ada Lovelace <ada@example.com>
        "#);
        insta::assert_snapshot!(Lock::default().to_text(), @"
        # Written by promptassay; do not edit. A registered text never changes: to change it, add a version.
        schema: 1
        versions: {}
        ");
    }

    #[test]
    fn a_digest_of_decimal_digits_stays_text() {
        for digits in ["1".repeat(64), format!("1e{}", "1".repeat(62)), format!("1{}e5", "0".repeat(61))] {
            assert!(scalar(&digits).starts_with('"'), "{digits}");
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ -~]{0,20}",
            "[:#'\"|>&*!%@`{}\\[\\],?~ \\n\\r\\t-]{0,6}",
            "(yes|no|null|~|1e3|0x1f|1_0|2026-11-22|\\.inf|<<|=|---)"
        ]
    }

    fn any_format() -> impl Strategy<Value = TemplateFormat> {
        prop_oneof![Just(TemplateFormat::Format), Just(TemplateFormat::Jinja)]
    }

    fn any_row() -> impl Strategy<Value = (Version, LockRow)> {
        (
            (0..20_u64, 0..20_u64, 0..20_u64, prop::option::of("(rc|alpha)\\.[1-9]"), any::<bool>()),
            (
                (any::<[u8; 8]>(), any::<[u8; 8]>(), prop::option::of(any_format())),
                0..253_402_300_799_i64,
                0..1_000_000_000_i32,
            ),
            (
                any_text(),
                prop::option::of(any_text()),
                prop::collection::btree_map(any_text(), any_text(), 0..4),
            ),
        )
            .prop_map(
                |(
                    (major, minor, patch, prerelease, text),
                    ((sha256, interface, template_format), second, nanosecond),
                    (created_by, description, metadata),
                )| {
                    let suffix = prerelease.map(|prerelease| format!("-{prerelease}")).unwrap_or_default();
                    let version: Version = format!("{major}.{minor}.{patch}{suffix}").parse().unwrap();
                    let file = if text { Form::Text } else { Form::Chat }.file_name(&version);
                    let created_at = Timestamp::new(second, nanosecond).unwrap();
                    let row = LockRow {
                        file,
                        sha256: Digest::of(sha256),
                        interface: Digest::of(interface),
                        template_format,
                        created_at,
                        created_by,
                        description,
                        metadata,
                    };
                    (version, row)
                },
            )
    }

    /// Locks of up to four versions, with every kind of text in them.
    pub(in super::super) fn any_lock() -> impl Strategy<Value = Lock> {
        prop::collection::vec(any_row(), 0..5).prop_map(|rows| Lock { rows: rows.into_iter().collect() })
    }

    proptest! {
        #[test]
        fn writing_and_reading_is_the_identity(lock in any_lock()) {
            let text = lock.to_text();
            prop_assert_eq!(read(&text), lock);
            prop_assert_eq!(read(&text).to_text(), text);
        }
    }
}
