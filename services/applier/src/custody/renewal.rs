//! Renewal of a Lease that is held, for as long as anybody needs the custody.

use std::{sync::Arc, time::Duration};

use cluster::{ClusterClient, ClusterError};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use super::{Custody, LIFE, LOOK, RENEWAL, Standing, Whose};

/// What renews a Lease, and by which client.
pub(super) struct Renewal {
    task: AbortHandle,
    client: ClusterClient,
}

impl std::fmt::Debug for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Renewal")
    }
}

impl Renewal {
    /// Renews until custody is given up, or nobody needs it any more.
    pub(super) fn of(custody: &Arc<Custody>, client: &ClusterClient) -> Self {
        let custody = Arc::downgrade(custody);
        let task = tokio::spawn(async move {
            while let Some(custody) = custody.upgrade() {
                let Some(wait) = custody.renew().await else { return };
                let charge = custody.scope.charge();
                drop(custody);
                match charge {
                    Some(charge) => drop(timeout(wait, charge.news()).await),
                    None => sleep(wait).await,
                }
            }
        });
        Self { task: task.abort_handle(), client: client.clone() }
    }

    pub(super) fn end(&self) {
        self.task.abort();
    }

    pub(super) fn client(&self) -> &ClusterClient {
        &self.client
    }
}

impl Custody {
    /// Renews the Lease if it is time, or tells what is not so any more; answers how long to wait, `None`: it is over.
    async fn renew(&self) -> Option<Duration> {
        let (seen, until, client) = match &*self.standing() {
            Standing::Held { lease, until, renewal } => (lease.clone(), *until, renewal.client().clone()),
            Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => return None,
        };
        let due = (until - LIFE + RENEWAL).saturating_duration_since(Instant::now());
        if !due.is_zero() && self.scope.is_told(&seen) {
            return Some(due);
        }
        if !self.scope.is_entitled() {
            // Whoever is takes it: it stays as it is.
            return self.leave(Standing::Open);
        }
        let sent = Instant::now();
        let renewed = match self.in_the_way(&client).await {
            Ok(None) => self.claim(&client, (Some(&self.scope.holder()), Some(&seen))).await,
            Ok(Some((_, platform))) => {
                tracing::warn!(lease = self.place(), error = %platform, "the Lease is not renewed");
                return self.leave(Standing::Lost(platform));
            }
            Err(error) => Err(error),
        };
        match renewed {
            Ok(renewed) => match &mut *self.standing() {
                Standing::Held { lease, until, .. } => (*lease, *until) = (renewed, sent + LIFE),
                Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => return None,
            },
            Err(ClusterError::Moved { .. } | ClusterError::NotFound { .. }) => {
                return self.moved(&client).await;
            }
            Err(error) => tracing::warn!(lease = self.place(), %error, "the Lease is not renewed"),
        }
        // One that is over already is not urgent.
        Some(if Instant::now() < until { LOOK } else { RENEWAL })
    }

    /// The Lease was written since: by ourselves, if the answer was lost, or by another process of the same platform,
    /// which may have believed to have the cluster. Then it goes on.
    async fn moved(&self, client: &ClusterClient) -> Option<Duration> {
        let gone = if self.scope.is_shared() { Standing::Open } else { Standing::Lost(self.lost()) };
        let found = match client.lease(&self.namespace, &self.name).await {
            Ok(Some(found)) => found,
            Ok(None) => return self.leave(gone),
            Err(error) => {
                tracing::warn!(lease = self.place(), %error, "the Lease is not renewed");
                return Some(LOOK);
            }
        };
        match self.scope.whose(&found, &self.place()).await {
            Ok(Whose::Ours) => match &mut *self.standing() {
                Standing::Held { lease, .. } => {
                    self.scope.take_in(&found);
                    *lease = found;
                }
                Standing::Open | Standing::Refused { .. } | Standing::Lost(_) => return None,
            },
            Ok(Whose::Theirs(holder)) => {
                tracing::warn!(lease = self.place(), holder, "the Lease was lost");
                return self.leave(gone);
            }
            Err(error) => {
                tracing::warn!(lease = self.place(), %error, "the Lease was lost");
                return self.leave(gone);
            }
        }
        Some(Duration::ZERO)
    }

    fn leave(&self, how: Standing) -> Option<Duration> {
        *self.standing() = how;
        None
    }
}
