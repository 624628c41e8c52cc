//! A run gives way to a platform that holds its application.

use std::sync::{Arc, MutexGuard, PoisonError, atomic::Ordering};

use cluster::{ClusterClient, ClusterError, ConnectOptions, Lease};
use manifest::InstallKey;
use model::{ApplicationName, Cluster};
use tokio::time::{Instant, sleep};

use super::{
    Custody, CustodyError, LOOK, PLATFORM,
    scope::Scope,
    statement::Statement,
    watched::{Sign, Watched},
};

/// A platform that is asked whether it holds the application.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Where its Lease is.
    namespace: String,
    /// Version of the Lease when it was found that nobody renews it.
    passed: Option<String>,
}

impl Custody {
    /// Takes it over a connection of its own, before any service has one, unless a platform holds the application.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn take_at(self: &Arc<Self>, cluster: &Cluster, key: InstallKey) -> Result<(), CustodyError> {
        *self.platform() = Some(Asked { namespace: cluster.namespace.clone(), passed: None });
        let user_agent = concat!("driftless-custody/", env!("CARGO_PKG_VERSION")).to_owned();
        let options = ConnectOptions { key, user_agent };
        let client = ClusterClient::connect(&cluster.kubeconfig, options).await;
        self.take(&client.map_err(CustodyError::Cluster)?).await
    }

    /// Refuses while a platform that is alive names the application in its Lease; one that is dead is passed.
    pub(super) async fn give_way(&self, client: &ClusterClient) -> Result<(), CustodyError> {
        let mut watched = Watched::default();
        while let Some((lease, platform)) = self.in_the_way(client).await.map_err(CustodyError::Cluster)? {
            self.contended.store(true, Ordering::Relaxed);
            match watched.look(&lease, Instant::now()) {
                Sign::None => sleep(LOOK).await,
                Sign::Alive => return Err(platform),
                Sign::Over => {
                    tracing::warn!(error = %platform, "a platform that renews nothing is passed");
                    if let Some(asked) = &mut *self.platform() {
                        asked.passed = Some(lease.resource_version);
                    }
                }
            }
        }
        Ok(())
    }

    /// The Lease of a platform that names the application and was not passed as it is, and what to say then. A platform
    /// that stopped, or did not know the application, may come at any time: whoever holds the application asks again
    /// with every renewal, and what was written meanwhile was written by one that is alive.
    ///
    /// One that may not be seen is passed: who may write an application need not have a right in the namespace of the
    /// platform.
    pub(super) async fn in_the_way(
        &self,
        client: &ClusterClient,
    ) -> Result<Option<(Lease, CustodyError)>, ClusterError> {
        let asked = self.platform().clone();
        let (Some(Asked { namespace, passed }), Scope::Application { application, .. }) =
            (asked, &self.scope)
        else {
            return Ok(None);
        };
        let place = format!("{namespace}/{PLATFORM}");
        let found = match client.lease(&namespace, PLATFORM).await {
            Ok(found) => found.filter(|lease| passed.as_ref() != Some(&lease.resource_version)),
            Err(error @ ClusterError::Forbidden { .. }) => {
                tracing::warn!(lease = place, %error, "whether a platform holds it cannot be seen");
                None
            }
            Err(error) => return Err(error),
        };
        let holding = found.and_then(|lease| holding(lease, application));
        Ok(holding.map(|(lease, holder)| (lease, CustodyError::Platform { lease: place, holder })))
    }

    fn platform(&self) -> MutexGuard<'_, Option<Asked>> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A platform's Lease and its holder, if it names the application.
fn holding(lease: Lease, application: &ApplicationName) -> Option<(Lease, String)> {
    let holder = lease.holder.clone()?;
    Statement::of(&lease).applications.hold(application).then_some((lease, holder))
}
