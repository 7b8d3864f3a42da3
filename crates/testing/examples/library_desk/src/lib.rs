//! The help desk of a library answers letters. Its prompts are in `prompts/`, and `tests/prompts.rs` tests them.

/// The part of a reply that goes into the preview of a mail: its first sentence.
pub fn preview(reply: &str) -> &str {
    reply.split_inclusive(['.', '!', '?']).next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_sentence() {
        assert_eq!(preview("Hello! We open at nine."), "Hello!");
        assert_eq!(preview(""), "");
    }
}
