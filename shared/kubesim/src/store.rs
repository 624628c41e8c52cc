//! The objects of one cluster, and what changed lately.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde_json::{Value, json};

use crate::object::{is_deleting, set_meta};

/// How many changes are kept by default: a watch that fell further behind has to list again.
pub(crate) const CHANGES_KEPT: usize = 1024;

/// Where an object is. The resource is `deployments.apps`, the namespace of cluster-wide ones is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) resource: Arc<str>,
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

/// An object as text: a tenth of the memory of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) text: Arc<str>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// As it was, if it was.
    pub(crate) before: Option<Arc<str>>,
    pub(crate) after: After,
}

/// What a change made of an object.
#[derive(Debug, Clone)]
pub(crate) enum After {
    /// It is there, so.
    There(Arc<str>),
    /// It has gone; as it last was, with the version at which it went.
    Gone(Arc<str>),
}

/// The objects of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    version: u64,
    objects: BTreeMap<Key, Stored>,
    changes: VecDeque<Change>,
    kept: usize,
    /// Changes after this version are all kept.
    floor: u64,
    settled: Settled,
    /// Those that are on their way out, and those that have owners: few, and looked for at every deletion.
    going: BTreeSet<Key>,
    owned: BTreeSet<Key>,
}

/// Whether something went, or began to, since that was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Yes,
    No,
}

impl Stored {
    /// The object.
    pub(crate) fn object(&self) -> Value {
        parse(&self.text)
    }
}

/// What the store wrote can be read.
pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Every text begins with the version and the kind, so that they can be taken off without reading it.
fn identity_first(object: &mut Value) {
    let Some(members) = object.as_object_mut() else { return };
    for (at, name) in ["apiVersion", "kind"].into_iter().enumerate() {
        if let Some(value) = members.shift_remove(name) {
            members.shift_insert(at, name.to_owned(), value);
        }
    }
}

impl Store {
    /// An empty one that keeps that many changes.
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            version: 1,
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            kept,
            floor: 0,
            settled: Settled::Yes,
            going: BTreeSet::new(),
            owned: BTreeSet::new(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Stored> {
        self.objects.get(key)
    }

    /// All objects of a resource, of one namespace if one is named, in the order of their keys.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &'a str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Stored)> {
        let from = Key {
            resource: resource.into(),
            namespace: namespace.unwrap_or_default().into(),
            name: "".into(),
        };
        self.objects.range((Bound::Included(from), Bound::Unbounded)).take_while(move |(key, _)| {
            &*key.resource == resource && namespace.is_none_or(|namespace| &*key.namespace == namespace)
        })
    }

    /// The objects that are on their way out.
    pub(crate) fn going(&self) -> Vec<(Key, Value)> {
        self.of(&self.going)
    }

    /// The objects that have owners.
    pub(crate) fn owned(&self) -> Vec<(Key, Value)> {
        self.of(&self.owned)
    }

    fn of(&self, keys: &BTreeSet<Key>) -> Vec<(Key, Value)> {
        keys.iter().filter_map(|key| Some((key.clone(), self.objects.get(key)?.object()))).collect()
    }

    /// All objects.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Key, &Stored)> {
        self.objects.iter()
    }

    /// Changes after a version.
    pub(crate) fn changes_after(&self, version: u64) -> impl Iterator<Item = &Change> {
        let from = self.changes.partition_point(|change| change.version <= version);
        self.changes.range(from..)
    }

    /// Writes an object; its new version is set in it.
    pub(crate) fn put(&mut self, key: Key, object: &mut Value) {
        self.version += 1;
        set_meta(object, "resourceVersion", json!(self.version.to_string()));
        identity_first(object);
        if is_deleting(object) {
            self.settled = Settled::No;
        }
        let owned = object["metadata"]["ownerReferences"].is_array();
        for (keys, belongs) in [(&mut self.going, is_deleting(object)), (&mut self.owned, owned)] {
            if belongs {
                keys.insert(key.clone());
            } else {
                keys.remove(&key);
            }
        }
        let text: Arc<str> = object.to_string().into();
        let stored = Stored { text: Arc::clone(&text) };
        let before = self.objects.insert(key.clone(), stored).map(|stored| stored.text);
        self.record(key, before, After::There(text));
    }

    /// Deletes an object. It is told as it last was, with the version at which it goes, which is set in `object` too.
    pub(crate) fn delete(&mut self, key: Key, object: &mut Value) {
        let Some(before) = self.objects.remove(&key) else { return };
        self.settled = Settled::No;
        self.going.remove(&key);
        self.owned.remove(&key);
        self.version += 1;
        let mut last = before.object();
        for object in [&mut last, object] {
            set_meta(object, "resourceVersion", json!(self.version.to_string()));
        }
        self.record(key, Some(before.text), After::Gone(last.to_string().into()));
    }

    /// Whether something went, or began to, since this was asked last.
    pub(crate) fn take_unsettled(&mut self) -> bool {
        std::mem::replace(&mut self.settled, Settled::Yes) == Settled::No
    }

    fn record(&mut self, key: Key, before: Option<Arc<str>>, after: After) {
        self.changes.push_back(Change { version: self.version, key, before, after });
        while self.changes.len() > self.kept {
            self.forget_one();
        }
    }

    fn forget_one(&mut self) {
        if let Some(change) = self.changes.pop_front() {
            self.floor = change.version;
        }
    }

    /// Forgets all changes: whoever watches from before has to list again.
    pub(crate) fn compact(&mut self) {
        self.changes.clear();
        self.floor = self.version;
    }
}
