//! A desired state, read and resolved against what the cluster serves.

use std::collections::BTreeMap;

use manifest::{DesiredObject, DesiredSecrets, DesiredSet, InstallKey, redacted_under};
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
                under_other_keys: Vec::new(),
                expiry: expiry(&id, object.value.value()),
            });
            desired.manifests.insert(id, object.clone());
        }
        desired.objects.sort_by(|a, b| a.id.cmp(&b.id));
        desired
    }

    /// Works out what the digests of manifests with secrets are under each of the keys, so that a rotation is told
    /// from a change. Values that do not fit their manifest are compared as they are.
    pub fn note_other_keys(&mut self, secrets: &DesiredSecrets, keys: &InstallKey) {
        if keys.all().nth(1).is_none() {
            return;
        }
        let Self { objects, manifests, rules, .. } = self;
        for object in objects {
            let Some(written) = manifests.get(&object.id) else { continue };
            let Some(values) = secrets.get(&written.id) else { continue };
            let ignored = Ignored::of(rules, &object.id);
            let redacted = keys.all().filter_map(|key| redacted_under(&written.value, values, key).ok());
            let digests = redacted.map(|redacted| diff::applied_digest(redacted.value(), &ignored));
            object.under_other_keys = digests.filter(|digest| *digest != object.manifest).collect();
        }
    }

    /// What of an object is left to others.
    pub fn ignored(&self, id: &ObjectId) -> Ignored {
        Ignored::of(&self.rules, id)
    }

    /// An object with that resolved id, as the planner sees it.
    pub fn object(&self, id: &ObjectId) -> Option<&plan::DesiredObject> {
        let found = self.objects.binary_search_by(|object| object.id.cmp(id)).ok()?;
        self.objects.get(found)
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

#[cfg(test)]
mod tests {
    use manifest::{Built, Document, SetOptions, parse_file};

    use super::*;

    const FILE: &str = "
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2, user: eve}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
";

    fn built(key: &InstallKey) -> Built {
        let documents: Vec<Document> = parse_file("all.yaml", FILE.as_bytes()).unwrap();
        DesiredSet::build(documents, SetOptions { key, default_namespace: "shop" }).unwrap()
    }

    fn resolved(built: &Built, rules: &[IgnoreRule]) -> Desired {
        Desired::resolve(built.set.digest(), &built.set, rules, "shop", |_| Some(KindScope::Namespaced))
    }

    #[test]
    fn under_the_other_keys_a_manifest_has_the_digest_that_it_had_then() {
        let [old, new] = [1, 2].map(|byte| InstallKey::from_bytes([byte; 32]));
        let keys = InstallKey::from_lines(&format!("{}\n{}", *new.to_hex(), *old.to_hex())).unwrap();
        let pointers = vec!["/stringData/user".to_owned()];
        for rules in [vec![], vec![IgnoreRule { pointers, ..Default::default() }]] {
            let (before, after) = (resolved(&built(&old), &rules), built(&new));
            let mut now = resolved(&after, &rules);
            now.note_other_keys(&after.secrets, &keys);
            let [settings, login] = &now.objects[..] else { panic!("two objects") };
            assert_eq!(login.under_other_keys, [before.objects[1].manifest]);
            assert!(
                login.is(Some(before.objects[1].manifest)) && login.manifest != before.objects[1].manifest
            );
            assert_eq!((settings.under_other_keys.len(), settings.manifest), (0, before.objects[0].manifest));
            // As whoever got the new key before the renderer did.
            let earlier = built(&old);
            let mut then = resolved(&earlier, &rules);
            then.note_other_keys(&earlier.secrets, &keys);
            assert!(then.objects[1].is(Some(login.manifest)));
        }
    }
}
