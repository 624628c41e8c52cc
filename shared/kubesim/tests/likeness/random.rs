//! Random sequences of applies, patches and replacements by several managers.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::{difference, step::Step};

const MANAGERS: [&str; 3] = ["alice", "bob", "carol"];

/// As many as a few seconds allow. A failing one is named; others are tried with `KUBESIM_SEEDS=100..500`.
fn seeds() -> std::ops::Range<u64> {
    let given = std::env::var("KUBESIM_SEEDS").ok();
    let given = given.and_then(|range| {
        let (from, to) = range.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    given.unwrap_or(0..12)
}
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
    let content = json!({"spec": body.get("spec"), "data": body.get("data")});
    match dice.random_range(0..12) {
        0..5 => Step::apply(path, manager, body),
        5..7 => Step::force(path, manager, body),
        7 => Step::merge(path, content).by(manager),
        8 => Step::strategic(path, body).by(manager),
        9 => Step::apply(&format!("{path}?dryRun=All"), manager, body),
        10 => Step::merge(
            path,
            json!({"metadata": {"annotations": {"k": one(dice, &["1", "2"])}, "labels": null}}),
        ),
        _ => Step::put(path, body).by(manager),
    }
}

fn run(path: &str, make: fn(&mut StdRng) -> Value) {
    for seed in seeds() {
        let dice = &mut StdRng::seed_from_u64(seed);
        let steps: Vec<_> = (0..STEPS).map(|_| step(dice, path, make)).collect();
        if let Some(difference) = difference(&steps) {
            panic!("seed {seed}, {difference}");
        }
    }
}

fn cart(dice: &mut StdRng) -> Value {
    let mut spec = serde_json::Map::new();
    for (name, values) in [
        ("size", [json!(1), json!(2)]),
        ("color", [json!("red"), json!("blue")]),
        ("plain", [json!(["a"]), json!(["b", "a"])]),
        ("atom", [json!({"a": "1"}), json!({"a": "1", "b": "2"})]),
        ("free", [json!({"a": {"b": 1}}), json!({"a": {"c": [1]}, "d": "x"})]),
        ("port", [json!(80), json!("http")]),
    ] {
        if some(dice) {
            spec.insert(name.into(), values.choose(dice).unwrap().clone());
        }
    }
    if some(dice) {
        let tags: Vec<_> = ["a", "b", "c"].into_iter().filter(|_| some(dice)).collect();
        spec.insert("tags".into(), json!(tags));
    }
    if some(dice) {
        let items = ["x", "y", "z"].into_iter().filter(|_| some(dice)).collect::<Vec<_>>();
        let mut items: Vec<_> =
            items.into_iter().map(|name| json!({"name": name, "count": dice.random_range(1..3)})).collect();
        if some(dice) {
            items.reverse();
        }
        spec.insert("items".into(), json!(items));
    }
    json!({"apiVersion": "{ns}.example/v1", "kind": "Cart", "metadata": {"name": "a"}, "spec": spec})
}

#[test]
fn custom_resources() {
    for seed in seeds() {
        let dice = &mut StdRng::seed_from_u64(seed);
        let mut steps = crate::custom::defined();
        let path = crate::custom::CART;
        steps.extend((0..STEPS).map(|_| {
            let (manager, body) = (one(dice, &MANAGERS), cart(dice));
            match dice.random_range(0..8) {
                0..4 => Step::apply(path, manager, body),
                4..6 => Step::force(path, manager, body),
                6 => Step::merge(path, json!({"spec": body["spec"]})).by(manager),
                _ => Step::json(path, json!([{"op": "add", "path": "/spec", "value": body["spec"]}]))
                    .by(manager),
            }
        }));
        if let Some(difference) = difference(&steps) {
            panic!("seed {seed}, {difference}");
        }
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
