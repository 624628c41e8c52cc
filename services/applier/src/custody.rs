//! Custody of an application: a Lease on the cluster that keeps two one-shot runs apart whose logs know nothing of
//! each other. It is held before anything is written, renewed while the run lasts, and given back at its end.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bus::now;
use cluster::{CALL_DEADLINE, ClusterClient, ClusterError, ConnectOptions, Lease, LeaseClaim, Missing};
use manifest::InstallKey;
use model::{ApplicationName, RetryClass, definition::Kubeconfig};
use tokio::{task::AbortHandle, time::sleep};

/// Time between two renewals: three may fail before a Lease is over.
const RENEWAL: Duration = Duration::from_secs(15);
/// How long a Lease counts without being renewed, and how long a run that was killed keeps others out.
const LIFE: Duration = Duration::from_secs(60);
/// Time between two looks at a Lease of somebody else.
const LOOK: Duration = Duration::from_secs(1);
/// Longest life that is believed of somebody else's Lease: it is waited for.
const LIFE_MAX: Duration = Duration::from_secs(300);

/// Why there is no custody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// Somebody else has it, and is alive.
    #[error("{holder} is at work on this application (Lease {lease})")]
    Held {
        /// Namespace and name of the Lease.
        lease: String,
        /// Who.
        holder: String,
    },
    /// It was held, and could not be renewed in time or was taken by somebody else.
    #[error("the Lease {lease} was lost, so nothing more is written")]
    Lost {
        /// Namespace and name of the Lease.
        lease: String,
    },
    /// Leases may not be written there.
    #[error("the Lease {lease} may not be held: {message}")]
    Forbidden {
        /// Namespace and name of the Lease.
        lease: String,
        /// The server's words.
        message: String,
    },
    /// The cluster did not do it.
    #[error("{0}")]
    Cluster(ClusterError),
}

impl CustodyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "CUSTODY-HELD",
            Self::Lost { .. } => "CUSTODY-LOST",
            Self::Forbidden { .. } => "CUSTODY-FORBIDDEN",
            Self::Cluster(error) => error.code(),
        }
    }

    /// What a person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Held { .. } => {
                "wait until that run has ended, then run the command again; one that was killed counts for a minute"
            }
            Self::Lost { .. } => "check the connection to the API server, then run the command again",
            Self::Forbidden { .. } => {
                "grant get, create, update and delete on leases.coordination.k8s.io in that namespace"
            }
            Self::Cluster(error) => error.remedy(),
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::Held { .. } | Self::Lost { .. } => RetryClass::Transient,
            Self::Forbidden { .. } => RetryClass::Permanent,
            Self::Cluster(error) => error.class(),
        }
    }
}

/// Custody of one application on one cluster.
#[derive(Debug)]
pub struct Custody {
    /// Where the Lease is: the application's namespace.
    pub(crate) namespace: String,
    name: String,
    holder: String,
    /// One at a time takes it.
    door: tokio::sync::Mutex<()>,
    /// Whether somebody else's Lease was met.
    contended: AtomicBool,
    standing: Mutex<Standing>,
}

/// How custody stands.
#[derive(Debug, Default)]
enum Standing {
    /// Not taken yet, or given back.
    #[default]
    Open,
    /// Taken.
    Held { lease: Lease, until: Instant, renewal: Renewal },
    /// Taken by somebody else since.
    Lost,
}

/// What renews it, and by which client.
struct Renewal {
    task: AbortHandle,
    client: ClusterClient,
}

impl std::fmt::Debug for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Renewal")
    }
}

impl Custody {
    /// Of an application, in its namespace. Whoever calls himself `holder` too must be a predecessor that is dead.
    pub fn of(application: &ApplicationName, namespace: &str, holder: String) -> Arc<Self> {
        Arc::new(Self {
            namespace: namespace.to_owned(),
            name: format!("driftless-{application}"),
            holder,
            door: tokio::sync::Mutex::default(),
            contended: AtomicBool::new(false),
            standing: Mutex::default(),
        })
    }

    /// Takes it over a connection of its own, before any service has one.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn take_at(
        self: &Arc<Self>,
        kubeconfig: &Kubeconfig,
        key: InstallKey,
    ) -> Result<(), CustodyError> {
        let user_agent = concat!("driftless-custody/", env!("CARGO_PKG_VERSION")).to_owned();
        let options = ConnectOptions { key, sensitive: Arc::new(|_| vec![]), user_agent };
        let client = ClusterClient::connect(kubeconfig, options).await.map_err(CustodyError::Cluster)?;
        self.take(&client).await
    }

    /// Takes it, unless it is held already. A Lease of somebody else is watched for its life: renewed meanwhile,
    /// its holder is alive; else it is over. No clock of another machine counts.
    ///
    /// # Errors
    /// Held, Lost: transient. Forbidden: permanent. Cluster as its own class; NotFound: the namespace is not there.
    pub async fn take(self: &Arc<Self>, client: &ClusterClient) -> Result<(), CustodyError> {
        let _alone = self.door.lock().await;
        let open = matches!(&*self.standing(), Standing::Open);
        if !open {
            return self.check();
        }
        let mut watched: Option<(Lease, Instant)> = None;
        loop {
            let seen =
                client.lease(&self.namespace, &self.name).await.map_err(|error| self.refused(error))?;
            if let Some((lease, holder)) = seen.as_ref().and_then(|lease| self.foreign(lease)) {
                self.contended.store(true, Ordering::Relaxed);
                let since = match &watched {
                    Some((before, _)) if before.resource_version != lease.resource_version => {
                        return Err(CustodyError::Held { lease: self.place(), holder });
                    }
                    Some((_, since)) => *since,
                    None => Instant::now(),
                };
                if since.elapsed() < lease.life.min(LIFE_MAX) {
                    watched = Some((lease.clone(), since));
                    sleep(LOOK).await;
                    continue;
                }
                tracing::warn!(lease = self.place(), holder, "a Lease that nobody renews is taken over");
            }
            let sent = Instant::now();
            match client.claim_lease(&self.claim(), seen.as_ref()).await {
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
            Standing::Held { until, .. } => {
                until.checked_sub(CALL_DEADLINE).filter(|until| *until > Instant::now())
            }
            Standing::Open | Standing::Lost => None,
        }
    }

    /// Says why nothing may be written, if so.
    ///
    /// # Errors
    /// Lost: transient.
    pub fn check(&self) -> Result<(), CustodyError> {
        if self.writable_until().is_some() { Ok(()) } else { Err(self.lost()) }
    }

    /// Gives it back, so that the next one need not wait.
    pub async fn give_back(&self) {
        let _alone = self.door.lock().await;
        let before = std::mem::take(&mut *self.standing());
        let Standing::Held { lease, renewal, .. } = before else { return };
        renewal.task.abort();
        if let Err(error) = renewal.client.drop_lease(&self.namespace, &self.name, &lease).await {
            tracing::warn!(lease = self.place(), %error, "the Lease stays until it is over");
        }
    }

    fn begin(self: &Arc<Self>, client: &ClusterClient, lease: Lease, until: Instant) {
        let custody = Arc::clone(self);
        let mut standing = self.standing();
        let task = tokio::spawn(async move {
            while let Some(wait) = custody.renew().await {
                sleep(wait).await;
            }
        });
        let renewal = Renewal { task: task.abort_handle(), client: client.clone() };
        *standing = Standing::Held { lease, until, renewal };
    }

    /// Renews it when it is time; answers how long to wait, `None`: it is over.
    async fn renew(&self) -> Option<Duration> {
        let (seen, until, client) = match &*self.standing() {
            Standing::Held { lease, until, renewal } => (lease.clone(), *until, renewal.client.clone()),
            Standing::Open | Standing::Lost => return None,
        };
        let due = (until - LIFE + RENEWAL).saturating_duration_since(Instant::now());
        if !due.is_zero() {
            return Some(due);
        }
        let sent = Instant::now();
        let answer = client.claim_lease(&self.claim(), Some(&seen)).await;
        let moved = matches!(answer, Err(ClusterError::Moved { .. } | ClusterError::NotFound { .. }));
        let mut standing = self.standing();
        match (answer, &mut *standing) {
            (Ok(renewed), Standing::Held { lease, until, .. }) => (*lease, *until) = (renewed, sent + LIFE),
            (Err(error), Standing::Held { .. }) => {
                tracing::warn!(lease = self.place(), %error, "the Lease is not renewed");
                if moved {
                    *standing = Standing::Lost;
                }
            }
            (_, Standing::Open | Standing::Lost) => return None,
        }
        Some(LOOK)
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self) -> LeaseClaim<'_> {
        let Self { namespace, name, holder, .. } = self;
        LeaseClaim { namespace, name, holder, life: LIFE, now: now() }
    }

    fn foreign<'l>(&self, lease: &'l Lease) -> Option<(&'l Lease, String)> {
        let holder = lease.holder.clone().filter(|holder| *holder != self.holder)?;
        Some((lease, holder.chars().take(100).collect()))
    }

    fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn lost(&self) -> CustodyError {
        CustodyError::Lost { lease: self.place() }
    }

    fn refused(&self, error: ClusterError) -> CustodyError {
        if let ClusterError::Forbidden { message, .. } = error {
            return CustodyError::Forbidden { lease: self.place(), message };
        }
        CustodyError::Cluster(error)
    }
}

/// Whether custody failed only because its namespace is not there yet.
pub fn lacks_namespace(error: &CustodyError) -> bool {
    matches!(
        error,
        CustodyError::Cluster(ClusterError::NotFound { missing: Missing::Namespace | Missing::Object, .. })
    )
}
