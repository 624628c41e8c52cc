//! Objects that wait for somebody else.

use events::state::WaitReason;
use plan::{Activity, Rendered};

use super::*;

fn neighbour(name: &str) -> plan::Neighbour {
    plan::Neighbour {
        application: name.parse().unwrap(),
        rendered: Rendered::Yes,
        activity: Activity::Idle,
        desired: Arc::default(),
        holdings: Arc::default(),
        namespaces: BTreeSet::from(["shop".to_owned()]),
    }
}

/// What the only object waits for, and whom.
fn waits(world: &World) -> (WaitReason, Vec<&str>) {
    let [wait] = &world.own().waits[..] else { panic!("{:?}", world.own().waits) };
    (wait.reason, wait.whom.iter().map(String::as_str).collect())
}

#[test]
fn a_finalizer_that_nobody_removes_is_named_and_after_its_time_a_problem() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.deleted("a", &["example.com/wait"]);
    world.load();
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(waits(&world), (WaitReason::Deletion, vec!["example.com/wait"]));
    let since = world.own().waits[0].since;
    let text = "ConfigMap shop/a is deleted and not gone yet, held by the finalizer example.com/wait";
    assert_eq!(world.own().waits[0].to_string(), text);
    assert_eq!(world.step(), "rest +600 s");
    world.later(600);
    assert_eq!(world.step(), "PlanRefused Stalled TARGET-WAITS");
    assert_eq!((world.own().waits[0].since, &*world.own().refused.as_ref().unwrap().message), (since, text));
    assert_eq!(world.step(), "rest", "it is told once");
    world.request(RequestKind::Sync { after: None });
    world.source(|_| {});
    world.step();
    assert!(
        matches!(world.answered(), Some(RequestOutcome::Failed(_))),
        "whoever asks does not wait for ever"
    );
    // It goes, and comes again as Git describes it.
    world.gone("a");
    world.answers.found(id("a"), Found::Absent, world.now);
    world.step();
    assert_eq!(world.step(), "SyncPlanned Drifted: create a Missing");
    assert!(world.own().waits.is_empty());
}

#[test]
fn what_is_handed_over_waits_for_the_other_application() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.render(&[("b", "m")]);
    world.load();
    let near = neighbour("near");
    world.neighbours = vec![plan::Neighbour { desired: Arc::new(BTreeSet::from([id("a")])), ..near }];
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(waits(&world), (WaitReason::HandOver, vec!["near"]));
}

#[test]
fn an_orphan_waits_for_who_is_not_rendered() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.render(&[("b", "m")]);
    world.load();
    let pending = plan::Neighbour { rendered: Rendered::Pending, ..neighbour("slow") };
    world.neighbours = vec![neighbour("near"), pending];
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy");
    assert_eq!(waits(&world), (WaitReason::Render, vec!["slow"]));
}
