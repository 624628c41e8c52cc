//! Fields that stay behind, and fields that are in the way.

use plan::{Action, Reason};
use serde_json::{Value, json};

use crate::bed::{Bed, apply, create, failure, step, succeeded};

async fn created(body: impl Fn(&Bed) -> Value) -> (Bed, Value, crate::bed::Applier) {
    let mut bed = Bed::new().await;
    let body = body(&bed);
    bed.desire(std::slice::from_ref(&body)).await;
    let applier = bed.start("one");
    let state = bed.execute(vec![create(&body)]).await;
    assert!(succeeded(&state), "{state:?}");
    (bed, body, applier)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_field_that_a_person_changed_goes() {
    let (mut bed, map, _applier) = created(|bed| bed.config_map("a", json!({"x": "1", "y": "1"}))).await;
    let live = bed.patch_as("alice", &map, json!([{"op": "replace", "path": "/data/y", "value": "9"}])).await;
    let less = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&less)).await;
    let state = bed.execute(vec![apply(&less, &live)]).await;
    assert!(succeeded(&state), "{state:?}");
    let value = bed.value(&less).await;
    assert_eq!(value["data"], json!({"x": "1"}));
    // What is recorded is the object after the removal.
    let rows = bed.rows(&state).await;
    assert_eq!(rows[0].resource_version.as_deref(), value["metadata"]["resourceVersion"].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_field_that_another_manager_applies_stays() {
    let (mut bed, map, _applier) = created(|bed| bed.config_map("a", json!({"x": "1", "y": "1"}))).await;
    let live = bed.apply_as("bob", &bed.config_map("a", json!({"y": "9"}))).await;
    let less = bed.config_map("a", json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&less)).await;
    assert!(succeeded(&bed.execute(vec![apply(&less, &live)]).await));
    assert_eq!(bed.value(&map).await["data"], json!({"x": "1", "y": "9"}));
}

/// Others change a Deployment so that our apply is refused; it is healed all the same.
async fn healed(pod: Value, operations: Value, pointer: &str) {
    let (mut bed, body, _applier) = created(|bed| bed.deployment("web", pod.clone())).await;
    let before = bed.value(&body).await;
    let live = bed.patch_as("alice", &body, operations).await;
    let state = bed.execute(vec![step(&body, Action::Apply { uid: live.uid }, Reason::Drift)]).await;
    assert!(succeeded(&state), "{state:?}");
    let after = bed.value(&body).await;
    assert_eq!(after.pointer(pointer), before.pointer(pointer));
    assert!(after.pointer(pointer).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_beside_ours_is_removed_first() {
    let place = "/spec/template/spec/containers/0/env/0";
    let other = json!({"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}});
    let operations = json!([{"op": "replace", "path": place, "value": other}]);
    healed(json!({"env": [{"name": "X", "value": "1"}]}), operations, place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_source_beside_ours_is_removed_first() {
    let place = "/spec/template/spec/volumes/0";
    let operations =
        json!([{"op": "replace", "path": place, "value": {"name": "v", "configMap": {"name": "x"}}}]);
    healed(json!({"volumes": [{"name": "v", "emptyDir": {}}]}), operations, place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_lost_our_handler_is_replaced_as_a_whole() {
    let place = "/spec/template/spec/containers/0/livenessProbe";
    let operations =
        json!([{"op": "replace", "path": place, "value": {"httpGet": {"path": "/", "port": 80}}}]);
    healed(json!({"livenessProbe": {"exec": {"command": ["a"]}}}), operations, place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_beside_ours_is_removed_first() {
    let (mut bed, mut body, _applier) = created(|bed| bed.deployment("web", json!({}))).await;
    body["spec"]["strategy"] = json!({"type": "Recreate"});
    bed.desire(std::slice::from_ref(&body)).await;
    let live = bed.get(&body).await.unwrap();
    assert!(succeeded(&bed.execute(vec![apply(&body, &live)]).await));
    let other = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}});
    bed.patch_as("alice", &body, json!([{"op": "replace", "path": "/spec/strategy", "value": other}])).await;
    let state = bed.execute(vec![step(&body, Action::Apply { uid: live.uid }, Reason::Drift)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(bed.value(&body).await["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_field_is_named_and_nothing_is_deleted() {
    let (mut bed, mut body, _applier) = created(|bed| bed.deployment("web", json!({}))).await;
    let before = bed.get(&body).await.unwrap();
    body["spec"]["selector"]["matchLabels"]["more"] = "1".into();
    body["spec"]["template"]["metadata"]["labels"]["more"] = "1".into();
    bed.desire(std::slice::from_ref(&body)).await;
    let failed = failure(&bed.execute(vec![apply(&body, &before)]).await);
    assert_eq!(failed.code, "APPLY-IMMUTABLE");
    assert!(failed.message.contains("spec.selector"), "{}", failed.message);
    assert_eq!(bed.get(&body).await.unwrap().uid, before.uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_immutable_without_saying_so_is_proven_to_be() {
    let secret = |bed: &Bed, kind: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": bed.namespace},
            "type": kind, "data": {}})
    };
    let (mut bed, body, _applier) = created(|bed| {
        let mut body = secret(bed, "example.com/a");
        body["immutable"] = true.into();
        body["data"] = json!({"x": "YQ=="});
        body
    })
    .await;
    let before = bed.get(&body).await.unwrap();
    let mut changed = body.clone();
    changed["data"] = json!({"x": "Yg=="});
    bed.desire(std::slice::from_ref(&changed)).await;
    let failed = failure(&bed.execute(vec![apply(&changed, &before)]).await);
    assert_eq!(failed.code, "APPLY-IMMUTABLE", "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_applied_in_part_counts_as_applied() {
    let (mut bed, map, _applier) = created(|bed| bed.config_map("a", json!({"x": "1"}))).await;
    let live = bed.get(&map).await.unwrap();
    // `y` arrives with a revision of which another object fails, and is lost to somebody.
    let more = bed.config_map("a", json!({"x": "1", "y": "1"}));
    let mut bad = bed.config_map("bad", json!({}));
    bad["metadata"]["labels"] = json!({"not a label": "x"});
    bed.desire(&[more.clone(), bad.clone()]).await;
    let state = bed.execute(vec![apply(&more, &live), create(&bad)]).await;
    assert_eq!(failure(&state).code, "CLUSTER-INVALID");
    bed.patch_as("alice", &map, json!([{"op": "replace", "path": "/data/y", "value": "9"}])).await;
    // The next revision drops it: it goes, although no revision that was applied in full ever held it.
    let less = bed.config_map("a", json!({"x": "2"}));
    bed.desire(std::slice::from_ref(&less)).await;
    let state = bed.execute(vec![apply(&less, &live), step(&bad, Action::Forget, Reason::Gone)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(bed.value(&map).await["data"], json!({"x": "2"}));
}
