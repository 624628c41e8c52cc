//! Reads newest states, tables and histories.

use std::sync::Arc;

use bus::Log;
use events::{Event, Table, state::State};
use model::Aggregate;
use serde::{Serialize, de::DeserializeOwned};

/// Says that a state cannot be read now, or here.
#[derive(Debug, thiserror::Error)]
#[error("{aggregate} cannot be read: {reason}")]
pub struct ReadStateError {
    /// Which one.
    pub aggregate: String,
    /// Why not.
    pub reason: String,
}

/// The newest state of an aggregate.
pub async fn state<S: State + DeserializeOwned>(
    log: &Arc<dyn Log>,
    aggregate: &Aggregate,
) -> Result<Option<S>, ReadStateError> {
    let unreadable = |reason: String| ReadStateError { aggregate: aggregate.path(), reason };
    let newest = log.newest(aggregate).await.map_err(|error| unreadable(error.to_string()))?;
    let decoded = newest.map(|event| events::decode(event.draft.format, &event.draft.payload));
    decoded.transpose().map_err(|error| unreadable(error.to_string()))
}

/// All rows of a table, in order.
pub async fn rows<Row: Clone + Serialize + DeserializeOwned>(
    log: &Arc<dyn Log>,
    table: &Table<Row>,
) -> Result<Vec<Row>, ReadStateError> {
    if let Table::Inline(rows) = table {
        return Ok(rows.clone());
    }
    let mut rows = vec![];
    for page in table.pages() {
        let unreadable = |reason: String| ReadStateError { aggregate: format!("blob {page}"), reason };
        let bytes = log.get_blob(page).await.map_err(|error| unreadable(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| unreadable("it is missing".to_owned()))?;
        rows.extend(Table::read_page(&bytes).map_err(|error| unreadable(error.to_string()))?);
    }
    Ok(rows)
}

/// The newest events of some aggregates together, oldest first, at most `limit`.
pub async fn history(
    log: &Arc<dyn Log>,
    aggregates: &[Aggregate],
    limit: usize,
) -> Result<Vec<Event>, ReadStateError> {
    let mut events = vec![];
    for aggregate in aggregates {
        let found = log.history(aggregate, limit.min(bus::HISTORY_MAX)).await;
        let unreadable =
            |error: bus::ReadError| ReadStateError { aggregate: aggregate.path(), reason: error.to_string() };
        events.extend(found.map_err(unreadable)?);
        // The order of the log, which tells cause from effect even where clocks do not.
        events.sort_by_key(|event| event.sequence);
        let surplus = events.len().saturating_sub(limit);
        events.drain(..surplus);
    }
    Ok(events)
}
