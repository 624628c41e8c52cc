//! A commit that changes one line of one application.

use std::time::{Duration, Instant};

use super::{BOUND, Stage};
use crate::{
    Fault, fleet, floor,
    outcome::percentile,
    request,
    story::Told,
    table::{Table, millis},
};

const TURNS: usize = 100;

pub async fn measure(stage: &mut Stage) -> Result<Table, Fault> {
    let floor = floor::singles(&stage.api, "floor-before", TURNS).await?;
    let (mut took, mut seen, mut most) = (Vec::new(), Vec::new(), 0);
    for turn in 0..TURNS {
        let app = turn % stage.fleet.apps();
        let value = format!("line {turn}");
        stage.fleet.write(app, 0, &value)?;
        let commit = stage.fleet.commit(&value)?;
        stage.story.turn_page();
        let start = Instant::now();
        let id = request::fetch(&stage.backend.log).await?;
        let observed = |told: &Told| told.fetched.contains(&id).then(Instant::now);
        seen.push(stage.story.until(BOUND, "the commit", observed).await? - start);
        let name = fleet::name(app)?;
        let applied =
            |told: &Told| told.applied.get(&name).filter(|(at, _)| *at == commit).map(|(_, at)| *at);
        took.push(stage.story.until(BOUND, "the change applied", applied).await? - start);
        let live = stage.api.values(fleet::NAMESPACE).await?;
        if live.get(&fleet::object_name(app, 0)) != Some(&value) {
            return Err(format!("{name} says that it is applied, and is not").into());
        }
        most = most.max(stage.story.with(|told| told.touched.len()));
    }
    Ok(table(&took, &seen, &floor, most))
}

fn table(took: &[Duration], seen: &[Duration], floor: &[Duration], most: usize) -> Table {
    let mut table = Table::new(format!("one-line: one changed object, {TURNS} commits"));
    table.row("floor: one server-side apply, p50", millis(percentile(floor, 50)), "");
    table.row("commit -> seen, p50", millis(percentile(seen, 50)), "");
    table.row("commit -> applied and recorded, p50", millis(percentile(took, 50)), "");
    table.row("commit -> applied and recorded, p99", millis(percentile(took, 99)), "< 1000 ms");
    table.row("applications touched by a commit, at most", most.to_string(), "1");
    table
}
