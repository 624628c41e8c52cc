//! What the log says: the newest state of every aggregate that a decision about a target reads.

mod around;
mod fleet;
mod identity;
mod nameless;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use events::{
    Content, EventId,
    state::{
        AppliedObject, ClusterState, PathOutcome, RenderState, Request, SourceState, SyncState, TargetState,
    },
};
use model::{
    Aggregate, ApiVersion, ApplicationName, Cluster, ClusterName, DefinitionSet, ObjectId, SourceName,
    TargetId, Timestamp,
};
use plan::{Assignment, Left, assign, fleet_render};

use crate::live::GroupKind;

pub use around::{Around, Ids};

/// A state and its place in the history of its aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<S> {
    /// Id of the event.
    pub event: EventId,
    /// Version of the aggregate.
    pub n: u64,
    /// The state after the event.
    pub state: S,
}

/// The definitions in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definitions {
    /// Version of the aggregate.
    pub n: u64,
    /// The complete set.
    pub set: DefinitionSet,
    /// The targets that exist by it.
    pub targets: BTreeMap<TargetId, Arc<Assignment>>,
    /// The targets of each application.
    pub by_application: BTreeMap<ApplicationName, Vec<TargetId>>,
    /// The render of the fleet repository, if the set is read from one.
    pub fleet: Option<Aggregate>,
}

impl Definitions {
    /// Works out which targets exist.
    pub fn new(n: u64, set: DefinitionSet) -> Self {
        let targets: BTreeMap<_, _> =
            assign(&set).into_iter().map(|(target, assignment)| (target, Arc::new(assignment))).collect();
        let mut by_application = BTreeMap::<_, Vec<_>>::new();
        for target in targets.keys() {
            by_application.entry(target.application.clone()).or_default().push(target.clone());
        }
        let fleet = fleet_render(&set).map(|(render, _)| render);
        Self { n, set, targets, by_application, fleet }
    }
}

/// A source with its table of paths read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// The state.
    pub state: SourceState,
    /// What was found at each path.
    pub paths: BTreeMap<String, PathOutcome>,
}

/// A sync with its table of objects read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFacts {
    /// Version of the aggregate.
    pub n: u64,
    /// When the applier wrote it: its newest sign of life.
    pub at: Timestamp,
    /// The state.
    pub state: SyncState,
    /// The inventory.
    pub objects: BTreeMap<ObjectId, AppliedObject>,
}

/// One event, read: what [`Known::take`] takes.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of targets and syncs")]
pub enum News {
    /// A complete set of definitions.
    Definitions(Definitions),
    /// A source.
    Source(SourceName, SourceFacts),
    /// A render.
    Render(Aggregate, Versioned<RenderState>),
    /// A sync.
    Sync(TargetId, SyncFacts),
    /// A target, as we or a predecessor wrote it.
    Target(TargetId, Versioned<TargetState>),
    /// A cluster; `None`: it was retired.
    Cluster(ClusterName, Option<ClusterState>),
    /// A cluster's newest event cannot be read: it must not be replaced.
    Unreadable(ClusterName),
    /// The pending requests of a target.
    Requests(TargetId, Vec<Request>),
    /// The pending requests of the fleet.
    FleetRequests(Vec<Request>),
    /// The target's own newest event cannot be read: it must not be written.
    Parked(TargetId),
    /// The target's newest sync cannot be read: nothing is known of what is there.
    SyncParked(TargetId),
}

/// Which targets have to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dirty {
    /// Every target of every cluster.
    All,
    /// These.
    Targets(Vec<TargetId>),
}

/// The newest state of every aggregate.
#[derive(Debug, Default)]
pub struct Known {
    definitions: Option<Arc<Definitions>>,
    sources: BTreeMap<SourceName, Arc<SourceFacts>>,
    renders: BTreeMap<Aggregate, Arc<Versioned<RenderState>>>,
    syncs: BTreeMap<TargetId, Arc<SyncFacts>>,
    targets: BTreeMap<TargetId, Arc<Versioned<TargetState>>>,
    requests: BTreeMap<TargetId, Arc<Vec<Request>>>,
    fleet_requests: Arc<Vec<Request>>,
    /// Targets that cannot be read.
    parked: BTreeSet<TargetId>,
    /// Targets of which the sync cannot be read.
    syncs_parked: BTreeSet<TargetId>,
    /// The place in the log of the newest event that was taken of each aggregate.
    taken: BTreeMap<Aggregate, u64>,
    clusters: BTreeMap<ClusterName, Arc<ClusterState>>,
    /// Those of them that the definitions do not name.
    undefined: BTreeSet<ClusterName>,
    /// Clusters of which the newest event cannot be read.
    unreadable: BTreeSet<ClusterName>,
    /// Targets that are not defined any more and not released, and what was in force for them last, if that is
    /// read already.
    leaving: BTreeMap<TargetId, Option<Arc<Left>>>,
}

/// Whether the newest sync of a target can be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legible {
    /// It can, or there is none.
    Yes,
    /// A newer version wrote it, or it is damaged: what is there is not known.
    No,
}

/// All that the log says about one target, cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Version of the definitions.
    pub definitions_n: u64,
    /// The target as defined; `None`: it has left the set.
    pub assignment: Option<Arc<Assignment>>,
    /// Its source.
    pub source: Option<Arc<SourceFacts>>,
    /// Its render.
    pub render: Option<Arc<Versioned<RenderState>>>,
    /// What was done to it.
    pub sync: Option<Arc<SyncFacts>>,
    /// Whether that can be read here.
    pub legible: Legible,
    /// What we wrote last.
    pub own: Option<Arc<Versioned<TargetState>>>,
    /// What people asked for.
    pub requests: Arc<Vec<Request>>,
    /// What was in force for it last, if it has left the set and is not released.
    pub left: Option<Arc<Left>>,
    /// Since when its cluster does not answer.
    pub unreachable_since: Option<Timestamp>,
}

impl Known {
    /// Takes what an event says that stands there in the log; says what it makes dirty. One that was passed changes
    /// nothing: versions begin anew where an aggregate was retired, places in the log never do.
    pub fn take_event(&mut self, aggregate: &Aggregate, sequence: u64, news: News) -> Dirty {
        match self.taken.get_mut(aggregate) {
            Some(taken) if *taken >= sequence => return Dirty::Targets(Vec::new()),
            Some(taken) => *taken = sequence,
            None => drop(self.taken.insert(aggregate.clone(), sequence)),
        }
        self.take(news)
    }

    /// Takes news, of whatever age; says what they make dirty.
    pub fn take(&mut self, news: News) -> Dirty {
        match news {
            News::Definitions(definitions) => {
                if self.definitions.as_ref().is_some_and(|known| known.n >= definitions.n) {
                    return Dirty::Targets(vec![]);
                }
                self.definitions = Some(Arc::new(definitions));
                self.note_undefined();
                let known: BTreeSet<TargetId> =
                    self.targets.keys().chain(self.syncs.keys()).cloned().collect();
                known.iter().for_each(|target| self.note_leaving(target));
                Dirty::All
            }
            News::Source(name, source) => {
                self.sources.insert(name.clone(), Arc::new(source));
                self.dirty_where(|assignment| assignment.application.source.name == name)
            }
            News::Render(aggregate, render) => {
                let dirty = match &aggregate {
                    Aggregate::Render { application, .. } => self.targets_of(application),
                    Aggregate::Source(_)
                    | Aggregate::Definitions
                    | Aggregate::Cluster(_)
                    | Aggregate::Target(_)
                    | Aggregate::Sync(_)
                    | Aggregate::Command(_) => Vec::new(),
                };
                self.renders.insert(aggregate, Arc::new(render));
                Dirty::Targets(dirty)
            }
            News::Sync(target, sync) => {
                self.syncs_parked.remove(&target);
                self.syncs.insert(target.clone(), Arc::new(sync));
                self.note_leaving(&target);
                Dirty::Targets(vec![target])
            }
            News::Target(target, own) => {
                // What could not be read is followed by something that can.
                self.parked.remove(&target);
                let newer = self.targets.get(&target).is_none_or(|known| known.n < own.n);
                if newer {
                    self.targets.insert(target.clone(), Arc::new(own));
                    self.note_leaving(&target);
                }
                Dirty::Targets(if newer { vec![target] } else { Vec::new() })
            }
            News::Cluster(name, cluster) => self.take_cluster(name, cluster),
            News::Unreadable(name) => {
                self.unreadable.insert(name);
                Dirty::Targets(Vec::new())
            }
            News::Requests(target, requests) => {
                self.requests.insert(target.clone(), Arc::new(requests));
                Dirty::Targets(vec![target])
            }
            News::FleetRequests(requests) => {
                self.fleet_requests = Arc::new(requests);
                Dirty::Targets(Vec::new())
            }
            News::Parked(target) => {
                self.parked.insert(target);
                Dirty::Targets(Vec::new())
            }
            News::SyncParked(target) => {
                self.syncs_parked.insert(target.clone());
                Dirty::Targets(vec![target])
            }
        }
    }

    fn targets_of(&self, application: &ApplicationName) -> Vec<TargetId> {
        let known = self.definitions.as_ref().and_then(|known| known.by_application.get(application));
        known.cloned().unwrap_or_default()
    }

    fn dirty_where(&self, wanted: impl Fn(&Assignment) -> bool) -> Dirty {
        let targets = self.definitions.iter().flat_map(|known| &known.targets);
        let chosen = targets.filter(|(_, assignment)| wanted(assignment));
        Dirty::Targets(chosen.map(|(target, _)| target.clone()).collect())
    }

    /// The definitions in force; `None`: unknown, which never means empty.
    pub fn definitions(&self) -> Option<&Arc<Definitions>> {
        self.definitions.as_ref()
    }

    /// Whether a target left the definitions and is still to be released.
    fn note_leaving(&mut self, target: &TargetId) {
        let Some(definitions) = &self.definitions else { return };
        let released = self.targets.get(target).is_some_and(|own| own.state.released.is_some());
        if definitions.targets.contains_key(target) || released {
            self.leaving.remove(target);
        } else {
            self.leaving.entry(target.clone()).or_default();
        }
    }

    /// Targets that are leaving, of which what was in force last is not read yet.
    pub fn unsettled(&self) -> BTreeSet<TargetId> {
        let open = self.leaving.iter().filter(|(_, left)| left.is_none());
        open.map(|(target, _)| target.clone()).collect()
    }

    /// Takes what was in force last for targets that left.
    pub fn settle(&mut self, found: BTreeMap<TargetId, Left>) {
        for (target, left) in found {
            if let Some(open) = self.leaving.get_mut(&target) {
                open.get_or_insert_with(|| Arc::new(left));
            }
        }
    }

    /// All clusters with a target: those that are defined, and those that left with something of ours on them.
    pub fn clusters(&self) -> Vec<Cluster> {
        let Some(definitions) = &self.definitions else { return Vec::new() };
        let mut clusters = definitions.set.clusters().to_vec();
        let left: BTreeSet<&ClusterName> = self.leaving.keys().map(|target| &target.cluster).collect();
        let gone = left.into_iter().filter(|name| definitions.set.cluster(name).is_none());
        clusters.extend(gone.filter_map(|name| Some(self.clusters.get(name)?.definition.clone())));
        clusters
    }

    /// All targets that there are, leaving ones too.
    pub fn all_targets(&self) -> Vec<TargetId> {
        let defined = self.definitions.iter().flat_map(|known| known.targets.keys());
        defined.chain(self.leaving.keys()).cloned().collect()
    }

    /// Whether a target on that cluster is leaving.
    pub fn is_left(&self, cluster: &ClusterName) -> bool {
        self.leaving.keys().any(|target| target.cluster == *cluster)
    }

    /// All targets on a cluster, leaving ones too.
    pub fn targets_on(&self, cluster: &ClusterName) -> Vec<TargetId> {
        let targets = self.definitions.iter().flat_map(|known| known.targets.keys());
        targets.chain(self.leaving.keys()).filter(|target| target.cluster == *cluster).cloned().collect()
    }

    /// Whether the log has an inventory for every target of a cluster.
    pub fn all_synced(&self, cluster: &ClusterName) -> bool {
        let defined = self.definitions.iter().flat_map(|known| known.targets.keys());
        defined.filter(|target| target.cluster == *cluster).all(|target| self.syncs.contains_key(target))
    }

    /// The version that an object of a target's inventory was applied at.
    pub fn applied_version(&self, target: &TargetId, id: &ObjectId) -> Option<ApiVersion> {
        self.syncs.get(target)?.objects.get(id).map(|row| row.api_version.clone())
    }

    /// The newest resource version that is recorded of a kind on a cluster; empty: none is.
    pub fn recorded_version(&self, cluster: &ClusterName, (group, kind): &GroupKind) -> &str {
        let syncs = self.syncs.iter().filter(|(target, _)| target.cluster == *cluster);
        let rows = syncs.flat_map(|(_, sync)| sync.objects.values());
        let of_kind = rows.filter(|row| row.id.group == *group && row.id.kind == *kind);
        let versions = of_kind.filter_map(|row| row.resource_version.as_deref());
        versions
            .reduce(|newest, one| if cluster::went_back(newest, one) { newest } else { one })
            .unwrap_or_default()
    }

    /// The row of an object in a target's inventory.
    pub fn applied(&self, target: &TargetId, id: &ObjectId) -> Option<AppliedObject> {
        self.syncs.get(target)?.objects.get(id).cloned()
    }

    /// The manifests of a target that were applied in full last.
    pub fn applied_manifests(&self, target: &TargetId) -> Option<Content> {
        self.syncs.get(target)?.state.manifests.clone()
    }

    /// Whether a target's state cannot be read here, so that nothing is decided about it.
    pub fn is_parked(&self, target: &TargetId) -> bool {
        self.parked.contains(target)
    }

    /// All that is known about a target; `None`: nothing may be decided about it.
    pub fn snapshot(&self, target: &TargetId) -> Option<Snapshot> {
        let definitions = self.definitions.as_ref()?;
        if self.is_parked(target) {
            return None;
        }
        let assignment = definitions.targets.get(target).cloned();
        let source = assignment.as_ref().and_then(|wanted| self.sources.get(&wanted.application.source.name));
        let render = assignment.as_ref().and_then(|wanted| self.renders.get(&wanted.render()));
        Some(Snapshot {
            definitions_n: definitions.n,
            source: source.cloned(),
            render: render.cloned(),
            sync: self.syncs.get(target).cloned(),
            legible: if self.syncs_parked.contains(target) { Legible::No } else { Legible::Yes },
            own: self.targets.get(target).cloned(),
            requests: self.requests.get(target).cloned().unwrap_or_default(),
            left: self.leaving.get(target).and_then(Clone::clone),
            unreachable_since: self.unreachable_since(&target.cluster),
            assignment,
        })
    }
}

#[cfg(test)]
mod tests;
