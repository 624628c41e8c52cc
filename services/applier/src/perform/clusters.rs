//! The clusters that are connected to, and what each of them serves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::Log;
use cluster::{
    ClusterClient, ClusterError, ConnectOptions, Dialer, Discovery, Lookup, Missing, Resource, Sensitive,
    same_as,
};
use events::{
    EventType,
    state::{ClusterIdentity, ClusterState, decode},
};
use manifest::InstallKey;
use model::{
    Aggregate, Cluster, ClusterName, Gvk,
    definition::{Kubeconfig, Reach},
};
use plan::Step;
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    Config, Custody, Scope,
    custody::{Charge, Platform},
};

/// All clusters.
pub(super) struct Clusters {
    key: InstallKey,
    dialer: Dialer,
    places: Mutex<BTreeMap<ClusterName, Arc<Place>>>,
    keeping: Keeping,
    turns: Semaphore,
}

/// How clusters are held.
enum Keeping {
    /// Each, by the platform.
    Each(Platform),
    /// None: one application is held, wherever it is.
    Application(Arc<Custody>),
}

/// What is known of a cluster, connected or not.
#[derive(Default)]
struct Place {
    door: Door,
    charge: Arc<Charge>,
}

/// How long a failed attempt to connect stands for all who want to: else each of many would wait in turn.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Clusters that are connected to at once although there is nothing to do on them: each costs a handshake and a
/// discovery, and there may be thousands.
const TURNS: usize = 16;

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
#[derive(Clone)]
pub(super) struct Connected {
    kubeconfig: Kubeconfig,
    reach: Reach,
    pub(super) client: ClusterClient,
    /// What has to be held before anything is written.
    pub(super) custody: Arc<Custody>,
    served: Arc<tokio::sync::Mutex<Arc<Served>>>,
}

/// What a cluster serves; numbered, so that of many who find it outdated one asks anew.
pub(super) struct Served {
    number: u64,
    discovery: Discovery,
}

impl Clusters {
    pub(super) fn new(log: &Arc<dyn Log>, config: &Config) -> Self {
        let keeping = match &config.scope {
            Scope::Application(custody) => Keeping::Application(custody.clone()),
            Scope::Clusters => Keeping::Each(Platform {
                installs: config.key.all().map(InstallKey::key_id).collect(),
                instance: config.instance.clone(),
                log: log.clone(),
                share: config.share.clone(),
            }),
        };
        Self {
            key: config.key.clone(),
            dialer: config.dialer.clone(),
            places: Mutex::default(),
            keeping,
            turns: Semaphore::new(TURNS),
        }
    }

    /// Whether clusters are held although there is nothing to do.
    pub(super) fn are_held(&self) -> bool {
        match self.keeping {
            Keeping::Each(_) => true,
            Keeping::Application(_) => false,
        }
    }

    /// The client of a cluster; connects if there is none, or its definition has changed.
    pub(super) async fn connect(&self, cluster: &Cluster) -> Result<Arc<Connected>, ClusterError> {
        let place = self.place(&cluster.name);
        let mut entry = place.door.lock().await;
        match &*entry {
            Entry::Open(connected) if connected.is(cluster, &self.keeping) => {
                return Ok(connected.clone());
            }
            Entry::Refused { until, kubeconfig, error }
                if *kubeconfig == cluster.kubeconfig && Instant::now() < *until =>
            {
                return Err(error.clone());
            }
            Entry::Open(_) | Entry::Refused { .. } | Entry::Closed => {}
        }
        let attempt = self.open(cluster, &place.charge).await;
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

    /// The same for those who have nothing urgent: a few at once.
    pub(super) async fn connect_in_turn(&self, cluster: &Cluster) -> Result<Arc<Connected>, ClusterError> {
        let _turn = self.turns.acquire().await;
        self.connect(cluster).await
    }

    async fn open(&self, cluster: &Cluster, charge: &Arc<Charge>) -> Result<Arc<Connected>, ClusterError> {
        let options = ConnectOptions {
            key: self.key.clone(),
            user_agent: concat!("driftless-applier/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let client = self.dialer.connect(&cluster.kubeconfig, options).await?;
        if let Keeping::Each(platform) = &self.keeping {
            admit(&platform.log, cluster, &client).await?;
        }
        let served = Served { number: 0, discovery: client.discover().await? };
        let custody = match &self.keeping {
            Keeping::Each(platform) => Custody::of_cluster(cluster, platform.clone(), charge.clone()),
            Keeping::Application(custody) => custody.clone(),
        };
        Ok(Arc::new(Connected {
            kubeconfig: cluster.kubeconfig.clone(),
            reach: cluster.reach.clone(),
            client,
            custody,
            served: Arc::new(tokio::sync::Mutex::new(Arc::new(served))),
        }))
    }

    /// Drops a connection whose credentials are not accepted any more: the next sync reads them anew.
    pub(super) async fn forget(&self, cluster: &ClusterName) {
        *self.place(cluster).door.lock().await = Entry::Closed;
    }

    /// All connections.
    pub(super) async fn connected(&self) -> Vec<Arc<Connected>> {
        let places: Vec<_> = self.places().values().cloned().collect();
        let mut connected = Vec::new();
        for place in places {
            if let Entry::Open(open) = &*place.door.lock().await {
                connected.push(open.clone());
            }
        }
        connected
    }

    /// Lets go of all but these clusters, and drops the connections to them.
    pub(super) async fn let_go_all_but(&self, ours: &BTreeSet<ClusterName>) {
        let places: Vec<_> = {
            let places = self.places();
            places.iter().filter(|(name, _)| !ours.contains(name)).map(|(_, place)| place.clone()).collect()
        };
        for place in places {
            // The door is kept until it is done: the Lease of whoever connects anew would be let go as well.
            let mut entry = place.door.lock().await;
            if let Entry::Open(open) = &*entry {
                open.custody.let_go().await;
            }
            *entry = Entry::Closed;
        }
    }

    /// What the platform has in its charge on a cluster.
    pub(super) fn charge(&self, cluster: &ClusterName) -> Arc<Charge> {
        self.place(cluster).charge.clone()
    }

    fn place(&self, cluster: &ClusterName) -> Arc<Place> {
        self.places().entry(cluster.clone()).or_default().clone()
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<ClusterName, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on only with the API server that the log says the name stands for.
async fn admit(log: &Arc<dyn Log>, cluster: &Cluster, client: &ClusterClient) -> Result<(), ClusterError> {
    let unknown =
        |problem: String| ClusterError::Unreachable { address: client.address().to_owned(), problem };
    let newest = log.newest(&Aggregate::Cluster(cluster.name.clone())).await;
    let newest =
        newest.map_err(|error| unknown(format!("what is recorded of it cannot be read: {error}")))?;
    let Some(event) = newest.filter(|event| event.draft.kind != EventType::ClusterRetired) else {
        return Ok(());
    };
    let state: ClusterState = decode(event.draft.format, &event.draft.payload)
        .map_err(|error| unknown(format!("what is recorded of it cannot be read: {error}")))?;
    match state.identity {
        ClusterIdentity::Unknown => Ok(()),
        ClusterIdentity::Uid(recorded) => same_as(Some(&recorded), &client.identity().await?),
        ClusterIdentity::Twin(other) => Err(ClusterError::Twin { other: other.to_string() }),
    }
}

impl Connected {
    /// Whether it is the connection to a cluster as it is defined, and serves. One over which the Lease could not be
    /// renewed does not: the kubeconfig may have been rewritten, and may name another address by now.
    fn is(&self, cluster: &Cluster, keeping: &Keeping) -> bool {
        let held = match keeping {
            Keeping::Each(_) => self.custody.namespace == cluster.namespace && !self.custody.is_over(),
            Keeping::Application(_) => true,
        };
        held && self.kubeconfig == cluster.kubeconfig && self.reach == cluster.reach
    }

    /// Whether namespaces are made on it: they are resources of the whole cluster.
    pub(super) fn may_make_namespaces(&self) -> bool {
        self.reach.holds_cluster_resources()
    }

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

    /// The same connection, which also takes out what stands at these places of objects.
    pub(super) fn minding(&self, sensitive: Sensitive) -> Self {
        Self { client: self.client.minding(sensitive), ..self.clone() }
    }
}

impl Served {
    /// Whether a kind is served, as far as is known.
    pub(super) fn serves(&self, kind: &Gvk) -> bool {
        matches!(self.discovery.lookup(kind), Lookup::Known(_))
    }

    /// The resource of a step: what is applied is written at its version, what goes may be served at another by now.
    pub(super) fn resource(&self, step: &Step, address: &str) -> Result<&Resource, ClusterError> {
        let gvk = Gvk { api_version: step.api_version.clone(), kind: step.id.kind.clone() };
        let found = match step.action.applies() {
            true => self.discovery.lookup(&gvk),
            false => self.discovery.found(&gvk),
        };
        match found {
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

#[cfg(test)]
mod tests;
