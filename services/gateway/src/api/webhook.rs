//! Webhooks: a push is looked at now, not at the next poll.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use bus::now;
use events::state::{Asker, Request, RequestKind};
use model::{CommandScope, SourceName};
use percent_encoding::percent_decode;
use serde_json::Value;

use super::{body, refusal::Refusal, request::new_id};
use crate::{
    decide::{Provider, Signed, addresses, is_signed, same_repository},
    perform::ask,
    run::Gateway,
    wire::{self, Missed, Noticed},
};

/// Largest body: a push of hundreds of commits, as a webhook tells it.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Takes a webhook whose signature fits, and has every source of its repository looked at.
#[utoipa::path(post, path = "/webhook/{provider}",
    params(("provider" = String, Path, description = "github, gitlab, gitea or generic")),
    responses((status = 202, body = Noticed), (status = 403, body = super::refusal::Refused),
        (status = 408, body = super::refusal::Refused), (status = 413, body = super::refusal::Refused),
        (status = 503, body = super::refusal::Refused)))]
pub async fn take(
    State(gateway): State<Arc<Gateway>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Noticed>), Refusal> {
    let provider = Provider::named(&provider);
    let provider =
        provider.ok_or_else(|| Refusal::not_found("github, gitlab, gitea and generic are known"))?;
    let secret = gateway.config.webhook_secret.as_ref();
    let secret = secret.ok_or_else(|| Refusal::unsigned("no secret is known to check webhooks with"))?;
    let room = gateway.hearing.try_acquire();
    let _place = room.map_err(|_| Refusal::busy("as many webhooks are heard as there is room for"))?;
    let body = body::read(body, BODY_BYTES_MAX).await?;
    if !is_signed(provider, signed(&headers), &body, secret) {
        return Err(Refusal::unsigned("the signature does not fit"));
    }
    let body = document(&body)?;
    let told = addresses(provider, &body);
    let concerned = |address: &str| told.iter().any(|told| same_repository(told, address));
    let sources: Vec<SourceName> = {
        let picture = gateway.picture();
        let sources = picture.sources().filter(|(_, address)| concerned(address));
        sources.map(|(name, _)| name.clone()).collect()
    };
    let noticed = notice(&gateway, sources).await?;
    Ok((StatusCode::ACCEPTED, Json(noticed)))
}

/// What a host says: JSON, or a form with JSON in it, as GitHub sends it unless it is told otherwise.
fn document(body: &[u8]) -> Result<Value, Refusal> {
    let told = match body.strip_prefix(b"payload=") {
        Some(form) => {
            let first = form.split(|byte| *byte == b'&').next().unwrap_or_default();
            let spaced: Vec<u8> = first.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
            percent_decode(&spaced).collect()
        }
        None => body.to_vec(),
    };
    serde_json::from_slice(&told).map_err(|error| Refusal::bad(format!("no JSON: {error}")))
}

/// Has each source looked at; one that cannot be told keeps no other from it. Where none can, the host may try again.
async fn notice(gateway: &Gateway, sources: Vec<SourceName>) -> Result<Noticed, Refusal> {
    let mut noticed = Noticed { version: wire::VERSION, sources: vec![], missed: vec![] };
    let mut first = None;
    for source in sources {
        let fetch = Request { id: new_id(), kind: RequestKind::Fetch, at: now(), by: Asker::Push };
        let name = source.to_string();
        match ask(&gateway.log, &CommandScope::Source(source), fetch).await.map_err(Refusal::from) {
            Ok(()) => noticed.sources.push(name),
            Err(refusal) => {
                let problem = refusal.problem().clone();
                noticed.missed.push(Missed { source: name, problem });
                first.get_or_insert(refusal);
            }
        }
    }
    first.filter(|_| noticed.sources.is_empty()).map_or(Ok(noticed), Err)
}

fn signed(headers: &HeaderMap) -> Signed<'_> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Signed {
        hub: text("x-hub-signature-256"),
        gitea: text("x-gitea-signature"),
        gitlab: text("x-gitlab-token"),
        own: text("x-driftless-signature-256"),
    }
}
