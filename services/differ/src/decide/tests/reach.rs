//! Clusters of which only some namespaces are seen.

use super::*;

fn problem(world: &World) -> (String, String) {
    let refused = world.own().refused.clone().unwrap();
    (refused.message, refused.remedy)
}

#[test]
fn what_is_desired_outside_is_refused_with_the_fields_that_say_so() {
    let mut world = World::new(&["a", "b"]);
    world.only(&["one", "two"]);
    world.load();
    world.request(RequestKind::Sync { after: None });
    assert_eq!(world.step(), "PlanRefused OutOfSync PLAN-REACH");
    let (message, remedy) = problem(&world);
    let outside = "ConfigMap shop/a, ConfigMap shop/b: outside of spec.namespaces of Cluster eu (one, two)";
    assert_eq!(message, outside);
    assert!(
        remedy.contains("metadata.namespace") && remedy.contains("spec.namespaces of Cluster eu"),
        "{remedy}"
    );
    assert!(matches!(world.answered(), Some(RequestOutcome::Failed(_))));
    assert_eq!(world.step(), "rest");
}

#[test]
fn what_is_within_reach_is_planned_and_no_namespace_is_made_for_it() {
    let mut world = World::new(&["a"]);
    world.namespace("shop");
    world.only(&["shop"]);
    world.load();
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New");
    assert_eq!(world.plan().namespace, None);
    let mut whole = World::new(&["a"]);
    whole.namespace("shop");
    whole.load();
    whole.listed();
    whole.step();
    assert_eq!(whole.plan().namespace.as_deref(), Some("shop"));
}

#[test]
fn what_was_applied_outside_is_neither_missing_nor_pruned() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.render(&[]);
    world.only(&["other"]);
    world.load();
    assert_eq!(world.step(), "PlanRefused Unknown PLAN-REACH");
    let (message, remedy) = problem(&world);
    assert!(
        message.starts_with("ConfigMap shop/a was applied, and lies outside of spec.namespaces"),
        "{message}"
    );
    assert!(remedy.contains("widen spec.namespaces of Cluster eu"), "{remedy}");
    assert_eq!(world.own().health.status, model::HealthStatus::Unknown);
    assert_eq!(world.step(), "rest");
}

#[test]
fn an_inventory_that_is_found_is_recorded_only_when_all_of_it_is_seen() {
    let mut world = World::new(&["a"]);
    world.only(&["shop", "other"]);
    world.load();
    world.found_in("other", "b");
    assert_eq!(world.step(), "rest", "b would be in no inventory for ever");
    world.in_namespace("other", crate::live::KindView::Listed);
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New, record b Found");
}
