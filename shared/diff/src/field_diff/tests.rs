use manifest::{InstallKey, redact};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// One line per change: `+path value`, `-path value`, `path old -> new`, `path ~ new order`.
fn diff(old: Value, new: Value) -> Vec<String> {
    let line = |FieldChange { path, change }| match change {
        Change::Added { value } => format!("+{path} {value}"),
        Change::Removed { value } => format!("-{path} {value}"),
        Change::Changed { old, new } => format!("{path} {old} -> {new}"),
        Change::Reordered { new, .. } => format!("{path} ~ {}", new.join("")),
    };
    field_diff(&old, &new, Scope::Intent).into_iter().map(line).collect()
}

#[test]
fn items_are_paired_by_what_names_them() {
    let pod = |containers: Value| json!({"spec": {"containers": containers}});
    for (old, new, expected) in [
        (
            json!([{"name": "a", "image": "1"}]),
            json!([{"name": "x"}, {"name": "a", "image": "2"}]),
            vec!["spec.containers[name=a].image \"1\" -> \"2\"", "+spec.containers[name=x] {\"name\":\"x\"}"],
        ),
        (
            json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]),
            json!([{"name": "c"}, {"name": "a"}]),
            vec!["-spec.containers[name=b] {\"name\":\"b\"}", "spec.containers ~ [name=c][name=a]"],
        ),
        (json!([]), json!([{"name": "a"}]), vec!["+spec.containers[name=a] {\"name\":\"a\"}"]),
    ] {
        assert_eq!(diff(pod(old), pod(new)), expected);
    }
}

#[test]
fn each_kind_of_key_is_known() {
    for (old, new, expected) in [
        (
            json!([{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]),
            json!([{"containerPort": 80, "hostPort": 1}, {"containerPort": 80, "protocol": "UDP"}]),
            "+a[containerPort=80,protocol=TCP].hostPort 1",
        ),
        (
            json!([{"port": 80, "targetPort": 1}, {"port": 81}]),
            json!([{"port": 80, "targetPort": 2}, {"port": 81}]),
            "a[port=80,protocol=TCP].targetPort 1 -> 2",
        ),
        (
            json!([{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]),
            json!([{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b", "readOnly": true}]),
            "+a[mountPath=/b].readOnly true",
        ),
        (
            json!([{"topologyKey": "t", "whenUnsatisfiable": "w", "maxSkew": 1}]),
            json!([{"topologyKey": "t", "whenUnsatisfiable": "w", "maxSkew": 2}]),
            "a[topologyKey=t,whenUnsatisfiable=w].maxSkew 1 -> 2",
        ),
        (
            json!([{"key": "k", "path": "p"}]),
            json!([{"key": "k", "path": "q"}]),
            "a[key=k].path \"p\" -> \"q\"",
        ),
        (
            json!([{"ip": "1.1.1.1", "hostnames": ["a"]}]),
            json!([{"ip": "1.1.1.1", "hostnames": ["b"]}]),
            "a[ip=1.1.1.1].hostnames[0] \"a\" -> \"b\"",
        ),
        (
            json!([{"type": "Ready", "status": "True"}]),
            json!([{"type": "Ready", "status": "False"}]),
            "a[type=Ready].status \"True\" -> \"False\"",
        ),
        (
            json!([{"verbs": ["get"]}, {"verbs": ["list"]}]),
            json!([{"verbs": ["watch"]}, {"verbs": ["get"]}, {"verbs": ["list"]}]),
            "+a[0] {\"verbs\":[\"watch\"]}",
        ),
    ] {
        let got = diff(json!({"a": old}), json!({"a": new}));
        assert!(got.contains(&expected.to_owned()), "{got:?} lacks {expected}");
    }
}

#[test]
fn lists_without_names_show_one_insertion_as_one() {
    let rule = |n: i32| json!({"verbs": [n], "x": {}});
    let list = |ns: &[i32]| json!({"rules": ns.iter().map(|n| rule(*n)).collect::<Vec<_>>()});
    assert_eq!(diff(list(&[1, 2, 3]), list(&[1, 9, 2, 3])), ["+rules[1] {\"verbs\":[9],\"x\":{}}"]);
    assert_eq!(diff(list(&[1, 2, 3]), list(&[1, 3])), ["-rules[1] {\"verbs\":[2],\"x\":{}}"]);
    assert_eq!(diff(list(&[1, 1]), list(&[1, 2])), ["rules[1].verbs[0] 1 -> 2"]);
}

#[test]
fn scalars_are_paired_by_value_or_by_the_one_place_that_changed() {
    assert_eq!(diff(json!({"args": ["a", "b"]}), json!({"args": ["a", "c"]})), ["args[1] \"b\" -> \"c\""]);
    assert_eq!(diff(json!({"args": ["a", "b"]}), json!({"args": ["x", "a", "b"]})), ["+args[=x] \"x\""]);
    assert_eq!(diff(json!({"args": ["a", "b"]}), json!({"args": ["b", "a"]})), ["args ~ [=b][=a]"]);
    assert_eq!(diff(json!({"args": ["a", "a"]}), json!({"args": ["a"]})), ["-args[1] \"a\""]);
}

#[test]
fn what_the_server_keeps_is_left_out_unless_asked_for() {
    let old = json!({"metadata": {"name": "a", "uid": "1", "labels": {"uid": "x"}}, "status": {"x": 1}});
    let new = json!({"metadata": {"name": "a", "uid": "2", "labels": {"uid": "y"}}, "status": {"x": 2}});
    let paths =
        |scope| field_diff(&old, &new, scope).into_iter().map(|change| change.path).collect::<Vec<_>>();
    assert_eq!(paths(Scope::Intent), ["metadata.labels.uid"]);
    assert_eq!(paths(Scope::IntentAndStatus), ["metadata.labels.uid", "status.x"]);
    assert_eq!(paths(Scope::Everything), ["metadata.labels.uid", "metadata.uid", "status.x"]);
}

#[test]
fn secrets_show_that_they_changed_and_nothing_more() {
    let secret = |password: &str| {
        let object = json!({"apiVersion": "v1", "kind": "Secret", "data": {"password": password}});
        redact(object, &InstallKey::from_bytes([1; 32]), &[]).0.into_value()
    };
    assert_eq!(diff(secret("b25l"), secret("dHdv")), ["data.password \"***\" -> \"***\""]);
    assert_eq!(diff(json!({}), secret("b25l"))[1], "+data {\"password\":\"***\"}");
    assert_eq!(diff(secret("b25l"), secret("b25l")), [""; 0]);
}

#[test]
fn an_object_that_is_new_or_gone_is_shown_without_what_the_server_keeps() {
    let kept =
        json!({"metadata": {"name": "a", "uid": "u", "managedFields": [{}]}, "status": {"x": 1}, "data": {}});
    let shown = "{\"metadata\":{\"name\":\"a\"},\"data\":{}}";
    assert_eq!(diff(Value::Null, kept.clone()), [format!("+ {shown}")]);
    assert_eq!(diff(kept, Value::Null), [format!("- {shown}")]);
}

#[test]
fn a_field_of_another_type_is_a_change() {
    assert_eq!(diff(json!({"a": 1}), json!({"a": "1"})), ["a 1 -> \"1\""]);
    assert_eq!(diff(json!({"a": null}), json!({})), ["-a null"]);
    assert_eq!(diff(json!({"a.b/c": {"d": 1}}), json!({"a.b/c": {"d": 2}})), ["[\"a.b/c\"].d 1 -> 2"]);
    assert_eq!(diff(json!([]), json!({})), [" [] -> {}"]);
}

fn any_object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let name = prop::sample::select(vec!["name", "port", "key", "spec"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_differs_exactly_if_the_objects_are_equal(old in any_object(), new in any_object()) {
        prop_assert!(field_diff(&old, &old, Scope::Everything).is_empty());
        prop_assert_eq!(field_diff(&old, &new, Scope::Everything).is_empty(), old == new);
    }

    #[test]
    fn both_directions_tell_the_same_number_of_changes(old in any_object(), new in any_object()) {
        let there = field_diff(&old, &new, Scope::Everything);
        let back = field_diff(&new, &old, Scope::Everything);
        prop_assert_eq!(there.len(), back.len());
        let wire = rmp_serde::to_vec_named(&there).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<Vec<FieldChange>>(&wire).unwrap(), there);
    }
}
