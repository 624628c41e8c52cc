//! A desired state, read and resolved against what the cluster serves.

use std::collections::BTreeMap;

use manifest::{DesiredObject, DesiredSet};
use model::{
    Digest, Gvk, ObjectId,
    definition::{IgnoreRule, Ignored},
};
use plan::Expiry;
use serde_json::Value;

/// Where a kind lives, and whether it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindScope {
    /// In namespaces.
    Namespaced,
    /// On the cluster.
    Cluster,
}

/// A desired state whose namespaces are resolved.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Its digest.
    pub digest: Digest,
    /// The objects as the planner sees them, sorted by id.
    pub objects: Vec<plan::DesiredObject>,
    /// What of them is left to others.
    pub rules: Vec<IgnoreRule>,
    /// The redacted manifests as written.
    pub manifests: BTreeMap<ObjectId, DesiredObject>,
    /// Kinds that neither the cluster serves nor a CRD in the set brings.
    pub unknown: Vec<(ObjectId, Gvk)>,
}

impl Desired {
    /// Resolves a set. `scope` tells what the cluster serves; CRDs of the set itself are added to it.
    pub fn resolve(
        digest: Digest,
        set: &DesiredSet,
        rules: &[IgnoreRule],
        default_namespace: &str,
        scope: impl Fn(&Gvk) -> Option<KindScope>,
    ) -> Self {
        let brought = brought(set);
        let mut desired = Self {
            digest,
            objects: vec![],
            rules: rules.to_vec(),
            manifests: BTreeMap::new(),
            unknown: vec![],
        };
        for object in set.objects() {
            let gvk = Gvk { api_version: object.api_version.clone(), kind: object.id.kind.clone() };
            let key = (gvk.api_version.group.clone(), gvk.kind.clone());
            let Some(found) = scope(&gvk).or_else(|| brought.get(&key).copied()) else {
                desired.unknown.push((object.id.clone(), gvk));
                continue;
            };
            let mut id = object.id.clone();
            id.namespace = match found {
                KindScope::Cluster => None,
                KindScope::Namespaced => Some(id.namespace.unwrap_or_else(|| default_namespace.to_owned())),
            };
            desired.objects.push(plan::DesiredObject {
                id: id.clone(),
                api_version: object.api_version.clone(),
                manifest: diff::applied_digest(object.value.value(), &desired.ignored(&id)),
                expiry: expiry(&id, object.value.value()),
            });
            desired.manifests.insert(id, object.clone());
        }
        desired.objects.sort_by(|a, b| a.id.cmp(&b.id));
        desired
    }

    /// What of an object is left to others.
    pub fn ignored(&self, id: &ObjectId) -> Ignored {
        Ignored::of(&self.rules, id)
    }

    /// The manifest of an object with that resolved id.
    pub fn manifest(&self, id: &ObjectId) -> Option<&DesiredObject> {
        self.manifests.get(id)
    }
}

/// Kinds that CRDs of the set define.
fn brought(set: &DesiredSet) -> BTreeMap<(String, String), KindScope> {
    let mut kinds = BTreeMap::new();
    for object in set.objects().iter().filter(|object| object.id.kind == "CustomResourceDefinition") {
        let spec = |pointer: &str| object.value.value().pointer(pointer).and_then(Value::as_str);
        if let (Some(group), Some(kind)) = (spec("/spec/group"), spec("/spec/names/kind")) {
            let scope = match spec("/spec/scope") {
                Some("Cluster") => KindScope::Cluster,
                Some(_) | None => KindScope::Namespaced,
            };
            kinds.insert((group.to_owned(), kind.to_owned()), scope);
        }
    }
    kinds
}

fn expiry(id: &ObjectId, value: &Value) -> Expiry {
    let ttl = value.pointer("/spec/ttlSecondsAfterFinished").is_some();
    if id.group == "batch" && id.kind == "Job" && ttl { Expiry::AfterFinish } else { Expiry::Never }
}
