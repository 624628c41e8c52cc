//! Replacing an object, and everything that ends in an object being replaced.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, Cluster, Outcome, body, prepare, same_place, valid, whole};
use crate::{
    managed::{sent_or_live, set, update},
    object::{finalizers, is, is_deleting, meta, set_meta, without_times},
    refusal::{Problem, Refusal},
    route::Trial,
    store::Stored,
};

/// Kinds that a PUT creates. Source: `AllowCreateOnUpdate` of their strategies.
const CREATED_BY_PUT: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "Endpoints",
    "Event",
    "Lease",
    "LimitRange",
    "Role",
    "RoleBinding",
    "Service",
];

/// Kinds whose update has to name the version it was made from. Source: `AllowUnconditionalUpdate`.
const CONDITIONAL: &[&str] = &[
    "APIService",
    "CustomResourceDefinition",
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "Lease",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "PodDisruptionBudget",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

impl Cluster {
    pub(super) fn replace(&mut self, call: &Call<'_>) -> Outcome {
        if call.part() == "scale" {
            return self.replace_scale(call);
        }
        let sent = body(call)?;
        if meta(&sent, "name") != call.name() {
            let (name, target) = (meta(&sent, "name"), call.name());
            return Err(Refusal::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({target})"
            )));
        }
        same_place(call, &sent)?;
        let warnings = valid::unknown_fields(call, &sent)?;
        let Some(stored) = self.store.get(&Self::key(call)).cloned() else {
            if CREATED_BY_PUT.contains(&call.kind.built_in()) && call.part().is_empty() {
                return self.create_sent(call, &sent);
            }
            return Err(call.refuse_absent());
        };
        let (live, uid) = (stored.object(), meta(&sent, "uid"));
        if !uid.is_empty() && uid != meta(&live, "uid") {
            let place = [meta(&live, "namespace"), call.name()];
            return Err(Refusal::other_object(&call.kind, place, [uid, meta(&live, "uid")]));
        }
        let conditional = call.kind.is_custom() || CONDITIONAL.contains(&call.kind.built_in());
        if conditional && meta(&sent, "resourceVersion").is_empty() {
            return Err(Refusal::unconditional(&call.kind, call.name()));
        }
        let answer = self.write(call, &stored, &sent)?;
        Ok(valid::warned(answer, &warnings))
    }

    /// Writes an object that was sent or patched in whole.
    pub(super) fn write(&mut self, call: &Call<'_>, stored: &Stored, sent: &Value) -> Outcome {
        let live = call.versioned(stored.object());
        let mut new = call.decoded(sent);
        let entries =
            if call.part().is_empty() { sent_or_live(&live, sent) } else { crate::managed::live(&live) };
        let entries = call.acting(|act| update(&live, &new, entries, act));
        set(&mut new, entries);
        self.store_update(call, stored, new)
    }

    /// Stores an object in place of an older one; its managers are set.
    pub(super) fn store_update(&mut self, call: &Call<'_>, stored: &Stored, mut new: Value) -> Outcome {
        let old = call.versioned(stored.object());
        preconditions(call, &old, &new)?;
        if let Some(namespace) = &call.target.namespace {
            set_meta(&mut new, "namespace", json!(namespace));
        }
        set_meta(&mut new, "name", json!(call.name()));
        prepare::update(self, &call.kind, call.part(), &old, &mut new);
        set_meta(&mut new, "resourceVersion", old["metadata"]["resourceVersion"].clone());
        valid::object(&call.kind, &new, Some(&old))?;
        if without_times(&old) == without_times(&new) {
            return Ok(whole(StatusCode::OK, old.to_string()));
        }
        if call.trial == Trial::Yes {
            return Ok(whole(StatusCode::OK, new.to_string()));
        }
        let key = Self::key(call);
        if is_deleting(&new) && finalizers(&new).is_empty() && !holds(&new) {
            let text = new.to_string();
            self.store.delete(key, &mut new);
            return Ok(whole(StatusCode::OK, text));
        }
        self.store.put(key, &mut new);
        let answer = whole(StatusCode::OK, new.to_string());
        self.written(&call.kind, &new, call.now);
        Ok(answer)
    }
}

/// A namespace waits for the finalizers of its spec as well.
pub(crate) fn holds(object: &Value) -> bool {
    is(object, "v1", "Namespace")
        && object["spec"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

fn preconditions(call: &Call<'_>, old: &Value, new: &Value) -> Result<(), Refusal> {
    let uid = meta(new, "uid");
    if !uid.is_empty() && uid != meta(old, "uid") {
        let problem = Problem::invalid("metadata.uid", &json!(uid), "field is immutable");
        return Err(Refusal::invalid(&call.kind, call.name(), &[problem.clone(), problem]));
    }
    let version = meta(new, "resourceVersion");
    if !["", "0"].contains(&version) && version != meta(old, "resourceVersion") {
        return Err(Refusal::modified(&call.kind, call.name()));
    }
    Ok(())
}
