//! Fields that make the server refuse what we apply: `valueFrom` of somebody beside our `value`, a volume source
//! beside ours, a defaulted `rollingUpdate` beside our new `Recreate`.
//!
//! Server-side apply cannot express "not that one", and an object without either is mostly refused too. So one
//! JSON patch removes what is in the way and sets our fields beside it; the apply after it only takes
//! ownership. The refusal names the field with list indices of an object that only the server saw, so names are
//! compared and indices are not.

use serde_json::Value;

use crate::{
    Entry, FieldPath, entries,
    leftover::{held, is_writer, parent, touches},
    pointer::{in_order_of_removal, inside},
};

/// What has to be done so that an apply is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clearing {
    /// JSON pointers into the live object, in order of removal.
    pub removals: Vec<String>,
    /// Fields to set in the same breath.
    pub settings: Vec<Setting>,
}

/// A field of the manifest that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// JSON pointer into the live object.
    pub at: String,
    /// JSON pointer into the manifest: the value may be secret, so it is not here.
    pub from: String,
}

/// What the clearing is decided from; objects and manifests are redacted.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// The object as it is.
    pub live: &'a Value,
    /// The manifest that was refused.
    pub desired: &'a Value,
    /// The manifest applied last.
    pub last: Option<&'a Value>,
    /// The fields that the refusal names, such as `spec.volumes[0].configMap`.
    pub fields: &'a [String],
    /// Our field manager.
    pub ours: &'a str,
}

/// Finds the fields that the refusal names, that stand beside something desired and are not desired themselves,
/// and that nobody claims: writers who declare nothing left them, or they are defaults. Of what stands beside
/// them only our own is set. Empty if there is nothing to clear.
pub fn clearing(refused: &Refused<'_>) -> Clearing {
    let entries = entries(refused.live);
    let trees: Vec<&Value> = entries.iter().map(|entry| entry.fields).collect();
    let mut named = Vec::new();
    for field in refused.fields {
        find(refused.live, &names(field), &trees, (&mut Vec::new(), &mut named));
    }
    let beside = |path: &FieldPath| !held(refused.desired, path) && held(refused.desired, &parent(path));
    let claimed = |path: &FieldPath| entries.iter().any(|entry| !is_writer(entry) && touches(entry, path));
    let in_the_way: Vec<FieldPath> =
        named.into_iter().filter(|path| beside(path) && !claimed(path)).collect();
    let mut settings = Vec::new();
    for path in &in_the_way {
        match settings_beside(refused, &entries, path) {
            Some(more) => {
                settings.extend(more.into_iter().filter(|new| !settings.contains(new)).collect::<Vec<_>>())
            }
            None => return Clearing::default(),
        }
    }
    let removals = in_the_way.iter().flat_map(|path| path.pointers(refused.live)).collect();
    Clearing { removals: in_order_of_removal(removals), settings }
}

/// Our fields beside a field: those that are not there, or have another plain value. `None` if one of them
/// belongs to somebody and we never applied it.
fn settings_beside(refused: &Refused<'_>, entries: &[Entry<'_>], path: &FieldPath) -> Option<Vec<Setting>> {
    let container = parent(path);
    let (at, from) = (container.pointers(refused.live), container.pointers(refused.desired));
    let (at, from) = (at.first()?, from.first()?);
    let (live, wanted) = (refused.live.pointer(at)?, refused.desired.pointer(from)?.as_object()?);
    let mut settings = Vec::new();
    for (name, value) in wanted {
        let needed = live.get(name).is_none_or(|there| is_plain(there) && is_plain(value) && there != value);
        if !needed {
            continue;
        }
        let mut field = container.clone();
        field.0.push(format!("f:{name}"));
        let taken = entries.iter().any(|entry| entry.manager != refused.ours && touches(entry, &field));
        if taken && !refused.last.is_some_and(|last| held(last, &field)) {
            return None;
        }
        settings.push(Setting { at: inside(at, name), from: inside(from, name) });
    }
    Some(settings)
}

/// The object as the clearing leaves it; both are redacted.
pub fn cleared(live: &Value, clearing: &Clearing, manifest: &Value) -> Value {
    let mut object = live.clone();
    for removal in &clearing.removals {
        let (above, name) = removal.rsplit_once('/').unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        match object.pointer_mut(above) {
            Some(Value::Object(map)) => drop(map.shift_remove(&name)),
            Some(Value::Array(items)) => {
                let place = name.parse::<usize>().ok().filter(|place| *place < items.len());
                drop(place.map(|place| items.remove(place)));
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
        }
    }
    for Setting { at, from } in &clearing.settings {
        let (above, name) = at.rsplit_once('/').unwrap_or_default();
        if let (Some(Value::Object(map)), Some(value)) = (object.pointer_mut(above), manifest.pointer(from)) {
            map.insert(name.replace("~1", "/").replace("~0", "~"), value.clone());
        }
    }
    object
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Finds the fields with these names, whatever the list items on the way. How an item is called is taken from
/// the trees of owned fields; an item in which nobody owns anything has no name.
fn find(
    value: &Value,
    names: &[&str],
    trees: &[&Value],
    (at, found): (&mut Vec<String>, &mut Vec<FieldPath>),
) {
    if let Some(items) = value.as_array() {
        for step in trees.iter().filter_map(|tree| tree.as_object()).flat_map(|tree| tree.keys()) {
            let picked = FieldPath(vec![step.clone()]);
            for item in items.iter().filter(|item| picked.locate(value).iter().any(|found| found == item)) {
                at.push(step.clone());
                find(item, names, &below(trees, step), (at, found));
                at.pop();
            }
        }
        return;
    }
    match (names.split_first(), value) {
        (None, _) => found.push(FieldPath(at.clone())),
        (Some((name, rest)), Value::Object(map)) => {
            let Some(field) = map.get(*name) else { return };
            let step = format!("f:{name}");
            at.push(step.clone());
            if rest.is_empty() {
                found.push(FieldPath(at.clone()));
            } else {
                find(field, rest, &below(trees, &step), (at, found));
            }
            at.pop();
        }
        (Some(_), _) => {}
    }
}

fn below<'t>(trees: &[&'t Value], step: &str) -> Vec<&'t Value> {
    trees.iter().filter_map(|tree| tree.get(step)).collect()
}

/// The names in `spec.containers[0].env[1].valueFrom`.
fn names(field: &str) -> Vec<&str> {
    field.split('.').map(|part| part.split('[').next().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(entries: Value) -> Value {
        json!({"metadata": {"managedFields": entries}, "spec": {
            "volumes": [{"name": "other"}, {"name": "v", "configMap": {"name": "x"}}],
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3}},
            "probe": {"period": 3, "httpGet": {"port": 80}},
        }})
    }

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": {"f:spec": fields}})
    }

    fn desired() -> Value {
        json!({"spec": {
            "volumes": [{"name": "v", "emptyDir": {}}],
            "strategy": {"type": "Recreate"},
            "probe": {"exec": {"command": ["a"]}},
        }})
    }

    /// Removals and settings, one a word.
    fn found(entries: Value, field: &str, last: Option<&Value>) -> Vec<String> {
        let fields = [field.to_owned()];
        let (live, desired) = (live(entries), desired());
        let refused = Refused { live: &live, desired: &desired, last, fields: &fields, ours: "driftless:a" };
        let clearing = clearing(&refused);
        let settings = clearing.settings.iter().map(|setting| format!("{} = {}", setting.at, setting.from));
        clearing.removals.iter().map(|removal| format!("- {removal}")).chain(settings).collect()
    }

    #[test]
    fn the_named_field_of_a_writer_makes_way_for_ours() {
        let volume = json!({"f:volumes": {"k:{\"name\":\"v\"}": {"f:configMap": {".": {}, "f:name": {}}}}});
        let field = "spec.volumes[0].configMap";
        let by = |operation: &str| json!([entry("alice", operation, volume.clone())]);
        assert_eq!(
            found(by("Update"), field, None),
            ["- /spec/volumes/1/configMap", "/spec/volumes/1/emptyDir = /spec/volumes/0/emptyDir"]
        );
        assert_eq!(found(by("Update"), "spec.volumes[0].secret", None), [""; 0]);
        assert_eq!(found(by("Apply"), field, None), [""; 0], "another manager declares it");
    }

    #[test]
    fn a_default_makes_way_too() {
        let ours = json!([entry("driftless:a", "Apply", json!({"f:strategy": {}}))]);
        assert_eq!(found(ours, "spec.strategy.rollingUpdate", None), [""; 0], "owned as a whole");
        let ours = json!([entry("driftless:a", "Apply", json!({"f:probe": {}}))]);
        let expected = ["- /spec/strategy/rollingUpdate", "/spec/strategy/type = /spec/strategy/type"];
        assert_eq!(found(ours.clone(), "spec.strategy.rollingUpdate", None), expected);
        assert_eq!(found(ours.clone(), "spec.strategy.type", None), [""; 0], "it is desired");
        assert_eq!(found(ours, "spec.strategy.rollingUpdate.maxSurge", None), [""; 0], "it stands alone");
    }

    #[test]
    fn what_others_hold_beside_it_is_set_only_if_we_applied_it_last() {
        let strategy = json!({"f:strategy": {"f:type": {}, "f:rollingUpdate": {".": {}, "f:maxSurge": {}}}});
        let alice = json!([entry("alice", "Update", strategy)]);
        let field = "spec.strategy.rollingUpdate";
        assert_eq!(found(alice.clone(), field, None), [""; 0]);
        assert_eq!(found(alice.clone(), field, Some(&json!({"spec": {"strategy": {}}}))), [""; 0]);
        assert_eq!(found(alice, field, Some(&desired())).len(), 2);
    }

    #[test]
    fn composite_fields_that_are_there_are_left_to_the_apply() {
        let probe = json!({"f:probe": {"f:httpGet": {".": {}, "f:port": {}}}});
        let alice = json!([entry("alice", "Update", probe)]);
        assert_eq!(
            found(alice, "spec.probe.httpGet", None),
            ["- /spec/probe/httpGet", "/spec/probe/exec = /spec/probe/exec"]
        );
    }
}
