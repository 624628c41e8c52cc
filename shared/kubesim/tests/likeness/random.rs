//! Random sequences of applies, patches and replacements by several managers.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{alike, step::Step};

const MANAGERS: [&str; 3] = ["alice", "bob", "carol"];

/// As many seeds as a minute allows; a failing one is named and can be run alone.
const SEEDS: std::ops::Range<u64> = 0..12;
const STEPS: usize = 12;

fn some(dice: &mut StdRng) -> bool {
    dice.random_bool(0.5)
}

fn one<'a>(dice: &mut StdRng, of: &[&'a str]) -> &'a str {
    of.choose(dice).copied().unwrap()
}

fn config_map(dice: &mut StdRng) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    for (at, names) in [("/data", ["a", "b", "c"]), ("/metadata/labels", ["x", "y", "z"])] {
        let mut members = serde_json::Map::new();
        for name in names {
            if some(dice) {
                members.insert(name.into(), json!(one(dice, &["1", "2"])));
            }
        }
        if some(dice) {
            match at {
                "/data" => object["data"] = Value::Object(members),
                _ => object["metadata"]["labels"] = Value::Object(members),
            }
        }
    }
    object
}

fn service(dice: &mut StdRng) -> Value {
    let mut ports = Vec::new();
    for (port, name) in [(80, "http"), (443, "https"), (53, "dns")] {
        if some(dice) || (ports.is_empty() && port == 53) {
            let mut entry = json!({"port": port, "name": name});
            if some(dice) {
                entry["targetPort"] = [json!(8080), json!("web")].choose(dice).unwrap().clone();
            }
            if some(dice) {
                entry["protocol"] = json!("TCP");
            }
            ports.push(entry);
        }
    }
    let mut spec = json!({"ports": ports});
    if some(dice) {
        spec["selector"] = json!({"app": one(dice, &["a", "b"])});
    }
    if some(dice) {
        spec["sessionAffinity"] = json!("None");
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec})
}

fn deployment(dice: &mut StdRng) -> Value {
    let mut containers = Vec::new();
    for name in ["web", "side"] {
        if name == "web" || some(dice) {
            let mut container = json!({"name": name, "image": one(dice, &["i:1", "i:2"])});
            let env: Vec<_> = ["A", "B", "C"].into_iter().filter(|_| some(dice)).collect();
            let mut env: Vec<_> =
                env.into_iter().map(|name| json!({"name": name, "value": one(dice, &["1", "2"])})).collect();
            if some(dice) {
                env.reverse();
            }
            if some(dice) {
                container["env"] = json!(env);
            }
            if some(dice) {
                container["args"] = json!([one(dice, &["x", "y"])]);
            }
            if some(dice) {
                container["resources"] = json!({"limits": {"cpu": one(dice, &["1", "1000m", "500m"])}});
            }
            if some(dice) {
                container["ports"] = json!([{"containerPort": 80}]);
            }
            containers.push(container);
        }
    }
    let mut spec = json!({"selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}}});
    if some(dice) {
        spec["replicas"] = json!(dice.random_range(0..3));
    }
    if some(dice) {
        spec["strategy"] = json!({"rollingUpdate": {"maxSurge": one(dice, &["25%", "50%"])}});
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec})
}

fn step(dice: &mut StdRng, path: &str, make: fn(&mut StdRng) -> Value) -> Step {
    let manager = one(dice, &MANAGERS);
    let body = make(dice);
    match dice.random_range(0..10) {
        0..5 => Step::apply(path, manager, body),
        5..7 => Step::force(path, manager, body),
        7 => Step::merge(path, json!({"spec": body.get("spec"), "data": body.get("data")})).by(manager),
        8 => Step::strategic(path, body).by(manager),
        _ => Step::put(path, body).by(manager),
    }
}

fn run(path: &str, make: fn(&mut StdRng) -> Value) {
    for seed in SEEDS {
        let dice = &mut StdRng::seed_from_u64(seed);
        println!("seed {seed}");
        let steps: Vec<_> = (0..STEPS).map(|_| step(dice, path, make)).collect();
        alike(&steps);
    }
}

#[test]
fn config_maps() {
    run("v1:configmaps/a", config_map);
}

#[test]
fn services() {
    run("v1:services/a", service);
}

#[test]
fn deployments() {
    run("apps/v1:deployments/a", deployment);
}
