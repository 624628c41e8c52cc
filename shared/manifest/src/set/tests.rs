use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{open, parse_file, restore, seal};

fn key() -> InstallKey {
    InstallKey::from_bytes([7; 32])
}

fn build(files: &[(&str, &str)]) -> Result<Built, SetError> {
    let documents = files.iter().flat_map(|(path, text)| parse_file(path, text.as_bytes()).unwrap());
    DesiredSet::build(documents, SetOptions { key: &key(), default_namespace: "shop" })
}

const WEB: &str =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 2}\n";
const DB: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n";

#[test]
fn spelling_files_and_order_do_not_move_the_digest_but_intent_does() {
    let one = build(&[("a.yaml", WEB), ("b.yaml", DB)]).unwrap();
    let stream = format!("# moved\n---\n{DB}---\n{WEB}---\n");
    let two = build(&[("all.yaml", &stream)]).unwrap();
    assert_eq!((one.set.digest(), one.set.encode()), (two.set.digest(), two.set.encode()));
    let spelled = DB.replace("stringData: {password: hunter2}", "data: {password: aHVudGVyMg==, x: null}");
    assert_eq!(build(&[("a", WEB), ("b", &spelled)]).unwrap().set.digest(), one.set.digest());
    for changed in [WEB.replace('2', "3"), WEB.replace("web", "web2"), String::new()] {
        assert_ne!(build(&[("a", &changed), ("b", DB)]).unwrap().set.digest(), one.set.digest(), "{changed}");
    }
    let other_password = DB.replace("hunter2", "hunter3");
    assert_ne!(build(&[("a", WEB), ("b", &other_password)]).unwrap().set.digest(), one.set.digest());
}

#[test]
fn duplicates_name_both_places() {
    let error = build(&[("a.yaml", DB), ("b.yaml", &format!("---\n{DB}"))]).unwrap_err();
    assert_eq!(error.to_string(), "Secret db is written twice: a.yaml:1 and b.yaml:2");
    let explicit = DB.replace("name: db", "name: db, namespace: shop");
    assert_eq!(build(&[("a", DB), ("b", &explicit)]).unwrap_err().code(), "MANIFEST-DUPLICATE");
    let elsewhere = DB.replace("name: db", "name: db, namespace: other");
    assert_eq!(build(&[("a", DB), ("b", &elsewhere)]).unwrap().set.objects().len(), 2);
    // Two versions of one kind are one object.
    let older = WEB.replace("apps/v1", "apps/v1beta1");
    assert!(build(&[("a", WEB), ("b", &older)]).is_err());
}

#[test]
fn secrets_travel_apart_and_come_back() {
    let Built { set, secrets, .. } = build(&[("a", WEB), ("b", DB)]).unwrap();
    assert!(!String::from_utf8_lossy(&set.encode()).contains("aHVudGVyMg"));
    let sealed = seal(&key(), "secrets", &secrets.encode());
    assert!(!String::from_utf8_lossy(&sealed).contains("aHVudGVyMg"));
    let opened = DesiredSecrets::decode(&open(&key(), "secrets", &sealed).unwrap()).unwrap();
    let stored = DesiredSet::decode(&set.encode()).unwrap();
    let db = stored.objects().iter().find(|object| object.id.kind == "Secret").unwrap();
    let restored = restore(&db.value, opened.get(&db.id).unwrap()).unwrap();
    assert_eq!(restored["data"], json!({"password": "aHVudGVyMg=="}));
    assert!(opened.get(&stored.objects()[1].id).is_none());
}

#[test]
fn hooks_are_set_aside_with_a_note() {
    let hook = WEB.replace("{name: web", "{annotations: {helm.sh/hook: test}, name: web");
    let built = build(&[("a.yaml", &hook), ("b.yaml", WEB)]).unwrap();
    assert_eq!(built.set.objects().len(), 1);
    let note = &built.set_aside[0];
    assert_eq!(
        (note.id.name.as_str(), note.origin.as_ref().unwrap().to_string()),
        ("web", "a.yaml:1".into())
    );
}

/// They are judged as they are written: whatever is dropped here would be in force unseen.
#[test]
fn definitions_are_neither_set_aside_nor_changed() {
    let text = "apiVersion: driftless.dev/v1alpha1\nkind: Application\nmetadata: {name: a, annotations: {helm.sh/hook: \
                test, argocd.argoproj.io/hook: Skip}}\nspec: {helm: {values: {a: null}}}\n";
    let built = build(&[("a.yaml", text)]).unwrap();
    assert_eq!(built.set_aside, []);
    let kept = DesiredSet::decode(&built.set.encode()).unwrap();
    let value = kept.objects()[0].value.value();
    assert_eq!(
        (&value["spec"], value["metadata"]["annotations"].as_object().unwrap().len()),
        (&json!({"helm": {"values": {"a": null}}}), 2)
    );
}

#[test]
fn a_stored_set_is_checked() {
    let set = build(&[("a", WEB), ("b", DB)]).unwrap().set;
    assert_eq!(DesiredSet::decode(&set.encode()).unwrap(), set);
    let mut stored: Vec<Stored> = set.objects().iter().map(Stored::of).collect();
    stored.reverse();
    assert!(DesiredSet::decode(&rmp_serde::to_vec_named(&stored).unwrap()).is_err());
    stored.reverse();
    stored[0].id.name = "other".into();
    assert!(DesiredSet::decode(&rmp_serde::to_vec_named(&stored).unwrap()).is_err());
    assert!(DesiredSet::decode(b"\x91").is_err());
}

#[test]
fn sensitive_fields_are_redacted_and_restored() {
    let text = "apiVersion: x/v1\nkind: Db\nmetadata: {name: a, annotations: {driftless.dev/sensitive: /spec/pin}}\nspec: {pin: hunter2}\n";
    let Built { set, secrets, .. } = build(&[("a", text)]).unwrap();
    let object = &set.objects()[0];
    assert!(crate::is_marker(object.value.value()["spec"]["pin"].as_str().unwrap()));
    assert_eq!(restore(&object.value, secrets.get(&object.id).unwrap()).unwrap()["spec"]["pin"], "hunter2");
}

#[test]
fn a_resolved_id_finds_what_is_written_otherwise() {
    let map = |name: &str, namespace: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{namespace}}}\n")
    };
    let role =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r, namespace: shop}\n";
    let set = build(&[
        ("a", &map("a", "")),
        ("b", &map("a", ", namespace: other")),
        ("c", &map("b", ", namespace: shop")),
        ("d", role),
    ])
    .unwrap()
    .set;
    let id = |kind: &str, namespace: Option<&str>, name: &str| {
        let group = if kind == "ClusterRole" { "rbac.authorization.k8s.io" } else { "" };
        ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        }
    };
    let found = |id: &ObjectId| set.resolved(id).map(|object| object.id.to_string());
    for (kind, namespace, name, expected) in [
        ("ConfigMap", Some("shop"), "a", Some("ConfigMap a")),
        ("ConfigMap", Some("other"), "a", Some("ConfigMap other/a")),
        ("ConfigMap", Some("shop"), "b", Some("ConfigMap shop/b")),
        ("ConfigMap", Some("other"), "b", None),
        ("ClusterRole", None, "r", Some("ClusterRole.rbac.authorization.k8s.io shop/r")),
        ("ClusterRole", None, "s", None),
        ("Pod", None, "a", None),
    ] {
        assert_eq!(found(&id(kind, namespace, name)).as_deref(), expected, "{kind} {namespace:?}/{name}");
    }
}

#[test]
fn too_large_an_object_is_refused() {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: {}}}",
        "x".repeat(OBJECT_BYTES_MAX)
    );
    assert!(build(&[("a", &text)]).unwrap_err().to_string().ends_with("larger than 3145728 bytes"));
}

proptest! {
    #[test]
    fn any_set_round_trips(names in prop::collection::btree_set("[a-z]{1,6}", 0..12), replicas: i64, share: f64) {
        prop_assume!(share.is_finite());
        let documents = names.iter().map(|name| Document {
            file: "a".into(),
            line: 1,
            value: json!({"apiVersion": "x/v1", "kind": "A", "metadata": {"name": name},
                "spec": {"replicas": replicas, "share": share}}),
        });
        let set = DesiredSet::build(documents, SetOptions { key: &key(), default_namespace: "d" }).unwrap().set;
        let again = DesiredSet::decode(&set.encode()).unwrap();
        prop_assert_eq!(again.digest(), set.digest());
        prop_assert_eq!(again, set);
    }
}
