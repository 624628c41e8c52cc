//! Syncs that are interrupted, taken over, or not ours any more.

use std::time::Duration;

use bus::{Share, share::Holding};
use events::{
    EventType, Table,
    state::{AppliedObject, ObjectOutcome, SyncOutcome, SyncStage},
};
use model::{Aggregate, Partition, Timestamp};
use plan::{Reason, Step};
use serde_json::{Value, json};
use testkit::{
    cluster::{Part, Signal},
    eventually,
};
use tokio::{sync::watch, time::Instant};

use crate::bed::{BOUND, Bed, create, failure, succeeded};

fn maps(bed: &Bed, count: usize) -> Vec<Value> {
    (0..count).map(|i| bed.config_map(&format!("map-{i:03}"), json!({"x": "1"}))).collect()
}

async fn exists(bed: &Bed, map: &Value) {
    eventually(BOUND, "an object", async || bed.get(map).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sync_is_finished_by_the_next_applier() {
    // Which object has to be there when the applier is killed: just begun, early, late, and again and again.
    for kills in [&[0][..], &[40], &[110], &[10, 30, 60, 90, 118]] {
        let mut bed = Bed::new().await;
        let maps = maps(&bed, 120);
        bed.desire(&maps).await;
        let generation = bed.plan(maps.iter().map(create).collect()).await;
        for (i, kill) in kills.iter().enumerate() {
            let applier = bed.start(&format!("killed-{i}"));
            exists(&bed, &maps[*kill]).await;
            applier.kill().await;
        }
        let _applier = bed.start("last");
        let state = bed.finished(generation).await;
        assert!(succeeded(&state), "{kills:?}: {state:?}");
        let rows = bed.rows(&state).await;
        assert_eq!(rows.len(), maps.len());
        for (row, map) in rows.iter().zip(&maps) {
            let live = bed.get(map).await.unwrap();
            assert_eq!(row.outcome, ObjectOutcome::Created, "{}", row.id);
            assert_eq!((row.uid.as_ref(), row.fingerprint.is_some()), (Some(&live.uid), true));
        }
        let finished = bed.told().await.iter().filter(|kind| **kind == EventType::SyncFinished).count();
        assert_eq!(finished, 1, "{kills:?}");
        // One sync, however many appliers it took.
        assert_eq!(bed.begun().await.len(), 1, "{kills:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_applier_tells_what_it_did() {
    let mut bed = Bed::new().await;
    let maps = maps(&bed, 200);
    bed.desire(&maps).await;
    let applier = bed.start("first");
    let generation = bed.plan(maps.iter().map(create).collect()).await;
    exists(&bed, &maps[20]).await;
    applier.stop().await;
    let (_, state) = bed.sync().await.unwrap();
    if matches!(state.stage, SyncStage::Running { .. }) {
        // Every object that exists is told.
        let rows = bed.rows(&state).await;
        for (row, map) in rows.iter().zip(&maps) {
            assert_eq!(bed.get(map).await.map(|live| live.uid), row.uid, "{}", row.id);
        }
    }
    let _applier = bed.start("second");
    assert!(succeeded(&bed.finished(generation).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_sync_whose_plan_is_stale_is_ended_not_resumed() {
    let mut bed = Bed::new().await;
    let maps = maps(&bed, 120);
    bed.desire(&maps).await;
    let generation = bed.plan(maps.iter().map(create).collect()).await;
    let applier = bed.start("first");
    exists(&bed, &maps[0]).await;
    applier.kill().await;
    let (_, state) = bed.sync().await.unwrap();
    assert!(matches!(state.stage, SyncStage::Running { .. }), "killed too late: {:?}", state.stage);
    bed.desire(&maps[..1]).await;
    let _applier = bed.start("second");
    let state = bed.finished(generation).await;
    assert_eq!(failure(&state).code, "APPLY-ABANDONED");
    // The intents stay: nobody knows what became of them, so the differ looks.
    assert_eq!(bed.rows(&state).await.len(), maps.len());
}

/// A share of everything for a minute, of which creates may start `wait` from now.
pub fn held(wait: Duration) -> Holding {
    // Whoever held it before may have begun a request just before that.
    let alone_from = Instant::now() + wait - Duration::from_secs(5);
    let until = Instant::now() + Duration::from_secs(60);
    Holding { partitions: Partition::all().collect(), until: Some(until), alone_from: Some(alone_from) }
}

#[tokio::test(flavor = "multi_thread")]
async fn creates_wait_while_another_may_still_write() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let begun = Instant::now();
    let (_holding, share) = watch::channel(held(Duration::from_millis(1_500)));
    let _applier = bed.start_holding("one", Share::Of(share));
    assert!(succeeded(&bed.execute(vec![create(&map)]).await));
    assert!(begun.elapsed().as_millis() >= 1_500, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_claim_creates_nothing_and_leaves_the_sync_to_the_next() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let ending = Holding { until: Some(Instant::now() + Duration::from_secs(4)), ..held(Duration::ZERO) };
    let (holding, share) = watch::channel(ending);
    let _applier = bed.start_holding("one", Share::Of(share));
    let generation = bed.plan(vec![create(&map)]).await;
    let left = [EventType::SyncStarted, EventType::SyncProgressed];
    eventually(BOUND, "it is left", async || (bed.told().await == left).then_some(())).await;
    assert!(bed.get(&map).await.is_none());
    holding.send_replace(held(Duration::ZERO));
    assert!(succeeded(&bed.finished(generation).await));
    assert!(bed.get(&map).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_nothing_attends_to_nothing() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let (_nothing, share) = watch::channel(Holding::default());
    let idle = bed.start_holding("idle", Share::Of(share));
    let _applier = bed.start("other");
    let state = bed.execute(vec![create(&map)]).await;
    assert!(succeeded(&state));
    idle.stop().await;
    assert_eq!(bed.told().await, [EventType::SyncStarted, EventType::SyncFinished]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_another_applier_runs_now_is_left_to_it() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let (holding, share) = watch::channel(held(Duration::from_secs(1)));
    let applier = bed.start_holding("slow", Share::Of(share));
    bed.plan(vec![create(&map)]).await;
    let mut state = bed.until("the start", |state| matches!(state.stage, SyncStage::Running { .. })).await;
    state.stage = SyncStage::Running { since: Timestamp::default(), instance: "other".into() };
    bed.publish(Aggregate::Sync(bed.target.clone()), EventType::SyncStarted, &state).await;
    holding.send_replace(Holding::default());
    applier.stop().await;
    assert!(bed.get(&map).await.is_none());
    assert_eq!(bed.told().await, [EventType::SyncStarted, EventType::SyncStarted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_cluster_ends_the_sync_soon_and_the_next_one_finishes_it() {
    let cluster = testkit::cluster::own("applier");
    let mut bed = Bed::on(&cluster).await;
    let maps = maps(&bed, 200);
    bed.desire(&maps).await;
    let _applier = bed.start("one");
    let generation = bed.plan(maps.iter().map(create).collect()).await;
    exists(&bed, &maps[10]).await;
    cluster.signal(Part::ApiServer, Signal::Stop);
    let begun = Instant::now();
    let state = bed.finished(generation).await;
    let took = begun.elapsed();
    cluster.signal(Part::ApiServer, Signal::Continue);
    // Either the answer does not come in time, or the connection is given up before.
    let code = &failure(&state).code;
    assert!(["CLUSTER-UNREACHABLE", "CLUSTER-TIMEOUT"].contains(&code.as_str()), "{code}");
    // Not every attempt of every step in turn.
    assert!(took.as_secs() < 25, "{took:?}");
    let rows = bed.rows(&state).await;
    let open: Vec<&AppliedObject> = rows.iter().filter(|row| row.uid.is_none()).collect();
    assert!(!open.is_empty() && open.len() < 200, "{}", open.len());
    let again = |row: &AppliedObject| Step {
        reason: Reason::Unfinished,
        ..create(maps.iter().find(|map| map["metadata"]["name"] == row.id.name.as_str()).unwrap())
    };
    let state = bed.execute(open.iter().map(|row| again(row)).collect()).await;
    assert!(succeeded(&state), "{state:?}");
    assert!(bed.rows(&state).await.iter().all(|row| row.uid.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_that_recreates_what_was_pruned_tells_it() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({}));
    bed.desire(std::slice::from_ref(&map)).await;
    let (_holding, share) = watch::channel(held(Duration::from_secs(2)));
    let zombie = bed.start_holding("zombie", Share::Of(share));
    bed.plan(vec![create(&map)]).await;
    let mut state = bed.until("the start", |state| matches!(state.stage, SyncStage::Running { .. })).await;
    // While it sleeps, its successor creates and prunes.
    state.generation += 1;
    state.stage = SyncStage::Finished { at: Timestamp::default(), outcome: SyncOutcome::Succeeded };
    state.objects = Table::default();
    let sync = Aggregate::Sync(bed.target.clone());
    bed.publish(sync, EventType::SyncFinished, &state).await;
    let told = bed.until("what the zombie made", |state| !state.objects.is_empty()).await;
    assert_eq!((&told.stage, told.generation), (&state.stage, state.generation), "nothing else is changed");
    let rows = bed.rows(&told).await;
    assert_eq!((rows.len(), &rows[0].outcome), (1, &ObjectOutcome::Pending));
    assert_eq!(rows[0].uid, bed.get(&map).await.map(|live| live.uid));
    zombie.stop().await;
}
