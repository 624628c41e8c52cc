//! Somebody fights about many objects at once.

use super::*;

/// More than once had room in an event.
const FIGHTS: usize = 100;

/// Another actor changes a field of all objects again; the seconds until they are healed, or `None`: they are left.
fn fight(world: &mut World, names: &[&str]) -> Option<u64> {
    let version = (100 + world.told.len()).to_string();
    names.iter().for_each(|name| world.edit(name, &version, "other"));
    world.load();
    world.step();
    names.iter().for_each(|name| world.dry_run(name, world::changes(&["data.k"])));
    let waited = world.until_planned();
    if waited.is_some() {
        world.applied();
    }
    waited
}

#[test]
fn a_hundred_fights_back_off_and_end_as_one_does() {
    let names: Vec<String> = (0..FIGHTS).map(|i| format!("map-{i:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::synced(&names);
    world.step();
    let waits: Vec<_> = (0..6).map(|_| fight(&mut world, &names)).collect();
    assert_eq!(waits, [Some(0), Some(2), Some(6), Some(18), Some(54), None]);
    assert_eq!(contests(&world), 1, "{:?}", world.told);
    assert_eq!(world.own().heals.len(), FIGHTS);
}
