//! The floor: what the API server takes for the same objects when nobody thinks about them.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};

use crate::{Fault, api::Api, fleet};

/// More than `cluster` lets fly, so that its bound, which the applier has too, is the one that counts.
const WAITING: usize = 64;

/// Applies every object of the fleet in a namespace of its own, as fast as the server takes them.
pub async fn all(api: &Api, fleet: &fleet::Fleet, namespace: &str) -> Result<Duration, Fault> {
    api.create_namespace(namespace).await?;
    let start = Instant::now();
    stream::iter(fleet.each())
        .map(|(app, object)| async move {
            let body = fleet::config_map(namespace, app, object, "first");
            api.apply(&body, "loadtest").await.map(|_| ())
        })
        .buffer_unordered(WAITING)
        .try_collect::<()>()
        .await?;
    Ok(start.elapsed())
}

/// Changes one object `times` times, one after the other: how long each took.
pub async fn singles(api: &Api, namespace: &str, times: usize) -> Result<Vec<Duration>, Fault> {
    let mut took = Vec::new();
    for turn in 0..times {
        let body = fleet::config_map(namespace, 0, 0, &format!("turn {turn}"));
        let start = Instant::now();
        api.apply(&body, "loadtest").await?;
        took.push(start.elapsed());
    }
    Ok(took)
}
