//! What is put right without a word, what is kept for how long, and what is tried again.

use events::state::{Origin, RequestKind, RequestOutcome};
use model::RetryClass;

use super::world::{self, World, failure};
use crate::answers::DryRun;

/// `a` has another version, and other contents than were recorded.
fn touched() -> World {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world
}

#[test]
fn ownership_that_was_lost_is_taken_back_and_is_no_drift() {
    let mut world = touched();
    world.dry_run("a", world::lost(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned InSync: apply a Ownership");
    assert!(world.own().drift.is_empty());
    assert!(world.told.iter().all(|told| !told.starts_with("Drift")), "{:?}", world.told);
}

#[test]
fn a_fingerprint_that_was_recorded_again_counts_until_a_sync_passes_it() {
    let mut world = touched();
    let same = DryRun::Same(world.fingerprint_of("a"));
    world.dry_run("a", same);
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert_eq!(world.own().refreshed.len(), 1);

    world.render(&[("a", "new")]);
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
    assert_eq!(world.own().refreshed.len(), 1, "the sync has not passed it yet");
    world.applied();
    assert_eq!(world.step(), "HealthChanged InSync Healthy");
    assert!(world.own().refreshed.is_empty());
}

#[test]
fn a_refused_preflight_wakes_and_is_tried_again() {
    let mut world = World::changed();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", DryRun::Refused(failure("CLUSTER-INVALID", RetryClass::Permanent)));
    assert_eq!(world.step(), "PlanRefused OutOfSync CLUSTER-INVALID");
    assert_eq!(world.step(), "rest +160 s");
    world.later(160);
    world.answers.forget_uncertain();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed", "the webhook is mended");
}

#[test]
fn the_guard_stands_before_a_rebuilt_inventory_that_was_confirmed() {
    let names: Vec<String> = (0..10).map(|i| format!("o{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let kept = |count: usize| names[..count].iter().map(|name| (*name, "m")).collect::<Vec<_>>();
    let mut world = World::synced(&names);
    world.origin(Origin::Rebuilt);
    world.step();
    world.request(RequestKind::ConfirmInventory);
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Confirmed));
    world.render(&kept(6));
    world.load();
    assert_eq!(world.step(), "PlanRefused OutOfSync GUARD-SHARE", "four of ten");
    world.render(&kept(7));
    world.load();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune o7 Orphan, prune o8 Orphan, prune o9 Orphan");
}
