//! Waiting until definitions of custom resources are served: what comes after may be of those kinds.

use std::time::Duration;

use cluster::ClusterError;
use plan::{Action, Step};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::clusters::Connected;
use crate::decide::error::Fault;

/// How long a definition may take; the API server needs well under a second unless its names are taken.
const BOUND: Duration = Duration::from_secs(30);
/// Time between two looks; the first answer is mostly yes.
const LOOK: Duration = Duration::from_millis(100);

/// Whether a step writes a definition of custom resources.
pub(super) fn defines_a_kind(step: &Step) -> bool {
    let written = match step.action {
        Action::Create | Action::Apply { .. } => true,
        Action::Prune { .. } | Action::Forget | Action::Record { .. } => false,
    };
    written && step.id.group == "apiextensions.k8s.io" && step.id.kind == "CustomResourceDefinition"
}

/// Waits until the definition of a step is established.
pub(super) async fn established(cluster: &Connected, step: &Step) -> Result<(), Fault> {
    let deadline = Instant::now() + BOUND;
    loop {
        match look(cluster, step).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.class() == model::RetryClass::Transient => {}
            Err(error) => return Err(Fault::Cluster(error)),
        }
        if Instant::now() >= deadline {
            return Err(Fault::NotEstablished { id: step.id.clone(), after: BOUND });
        }
        sleep(LOOK).await;
    }
}

async fn look(cluster: &Connected, step: &Step) -> Result<bool, ClusterError> {
    let served = cluster.served().await;
    let resource = served.resource(step, cluster.client.address())?;
    let Some(live) = cluster.client.get(resource, &step.id).await? else { return Ok(false) };
    let conditions = live.value.value().pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
    Ok(conditions.is_some_and(|conditions| conditions.iter().any(is)))
}
