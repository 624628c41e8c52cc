//! The API server does not say: it is told why, asked again within bounds, and nothing is done meanwhile.

use super::*;

fn silent() -> DryRun {
    DryRun::Unknown(failure("CLUSTER-SERVER", RetryClass::Transient))
}

fn edited() -> World {
    let mut world = World::synced(&["a"]);
    world.step();
    world.edit("a", "12", "other");
    world.load();
    assert_eq!(world.step(), "ask whether an apply changes a");
    world
}

#[test]
fn why_it_is_unknown_is_told_once_and_asked_again_less_and_less_often() {
    let mut world = edited();
    world.dry_run("a", silent());
    assert_eq!(world.step(), "PlanRefused Unknown CLUSTER-SERVER");
    for wait in [5, 10, 20] {
        assert_eq!(world.step(), format!("rest +{wait} s"));
        world.later(wait);
        assert_eq!(world.step(), "ask whether an apply changes a");
        world.dry_run("a", silent());
    }
    world.later(40);
    assert_eq!(world.step(), "ask whether an apply changes a");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy", "and the reason is gone");
    assert_eq!(world.step(), "SyncPlanned Drifted: apply a Drift");
}

#[test]
fn an_object_that_cannot_be_read_is_asked_for_again() {
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.gone("a");
    world.load();
    assert_eq!(world.step(), "ask whether a exists");
    let unknown = Found::Unknown(failure("CLUSTER-SERVER", RetryClass::Transient));
    world.answers.found(id("a"), unknown, world.now);
    assert_eq!(world.step(), "PlanRefused Unknown CLUSTER-SERVER");
    assert_eq!(world.step(), "rest +5 s");
    world.later(5);
    assert_eq!(world.step(), "ask whether a exists");
    world.answers.found(id("a"), Found::Absent, world.now);
    assert_eq!(world.step(), "DriftDetected Drifted Missing");
}

#[test]
fn a_change_waits_until_the_server_says_whether_it_would_take_it() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.render(&[("a", "new"), ("b", "m")]);
    world.load();
    world.step();
    world.dry_run("a", silent());
    world.dry_run("b", silent());
    assert_eq!(world.step(), "PlanRefused OutOfSync CLUSTER-SERVER");
    assert_eq!(world.step(), "rest +5 s");
    world.later(5);
    assert_eq!(world.step(), "ask whether an apply changes a", "what is created forces nothing");
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed, create b New");
}

#[test]
fn who_asks_learns_it_after_three_attempts() {
    let mut world = edited();
    world.request(RequestKind::Sync { after: None });
    for wait in [5, 10, 0] {
        world.dry_run("a", silent());
        assert_eq!(world.answered(), None);
        world.step();
        world.later(wait);
        world.step();
    }
    let Some(RequestOutcome::Failed(told)) = world.answered() else { panic!("{:?}", world.told) };
    assert_eq!((&*told.code, told.attempts), ("CLUSTER-SERVER", 3));
}

#[test]
fn all_that_is_refused_is_told_at_once() {
    let mut world = World::synced(&["a", "b", "c"]);
    world.step();
    world.render(&[("a", "new"), ("b", "new"), ("c", "new")]);
    world.load();
    world.step();
    let refused = |message: &str| {
        let failure = failure("CLUSTER-INVALID", RetryClass::Permanent);
        DryRun::Refused(Failure { message: message.into(), ..failure })
    };
    world.dry_run("a", refused("a is bad"));
    world.dry_run("b", world::changes(&["data.k"]));
    world.dry_run("c", refused("c is worse"));
    assert_eq!(world.step(), "PlanRefused OutOfSync CLUSTER-INVALID");
    assert_eq!(world.own().refused.as_ref().unwrap().message, "a is bad; c is worse");
}
