//! Quiet, as somebody asked for it.

use events::state::{RequestKind, RequestOutcome};

use super::world::{self, World};

fn paused(objects: &[&str]) -> World {
    let mut world = World::synced(objects);
    world.step();
    world.request(RequestKind::Pause);
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Noted));
    world
}

#[test]
fn nothing_is_applied_while_paused_and_all_of_it_after() {
    let mut world = paused(&["a"]);
    world.render(&[("a", "m2")]);
    world.load();
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(world.step(), "rest");
    world.request(RequestKind::Resume);
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Noted));
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert!(world.step().starts_with("SyncPlanned OutOfSync: apply a"), "{:?}", world.told);
}

#[test]
fn drift_is_shown_while_paused_and_healed_after() {
    let mut world = paused(&["a"]);
    world.edit("a", "12", "other");
    world.load();
    world.step();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy");
    assert_eq!(world.step(), "rest");
    world.request(RequestKind::Resume);
    world.step();
    assert!(world.step().starts_with("SyncPlanned Drifted: apply a"), "{:?}", world.told);
}

#[test]
fn what_a_person_asks_for_is_done_nonetheless() {
    let mut world = paused(&["a"]);
    world.render(&[("a", "m2")]);
    world.load();
    world.step();
    world.request(RequestKind::Sync { after: None });
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert!(world.step().starts_with("SyncPlanned OutOfSync: apply a"), "{:?}", world.told);
}

#[test]
fn what_leaves_while_paused_is_kept_until_it_is_resumed() {
    let mut world = paused(&["a"]);
    world.leave(model::definition::Deletion::Orphan);
    world.step();
    assert_eq!(world.own().refused.as_ref().unwrap().code, "RELEASE-PAUSED");
    world.request(RequestKind::Resume);
    world.step();
    assert!(world.step().starts_with("SyncPlanned"), "{:?}", world.told);
}

#[test]
fn who_wants_quiet_does_not_wait_behind_others() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.request_after_fetch();
    world.also(RequestKind::Pause);
    world.step();
    assert_eq!(world.answered(), Some(RequestOutcome::Noted));
    assert!(world.own().paused.is_some());
}

#[test]
fn what_was_let_go_is_not_paused_when_it_comes_back() {
    let mut world = paused(&["a"]);
    world.leave(model::definition::Deletion::Orphan);
    world.emptied();
    assert_eq!(world.step(), "TargetReleased Unknown Healthy");
    assert_eq!(world.own().paused, None);
}
