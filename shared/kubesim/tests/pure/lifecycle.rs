//! What ends things.

use serde_json::json;

use crate::Bench;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn a_namespace_goes_with_all_that_nobody_holds() {
    let mut bench = Bench::start();
    bench.send("POST", "/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}));
    let maps = "/api/v1/namespaces/shop/configmaps";
    bench.send("POST", maps, &json!({"metadata": {"name": "a"}}));
    bench.send("POST", maps, &json!({"metadata": {"name": "held", "finalizers": ["e.io/a"]}}));
    let (code, namespace) = bench.send("DELETE", "/api/v1/namespaces/shop", &json!({}));
    assert_eq!((code, &namespace["status"]["phase"]), (200, &json!("Terminating")));
    assert_eq!(bench.get(&format!("{maps}/a")).0, 404);
    assert_eq!(bench.send("POST", maps, &json!({"metadata": {"name": "b"}})).0, 403);
    assert_eq!(bench.get("/api/v1/namespaces/shop").0, 200, "something is held");
    bench.send("PATCH", &format!("{maps}/held"), &json!({"metadata": {"finalizers": null}}));
    assert_eq!(bench.get("/api/v1/namespaces/shop").0, 404);
    assert_eq!(bench.send("POST", "/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).0, 201);
}

fn family(bench: &mut Bench) {
    let owner = bench.map("owner", json!({}));
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": true});
    let child = bench.map("child", json!({"ownerReferences": [reference]}));
    let reference =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "child", "uid": child["metadata"]["uid"]});
    bench.map("grandchild", json!({"ownerReferences": [reference]}));
}

#[test]
fn dependents_follow_their_owner_or_are_orphaned() {
    for (policy, left) in [("Background", 404), ("Foreground", 404), ("Orphan", 200)] {
        let mut bench = Bench::start();
        family(&mut bench);
        bench.send("DELETE", &format!("{MAPS}/owner"), &json!({"propagationPolicy": policy}));
        assert_eq!(bench.get(&format!("{MAPS}/owner")).0, 404, "{policy}");
        assert_eq!(bench.get(&format!("{MAPS}/child")).0, left, "{policy}");
        assert_eq!(bench.get(&format!("{MAPS}/grandchild")).0, left, "{policy}");
    }
    let mut bench = Bench::start();
    family(&mut bench);
    bench.send("DELETE", &format!("{MAPS}/owner"), &json!({"propagationPolicy": "Orphan"}));
    assert_eq!(bench.get(&format!("{MAPS}/child")).1["metadata"].get("ownerReferences"), None);
}

#[test]
fn a_foreground_deletion_waits_for_those_that_block_it() {
    let mut bench = Bench::start();
    let owner = bench.map("owner", json!({}));
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": true});
    bench.map("child", json!({"ownerReferences": [reference], "finalizers": ["e.io/a"]}));
    bench.send("DELETE", &format!("{MAPS}/owner"), &json!({"propagationPolicy": "Foreground"}));
    let (code, waiting) = bench.get(&format!("{MAPS}/owner"));
    assert_eq!((code, &waiting["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
    bench.send("PATCH", &format!("{MAPS}/child"), &json!({"metadata": {"finalizers": null}}));
    assert_eq!(bench.get(&format!("{MAPS}/owner")).0, 404);
}

#[test]
fn a_definition_that_goes_is_served_no_longer() {
    let mut bench = Bench::start();
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let names = json!({"plural": "carts", "singular": "cart", "kind": "Cart"});
    let definition = json!({"metadata": {"name": "carts.shop.example"},
        "spec": {"group": "shop.example", "scope": "Cluster", "names": names, "versions": [version]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    bench.send("POST", definitions, &definition);
    let carts = "/apis/shop.example/v1/carts";
    assert_eq!(bench.get("/apis/shop.example").0, 200);
    assert_eq!(
        bench.send("POST", carts, &json!({"metadata": {"name": "a", "finalizers": ["e.io/a"]}})).0,
        201
    );
    bench.send("DELETE", &format!("{definitions}/carts.shop.example"), &json!({}));
    assert_eq!(bench.get(carts).0, 200, "one of its objects is held");
    bench.send("PATCH", &format!("{carts}/a"), &json!({"metadata": {"finalizers": null}}));
    assert_eq!((bench.get(carts).0, bench.get("/apis/shop.example").0), (404, 404));
}
