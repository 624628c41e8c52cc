//! Which API servers the names of clusters stand for.

use cluster::Identity;
use events::state::ClusterIdentity;
use model::ClusterName;

use super::Known;

impl Known {
    /// What is recorded of a cluster.
    pub fn identity(&self, cluster: &ClusterName) -> ClusterIdentity {
        self.clusters.get(cluster).map(|state| state.identity.clone()).unwrap_or_default()
    }

    /// The first other cluster with the same API server; one that left counts until it is let go of. `None` for a cluster
    /// that left itself: what is still to be let go of there is its own.
    pub fn twin(&self, cluster: &ClusterName, found: &Identity) -> Option<ClusterName> {
        let Identity::Of(uid) = found else { return None };
        self.definitions.as_ref()?.set.cluster(cluster)?;
        let uid = ClusterIdentity::Uid(uid.clone());
        let same = self.clusters.iter().filter(|(name, state)| *name != cluster && state.identity == uid);
        same.map(|(name, _)| name.clone()).next()
    }
}
