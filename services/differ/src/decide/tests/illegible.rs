//! What a newer version did to a target cannot be read here.

use super::*;
use crate::known::Legible;

#[test]
fn what_cannot_be_read_is_told_and_never_taken_for_nothing() {
    let mut world = World::new(&["a"]);
    world.snapshot.legible = Legible::No;
    world.load();
    world.listed();
    assert_eq!(world.step(), "PlanRefused Unknown LOG-UNDECODABLE");
    assert_eq!(world.step(), "rest", "nothing is created as if there were no inventory");
    world.request(RequestKind::Sync { after: None });
    assert_eq!(world.step(), "HealthChanged Unknown LOG-UNDECODABLE");
    assert!(matches!(world.answered(), Some(RequestOutcome::Failed(_))), "whoever asks learns it");
    world.snapshot.legible = Legible::Yes;
    assert_eq!(world.step(), "SyncPlanned OutOfSync: create a New");
}
