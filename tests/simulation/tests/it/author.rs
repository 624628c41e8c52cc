//! In place of fetcher and renderer: writes what they would write, one event at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use events::{
    Content, Draft, Event, EventType, Table,
    content::INLINE_BYTES_MAX,
    state::{
        Asker, CommandState, DefinitionsState, DesiredState, ObservedPath, ObservedRevision, PathOutcome,
        RenderInputs, RenderState, Request, RequestKind, SourceState, State, encode,
    },
};
use manifest::{DesiredSet, Document, InstallKey, SetOptions};
use model::{Aggregate, CommandScope, Failure, RetryClass, SourceName};
use plan::{RenderJob, render_jobs};
use renderer::decide::{Outcome, Product, Standing, Stored, outcome::follow};
use serde_json::Value;
use testkit::MemoryLog;
use tokio::time::sleep;

use crate::{dice::Dice, picture, repository::Repository, trace::Trace};

/// Whether there was something to write.
enum Step {
    Written,
    Nothing,
}

/// In place of fetcher and renderer.
pub struct Author {
    pub memory: Arc<MemoryLog>,
    pub repository: Arc<Mutex<Repository>>,
    pub key: InstallKey,
    pub dice: Dice,
    pub trace: Trace,
}

impl Author {
    /// Works for ever.
    pub async fn run(self) {
        let mut rested = None;
        loop {
            sleep(self.dice.millis(5..250)).await;
            let seen = (self.git().commits, self.memory.head(&Aggregate::Definitions).map(|event| event.id));
            if rested.as_ref() != Some(&seen) {
                rested = match self.step().await {
                    Step::Written => None,
                    Step::Nothing => Some(seen),
                };
            }
        }
    }

    fn git(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes at most one event.
    async fn step(&self) -> Step {
        if let Some(approval) = self.approval() {
            let fleet = Aggregate::Command(CommandScope::Fleet);
            self.write(fleet, EventType::PlanApproved, &approval);
            return Step::Written;
        }
        let set = picture::definitions(&self.memory);
        let jobs = render_jobs(&set);
        for source in set.sources() {
            if let Some(state) = self.look(&source.name, &jobs) {
                self.write(Aggregate::Source(source.name.clone()), EventType::RevisionObserved, &state);
                return Step::Written;
            }
        }
        let mut all: Vec<_> = jobs.iter().collect();
        while !all.is_empty() {
            let (render, job) = all.swap_remove(self.dice.among(0..all.len()));
            if let Some((kind, state)) = self.work(render, job) {
                self.write(render.clone(), kind, &state);
                return Step::Written;
            }
        }
        for event in self.memory.heads() {
            let retired = event.draft.kind == EventType::RenderRetired;
            if matches!(event.aggregate(), Aggregate::Render { .. })
                && !retired
                && !jobs.contains_key(event.aggregate())
            {
                let draft = after(Some(&event), event.aggregate().clone(), EventType::RenderRetired);
                let draft =
                    Draft { payload: event.draft.payload.clone(), format: event.draft.format, ..draft };
                let _ = bus::Log::retire(&*self.memory, draft).await;
                return Step::Written;
            }
        }
        Step::Nothing
    }

    /// Whoever commits here means it: the consent to definitions that the guard of the fleet holds back.
    fn approval(&self) -> Option<CommandState> {
        let (_, definitions) = picture::newest::<DefinitionsState>(&self.memory, &Aggregate::Definitions)?;
        let plan = definitions.consent.held?;
        let command = Aggregate::Command(CommandScope::Fleet);
        let asked = picture::newest::<CommandState>(&self.memory, &command);
        let waits = |request: &Request| {
            request.kind == RequestKind::Approve { plan }
                && !definitions.consent.handled.contains(&request.id)
        };
        if asked.as_ref().is_some_and(|(_, state)| state.pending.iter().any(waits)) {
            return None;
        }
        let number = asked.map_or(1, |(event, _)| event.n() + 1);
        let id = format!("approval-{number}").parse().ok()?;
        let request = Request { id, kind: RequestKind::Approve { plan }, at: bus::now(), by: Asker::Person };
        Some(CommandState { pending: vec![request] })
    }

    /// The next state of a source, if it has moved.
    fn look(&self, source: &SourceName, jobs: &BTreeMap<Aggregate, RenderJob>) -> Option<SourceState> {
        let mut repository = self.git();
        let mut paths: Vec<String> = jobs
            .values()
            .filter(|job| job.parameters.source.name == *source)
            .map(|job| job.parameters.source.path.clone())
            .collect();
        paths.sort();
        paths.dedup();
        let row = |path: String| {
            let closure = repository.read(source.as_str(), &path);
            let outcome = PathOutcome::Found { closure, artifact: closure, notes: vec![] };
            ObservedPath { path, outcome }
        };
        let rows = paths.into_iter().map(row).collect();
        let paths = Table::lay(rows, INLINE_BYTES_MAX).ok()?.table;
        let commit = format!("{:040}", repository.commits).parse().ok()?;
        let revision =
            ObservedRevision { commit, reference: "refs/heads/main".to_owned(), origin: None, paths };
        let known = picture::newest::<SourceState>(&self.memory, &Aggregate::Source(source.clone()));
        let before = known.map(|(_, state)| state).unwrap_or_default();
        let moved = before.revision.as_ref() != Some(&revision);
        moved.then(|| SourceState {
            observation: before.observation + 1,
            revision: Some(revision),
            failure: None,
            handled: vec![],
        })
    }

    /// The next state of a render, if there is something to render.
    fn work(&self, render: &Aggregate, job: &RenderJob) -> Option<(EventType, RenderState)> {
        let source = &job.parameters.source;
        let (_, observed) =
            picture::newest::<SourceState>(&self.memory, &Aggregate::Source(source.name.clone()))?;
        let revision = observed.revision?;
        let Table::Inline(rows) = &revision.paths else { return None };
        let row = rows.iter().find(|row| row.path == source.path)?;
        let PathOutcome::Found { closure, .. } = &row.outcome else { return None };
        let made_from = RenderInputs {
            source: source.name.clone(),
            observation: observed.observation,
            commit: revision.commit,
            closure: Some(*closure),
            engine: "simulated 1".to_owned(),
            key_id: self.key.key_id(),
        };
        let stored = picture::newest::<RenderState>(&self.memory, render).map(stored);
        let current = stored.as_ref().filter(|stored| stored.standing == Standing::InForce);
        if current.is_some_and(|stored| stored.made_from.closure == made_from.closure) {
            return None;
        }
        let kept = picture::newest::<RenderState>(&self.memory, render).and_then(|(_, state)| state.desired);
        let outcome = match self.product(job, closure) {
            Some(product) => Outcome::Rendered(product),
            None => Outcome::Failed { failure: broken(), kept: current.and(kept) },
        };
        follow(stored.as_ref(), made_from, outcome)
    }

    fn product(&self, job: &RenderJob, closure: &model::Digest) -> Option<Product> {
        let repository = self.git();
        let mut documents = vec![];
        for value in repository.tree(closure) {
            let mut value = value.clone();
            value.as_object()?;
            value["metadata"]["labels"]["driftless.dev/application"] = Value::from(job.application.as_str());
            documents.push(Document { file: "all.yaml".to_owned(), line: 1, value });
        }
        let default_namespace = job.parameters.namespace.as_deref().unwrap_or("default");
        let built = DesiredSet::build(documents, SetOptions { key: &self.key, default_namespace }).ok()?;
        Some(Product {
            digest: built.set.digest(),
            objects: u32::try_from(built.set.objects().len()).ok()?,
            manifests: Content::Inline(built.set.encode()),
            secrets: None,
            notes: vec![],
        })
    }

    fn write<S: State>(&self, aggregate: Aggregate, kind: EventType, state: &S) {
        let draft = after(self.memory.head(&aggregate).as_ref(), aggregate.clone(), kind);
        let payload = encode(state).unwrap_or_default().into();
        let written = self.memory.append_one(Draft { payload, format: S::FORMAT, ..draft });
        let n = written.map(|event| event.n()).unwrap_or_default();
        self.trace.tell("author", format!("{aggregate} {n} {}", kind.word()));
    }
}

fn stored((event, state): (Event, RenderState)) -> Stored {
    Stored {
        n: event.n(),
        id: event.id,
        standing: match event.draft.kind == EventType::RenderRetired {
            true => Standing::Retired,
            false => Standing::InForce,
        },
        made_from: state.made_from,
        failure: state.failure,
        blobs: state.desired.iter().flat_map(DesiredState::blobs).collect(),
        desired: state.desired.map(|desired| (desired.digest, desired.commit, desired.observation)),
    }
}

fn broken() -> Failure {
    Failure {
        code: "MANIFEST-OBJECT".to_owned(),
        message: "simulated".to_owned(),
        remedy: String::new(),
        class: RetryClass::Permanent,
        at: bus::now(),
        attempts: 1,
    }
}

fn after(newest: Option<&Event>, aggregate: Aggregate, kind: EventType) -> Draft {
    Draft {
        aggregate,
        n: newest.map_or(0, Event::n) + 1,
        previous: newest.map(|event| event.id),
        kind,
        format: 1,
        time: bus::now(),
        cause: None,
        correlation: None,
        actor: None,
        traceparent: None,
        payload: Default::default(),
    }
}
