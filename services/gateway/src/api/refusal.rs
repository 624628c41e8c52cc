//! A request that is not carried out, and why.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
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
        let (status, code) = match error {
            AskError::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "API-PENDING"),
            AskError::Contended
            | AskError::Read(_)
            | AskError::Log(_)
            | AskError::Append(_)
            | AskError::Encode(_) => (StatusCode::SERVICE_UNAVAILABLE, "API-LOG"),
        };
        Self::new(status, code, error.to_string(), "wait until pending requests are answered, and try again")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Refused { version: wire::VERSION, problem: self.problem };
        (self.status, Json(body)).into_response()
    }
}
