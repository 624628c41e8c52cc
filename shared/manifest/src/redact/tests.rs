use proptest::prelude::*;
use serde_json::json;

use super::*;

fn key() -> InstallKey {
    InstallKey::from_bytes([7; 32])
}

fn plain(value: &Value) -> Redacted {
    redact(value.clone(), &key(), &[]).0
}

fn secret(rest: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

#[test]
fn data_and_string_data_of_one_value_have_one_hash() {
    let data = plain(&secret(json!({"data": {"a": "aHVudGVyMg==", "b": "aHVu\ndGVyMg==\n"}})));
    let text = plain(&secret(json!({"stringData": {"a": "hunter2"}})));
    let hash = data.value()["data"]["a"].as_str().unwrap();
    assert!(is_marker(hash) && hash.contains(&key().key_id()), "{hash}");
    assert_eq!(data.value()["data"]["b"], hash);
    assert_eq!(text.value()["stringData"]["a"], hash);
    assert_eq!(data.places(), ["/data/a", "/data/b"]);
    let other_key =
        redact(secret(json!({"data": {"a": "aHVudGVyMg=="}})), &InstallKey::from_bytes([8; 32]), &[]).0;
    assert_ne!(other_key.value()["data"]["a"], hash);
}

#[test]
fn a_value_that_looks_like_a_hash_is_hashed_like_any_other() {
    let marker = plain(&secret(json!({"stringData": {"a": "x"}}))).value()["stringData"]["a"].clone();
    let forged = secret(json!({"stringData": {"a": marker}}));
    let (redacted, values) = redact(forged.clone(), &key(), &[]);
    assert_ne!(redacted.value()["stringData"]["a"], marker);
    assert_eq!(restore(&redacted, &values).unwrap(), forged);

    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": marker}});
    let (redacted, values) = redact(config.clone(), &key(), &[]);
    assert_eq!((redacted.value(), values.len()), (&config, 0));
    assert_eq!(restore(&redacted, &values).unwrap(), config);
}

#[test]
fn every_place_of_a_secret_is_found() {
    let last = |text: &str| json!({"kubectl.kubernetes.io/last-applied-configuration": text, "a/b": "c"});
    for (object, places) in [
        (
            json!({"metadata": {"annotations": last("{}")}}),
            vec![format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1"))],
        ),
        (
            json!({"kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "data": {"x/y~": "eA=="}}]}),
            vec!["/items/0/data/x~1y~0".into()],
        ),
        (
            secret(json!({"data": "hunter2", "stringData": ["hunter2"]})),
            vec!["/data".into(), "/stringData".into()],
        ),
        (secret(json!({"data": {"a": {"b": "hunter2"}, "n": null}})), vec!["/data/a".into()]),
        (secret(json!({"data": {"a": "not base64 hunter2"}})), vec!["/data/a".into()]),
        (json!({"apiVersion": "x/v1", "kind": "Secret", "metadata": {}, "data": {"a": "eA=="}}), vec![]),
        (json!({"spec": {"from": [{"apiVersion": "v1", "kind": "Secret", "name": "a"}]}}), vec![]),
    ] {
        let (redacted, values) = redact(object.clone(), &key(), &[]);
        assert_eq!(redacted.places(), places, "{object}");
        assert!(!format!("{redacted:?} {values:?}").contains("hunter2"), "{object}");
        assert_eq!(restore(&redacted, &values).unwrap(), object);
    }
}

#[test]
fn what_slipped_into_the_wrong_place_of_a_secret_is_hidden_too() {
    let wrong = |key: &str, value: Value| {
        let mut object = secret(json!({"stringData": {"a": "hunter2"}}));
        object[key] = value;
        object
    };
    for (object, place) in [
        (wrong("stringDatum", json!({"b": "hunter2"})), "/stringDatum/b"),
        (wrong("password", json!("hunter2")), "/password"),
        (wrong("metadata", json!({"name": "a", "data": {"b": "hunter2"}})), "/metadata/data/b"),
        (wrong("kind", json!("secret")), "/stringData/a"),
        (wrong("apiVersion", json!("v1beta1")), "/stringData/a"),
        (wrong("apiVersion", json!("core/v1")), "/stringData/a"),
    ] {
        let (redacted, values) = redact(object.clone(), &key(), &[]);
        assert!(redacted.places().iter().any(|found| found == place), "{object}: {:?}", redacted.places());
        assert!(!redacted.value().to_string().contains("hunter2"), "{object}");
        assert_eq!(restore(&redacted, &values).unwrap(), object);
    }
    let open = secret(json!({"type": "Opaque", "immutable": true, "data": null}));
    assert_eq!(plain(&open).value(), &open);
}

#[test]
fn sensitive_values_go_as_a_whole_and_the_outer_one_wins() {
    let object = json!({"spec": {"auth": {"user": "u", "password": "p"}, "pin": 4711, "none": null}});
    let pointers =
        ["/spec/auth/password", "/spec/auth", "/spec/pin", "/spec/none", "/nowhere"].map(String::from);
    let (redacted, values) = redact(object.clone(), &key(), &pointers);
    assert_eq!(redacted.places(), ["/spec/auth", "/spec/pin"]);
    assert!(is_marker(redacted.value()["spec"]["auth"].as_str().unwrap()));
    assert_eq!(restore(&redacted, &values).unwrap(), object);
    // A number and the text of it are different values.
    let text = redact(json!({"spec": {"pin": "4711"}}), &key(), &pointers).0;
    assert_ne!(text.value()["spec"]["pin"], redacted.value()["spec"]["pin"]);
}

#[test]
fn the_annotation_names_pointers_but_never_the_identity() {
    let object = |list: &str| json!({"metadata": {"annotations": {SENSITIVE_ANNOTATION: list}}});
    assert_eq!(
        sensitive_pointers(&object("/spec/a, /spec/b ,x,,/kindly")),
        ["/spec/a", "/spec/b", "/kindly"]
    );
    assert!(
        sensitive_pointers(&object("/metadata/name,/metadata,/kind,/apiVersion,/,")).iter().all(|p| p == "/")
    );
    assert_eq!(sensitive_pointers(&object(&"/a,".repeat(100))).len(), SENSITIVE_MAX);
    assert!(sensitive_pointers(&json!({})).is_empty());
}

#[test]
fn under_another_key_it_is_as_if_it_had_always_been() {
    let old = InstallKey::from_bytes([8; 32]);
    let sensitive = json!({"metadata": {"annotations": {SENSITIVE_ANNOTATION: "/spec/pin"}},
        "spec": {"pin": 4711, "open": "x"}});
    let both = secret(json!({"data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "x"}}));
    for object in [sensitive, both, json!({"kind": "ConfigMap", "data": {"a": "b"}})] {
        let pointers = sensitive_pointers(&object);
        let (new, values) = redact(object.clone(), &key(), &pointers);
        let (expected, _) = redact(object.clone(), &old, &pointers);
        assert_eq!(redacted_under(&new, &values, &old), Ok(expected));
        assert_eq!(redacted_under(&new, &values, &key()), Ok(new));
    }
}

#[test]
fn values_of_another_object_are_refused() {
    let (one, one_values) = redact(secret(json!({"stringData": {"a": "x"}})), &key(), &[]);
    let (_, two_values) = redact(secret(json!({"stringData": {"a": "x", "b": "y"}})), &key(), &[]);
    let mismatch = |place: &str| Err(RestoreError::Mismatch(place.into()));
    assert_eq!(restore(&one, &two_values), mismatch("/stringData/b"));
    assert_eq!(restore(&one, &SecretValues::default()), mismatch("/stringData/a"));
    assert!(restore(&one, &one_values).is_ok());
}

proptest! {
    #[test]
    fn restoring_undoes_redaction_and_nothing_leaks(
        data in prop::collection::btree_map("[a-z/~]{1,4}", "[A-Z]{12,20}", 0..5),
        texts in prop::collection::btree_map("[a-z/~]{1,4}", "[A-Z]{12,20}", 0..5),
    ) {
        let encoded: BTreeMap<_, _> =
            data.iter().map(|(name, text)| (name, crate::text_maps::encode_base64(text.as_bytes()))).collect();
        let object = secret(json!({"data": encoded, "stringData": texts}));
        let (redacted, values) = redact(object.clone(), &key(), &[]);
        prop_assert_eq!(restore(&redacted, &values).unwrap(), object);
        prop_assert_eq!(values.len(), data.len() + texts.len());
        let shown = redacted.value().to_string();
        for text in data.values().chain(texts.values()).chain(encoded.values()) {
            prop_assert!(!shown.contains(text.as_str()));
        }
        let wire = rmp_serde::to_vec_named(&values).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<SecretValues>(&wire).unwrap(), values);
    }
}
