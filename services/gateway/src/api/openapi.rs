//! The API's own description.

use axum::Json;
use utoipa::OpenApi;

use super::{backup, definitions, listing, live, recorded, request, target, webhook};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "driftless",
        description = "Status of every application on every cluster, what happened to it, and requests.",
        version = "1"
    ),
    paths(
        listing::sources,
        listing::clusters,
        listing::applications,
        definitions::show,
        definitions::approve,
        target::list,
        target::detail,
        target::log,
        recorded::log,
        recorded::at,
        request::ask,
        live::events,
        backup::backup,
        webhook::take
    )
)]
struct Description;

/// The description, as an OpenAPI document.
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}
