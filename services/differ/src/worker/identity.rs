//! Whether the API server that answers is the one that the cluster's name stands for.

use cluster::{ClusterError, Identity};
use events::state::ClusterIdentity;
use futures::stream::{FuturesUnordered, SelectAll};

use super::Worker;
use crate::{decide, live::LiveView};

impl Worker {
    /// Goes on only with that one; what is to be told of it is kept.
    pub(super) fn admit(&mut self, found: &Identity) -> Result<(), ClusterError> {
        if *found == Identity::Hidden && self.identity.is_none() {
            tracing::warn!(cluster = %self.cluster.name,
                "the kube-system namespace may not be read: whether it is always the same API server cannot be told");
        }
        let name = &self.cluster.name;
        let (recorded, other) = self.shared.known(|known| (known.identity(name), known.twin(name, found)));
        let claim = decide::Claim { name, recorded: &recorded, other: other.as_ref() };
        match decide::admit(claim, found) {
            Ok(identity) => {
                self.identity = Some(identity);
                Ok(())
            }
            Err(error) => {
                self.identity = Some(decide::refused(&recorded, &error));
                Err(error)
            }
        }
    }

    /// What is to be recorded of the cluster; as it was, while nobody has answered.
    pub(super) fn identity_after(&self, before: Option<&ClusterIdentity>) -> ClusterIdentity {
        self.identity.as_ref().or(before).cloned().unwrap_or_default()
    }

    /// Another one answers by now: nothing of what was seen is known to be of this cluster.
    pub(super) fn part(&mut self) {
        self.connection = None;
        self.observations = SelectAll::new();
        self.probe = FuturesUnordered::new();
        self.live = LiveView::of(self.cluster.reach.clone());
        self.answers.clear();
    }
}
