//! Fields that a rule leaves to others: what of a manifest is not applied, and what of ours is given up first.
//!
//! # Design notes
//! Server-side apply removes what an applier states no more, so a field that is simply left out falls back to
//! its default: `replicas` becomes 1. Before that, the record that the field is ours is taken out of the managed
//! fields, which changes no value; then leaving it out changes none either.
//!
//! Rejected: another manager of ours that applies the field at its live value. It has to know the value, which
//! may be secret; and it keeps the field, and the list items around it, when Git drops them.

use manifest::{canonical_digest, canonical_json};
use model::{
    Digest,
    definition::{Ignored, is_identity},
};
use serde_json::{Map, Value};

use crate::{
    Entry, FieldPath, apply_entry, entries,
    list_items::ItemIndex,
    path::Element,
    pointer::{in_order_of_removal, inside},
};

/// JSON pointers, in order of removal, of what of `manifest` is not applied to `live`; `None`: where no live
/// object is known, only fields that are ignored whoever owns them.
pub fn left_out(manifest: &Value, ignored: &Ignored, live: Option<&Value>) -> Vec<String> {
    let there = |pointer: &&String| manifest.pointer(pointer).is_some();
    let mut pointers: Vec<String> = ignored.pointers.iter().filter(there).cloned().collect();
    for entry in live.into_iter().flat_map(|live| of_managers(live, ignored)) {
        pointers.extend(leaves(entry.fields).iter().flat_map(|path| path.pointers(manifest)));
    }
    pointers.retain(|pointer| !is_identity(pointer));
    in_order_of_removal(pointers)
}

/// The value without what stands at these pointers, which are in order of removal. Containers that this
/// empties go too: an empty one would be something of its own to apply.
pub fn without(value: &Value, pointers: &[String]) -> Value {
    let mut value = value.clone();
    pointers.iter().for_each(|pointer| remove(&mut value, pointer));
    value
}

/// Digest of a redacted manifest as it is applied over an object: without fields that are ignored whoever owns
/// them, and with the managers whose fields are. It moves when a rule comes or goes that concerns the manifest.
pub fn applied_digest(manifest: &Value, ignored: &Ignored) -> Digest {
    let pointers = left_out(manifest, ignored, None);
    if pointers.is_empty() && ignored.managers.is_empty() {
        return canonical_digest(manifest);
    }
    let rest = canonical_json(&without(manifest, &pointers));
    let managers = ignored.managers.iter().map(String::as_bytes);
    Digest::of_parts("manifest under rules", std::iter::once(rest.as_slice()).chain(managers))
}

/// Fields that `ours` owns in `live` and that are left to others from now on.
pub fn given_up(live: &Value, ours: &str, manifest: &Value, ignored: &Ignored) -> Vec<FieldPath> {
    let Some(entry) = apply_entry(live, ours) else { return Vec::new() };
    let pointed = ignored.pointers.iter().filter(|pointer| !is_identity(pointer));
    let mut paths: Vec<FieldPath> =
        pointed.filter_map(|pointer| locate(entry.fields, manifest, pointer)).collect();
    let others = of_managers(live, ignored).into_iter().filter(|other| *other != entry);
    let shared =
        others.flat_map(|other| leaves(other.fields)).filter(|path| at(entry.fields, path).is_some());
    let named = |path: &FieldPath| path.pointers(live).iter().any(|pointer| is_identity(pointer));
    paths.extend(shared.filter(|path| !named(path)));
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// JSON pointers, in order of removal, of the records in `live` that say that `ours` owns these fields.
/// Without them nothing has changed but who owns what.
pub fn records(live: &Value, ours: &str, paths: &[FieldPath]) -> Vec<String> {
    let list = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let is_ours = |entry: &Value| {
        let says = |key: &str, text: &str| entry.get(key).and_then(Value::as_str) == Some(text);
        let whole = entry.get("subresource").and_then(Value::as_str).is_none_or(str::is_empty);
        says("manager", ours) && says("operation", "Apply") && whole
    };
    let Some((number, entry)) = list.into_iter().flatten().enumerate().find(|(_, entry)| is_ours(entry))
    else {
        return Vec::new();
    };
    let mut tree = entry.get("fieldsV1").cloned().unwrap_or_default();
    let root = format!("/metadata/managedFields/{number}/fieldsV1");
    let taken = paths.iter().filter_map(|path| take(&mut tree, &path.0, &root));
    in_order_of_removal(taken.collect())
}

fn of_managers<'a>(live: &'a Value, ignored: &Ignored) -> Vec<Entry<'a>> {
    if ignored.managers.is_empty() {
        return Vec::new();
    }
    let named = |entry: &Entry<'_>| ignored.managers.iter().any(|manager| manager == entry.manager);
    entries(live).into_iter().filter(named).collect()
}

/// The outermost values that an entry owns as such. What names a list item is not among them: everybody who
/// owns something in an item states its name.
fn leaves(fields: &Value) -> Vec<FieldPath> {
    let mut paths = Vec::new();
    collect(fields, &mut Vec::new(), &mut paths);
    paths
}

fn collect(fields: &Value, at: &mut Vec<String>, paths: &mut Vec<FieldPath>) {
    let Some(members) = fields.as_object() else { return };
    if members.is_empty() && !at.is_empty() {
        return paths.push(FieldPath(at.clone()));
    }
    let names = match at.last().and_then(|step| Element::parse(step)) {
        Some(Element::Key(key)) => key.keys().map(|name| format!("f:{name}")).collect(),
        Some(Element::Field(_) | Element::Value(_) | Element::Index(_)) | None => Vec::new(),
    };
    for (step, below) in members.iter().filter(|(step, _)| *step != "." && !names.contains(step)) {
        at.push(step.clone());
        collect(below, at, paths);
        at.pop();
    }
}

fn at<'f>(fields: &'f Value, path: &FieldPath) -> Option<&'f Value> {
    path.0.iter().try_fold(fields, |fields, step| fields.get(step))
}

/// The owned field at a JSON pointer into the manifest. List items are called as the tree of owned fields calls
/// them, so the pointer finds them wherever they stand on the cluster.
fn locate(fields: &Value, manifest: &Value, pointer: &str) -> Option<FieldPath> {
    let (mut fields, mut manifest, mut steps) = (fields, Some(manifest), Vec::new());
    for token in pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")) {
        let members = fields.as_object()?;
        let items = manifest.and_then(Value::as_array);
        let step = match items {
            Some(items) => {
                let position: usize = token.parse().ok()?;
                manifest = items.get(position);
                name_of(members, position, items.get(position)?)?
            }
            None => {
                manifest = manifest.and_then(|manifest| manifest.get(&token));
                format!("f:{token}")
            }
        };
        fields = members.get(&step)?;
        steps.push(step);
    }
    Some(FieldPath(steps))
}

/// How the tree calls that item.
fn name_of(members: &Map<String, Value>, position: usize, item: &Value) -> Option<String> {
    let known = members.keys().filter_map(|step| Element::parse(step).map(|element| (step, element)));
    let known: Vec<_> = known.filter(|(_, element)| !matches!(element, Element::Field(_))).collect();
    let index = ItemIndex::new(known.iter().map(|(_, element)| element).enumerate());
    let found = index.naming(position, item).first().copied()?;
    known.get(found).map(|(step, _)| (*step).clone())
}

/// Takes a path out of a tree of owned fields, with every node that this empties: an empty one would own all
/// below it. Says at which pointer.
fn take(tree: &mut Value, path: &[String], root: &str) -> Option<String> {
    let (step, rest) = path.split_first()?;
    let members = tree.as_object_mut()?;
    let here = inside(root, step);
    let taken = if rest.is_empty() {
        members.contains_key(step).then(|| here.clone())
    } else {
        take(members.get_mut(step)?, rest, &here)
    }?;
    let emptied = members.get(step).and_then(Value::as_object).is_some_and(Map::is_empty);
    if rest.is_empty() || emptied {
        members.shift_remove(step);
        return Some(here);
    }
    Some(taken)
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((above, token)) = pointer.rsplit_once('/') else { return };
    let token = token.replace("~1", "/").replace("~0", "~");
    let Some(container) = value.pointer_mut(above) else { return };
    let emptied = match container {
        Value::Object(map) => map.shift_remove(&token).is_some() && map.is_empty(),
        Value::Array(items) => {
            let place = token.parse::<usize>().ok().filter(|place| *place < items.len());
            place.map(|place| items.remove(place)).is_some() && items.is_empty()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if emptied {
        remove(value, above);
    }
}

#[cfg(test)]
mod tests;
