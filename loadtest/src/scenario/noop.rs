//! A commit that changes nothing under any application's path.

use std::time::{Duration, Instant};

use events::EventType;

use super::{BOUND, Stage};
use crate::{
    Fault, request,
    table::{Table, seconds},
};

/// How long the fleet is watched after the commit was seen: what follows from it would have begun by then.
const QUIET: Duration = Duration::from_secs(3);

pub async fn measure(stage: &mut Stage) -> Result<Table, Fault> {
    stage.fleet.write_readme("Nothing that anybody applies.\n")?;
    stage.fleet.commit("a word about it")?;
    stage.story.turn_page();
    let before = stage.api.counted()?;
    let start = Instant::now();
    let id = request::fetch(&stage.backend.log).await?;
    let seen = |told: &crate::story::Told| told.fetched.contains(&id).then(Instant::now);
    let seen = stage.story.until(BOUND, "the commit", seen).await?;
    tokio::time::sleep(QUIET).await;
    let counted = stage.api.counted()?.since(before);
    let (renders, touched) = stage.story.with(|told| {
        let renders = told.phases.get(&EventType::DesiredStateRendered).map_or(0, |phase| phase.count);
        (renders, told.touched.len())
    });
    let mut table = Table::new("noop: a commit outside every application's path");
    table.row("commit -> seen", seconds(seen - start), "");
    table.row("writes to the API server", counted.writes.to_string(), "0");
    table.row("reads of the API server", counted.reads.to_string(), "0");
    table.row("applications rendered", renders.to_string(), "0");
    table.row("applications synced", touched.to_string(), "0");
    Ok(table)
}
