//! Targets that leave, and objects that change hands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use events::state::{ReleaseOutcome, RequestKind, SyncStage};
use model::{Failure, RetryClass, Timestamp, definition::Deletion};
use plan::{Activity, Holding, Neighbour, Origin, Rendered};

use super::world::{World, failure, id};
use crate::decide::ClusterStanding;

fn other(desired: &[&str], holds: &[&str]) -> Neighbour {
    let holding = |name: &&str| (id(name), Holding { uid: format!("uid-{name}"), origin: Origin::Created });
    Neighbour {
        application: "other".parse().unwrap(),
        rendered: Rendered::Yes,
        activity: Activity::Idle,
        desired: Arc::new(desired.iter().map(|name| id(name)).collect()),
        holdings: Arc::new(holds.iter().map(holding).collect::<BTreeMap<_, _>>()),
        namespaces: BTreeSet::from(["shop".to_owned()]),
    }
}

fn left(policy: Deletion) -> World {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.leave(policy);
    world
}

#[test]
fn a_target_that_left_is_orphaned_and_only_then_released() {
    let mut world = left(Deletion::Orphan);
    assert_eq!(world.step(), "SyncPlanned OutOfSync: orphan a Released, orphan b Released");
    assert_eq!(world.step(), "rest +600 s", "the applier has the plan now");
    world.emptied_but(&["a"]);
    assert_eq!(world.step(), "SyncPlanned OutOfSync: orphan a Released");
    world.emptied_but(&[]);
    assert_eq!(world.step(), "TargetReleased Unknown Healthy");
    assert_eq!(world.own().released.as_ref().unwrap().outcome, ReleaseOutcome::Emptied);
}

#[test]
fn a_release_that_deletes_is_measured_by_the_cluster() {
    let mut world = left(Deletion::Delete);
    world.stock = (2, 2);
    assert_eq!(world.step(), "PlanRefused OutOfSync GUARD-EVERYTHING");
    world.stock = (4, 10);
    assert_eq!(world.step(), "PlanRefused OutOfSync GUARD-SHARE");
    let mut approved = left(Deletion::Delete);
    approved.stock = (2, 10);
    assert_eq!(approved.step(), "SyncPlanned OutOfSync: prune a Released, prune b Released");
    let plan = approved.own().plan.as_ref().unwrap().digest;
    world.request(RequestKind::Approve { plan });
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune a Released, prune b Released");
}

#[test]
fn a_release_that_deletes_what_a_rebuilt_inventory_holds_waits_for_the_word_of_a_person() {
    let mut world = left(Deletion::Delete);
    world.stock = (2, 10);
    world.origin(events::state::Origin::Rebuilt);
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(world.step(), "rest", "nothing vouches for it but the cluster");
    world.request(RequestKind::ConfirmInventory);
    assert!(world.step().starts_with("HealthChanged"), "it is heard");
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune a Released, prune b Released");
}

#[test]
fn a_release_waits_for_an_idle_sync() {
    let mut world = left(Deletion::Orphan);
    world.stage(SyncStage::Running { since: Timestamp::default(), instance: "one".into() });
    assert_eq!(world.step(), "SupersedeRequested InSync Healthy");
    assert_eq!(world.step(), "rest +600 s");
    world.stage(SyncStage::Rejected { reason: "not assigned".into() });
    assert!(world.step().starts_with("SyncPlanned"));
}

#[test]
fn a_plan_that_the_applier_may_be_about_to_begin_is_answered_before_the_release() {
    let mut world = World::new(&["a"]);
    world.load();
    world.listed();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New");
    world.leave(Deletion::Orphan);
    assert_eq!(world.step(), "rest +600 s", "what it makes has to be let go");
    world.later(600);
    assert_eq!(world.step(), "TargetReleased Unknown Unknown", "it has begun nothing");
}

#[test]
fn a_release_is_planned_anew_under_each_set_of_definitions() {
    let mut world = left(Deletion::Orphan);
    world.step();
    let before = world.own().plan.clone().unwrap();
    assert_eq!(world.step(), "rest +600 s");
    world.snapshot.definitions_n += 1;
    assert!(world.step().starts_with("SyncPlanned"));
    let after = world.own().plan.clone().unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert_ne!(after.made_from.slice, before.made_from.slice);
}

#[test]
fn a_dead_cluster_is_abandoned_after_a_day_with_its_inventory() {
    let mut world = left(Deletion::Delete);
    let dead = Failure { attempts: 9, ..failure("CLUSTER-UNREACHABLE", RetryClass::Transient) };
    world.cluster = ClusterStanding::Unreachable(dead);
    // It was down for long when the application left: the day begins then.
    world.snapshot.unreachable_since = Some(Timestamp::default());
    let day = 24 * 3600;
    assert_eq!(world.step(), format!("rest +{day} s"));
    world.later(day - 1);
    assert_eq!(world.step(), "rest +1 s");
    world.later(1);
    assert_eq!(world.step(), "TargetReleased Unknown Healthy");
    let released = world.own().released.clone().unwrap();
    let inventory = world.snapshot.sync.as_ref().unwrap().state.objects.clone();
    let unreachable_since = Timestamp::default();
    assert_eq!(released.outcome, ReleaseOutcome::Abandoned { unreachable_since, inventory });
}

#[test]
fn what_never_happens_by_itself_is_not_released_by_itself() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.policy(|policy| policy.auto = false);
    world.leave(Deletion::Delete);
    assert_eq!(world.step(), "PlanRefused Unknown RELEASE-MANUAL", "nobody looks, so it is not in sync");
    assert_eq!(world.step(), "rest");
    assert!(world.own().released.is_none());
    // It has nothing: there is nothing to ask a person about.
    let mut empty = World::new(&["a"]);
    empty.policy(|policy| policy.auto = false);
    empty.leave(Deletion::Delete);
    assert_eq!(empty.step(), "TargetReleased Unknown Unknown");
}

#[test]
fn an_application_that_comes_back_begins_anew() {
    let mut world = World::synced(&["a"]);
    world.step();
    let assignment = world.snapshot.assignment.clone();
    world.leave(Deletion::Orphan);
    world.step();
    world.emptied_but(&[]);
    assert_eq!(world.step(), "TargetReleased Unknown Healthy");
    world.snapshot.assignment = assignment;
    world.snapshot.left = None;
    world.gone("a");
    world.load();
    assert_eq!(
        world.step(),
        "SyncPlanned OutOfSync: create a New",
        "a first contact if it still stands there"
    );
    assert_eq!(world.own().released, None);
}

/// One commit moves `b` to application `other`, while we are in the middle of a sync that applies it.
#[test]
fn an_object_that_moves_away_during_our_sync_is_given_back_in_the_end() {
    let mut world = World::synced(&["a", "b", "c", "d"]);
    world.step();
    world.stage(SyncStage::Running { since: Timestamp::default(), instance: "one".into() });
    world.render(&[("a", "m"), ("c", "m"), ("d", "m")]);
    world.neighbours = vec![Neighbour { rendered: Rendered::Pending, ..other(&[], &[]) }];
    assert_eq!(world.step(), "SupersedeRequested InSync Healthy", "one sync at a time");
    assert_eq!(world.step(), "rest +600 s");
    world.stage(SyncStage::Rejected { reason: "desired".into() });
    world.load();
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy", "the other one is not rendered");
    assert_eq!(world.step(), "rest +600 s");
    world.neighbours = vec![other(&["b"], &[])];
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy", "it has not received it");
    world.marked("b", "other");
    assert_eq!(world.step(), "rest +600 s", "it has, but the log does not say so");
    world.neighbours = vec![other(&["b"], &["b"])];
    assert_eq!(world.step(), "SyncPlanned OutOfSync: give back b HandOver");
}

/// The other side of it.
#[test]
fn an_object_that_moves_here_is_received_when_its_giver_is_idle() {
    let mut world = World::new(&["x"]);
    world.load();
    world.listed();
    world.marked("x", "other");
    world.neighbours = vec![Neighbour { activity: Activity::Syncing, ..other(&[], &["x"]) }];
    assert_eq!(world.step(), "HealthChanged OutOfSync Unknown");
    world.neighbours = vec![Neighbour { rendered: Rendered::Pending, ..other(&[], &["x"]) }];
    assert_eq!(world.step(), "rest +600 s");
    world.neighbours = vec![other(&[], &["x"])];
    assert_eq!(world.step(), "ask whether an apply changes x");
    world.dry_run("x", super::world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: receive x HandOver");
    // Desired by both: a first contact, which the API server refuses.
    let mut both = World::new(&["x"]);
    both.load();
    both.listed();
    both.marked("x", "other");
    both.neighbours = vec![other(&["x"], &["x"])];
    assert_eq!(both.step(), "SyncPlanned OutOfSync: create x New");
}

#[test]
fn nothing_is_decided_before_it_was_looked_around() {
    let mut world = World::synced(&["a", "b", "c", "d"]);
    world.step();
    world.render(&[("a", "m"), ("b", "m"), ("c", "m")]);
    world.load();
    world.around_of = 7;
    assert_eq!(world.step(), "look around");
    world.around_of = 0;
    assert_eq!(world.step(), "SyncPlanned OutOfSync: prune d Orphan");
}
