//! Webhooks: a push is looked at now, not at the next poll.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use bus::now;
use events::state::{Request, RequestKind};
use model::{CommandScope, SourceName};

use super::{refusal::Refusal, request::new_id};
use crate::{
    decide::{Provider, Signed, addresses, is_signed, same_repository},
    perform::ask,
    run::Gateway,
    wire::{self, Noticed},
};

/// Takes a webhook whose signature fits, and has every source of its repository looked at.
#[utoipa::path(post, path = "/webhook/{provider}",
    params(("provider" = String, Path, description = "github, gitlab, gitea or generic")),
    responses((status = 202, body = Noticed), (status = 403, body = super::refusal::Refused)))]
pub async fn take(
    State(gateway): State<Arc<Gateway>>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Noticed>), Refusal> {
    let provider = Provider::named(&provider);
    let provider =
        provider.ok_or_else(|| Refusal::not_found("github, gitlab, gitea and generic are known"))?;
    let secret = gateway.config.webhook_secret.as_ref();
    let secret = secret.ok_or_else(|| Refusal::unsigned("no secret is known to check webhooks with"))?;
    if !is_signed(provider, signed(&headers), &body, secret) {
        return Err(Refusal::unsigned("the signature does not fit"));
    }
    let body = serde_json::from_slice(&body).map_err(|error| Refusal::bad(format!("no JSON: {error}")))?;
    let told = addresses(provider, &body);
    let concerned = |address: &str| told.iter().any(|told| same_repository(told, address));
    let sources: Vec<SourceName> = {
        let picture = gateway.picture();
        let sources = picture.sources().filter(|(_, address)| concerned(address));
        sources.map(|(name, _)| name.clone()).collect()
    };
    for source in &sources {
        let fetch = Request { id: new_id(), kind: RequestKind::Fetch, at: now() };
        ask(&gateway.log, &CommandScope::Source(source.clone()), fetch).await?;
    }
    let sources = sources.iter().map(ToString::to_string).collect();
    Ok((StatusCode::ACCEPTED, Json(Noticed { version: wire::VERSION, sources })))
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
