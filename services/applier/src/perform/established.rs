//! Waiting until definitions of custom resources are served: what comes after may be of those kinds.

use std::time::Duration;

use cluster::{ClusterError, Live};
use model::{ApiVersion, Gvk, RetryClass};
use plan::Step;
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
    step.action.applies()
        && step.id.group == "apiextensions.k8s.io"
        && step.id.kind == "CustomResourceDefinition"
}

/// Waits until the definition of a step is established, and its kinds are among those that the cluster says it
/// serves: the two do not come at the same instant.
pub(super) async fn established(cluster: &Connected, step: &Step) -> Result<(), Fault> {
    let deadline = Instant::now() + BOUND;
    loop {
        match is_served(cluster, step).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.class() == RetryClass::Transient => {}
            Err(error) => return Err(Fault::Cluster(error)),
        }
        if Instant::now() >= deadline {
            return Err(Fault::NotEstablished { id: step.id.clone(), after: BOUND });
        }
        sleep(LOOK).await;
    }
}

async fn is_served(cluster: &Connected, step: &Step) -> Result<bool, ClusterError> {
    let served = cluster.served().await;
    let resource = served.resource(step, cluster.client.address())?;
    let Some(live) = cluster.client.get(resource, &step.id).await? else { return Ok(false) };
    if !is_established(&live) {
        return Ok(false);
    }
    let kinds = kinds(live.value.value());
    if kinds.iter().all(|kind| served.serves(kind)) {
        return Ok(true);
    }
    cluster.rediscover(&served).await?;
    let served = cluster.served().await;
    Ok(kinds.iter().all(|kind| served.serves(kind)))
}

fn is_established(live: &Live) -> bool {
    let conditions = live.value.value().pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(is))
}

/// The kinds that a definition says are served.
fn kinds(definition: &Value) -> Vec<Gvk> {
    let spec = &definition["spec"];
    let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
        return Vec::new();
    };
    let served =
        spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true);
    let gvk = |version: &str| Gvk {
        api_version: ApiVersion { group: group.to_owned(), version: version.to_owned() },
        kind: kind.to_owned(),
    };
    served.filter_map(|version| version["name"].as_str()).map(gvk).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_served_versions_are_waited_for() {
        let definition = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [
            {"name": "v1", "served": true}, {"name": "v1alpha1", "served": false}, {"name": "v2", "served": true}]}});
        let kinds: Vec<String> = kinds(&definition).iter().map(ToString::to_string).collect();
        assert_eq!(kinds, ["example.com/v1 Widget", "example.com/v2 Widget"]);
    }
}
