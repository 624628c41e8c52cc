//! Fields that rules leave to others.

use model::definition::IgnoreRule;
use plan::{Action, Reason};
use serde_json::{Value, json};

use crate::bed::{Applier, Bed, apply, create, step, succeeded};

fn pointing(kind: &str, pointers: &[&str]) -> IgnoreRule {
    let pointers = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
    IgnoreRule { kind: Some(kind.to_owned()), pointers, ..IgnoreRule::default() }
}

fn replicas() -> Vec<IgnoreRule> {
    vec![pointing("Deployment", &["/spec/replicas"])]
}

async fn created(rules: Vec<IgnoreRule>, body: impl Fn(&Bed) -> Value) -> (Bed, Value, Applier) {
    let mut bed = Bed::new().await;
    bed.ignore(rules).await;
    let body = body(&bed);
    bed.desire(std::slice::from_ref(&body)).await;
    let applier = bed.start("one");
    let state = bed.execute(vec![create(&body)]).await;
    assert!(succeeded(&state), "{state:?}");
    (bed, body, applier)
}

fn web(bed: &Bed, replicas: u32, image: &str) -> Value {
    let mut body = bed.deployment("web", json!({"image": image}));
    body["spec"]["replicas"] = replicas.into();
    body
}

/// Applies another manifest of the object.
async fn changed(bed: &mut Bed, body: &Value) -> Value {
    bed.desire(std::slice::from_ref(body)).await;
    let live = bed.get(body).await.unwrap();
    let state = bed.execute(vec![apply(body, &live)]).await;
    assert!(succeeded(&state), "{state:?}");
    let value = bed.value(body).await;
    // What is recorded is what stands there.
    let recorded = bed.rows(&state).await[0].fingerprint.clone().unwrap();
    assert!(diff::matches(&recorded, &value, &bed.manager()), "the fingerprint fits");
    value
}

fn owns(bed: &Bed, object: &Value, path: &str) -> bool {
    let entry = diff::apply_entry(object, &bed.manager()).unwrap();
    diff::owned_paths(&entry).iter().any(|owned| owned.to_string() == path)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_field_is_used_on_create_and_left_alone_from_then_on() {
    let (mut bed, body, _applier) = created(replicas(), |bed| web(bed, 3, "example.com/web:1")).await;
    let object = bed.value(&body).await;
    assert_eq!(object["spec"]["replicas"], 3);
    assert!(!owns(&bed, &object, "spec.replicas") && owns(&bed, &object, "spec.selector"));
    bed.patch_as("scaler", &body, json!([{"op": "replace", "path": "/spec/replicas", "value": 7}])).await;
    let next = web(&bed, 4, "example.com/web:2");
    let after = changed(&mut bed, &next).await;
    assert_eq!(after["spec"]["replicas"], 7);
    assert_eq!(after.pointer("/spec/template/spec/containers/0/image"), Some(&json!("example.com/web:2")));
    // Git drops it, too: still nobody's business but the scaler's.
    let mut without = next.clone();
    without["spec"].as_object_mut().unwrap().shift_remove("replicas");
    assert_eq!(changed(&mut bed, &without).await["spec"]["replicas"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_for_a_running_object_changes_no_value() {
    let (mut bed, body, _applier) = created(vec![], |bed| web(bed, 3, "example.com/web:1")).await;
    assert!(owns(&bed, &bed.value(&body).await, "spec.replicas"));
    bed.ignore(replicas()).await;
    let after = changed(&mut bed, &body).await;
    assert_eq!(after["spec"]["replicas"], 3, "left out without a word it would be 1");
    assert!(!owns(&bed, &after, "spec.replicas"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_and_the_drop_of_its_field_may_come_together() {
    let (mut bed, mut body, _applier) = created(vec![], |bed| web(bed, 3, "example.com/web:1")).await;
    bed.ignore(replicas()).await;
    body["spec"].as_object_mut().unwrap().shift_remove("replicas");
    assert_eq!(changed(&mut bed, &body).await["spec"]["replicas"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_rule_a_field_is_as_git_says_again() {
    let (mut bed, body, _applier) = created(replicas(), |bed| web(bed, 3, "example.com/web:1")).await;
    let scaled = json!([{"op": "replace", "path": "/spec/replicas", "value": 7}]);
    bed.patch_as("scaler", &body, scaled).await;
    bed.ignore(vec![]).await;
    let after = changed(&mut bed, &body).await;
    assert_eq!(after["spec"]["replicas"], 3);
    assert!(owns(&bed, &after, "spec.replicas"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_a_list_item_is_found_where_the_item_stands() {
    let rule = pointing("Deployment", &["/spec/template/spec/containers/1/resources"]);
    let limits = |cpu: &str| json!({"limits": {"cpu": cpu}});
    let two = |bed: &Bed| {
        let mut body = bed.deployment("web", json!({"resources": limits("1")}));
        let proxy = json!({"name": "proxy", "image": "example.com/proxy:1", "resources": limits("1")});
        body["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(proxy);
        body
    };
    let (mut bed, body, _applier) = created(vec![], two).await;
    let containers = "/spec/template/spec/containers";
    let mut turned = bed.value(&body).await.pointer(containers).unwrap().clone();
    turned.as_array_mut().unwrap().reverse();
    turned[0]["resources"] = limits("2");
    bed.patch_as("alice", &body, json!([{"op": "replace", "path": containers, "value": turned}])).await;
    bed.ignore(vec![rule]).await;
    let after = changed(&mut bed, &body).await;
    let cpu = |name: &str| {
        let items = after.pointer(containers).unwrap().as_array().unwrap();
        items.iter().find(|item| item["name"] == name).unwrap()["resources"]["limits"]["cpu"].clone()
    };
    assert_eq!((cpu("web"), cpu("proxy")), (json!("1"), json!("2")));
    // An item that Git drops goes with the fields that were left to others.
    let one = bed.deployment("web", json!({"resources": limits("1")}));
    let after = changed(&mut bed, &one).await;
    assert_eq!(after.pointer(containers).unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_value_is_left_to_others_without_knowing_it() {
    let secret = |bed: &Bed| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": bed.namespace},
            "stringData": {"a": "ours", "b": "start"}})
    };
    let (mut bed, body, _applier) = created(vec![], secret).await;
    bed.patch_as("rotator", &body, json!([{"op": "replace", "path": "/data/b", "value": "bmV3"}])).await;
    let rotated = bed.value(&body).await["data"]["b"].clone();
    bed.ignore(vec![pointing("Secret", &["/data/b"])]).await;
    assert_eq!(changed(&mut bed, &body).await["data"]["b"], rotated);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_named_manager_are_left_alone() {
    let rule = IgnoreRule { managers: vec!["scaler".into()], ..IgnoreRule::default() };
    let (mut bed, map, _applier) =
        created(vec![rule], |bed| bed.config_map("a", json!({"x": "1", "y": "1", "z": "1"}))).await;
    // It takes one over, and owns another together with us.
    bed.apply_as("scaler", &bed.config_map("a", json!({"x": "9", "z": "1"}))).await;
    bed.patch_as("alice", &map, json!([{"op": "replace", "path": "/data/y", "value": "8"}])).await;
    let live = bed.get(&map).await.unwrap();
    let state = bed.execute(vec![step(&map, Action::Apply { uid: live.uid }, Reason::Drift)]).await;
    assert!(succeeded(&state), "{state:?}");
    let after = bed.value(&map).await;
    assert_eq!(after["data"], json!({"x": "9", "y": "1", "z": "1"}));
    assert!(!owns(&bed, &after, "data.z") && owns(&bed, &after, "data.y"));
}
