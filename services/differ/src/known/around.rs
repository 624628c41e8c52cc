//! What the log says about the other targets of a cluster, as far as one target has to know it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use events::state::{DesiredState, ObjectOutcome, Origin, PathOutcome, Reachability, SyncStage};
use model::{Digest, ObjectId, SourceName, TargetId, Timestamp, definition::Deletion};
use plan::{Activity, Assignment, Holding, Left, Neighbour, Rendered};

use super::{Known, SyncFacts};

/// Ids of desired states by digest and default namespace.
pub type Ids = BTreeMap<(Digest, Option<String>), Arc<BTreeSet<ObjectId>>>;

/// The surroundings of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// Version of the definitions that it was looked at under.
    pub definitions_n: u64,
    /// The objects that it was looked around for: neighbours tell of these, and of what has the same name in
    /// another group.
    pub about: BTreeSet<ObjectId>,
    /// The other targets of the cluster, and itself with nothing but its render.
    pub neighbours: Vec<Neighbour>,
    /// Objects in the inventories of applications that leave the cluster and are deleted with them.
    pub leaving: usize,
    /// Objects in all inventories of the cluster.
    pub objects: usize,
}

impl Around {
    /// Those whose news may change the answers.
    pub fn awaited(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.iter().filter(|near| {
            near.rendered != Rendered::Yes
                || near.activity == Activity::Syncing
                || !near.desired.is_empty()
                || !near.holdings.is_empty()
        })
    }
}

/// Same kind, namespace and name, in whatever group.
type Name<'a> = (&'a str, Option<&'a str>, &'a str);

fn name(id: &ObjectId) -> Name<'_> {
    (&id.kind, id.namespace.as_deref(), &id.name)
}

impl Known {
    /// Desired states on the target's cluster whose ids are not at hand, each with a target that desires it.
    pub fn unread(&self, target: &TargetId, ids: &Ids) -> Vec<(TargetId, DesiredState)> {
        let others = self.assigned_near(target).filter_map(|(other, assignment)| {
            let desired = self.renders.get(&assignment.render())?.state.desired.as_ref()?;
            let known = ids.contains_key(&(desired.digest, assignment.application.namespace.clone()));
            (!known).then(|| (other.clone(), desired.clone()))
        });
        others.collect()
    }

    /// Looks around for some objects of a target.
    pub fn around(&self, target: &TargetId, about: BTreeSet<ObjectId>, ids: &Ids) -> Around {
        let names: BTreeSet<Name<'_>> = about.iter().map(name).collect();
        let source = self.source_of(target);
        let mut neighbours: Vec<Neighbour> = self
            .assigned_near(target)
            .map(|(other, assignment)| self.neighbour(other, assignment, (&names, source, ids)))
            .collect();
        if let Some(own) = self.definitions.as_ref().and_then(|known| known.targets.get(target)) {
            let own = self.neighbour(target, own, (&BTreeSet::new(), source, ids));
            neighbours.push(Neighbour { activity: Activity::Idle, ..own });
        }
        let leaving = self.leaving.iter().filter(|(other, _)| other.cluster == target.cluster);
        let leaving: Vec<(&TargetId, &Left)> =
            leaving.filter_map(|(other, left)| Some((other, left.as_deref()?))).collect();
        let giving = leaving.iter().filter(|(other, left)| *other != target && left.application.sync.auto);
        neighbours.extend(giving.map(|(other, _)| Neighbour {
            application: other.application.clone(),
            rendered: Rendered::Yes,
            activity: self.activity(other),
            desired: Arc::default(),
            holdings: self.holdings(other, &names),
            namespaces: BTreeSet::new(),
        }));
        let rows = |target: &TargetId| self.syncs.get(target).map_or(0, |sync| sync.objects.len());
        let deleted = leaving.iter().filter(|(_, left)| left.application.deletion == Deletion::Delete);
        let all = self.syncs.iter().filter(|(other, _)| other.cluster == target.cluster);
        Around {
            definitions_n: self.definitions.as_ref().map_or(0, |known| known.n),
            leaving: deleted.map(|(other, _)| rows(other)).sum(),
            objects: all.map(|(_, sync)| sync.objects.len()).sum(),
            neighbours,
            about: about.clone(),
        }
    }

    fn assigned_near<'a>(
        &'a self,
        target: &'a TargetId,
    ) -> impl Iterator<Item = (&'a TargetId, &'a Arc<Assignment>)> {
        let targets = self.definitions.iter().flat_map(|known| &known.targets);
        targets.filter(move |(other, _)| other.cluster == target.cluster && *other != target)
    }

    fn source_of(&self, target: &TargetId) -> Option<&SourceName> {
        let assigned = self.definitions.as_ref().and_then(|known| known.targets.get(target));
        let left = self.leaving.get(target).and_then(Option::as_ref);
        let application = assigned.map(|found| &found.application).or(left.map(|left| &left.application));
        application.map(|application| &application.source.name)
    }

    fn neighbour(
        &self,
        target: &TargetId,
        assignment: &Assignment,
        (names, source, ids): (&BTreeSet<Name<'_>>, Option<&SourceName>, &Ids),
    ) -> Neighbour {
        let render = self.renders.get(&assignment.render());
        let desired = render.and_then(|render| render.state.desired.as_ref());
        let application = &assignment.application;
        let read = desired.map(|desired| ids.get(&(desired.digest, application.namespace.clone())));
        let all = read.flatten();
        let rendered = match (self.rendered(assignment, source), read) {
            // What cannot be read now is rendered again.
            (_, Some(None)) if !names.is_empty() => Rendered::Pending,
            (rendered, _) => rendered,
        };
        let mut namespaces =
            BTreeSet::from([application.namespace.clone().unwrap_or_else(|| "default".into())]);
        if rendered == Rendered::Failed {
            let rows = self.syncs.get(target).into_iter().flat_map(|sync| sync.objects.keys());
            let known = rows.chain(all.into_iter().flat_map(|ids| ids.iter()));
            namespaces.extend(known.filter_map(|id| id.namespace.clone()));
        }
        let relevant = all.into_iter().flat_map(|ids| ids.iter()).filter(|id| names.contains(&name(id)));
        Neighbour {
            application: target.application.clone(),
            rendered,
            activity: self.activity(target),
            desired: Arc::new(relevant.cloned().collect()),
            holdings: self.holdings(target, names),
            namespaces,
        }
    }

    /// Whether an application is rendered: at the newest revision if it is of the source in question, else once.
    fn rendered(&self, assignment: &Assignment, source: Option<&SourceName>) -> Rendered {
        let path = &assignment.application.source;
        let render = self.renders.get(&assignment.render());
        let facts = self.sources.get(&path.name);
        let unfetched =
            facts.is_some_and(|facts| facts.state.failure.is_some() && facts.state.revision.is_none());
        let Some(render) = render else {
            return if unfetched { Rendered::Failed } else { Rendered::Pending };
        };
        if Some(&path.name) == source {
            let closure = match facts.and_then(|facts| facts.paths.get(&path.path)) {
                Some(PathOutcome::Found { closure, .. }) => Some(*closure),
                Some(PathOutcome::Failed(_)) => None,
                None => return Rendered::Pending,
            };
            if render.state.made_from.closure != closure {
                return Rendered::Pending;
            }
            return if render.state.failure.is_some() { Rendered::Failed } else { Rendered::Yes };
        }
        if render.state.desired.is_some() { Rendered::Yes } else { Rendered::Failed }
    }

    /// A plan that no applier has taken up or refused may still be begun, and what cannot be read may run.
    fn activity(&self, target: &TargetId) -> Activity {
        let sync = self.syncs.get(target);
        let running = sync.is_some_and(|sync| matches!(sync.state.stage, SyncStage::Running { .. }));
        let planned = self.targets.get(target).and_then(|own| own.state.plan.as_ref());
        let waiting =
            planned.map_or(0, |plan| plan.generation) > sync.map_or(0, |sync| sync.state.generation);
        if running || waiting || self.syncs_parked.contains(target) {
            Activity::Syncing
        } else {
            Activity::Idle
        }
    }

    fn holdings(&self, target: &TargetId, names: &BTreeSet<Name<'_>>) -> Arc<BTreeMap<ObjectId, Holding>> {
        let Some(sync) = self.syncs.get(target).filter(|_| !names.is_empty()) else {
            return Arc::default();
        };
        Arc::new(holdings(sync, names))
    }

    /// Since when a cluster does not answer, if the log says so.
    pub fn unreachable_since(&self, cluster: &model::ClusterName) -> Option<Timestamp> {
        match self.clusters.get(cluster)?.reachability {
            Reachability::Unreachable { since, .. } => Some(since),
            Reachability::Connected { .. } => None,
        }
    }
}

fn holdings(sync: &SyncFacts, names: &BTreeSet<Name<'_>>) -> BTreeMap<ObjectId, Holding> {
    let rows = sync.objects.values().filter(|row| names.contains(&name(&row.id)));
    let done = rows.filter(|row| match row.outcome {
        ObjectOutcome::Created
        | ObjectOutcome::Configured
        | ObjectOutcome::Unchanged
        | ObjectOutcome::Untouched => true,
        ObjectOutcome::Pending | ObjectOutcome::Terminating | ObjectOutcome::Failed(_) => false,
    });
    let held = done.filter_map(|row| {
        let origin = match row.origin {
            Origin::Created => plan::Origin::Created,
            Origin::Adopted => plan::Origin::Adopted,
            Origin::Rebuilt => plan::Origin::Rebuilt,
        };
        Some((row.id.clone(), Holding { uid: row.uid.clone()?, origin }))
    });
    held.collect()
}

#[cfg(test)]
mod tests;
