//! Whether a model row is worth asking at all. Pure.

use promptassay_llm::{ModelError, ModelErrorKind};

/// So many hopeless answers in a row are enough.
const ENOUGH: u32 = 3;

/// Opens after several answers in a row that no further question can change: a wrong key, a model that does not exist, money that
/// is used up. Once open it stays open for the run.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    in_a_row: u32,
    why: Option<Opened>,
}

/// Why a model row is no longer asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The class of the errors.
    pub kind: ModelErrorKind,
    /// The last one, as one line for people.
    pub message: String,
}

impl Circuit {
    /// Why it is open, where it is.
    pub(crate) fn opened(&self) -> Option<&Opened> {
        self.why.as_ref()
    }

    /// Takes the end of an attempt into account; says why where this one opened it.
    pub(crate) fn record(&mut self, error: Option<&ModelError>) -> Option<&Opened> {
        let Some(error) = error else {
            self.in_a_row = 0;
            return None;
        };
        if !is_hopeless(error.kind()) {
            return None;
        }
        self.in_a_row += 1;
        if self.why.is_some() || self.in_a_row < ENOUGH {
            return None;
        }
        self.why = Some(Opened { kind: error.kind(), message: error.to_string() });
        self.why.as_ref()
    }
}

fn is_hopeless(kind: ModelErrorKind) -> bool {
    use ModelErrorKind::{
        Auth, BadRequest, Malformed, NotFound, Overloaded, QuotaExhausted, RateLimited, Server, Timeout,
        Transport, Unreachable,
    };
    match kind {
        Auth | NotFound | QuotaExhausted => true,
        // A refused request may be one question's fault.
        BadRequest | RateLimited | Overloaded | Timeout | Unreachable | Transport | Server | Malformed => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> ModelError {
        ModelError::Auth { detail: "wrong key".into() }
    }

    #[test]
    fn it_opens_once_and_says_why() {
        let mut circuit = Circuit::default();
        assert_eq!(circuit.record(Some(&auth())), None);
        assert_eq!(circuit.record(Some(&auth())), None);
        let why = Opened { kind: ModelErrorKind::Auth, message: "not authorised: wrong key".into() };
        assert_eq!(circuit.record(Some(&auth())), Some(&why));
        assert_eq!(circuit.record(Some(&auth())), None);
        assert_eq!(circuit.opened(), Some(&why));
        circuit.record(None);
        assert!(circuit.opened().is_some(), "it stays open");
    }

    #[test]
    fn an_answer_in_between_keeps_it_closed() {
        let mut circuit = Circuit::default();
        for _ in 0..10 {
            circuit.record(Some(&auth()));
            circuit.record(Some(&auth()));
            circuit.record(None);
        }
        assert_eq!(circuit.opened(), None);
    }

    #[test]
    fn what_passes_by_itself_never_opens_it() {
        let mut circuit = Circuit::default();
        for _ in 0..10 {
            circuit.record(Some(&ModelError::Timeout { detail: String::new() }));
            circuit.record(Some(&ModelError::BadRequest { detail: String::new() }));
        }
        assert_eq!(circuit.opened(), None);
    }
}
