//! A request that is not carried out, and why.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use model::Failure;

use crate::{
    decide::NotAdded,
    perform::{AskError, ReadStateError},
    wire::{self, Problem},
};

/// Why a request is not carried out.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    problem: Problem,
}

/// The body of every answer that is no success.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// Version of the document.
    version: u32,
    /// Why.
    problem: Problem,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, message: impl Into<String>, remedy: &str) -> Self {
        let problem = Problem { code: code.into(), message: message.into(), remedy: remedy.into() };
        Self { status, problem }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "API-NOT-FOUND", message, "`driftless status` lists what there is")
    }

    /// What is there is not known yet.
    pub fn starting() -> Self {
        let message = "the gateway has not read the log yet";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "API-STARTING", message, "try again in a moment")
    }

    /// The request makes no sense.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "API-REQUEST", message, "see /api/v1/openapi.json")
    }

    /// What was answered without a document: the text is all that is told.
    pub fn of(status: StatusCode, text: &str) -> Self {
        let reason = status.canonical_reason().unwrap_or("refused");
        let message = if text.is_empty() { reason } else { text };
        match status {
            StatusCode::NOT_FOUND => Self::not_found(message),
            _ if status.is_server_error() => Self::new(status, "BUG", message, "report it as a bug"),
            _ => Self::new(status, "API-REQUEST", message, "see /api/v1/openapi.json"),
        }
    }

    /// The body does not come.
    pub fn slow(within: Duration) -> Self {
        let message = format!("the body did not come within {} s", within.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "API-REQUEST", message, "send it at once")
    }

    /// The body is too large.
    pub fn large(bytes_max: usize) -> Self {
        let message = format!("the body is larger than {bytes_max} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "API-REQUEST", message, "see /api/v1/openapi.json")
    }

    /// As many as there is room for do the same.
    pub fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "API-BUSY", message, "try again in a moment")
    }

    /// What is there is not known, because the newest definitions cannot be read.
    pub fn unread(failure: &Failure) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, problem: Problem::from(failure) }
    }

    /// The auditor is in another process, or has not opened its ledger yet.
    pub fn no_ledger() -> Self {
        let message = "there is no audit ledger in this process";
        let remedy = "ask a process of `driftless up`, or the state folder of the auditor (--state) while it is stopped";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "API-NO-LEDGER", message, remedy)
    }

    /// The audit ledger does not know how it was then.
    pub fn not_recorded(message: String, remedy: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "AUDIT-PAST", message, remedy)
    }

    /// The audit ledger cannot be read.
    pub fn unreadable_ledger(error: &dyn std::error::Error) -> Self {
        let message = format!("the audit ledger cannot be read: {error}");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "LEDGER-UNREADABLE",
            message,
            "check its disk, then try again",
        )
    }

    /// Other definitions are held back than those that are approved, or none are.
    pub fn not_held() -> Self {
        let message = "no definitions with that digest are held back";
        let remedy = "`driftless status` tells which are, if any: look at what they let go of";
        Self::new(StatusCode::CONFLICT, "API-NOT-HELD", message, remedy)
    }

    /// The caller did not show who it is.
    pub fn unauthorized(message: &str) -> Self {
        let remedy = "send `Authorization: Bearer TOKEN` with the token that the gateway was started with";
        Self::new(StatusCode::UNAUTHORIZED, "API-TOKEN", message, remedy)
    }

    /// A page of somebody else asks in the name of who looks at it.
    pub fn foreign(message: &str) -> Self {
        let remedy = "use the address that the gateway listens on, or start it with --api-token";
        Self::new(StatusCode::FORBIDDEN, "API-FOREIGN", message, remedy)
    }

    /// A webhook whose signature does not fit.
    pub fn unsigned(message: &str) -> Self {
        let remedy = "give the gateway and the Git host the same secret (--webhook-secret)";
        Self::new(StatusCode::FORBIDDEN, "WEBHOOK-SIGNATURE", message, remedy)
    }
}

impl From<ReadStateError> for Refusal {
    fn from(error: ReadStateError) -> Self {
        let remedy = "look at the log of the gateway, and try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "API-LOG", error.to_string(), remedy)
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let (status, code, remedy) = match error {
            AskError::NotAdded(NotAdded::TooMany) => (
                StatusCode::TOO_MANY_REQUESTS,
                "API-PENDING",
                "wait until pending requests are answered, and try again",
            ),
            AskError::NotAdded(NotAdded::OtherKind(_)) => {
                (StatusCode::CONFLICT, "API-REQUEST-ID", "give each request an id of its own, or none")
            }
            AskError::Contended
            | AskError::Read(_)
            | AskError::Log(_)
            | AskError::Append(_)
            | AskError::Encode(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "API-LOG", "look at the log of the gateway, and try again")
            }
        };
        Self::new(status, code, error.to_string(), remedy)
    }
}

impl Refusal {
    /// Why, as it is told among others.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Headers and body of the answer.
    pub fn into_parts(self) -> (HeaderMap, Body) {
        let (parts, body) = self.into_response().into_parts();
        (parts.headers, body)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Refused { version: wire::VERSION, problem: self.problem };
        (self.status, Json(body)).into_response()
    }
}
