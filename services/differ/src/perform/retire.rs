//! The last event of a cluster that nothing names any more.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError, now};
use events::{Draft, EventType};
use model::{Aggregate, ClusterName};

use crate::Error;

/// Retires the cluster. If something was written meanwhile, that is read first, and decided about again.
///
/// # Errors
/// If the log cannot be used at all.
pub async fn retire_cluster(log: &Arc<dyn Log>, name: ClusterName) -> Result<(), Error> {
    let aggregate = Aggregate::Cluster(name);
    let newest = match log.newest(&aggregate).await {
        Ok(Some(newest)) if newest.draft.kind != EventType::ClusterRetired => newest,
        // Whoever cannot read a state must not replace it.
        Ok(Some(_) | None) | Err(ReadError::Undecodable(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let draft = Draft {
        n: newest.n() + 1,
        previous: Some(newest.id),
        kind: EventType::ClusterRetired,
        time: now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        ..newest.draft
    };
    match log.retire(draft).await {
        Ok(_) | Err(AppendError::Conflict { .. } | AppendError::Undecodable(_)) => Ok(()),
        Err(source) => Err(Error::Append { aggregate, source: Box::new(source) }),
    }
}
