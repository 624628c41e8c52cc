//! What ends things: namespaces are emptied, dependents follow their owners, definitions take their objects along.
//!
//! Source: the namespace, garbage collection and protection controllers, and the finalizer of definitions in the API
//! server itself. Here all is done within the request that caused it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    api::{CLEANUP, Cluster, Controllers, FOREGROUND, ORPHAN, seconds},
    definitions,
    object::{drop_finalizer, finalizers, is, is_deleting, meta},
    schema::Kind,
    store::Key,
};

/// Lets everything that is going go, as far as nobody else holds it.
pub(crate) fn settle(cluster: &mut Cluster, now: Timestamp) {
    let time = seconds(now);
    while cluster.store.take_unsettled() {
        let going = cluster.store.going();
        for (key, object) in going {
            release(cluster, &key, object, &time);
        }
        if cluster.controllers == Controllers::Lifecycle {
            collect(cluster, &time);
        }
    }
}

/// Removes the finalizers of the controllers that have done their part.
fn release(cluster: &mut Cluster, key: &Key, mut object: Value, time: &str) {
    let before = object.clone();
    let controlled = cluster.controllers == Controllers::Lifecycle;
    if controlled && is(&object, "v1", "Namespace") && empty_namespace(cluster, &key.name, time) {
        object["spec"] = json!({});
    }
    let held: Vec<_> = finalizers(&before).into_iter().map(str::to_owned).collect();
    for finalizer in held {
        let done = match finalizer.as_str() {
            CLEANUP => empty_definition(cluster, &object, time),
            _ if !controlled => false,
            ORPHAN => orphan(cluster, meta(&object, "uid")),
            FOREGROUND => remove_dependents(cluster, meta(&object, "uid"), time),
            "kubernetes.io/pvc-protection" | "kubernetes.io/pv-protection" => true,
            _ => false,
        };
        if done {
            drop_finalizer(&mut object, &finalizer);
        }
    }
    if object == before {
        return;
    }
    if finalizers(&object).is_empty() && object["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty) {
        if is(&object, "apiextensions.k8s.io/v1", "CustomResourceDefinition") {
            definitions::stop(cluster, &key.name);
        }
        cluster.store.delete(key.clone(), &mut object);
    } else {
        cluster.store.put(key.clone(), &mut object);
    }
}

/// Whether nothing is in the namespace any more.
fn empty_namespace(cluster: &mut Cluster, namespace: &str, time: &str) -> bool {
    let inside = |cluster: &Cluster| -> Vec<Key> {
        let all = cluster.store.all().filter(|(key, _)| &*key.namespace == namespace);
        all.map(|(key, _)| key.clone()).collect()
    };
    for key in inside(cluster) {
        remove(cluster, &key, time);
    }
    inside(cluster).is_empty()
}

/// Whether no object of the definition is there any more.
fn empty_definition(cluster: &mut Cluster, definition: &Value, time: &str) -> bool {
    let resource = meta(definition, "name").to_owned();
    let keys: Vec<_> = cluster.store.list(&resource, None).map(|(key, _)| key.clone()).collect();
    for key in keys {
        remove(cluster, &key, time);
    }
    cluster.store.list(&resource, None).next().is_none()
}

fn remove(cluster: &mut Cluster, key: &Key, time: &str) {
    let kind = cluster.kinds().find(|kind| crate::api::resource(kind) == *key.resource).cloned();
    let kind: Option<&Kind> = kind.as_deref();
    if let Some(kind) = kind {
        cluster.remove(kind, key, time);
    }
}

/// Those whose owners include this uid.
fn dependents(cluster: &Cluster, uid: &str) -> Vec<(Key, Value)> {
    let owned = cluster.store.owned().into_iter();
    owned.filter(|(_, object)| owners(object).any(|owner| owner["uid"] == uid)).collect()
}

fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten()
}

/// Takes an owner out of its dependents; they stay.
fn orphan(cluster: &mut Cluster, uid: &str) -> bool {
    for (key, mut object) in dependents(cluster, uid) {
        if let Some(list) = object["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut) {
            list.retain(|owner| owner["uid"] != uid);
            if list.is_empty() {
                crate::object::drop_meta(&mut object, "ownerReferences");
            }
        }
        cluster.store.put(key, &mut object);
    }
    true
}

/// Whether those that block the owner's deletion are gone.
fn remove_dependents(cluster: &mut Cluster, uid: &str, time: &str) -> bool {
    for (key, _) in dependents(cluster, uid) {
        remove(cluster, &key, time);
    }
    let blocks = |object: &Value| {
        owners(object).any(|owner| owner["uid"] == uid && owner["blockOwnerDeletion"] == true)
    };
    !dependents(cluster, uid).iter().any(|(_, object)| blocks(object))
}

/// Removes what has owners of which none is there any more.
fn collect(cluster: &mut Cluster, time: &str) {
    let owned = cluster.store.owned();
    if owned.is_empty() {
        return;
    }
    let uids: std::collections::HashSet<String> =
        cluster.store.all().map(|(_, stored)| meta(&stored.object(), "uid").to_owned()).collect();
    for (key, object) in owned {
        let left = owners(&object).any(|owner| owner["uid"].as_str().is_some_and(|uid| uids.contains(uid)));
        if owners(&object).next().is_some() && !left && !is_deleting(&object) {
            remove(cluster, &key, time);
        }
    }
}
