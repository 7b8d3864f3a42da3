//! What stands in a command that a help tells to type.

use std::borrow::Cow;

/// A word as a shell has to be given it: as it stands where the shell takes it for one word with nothing to do in it, else in quotes.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain =
        |sign: char| sign.is_alphanumeric() || matches!(sign, '/' | '.' | '_' | '-' | ':' | '@' | '+');
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What a shell makes of a line: its words. `None` where there is no shell.
    fn words(line: &str) -> Option<Vec<String>> {
        let script = format!("for word in {line}; do printf '%s\\0' \"$word\"; done");
        let output = Command::new("sh").arg("-c").arg(script).output().ok()?;
        let text = String::from_utf8(output.stdout).unwrap();
        Some(text.split_terminator('\0').map(str::to_owned).collect())
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        for plain in ["prompts/registry.yaml", "../größe/v1.0.0.txt", "a_b-c:d", "main@2"] {
            assert_eq!(shell_word(plain), plain);
        }
        assert_eq!(shell_word("kept runs"), "'kept runs'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_each_as_one_word(
            all in proptest::collection::vec("[^\0]{0,8}|[a-z'\"$`\\\\ ~*!#&|;=%{}()<>]{0,8}", 1..4),
        ) {
            let line = all.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
            if let Some(words) = words(&line) {
                prop_assert_eq!(words, all);
            }
        }
    }
}
