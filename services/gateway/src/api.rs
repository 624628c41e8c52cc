//! The HTTP API, by path.

mod backup;
mod definitions;
mod guard;
mod listing;
mod live;
mod openapi;
mod refusal;
mod request;
mod target;
mod webhook;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware,
    routing::{get, post},
};

use crate::run::Gateway;

/// Largest body: a push of hundreds of commits, as a webhook tells it.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Everything that is served.
pub fn routes(gateway: Arc<Gateway>) -> Router {
    let api = Router::new()
        .route("/sources", get(listing::sources))
        .route("/clusters", get(listing::clusters))
        .route("/applications", get(listing::applications))
        .route("/definitions", get(definitions::show))
        .route("/definitions/approvals", post(definitions::approve))
        .route("/targets", get(target::list))
        .route("/targets/{cluster}/{application}", get(target::detail))
        .route("/targets/{cluster}/{application}/requests", post(request::ask))
        .route("/applications/{application}/log", get(target::log))
        .route("/events", get(live::events))
        .route("/backup", get(backup::backup))
        .route("/openapi.json", get(openapi::document))
        .layer(middleware::from_fn_with_state(gateway.clone(), guard::admit));
    Router::new()
        .nest("/api/v1", api)
        .route("/webhook/{provider}", post(webhook::take))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || refusal::Refusal::not_found("there is nothing at this path"))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(gateway)
}

/// Whether what is shown is what the log says.
async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    match gateway.is_ready() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the log is not listed, or does not answer\n"),
    }
}
