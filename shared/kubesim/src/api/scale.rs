//! The number of replicas, as a part of its own.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, Cluster, Outcome, whole};
use crate::{object::meta, refusal::Refusal, store::Stored};

/// The `Scale` of an object.
pub(super) fn scale(object: &Value) -> Value {
    let mut metadata = serde_json::Map::new();
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata.extend(object["metadata"].get(name).map(|value| (name.to_owned(), value.clone())));
    }
    let labels = object.pointer("/spec/selector/matchLabels").or_else(|| object.pointer("/spec/selector"));
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let labels: Vec<_> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": labels.join(",")}})
}

impl Cluster {
    pub(super) fn replace_scale(&mut self, call: &Call<'_>) -> Outcome {
        let sent = serde_json::from_slice(call.request.body());
        let sent: Value = sent.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let stored = self.store.get(&Self::key(call)).cloned().ok_or_else(|| call.refuse_absent())?;
        self.write_scale(call, &stored, &sent)
    }

    /// Writes the number of replicas that a `Scale` names.
    pub(super) fn write_scale(&mut self, call: &Call<'_>, stored: &Stored, sent: &Value) -> Outcome {
        let mut object = stored.object();
        let version = meta(sent, "resourceVersion");
        if !version.is_empty() && version != meta(&object, "resourceVersion") {
            return Err(Refusal::modified(&call.kind, call.name()));
        }
        let replicas = sent["spec"]["replicas"].as_i64().unwrap_or(0);
        object["spec"]["replicas"] = json!(replicas);
        self.write(call, stored, &object)?;
        let now = self.store.get(&Self::key(call)).map_or(Value::Null, Stored::object);
        Ok(whole(StatusCode::OK, Bytes::from(scale(&now).to_string())))
    }
}
