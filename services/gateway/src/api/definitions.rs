//! The definitions as a whole: which are in force, why newer ones are not, and consent to those that are held back.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use bus::now;
use events::state::{Asker, Request, RequestKind};
use model::{CommandScope, Digest};

use super::{refusal::Refusal, request::request_id};
use crate::{
    perform::ask as append,
    run::Gateway,
    wire::{self, Accepted, Approval, Definitions, Problem},
};

/// Which definitions are in force.
#[utoipa::path(get, path = "/api/v1/definitions", responses((status = 200, body = Definitions)))]
pub async fn show(State(gateway): State<Arc<Gateway>>) -> Json<Definitions> {
    let picture = gateway.picture();
    let told = picture.definitions();
    Json(Definitions {
        version: wire::VERSION,
        commit: told.commit.as_ref().map(ToString::to_string),
        rejected: told.rejected.as_ref().map(Problem::from),
        held: told.consent.held.map(|digest| digest.to_string()),
        answered: told.consent.handled.iter().map(ToString::to_string).collect(),
    })
}

/// Puts the definitions that the guard holds back in force, if they are those with that digest.
#[utoipa::path(post, path = "/api/v1/definitions/approvals", request_body = Approval,
    responses((status = 202, body = Accepted), (status = 400, body = super::refusal::Refused),
        (status = 409, body = super::refusal::Refused), (status = 429, body = super::refusal::Refused)))]
pub async fn approve(
    State(gateway): State<Arc<Gateway>>,
    asked: Result<Json<Approval>, JsonRejection>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let Json(asked) = asked.map_err(|rejection| Refusal::bad(rejection.body_text()))?;
    let plan: Digest = asked.digest.parse().map_err(|_| Refusal::bad("a digest is 64 hexadecimal digits"))?;
    let held = gateway.picture().definitions().consent.held;
    if held != Some(plan) {
        return Err(Refusal::not_held());
    }
    let id = request_id(asked.id)?;
    let request =
        Request { id: id.clone(), kind: RequestKind::Approve { plan }, at: now(), by: Asker::Person };
    append(&gateway.log, &CommandScope::Fleet, request).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { version: wire::VERSION, request: id.to_string() })))
}
