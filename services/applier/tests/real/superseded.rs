//! A running sync gives way to a newer desired state, three times in a row and no more.

use events::{
    EventType,
    state::{SyncStage, SyncState, TargetState},
};
use model::Aggregate;
use serde_json::{Value, json};
use testkit::eventually;

use crate::bed::{BOUND, Bed, create, succeeded};

/// Enough that a sync of them is still under way when it is asked to stop.
const MAPS: usize = 400;

fn maps(bed: &Bed) -> Vec<Value> {
    (0..MAPS).map(|i| bed.config_map(&format!("map-{i:03}"), json!({"x": "1"}))).collect()
}

/// Asks the running sync of that generation to stop, as the differ does, once it has created something.
async fn supersede(bed: &Bed, first: &Value, generation: u64) {
    eventually(BOUND, "an object", async || bed.get(first).await).await;
    let target = Aggregate::Target(bed.target.clone());
    let (_, mut state) = bed.newest::<TargetState>(&target).await.unwrap();
    state.supersede = Some(generation);
    bed.publish(target, EventType::SupersedeRequested, &state).await;
}

async fn ended(bed: &Bed, generation: u64) -> SyncState {
    let ended = |state: &SyncState| !matches!(state.stage, SyncStage::Running { .. });
    bed.until("the end", |state| state.generation == generation && ended(state)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_between_steps_and_tells_what_it_did() {
    let mut bed = Bed::new().await;
    let maps = maps(&bed);
    bed.desire(&maps).await;
    let _applier = bed.start("one");
    let generation = bed.plan(maps.iter().map(create).collect()).await;
    supersede(&bed, &maps[0], generation).await;
    let state = ended(&bed, generation).await;
    assert!(matches!(state.stage, SyncStage::Superseded { .. }), "{:?}", state.stage);
    assert_eq!((state.superseded, state.applied), (1, None));
    assert_eq!(bed.told().await.last(), Some(&EventType::SyncSuperseded));
    let rows = bed.rows(&state).await;
    let done = rows.iter().filter(|row| row.uid.is_some()).count();
    assert!(done > 0 && done < maps.len(), "{done}");
    for (row, map) in rows.iter().zip(&maps) {
        assert_eq!(bed.get(map).await.map(|live| live.uid), row.uid, "{}: nothing is written later", row.id);
    }
    let state = bed.execute(vec![]).await;
    assert!(succeeded(&state));
    assert_eq!(state.superseded, 0, "a sync that finished begins the count anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_in_a_row_it_finishes() {
    let mut bed = Bed::new().await;
    let maps = maps(&bed);
    bed.desire(&maps).await;
    let applier = bed.start("one");
    let generation = bed.plan(vec![create(&maps[0])]).await;
    let mut state = bed.finished(generation).await;
    state.superseded = plan::patience::GIVE_WAY_MAX;
    bed.publish(Aggregate::Sync(bed.target.clone()), EventType::SyncProgressed, &state).await;
    let generation = bed.plan(maps[1..].iter().map(create).collect()).await;
    supersede(&bed, &maps[1], generation).await;
    let state = ended(&bed, generation).await;
    assert!(matches!(state.stage, SyncStage::Finished { .. }), "{:?}", state.stage);
    assert!(bed.rows(&state).await.iter().all(|row| row.uid.is_some()));
    applier.stop().await;
}
