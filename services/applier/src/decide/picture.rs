//! What the log says, as far as it decides which targets to look at.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    Event, EventType,
    state::{DecodeError, DefinitionsState, SyncStage, SyncState, TargetState, decode},
};
use model::{Aggregate, ApplicationName, Cluster, ClusterName, DefinitionSet, TargetId};
use plan::{Assignment, assign};

/// What the log says.
#[derive(Debug, Default)]
pub struct Picture {
    in_force: Option<InForce>,
    planned: BTreeMap<TargetId, u64>,
    released: BTreeSet<TargetId>,
    synced: BTreeMap<TargetId, Synced>,
    parked: BTreeSet<TargetId>,
}

/// The definitions in force.
#[derive(Debug)]
struct InForce {
    n: u64,
    assignments: BTreeMap<TargetId, Assignment>,
    clusters: BTreeMap<ClusterName, Cluster>,
}

/// Where a target's newest sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// Version of the event that says so.
    pub n: u64,
    /// Generation of the plan acted on last.
    pub generation: u64,
    /// Whether it has not come to its end.
    pub running: bool,
    /// Whether its aggregate is retired.
    pub retired: bool,
}

impl Synced {
    /// Of that state, at that version.
    pub fn of(n: u64, state: &SyncState) -> Self {
        let running = match state.stage {
            SyncStage::Running { .. } => true,
            SyncStage::Finished { .. } | SyncStage::Rejected { .. } | SyncStage::Superseded { .. } => false,
        };
        Self { n, generation: state.generation, running, retired: false }
    }
}

/// What an event told.
#[derive(Debug)]
pub enum Told {
    /// A target may need something.
    Target(TargetId),
    /// The running sync of that generation should stop.
    Supersede(TargetId, u64),
    /// Definitions, with their version; they are read and then [put in force](Picture::define).
    Definitions(u64, Box<DefinitionsState>),
    /// Nothing of interest.
    Nothing,
}

/// What the definitions say about a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Defined {
    /// Their version.
    pub definitions_n: u64,
    /// The target's assignment; `None`: it is not in them.
    pub assignment: Option<Assignment>,
    /// Its cluster; `None`: it is not in them.
    pub cluster: Option<Cluster>,
}

impl Picture {
    /// Takes in an event.
    ///
    /// # Errors
    /// If the state cannot be read (permanent); a target's is parked then.
    pub fn take(&mut self, event: &Event) -> Result<Told, DecodeError> {
        let (format, payload) = (event.draft.format, &event.draft.payload);
        match event.aggregate() {
            Aggregate::Definitions => Ok(Told::Definitions(event.n(), Box::new(decode(format, payload)?))),
            Aggregate::Target(target) => {
                let state = decode::<TargetState>(format, payload).inspect_err(|_| self.park(target))?;
                match state.released {
                    Some(_) => self.released.insert(target.clone()),
                    None => self.released.remove(target),
                };
                let generation = state.plan.map(|plan| plan.generation);
                match generation {
                    Some(generation) => drop(self.planned.insert(target.clone(), generation)),
                    None => drop(self.planned.remove(target)),
                }
                Ok(match state.supersede {
                    Some(generation) => Told::Supersede(target.clone(), generation),
                    None => Told::Target(target.clone()),
                })
            }
            Aggregate::Sync(target) => {
                let state = decode::<SyncState>(format, payload).inspect_err(|_| self.park(target))?;
                let retired = event.draft.kind == EventType::SyncRetired;
                self.synced.insert(target.clone(), Synced { retired, ..Synced::of(event.n(), &state) });
                Ok(Told::Target(target.clone()))
            }
            Aggregate::Source(_)
            | Aggregate::Render { .. }
            | Aggregate::Cluster(_)
            | Aggregate::Command(_) => Ok(Told::Nothing),
        }
    }

    /// Puts a set of definitions in force.
    pub fn define(&mut self, n: u64, set: &DefinitionSet) {
        let clusters = set.clusters().iter().map(|cluster| (cluster.name.clone(), cluster.clone())).collect();
        self.in_force = Some(InForce { n, assignments: assign(set), clusters });
    }

    /// Leaves a target alone from now on: one of its states cannot be read here.
    pub fn park(&mut self, target: &TargetId) {
        self.parked.insert(target.clone());
    }

    /// Where a target's sync ended, which the watch tells too: later, or it has told even newer events of others.
    pub fn conclude(&mut self, target: &TargetId, synced: Synced) {
        if self.synced.get(target).is_none_or(|known| known.n <= synced.n) {
            self.synced.insert(target.clone(), synced);
        }
    }

    /// Every target that may need something. Nothing while no definitions are known.
    pub fn wanting(&self) -> Vec<TargetId> {
        self.planned.keys().chain(self.synced.keys()).filter(|target| self.wants(target)).cloned().collect()
    }

    /// Whether a target may need something.
    pub fn wants(&self, target: &TargetId) -> bool {
        let (planned, synced) = (self.planned.get(target), self.synced.get(target));
        let interrupted = synced.is_some_and(|synced| synced.running);
        let newer = planned.is_some_and(|planned| synced.is_none_or(|synced| *planned > synced.generation));
        let ended = self.released.contains(target) && synced.is_some_and(|synced| !synced.retired);
        let Some(in_force) = &self.in_force else { return false };
        let ended = ended && !in_force.assignments.contains_key(target);
        !self.parked.contains(target) && (interrupted || newer || ended)
    }

    /// The clusters in force, each with what is on it: what is defined there, and what was not let go yet.
    pub fn clusters(&self) -> Vec<(Cluster, BTreeSet<ApplicationName>)> {
        let Some(in_force) = &self.in_force else { return Vec::new() };
        let left = self.synced.iter().filter(|(_, synced)| !synced.retired).map(|(target, _)| target);
        let mut applications: BTreeMap<&ClusterName, BTreeSet<ApplicationName>> = BTreeMap::new();
        for target in in_force.assignments.keys().chain(left) {
            applications.entry(&target.cluster).or_default().insert(target.application.clone());
        }
        let mut on = |cluster: &Cluster| applications.remove(&cluster.name).unwrap_or_default();
        in_force.clusters.values().map(|cluster| (cluster.clone(), on(cluster))).collect()
    }

    /// The clusters that are ours: defined, or with a target on them that was not let go yet. `None` while that is
    /// not known.
    pub fn ours(&self) -> Option<BTreeSet<ClusterName>> {
        let defined = self.in_force.as_ref()?.clusters.keys();
        let planned = self.planned.keys().filter(|target| !self.released.contains(target));
        let left = self.synced.iter().filter(|(_, synced)| !synced.retired).map(|(target, _)| target);
        let left = planned.chain(left).chain(&self.parked).map(|target| &target.cluster);
        Some(defined.chain(left).cloned().collect())
    }

    /// What the definitions in force say about a target; `None` while none are known.
    pub fn defined(&self, target: &TargetId) -> Option<Defined> {
        self.in_force.as_ref().map(|in_force| Defined {
            definitions_n: in_force.n,
            assignment: in_force.assignments.get(target).cloned(),
            cluster: in_force.clusters.get(&target.cluster).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use events::{Draft, EventId};
    use model::Timestamp;

    use super::*;

    /// A target, or its sync, of which a newer version wrote: nothing is done to it, and everything else goes on.
    #[test]
    fn what_a_newer_version_or_nobody_wrote_parks_its_target_only() {
        let target =
            |name: &str| TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() };
        let (told, other) = (target("told"), target("other"));
        for (aggregate, kind) in [
            (Aggregate::Target(told.clone()), EventType::SyncPlanned),
            (Aggregate::Sync(told.clone()), EventType::SyncStarted),
        ] {
            for format in [u16::MAX, 1] {
                let mut picture = Picture::default();
                picture.define(1, &DefinitionSet::default());
                picture.planned.extend([(told.clone(), 1), (other.clone(), 1)]);
                assert_eq!(picture.wanting().len(), 2);
                let state = events::state::CommandState { pending: vec![] };
                let when = (kind, Timestamp::default());
                let draft = Draft { format, ..Draft::after(None, aggregate.clone(), when, &state).unwrap() };
                let event = Event { id: EventId::derive("log", &draft), sequence: 1, draft };
                assert!(picture.take(&event).is_err(), "{aggregate} in format {format}");
                assert_eq!(picture.wanting(), std::slice::from_ref(&other), "{aggregate} in format {format}");
            }
        }
    }

    /// Who was overtaken learns the end of its own work after what the other one has done since.
    #[test]
    fn what_the_watch_has_told_is_not_undone_by_an_older_end() {
        let target = TargetId { cluster: "eu".parse().unwrap(), application: "shop".parse().unwrap() };
        let at = |n, running| Synced { n, generation: 1, running, retired: false };
        for (told, ended, running) in [
            (None, at(5, false), false),
            (Some(at(4, true)), at(5, false), false),
            (Some(at(5, false)), at(5, false), false),
            (Some(at(6, true)), at(5, false), true),
        ] {
            let mut picture = Picture::default();
            picture.synced.extend(told.map(|told| (target.clone(), told)));
            picture.conclude(&target, ended);
            assert_eq!(picture.synced[&target].running, running, "{told:?}");
        }
    }
}
