//! Looks at one target: reads its newest states, decides what is due, and does it.

use bus::LogPosition;
use events::{
    Event, EventType,
    state::{
        DefinitionsState, DesiredState, PlannedSync, RenderState, SyncOutcome, SyncStage, SyncState,
        TargetState,
    },
};
use model::{Aggregate, DefinitionSet, TargetId};
use plan::Assignment;

use super::{
    Halt, Performer, now,
    read::Unread,
    record::{Kind, Recorder},
};
use crate::{
    Error,
    decide::{
        due::{Due, Ending, Stand, due},
        error::Fault,
        intent::Rows,
        picture::{Defined, Synced},
    },
};

/// How looking at a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attended {
    /// Its sync stands there.
    At(Option<Synced>),
    /// A state of it cannot be read here.
    Parked,
    /// Another process runs it, this one is to stop, or nothing can be done here yet.
    Left,
}

/// The newest states of a target.
pub(super) struct Newest {
    pub(super) cause: Option<Event>,
    pub(super) planned: Option<PlannedSync>,
    pub(super) sync: Option<(Event, SyncState)>,
    pub(super) desired: Option<DesiredState>,
    pub(super) ending: Ending,
}

impl Performer {
    /// Reads the set of definitions that a state stands for; `None` if it cannot be read at all.
    ///
    /// # Errors
    /// Whatever ends the process.
    pub async fn read_set(&self, state: &DefinitionsState) -> Result<Option<DefinitionSet>, Error> {
        match self.content(&state.set, "definitions").await {
            Ok(bytes) => match DefinitionsState::decode_set(&bytes) {
                Ok(set) => Ok(Some(set)),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "definitions cannot be read");
                    Ok(None)
                }
            },
            Err(Unread::Fault(fault)) => {
                tracing::error!(%fault, "definitions cannot be read");
                Ok(None)
            }
            Err(Unread::Halt(Halt::Fatal(error))) => Err(error),
            Err(Unread::Halt(
                Halt::Stopping | Halt::Parked | Halt::Waits | Halt::Overtaken | Halt::TakenOver,
            )) => Ok(None),
        }
    }

    /// Where the log is now.
    ///
    /// # Errors
    /// It is another one than was seen.
    pub async fn follow(&self, seen: &LogPosition) -> Result<LogPosition, Error> {
        Ok(seen.follow(&*self.log).await?)
    }

    /// Looks at a target and does what is due.
    ///
    /// # Errors
    /// Whatever ends the process.
    pub async fn attend(&self, target: &TargetId, defined: Defined) -> Result<Attended, Error> {
        loop {
            match self.try_attend(target, &defined).await {
                Ok(synced) => return Ok(Attended::At(synced)),
                Err(Halt::Overtaken) => tokio::task::yield_now().await,
                Err(Halt::Parked) => return Ok(Attended::Parked),
                Err(Halt::Stopping | Halt::Waits | Halt::TakenOver) => return Ok(Attended::Left),
                Err(Halt::Fatal(error)) => return Err(error),
            }
        }
    }

    async fn try_attend(&self, target: &TargetId, defined: &Defined) -> Result<Option<Synced>, Halt> {
        if !self.holds(&target.cluster) {
            return Err(Halt::TakenOver);
        }
        let newest = self.read_newest(target, defined.assignment.as_ref()).await?;
        let stand = Stand {
            definitions_n: defined.definitions_n,
            assignment: defined.assignment.as_ref(),
            planned: newest.planned.as_ref(),
            sync: newest.sync.as_ref().map_or((0, None), |(event, state)| (event.n(), Some(state))),
            desired: match defined.assignment {
                Some(_) => newest.desired.as_ref().map(|desired| desired.digest),
                None => Some(plan::release::nothing()),
            },
            ending: newest.ending,
        };
        match due(&stand) {
            Due::Nothing | Due::NewerDefinitions => Ok(newest.sync.map(|(event, state)| {
                let retired = event.draft.kind == EventType::SyncRetired;
                Synced { retired, ..Synced::of(event.n(), &state) }
            })),
            Due::Retire => self.retire(target, newest).await,
            Due::Reject(reason) => self.reject(target, newest, reason).await,
            Due::Abandon(reason) => self.abandon(target, newest, reason).await,
            Due::Start | Due::Resume => self.carry_out(target, defined, newest).await,
        }
    }

    async fn read_newest(&self, target: &TargetId, assignment: Option<&Assignment>) -> Result<Newest, Halt> {
        let planned = self.newest::<TargetState>(&Aggregate::Target(target.clone())).await?;
        let (cause, state) = planned.unzip();
        let sync = self.newest::<SyncState>(&Aggregate::Sync(target.clone())).await?;
        let desired = match assignment {
            None => None,
            Some(assignment) => {
                let render = self.newest::<RenderState>(&assignment.render()).await?;
                render.and_then(|(_, state)| state.desired)
            }
        };
        let released = state.as_ref().is_some_and(|state| state.released.is_some());
        let retired = sync.as_ref().is_some_and(|(event, _)| event.draft.kind == EventType::SyncRetired);
        let ending = if released && !retired { Ending::Released } else { Ending::No };
        Ok(Newest { cause, planned: state.and_then(|state| state.plan), sync, desired, ending })
    }

    /// Refuses the newest plan as stale; nothing is done.
    pub(super) async fn reject(
        &self,
        target: &TargetId,
        newest: Newest,
        reason: String,
    ) -> Result<Option<Synced>, Halt> {
        let Some(planned) = &newest.planned else { return Ok(None) };
        tracing::info!(%target, generation = planned.generation, reason, "the plan is stale");
        let mut recorder =
            Recorder::new(self, target, newest.sync.as_ref().map(|(event, _)| event), newest.cause);
        let event = (EventType::PlanRejected, Kind::Decision);
        let first = newest.sync.is_none();
        let mut state = newest.sync.map_or_else(|| blank(planned), |(_, state)| state);
        state.generation = planned.generation;
        state.plan = planned.digest;
        state.stage = SyncStage::Rejected { reason };
        let synced = Synced::of(0, &state);
        match self.load_plan(&planned.plan).await {
            Ok(plan) if first => recorder.store_rows(event, state, Rows::found(&plan).to_vec()).await?,
            Ok(_) | Err(Unread::Fault(_)) => recorder.store(event, &state).await?,
            Err(Unread::Halt(halt)) => return Err(halt),
        }
        Ok(Some(Synced { n: recorder.n(), ..synced }))
    }

    /// Says the last about a target that was let go; the state stays readable for a while.
    async fn retire(&self, target: &TargetId, newest: Newest) -> Result<Option<Synced>, Halt> {
        let Some((event, state)) = newest.sync else { return Ok(None) };
        let mut recorder = Recorder::new(self, target, Some(&event), newest.cause);
        recorder.retire(&state).await?;
        Ok(Some(Synced { retired: true, ..Synced::of(recorder.n(), &state) }))
    }

    /// Ends a sync that was interrupted and must not go on. Its pending rows stay pending: nobody knows.
    async fn abandon(
        &self,
        target: &TargetId,
        newest: Newest,
        reason: String,
    ) -> Result<Option<Synced>, Halt> {
        let Some((event, mut state)) = newest.sync else { return Ok(None) };
        tracing::warn!(%target, generation = state.generation, reason, "an interrupted sync is not resumed");
        let mut recorder = Recorder::new(self, target, Some(&event), newest.cause);
        let failure = Fault::Abandoned { reason }.failure(now(), None);
        state.stage = SyncStage::Finished { at: now(), outcome: SyncOutcome::Failed { failure } };
        recorder.store((EventType::SyncFinished, Kind::Decision), &state).await?;
        Ok(Some(Synced::of(recorder.n(), &state)))
    }
}

/// The state of a target of which nothing has been recorded yet.
pub(super) fn blank(planned: &PlannedSync) -> SyncState {
    SyncState {
        generation: planned.generation,
        plan: planned.digest,
        stage: SyncStage::Rejected { reason: String::new() },
        applied: None,
        commit: None,
        manifests: None,
        objects: events::Table::default(),
        superseded: 0,
    }
}
