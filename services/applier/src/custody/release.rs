//! Giving a Lease back, or letting it go.

use std::time::Duration;

use cluster::{ClusterClient, ClusterError, Lease};
use model::RetryClass;
use tokio::time::{sleep, timeout};

use super::{Custody, LIFE, LOOK, Standing, scope::Scope};

/// How long it is tried to give a Lease back: a process that is to stop has half a minute.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// What becomes of a Lease.
#[derive(Debug, Clone, Copy)]
enum Release {
    /// It stays, held by nobody.
    Kept,
    /// It is deleted.
    Deleted,
}

impl Custody {
    /// Gives it back, so that the next one need not wait. A platform's Lease stays, held by nobody: it tells whose
    /// the cluster is.
    pub async fn give_back(&self) {
        let how = match &self.scope {
            Scope::Application { .. } => Release::Deleted,
            Scope::Cluster(_) => Release::Kept,
        };
        self.release(how, GIVE_BACK).await;
    }

    /// Lets it go for good: the Lease is deleted, and anybody may have the cluster. Tried for as long as the Lease
    /// counts; nobody may take custody in the name of this process meanwhile.
    pub async fn let_go(&self) {
        self.release(Release::Deleted, LIFE).await;
    }

    async fn release(&self, how: Release, bound: Duration) {
        let _alone = self.door.lock().await;
        let Some((lease, client)) = self.end() else { return };
        match timeout(bound, self.release_surely(how, lease, &client)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(lease = self.place(), %error, "the Lease stays as it is"),
            Err(_) => tracing::warn!(lease = self.place(), "the Lease stays as it is: the cluster is silent"),
        }
    }

    /// Ends the renewal of what is held.
    fn end(&self) -> Option<(Lease, ClusterClient)> {
        match std::mem::take(&mut *self.standing()) {
            Standing::Held { lease, renewal, .. } => {
                renewal.end();
                Some((lease, renewal.client().clone()))
            }
            Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => None,
        }
    }

    /// Tries until the Lease is not this process's any more.
    async fn release_surely(
        &self,
        how: Release,
        mut lease: Lease,
        client: &ClusterClient,
    ) -> Result<(), ClusterError> {
        loop {
            let released = match how {
                Release::Kept => self.claim(client, (None, Some(&lease))).await.map(|_| ()),
                Release::Deleted => client.drop_lease(&self.namespace, &self.name, &lease).await,
            };
            let Err(error) = released else { return Ok(()) };
            match error.class() {
                // A renewal that was under way is the last to write it.
                RetryClass::Stale => {}
                RetryClass::Transient => sleep(LOOK).await,
                RetryClass::Permanent | RetryClass::Bug => return Err(error),
            }
            match client.lease(&self.namespace, &self.name).await {
                Ok(Some(found)) if found.holder == Some(self.scope.holder()) => lease = found,
                Ok(_) => return Ok(()),
                Err(error) if error.class() == RetryClass::Transient => {}
                Err(error) => return Err(error),
            }
        }
    }
}
