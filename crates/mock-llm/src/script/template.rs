//! Templates of the prompt: three names in braces, filled in once; filled-in text is never scanned again.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    LastUserMessage,
    Model,
    Call,
}

/// The names that a template knows, for help texts.
pub(crate) const KNOWN_NAMES: &str = "{last_user_message}, {model}, {call}; double a literal brace";

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("unknown name `{0}` in the template")]
    UnknownName(String),
    #[error("`{{` without its `}}`")]
    Unclosed,
    #[error("`}}` without its `{{`")]
    Unopened,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = (rest.as_bytes()[at], &rest[at + 1..]);
            if after.as_bytes().first() == Some(&brace) {
                literal.push(char::from(brace));
                rest = &after[1..];
                continue;
            }
            if brace == b'}' {
                return Err(TemplateError::Unopened);
            }
            let end = after.find('}').ok_or(TemplateError::Unclosed)?;
            let part = match &after[..end] {
                "last_user_message" => Part::LastUserMessage,
                "model" => Part::Model,
                "call" => Part::Call,
                unknown => return Err(TemplateError::UnknownName(unknown.to_owned())),
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    pub(crate) fn render(&self, last_user_message: &str, model: &str, call: u64) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::LastUserMessage => text.push_str(last_user_message),
                Part::Model => text.push_str(model),
                Part::Call => text.push_str(&call.to_string()),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_once_and_doubled_braces_stay() {
        let template = Template::parse("{{{call}}} {model}: {last_user_message}!").unwrap();
        assert_eq!(template.render("say {model}", "m-1", 7), "{7} m-1: say {model}!");
    }

    #[test]
    fn a_text_without_names_is_itself() {
        assert_eq!(Template::parse("plain ü").unwrap().render("a", "b", 1), "plain ü");
        assert_eq!(Template::parse("").unwrap().render("a", "b", 1), "");
    }

    #[test]
    fn wrong_braces_and_names_are_told_apart() {
        assert_eq!(Template::parse("a {who}"), Err(TemplateError::UnknownName("who".to_owned())));
        assert_eq!(Template::parse("a {model"), Err(TemplateError::Unclosed));
        assert_eq!(Template::parse("a } b"), Err(TemplateError::Unopened));
    }
}
