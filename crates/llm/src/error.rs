//! Why there is no reply: one closed set for all providers. Details are short and never hold a secret.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A question that could not be answered. `detail` is one short line for people, without secrets.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Too many requests or tokens for now: the same request will be accepted later.
    #[error("rate limited: {detail}")]
    RateLimited {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// What the server said.
        detail: String,
    },
    /// The provider has no capacity for anybody just now.
    #[error("the provider is overloaded: {detail}")]
    Overloaded {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// What the server said.
        detail: String,
    },
    /// No complete answer within the row's timeout.
    #[error("timed out: {detail}")]
    Timeout {
        /// What was waited for.
        detail: String,
    },
    /// No connection could be made: nothing was sent, so nothing can have been charged.
    #[error("cannot connect to {detail}")]
    Unreachable {
        /// To whom, and what stood in the way.
        detail: String,
    },
    /// The connection broke.
    #[error("connection failed: {detail}")]
    Transport {
        /// What broke.
        detail: String,
    },
    /// The server failed (5xx and their like).
    #[error("the server failed: {detail}")]
    Server {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// False where the server says that trying again is of no use.
        retryable: bool,
        /// What the server said.
        detail: String,
    },
    /// The account's money or quota is used up: waiting seconds does not help.
    #[error("quota or credit is used up: {detail}")]
    QuotaExhausted {
        /// What the server said.
        detail: String,
    },
    /// The key is missing, wrong, or may not do this.
    #[error("not authorised: {detail}")]
    Auth {
        /// What the server said.
        detail: String,
    },
    /// No such model or path.
    #[error("not found: {detail}")]
    NotFound {
        /// What the server said.
        detail: String,
    },
    /// The provider, or the encoder before it, refuses this request as it stands.
    #[error("the request was refused: {detail}")]
    BadRequest {
        /// What the server said.
        detail: String,
    },
    /// An answer that cannot be read: not JSON, cut off, too large, or of another shape.
    #[error("the answer cannot be read: {detail}")]
    Malformed {
        /// What is wrong with it, with a short excerpt.
        detail: String,
    },
}

/// The class of a [`ModelError`], under a name that stays stable in journals and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at the variants of `ModelError`")]
pub enum ModelErrorKind {
    RateLimited,
    Overloaded,
    Timeout,
    Unreachable,
    Transport,
    Server,
    QuotaExhausted,
    Auth,
    NotFound,
    BadRequest,
    Malformed,
}

impl ModelErrorKind {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::RateLimited,
        Self::Overloaded,
        Self::Timeout,
        Self::Unreachable,
        Self::Transport,
        Self::Server,
        Self::QuotaExhausted,
        Self::Auth,
        Self::NotFound,
        Self::BadRequest,
        Self::Malformed,
    ];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Transport => "transport",
            Self::Server => "server",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::Malformed => "malformed",
        }
    }
}

impl ModelError {
    /// The class of this error.
    pub fn kind(&self) -> ModelErrorKind {
        match self {
            Self::RateLimited { .. } => ModelErrorKind::RateLimited,
            Self::Overloaded { .. } => ModelErrorKind::Overloaded,
            Self::Timeout { .. } => ModelErrorKind::Timeout,
            Self::Unreachable { .. } => ModelErrorKind::Unreachable,
            Self::Transport { .. } => ModelErrorKind::Transport,
            Self::Server { .. } => ModelErrorKind::Server,
            Self::QuotaExhausted { .. } => ModelErrorKind::QuotaExhausted,
            Self::Auth { .. } => ModelErrorKind::Auth,
            Self::NotFound { .. } => ModelErrorKind::NotFound,
            Self::BadRequest { .. } => ModelErrorKind::BadRequest,
            Self::Malformed { .. } => ModelErrorKind::Malformed,
        }
    }

    /// Whether the same request may succeed when it is sent again. An unreadable answer counts: it is most often cut
    /// off or replaced on the way.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::Transport { .. }
            | Self::Malformed { .. } => true,
            Self::Server { retryable, .. } => *retryable,
            Self::QuotaExhausted { .. }
            | Self::Auth { .. }
            | Self::NotFound { .. }
            | Self::BadRequest { .. } => false,
        }
    }

    /// How long the server asks to wait; not capped, the caller decides what is too long.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// One short line for people, without secrets.
    pub fn detail(&self) -> &str {
        match self {
            Self::RateLimited { detail, .. }
            | Self::Overloaded { detail, .. }
            | Self::Timeout { detail }
            | Self::Unreachable { detail }
            | Self::Transport { detail }
            | Self::Server { detail, .. }
            | Self::QuotaExhausted { detail }
            | Self::Auth { detail }
            | Self::NotFound { detail }
            | Self::BadRequest { detail }
            | Self::Malformed { detail } => detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_the_list_and_the_name_in_json_is_the_name_in_text() {
        let error = serde_json::from_str::<ModelErrorKind>("\"none\"").unwrap_err().to_string();
        let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(names, ModelErrorKind::ALL.map(ModelErrorKind::as_str), "{error}");
        for kind in ModelErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_server_may_forbid_to_try_again() {
        let error = |retryable| ModelError::Server { retry_after: None, retryable, detail: String::new() };
        assert!(error(true).is_retryable());
        assert!(!error(false).is_retryable());
    }
}
