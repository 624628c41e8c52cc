//! Asking for something.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use bus::now;
use events::state::{Asker, Request, RequestId, RequestKind};
use model::{CommandScope, Digest};

use super::{refusal::Refusal, target::target};
use crate::{
    perform::ask as append,
    run::Gateway,
    wire::{self, Accepted, Asked, AskedKind},
};

/// Asks for something; a target's `answered` tells how it went.
#[utoipa::path(post, path = "/api/v1/targets/{cluster}/{application}/requests",
    params(("cluster" = String, Path), ("application" = String, Path)), request_body = Asked,
    responses((status = 202, body = Accepted), (status = 400, body = super::refusal::Refused),
        (status = 404, body = super::refusal::Refused), (status = 409, body = super::refusal::Refused),
        (status = 429, body = super::refusal::Refused)))]
pub async fn ask(
    State(gateway): State<Arc<Gateway>>,
    Path((cluster, application)): Path<(String, String)>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let Json(asked) = asked.map_err(|rejection| match rejection.status() {
        StatusCode::UNPROCESSABLE_ENTITY => Refusal::bad(rejection.body_text()),
        status => Refusal::of(status, &rejection.body_text()),
    })?;
    let id = target(&cluster, &application)?;
    let unknown = || gateway.unknown(format!("there is no target {id}"));
    gateway.status(&id).ok_or_else(unknown)?;
    let request = request_id(asked.id)?;
    let kind = match asked.kind {
        AskedKind::Sync => {
            let source = gateway.picture().source_of(&id).cloned().ok_or_else(unknown)?;
            let fetch =
                Request { id: request.clone(), kind: RequestKind::Fetch, at: now(), by: Asker::Person };
            append(&gateway.log, &CommandScope::Source(source), fetch).await?;
            RequestKind::Sync { after: Some(request.clone()) }
        }
        AskedKind::ConfirmInventory => RequestKind::ConfirmInventory,
        AskedKind::Pause => RequestKind::Pause,
        AskedKind::Resume => RequestKind::Resume,
        AskedKind::Approve => RequestKind::Approve { plan: digest(asked.plan.as_deref())? },
    };
    let asked = Request { id: request.clone(), kind, at: now(), by: Asker::Person };
    append(&gateway.log, &CommandScope::Target(id), asked).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { version: wire::VERSION, request: request.to_string() })))
}

/// The digest of a plan.
fn digest(text: Option<&str>) -> Result<Digest, Refusal> {
    let found = text.and_then(|text| text.parse().ok());
    found.ok_or_else(|| Refusal::bad("an approval names the plan: its digest has 64 hexadecimal digits"))
}

/// The id that was chosen, or a new one.
pub fn request_id(chosen: Option<String>) -> Result<RequestId, Refusal> {
    match chosen {
        Some(text) => text.parse().map_err(|_| Refusal::bad("an id is 8 to 64 letters, digits and dashes")),
        None => Ok(new_id()),
    }
}

/// An id that nobody else chooses.
pub fn new_id() -> RequestId {
    let text = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
    text.parse().unwrap_or_else(|_| unreachable!("hexadecimal digits are an id"))
}
