//! What the log says, as far as it concerns renders, and what this process remembers of failed attempts.

use std::collections::{BTreeMap, BTreeSet};

use events::{
    DecodeError, Event, EventId, EventType, Table,
    state::{DefinitionsState, DesiredState, ObservedPath, ObservedRevision, RenderState, SourceState},
};
use model::{Aggregate, Commit, DefinitionSet, Digest, SourceName, Timestamp};
use plan::{RenderJob, render_jobs};

use super::{
    Check, Engines, Holding, Lane, Retry, Rota, Situation, Standing, Step, Stored,
    step::{Order, Work, step},
};

/// An event that leads to others, and what they take over from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The event.
    pub cause: EventId,
    /// The change that it belongs to.
    pub correlation: Option<String>,
    /// Who wanted it.
    pub actor: Option<String>,
    /// Trace context.
    pub traceparent: Option<String>,
}

impl Trace {
    fn of(event: &Event) -> Self {
        let draft = &event.draft;
        Self {
            cause: event.id,
            correlation: draft.correlation.clone(),
            actor: draft.actor.clone(),
            traceparent: draft.traceparent.clone(),
        }
    }
}

/// The last good revision of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its number.
    pub observation: u64,
    /// Its commit.
    pub commit: Commit,
    /// Where it was seen, if that was told.
    pub origin: Option<Digest>,
    /// The event that told it.
    pub trace: Trace,
}

#[derive(Debug)]
struct SourceView {
    observed: Observed,
    rows: BTreeMap<String, ObservedPath>,
}

/// Everything that decisions about renders are made from. Definitions that were not seen yet are unknown, not
/// empty.
#[derive(Debug)]
pub struct Picture {
    engines: Engines,
    key_id: String,
    jobs: Option<BTreeMap<Aggregate, RenderJob>>,
    by_source: BTreeMap<SourceName, Vec<Aggregate>>,
    /// Where the sources are.
    origins: BTreeMap<SourceName, Digest>,
    sources: BTreeMap<SourceName, SourceView>,
    stored: BTreeMap<Aggregate, Stored>,
    parked: BTreeSet<Aggregate>,
    retries: BTreeMap<Aggregate, Retry>,
    lanes: BTreeMap<Aggregate, Lane>,
    /// Renders whose newest event names a blob that is lost.
    lost: BTreeSet<Aggregate>,
    rota: Rota,
}

/// What an event changed.
#[derive(Debug)]
pub enum Taken {
    /// Something about a render.
    Render(Aggregate),
    /// A new set of definitions, to be read and then put in force by [`Picture::define`].
    Definitions(Box<DefinitionsState>),
    /// A revision whose paths are to be read and then handed to [`Picture::observe`].
    Revision {
        /// The source.
        name: SourceName,
        /// The revision.
        observed: Observed,
        /// Its paths.
        paths: Table<ObservedPath>,
    },
    /// Nothing that matters here.
    Nothing,
}

impl Picture {
    /// An empty picture for these engines and that key.
    pub fn new(engines: Engines, key_id: String) -> Self {
        Self {
            engines,
            key_id,
            jobs: None,
            by_source: BTreeMap::new(),
            origins: BTreeMap::new(),
            sources: BTreeMap::new(),
            stored: BTreeMap::new(),
            parked: BTreeSet::new(),
            retries: BTreeMap::new(),
            lanes: BTreeMap::new(),
            lost: BTreeSet::new(),
            rota: Rota::default(),
        }
    }

    /// Takes an event in; one that is older than what is known changes nothing.
    ///
    /// # Errors
    /// The state cannot be read here (permanent): a render is parked then.
    pub fn take(&mut self, event: &Event) -> Result<Taken, DecodeError> {
        let (format, payload) = (event.draft.format, &event.draft.payload);
        Ok(match event.aggregate() {
            Aggregate::Definitions => Taken::Definitions(Box::new(events::decode(format, payload)?)),
            Aggregate::Source(name) => {
                let state: SourceState = events::decode(format, payload)?;
                self.revision(name, event, state)
            }
            Aggregate::Render { .. } => self.take_render(event)?,
            Aggregate::Cluster(_) | Aggregate::Target(_) | Aggregate::Sync(_) | Aggregate::Command(_) => {
                Taken::Nothing
            }
        })
    }

    /// An event that brings no other revision, such as a failure or an answer, changes nothing here.
    fn revision(&mut self, name: &SourceName, event: &Event, state: SourceState) -> Taken {
        if event.draft.kind == EventType::SourceRetired {
            self.sources.remove(name);
            return Taken::Nothing;
        }
        let Some(ObservedRevision { commit, reference: _, paths, origin }) = state.revision else {
            return Taken::Nothing;
        };
        let known = self.sources.get(name).map(|source| source.observed.observation);
        if known.is_some_and(|known| known >= state.observation) {
            return Taken::Nothing;
        }
        let observed = Observed { observation: state.observation, commit, origin, trace: Trace::of(event) };
        Taken::Revision { name: name.clone(), observed, paths }
    }

    fn take_render(&mut self, event: &Event) -> Result<Taken, DecodeError> {
        let render = event.aggregate();
        if self.stored.get(render).is_some_and(|stored| stored.n >= event.n()) {
            return Ok(Taken::Nothing);
        }
        let state: RenderState = match events::decode(event.draft.format, &event.draft.payload) {
            Ok(state) => state,
            Err(error) => {
                self.park(render.clone());
                return Err(error);
            }
        };
        let retired = event.draft.kind == EventType::RenderRetired;
        let blobs = state.desired.iter().flat_map(DesiredState::blobs).collect();
        let desired = state.desired.map(|desired| (desired.digest, desired.commit, desired.observation));
        let stored = Stored {
            n: event.n(),
            id: event.id,
            standing: if retired { Standing::Retired } else { Standing::InForce },
            made_from: state.made_from,
            failure: state.failure,
            desired,
            blobs,
        };
        self.parked.remove(render);
        self.retries.remove(render);
        self.lost.remove(render);
        self.stored.insert(render.clone(), stored);
        Ok(Taken::Render(render.clone()))
    }

    /// Keeps hands off a render whose newest event cannot be read here.
    pub fn park(&mut self, render: Aggregate) {
        self.parked.insert(render);
    }

    /// Puts a set of definitions in force.
    pub fn define(&mut self, set: &DefinitionSet) {
        let jobs = render_jobs(set);
        self.by_source.clear();
        for (render, job) in &jobs {
            self.by_source.entry(job.parameters.source.name.clone()).or_default().push(render.clone());
        }
        self.origins =
            set.sources().iter().map(|source| (source.name.clone(), source.git.origin())).collect();
        self.jobs = Some(jobs);
    }

    /// Takes in the paths of a revision; returns the renders that read from the source.
    pub fn observe(
        &mut self,
        name: &SourceName,
        observed: Observed,
        rows: Vec<ObservedPath>,
    ) -> Vec<Aggregate> {
        let rows = rows.into_iter().map(|row| (row.path.clone(), row)).collect();
        self.sources.insert(name.clone(), SourceView { observed, rows });
        self.by_source.get(name).cloned().unwrap_or_default()
    }

    /// Every render that is asked for or stored; none while the definitions are unknown.
    pub fn renders(&self) -> BTreeSet<Aggregate> {
        let Some(jobs) = &self.jobs else { return BTreeSet::new() };
        let in_force = self.stored.iter().filter(|(_, stored)| stored.standing == Standing::InForce);
        jobs.keys().chain(in_force.map(|(render, _)| render)).cloned().collect()
    }

    /// Remembers an attempt that failed as the one before.
    pub fn remember(&mut self, render: &Aggregate, retry: Retry) {
        self.retries.insert(render.clone(), retry);
    }

    /// Whose blobs are to be looked for now, of the renders that are ours.
    pub fn to_check(&mut self, is_ours: impl Fn(&Aggregate) -> bool) -> Vec<Check> {
        self.rota.next(&self.stored, is_ours)
    }

    /// Remembers that a blob of a render is lost, unless it was rendered since.
    pub fn lose(&mut self, check: &Check) {
        if self.stored.get(&check.render).is_some_and(|stored| stored.n == check.n) {
            self.lost.insert(check.render.clone());
        }
    }

    /// Remembers that the files of a render need a process.
    pub fn needs_process(&mut self, render: &Aggregate) {
        self.lanes.insert(render.clone(), Lane::Process);
    }

    /// Decides about one render.
    pub fn decide(&self, render: &Aggregate, now: Timestamp) -> Step {
        let Some(jobs) = &self.jobs else { return Step::Rest };
        if self.parked.contains(render) {
            return Step::Rest;
        }
        let job = jobs.get(render);
        let source = job.and_then(|job| self.seen(&job.parameters.source.name));
        let situation = Situation {
            job,
            observed: source.map(|source| &source.observed),
            row: job.and_then(|job| source?.rows.get(&job.parameters.source.path)),
            stored: self.stored.get(render),
            retry: self.retries.get(render).copied(),
            holding: if self.lost.contains(render) { Holding::Lost } else { Holding::Whole },
            engines: &self.engines,
            key_id: &self.key_id,
        };
        step(render, &situation, now)
    }

    /// What was seen of a source where it is by now: of what stands elsewhere nothing is made, least of all definitions.
    fn seen(&self, name: &SourceName) -> Option<&SourceView> {
        let here = self.origins.get(name)?;
        let seen = self.sources.get(name)?;
        seen.observed.origin.is_none_or(|origin| origin == *here).then_some(seen)
    }

    /// What an order keeps busy.
    pub fn lane(&self, order: &Order) -> Lane {
        match &order.work {
            Work::Render { job, .. } => {
                let recorded = order.stored.as_ref().map(|stored| stored.made_from.engine.as_str());
                let expected = self.engines.lane(&job.parameters.rendering, recorded);
                self.lanes.get(&order.render).copied().unwrap_or(expected)
            }
            Work::Fail { .. } | Work::Retire => Lane::InProcess,
        }
    }
}

#[cfg(test)]
mod tests;
