//! What happens every day: create, change, prune.

use events::{
    EventType,
    state::{ObjectOutcome, Origin},
};
use plan::{Action, Reason};
use serde_json::json;

use crate::bed::{Bed, apply, create, outcomes, prune, step, succeeded};

#[tokio::test(flavor = "multi_thread")]
async fn four_objects_are_created_changed_and_pruned() {
    let mut bed = Bed::new().await;
    let maps: Vec<_> = ["a", "b", "c", "d"].map(|name| bed.config_map(name, json!({"x": "1"}))).into();
    let set = bed.desire(&maps).await;
    let applier = bed.start("one");
    let state = bed.execute(maps.iter().map(create).collect()).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!((state.applied, state.commit.is_some()), (Some(set.digest()), true));
    let rows = bed.rows(&state).await;
    assert_eq!(outcomes(&rows), ["a Created", "b Created", "c Created", "d Created"]);
    for (row, map) in rows.iter().zip(&maps) {
        let live = bed.get(map).await.unwrap();
        assert_eq!(
            (row.uid.clone(), row.resource_version.clone()),
            (Some(live.uid), Some(live.resource_version))
        );
        let fingerprint = row.fingerprint.clone().unwrap();
        assert!(diff::matches(&fingerprint, live.value.value(), &bed.manager()));
        assert_eq!(row.origin, Origin::Created);
    }
    // The namespace was missing: it is there, plain, and not in the inventory.
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bed.namespace}});
    let namespace = bed.value(&namespace).await;
    assert_eq!(namespace.pointer("/metadata/labels/driftless.dev~1application"), None);

    // One changes, one is applied again as it is, one goes, one is left alone.
    let live = [bed.get(&maps[0]).await.unwrap(), bed.get(&maps[1]).await.unwrap()];
    let gone = bed.get(&maps[2]).await.unwrap();
    let changed = bed.config_map("a", json!({"x": "2"}));
    bed.desire(&[changed.clone(), maps[1].clone(), maps[3].clone()]).await;
    let steps = vec![apply(&changed, &live[0]), apply(&maps[1], &live[1]), prune(&maps[2], &gone.uid)];
    let state = bed.execute(steps).await;
    assert!(succeeded(&state), "{state:?}");
    let rows = bed.rows(&state).await;
    assert_eq!(outcomes(&rows), ["a Configured", "b Unchanged", "d Untouched"]);
    assert_eq!(bed.value(&changed).await["data"], json!({"x": "2"}));
    assert!(bed.get(&maps[2]).await.is_none());
    let told = bed.told().await;
    assert_eq!(
        told,
        [EventType::SyncStarted, EventType::SyncFinished, EventType::SyncStarted, EventType::SyncFinished]
    );
    applier.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_spares_another_object_of_the_name() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "1"}));
    let keep = bed.config_map("keep", json!({}));
    bed.desire(&[map.clone(), keep.clone()]).await;
    let _applier = bed.start("one");
    bed.execute(vec![create(&map), create(&keep)]).await;
    let old = bed.get(&map).await.unwrap().uid;
    bed.delete(&map).await;
    let other = bed.apply_as("alice", &map).await;
    bed.desire(&[keep]).await;
    let state = bed.execute(vec![prune(&map, &old)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(outcomes(&bed.rows(&state).await), ["keep Untouched"]);
    assert_eq!(bed.get(&map).await.unwrap().uid, other.uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_finalizers_stays_in_the_inventory() {
    let mut bed = Bed::new().await;
    let map = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let _applier = bed.start("one");
    bed.execute(vec![create(&map)]).await;
    let finalizers = json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/wait"]}]);
    let live = bed.patch_as("alice", &map, finalizers).await;
    bed.desire(&[]).await;
    let state = bed.execute(vec![prune(&map, &live.uid)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(outcomes(&bed.rows(&state).await), ["a Terminating"]);
    let release = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    bed.patch_as("alice", &map, release).await;
    let state = bed.execute(vec![step(&map, Action::Forget, Reason::Gone)]).await;
    assert!(bed.rows(&state).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_sync_tells_as_it_goes_and_pages_its_inventory() {
    let mut bed = Bed::new().await;
    let maps: Vec<_> = (0..600).map(|i| bed.config_map(&format!("map-{i:03}"), json!({"x": "1"}))).collect();
    bed.desire(&maps).await;
    let _applier = bed.start("one");
    let begun = std::time::Instant::now();
    let state = bed.execute(maps.iter().map(create).collect()).await;
    let took = begun.elapsed();
    println!("600 creates in {took:?}");
    assert!(succeeded(&state));
    let rows = bed.rows(&state).await;
    assert_eq!((rows.len(), state.objects.pages().len()), (600, 3));
    assert!(rows.iter().all(|row| row.outcome == ObjectOutcome::Created));
    let progressed = bed.told().await.iter().filter(|kind| **kind == EventType::SyncProgressed).count();
    // At least one; at most one per 100 ms, which a busy machine may stretch but not shrink.
    assert!((1..=took.as_millis() as usize / 100).contains(&progressed), "{progressed} in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn found_objects_enter_the_inventory_without_a_request() {
    let mut bed = Bed::new().await.with_namespace().await;
    let map = bed.config_map("a", json!({"x": "1"}));
    let live = bed.apply_as(&bed.manager(), &map).await;
    bed.desire(&[]).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![step(&map, Action::Record { uid: live.uid.clone() }, Reason::Found)]).await;
    let rows = bed.rows(&state).await;
    assert_eq!(outcomes(&rows), ["a Untouched"]);
    assert_eq!((rows[0].origin, rows[0].uid.clone()), (Origin::Rebuilt, Some(live.uid)));
    assert_eq!(bed.get(&map).await.unwrap().resource_version, live.resource_version);
}
