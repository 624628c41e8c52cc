//! The last event of a cluster that nothing names any more.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError, now};
use events::{Draft, Event, EventType, state::ClusterState};
use model::{Aggregate, ClusterName};

use crate::Error;

/// Retires the cluster, which the definitions of that version do not name. If they or the cluster were written
/// meanwhile, that is read first, and decided about again.
///
/// # Errors
/// If the log cannot be used at all.
pub async fn retire_cluster(log: &Arc<dyn Log>, name: ClusterName, definitions_n: u64) -> Result<(), Error> {
    let aggregate = Aggregate::Cluster(name);
    let Some(newest) = readable(log, &aggregate).await? else { return Ok(()) };
    let replaceable = newest.draft.kind != EventType::ClusterRetired
        && events::decode::<ClusterState>(newest.draft.format, &newest.draft.payload).is_ok();
    // Read after the cluster: whoever follows newer definitions may have nothing to say of it.
    let definitions = readable(log, &Aggregate::Definitions).await?;
    let Some(definitions) = definitions.filter(|event| replaceable && event.n() == definitions_n) else {
        return Ok(());
    };
    let draft = Draft {
        n: newest.n() + 1,
        previous: Some(newest.id),
        kind: EventType::ClusterRetired,
        time: now(),
        cause: Some(definitions.id),
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

/// The newest event of an aggregate, unless it cannot be read: whoever cannot read a state must not replace it.
async fn readable(log: &Arc<dyn Log>, aggregate: &Aggregate) -> Result<Option<Event>, Error> {
    match log.newest(aggregate).await {
        Ok(newest) => Ok(newest),
        Err(ReadError::Undecodable(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn append(log: &Arc<dyn Log>, aggregate: Aggregate, kind: EventType, payload: Vec<u8>) -> Event {
        let newest = log.newest(&aggregate).await.unwrap();
        let draft = Draft {
            aggregate,
            n: newest.as_ref().map_or(1, |event| event.n() + 1),
            previous: newest.map(|event| event.id),
            kind,
            format: 1,
            time: now(),
            cause: None,
            correlation: None,
            actor: None,
            traceparent: None,
            payload: payload.into(),
        };
        log.append(vec![draft]).await.pop().unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_cluster_is_retired_by_the_newest_definitions_only_and_only_if_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = bus::open(bus::LogConfig::embedded(folder.path())).await.unwrap();
        let name: ClusterName = "eu".parse().unwrap();
        let cluster = Aggregate::Cluster(name.clone());
        append(&log, Aggregate::Definitions, EventType::DefinitionsChanged, vec![]).await;
        append(&log, cluster.clone(), EventType::ClusterConnected, b"unreadable".to_vec()).await;
        let retired = async |definitions_n| {
            retire_cluster(&log, name.clone(), definitions_n).await.unwrap();
            let newest = log.newest(&cluster).await.unwrap().unwrap();
            (newest.draft.kind == EventType::ClusterRetired).then_some(newest)
        };
        assert_eq!(retired(1).await, None, "it cannot be read");
        let state = ClusterState {
            definition: model::Cluster {
                name: name.clone(),
                labels: Default::default(),
                kubeconfig: Default::default(),
                namespace: model::definition::OWN_NAMESPACE.into(),
                reach: Default::default(),
            },
            reachability: events::state::Reachability::Connected { version: "v1".into() },
            restored: None,
            identity: Default::default(),
        };
        let payload = events::encode(&state).unwrap();
        append(&log, cluster.clone(), EventType::ClusterConnected, payload).await;
        // They may name it again.
        let newer = append(&log, Aggregate::Definitions, EventType::DefinitionsChanged, vec![]).await;
        assert_eq!(retired(1).await, None, "these definitions are not in force any more");
        assert_eq!(retired(2).await.unwrap().draft.cause, Some(newer.id));
    }
}
