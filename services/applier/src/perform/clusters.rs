//! The clusters that are connected to, and what each of them serves.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use cluster::{ClusterClient, ClusterError, ConnectOptions, Discovery, Lookup, Missing, Resource};
use manifest::InstallKey;
use model::{Cluster, ClusterName, Gvk, ObjectId, definition::Kubeconfig};
use plan::Step;

/// Sensitive places of objects by id, while a sync writes them.
type Places = Arc<RwLock<HashMap<ObjectId, Vec<String>>>>;

/// All clusters.
pub(super) struct Clusters {
    key: InstallKey,
    open: Mutex<HashMap<ClusterName, Arc<Door>>>,
}

/// How long a failed attempt to connect stands for all who want to: else each of many would wait in turn.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Connects one at a time per cluster.
type Door = tokio::sync::Mutex<Entry>;

#[derive(Default)]
enum Entry {
    #[default]
    Closed,
    Open(Arc<Connected>),
    Refused {
        until: Instant,
        kubeconfig: Kubeconfig,
        error: ClusterError,
    },
}

/// A connected cluster.
pub(super) struct Connected {
    kubeconfig: Kubeconfig,
    pub(super) client: ClusterClient,
    served: tokio::sync::Mutex<Arc<Served>>,
    places: Places,
}

/// What a cluster serves; numbered, so that of many who find it outdated one asks anew.
pub(super) struct Served {
    number: u64,
    discovery: Discovery,
}

impl Clusters {
    pub(super) fn new(key: InstallKey) -> Self {
        Self { key, open: Mutex::default() }
    }

    /// The client of a cluster; connects if there is none, or its definition has changed.
    pub(super) async fn connect(&self, cluster: &Cluster) -> Result<Arc<Connected>, ClusterError> {
        let door = self.door(&cluster.name);
        let mut entry = door.lock().await;
        match &*entry {
            Entry::Open(connected) if connected.kubeconfig == cluster.kubeconfig => {
                return Ok(connected.clone());
            }
            Entry::Refused { until, kubeconfig, error }
                if *kubeconfig == cluster.kubeconfig && Instant::now() < *until =>
            {
                return Err(error.clone());
            }
            Entry::Open(_) | Entry::Refused { .. } | Entry::Closed => {}
        }
        let attempt = self.open(&cluster.kubeconfig).await;
        *entry = match &attempt {
            Ok(connected) => Entry::Open(connected.clone()),
            Err(error) => Entry::Refused {
                until: Instant::now() + REFUSED_FOR,
                kubeconfig: cluster.kubeconfig.clone(),
                error: error.clone(),
            },
        };
        attempt
    }

    async fn open(&self, kubeconfig: &Kubeconfig) -> Result<Arc<Connected>, ClusterError> {
        let places = Places::default();
        let lookup = places.clone();
        let sensitive = move |id: &ObjectId| {
            lookup.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default()
        };
        let options = ConnectOptions {
            key: self.key.clone(),
            sensitive: Arc::new(sensitive),
            user_agent: concat!("driftless-applier/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let client = ClusterClient::connect(kubeconfig, options).await?;
        let served = Served { number: 0, discovery: client.discover().await? };
        Ok(Arc::new(Connected {
            kubeconfig: kubeconfig.clone(),
            client,
            served: tokio::sync::Mutex::new(Arc::new(served)),
            places,
        }))
    }

    /// Drops a connection whose credentials are not accepted any more: the next sync reads them anew.
    pub(super) async fn forget(&self, cluster: &ClusterName) {
        *self.door(cluster).lock().await = Entry::Closed;
    }

    fn door(&self, cluster: &ClusterName) -> Arc<Door> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(cluster.clone()).or_default().clone()
    }
}

impl Connected {
    /// What the cluster serves, as far as is known.
    pub(super) async fn served(&self) -> Arc<Served> {
        self.served.lock().await.clone()
    }

    /// Asks what the cluster serves, unless somebody did since `seen`.
    pub(super) async fn rediscover(&self, seen: &Served) -> Result<(), ClusterError> {
        let mut served = self.served.lock().await;
        if served.number == seen.number {
            let discovery = self.client.discover().await?;
            *served = Arc::new(Served { number: seen.number + 1, discovery });
        }
        Ok(())
    }

    /// Says where the sensitive values of some objects are, until the answer is dropped.
    pub(super) fn mind(&self, objects: BTreeMap<ObjectId, Vec<String>>) -> Minded {
        let ids = objects.keys().cloned().collect();
        self.places.write().unwrap_or_else(PoisonError::into_inner).extend(objects);
        Minded { places: self.places.clone(), ids }
    }
}

impl Served {
    /// Whether a kind is served, as far as is known.
    pub(super) fn serves(&self, kind: &Gvk) -> bool {
        matches!(self.discovery.lookup(kind), Lookup::Known(_))
    }

    /// The resource of a step.
    pub(super) fn resource(&self, step: &Step, address: &str) -> Result<&Resource, ClusterError> {
        let gvk = Gvk { api_version: step.api_version.clone(), kind: step.id.kind.clone() };
        match self.discovery.lookup(&gvk) {
            Lookup::Known(resource) => Ok(resource),
            Lookup::UnknownKind => {
                Err(ClusterError::NotFound { request: format!("find {gvk}"), missing: Missing::Resource })
            }
            Lookup::GroupUnavailable => Err(ClusterError::Unreachable {
                address: address.to_owned(),
                problem: format!("what serves {} does not answer", step.api_version),
            }),
        }
    }
}

/// Sensitive places that are minded.
pub(super) struct Minded {
    places: Places,
    ids: Vec<ObjectId>,
}

impl Drop for Minded {
    fn drop(&mut self) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        self.ids.iter().for_each(|id| drop(places.remove(id)));
    }
}
