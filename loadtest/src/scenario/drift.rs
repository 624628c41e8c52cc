//! Somebody else changes a field that we own.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Stage;
use crate::{
    Fault, fleet, floor,
    outcome::percentile,
    table::{Table, millis},
};

const TURNS: usize = 100;
/// Longest wait for one heal.
const BOUND: Duration = Duration::from_secs(60);

pub async fn measure(stage: &mut Stage) -> Result<Table, Fault> {
    let floor = floor::singles(&stage.api, "floor-before", TURNS).await?;
    let before = stage.api.values(fleet::NAMESPACE).await?;
    let mut took = Vec::new();
    for turn in 0..TURNS {
        // Another application each time, from the end: who drifts again and again is healed ever later.
        let app = stage.fleet.apps() - 1 - turn % stage.fleet.apps();
        let name = fleet::object_name(app, 0);
        let value = before.get(&name).ok_or("an object is missing")?;
        let intruder = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": fleet::NAMESPACE},
            "data": {"value": format!("drift {turn}")},
        });
        let start = Instant::now();
        let live = stage.api.apply(&intruder, "intruder").await?;
        took.push(stage.api.restored(&live, value, BOUND).await? - start);
    }
    let mut table = Table::new(format!("drift: one field changed by another manager, {TURNS} times"));
    table.row("floor: one server-side apply, p50", millis(percentile(&floor, 50)), "");
    table.row("drift -> healed on the API server, p50", millis(percentile(&took, 50)), "");
    table.row("drift -> healed on the API server, p99", millis(percentile(&took, 99)), "< 1000 ms");
    Ok(table)
}
