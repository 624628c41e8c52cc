//! Custody: a Lease on the cluster that keeps those apart whose logs know nothing of each other. It is held before
//! anything is written and renewed while it is. A one-shot run holds its application and gives it back at its end; a
//! platform holds each of its clusters, for as long as it is defined.

mod acting;
mod charge;
mod error;
mod give_way;
mod known;
mod release;
mod renewal;
mod scope;
mod statement;
mod title;
mod watched;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::now;
use cluster::{CALL_DEADLINE, ClusterClient, ClusterError, Lease, LeaseClaim};
use model::{ApplicationName, Cluster, Partition};
use tokio::time::{Instant, sleep};

use give_way::Asked;
use renewal::Renewal;
use scope::{Post, Scope, Whose};
use watched::{Sign, Watched};

pub use charge::{Acting, Charge};
pub use error::CustodyError;
pub use scope::Platform;

/// Time between two renewals: three may fail before a Lease is over.
const RENEWAL: Duration = Duration::from_secs(15);
/// How long a Lease counts without being renewed, and how long a run that was killed keeps others out.
const LIFE: Duration = Duration::from_secs(60);
/// Time between two looks at a Lease of somebody else.
const LOOK: Duration = Duration::from_secs(1);
/// How long a refusal stands for all who want to write to a cluster: else each of many would ask in turn.
const REFUSED_FOR: Duration = Duration::from_secs(5);
/// Name of the Lease of a platform: the same for all, so that they meet. No application's Lease has a dot in its name.
const PLATFORM: &str = "driftless.platform";

/// Custody of an application or a cluster.
pub struct Custody {
    /// Where the Lease is.
    pub(crate) namespace: String,
    name: String,
    scope: Scope,
    /// One at a time takes it.
    door: tokio::sync::Mutex<()>,
    /// Whether somebody else's Lease was met.
    contended: AtomicBool,
    /// The platform that is asked whether it holds the application.
    platform: Mutex<Option<Asked>>,
    /// The Lease was written.
    told: tokio::sync::Notify,
    standing: Mutex<Standing>,
}

/// How custody stands.
#[derive(Debug, Default)]
enum Standing {
    /// Not taken yet, or not any more.
    #[default]
    Open,
    /// It could not be taken.
    Refused { until: Instant, error: CustodyError },
    /// Taken.
    Held { lease: Lease, until: Instant, renewal: Renewal },
    /// Not ours any more, for good.
    Lost(CustodyError),
}

impl std::fmt::Debug for Custody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Custody({})", self.place())
    }
}

impl Custody {
    /// Of an application, in its namespace. Whoever calls himself `holder` too must be a predecessor that is dead.
    pub fn of(application: &ApplicationName, namespace: &str, holder: String) -> Arc<Self> {
        let name = format!("driftless-{application}");
        let scope = Scope::Application { application: application.clone(), holder };
        Self::new(namespace, name, scope)
    }

    /// Of a cluster, for a platform that has this in its charge there.
    pub fn of_cluster(cluster: &Cluster, platform: Platform, charge: Arc<Charge>) -> Arc<Self> {
        let partition = Partition::of_cluster(&cluster.name);
        let scope = Scope::Cluster(Post { platform, partition, charge, acting_told: AtomicBool::default() });
        Self::new(&cluster.namespace, PLATFORM.to_owned(), scope)
    }

    fn new(namespace: &str, name: String, scope: Scope) -> Arc<Self> {
        Arc::new(Self {
            namespace: namespace.to_owned(),
            name,
            scope,
            door: tokio::sync::Mutex::default(),
            contended: AtomicBool::new(false),
            platform: Mutex::default(),
            told: tokio::sync::Notify::new(),
            standing: Mutex::default(),
        })
    }

    /// Takes it, unless it is held already. What a Lease says of other installs and logs is heeded; one that may be
    /// taken when it is over is watched for its life.
    ///
    /// # Errors
    /// Held, Platform, OtherLog, Lost: transient. OtherInstall, OlderLog, OtherCopy, Forbidden: permanent. Cluster as
    /// its own class; NotFound: the namespace is not there.
    pub async fn take(self: &Arc<Self>, client: &ClusterClient) -> Result<(), CustodyError> {
        let _alone = self.door.lock().await;
        match &*self.standing() {
            Standing::Open => {}
            Standing::Refused { until, error } if Instant::now() < *until => return Err(error.clone()),
            Standing::Refused { .. } => {}
            Standing::Held { until, .. } => {
                return self.in_time(*until).map(|_| ()).ok_or_else(|| self.lost());
            }
            Standing::Lost(error) => return Err(error.clone()),
        }
        self.give_way(client).await?;
        let taken = self.take_anew(client).await;
        if let Err(error) = &taken
            && self.scope.is_shared()
            && !error.lacks_namespace()
        {
            let until = Instant::now() + REFUSED_FOR;
            *self.standing() = Standing::Refused { until, error: error.clone() };
        }
        taken
    }

    async fn take_anew(self: &Arc<Self>, client: &ClusterClient) -> Result<(), CustodyError> {
        let mut watched = Watched::default();
        loop {
            let seen = client.lease(&self.namespace, &self.name).await;
            let seen = seen.map_err(|error| self.refused(error))?;
            let whose = match &seen {
                Some(lease) => self.scope.whose(lease, &self.place()).await?,
                None => Whose::Ours,
            };
            if let (Some(lease), Whose::Theirs(holder)) = (&seen, whose) {
                self.contended.store(true, Ordering::Relaxed);
                match watched.look(lease, Instant::now()) {
                    Sign::None => {
                        sleep(LOOK).await;
                        continue;
                    }
                    Sign::Alive => return Err(self.scope.taken(self.place(), holder)),
                    Sign::Over => {
                        tracing::warn!(
                            lease = self.place(),
                            holder,
                            "a Lease that nobody renews is taken over"
                        );
                    }
                }
            }
            let sent = Instant::now();
            match self.claim(client, (Some(&self.scope.holder()), seen.as_ref())).await {
                Ok(lease) => {
                    self.begin(client, lease, sent + LIFE);
                    return Ok(());
                }
                // Somebody was first: look who.
                Err(ClusterError::AlreadyExists { .. } | ClusterError::Moved { .. }) => {}
                Err(error) => return Err(self.refused(error)),
            }
        }
    }

    /// Whether somebody else's Lease was met; what takes long without it is the cluster.
    pub fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }

    /// Until when a request may be started; `None`: not any more.
    pub fn writable_until(&self) -> Option<Instant> {
        match &*self.standing() {
            Standing::Held { until, .. } => self.in_time(*until),
            Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => None,
        }
    }

    /// Whether what was held is over without anybody having taken it: the connection did not serve to renew it.
    pub(crate) fn is_over(&self) -> bool {
        match &*self.standing() {
            Standing::Held { until, .. } => self.in_time(*until).is_none(),
            Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => false,
        }
    }

    /// Until when a request may be started while a Lease counts that long.
    fn in_time(&self, until: Instant) -> Option<Instant> {
        until.checked_sub(CALL_DEADLINE).filter(|until| *until > Instant::now())
    }

    /// Says why nothing may be written, if so.
    ///
    /// # Errors
    /// Lost, Platform: transient.
    pub fn check(&self) -> Result<(), CustodyError> {
        self.permit().map(|_| ())
    }

    /// Until when a request may be started.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) fn permit(&self) -> Result<Instant, CustodyError> {
        self.writable_until().ok_or_else(|| match &*self.standing() {
            Standing::Lost(error) => error.clone(),
            Standing::Open | Standing::Refused { .. } | Standing::Held { .. } => self.lost(),
        })
    }

    fn begin(self: &Arc<Self>, client: &ClusterClient, lease: Lease, until: Instant) {
        let mut standing = self.standing();
        *standing = Standing::Held { lease, until, renewal: Renewal::of(self, client) };
    }

    async fn claim(
        &self,
        client: &ClusterClient,
        (holder, seen): (Option<&str>, Option<&Lease>),
    ) -> Result<Lease, ClusterError> {
        let annotations = self.scope.annotations(seen);
        let claim = LeaseClaim {
            namespace: &self.namespace,
            name: &self.name,
            holder,
            annotations: &annotations,
            life: LIFE,
            now: now(),
        };
        let claimed = client.claim_lease(&claim, seen).await?;
        self.scope.take_in(&claimed);
        self.told.notify_waiters();
        Ok(claimed)
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn lost(&self) -> CustodyError {
        CustodyError::Lost { lease: self.place() }
    }

    /// The error if the namespace of the Lease is not there and cannot be made.
    pub(crate) fn homeless(&self) -> CustodyError {
        let message = "the namespace is not there, and may not be created".to_owned();
        CustodyError::Forbidden { lease: self.place(), message }
    }

    fn refused(&self, error: ClusterError) -> CustodyError {
        if let ClusterError::Forbidden { message, .. } = error {
            return CustodyError::Forbidden { lease: self.place(), message };
        }
        CustodyError::Cluster(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Custody {
        /// As if nothing had been renewed for the life of the Lease.
        pub(crate) fn expire(&self) {
            if let Standing::Held { until, .. } = &mut *self.standing() {
                *until = Instant::now();
            }
        }
    }

    #[test]
    fn no_application_has_the_lease_of_a_platform() {
        let name = PLATFORM.trim_start_matches("driftless").trim_start_matches('-');
        assert!(name.parse::<ApplicationName>().is_err(), "{name}");
        let custody = Custody::of(&"platform".parse().unwrap(), "driftless", "a-run".to_owned());
        assert_ne!(custody.name, PLATFORM);
    }
}
