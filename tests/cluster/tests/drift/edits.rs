//! What other actors do to an object of ours.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    MANAGER,
    foreign::{APPLY, Foreign, JSON, JSON_PATCH, MERGE, Write},
    kinds::Kind,
    template::draw,
    tree,
};

/// The object that is edited.
pub struct Target<'a> {
    pub foreign: &'a Foreign,
    pub kind: &'a Kind,
    /// Path of the object and of its collection.
    pub path: &'a str,
    pub collection: &'a str,
    /// What we apply.
    pub desired: &'a Value,
}

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// A random change of the tree.
    Tree,
    /// Part of another manifest of the kind, merged.
    Donor,
    /// Part of another manifest, or of ours, by server-side apply.
    Applies,
    /// A change, and its undoing by somebody.
    ThereAndBack,
    /// Managed fields cleared, cut, renamed, or put back after a change.
    Ownership,
    Scale,
    Status,
    Recreate,
}

/// How often each is drawn. Changes that leave values or ownership as they were are what set, values and order
/// alone misjudge: they are drawn more often than others make them.
const EDITS: [(Edit, u32); 8] = [
    (Edit::Tree, 4),
    (Edit::Donor, 2),
    (Edit::Applies, 4),
    (Edit::ThereAndBack, 3),
    (Edit::Ownership, 3),
    (Edit::Scale, 1),
    (Edit::Status, 1),
    (Edit::Recreate, 1),
];

impl Target<'_> {
    /// Makes one random edit; says which, and whether the server took any of it. The log is told what was sent
    /// and what came back.
    pub async fn edit(&self, rng: &mut StdRng, log: &mut Vec<String>) -> (Edit, bool) {
        let edit = EDITS.choose_weighted(rng, |(_, weight)| *weight).unwrap().0;
        let before = log.len();
        let live = self.foreign.get(self.path).await;
        if live.is_null() {
            log.push("the object is gone".into());
            return (edit, false);
        }
        match edit {
            Edit::Tree => self.tree(&live, rng, log).await,
            Edit::Donor => self.donor(&live, rng, log).await,
            Edit::Applies => self.applies(rng, log).await,
            Edit::ThereAndBack => self.there_and_back(&live, rng, log).await,
            Edit::Ownership => self.ownership(live, rng, log).await,
            Edit::Scale => self.scale(rng, log).await,
            Edit::Status => self.status(rng, log).await,
            Edit::Recreate => self.recreate(live, rng, log).await,
        }
        (edit, log[before..].iter().any(|line| line.starts_with('2')))
    }

    async fn send(&self, write: Write, log: &mut Vec<String>) -> u16 {
        let (status, answer) = self.foreign.write(self.path, &write).await;
        let Write { method, media, subresource, manager, force, body } = write;
        let said = if status < 300 { "" } else { answer["message"].as_str().unwrap_or_default() };
        let said: String = said.chars().take(120).collect();
        log.push(format!(
            "{status} {method} {media} {subresource} by {manager} force={force}: {body} {said}"
        ));
        status
    }

    async fn tree(&self, live: &Value, rng: &mut StdRng, log: &mut Vec<String>) {
        // Rather what we want than what defaulting put there: half of the changes hit fields of ours.
        let Some(mut change) = tree::change(live, rng) else { return };
        for _ in 0..8 {
            if rng.random_bool(0.5) || self.desired.pointer(&change.at).is_some() {
                break;
            }
            let Some(other) = tree::change(live, rng) else { return };
            change = other;
        }
        let (method, media, body) = match rng.random_range(0..3) {
            0 => {
                let mut after = live.clone();
                tree::set(&mut after, &change);
                (Method::PUT, JSON, after)
            }
            1 => (Method::PATCH, MERGE, tree::merge_patch(live, &change)),
            _ => {
                let operation = match &change.value {
                    Some(value) => json!([{"op": "replace", "path": change.at, "value": value}]),
                    None => json!([{"op": "remove", "path": change.at}]),
                };
                (Method::PATCH, JSON_PATCH, operation)
            }
        };
        self.send(write(method, media, &other(rng), body), log).await;
    }

    async fn donor(&self, live: &Value, rng: &mut StdRng, log: &mut Vec<String>) {
        let part = tree::part(&draw(&self.kind.template, rng), rng);
        if rng.random_bool(0.5) {
            self.send(write(Method::PATCH, MERGE, &other(rng), part), log).await;
        } else {
            let mut object = live.clone();
            tree::overlay(&mut object, &part);
            self.send(write(Method::PUT, JSON, &other(rng), object), log).await;
        }
    }

    async fn applies(&self, rng: &mut StdRng, log: &mut Vec<String>) {
        let own = tree::part(self.desired, rng);
        let body = match rng.random_range(0..4) {
            0 => own,
            1 => self.identity(),
            2 => self.with_identity(draw(&self.kind.template, rng)),
            _ => {
                let part = tree::part(&draw(&self.kind.template, rng), rng);
                self.with_identity(part)
            }
        };
        let manager = if rng.random_bool(0.15) { MANAGER.to_owned() } else { other(rng) };
        let force = rng.random_bool(0.7);
        self.send(Write { force, ..write(Method::PATCH, APPLY, &manager, body) }, log).await;
    }

    fn identity(&self) -> Value {
        let metadata = &self.desired["metadata"];
        let mut identity = json!({"name": metadata["name"]});
        if let Some(namespace) = metadata.get("namespace") {
            identity["namespace"] = namespace.clone();
        }
        json!({"apiVersion": self.desired["apiVersion"], "kind": self.desired["kind"], "metadata": identity})
    }

    fn with_identity(&self, mut content: Value) -> Value {
        tree::overlay(&mut content, &self.identity());
        content
    }

    async fn there_and_back(&self, live: &Value, rng: &mut StdRng, log: &mut Vec<String>) {
        let Some(change) = tree::change(live, rng) else { return };
        let mut after = live.clone();
        tree::set(&mut after, &change);
        after["metadata"]["resourceVersion"] = Value::Null;
        if self.send(write(Method::PUT, JSON, &other(rng), after), log).await >= 300 {
            return;
        }
        let mut back = live.clone();
        back["metadata"]["resourceVersion"] = Value::Null;
        if rng.random_bool(0.5) {
            back["metadata"]["managedFields"] = Value::Null;
        }
        let by = if rng.random_bool(0.2) { MANAGER.to_owned() } else { other(rng) };
        self.send(write(Method::PUT, JSON, &by, back), log).await;
    }

    async fn ownership(&self, mut live: Value, rng: &mut StdRng, log: &mut Vec<String>) {
        let Some(entries) = live["metadata"]["managedFields"].as_array_mut() else { return };
        let ours =
            entries.iter().position(|entry| entry["manager"] == MANAGER && entry["operation"] == "Apply");
        match (rng.random_range(0..6), ours) {
            (0, _) => *entries = vec![json!({})],
            (1, Some(at)) => {
                entries.remove(at);
            }
            (2, Some(at)) => {
                if let Some(change) = tree::change(&entries[at]["fieldsV1"], rng) {
                    tree::set(&mut entries[at]["fieldsV1"], &tree::Change { value: None, ..change });
                }
            }
            (3, Some(at)) => entries[at]["manager"] = other(rng).into(),
            (4, Some(at)) => entries[at]["operation"] = "Update".into(),
            // The value changes while the entries stay as they were.
            _ => {
                let kept = live["metadata"]["managedFields"].clone();
                let Some(change) = tree::change(&live, rng) else { return };
                tree::set(&mut live, &change);
                self.send(write(Method::PUT, JSON, &other(rng), live), log).await;
                live = self.foreign.get(self.path).await;
                live["metadata"]["managedFields"] = kept;
            }
        }
        self.send(write(Method::PUT, JSON, &other(rng), live), log).await;
    }

    async fn scale(&self, rng: &mut StdRng, log: &mut Vec<String>) {
        if !self.kind.scales {
            return self.applies(rng, log).await;
        }
        let replicas = json!({"spec": {"replicas": rng.random_range(0..4)}});
        let request = write(Method::PATCH, MERGE, &other(rng), replicas);
        self.send(Write { subresource: "/scale", ..request }, log).await;
    }

    async fn status(&self, rng: &mut StdRng, log: &mut Vec<String>) {
        let status = json!({"status": {"replicas": 1, "phase": "Bound", "conditions": {"x": "z"}, "observedGeneration": 1}});
        let request = write(Method::PATCH, MERGE, &other(rng), status);
        let subresource = if rng.random_bool(0.7) { "/status" } else { "" };
        self.send(Write { subresource, ..request }, log).await;
    }

    async fn recreate(&self, mut live: Value, rng: &mut StdRng, log: &mut Vec<String>) {
        // An object that a finalizer holds stays, marked for deletion.
        self.foreign.delete(self.path).await;
        for name in ["uid", "resourceVersion", "creationTimestamp"] {
            live["metadata"][name] = Value::Null;
        }
        if rng.random_bool(0.3) {
            let by = if rng.random_bool(0.5) { MANAGER.to_owned() } else { other(rng) };
            self.send(write(Method::PATCH, APPLY, &by, self.desired.clone()), log).await;
            return;
        }
        if rng.random_bool(0.5) {
            live["metadata"]["managedFields"] = Value::Null;
        }
        let (status, answer) = self.foreign.send(Method::POST, self.collection, JSON, Some(&live)).await;
        log.push(format!("{status} deleted, created again: {live} {}", answer["message"]));
    }
}

fn write(method: Method, media: &'static str, manager: &str, body: Value) -> Write {
    Write { method, media, subresource: "", manager: manager.to_owned(), force: false, body }
}

fn other(rng: &mut StdRng) -> String {
    let managers = [
        "alice",
        "bob",
        "kubectl-edit",
        "kubectl-client-side-apply",
        "kube-controller-manager",
        "driftless:other",
        MANAGER,
    ];
    (*managers.choose(rng).unwrap()).to_owned()
}
