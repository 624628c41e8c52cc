//! What the log says about the fleet repository.

use std::{collections::BTreeMap, sync::Arc};

use events::state::{PathOutcome, RenderState, Request};
use model::{Aggregate, ApplicationName, Digest, SourceName, TargetId};

use super::{Known, Versioned};

impl Known {
    /// The newest render of the fleet repository that the definitions name, with its aggregate.
    pub fn fleet_render(&self) -> Option<(Aggregate, Arc<Versioned<RenderState>>)> {
        let aggregate = self.definitions.as_ref()?.fleet.clone()?;
        let render = self.renders.get(&aggregate)?.clone();
        Some((aggregate, render))
    }

    /// The newest observation of a fleet repository, this one or one before it, that was rendered; 0: none was.
    pub fn fleet_observation(&self) -> u64 {
        let renders = self.renders.iter().filter(|(aggregate, _)| is_fleet(aggregate));
        renders.map(|(_, render)| render.state.made_from.observation).max().unwrap_or_default()
    }

    /// What people asked of the fleet as a whole.
    pub fn fleet_requests(&self) -> &Arc<Vec<Request>> {
        &self.fleet_requests
    }

    /// How many objects are ours, by target; `None` where that cannot be read.
    pub fn inventories(&self) -> BTreeMap<TargetId, Option<usize>> {
        let read = self.syncs.iter().map(|(target, sync)| (target.clone(), Some(sync.objects.len())));
        read.chain(self.syncs_parked.iter().map(|target| (target.clone(), None))).collect()
    }

    /// The blob with the files that a render of the fleet repository was made from, while the source shows them.
    pub fn fleet_artifact(&self, render: &RenderState) -> Option<Digest> {
        let folder = self.definitions.as_ref()?.set.fleet_folder()?;
        let source = self.sources.get(&SourceName::fleet())?;
        match source.paths.get(&folder.path)? {
            PathOutcome::Found { closure, artifact, .. } => {
                (Some(closure) == render.made_from.closure.as_ref()).then_some(*artifact)
            }
            PathOutcome::Failed(_) => None,
        }
    }
}

fn is_fleet(aggregate: &Aggregate) -> bool {
    match aggregate {
        Aggregate::Render { application, .. } => *application == ApplicationName::fleet(),
        Aggregate::Source(_)
        | Aggregate::Definitions
        | Aggregate::Cluster(_)
        | Aggregate::Target(_)
        | Aggregate::Sync(_)
        | Aggregate::Command(_) => false,
    }
}
