//! Whoever watches a cluster from the outside all the time: which objects there are, were, and went.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use cluster::{ClusterClient, ConnectOptions, Live, Resource, Scope, WatchEvent};
use futures::StreamExt;
use manifest::InstallKey;
use model::{Gvk, definition::Kubeconfig};
use tokio::task::AbortHandle;

use crate::desired::Objects;

const LABEL: &str = "driftless.dev/application";

/// An object, by name and uid.
pub type Being = (String, String);

/// What was seen in one namespace of a cluster.
#[derive(Default)]
pub struct Seen {
    /// What is there now.
    live: BTreeMap<String, Object>,
    /// Every object that was ever there.
    pub beings: BTreeSet<Being>,
    /// Those that went, in order.
    pub gone: Vec<Being>,
}

struct Object {
    uid: String,
    value: String,
    managers: Vec<String>,
}

/// A watch of every object with our mark in one namespace.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    task: AbortHandle,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Witness {
    pub async fn of(place: &Kubeconfig, namespace: &str) -> Self {
        let options = ConnectOptions { key: InstallKey::from_bytes([7; 32]), user_agent: "chaos".into() };
        let client = ClusterClient::connect(place, options).await.unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (board, namespace) = (seen.clone(), namespace.to_owned());
        let task = tokio::spawn(async move {
            loop {
                follow(&client, &namespace, &board).await;
                // A watch ends every few minutes, and an API server may be slow.
                let _ = tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await;
            }
        });
        Self { seen, task: task.abort_handle() }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

async fn follow(client: &ClusterClient, namespace: &str, board: &Mutex<Seen>) {
    let gvk = Gvk { api_version: "v1".parse().unwrap(), kind: "ConfigMap".into() };
    let resource = Resource { gvk, plural: "configmaps".into(), scope: Scope::Namespaced, verbs: vec![] };
    let Ok(listed) = client.list(&resource, Some(namespace), LABEL).await else { return };
    board.lock().unwrap().list(&listed.items);
    let mut watch = pin!(client.watch(&resource, Some(namespace), LABEL, &listed.resource_version));
    while let Some(Ok(event)) = watch.next().await {
        let mut seen = board.lock().unwrap();
        match event {
            WatchEvent::Added(live) | WatchEvent::Modified(live) => seen.take(&live),
            WatchEvent::Deleted(live) => seen.lose(&live.id.name),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Gone => return,
        }
    }
}

impl Seen {
    fn list(&mut self, items: &[Live]) {
        let there: BTreeSet<&str> = items.iter().map(|live| live.id.name.as_str()).collect();
        let lost =
            self.live.keys().filter(|name| !there.contains(name.as_str())).cloned().collect::<Vec<_>>();
        lost.iter().for_each(|name| self.lose(name));
        items.iter().for_each(|live| self.take(live));
    }

    fn take(&mut self, live: &Live) {
        let (name, value) = (&live.id.name, live.value.value());
        if self.live.get(name).is_some_and(|before| before.uid != live.uid) {
            self.lose(name);
        }
        let managers = value["metadata"]["managedFields"].as_array().into_iter().flatten();
        let managers = managers.filter_map(|entry| Some(entry["manager"].as_str()?.to_owned())).collect();
        let text = value["data"]["v"].as_str().unwrap_or_default().to_owned();
        self.beings.insert((name.clone(), live.uid.clone()));
        self.live.insert(name.clone(), Object { uid: live.uid.clone(), value: text, managers });
    }

    fn lose(&mut self, name: &str) {
        if let Some(object) = self.live.remove(name) {
            self.gone.push((name.to_owned(), object.uid));
        }
    }

    /// What is there, as Git describes objects.
    pub fn objects(&self) -> Objects {
        self.live.iter().map(|(name, object)| (name.clone(), object.value.clone())).collect()
    }

    /// Who is there.
    pub fn living(&self) -> BTreeSet<Being> {
        self.live.iter().map(|(name, object)| (name.clone(), object.uid.clone())).collect()
    }

    /// Objects that not exactly one of our managers has written.
    pub fn with_other_managers(&self) -> Vec<&str> {
        let ours = |object: &Object| {
            let ours = object.managers.iter().filter(|manager| manager.starts_with("driftless:"));
            ours.count() == 1
        };
        self.live.iter().filter(|(_, object)| !ours(object)).map(|(name, _)| name.as_str()).collect()
    }
}
