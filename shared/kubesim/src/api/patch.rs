//! Patches: merge, JSON, strategic, and apply.

use http::header;
use serde_json::{Map, Value, json};

use super::{Call, Cluster, Outcome, api_version, decoded, same_place, strategic::strategic, valid};
use crate::{
    managed::{Force, apply, empty, set},
    merge::check,
    object::meta,
    refusal::{Problem, Refusal},
    store::Stored,
    typed::Nulls,
};

/// What a patch is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Apply,
    Json,
    Merge,
    Strategic,
}

impl Cluster {
    pub(super) fn patch(&mut self, call: &Call<'_>) -> Outcome {
        let form = form(call)?;
        let stored = self.store.get(&Self::key(call)).cloned();
        if form == Form::Apply {
            return self.apply(call, stored.as_ref());
        }
        if call.parameters.is_set("force") {
            let why = "may not be specified for non-apply patch";
            return Err(Refusal::invalid_options("PatchOptions", &Problem::forbidden("force", why)));
        }
        let stored = stored.ok_or_else(|| call.refuse_absent())?;
        let live = call.versioned(stored.object());
        if call.part() == "scale" {
            let patched = patched(call, form, &super::scale::scale(&live))?;
            return self.write_scale(call, &stored, &patched);
        }
        let patched = patched(call, form, &live)?;
        for field in ["apiVersion", "kind"] {
            if patched[field] != live[field] {
                let problem = Problem::invalid(field, &patched[field], "a patch cannot change it");
                return Err(Refusal::invalid(&call.kind, call.name(), &[problem]));
            }
        }
        if meta(&patched, "name").is_empty() {
            return Err(Refusal::bad_request("name must be provided"));
        }
        same_place(call, &patched)?;
        let warnings = valid::unknown_fields(call, &patched)?;
        let answer = self.write(call, &stored, &patched)?;
        Ok(valid::warned(answer, &warnings))
    }

    fn apply(&mut self, call: &Call<'_>, stored: Option<&Stored>) -> Outcome {
        if call.parameters.text("fieldManager").is_empty() {
            let problem = Problem::required("fieldManager", "is required for apply patch");
            return Err(Refusal::invalid_options("PatchOptions", &problem));
        }
        let config = config(call)?;
        let force = if call.parameters.is_set("force") { Force::Yes } else { Force::No };
        let live = match stored {
            Some(stored) => call.versioned(stored.object()),
            None if call.part().is_empty() => empty(&call.kind.of, &config),
            None => return Err(call.refuse_absent()),
        };
        let applied = call.acting(|act| apply(&live, &config, force, act));
        let (merged, entries) = applied.map_err(|conflicts| {
            let pairs: Vec<_> =
                conflicts.into_iter().map(|conflict| (conflict.manager, conflict.field)).collect();
            Refusal::conflicts(&pairs)
        })?;
        let mut new = decoded(&call.kind, &merged, Nulls::Kept);
        set(&mut new, entries);
        same_place(call, &new)?;
        match stored {
            Some(stored) => self.store_update(call, stored, new),
            None => {
                uncreatable(call, &new)?;
                self.insert(call, new)
            }
        }
    }
}

/// An object that an apply names by its uid cannot be made. A version is no precondition where nothing is.
fn uncreatable(call: &Call<'_>, new: &Value) -> Result<(), Refusal> {
    match meta(new, "uid") {
        "" => Ok(()),
        uid => Err(Refusal::absent(&call.kind, call.name(), uid)),
    }
}

fn form(call: &Call<'_>) -> Result<Form, Refusal> {
    let content = call.request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content = content.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match content {
        "application/apply-patch+yaml" => Ok(Form::Apply),
        "application/json-patch+json" => Ok(Form::Json),
        "application/merge-patch+json" => Ok(Form::Merge),
        "application/strategic-merge-patch+json" if call.kind.of.is_built_in() => Ok(Form::Strategic),
        "application/strategic-merge-patch+json" => Err(Refusal::no_strategy()),
        _ => Err(Refusal::media_type()),
    }
}

/// What is applied, checked against its type.
fn config(call: &Call<'_>) -> Result<Value, Refusal> {
    let config: Value = serde_json::from_slice(call.request.body())
        .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?;
    let kind = &call.kind;
    let shown = |version: &str, kind: &str| {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        format!("{group}/{version}, Kind={kind}")
    };
    let (version, name) = (config["apiVersion"].as_str().unwrap_or_default(), config["kind"].as_str());
    let name = name.unwrap_or_default();
    if version != api_version(kind) || name != kind.kind {
        return Err(Refusal::bad_request(format!("invalid object type: {}", shown(version, name))));
    }
    if config["metadata"].get("managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    check(&kind.of, &config).map_err(|problems| {
        let place =
            format!("{}/{}; {}", meta(&config, "namespace"), meta(&config, "name"), shown(version, name));
        let text = match &problems[..] {
            [one] => one.clone(),
            several => format!("errors:\n  {}", several.join("\n  ")),
        };
        Refusal::mistyped(format!("failed to create typed patch object ({place}): {text}"))
    })?;
    Ok(config)
}

/// An object with a patch applied to it.
fn patched(call: &Call<'_>, form: Form, live: &Value) -> Result<Value, Refusal> {
    let parsed = |error: serde_json::Error| Refusal::bad_request(format!("error decoding patch: {error}"));
    let mut object = live.clone();
    match form {
        Form::Json => {
            let patch: json_patch::Patch = serde_json::from_slice(call.request.body()).map_err(parsed)?;
            json_patch::patch(&mut object, &patch).map_err(|error| {
                let problem =
                    Problem::invalid("patch", &json!(error.path.to_string()), &error.kind.to_string());
                Refusal::invalid(&call.kind, call.name(), &[problem])
            })?;
        }
        Form::Merge | Form::Strategic => {
            let patch: Value = serde_json::from_slice(call.request.body()).map_err(parsed)?;
            if !patch.is_object() {
                return Err(Refusal::bad_request("the patch is no object"));
            }
            if form == Form::Merge {
                merge(&mut object, &patch);
            } else {
                object = strategic(&call.kind.of, Some(&object), &patch).map_err(Refusal::bad_request)?;
            }
        }
        Form::Apply => {}
    }
    Ok(object)
}

/// Source: RFC 7386.
fn merge(object: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Some(members) = object.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
