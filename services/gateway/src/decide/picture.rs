//! What the log says about targets, as little of it as their statuses need.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use events::{
    DecodeError, Event, EventType,
    state::{
        ClusterState, Consent, DefinitionsState, Reachability, RenderState, SourceState, SyncOutcome,
        SyncStage, SyncState, SyncStatus, TargetState,
    },
};
use model::{
    Aggregate, ClusterName, Commit, DefinitionSet, Failure, HealthStatus, SourceName, TargetId, Timestamp,
};

/// What the log says.
#[derive(Debug, Default)]
pub struct Picture {
    definitions: Told,
    /// The version of the definitions that are put in force here.
    defined: u64,
    pub(super) assigned: BTreeMap<TargetId, Assigned>,
    pub(super) sources: BTreeMap<SourceName, SourceFacts>,
    pub(super) renders: BTreeMap<Aggregate, RenderFacts>,
    pub(super) clusters: BTreeMap<ClusterName, Reachability>,
    pub(super) targets: BTreeMap<TargetId, TargetFacts>,
    pub(super) syncs: BTreeMap<TargetId, SyncFacts>,
    /// What the log says and cannot be read here; what is known of it is older.
    pub(super) unread: BTreeMap<Aggregate, Failure>,
    /// The set in force.
    set: Arc<DefinitionSet>,
}

/// What is told of the definitions as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The commit that those in force were made from.
    pub commit: Option<Commit>,
    /// Why the newest ones are not in force.
    pub rejected: Option<Failure>,
    /// What a person has to be asked about.
    pub consent: Consent,
}

/// What a target needs by the definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    pub source: SourceName,
    pub path: String,
    pub render: Aggregate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceFacts {
    pub reference: Option<String>,
    pub commit: Option<String>,
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RenderFacts {
    pub commit: String,
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetFacts {
    pub status: SyncStatus,
    pub health: HealthStatus,
    pub drifted: u64,
    pub refused: Option<Failure>,
    pub at: Timestamp,
    pub paused: Option<Timestamp>,
    pub waiting: Option<String>,
    pub standing: Standing,
}

/// Whether a target is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Ours,
    Released,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyncFacts {
    pub running: bool,
    pub commit: Option<String>,
    pub objects: u64,
    pub failure: Option<Failure>,
    pub at: Timestamp,
}

/// What an event changed.
#[derive(Debug)]
pub enum Taken {
    /// The status of these targets.
    Targets(Vec<TargetId>),
    /// A set of definitions, to be read and then put in force by [`Picture::define`].
    Definitions(u64, Box<DefinitionsState>),
}

impl Picture {
    /// Takes an event in.
    ///
    /// # Errors
    /// The state cannot be read here (permanent): a newer version wrote it.
    pub fn take(&mut self, event: &Event) -> Result<Taken, DecodeError> {
        let taken = self.take_state(event)?;
        if let Taken::Targets(_) = &taken {
            self.unread.remove(event.aggregate());
        }
        Ok(taken)
    }

    /// Notes that the newest state of an aggregate cannot be read; says whose status that concerns.
    pub fn miss(&mut self, aggregate: &Aggregate, failure: Failure) -> Vec<TargetId> {
        // Told again, it is as old as when it was first told.
        self.unread.entry(aggregate.clone()).or_insert(failure);
        match aggregate {
            Aggregate::Target(target) | Aggregate::Sync(target) => vec![target.clone()],
            Aggregate::Source(name) => self.assigned_where(|assigned| assigned.source == *name),
            render @ Aggregate::Render { .. } => self.assigned_where(|assigned| assigned.render == *render),
            Aggregate::Cluster(name) => self.ids_on(name),
            Aggregate::Definitions | Aggregate::Command(_) => vec![],
        }
    }

    /// Why the newest state of an aggregate cannot be read.
    pub fn missed(&self, aggregate: &Aggregate) -> Option<&Failure> {
        self.unread.get(aggregate)
    }

    fn take_state(&mut self, event: &Event) -> Result<Taken, DecodeError> {
        let (format, payload) = (event.draft.format, &event.draft.payload);
        Ok(Taken::Targets(match event.aggregate() {
            Aggregate::Definitions => {
                return Ok(Taken::Definitions(event.n(), Box::new(events::decode(format, payload)?)));
            }
            Aggregate::Source(name) => {
                let state: SourceState = events::decode(format, payload)?;
                self.take_source(name, event, state)
            }
            render @ Aggregate::Render { .. } => {
                let state: RenderState = events::decode(format, payload)?;
                self.take_render(render, event, state)
            }
            Aggregate::Cluster(name) => {
                let state: ClusterState = events::decode(format, payload)?;
                self.take_cluster(name, event, state)
            }
            Aggregate::Target(target) => {
                let state: TargetState = events::decode(format, payload)?;
                self.take_target(target, event, state)
            }
            Aggregate::Sync(target) => {
                let state: SyncState = events::decode(format, payload)?;
                self.take_sync(target, event, state)
            }
            Aggregate::Command(_) => vec![],
        }))
    }

    fn take_source(&mut self, name: &SourceName, event: &Event, state: SourceState) -> Vec<TargetId> {
        let (reference, commit) = match state.revision {
            Some(revision) => (Some(revision.reference), Some(revision.commit.to_string())),
            None => (None, None),
        };
        let facts = SourceFacts { reference, commit, failure: state.failure };
        let before = match event.draft.kind == EventType::SourceRetired {
            true => self.sources.remove(name),
            false => self.sources.insert(name.clone(), facts.clone()),
        };
        // A new revision alone shows once it is rendered.
        let changed = before.is_none_or(|before| before.failure != facts.failure);
        let of_source = |assigned: &Assigned| changed && assigned.source == *name;
        self.assigned_where(of_source)
    }

    fn take_render(&mut self, render: &Aggregate, event: &Event, state: RenderState) -> Vec<TargetId> {
        if event.draft.kind == EventType::RenderRetired {
            self.renders.remove(render);
        } else {
            let commit = state.made_from.commit.to_string();
            self.renders.insert(render.clone(), RenderFacts { commit, failure: state.failure });
        }
        self.assigned_where(|assigned| assigned.render == *render)
    }

    fn take_cluster(&mut self, name: &ClusterName, event: &Event, state: ClusterState) -> Vec<TargetId> {
        if event.draft.kind == EventType::ClusterRetired {
            self.clusters.remove(name);
        } else {
            self.clusters.insert(name.clone(), state.reachability);
        }
        self.ids_on(name)
    }

    fn ids_on(&self, name: &ClusterName) -> Vec<TargetId> {
        self.ids().into_iter().filter(|target| target.cluster == *name).collect()
    }

    fn take_target(&mut self, target: &TargetId, event: &Event, state: TargetState) -> Vec<TargetId> {
        if event.draft.kind == EventType::TargetRetired {
            self.targets.remove(target);
        } else {
            let standing = if state.released.is_some() { Standing::Released } else { Standing::Ours };
            let facts = TargetFacts {
                status: state.status,
                health: state.health.status,
                drifted: state.drift.len(),
                refused: state.refused,
                at: event.draft.time,
                paused: state.paused,
                waiting: state.waits.first().map(ToString::to_string),
                standing,
            };
            self.targets.insert(target.clone(), facts);
        }
        vec![target.clone()]
    }

    fn take_sync(&mut self, target: &TargetId, event: &Event, state: SyncState) -> Vec<TargetId> {
        if event.draft.kind == EventType::SyncRetired {
            self.syncs.remove(target);
        } else {
            let failure = match &state.stage {
                SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } => Some(failure.clone()),
                SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. }
                | SyncStage::Running { .. }
                | SyncStage::Rejected { .. }
                | SyncStage::Superseded { .. } => None,
            };
            let facts = SyncFacts {
                running: matches!(state.stage, SyncStage::Running { .. }),
                commit: state.commit.map(|commit| commit.to_string()),
                objects: state.objects.len(),
                failure,
                at: event.draft.time,
            };
            self.syncs.insert(target.clone(), facts);
        }
        vec![target.clone()]
    }

    /// Puts a set in force; says whose status that changes.
    pub fn define(&mut self, n: u64, set: Arc<DefinitionSet>, told: Told) -> Vec<TargetId> {
        if n < self.defined {
            return vec![];
        }
        self.defined = n;
        self.unread.remove(&Aggregate::Definitions);
        self.definitions = told;
        let mut concerned: BTreeSet<TargetId> = self.assigned.keys().cloned().collect();
        let needs = |assignment: &plan::Assignment| Assigned {
            source: assignment.application.source.name.clone(),
            path: assignment.application.source.path.clone(),
            render: assignment.render(),
        };
        self.assigned =
            plan::assign(&set).iter().map(|(id, assignment)| (id.clone(), needs(assignment))).collect();
        self.set = set;
        concerned.extend(self.assigned.keys().cloned());
        concerned.into_iter().collect()
    }

    /// Everything with a status, in order: what is assigned, and what is on its way out.
    pub fn ids(&self) -> BTreeSet<TargetId> {
        let leaving = self.targets.iter().filter(|(_, facts)| facts.standing == Standing::Ours);
        self.assigned.keys().chain(leaving.map(|(id, _)| id)).cloned().collect()
    }

    /// The first one with a status after another one, in order.
    pub fn id_after(&self, last: Option<&TargetId>) -> Option<&TargetId> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let mut assigned = self.assigned.range((from, Bound::Unbounded)).map(|(id, _)| id);
        let leaving = self.targets.range((from, Bound::Unbounded));
        let mut leaving = leaving.filter(|(_, facts)| facts.standing == Standing::Ours).map(|(id, _)| id);
        [assigned.next(), leaving.next()].into_iter().flatten().min()
    }

    /// The source that a target's manifests come from.
    pub fn source_of(&self, target: &TargetId) -> Option<&SourceName> {
        self.assigned.get(target).map(|assigned| &assigned.source)
    }

    /// Where a target's manifests come from: source, address of its repository, folder.
    pub fn origin_of(&self, target: &TargetId) -> Option<(SourceName, String, String)> {
        let Assigned { source, path, .. } = self.assigned.get(target)?;
        let (_, address) = self.sources().find(|(name, _)| *name == source)?;
        Some((source.clone(), address.to_owned(), path.clone()))
    }

    /// Everything that the log keeps a history of about some targets.
    pub fn aggregates(&self, wanted: impl Fn(&TargetId) -> bool) -> Vec<Aggregate> {
        let mut aggregates = BTreeSet::new();
        for id in self.ids().into_iter().filter(wanted) {
            if let Some(assigned) = self.assigned.get(&id) {
                aggregates.insert(Aggregate::Source(assigned.source.clone()));
                aggregates.insert(assigned.render.clone());
            }
            let scope = model::CommandScope::Target(id.clone());
            aggregates.extend([
                Aggregate::Target(id.clone()),
                Aggregate::Sync(id),
                Aggregate::Command(scope),
            ]);
        }
        aggregates.into_iter().collect()
    }

    /// The render that holds a target's desired state.
    pub fn render_of(&self, target: &TargetId) -> Option<&Aggregate> {
        self.assigned.get(target).map(|assigned| &assigned.render)
    }

    /// The sources with the addresses of their repositories.
    pub fn sources(&self) -> impl Iterator<Item = (&SourceName, &str)> {
        self.set.sources().iter().map(|source| (&source.name, source.git.url.as_str()))
    }

    /// The set in force.
    pub fn set(&self) -> &Arc<DefinitionSet> {
        &self.set
    }

    /// What is told of the definitions as a whole.
    pub fn definitions(&self) -> &Told {
        &self.definitions
    }

    fn assigned_where(&self, wanted: impl Fn(&Assigned) -> bool) -> Vec<TargetId> {
        self.assigned.iter().filter(|(_, assigned)| wanted(assigned)).map(|(id, _)| id.clone()).collect()
    }
}
