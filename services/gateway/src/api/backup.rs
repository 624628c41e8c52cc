//! The log, for a backup.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bus::archive::Beside;
use futures::TryStreamExt;

use crate::run::Gateway;

/// The log with all that it names, as `driftless restore` takes it: whole only with its end. What is sealed in it
/// stays sealed; the key is not here.
#[utoipa::path(get, path = "/api/v1/backup",
    responses((status = 200, content_type = "application/octet-stream")))]
pub async fn backup(State(gateway): State<Arc<Gateway>>) -> Response {
    let beside = Beside { key_id: gateway.config.key_id.clone(), attachment: None };
    let told = bus::archive::export(gateway.log.clone(), beside);
    let told = told.inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "a backup was broken off");
    });
    ([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(told)).into_response()
}
