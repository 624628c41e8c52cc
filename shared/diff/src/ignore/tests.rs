use serde_json::json;

use super::*;

const US: &str = "driftless:shop";

fn ignored(pointers: &[&str], managers: &[&str]) -> Ignored {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Ignored { pointers: texts(pointers), managers: texts(managers) }
}

fn manifest() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"driftless.dev/application": "shop", "team": "a"},
            "annotations": {"a/b": "1"}},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [
            {"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "1"}}},
            {"name": "proxy", "image": "proxy:1"}]}}}})
}

/// A live object whose containers stand the other way round.
fn live(others: Value) -> Value {
    let labels = json!({"f:driftless.dev/application": {}, "f:team": {}});
    let web = json!({".": {}, "f:name": {}, "f:image": {}, "f:resources": {"f:limits": {"f:cpu": {}}}});
    let ours = json!({"f:metadata": {"f:labels": labels, "f:annotations": {"f:a/b": {}}},
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"web\"}": web,
            "k:{\"name\":\"proxy\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}});
    let mut entries = vec![
        json!({"manager": US, "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {"f:spec": {}}}),
        json!({"manager": US, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": ours}),
    ];
    entries.extend(others.as_array().unwrap().clone());
    json!({"metadata": {"managedFields": entries}, "spec": {"replicas": 5, "template": {"spec": {
        "containers": [{"name": "proxy", "image": "p"}, {"name": "web", "image": "w"}]}}}})
}

fn entry(manager: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": fields})
}

fn shown(paths: &[FieldPath]) -> Vec<String> {
    paths.iter().map(FieldPath::to_string).collect()
}

#[test]
fn pointed_fields_are_left_out_and_emptied_containers_with_them() {
    for (pointers, left) in [
        (vec!["/spec/replicas"], vec!["/spec/replicas"]),
        (vec!["/spec/paused"], vec![]),
        (vec!["/metadata/name", "/metadata/labels"], vec![]),
        (
            vec!["/spec/template/spec/containers/0", "/spec/template/spec/containers/1/image"],
            vec!["/spec/template/spec/containers/1/image", "/spec/template/spec/containers/0"],
        ),
    ] {
        assert_eq!(left_out(&manifest(), &ignored(&pointers, &[]), None), left, "{pointers:?}");
    }
    let pointers = ["/spec/template/spec/containers/0/resources/limits/cpu", "/metadata/annotations/a~1b"];
    let rest = without(&manifest(), &left_out(&manifest(), &ignored(&pointers, &[]), None));
    assert_eq!(rest["spec"]["template"]["spec"]["containers"][0], json!({"name": "web", "image": "web:1"}));
    assert_eq!(rest["metadata"].get("annotations"), None);
    assert_eq!(without(&json!({"a": [{"b": 1}, {"c": 2}]}), &["/a/0/b".into()]), json!({"a": [{"c": 2}]}));
}

#[test]
fn fields_of_a_named_manager_are_left_out_but_never_names_or_our_mark() {
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:team": {}, "f:driftless.dev/application": {}}},
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}});
    let live = live(json!([entry("hpa", fields), entry("alice", json!({"f:spec": {"f:template": {}}}))]));
    let rule = ignored(&[], &["hpa"]);
    assert_eq!(
        left_out(&manifest(), &rule, Some(&live)),
        ["/spec/template/spec/containers/0/image", "/spec/replicas", "/metadata/labels/team"]
    );
    assert_eq!(left_out(&manifest(), &rule, None), [""; 0]);
    // Our mark is not in this live object: what it owns is judged by its name on the cluster.
    let paths = shown(&given_up(&live, US, &manifest(), &rule));
    assert!(paths.contains(&"spec.replicas".to_owned()), "{paths:?}");
    assert!(paths.contains(&"spec.template.spec.containers[name=web].image".to_owned()), "{paths:?}");
    assert!(!paths.iter().any(|path| path.ends_with(".name")), "{paths:?}");
}

#[test]
fn what_is_ours_is_given_up_wherever_it_stands() {
    let pointers =
        ["/spec/replicas", "/spec/template/spec/containers/0/resources", "/spec/template/spec/containers/9"];
    let paths = given_up(&live(json!([])), US, &manifest(), &ignored(&pointers, &[]));
    assert_eq!(shown(&paths), ["spec.replicas", "spec.template.spec.containers[name=web].resources"]);
    // Also when Git drops it with the same commit.
    let less = without(&manifest(), &["/spec/replicas".into()]);
    let paths = given_up(&live(json!([])), US, &less, &ignored(&["/spec/replicas"], &[]));
    assert_eq!(shown(&paths), ["spec.replicas"]);
    assert_eq!(given_up(&live(json!([])), "driftless:b", &manifest(), &ignored(&pointers, &[])), []);
}

#[test]
fn records_go_with_the_nodes_that_they_empty() {
    let object = live(json!([]));
    let paths = |pointers: &[&str]| given_up(&object, US, &manifest(), &ignored(pointers, &[]));
    let root = "/metadata/managedFields/1/fieldsV1";
    let records = |pointers: &[&str]| records(&object, US, &paths(pointers));
    assert_eq!(records(&["/spec/replicas"]), [format!("{root}/f:spec/f:replicas")]);
    assert_eq!(
        records(&["/metadata/annotations/a~1b"]),
        [format!("{root}/f:metadata/f:annotations")],
        "an empty node would own all annotations"
    );
    assert_eq!(
        records(&["/spec/template/spec/containers/0/resources/limits/cpu"]),
        [format!("{root}/f:spec/f:template/f:spec/f:containers/k:{{\"name\":\"web\"}}/f:resources")]
    );
    assert_eq!(
        records(&["/spec/replicas", "/spec/template/spec/containers/0", "/spec/template/spec/containers/1",]),
        [format!("{root}/f:spec")]
    );
}

#[test]
fn the_digest_is_that_of_what_is_applied() {
    let rule = ignored(&["/spec/replicas"], &["hpa"]);
    let mut scaled = manifest();
    scaled["spec"]["replicas"] = 9.into();
    assert_eq!(applied_digest(&manifest(), &rule), applied_digest(&scaled, &rule));
    for other in [ignored(&[], &["hpa"]), ignored(&["/spec/replicas"], &[]), Ignored::default()] {
        assert_ne!(applied_digest(&manifest(), &rule), applied_digest(&manifest(), &other), "{other:?}");
    }
    assert_eq!(applied_digest(&manifest(), &Ignored::default()), canonical_digest(&manifest()));
}
