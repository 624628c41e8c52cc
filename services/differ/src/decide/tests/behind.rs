//! Another differ has planned from more than is known here.

use std::sync::Arc;

use super::world::World;

/// In sync until somebody edits an object, and the newest plan was made from that observation.
fn planned_from(observation: u64) -> World {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    world.load();
    let own = Arc::make_mut(world.snapshot.own.as_mut().unwrap());
    own.state.plan.as_mut().unwrap().made_from.observation = observation;
    world
}

#[test]
fn who_does_not_know_the_definitions_of_the_newest_plan_decides_nothing() {
    let mut world = planned_from(1);
    world.snapshot.definitions_n -= 1;
    assert_eq!(world.step(), "rest");
    world.snapshot.definitions_n += 1;
    assert_eq!(world.step(), "ask whether an apply changes a");
}

#[test]
fn who_does_not_know_the_revision_of_the_newest_plan_decides_nothing() {
    assert_eq!(planned_from(2).step(), "rest");
    assert_eq!(planned_from(1).step(), "ask whether an apply changes a");
    // Other definitions decide first: the revision before may have been of another source.
    let mut world = planned_from(2);
    world.snapshot.definitions_n += 1;
    assert_eq!(world.step(), "ask whether an apply changes a");
}

#[test]
fn who_does_not_know_the_sync_that_the_newest_plan_was_made_from_decides_nothing() {
    let mut world = planned_from(1);
    let known = world.snapshot.sync.as_ref().unwrap().n;
    let mut from = |sync_n: u64| {
        let own = Arc::make_mut(world.snapshot.own.as_mut().unwrap());
        own.state.plan.as_mut().unwrap().made_from.sync_n = sync_n;
        world.step()
    };
    assert_eq!(from(known + 1), "rest");
    assert_eq!(from(known), "ask whether an apply changes a");
}
