//! The HTTP API, by path.

mod backup;
mod body;
mod definitions;
mod documented;
mod guard;
mod listing;
mod live;
mod openapi;
mod recorded;
mod refusal;
mod request;
mod target;
mod webhook;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, post},
};

pub use refusal::Refusal;

use crate::run::Gateway;

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
        .route("/log", get(recorded::log))
        .route("/at/{time}/targets", get(recorded::at))
        .route("/events", get(live::events))
        .route("/backup", get(backup::backup))
        .route("/openapi.json", get(openapi::document))
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(gateway.clone(), guard::admit))
        .layer(middleware::from_fn(documented::documented));
    let webhooks = Router::new()
        .route("/webhook/{provider}", post(webhook::take))
        .layer(middleware::from_fn(documented::documented));
    Router::new()
        .nest("/api/v1", api)
        .merge(webhooks)
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || refusal::Refusal::not_found("there is nothing at this path"))
        .with_state(gateway)
}

/// Whether what is shown is what the log says.
async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    match gateway.is_ready() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the log is not listed, or does not answer\n"),
    }
}
