//! What the audit ledger has.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};

use super::refusal::Refusal;
use crate::{
    question::{Question, QuestionError, recorded},
    run::Gateway,
    wire::History,
};

/// What happened, of everything that was ever recorded; oldest first.
#[utoipa::path(get, path = "/api/v1/log", params(Question),
    responses((status = 200, body = History), (status = 503, body = super::refusal::Refused)))]
pub async fn log(
    State(gateway): State<Arc<Gateway>>,
    Query(question): Query<Question>,
) -> Result<Json<History>, Refusal> {
    let door = gateway.config.ledger.clone();
    let asking = move || match door.view()? {
        Some(view) => recorded(&view, &question).map(Some),
        None => Ok(None),
    };
    // The ledger is a file: it may have to be waited for.
    match tokio::task::spawn_blocking(asking).await {
        Ok(Ok(Some(history))) => Ok(Json(history)),
        Ok(Ok(None)) => Err(Refusal::no_ledger()),
        Ok(Err(error @ QuestionError::Time(_))) => Err(Refusal::bad(error.to_string())),
        Ok(Err(QuestionError::Read(error))) => Err(Refusal::unreadable_ledger(&error)),
        Err(died) => Err(Refusal::of(axum::http::StatusCode::INTERNAL_SERVER_ERROR, &died.to_string())),
    }
}
