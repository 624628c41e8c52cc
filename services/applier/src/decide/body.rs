//! The bodies of requests.

use model::ObjectId;
use plan::Step;
use serde_json::{Map, Value, json};

use diff::Clearing;

/// What must hold on the server, or nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// There is no object of that name.
    Absent,
    /// The object has this uid.
    Uid(&'a str),
}

/// A resource version that no object has: the store's first revision is the empty store, so the first object
/// ever written has 2. A server-side apply that states it creates, and is refused (409) where there is an
/// object, before anything of that object is touched. Tried on API server 1.36: built-in kinds, custom
/// resources and their definitions, with and without force.
const NO_VERSION: &str = "1";

/// A manifest as it is sent: in the namespace of its step, under a precondition.
pub fn apply(mut manifest: Value, id: &ObjectId, precondition: Precondition<'_>) -> Value {
    let Some(object) = manifest.as_object_mut() else { return manifest };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        match &id.namespace {
            Some(namespace) => drop(metadata.insert("namespace".into(), namespace.clone().into())),
            None => drop(metadata.shift_remove("namespace")),
        }
        let (key, value) = match precondition {
            Precondition::Absent => ("resourceVersion", NO_VERSION),
            Precondition::Uid(uid) => ("uid", uid),
        };
        metadata.insert(key.into(), value.into());
    }
    manifest
}

/// An apply of nothing: gives back every field that we own. The uid keeps it from creating an empty object
/// where the other one has just been deleted.
pub fn empty(step: &Step, uid: &str) -> Value {
    let bare = json!({
        "apiVersion": step.api_version.to_string(),
        "kind": step.id.kind,
        "metadata": {"name": step.id.name},
    });
    apply(bare, &step.id, Precondition::Uid(uid))
}

/// A Namespace and nothing else.
pub fn namespace(name: &str) -> Value {
    let bare = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    apply(bare, &namespace_id(name), Precondition::Absent)
}

/// The identity of a Namespace.
pub fn namespace_id(name: &str) -> ObjectId {
    ObjectId { group: String::new(), kind: "Namespace".into(), namespace: None, name: name.into() }
}

/// Removes values and sets others, if the object is still at that version. A value that the manifest does not
/// hold is left out.
pub fn patch(clearing: &Clearing, manifest: Option<&Value>, version: &str) -> Value {
    let test = json!({"op": "test", "path": "/metadata/resourceVersion", "value": version});
    let removals = clearing.removals.iter().map(|pointer| json!({"op": "remove", "path": pointer}));
    let settings = clearing.settings.iter().filter_map(|setting| {
        let value = manifest?.pointer(&setting.from)?;
        Some(json!({"op": "add", "path": setting.at, "value": value}))
    });
    std::iter::once(test).chain(removals).chain(settings).collect()
}

#[cfg(test)]
mod tests {
    use diff::Setting;

    use super::*;

    fn id(namespace: Option<&str>) -> ObjectId {
        let namespace = namespace.map(str::to_owned);
        ObjectId { group: String::new(), kind: "ConfigMap".into(), namespace, name: "a".into() }
    }

    #[test]
    fn the_steps_namespace_and_the_precondition_are_stated() {
        let manifest = json!({"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "wrong"}});
        assert_eq!(
            apply(manifest.clone(), &id(Some("shop")), Precondition::Uid("u"))["metadata"],
            json!({"name": "a", "namespace": "shop", "uid": "u"})
        );
        assert_eq!(
            apply(manifest, &id(None), Precondition::Absent)["metadata"],
            json!({"name": "a", "resourceVersion": "1"})
        );
    }

    #[test]
    fn a_patch_tests_the_version_first_and_takes_values_from_the_manifest() {
        let clearing = Clearing {
            removals: vec!["/a/1".into(), "/a/0".into()],
            settings: vec![Setting { at: "/b".into(), from: "/c".into() }],
        };
        assert_eq!(
            patch(&clearing, Some(&json!({"c": "secret"})), "7"),
            json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "remove", "path": "/a/1"},
                {"op": "remove", "path": "/a/0"},
                {"op": "add", "path": "/b", "value": "secret"},
            ])
        );
    }
}
