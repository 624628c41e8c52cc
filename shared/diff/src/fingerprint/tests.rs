use manifest::{InstallKey, normalise, redact};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

const US: &str = "driftless:shop";

/// A live object of ours: `content` with an apply entry that owns `fields`.
fn live(content: Value, fields: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}});
    object.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    object["metadata"]["managedFields"] = json!([
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:status": {}}, "subresource": "status"},
        {"manager": US, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields},
    ]);
    object
}

/// Whether a fingerprint of `before` matches `after`, both owned by `fields`.
fn same(fields: &Value, desired: Value, before: Value, after: Value) -> bool {
    let recorded = record(&live(before, fields.clone()), &desired, US).unwrap();
    let wire = rmp_serde::to_vec_named(&recorded).unwrap();
    let recorded = rmp_serde::from_slice(&wire).unwrap();
    matches(&recorded, &live(after, fields.clone()), US)
}

#[test]
fn f1_order_of_owned_items_is_seen_and_foreign_ones_are_not() {
    let fields = json!({"f:env": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}, "k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}});
    let list = |names: &str| json!({"env": names.chars().map(|name| json!({"name": name.to_string()})).collect::<Vec<_>>()});
    for (after, expected) in
        [("ab", true), ("ba", false), ("xaybz", true), ("xbya", false), ("a", false), ("", false)]
    {
        assert_eq!(same(&fields, list("ab"), list("ab"), list(after)), expected, "{after}");
    }
    // Owned without any field of theirs: only the order is there to be seen.
    let bare = json!({"f:env": {"k:{\"name\":\"a\"}": {".": {}}, "k:{\"name\":\"b\"}": {".": {}}}});
    assert!(same(&bare, list("ab"), list("ab"), list("axb")));
    assert!(!same(&bare, list("ab"), list("ab"), list("ba")));
    let set = json!({"f:env": {"v:\"a\"": {}, "v:\"b\"": {}}});
    let list = |names: &str| json!({"env": names.chars().map(|name| name.to_string()).collect::<Vec<_>>()});
    for (after, expected) in [("ab", true), ("ba", false), ("xaybz", true), ("a", false), ("aab", false)] {
        assert_eq!(same(&set, list("ab"), list("ab"), list(after)), expected, "{after}");
    }
}

#[test]
fn f2_secret_data_is_watched_in_its_redacted_form() {
    let key = InstallKey::from_bytes([3; 32]);
    let redacted = |value: Value| redact(value, &key, &[]).0.into_value();
    let mut desired =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"x": "one"}});
    normalise(&mut desired);
    let desired = redacted(desired);
    let stored = |data: &str| {
        let mut object =
            live(json!({"data": {"x": data, "y": "Zm9yZWlnbg=="}}), json!({"f:data": {"f:x": {}}}));
        object["kind"] = json!("Secret");
        redacted(object)
    };
    let recorded = record(&stored("b25l"), &desired, US).unwrap();
    assert!(matches(&recorded, &stored("b25l"), US));
    assert!(!matches(&recorded, &stored("dHdv"), US));
}

#[test]
fn f3_a_doubled_item_is_seen() {
    let fields =
        json!({"f:ports": {"k:{\"containerPort\":80,\"protocol\":null}": {".": {}, "f:containerPort": {}}}});
    let ports = |n| json!({"ports": vec![json!({"containerPort": 80, "protocol": "TCP"}); n]});
    assert!(same(&fields, ports(1), ports(1), ports(1)));
    assert!(!same(&fields, ports(1), ports(1), ports(2)));
}

#[test]
fn f4_empty_containers_may_be_filled_and_dropped_ones_may_come_back() {
    let fields = json!({"f:emptyDir": {}});
    let (empty, filled, gone) =
        (json!({"emptyDir": {}}), json!({"emptyDir": {"medium": "Memory"}}), json!({}));
    let seen = |content: &Value| {
        let mut object = live(content.clone(), fields.clone());
        let entry = json!({"manager": "alice", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:emptyDir": {"f:medium": {}}}});
        object["metadata"]["managedFields"].as_array_mut().unwrap().push(entry);
        object
    };
    for (before, after, expected) in [
        (&empty, &filled, true),
        (&filled, &empty, true),
        (&gone, &filled, true),
        (&gone, &gone, true),
        // Left for the dry-run: the same edit is drift in one kind and none in another.
        (&empty, &gone, false),
        (&filled, &gone, false),
    ] {
        let recorded = record(&seen(before), &empty, US).unwrap();
        assert_eq!(matches(&recorded, &seen(after), US), expected, "{before} {after}");
        // Of a container that we filled ourselves, every content counts.
        let whole = same(&fields, filled.clone(), before.clone(), after.clone());
        assert_eq!(whole, before == after, "{before} {after}");
    }
}

#[test]
fn f4_what_nobody_owns_in_an_empty_container_asks_the_dry_run() {
    // A default in an atomic list; the edit came with our entry put back.
    let fields = json!({"f:metrics": {}});
    let with = |metrics: Value| json!({"metrics": metrics});
    for (before, after, expected) in [
        (json!(["cpu"]), json!(["cpu"]), true),
        (json!(["cpu"]), json!(["cpu", "cpu"]), false),
        (json!(["cpu"]), json!([]), false),
        (json!([]), json!([]), true),
        (json!({"cpu": 1}), json!({"cpu": 1}), true),
        (json!({"cpu": 1}), json!({"cpu": 2}), false),
        (json!({}), json!({"cpu": 2}), false),
    ] {
        let desired = if before.is_array() { json!([]) } else { json!({}) };
        let kept = same(&fields, with(desired), with(before.clone()), with(after.clone()));
        assert_eq!(kept, expected, "{before} {after}");
    }
}

#[test]
fn f5_an_empty_list_that_is_never_owned_is_watched_if_it_was_there() {
    let (desired, present, absent) =
        (json!({"spec": {"items": []}}), json!({"spec": {"items": []}}), json!({"spec": {}}));
    for fields in [json!({"f:other": {}}), json!({"f:spec": {".": {}}})] {
        assert!(!same(&fields, desired.clone(), present.clone(), absent.clone()));
        assert!(same(&fields, desired.clone(), absent.clone(), present.clone()));
        assert!(same(
            &fields,
            desired.clone(),
            present.clone(),
            json!({"spec": {"items": [{"foreign": 1}]}})
        ));
    }
}

#[test]
fn empties_inside_keyed_items_keep_their_place() {
    let fields = json!({"f:volumes": {"k:{\"name\":\"v\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}}});
    let desired = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
    let with = |dir: Value| json!({"volumes": [{"name": "foreign"}, {"name": "v", "emptyDir": dir}]});
    let recorded = record(&live(with(json!({})), fields.clone()), &desired, US).unwrap();
    assert_eq!(crate::FieldPath(recorded.empties[0].path.clone()).to_string(), "volumes[name=v].emptyDir");
    let mut filled = live(with(json!({"sizeLimit": "1Gi"})), fields.clone());
    assert!(!matches(&recorded, &filled, US), "nobody owns up to it");
    let theirs = json!({"f:volumes": {"k:{\"name\":\"v\"}": {"f:emptyDir": {"f:sizeLimit": {}}}}});
    filled["metadata"]["managedFields"][0]["fieldsV1"] = theirs;
    assert!(matches(&recorded, &filled, US));
    assert!(!matches(&recorded, &live(json!({"volumes": [{"name": "v"}]}), fields), US));
}

#[test]
fn thousands_of_empties_and_items_cost_one_pass() {
    let named: Vec<_> = (0..5_000).map(|n| json!({"name": n.to_string(), "e": {}})).collect();
    let member = |n: i32| (format!("k:{{\"name\":\"{n}\"}}"), json!({".": {}, "f:e": {}}));
    let object = live(json!({"x": named}), json!({"f:x": Value::Object((0..5_000).map(member).collect())}));
    let start = std::time::Instant::now();
    let recorded = record(&object, &json!({"x": named}), US).unwrap();
    assert_eq!(recorded.empties.len(), 5_000);
    assert!(matches(&recorded, &object, US));
    // Comparing each with each takes minutes; one pass well under a second.
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn f7_values_count_even_if_the_set_does_not_move() {
    let fields = json!({"f:replicas": {}, "f:paused": {}});
    let with = |value: Value| json!({"replicas": value, "foreign": 1});
    for (before, after) in [
        (json!(1), json!(9)),
        (json!(1), json!("1")),
        (json!(null), json!(0)),
        (json!([1, 2]), json!([2, 1])),
    ] {
        assert!(same(&fields, json!({}), with(before.clone()), with(before.clone())));
        assert!(!same(&fields, json!({}), with(before.clone()), with(after.clone())), "{before} {after}");
        assert!(!same(&fields, json!({}), with(before.clone()), json!({})), "{before} to nothing");
    }
    assert!(!same(&fields, json!({}), with(json!(null)), json!({})), "null is not absence");
}

#[test]
fn f8_a_default_inside_an_owned_list_asks_the_dry_run() {
    let fields = json!({"f:items": {}});
    let desired = json!({"items": [{"a": 1}]});
    assert!(!same(&fields, desired.clone(), desired, json!({"items": [{"a": 1, "b": "default"}]})));
}

#[test]
fn f10_a_smaller_set_asks_the_dry_run() {
    let content = json!({"a": 1, "b": 2});
    let recorded = record(&live(content.clone(), json!({"f:a": {}, "f:b": {}})), &content, US).unwrap();
    assert!(!matches(&recorded, &live(content.clone(), json!({"f:a": {}})), US));
    assert!(!matches(&recorded, &live(content, json!({})), US));
    // An item that is not there any more leaves no value to compare.
    let items = |names: &[&str]| {
        let members = names.iter().map(|name| (format!("k:{{\"name\":\"{name}\"}}"), json!({".": {}})));
        json!({"f:items": Value::Object(members.collect())})
    };
    let content = json!({"items": [{"name": "a"}]});
    let recorded = record(&live(content.clone(), items(&["a", "b"])), &content, US).unwrap();
    assert!(matches(&recorded, &live(content.clone(), items(&["a", "b"])), US));
    assert!(!matches(&recorded, &live(content, items(&["a"])), US));
}

#[test]
fn owned_containers_count_by_kind_not_by_content() {
    let fields = json!({"f:labels": {".": {}, "f:a": {}}});
    let with = |labels: Value| json!({"labels": labels});
    let before = with(json!({"a": "1"}));
    assert!(same(&fields, before.clone(), before.clone(), with(json!({"a": "1", "foreign": "2"}))));
    assert!(!same(&fields, before.clone(), before.clone(), with(json!(null))));
    assert!(!same(&fields, before.clone(), before.clone(), with(json!(["a"]))));
    assert!(!same(&fields, before.clone(), before, with(json!("a"))));
    let fields = json!({"f:labels": {".": {}, "k:{\"name\":\"a\"}": {".": {}}}});
    let kinds =
        [json!({"foreign": 1}), json!([1]), json!(null), json!("a"), json!("b")].map(with).into_iter();
    let kinds: Vec<_> = kinds.chain([json!({})]).collect();
    for (before, after) in kinds.iter().flat_map(|before| kinds.iter().map(move |after| (before, after))) {
        let kept = same(&fields, json!({}), before.clone(), after.clone());
        assert_eq!(kept, before == after, "{before} {after}");
    }
}

#[test]
fn a_redacted_container_is_watched_as_a_whole() {
    let key = InstallKey::from_bytes([3; 32]);
    let fields = json!({"f:auth": {"f:password": {}}});
    let hidden = |password: &str| {
        let object = live(json!({"auth": {"password": password}}), fields.clone());
        redact(object, &key, &["/auth".to_owned()]).0.into_value()
    };
    let recorded = record(&hidden("one"), &hidden("one"), US).unwrap();
    assert!(matches(&recorded, &hidden("one"), US));
    assert!(!matches(&recorded, &hidden("two"), US));
}

#[test]
fn without_our_entry_at_the_read_version_there_is_no_match() {
    let content = json!({"a": 1});
    let mut object = live(content.clone(), json!({"f:a": {}}));
    let recorded = record(&object, &content, US).unwrap();
    assert!(matches(&recorded, &object, US));
    assert!(!matches(&recorded, &object, "driftless:other"));
    assert_eq!(record(&object, &content, "driftless:other"), None);
    object["metadata"]["managedFields"][1]["apiVersion"] = json!("v2");
    assert!(!matches(&recorded, &object, US));
    assert_eq!(record(&object, &content, US), None);
    object["apiVersion"] = json!("v2");
    assert!(!matches(&recorded, &object, US), "the version is part of the hash");
    object["metadata"]["managedFields"] = json!([]);
    assert!(!matches(&recorded, &object, US));
}

#[test]
fn versions_ids_times_and_other_managers_do_not_count() {
    let content = json!({"a": 1});
    let mut object = live(content.clone(), json!({"f:a": {}}));
    let recorded = record(&object, &content, US).unwrap();
    object["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:status": {"f:x": {}}});
    object["metadata"]["managedFields"][1]["time"] = json!("2026-01-01T00:00:00Z");
    object["metadata"]["managedFields"].as_array_mut().unwrap().reverse();
    object["metadata"]["resourceVersion"] = json!("77");
    object["metadata"]["generation"] = json!(7);
    object["metadata"]["uid"] = json!("u");
    object["status"] = json!({"x": 1});
    assert!(matches(&recorded, &object, US));
}

/// What server-side apply would own of `desired`: every scalar and `atomic` value as leaf, lists of named
/// maps by name.
fn owned(desired: &Value) -> Value {
    match desired {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (format!("f:{name}"), owned(value))).collect())
        }
        Value::Array(items) => {
            let key = |item: &Value| format!("k:{}", json!({"name": item["name"]}));
            let item = |item: &Value| {
                let mut fields = owned(item);
                fields.as_object_mut().unwrap().insert(".".into(), json!({}));
                (key(item), fields)
            };
            Value::Object(items.iter().map(item).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json!({}),
    }
}

fn desired() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any::<i32>().prop_map(Value::from), "[a-z]{0,3}".prop_map(Value::from)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let map = prop::collection::btree_map("[a-e]", inner.clone(), 1..4);
        let items =
            prop::collection::btree_map("[p-t]", prop::collection::btree_map("[a-e]", inner, 0..3), 1..4);
        prop_oneof![
            map.prop_map(|map| Value::Object(map.into_iter().collect())),
            items.prop_map(|items| {
                let item = |(name, mut map): (String, std::collections::BTreeMap<String, Value>)| {
                    map.insert("name".into(), name.into());
                    Value::Object(map.into_iter().collect())
                };
                items.into_iter().map(item).collect()
            }),
        ]
    })
}

fn root() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-e]", desired(), 1..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// The same value with other keys and items of others strewn in, and keys in another order.
fn strewn(value: &Value, salt: u64) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> =
                map.iter().map(|(name, value)| (name.clone(), strewn(value, salt / 3))).collect();
            if salt % 2 == 1 {
                entries.reverse();
                entries.insert(0, ("foreign".into(), json!(salt)));
            }
            Value::Object(Map::from_iter(entries))
        }
        Value::Array(items) => {
            let mut list = Vec::new();
            for (i, item) in items.iter().enumerate() {
                if (salt >> i) % 2 == 1 {
                    list.push(json!({"name": format!("foreign{i}"), "a": salt}));
                }
                list.push(strewn(item, salt / 5));
            }
            Value::Array(list)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The same value with its keys in another order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect())
        }
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// JSON pointers of all scalars.
fn scalars(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| scalars(value, format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| scalars(item, format!("{at}/{i}"), found))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(at),
    }
}

proptest! {
    #[test]
    fn what_others_add_and_key_order_never_matter(desired in root(), before: u64, after: u64) {
        let fields = owned(&desired);
        let recorded = record(&live(strewn(&desired, before), fields.clone()), &desired, US).unwrap();
        prop_assert!(matches(&recorded, &live(strewn(&desired, after), fields.clone()), US));
        prop_assert!(matches(&recorded, &live(strewn(&desired, after), reversed(&fields)), US));
    }

    #[test]
    fn any_changed_or_removed_owned_value_matters(desired in root(), salt: u64, pick: prop::sample::Index, remove: bool) {
        let fields = owned(&desired);
        let mut places = Vec::new();
        scalars(&desired, String::new(), &mut places);
        prop_assume!(!places.is_empty());
        let place = pick.get(&places);
        let mut changed = desired.clone();
        if remove {
            let (parent, name) = place.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        } else {
            *changed.pointer_mut(place).unwrap() = json!("changed by hand");
        }
        prop_assert!(!same(&fields, desired.clone(), desired.clone(), strewn(&changed, salt)), "{}", place);
    }

    #[test]
    fn a_new_order_of_owned_items_matters(names in prop::collection::btree_set("[a-z]{1,3}", 2..6), salt: u64, a: prop::sample::Index, b: prop::sample::Index) {
        let list = |names: &[&String]| json!({"items": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()});
        let mut order: Vec<_> = names.iter().collect();
        let desired = list(&order);
        let (a, b) = (a.index(order.len()), b.index(order.len()));
        order.swap(a, b);
        let kept = same(&owned(&desired), desired.clone(), strewn(&desired, salt), strewn(&list(&order), !salt));
        prop_assert_eq!(kept, a == b);
    }
}
