//! Creating an object.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Call, Cluster, Outcome, body, key, prepare, same_place, seconds, valid, whole};
use crate::{
    managed::{empty, sent_or_live, set, update},
    object::{drop_meta, is_deleting, meta, set_meta},
    refusal::Refusal,
    route::Trial,
};

impl Cluster {
    pub(super) fn create(&mut self, call: &Call<'_>) -> Outcome {
        let sent = body(call)?;
        same_place(call, &sent)?;
        if !["", "0"].contains(&meta(&sent, "resourceVersion")) {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(Refusal::mistyped(message.to_owned()));
        }
        let warnings = valid::unknown_fields(call, &sent)?;
        let answer = self.create_sent(call, &sent)?;
        Ok(valid::warned(answer, &warnings))
    }

    /// Creates what was sent in whole; also by a PUT.
    pub(super) fn create_sent(&mut self, call: &Call<'_>, sent: &Value) -> Outcome {
        let mut object = call.decoded(sent);
        let before = empty(&call.kind.of, &object);
        let entries = sent_or_live(&before, sent);
        let entries = call.acting(|act| update(&before, &object, entries, act));
        set(&mut object, entries);
        self.insert(call, object)
    }

    /// Creates an object whose managers are set.
    pub(super) fn insert(&mut self, call: &Call<'_>, mut object: Value) -> Outcome {
        self.admit(call, &object)?;
        self.name(call, &mut object);
        let name = meta(&object, "name").to_owned();
        let namespace = call.target.namespace.clone().unwrap_or_default();
        let key = key(&call.kind, &namespace, &name);
        for assigned in ["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            drop_meta(&mut object, assigned);
        }
        if !namespace.is_empty() {
            set_meta(&mut object, "namespace", json!(namespace));
        }
        set_meta(&mut object, "uid", json!(self.next_uid()));
        set_meta(&mut object, "creationTimestamp", json!(seconds(call.now)));
        prepare::create(self, &call.kind, &mut object);
        valid::object(&call.kind, &object, None)?;
        if self.store.get(&key).is_some() {
            return Err(Refusal::exists(&call.kind, &name));
        }
        match call.trial {
            Trial::Yes => Ok(whole(StatusCode::CREATED, object.to_string())),
            Trial::No => {
                self.store.put(key, &mut object);
                let answer = whole(StatusCode::CREATED, object.to_string());
                self.written(&call.kind, &object, call.now);
                Ok(answer)
            }
        }
    }

    /// Nothing is created in a namespace that is not there, or that goes.
    fn admit(&self, call: &Call<'_>, object: &Value) -> Result<(), Refusal> {
        let Some(namespace) = &call.target.namespace else { return Ok(()) };
        let kinds = &crate::schema::table().kinds;
        let Some(kind) = kinds.iter().find(|kind| kind.kind == "Namespace") else { return Ok(()) };
        match self.store.get(&key(kind, "", namespace)) {
            None => Err(Refusal::not_found(kind, namespace)),
            Some(stored) if is_deleting(&stored.object()) => {
                Err(Refusal::terminating(&call.kind, meta(object, "name"), namespace))
            }
            Some(_) => Ok(()),
        }
    }

    fn name(&mut self, call: &Call<'_>, object: &mut Value) {
        if let Some(name) = &call.target.name {
            set_meta(object, "name", json!(name));
        } else if meta(object, "name").is_empty() && !meta(object, "generateName").is_empty() {
            // Source: k8s.io/apiserver/pkg/storage/names: no vowels, so that no word comes out.
            const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
            let mut number = self.next_number();
            let suffix: String = (0..5)
                .map(|_| {
                    let letter = LETTERS[usize::try_from(number % 27).unwrap_or(0)];
                    number /= 27;
                    char::from(letter)
                })
                .collect();
            let name = format!("{}{suffix}", meta(object, "generateName"));
            set_meta(object, "name", json!(name));
        }
    }
}
