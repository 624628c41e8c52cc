//! From the start of the services on an empty log to every object on the API server.

use std::time::Instant;

use events::EventType;

use super::{BOUND, Begin, Stage};
use crate::{
    Fault, backend, fleet, floor,
    table::{Table, seconds},
};

/// The events of a run.
const PHASES: [EventType; 7] = [
    EventType::RevisionObserved,
    EventType::DesiredStateRendered,
    EventType::SyncPlanned,
    EventType::SyncStarted,
    EventType::SyncProgressed,
    EventType::SyncFinished,
    EventType::HealthChanged,
];

pub async fn await_all(stage: &mut Stage, begin: &Begin) -> Result<Table, Fault> {
    let apps = stage.fleet.apps();
    let all = |told: &crate::story::Told| (told.applied.len() == apps).then(Instant::now);
    let end = stage.story.until(BOUND, "every application applied", all).await?;
    let took = end - begin.at;
    let spent = stage.api.spent()?.since(begin.spent);
    check(stage).await?;
    let counted = stage.api.counted()?.since(begin.counted);
    // Before and after, since a machine is seldom equally busy for long.
    let after = floor::all(&stage.api, &stage.fleet, "floor-after").await?;
    let floor = (begin.floor + after) / 2;
    let objects = stage.fleet.each().count();
    let mut table =
        Table::new(format!("cold: {apps} applications, {objects} objects, {}", stage.options.backend.word()));
    let goal = match stage.options.backend {
        backend::Kind::Embedded => "<= 1.30 x the floor",
        backend::Kind::Nats => "<= 1.60 x the floor",
    };
    table.row("floor: bare server-side applies, before", seconds(begin.floor), "");
    table.row("floor: the same, after", seconds(after), "");
    table.row("start -> all applied and recorded", seconds(took), "");
    table.row("ratio", format!("{:.2}", took.as_secs_f64() / floor.as_secs_f64()), goal);
    table.row("processor: here + servers, floor before", begin.floor_spent.words(), "");
    table.row("processor: here + servers, cold", spent.words(), "");
    for kind in PHASES {
        let phase = stage.story.with(|told| told.phases.get(&kind).copied());
        if let Some(phase) = phase {
            let (first, last) = (phase.first - begin.at, phase.last - begin.at);
            let value = format!("{} .. {}", seconds(first), seconds(last));
            table.row(&format!("  {} {}", phase.count, kind.word()), value, "");
        }
    }
    table.row("  writes to the API server", counted.writes.to_string(), &objects.to_string());
    table.row("  reads", counted.reads.to_string(), "");
    Ok(table)
}

/// Whether the API server has what the log says.
async fn check(stage: &Stage) -> Result<(), Fault> {
    let values = stage.api.values(fleet::NAMESPACE).await?;
    let wrong = stage.fleet.each().find(|(app, object)| {
        values.get(&fleet::object_name(*app, *object)).is_none_or(|value| value != "first")
    });
    match wrong {
        None => Ok(()),
        Some((app, object)) => {
            Err(format!("{} is not on the API server", fleet::object_name(app, object)).into())
        }
    }
}
