//! Looking around: what the other targets of the cluster desire, read as far as it is not at hand.

use std::{collections::BTreeSet, sync::Arc};

use events::state::DesiredState;
use manifest::DesiredSet;
use model::{ObjectId, TargetId};

use super::Worker;
use crate::{Error, desired::Desired};

/// Desired states whose ids are kept: those of a large fleet, and some that were replaced.
const IDS_KEPT: usize = 4_096;

impl Worker {
    /// Looks around for some objects of a target.
    pub(super) async fn look_around(
        &mut self,
        target: TargetId,
        about: BTreeSet<ObjectId>,
    ) -> Result<(), Error> {
        let unread = self.shared.known(|known| known.unread(&target, &self.ids));
        if self.ids.len() + unread.len() > IDS_KEPT {
            self.ids.clear();
        }
        for (other, desired) in unread {
            self.read_ids(&other, &desired).await?;
        }
        let around = self.shared.known(|known| known.around(&target, about, &self.ids));
        self.around.insert(target, around);
        Ok(())
    }

    /// Reads which objects a target desires. What cannot be read now is left out, and waited for.
    async fn read_ids(&mut self, target: &TargetId, desired: &DesiredState) -> Result<(), Error> {
        let bytes = match self.shared.intake.content(&desired.manifests).await {
            Ok(bytes) => bytes,
            Err(error @ (Error::Content { .. } | Error::BlobMissing { .. })) => {
                tracing::error!(%target, %error, "what another application desires cannot be read");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let Ok(set) = DesiredSet::decode(&bytes) else {
            tracing::error!(%target, "what another application desires cannot be read");
            return Ok(());
        };
        let assignment = self.shared.known(|known| known.snapshot(target)).and_then(|known| known.assignment);
        let namespace = assignment.and_then(|assignment| assignment.application.namespace.clone());
        let default = namespace.as_deref().unwrap_or("default");
        let resolved = Desired::resolve(desired.digest, &set, &[], default, |gvk| self.scope(gvk));
        let mut ids: BTreeSet<ObjectId> = resolved.objects.into_iter().map(|object| object.id).collect();
        // Where a kind lives that is not served cannot be told: both count.
        for (id, _) in resolved.unknown {
            let namespace = Some(id.namespace.clone().unwrap_or_else(|| default.to_owned()));
            ids.insert(ObjectId { namespace, ..id.clone() });
            ids.insert(id);
        }
        self.ids.insert((desired.digest, namespace), Arc::new(ids));
        Ok(())
    }

    /// The target rests: remembers whose news it waits for.
    pub(super) fn looked(&mut self, target: &TargetId) {
        match self.around.remove(target) {
            Some(around) => {
                let awaited = around.awaited().map(|near| near.application.clone()).collect();
                self.awaited.insert(target.clone(), awaited);
            }
            None => drop(self.awaited.remove(target)),
        }
    }

    /// These targets, and those that wait for news of theirs.
    pub(super) fn with_awaiting(&self, mut dirty: BTreeSet<TargetId>) -> BTreeSet<TargetId> {
        let waits = |(_, awaited): &(&TargetId, &BTreeSet<_>)| {
            dirty.iter().any(|target| awaited.contains(&target.application))
        };
        let waiting: Vec<TargetId> =
            self.awaited.iter().filter(waits).map(|(target, _)| target.clone()).collect();
        dirty.extend(waiting);
        dirty
    }
}
