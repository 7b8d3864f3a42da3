//! Keys that cannot be printed. Reading them from the environment is the caller's business.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::header::HeaderMap;

use crate::config::EnvironmentName;
use crate::redaction::{self, Needle, Said};
use crate::reply::Reply;

/// A secret that goes into a request header and nowhere else. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// Why a text cannot be a key. The text itself is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyProblem {
    /// Nothing but white space.
    #[error("the key is empty")]
    Empty,
    /// A character that an HTTP header cannot carry.
    #[error("the key holds a line break, a control character or a character that is not ASCII")]
    NotAHeaderValue,
}

impl ApiKey {
    /// Takes a key, without the white space around it that secrets in CI systems often have.
    pub fn new(text: &str) -> Result<Self, ApiKeyProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ApiKeyProblem::Empty);
        }
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(ApiKeyProblem::NotAHeaderValue);
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for a header.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(hidden)")
    }
}

/// The secrets of a run, by the name of the environment variable that each came from
/// ([`crate::ModelRow::environment_names`] lists which are needed).
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    keys: BTreeMap<EnvironmentName, ApiKey>,
    /// What is cut out of every answer: nobody knows whose key a server repeats.
    in_answers: Vec<Needle>,
    /// What is cut out of errors, headers and what programs write aside.
    aside: Vec<Needle>,
}

impl Secrets {
    /// No secret at all: for servers that ask for none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Keeps `key` under `name`.
    pub fn insert(&mut self, name: EnvironmentName, key: ApiKey) {
        self.in_answers.extend(Needle::of(key.expose(), Said::Answer));
        self.aside.extend(Needle::of(key.expose(), Said::Aside));
        self.keys.insert(name, key);
    }

    /// The secret of that name.
    pub fn get(&self, name: &EnvironmentName) -> Option<&ApiKey> {
        self.keys.get(name)
    }

    /// What was said without any of these secrets, of an answer but those that look like words of one; and the whole of it, where it holds
    /// any.
    pub(crate) fn cut_out_of(&self, said: Said, text: Vec<u8>) -> (Vec<u8>, Option<Vec<u8>>) {
        let needles = match said {
            Said::Answer => &self.in_answers,
            Said::Aside => &self.aside,
        };
        match redaction::cut_out(&text, needles) {
            None => (text, None),
            Some(clean) => (clean, Some(text)),
        }
    }

    /// The secrets without which another reply is read out of what a model said. An answer may hold more beside the reply, such as
    /// what was asked.
    pub(crate) fn changing(
        &self,
        said: Said,
        whole: &[u8],
        read: impl Fn(Vec<u8>) -> Option<Reply>,
    ) -> Vec<EnvironmentName> {
        // Nothing is judged by the id.
        let read = |text| read(text).map(|reply| Reply { request_id: None, ..reply });
        let untouched = read(whole.to_vec());
        let changes = |key: &ApiKey| {
            let clean = redaction::cut_out(whole, &Needle::of(key.expose(), said));
            clean.is_some_and(|clean| read(clean) != untouched)
        };
        self.keys.iter().filter(|(_, key)| changes(key)).map(|(name, _)| name.clone()).collect()
    }

    /// What was said beside answers, without any of these secrets: errors, and what programs write to stderr or say of a reply.
    pub fn cut_out(&self, text: Vec<u8>) -> Vec<u8> {
        self.cut_out_of(Said::Aside, text).0
    }

    /// Headers, without any of these secrets.
    pub(crate) fn cut_out_of_headers(&self, headers: &mut HeaderMap) {
        headers.values_mut().for_each(|value| redaction::cut_out_of_header(value, &self.aside));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_trimmed_and_never_shown() {
        let key = ApiKey::new(" sk-very-secret\n").unwrap();
        assert_eq!(key.expose(), "sk-very-secret");
        assert!(!format!("{key:?}").contains("secret"));
    }

    #[test]
    fn a_text_that_no_header_can_carry_is_refused() {
        assert_eq!(ApiKey::new(" \n"), Err(ApiKeyProblem::Empty));
        assert_eq!(ApiKey::new("a\nb"), Err(ApiKeyProblem::NotAHeaderValue));
        assert_eq!(ApiKey::new("clé"), Err(ApiKeyProblem::NotAHeaderValue));
    }
}
