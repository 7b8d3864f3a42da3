//! A request as bytes and names, and what it turns out to ask.

use crate::script::ErrorKind;
use crate::wire::{self, Endpoint, ModelCall, WireFormat};

/// An HTTP request, borrowed from whichever front read it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Method in capitals.
    pub method: &'a str,
    /// Path; a query is ignored.
    pub path: &'a str,
    /// Header names, in any case, and values.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

impl Request<'_> {
    pub(crate) fn path_without_query(&self) -> &str {
        self.path.split_once('?').map_or(self.path, |(path, _)| path)
    }
}

/// What a request turns out to be.
#[derive(Debug)]
pub(crate) enum Reading {
    Call {
        format: WireFormat,
        call: ModelCall,
    },
    /// The provider itself would refuse it; the script is not asked.
    Refused {
        format: Option<WireFormat>,
        kind: ErrorKind,
        message: String,
    },
}

impl Reading {
    /// The requested model, where the request names one.
    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            Self::Call { call, .. } => Some(&call.model),
            Self::Refused { .. } => None,
        }
    }
}

pub(crate) fn read(request: &Request<'_>) -> Reading {
    let path = request.path_without_query();
    let Some(endpoint) = Endpoint::of_path(path) else {
        let message = format!(
            "this mock does not know the path {path}: it answers /v1/chat/completions, /v1/responses, /v1/messages \
             and /v1beta/models/MODEL:generateContent, after any prefix"
        );
        return Reading::Refused { format: None, kind: ErrorKind::NotFound, message };
    };
    let format = endpoint.format;
    if request.method != "POST" {
        let message = format!("{} is not allowed here: send a POST request", request.method);
        return Reading::Refused { format: Some(format), kind: ErrorKind::MethodNotAllowed, message };
    }
    match wire::read(&endpoint, request.body) {
        Ok(call) => Reading::Call { format, call },
        Err(message) => Reading::Refused { format: Some(format), kind: ErrorKind::BadRequest, message },
    }
}
