//! What is served, as far as both serve it.

use serde_json::Value;

use crate::{
    compare::{self, Normal},
    sides::{Real, Sim},
    step::Step,
};

/// Groups of which all kinds are simulated.
const GROUPS: &[&str] = &[
    "apps/v1",
    "batch/v1",
    "autoscaling/v2",
    "networking.k8s.io/v1",
    "policy/v1",
    "coordination.k8s.io/v1",
    "apiextensions.k8s.io/v1",
    "apiregistration.k8s.io/v1",
];

/// What both sides answer to a request that changes nothing.
fn answers(step: &Step) -> [Value; 2] {
    let (real, mut sim, normal) = (Real::connect(), Sim::new(), Normal::new("none"));
    [real.run(step, "none", &normal), sim.run(step, "none", &normal)]
        .map(|answered| serde_json::from_str(&answered.text).unwrap())
}

#[test]
fn the_resources_of_a_version() {
    for group in GROUPS {
        let documents = answers(&Step::get(&format!("/apis/{group}")));
        let [theirs, ours] = documents.map(|mut document| {
            let resources = document["resources"].as_array_mut().unwrap();
            for resource in resources.iter_mut() {
                resource.as_object_mut().unwrap().shift_remove("storageVersionHash");
                resource["verbs"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
                resource.as_object_mut().unwrap().sort_keys();
            }
            resources.sort_by_key(|resource| resource["name"].to_string());
            document
        });
        assert!(theirs == ours, "{group}\n{}", compare::difference(&theirs, &ours));
    }
}

#[test]
fn the_groups_and_their_preferred_versions() {
    let [theirs, ours] = answers(&Step::get("/apis"));
    for ours in ours["groups"].as_array().unwrap() {
        let groups = theirs["groups"].as_array().unwrap();
        let theirs = groups.iter().find(|group| group["name"] == ours["name"]).unwrap();
        assert_eq!(theirs["preferredVersion"], ours["preferredVersion"]);
    }
    let [theirs, ours] = answers(&Step::get("/apis/apps"));
    assert_eq!(theirs, ours);
    let [theirs, ours] = answers(&Step::get("/version"));
    for part in ["major", "minor", "gitVersion"] {
        assert_eq!(theirs[part], ours[part]);
    }
}
