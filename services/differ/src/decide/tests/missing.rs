//! What is told of the health of an object that no watch shows.

use std::sync::Arc;

use model::{HealthStatus, RetryClass};

use super::world::{World, failure, id};
use crate::{answers::Found, decide::summary};

fn told(world: &World) -> HealthStatus {
    summary::own_state(&world.facts(&world.snapshot, &world.around()), world.now).health.status
}

#[test]
fn only_the_api_server_says_that_an_object_is_missing() {
    let mut world = World::synced(&["a"]);
    world.step();
    world.gone("a");
    assert_eq!(told(&world), HealthStatus::Unknown, "nobody was asked");
    let stripped =
        Found::Object { uid: "u".into(), resource_version: "9".into(), mark: None, value: Arc::default() };
    for (answer, expected) in [
        (Found::Unknown(failure("CLUSTER-TIMEOUT", RetryClass::Transient)), HealthStatus::Unknown),
        (stripped, HealthStatus::Unknown),
        (Found::Absent, HealthStatus::Missing),
    ] {
        world.answers.found(id("a"), answer.clone(), world.now);
        assert_eq!(told(&world), expected, "{answer:?}");
    }
    world.load();
    assert_eq!(world.step(), "DriftDetected Drifted Missing");
    world.answers.forget_uncertain();
    assert_eq!(told(&world), HealthStatus::Missing, "what was told stands until it is asked again");
}
