//! Deleting: at once, or once everybody who has a finalizer has let go.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Call, Cluster, Outcome, api_version, seconds, update::holds, whole};
use crate::{
    object::{finalizers, is_deleting, meta, set_meta},
    refusal::Refusal,
    route::Trial,
    schema::Kind,
    selector::Selector,
    store::{Key, parse},
};

/// What of an object's dependents goes with it.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";
/// What holds a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Kinds whose deletion answers with the object. Source: `ReturnDeletedObject`.
const RETURNED: &[&str] = &[
    "CSIDriver",
    "CSINode",
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ResourceQuota",
    "Service",
    "ServiceAccount",
    "StorageClass",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// How an object is to be deleted.
#[derive(Debug, Default)]
struct Options {
    uid: Option<String>,
    version: Option<String>,
    policy: String,
}

impl Options {
    /// A body counts alone; parameters do where there is none.
    fn parse(call: &Call<'_>) -> Result<(Self, Trial), Refusal> {
        let body = call.request.body();
        let sent: Value = match body.is_empty() {
            true => json!({"propagationPolicy": call.parameters.text("propagationPolicy"),
                "orphanDependents": call.parameters.is_set("orphanDependents")}),
            false => serde_json::from_slice(body).map_err(|error| {
                Refusal::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
            })?,
        };
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let orphan = if sent["orphanDependents"] == true { "Orphan" } else { "" };
        let policy = text(&sent["propagationPolicy"]).unwrap_or_else(|| orphan.to_owned());
        let tried = match body.is_empty() {
            true => call.trial,
            false if sent["dryRun"].as_array().is_some_and(|stages| !stages.is_empty()) => Trial::Yes,
            false => Trial::No,
        };
        // The children of a Job stay unless something else is asked for. Source: its `DefaultGarbageCollectionPolicy`.
        let policy =
            if policy.is_empty() && call.kind.built_in() == "Job" { "Orphan".to_owned() } else { policy };
        let options = Self {
            uid: text(&sent["preconditions"]["uid"]),
            version: text(&sent["preconditions"]["resourceVersion"]),
            policy,
        };
        Ok((options, tried))
    }
}

impl Cluster {
    pub(super) fn delete(&mut self, call: &Call<'_>) -> Outcome {
        let (options, trial) = Options::parse(call)?;
        let object = self.delete_one(call, &Self::key(call), &options, trial)?;
        let pending = is_deleting(&object);
        if pending || RETURNED.contains(&call.kind.built_in()) {
            return Ok(whole(StatusCode::OK, call.versioned(object).to_string()));
        }
        let mut details = json!({"name": meta(&object, "name")});
        if !call.kind.group.is_empty() {
            details["group"] = json!(call.kind.group);
        }
        details["kind"] = json!(call.kind.plural);
        details["uid"] = json!(meta(&object, "uid"));
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        Ok(whole(StatusCode::OK, status.to_string()))
    }

    pub(super) fn delete_collection(&mut self, call: &Call<'_>) -> Outcome {
        debug_assert_eq!(call.request.method(), Method::DELETE);
        let (options, trial) = Options::parse(call)?;
        let parameters = &call.parameters;
        let selector =
            Selector::parse(&call.kind, parameters.text("labelSelector"), parameters.text("fieldSelector"))?;
        let resource = super::resource(&call.kind);
        let all = self.store.list(&resource, call.target.namespace.as_deref());
        let selected = all.filter(|(_, stored)| selector.matches(&parse(&stored.text)));
        let keys: Vec<_> = selected.map(|(key, _)| key.clone()).collect();
        let mut items = Vec::new();
        for key in keys {
            let before = self.store.get(&key).map(crate::store::Stored::object);
            let after = self.delete_one(call, &key, &options, trial)?;
            // What goes at once is shown as it last was.
            let object = before.filter(|_| !is_deleting(&after)).unwrap_or(after);
            items.push(listed(call, object));
        }
        let version = self.store.version().to_string();
        let list = json!({"kind": format!("{}List", call.kind.kind), "apiVersion": api_version(&call.kind),
            "metadata": {"resourceVersion": version}, "items": items});
        Ok(whole(StatusCode::OK, list.to_string()))
    }

    /// Deletes an object, or marks it; as it is then.
    fn delete_one(
        &mut self,
        call: &Call<'_>,
        key: &Key,
        options: &Options,
        trial: Trial,
    ) -> Result<Value, Refusal> {
        let stored = self.store.get(key).ok_or_else(|| Refusal::not_found(&call.kind, &key.name))?;
        let mut object = stored.object();
        preconditions(call, &object, options)?;
        let marked = mark(&call.kind, &mut object, &options.policy, &seconds(call.now));
        if trial == Trial::Yes {
            return Ok(object);
        }
        match marked {
            Marked::Ready => self.store.delete(key.clone(), &mut object),
            Marked::New => self.store.put(key.clone(), &mut object),
            Marked::Already => {}
        }
        Ok(object)
    }

    /// Deletes an object for a controller, or marks it.
    pub(crate) fn remove(&mut self, kind: &Kind, key: &Key, time: &str) {
        let Some(mut object) = self.store.get(key).map(crate::store::Stored::object) else { return };
        match mark(kind, &mut object, "", time) {
            Marked::Ready => self.store.delete(key.clone(), &mut object),
            Marked::New => self.store.put(key.clone(), &mut object),
            Marked::Already => {}
        }
    }
}

/// An object as an item of a list.
fn listed(call: &Call<'_>, object: Value) -> Value {
    let mut object = call.versioned(object);
    if let (false, Some(members)) = (call.kind.is_custom(), object.as_object_mut()) {
        members.shift_remove("kind");
        members.shift_remove("apiVersion");
    }
    object
}

fn preconditions(call: &Call<'_>, object: &Value, options: &Options) -> Result<(), Refusal> {
    let name = meta(object, "name");
    let (uid, version) = (meta(object, "uid"), meta(object, "resourceVersion"));
    if let Some(wanted) = options.uid.as_ref().filter(|wanted| *wanted != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been \
             deleted and then recreated"
        );
        return Err(Refusal::precondition(&call.kind, name, &why));
    }
    if let Some(wanted) = options.version.as_ref().filter(|wanted| *wanted != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). \
             The object might have been modified"
        );
        return Err(Refusal::precondition(&call.kind, name, &why));
    }
    Ok(())
}

/// What a deletion has to do.
enum Marked {
    /// Nobody holds the object.
    Ready,
    /// It has to be written that it is going.
    New,
    /// That is written already.
    Already,
}

fn mark(kind: &Kind, object: &mut Value, policy: &str, time: &str) -> Marked {
    let mut held: Vec<_> = finalizers(object).into_iter().map(str::to_owned).collect();
    let before = held.clone();
    match policy {
        "Foreground" => {
            held.retain(|finalizer| finalizer != ORPHAN && finalizer != FOREGROUND);
            held.push(FOREGROUND.to_owned());
        }
        "Orphan" => {
            held.retain(|finalizer| finalizer != ORPHAN && finalizer != FOREGROUND);
            held.push(ORPHAN.to_owned());
        }
        "Background" => held.retain(|finalizer| finalizer != ORPHAN && finalizer != FOREGROUND),
        _ => {}
    }
    if kind.built_in() == "CustomResourceDefinition" && !held.iter().any(|finalizer| finalizer == CLEANUP) {
        held.push(CLEANUP.to_owned());
    }
    if held.is_empty() && !holds(object) {
        return Marked::Ready;
    }
    if is_deleting(object) && held == before {
        return Marked::Already;
    }
    if held != before {
        set_meta(object, "finalizers", json!(held));
    }
    if !is_deleting(object) {
        set_meta(object, "deletionTimestamp", json!(time));
        if kind.built_in() != "Namespace" && kind.built_in() != "CustomResourceDefinition" {
            set_meta(object, "deletionGracePeriodSeconds", json!(0));
            if let Some(generation) =
                object["metadata"]["generation"].as_i64().filter(|generation| *generation > 0)
            {
                set_meta(object, "generation", json!(generation + 1));
            }
        }
    }
    if kind.built_in() == "Namespace" {
        object["status"]["phase"] = json!("Terminating");
    }
    Marked::New
}
