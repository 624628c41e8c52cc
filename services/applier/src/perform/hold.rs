//! Custody before anything is written.

use std::collections::BTreeSet;

use events::Event;
use model::{Aggregate, ApplicationName, Cluster, ClusterName};
use tokio::task::JoinSet;

use super::{
    Performer,
    clusters::Connected,
    namespace::{Before, ensure},
};
use crate::CustodyError;

/// Field manager of what belongs to the platform itself.
const MANAGER: &str = "driftless";

impl Performer {
    /// Whether clusters are held although there is nothing to do.
    pub fn keeps_clusters(&self) -> bool {
        self.clusters.are_held()
    }

    /// Says which applications there are on a cluster.
    pub fn comprise(&self, cluster: &ClusterName, applications: BTreeSet<ApplicationName>) {
        self.clusters.charge(cluster).comprise(applications);
    }

    /// Takes in that something was recorded about a target, by whomever: the cluster's Lease tells the newest of it.
    pub fn act_on(&self, event: &Event) {
        if let Aggregate::Sync(target) = event.aggregate() {
            self.clusters.charge(&target.cluster).act_on(event);
        }
    }

    /// Takes custody of a cluster that is this process's, before there is anything to write: others learn whose it
    /// is. Without success it is only told here; a sync tells it where people look.
    pub async fn keep(&self, cluster: &Cluster) {
        if !self.holds(&cluster.name) {
            return;
        }
        let hold = async {
            let connected = self.clusters.connect_in_turn(cluster).await.map_err(CustodyError::Cluster)?;
            connected.hold(MANAGER).await
        };
        if let Some(Err(error)) = self.stop.run_until_cancelled(hold).await {
            tracing::warn!(cluster = %cluster.name, %error, code = error.code(), "the cluster is not held");
        }
    }

    /// Lets go of the clusters that are not among these: they are defined no more, and nothing on them is ours.
    pub async fn leave_all_but(&self, ours: BTreeSet<ClusterName>) {
        self.clusters.let_go_all_but(&ours).await;
    }

    /// Gives back the clusters that are held, so that whoever comes next need not wait. Nothing may be under way.
    pub async fn give_back(&self) {
        let mut given = JoinSet::new();
        for connected in self.clusters.connected().await {
            given.spawn(async move { connected.custody.give_back().await });
        }
        given.join_all().await;
    }
}

impl Connected {
    /// Takes custody. A plain namespace is the one thing that is made before it is held: the Lease lives in it.
    pub(super) async fn hold(&self, manager: &str) -> Result<(), CustodyError> {
        match self.custody.take(&self.client).await {
            Err(error) if error.lacks_namespace() && !self.may_make_namespaces() => {
                Err(self.custody.homeless())
            }
            Err(error) if error.lacks_namespace() => {
                ensure(self, &self.custody.namespace, (manager, Before::Custody)).await?;
                let taken = self.custody.take(&self.client).await;
                taken.map_err(|error| if error.lacks_namespace() { self.custody.homeless() } else { error })
            }
            taken => taken,
        }
    }
}
