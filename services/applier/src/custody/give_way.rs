//! A run gives way to a platform that holds its application.

use std::{
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Instant,
};

use cluster::{ClusterClient, ClusterError, ConnectOptions, Lease};
use manifest::InstallKey;
use model::{ApplicationName, Cluster};
use tokio::time::sleep;

use super::{
    Custody, CustodyError, LOOK, PLATFORM,
    scope::Scope,
    statement::Statement,
    watched::{Sign, Watched},
};

impl Custody {
    /// Takes it over a connection of its own, before any service has one, unless a platform holds the application.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn take_at(self: &Arc<Self>, cluster: &Cluster, key: InstallKey) -> Result<(), CustodyError> {
        *self.platform() = Some(cluster.namespace.clone());
        let user_agent = concat!("driftless-custody/", env!("CARGO_PKG_VERSION")).to_owned();
        let options = ConnectOptions { key, user_agent };
        let client = ClusterClient::connect(&cluster.kubeconfig, options).await;
        self.take(&client.map_err(CustodyError::Cluster)?).await
    }

    /// Asks the platform, if there is one to ask, until it has answered once: a server that does not answer now is
    /// asked again by whoever takes custody next.
    pub(super) async fn give_way(&self, client: &ClusterClient) -> Result<(), CustodyError> {
        let namespace = self.platform().clone();
        if let (Some(namespace), Scope::Application { application, .. }) = (namespace, &self.scope) {
            self.give_way_in(client, &namespace, application).await?;
            *self.platform() = None;
        }
        Ok(())
    }

    fn platform(&self) -> MutexGuard<'_, Option<String>> {
        self.platform.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses while a platform that is alive names the application in its Lease. One that may not be seen is passed:
    /// who may write an application need not have a right in the namespace of the platform.
    async fn give_way_in(
        &self,
        client: &ClusterClient,
        namespace: &str,
        application: &ApplicationName,
    ) -> Result<(), CustodyError> {
        let place = format!("{namespace}/{PLATFORM}");
        let mut watched = Watched::default();
        loop {
            let found = match client.lease(namespace, PLATFORM).await {
                Ok(found) => found,
                Err(error @ ClusterError::Forbidden { .. }) => {
                    tracing::warn!(lease = place, %error, "whether a platform holds it cannot be seen");
                    return Ok(());
                }
                Err(error) => return Err(CustodyError::Cluster(error)),
            };
            let Some((lease, holder)) = found.and_then(|lease| holding(lease, application)) else {
                return Ok(());
            };
            self.contended.store(true, Ordering::Relaxed);
            match watched.look(&lease, Instant::now()) {
                Sign::None => sleep(LOOK).await,
                Sign::Alive => return Err(CustodyError::Platform { lease: place, holder }),
                Sign::Over => {
                    tracing::warn!(lease = place, holder, "a platform that renews nothing is passed");
                    return Ok(());
                }
            }
        }
    }
}

/// A platform's Lease and its holder, if it names the application.
fn holding(lease: Lease, application: &ApplicationName) -> Option<(Lease, String)> {
    let holder = lease.holder.clone()?;
    Statement::of(&lease).applications.hold(application).then_some((lease, holder))
}
