//! The install key is another one: what is desired has other digests, and the same values.

use model::Digest;

use super::*;
use crate::answers::DryRunKey;

/// In sync, and rendered anew under a new key; the manifests are loaded.
fn rotated(names: &[&str]) -> World {
    let mut world = World::synced(names);
    world.step();
    render_anew(&mut world, &names.iter().map(|name| (*name, "m")).collect::<Vec<_>>());
    world
}

fn render_anew(world: &mut World, objects: &[(&str, &str)]) {
    world.render(objects);
    let render = Arc::make_mut(world.snapshot.render.as_mut().unwrap());
    render.state.desired.as_mut().unwrap().digest = Digest::of(b"under the new key");
    assert_eq!(world.step(), "load");
    world.load();
    for object in &mut world.desired.as_mut().unwrap().objects {
        object.under_other_keys.push(object.manifest);
        object.manifest = Digest::of_parts("under the new key", [object.id.name.as_bytes()]);
    }
}

fn answer(world: &mut World, name: &str, answer: DryRun) {
    let object = world.desired.as_ref().unwrap().object(&id(name)).unwrap();
    let live = world.live.get(&id(name)).map(|seen| (seen.uid.clone(), seen.resource_version.clone()));
    let key = DryRunKey { id: id(name), live, manifest: object.manifest };
    world.answers.dry_ran(key, answer, world.now);
}

#[test]
fn what_is_the_same_under_the_old_key_is_recorded_and_not_applied() {
    let mut world = rotated(&["a", "b"]);
    assert_eq!(world.step(), "SyncPlanned InSync: record a Rekeyed, record b Rekeyed");
    assert_eq!(world.step(), "rest +600 s", "the applier has the plan now");
}

#[test]
fn nobody_has_to_allow_it_where_syncs_wait_for_a_person() {
    let mut world = rotated(&["a"]);
    world.policy(|policy| policy.auto = false);
    assert_eq!(world.step(), "SyncPlanned InSync: record a Rekeyed");
    let mut world = World::synced(&["a", "b"]);
    world.step();
    world.policy(|policy| policy.auto = false);
    render_anew(&mut world, &[("a", "m"), ("b", "other")]);
    assert_eq!(world.step(), "HealthChanged OutOfSync Healthy", "a change waits, and all with it");
}

#[test]
fn a_drift_at_the_same_time_is_told_and_healed() {
    let mut world = rotated(&["a", "b"]);
    world.edit("a", "12", "by hand");
    assert_eq!(world.step(), "ask whether an apply changes a", "the fingerprint is of the old key");
    answer(&mut world, "a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy");
    assert_eq!(world.step(), "SyncPlanned Drifted: apply a Drift, record b Rekeyed");
}

#[test]
fn a_drift_that_is_not_healed_stays_told() {
    let mut world = rotated(&["a", "b"]);
    world.policy(|policy| policy.self_heal = false);
    world.edit("a", "12", "by hand");
    world.step();
    answer(&mut world, "a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "DriftDetected Drifted Healthy");
    assert_eq!(world.step(), "SyncPlanned Drifted: record b Rekeyed");
}

#[test]
fn a_later_version_with_the_same_values_is_no_drift() {
    let mut world = rotated(&["a"]);
    // As a fingerprint that was taken under the old key.
    let Some(sync) = &mut world.snapshot.sync else { panic!("synced") };
    Arc::make_mut(sync).objects.values_mut().for_each(|row| {
        row.fingerprint.as_mut().unwrap().hash = Digest::of(b"under the old key");
    });
    world.touch("a", "12");
    assert_eq!(world.step(), "ask whether an apply changes a");
    let same = DryRun::Same(world.fingerprint_of("a"));
    answer(&mut world, "a", same);
    assert_eq!(world.step(), "SyncPlanned InSync: record a Rekeyed");
    assert_eq!(world.own().refreshed.len(), 1, "recorded under the new key");
}

#[test]
fn what_is_sealed_under_a_key_that_is_not_at_hand_is_told_and_tried_again() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.render(&[("a", "new")]);
    assert_eq!(world.step(), "load");
    let digest = world.snapshot.render.as_ref().unwrap().state.desired.as_ref().unwrap().digest;
    let failed = Failure { at: world.now, ..failure("SEAL-KEY", RetryClass::Permanent) };
    world.unreadable = Some(Unreadable { digest, failure: failed });
    assert_eq!(world.step(), "PlanRefused Unknown SEAL-KEY");
    assert_eq!(world.step(), "rest +30 s");
    world.later(30);
    assert_eq!(world.step(), "load");
    world.load();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
}

#[test]
fn what_is_lost_is_told_and_tried_again_soon() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.render(&[("a", "new")]);
    assert_eq!(world.step(), "load");
    let digest = world.snapshot.render.as_ref().unwrap().state.desired.as_ref().unwrap().digest;
    let failed = Failure { at: world.now, ..failure("BLOB-MISSING", RetryClass::Transient) };
    world.unreadable = Some(Unreadable { digest, failure: failed });
    assert_eq!(world.step(), "PlanRefused Unknown BLOB-MISSING");
    assert_eq!(world.step(), "rest +5 s");
    world.later(5);
    assert_eq!(world.step(), "load");
    world.load();
    world.dry_run("a", world::changes(&["data.k"]));
    assert_eq!(world.step(), "SyncPlanned OutOfSync: apply a Changed");
    assert_eq!(world.own().refused, None);
}
