//! Getting and listing.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call, Cluster, Outcome, api_version, resource, scale, watch::Watch, whole};
use crate::{
    refusal::Refusal,
    schema::Kind,
    selector::Selector,
    store::{After, Key, parse},
};

impl Cluster {
    pub(super) fn get(&mut self, call: &Call<'_>) -> Outcome {
        let stored = self.store.get(&Self::key(call)).ok_or_else(|| call.refuse_absent())?;
        if let Some(asked) = call.parameters.number("resourceVersion")
            && asked > self.store.version()
        {
            return Err(Refusal::too_large(asked, self.store.version()));
        }
        let text = match call.part() {
            "scale" => scale::scale(&stored.object()).to_string(),
            _ => in_version(&call.kind, &stored.text),
        };
        Ok(whole(StatusCode::OK, text))
    }

    pub(super) fn list(&mut self, call: &Call<'_>) -> Outcome {
        let parameters = &call.parameters;
        let selector =
            Selector::parse(&call.kind, parameters.text("labelSelector"), parameters.text("fieldSelector"))?;
        let page = Page::parse(call, self.store.version(), self.store.floor())?;
        let objects = self.objects_at(&call.kind, call.target.namespace.as_deref(), page.version);
        let selected =
            objects.into_iter().filter(|(_, text)| selector.is_all() || selector.matches(&parse(text)));
        let mut selected = selected.filter(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
        let mut items = Vec::new();
        let mut last = None;
        let mut left = 0;
        for (key, text) in selected.by_ref() {
            if items.len() >= page.limit {
                left = 1 + selected.count();
                break;
            }
            items.push(item(&call.kind, &text));
            last = Some(key);
        }
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if call.kind.is_custom() {
            metadata["continue"] = json!("");
        }
        if let (Some(last), true) = (last, left > 0) {
            metadata["continue"] = json!(page.next(&last));
            if selector.is_all() {
                metadata["remainingItemCount"] = json!(left);
            }
        }
        let (kind, version) = (list_kind(&call.kind), api_version(&call.kind));
        let items = items.join(",");
        let text = format!(
            "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[{items}]}}",
            json!(kind),
            json!(version)
        );
        Ok(whole(StatusCode::OK, text))
    }

    /// The objects of a kind as they were at a version that is not forgotten.
    fn objects_at(&self, kind: &Kind, namespace: Option<&str>, version: u64) -> BTreeMap<Key, Arc<str>> {
        let resource = resource(kind);
        let now = self.store.list(&resource, namespace);
        let mut objects: BTreeMap<_, _> =
            now.map(|(key, stored)| (key.clone(), Arc::clone(&stored.text))).collect();
        let since: Vec<_> = self.store.changes_after(version).collect();
        for change in since.into_iter().rev() {
            let here = *change.key.resource == *resource
                && namespace.is_none_or(|namespace| &*change.key.namespace == namespace);
            match &change.before {
                _ if !here => {}
                Some(before) => drop(objects.insert(change.key.clone(), Arc::clone(before))),
                None => drop(objects.remove(&change.key)),
            }
        }
        objects
    }

    pub(super) fn watch(&mut self, call: &Call<'_>) -> Outcome {
        Ok(Answer::Watch(Box::new(Watch::open(self, call)?)))
    }
}

/// `DeploymentList`.
fn list_kind(kind: &Kind) -> String {
    format!("{}List", kind.kind)
}

/// How a stored object begins.
fn prefix(version: &str, kind: &Kind) -> String {
    format!("{{\"apiVersion\":\"{version}\",\"kind\":\"{}\",", kind.kind)
}

/// An object in the version that is asked for: without conversion webhooks the versions of a custom resource differ in
/// nothing else.
pub(super) fn in_version(kind: &Kind, text: &str) -> String {
    if !kind.is_custom() {
        return text.to_owned();
    }
    let rest = text.strip_prefix("{\"apiVersion\":\"").and_then(|rest| rest.split_once('"'));
    rest.map_or_else(
        || text.to_owned(),
        |(_, rest)| format!("{{\"apiVersion\":\"{}\"{rest}", api_version(kind)),
    )
}

/// An object as an item of a list: items of built-in kinds do not name their kind.
fn item(kind: &Kind, text: &str) -> String {
    let prefix = prefix(&api_version(kind), kind);
    match text.strip_prefix(&prefix) {
        Some(rest) if !kind.is_custom() => format!("{{{rest}"),
        _ => in_version(kind, text),
    }
}

/// A part of a list: where it begins, how much it holds, and of which version of the cluster it is.
struct Page {
    version: u64,
    after: Option<Key>,
    limit: usize,
}

impl Page {
    fn parse(call: &Call<'_>, current: u64, floor: u64) -> Result<Self, Refusal> {
        let parameters = &call.parameters;
        let limit = parameters.number("limit").filter(|limit| *limit > 0);
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let token = parameters.text("continue");
        if !token.is_empty() {
            return Self::resumed(call, token, limit, floor);
        }
        let asked = parameters.number("resourceVersion").filter(|asked| *asked > 0);
        if let Some(asked) = asked.filter(|asked| *asked > current) {
            return Err(Refusal::too_large(asked, current));
        }
        match asked {
            Some(asked) if parameters.text("resourceVersionMatch") == "Exact" && asked < floor => {
                Err(Refusal::expired("The resourceVersion for the provided list is too old.".to_owned()))
            }
            Some(asked) if parameters.text("resourceVersionMatch") == "Exact" => {
                Ok(Self { version: asked, after: None, limit })
            }
            _ => Ok(Self { version: current, after: None, limit }),
        }
    }

    fn resumed(call: &Call<'_>, token: &str, limit: usize, floor: u64) -> Result<Self, Refusal> {
        let bad = || Refusal::bad_request("continue key is not valid");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| bad())?;
        let text = |name: &str| token[name].as_str().ok_or_else(bad);
        let version = token["version"].as_u64().ok_or_else(bad)?;
        if version < floor {
            let message = "The provided continue parameter is too old to display a consistent list result. You can \
                           start a new list without the continue parameter.";
            return Err(Refusal::expired(message.to_owned()));
        }
        let after = super::key(&call.kind, text("namespace")?, text("name")?);
        Ok(Self { version, after: Some(after), limit })
    }

    fn next(&self, last: &Key) -> String {
        let token = json!({"version": self.version, "namespace": &*last.namespace, "name": &*last.name});
        BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
    }
}

/// The text of an object after a change.
pub(super) fn after(change: &After) -> &str {
    match change {
        After::There(text) | After::Gone(text) => text,
    }
}
