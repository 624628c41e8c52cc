//! What the audit ledger has.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use ledger::View;
use model::Timestamp;

use super::{refusal::Refusal, target::Wanted};
use crate::{
    past::{self, PastError},
    question::{Question, QuestionError, recorded},
    run::Gateway,
    wire::{History, TargetList},
};

/// What happened, of everything that was ever recorded; oldest first.
#[utoipa::path(get, path = "/api/v1/log", params(Question),
    responses((status = 200, body = History), (status = 503, body = super::refusal::Refused)))]
pub async fn log(
    State(gateway): State<Arc<Gateway>>,
    Query(question): Query<Question>,
) -> Result<Json<History>, Refusal> {
    let told = ask(&gateway, move |view| recorded(view, &question)).await?;
    told.map(Json).map_err(|error| match error {
        QuestionError::Time(_) => Refusal::bad(error.to_string()),
        QuestionError::Read(error) => Refusal::unreadable_ledger(&error),
    })
}

/// The status of every target as it was at an instant (RFC 3339).
#[utoipa::path(get, path = "/api/v1/at/{time}/targets", params(("time" = String, Path), Wanted),
    responses((status = 200, body = TargetList), (status = 404, body = super::refusal::Refused),
        (status = 503, body = super::refusal::Refused)))]
pub async fn at(
    State(gateway): State<Arc<Gateway>>,
    Path(time): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<TargetList>, Refusal> {
    let time: Timestamp = time.parse().map_err(|_| Refusal::bad(QuestionError::Time(time).to_string()))?;
    let told = ask(&gateway, move |view| past::at(view, time)).await?;
    let mut list = told.map_err(|error| match error {
        PastError::Undefined(_) | PastError::Definitions(_) => {
            Refusal::not_recorded(error.to_string(), PastError::REMEDY)
        }
        PastError::Read(error) => Refusal::unreadable_ledger(&error),
    })?;
    list.targets.retain(|target| wanted.fits(target));
    Ok(Json(list))
}

/// Asks the ledger of this process. It is a file: it may have to be waited for.
async fn ask<T: Send + 'static>(
    gateway: &Gateway,
    question: impl FnOnce(&View) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let door = gateway.config.ledger.clone();
    let asking = move || door.view().map(|view| view.map(|view| question(&view)));
    match tokio::task::spawn_blocking(asking).await {
        Ok(Ok(Some(told))) => Ok(told),
        Ok(Ok(None)) => Err(Refusal::no_ledger()),
        Ok(Err(error)) => Err(Refusal::unreadable_ledger(&error)),
        Err(died) => Err(Refusal::of(StatusCode::INTERNAL_SERVER_ERROR, &died.to_string())),
    }
}
