//! One sync: intent, cluster, namespace, stages, end.

use std::{collections::BTreeMap, sync::Arc};

use events::{
    EventType,
    state::{AppliedObject, ClusterState, DesiredState, SyncOutcome, SyncStage, SyncState},
};
use model::{Aggregate, Application, Cluster, ObjectId, TargetId};
use plan::{Step, SyncPlan, patience::gives_way};
use tokio_util::sync::CancellationToken;

use super::{
    Halt, Performer,
    attend::{Newest, blank},
    clusters::Connected,
    namespace::{Before, ensure},
    now,
    read::Unread,
    record::{Kind, Recorder},
};
use crate::{
    custody::Acting,
    decide::{
        error::Fault,
        intent::Rows,
        materials::Materials,
        ownership::manager,
        picture::{Defined, Synced},
    },
};

/// One sync.
pub(super) struct Sync<'p> {
    pub(super) performer: &'p Performer,
    pub(super) application: Application,
    pub(super) cluster: Cluster,
    pub(super) plan: SyncPlan,
    pub(super) rows: Rows,
    /// The inventory as it was before.
    pub(super) before: BTreeMap<ObjectId, AppliedObject>,
    pub(super) resumed: bool,
    /// Cancelled when the process stops, or this sync should.
    pub(super) stop: CancellationToken,
    recorder: Recorder<'p>,
    state: SyncState,
    /// `None`: the target is released.
    desired: Option<DesiredState>,
    /// Since it is about to write.
    acting: Option<Acting>,
}

impl Performer {
    /// Carries out the newest plan, from its beginning or from where it was interrupted.
    pub(super) async fn carry_out(
        &self,
        target: &TargetId,
        defined: &Defined,
        newest: Newest,
    ) -> Result<Option<Synced>, Halt> {
        let (application, wanted) = match (&defined.assignment, &newest.desired) {
            (Some(assignment), Some(desired)) => {
                (assignment.application.clone(), Some((assignment.render(), desired.clone())))
            }
            (Some(_), None) => return Ok(None),
            (None, _) => match plan::release::defined_no_more(target) {
                Some(application) => (application, None),
                None => return Ok(None),
            },
        };
        let Some(planned) = &newest.planned else { return Ok(None) };
        let Some(cluster) = self.cluster(target, defined).await? else {
            let reason = "nothing is known of the cluster".to_owned();
            return self.reject(target, newest, reason).await;
        };
        let plan = match self.load_plan(&planned.plan).await {
            Ok(plan) => plan,
            Err(Unread::Halt(halt)) => return Err(halt),
            Err(Unread::Fault(fault)) => return self.reject(target, newest, fault.to_string()).await,
        };
        let state = newest.sync.as_ref().map_or_else(|| blank(planned), |(_, state)| state.clone());
        let recorded = match self.load_rows(&state.objects).await {
            Ok(rows) => rows,
            Err(Unread::Halt(halt)) => return Err(halt),
            Err(Unread::Fault(fault)) => return self.reject(target, newest, fault.to_string()).await,
        };
        let resumed = newest.sync.as_ref().is_some_and(|(_, state)| {
            state.generation == planned.generation && matches!(state.stage, SyncStage::Running { .. })
        });
        let previous = newest.sync.as_ref().map(|(event, _)| event);
        let recorder = Recorder::new(self, target, previous, newest.cause.clone());
        let before = recorded.iter().map(|row| (row.id.clone(), row.clone())).collect();
        let stop = self.stop.child_token();
        let _entered =
            gives_way(state.superseded).then(|| self.running.enter(target, planned.generation, stop.clone()));
        let mut sync = Sync {
            performer: self,
            application,
            cluster,
            rows: Rows::default(),
            before,
            resumed,
            stop,
            recorder,
            state: SyncState { generation: planned.generation, plan: planned.digest, ..state },
            desired: wanted.as_ref().map(|(_, desired)| desired.clone()),
            plan,
            acting: None,
        };
        let before = (newest.sync.as_ref().map(|(_, state)| state), recorded);
        sync.run(wanted.as_ref().map(|(render, _)| render), before).await.map(Some)
    }

    /// The cluster as it is defined, or as it was when it was defined last.
    async fn cluster(&self, target: &TargetId, defined: &Defined) -> Result<Option<Cluster>, Halt> {
        if let Some(cluster) = &defined.cluster {
            return Ok(Some(cluster.clone()));
        }
        let kept = self.newest::<ClusterState>(&Aggregate::Cluster(target.cluster.clone())).await?;
        Ok(kept.map(|(_, state)| state.definition))
    }
}

impl Sync<'_> {
    async fn run(
        &mut self,
        render: Option<&Aggregate>,
        (previous, recorded): (Option<&SyncState>, Vec<AppliedObject>),
    ) -> Result<Synced, Halt> {
        let materials = match (render, &self.desired) {
            (Some(render), Some(desired)) => {
                let before = (render, previous, &self.before);
                let let_go = self.performer.load_let_go(&self.target(), &self.plan).await?;
                let loaded = self.performer.load_materials(&self.plan, desired, before).await;
                loaded.map(|materials| Materials { let_go, ..materials })
            }
            (None, _) | (_, None) => Ok(Materials::none()),
        };
        let materials = match materials {
            Ok(materials) => Ok(materials),
            Err(Unread::Halt(halt)) => return Err(halt),
            // No failure of the target, and no reason for another plan: a key is missing here, or a blob is made anew.
            Err(Unread::Fault(fault)) if self.plan.changes().next().is_none() => {
                tracing::error!(%fault, "what is only to be recorded anew waits until it can be read");
                return Err(Halt::Waits);
            }
            Err(Unread::Fault(fault)) => Err(fault),
        };
        let rules = &self.application.ignore;
        let tried =
            materials.as_ref().map(|materials| materials.tried(&self.plan, rules)).unwrap_or_default();
        self.rows = if self.resumed {
            Rows::resumed(recorded, &self.plan)
        } else {
            Rows::intent(recorded, &self.plan, &tried)
        };
        self.start().await?;
        let done = match materials {
            Ok(materials) => self.execute(Arc::new(materials)).await?,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(()) => {}
            Err(Fault::Superseded) => return self.give_way().await,
            Err(fault) => self.rows.fail_rest(&self.plan.steps, &fault, now()),
        }
        self.finish().await
    }

    fn target(&self) -> TargetId {
        TargetId { cluster: self.cluster.name.clone(), application: self.application.name.clone() }
    }

    /// Records the intent. Until it is stored nothing is written to the cluster.
    async fn start(&mut self) -> Result<(), Halt> {
        let since = match self.state.stage {
            SyncStage::Running { since, .. } if self.resumed => since,
            SyncStage::Running { .. }
            | SyncStage::Finished { .. }
            | SyncStage::Rejected { .. }
            | SyncStage::Superseded { .. } => now(),
        };
        let instance = self.performer.config.instance.clone();
        self.state.stage = SyncStage::Running { since, instance };
        self.record((EventType::SyncStarted, Kind::Decision)).await
    }

    /// Records what has been done so far.
    pub(super) async fn progress(&mut self) -> Result<(), Halt> {
        self.record((EventType::SyncProgressed, Kind::Fact)).await
    }

    async fn record(&mut self, event: (EventType, Kind)) -> Result<(), Halt> {
        let rows = self.rows.to_vec();
        self.recorder.store_rows(event, self.state.clone(), rows).await
    }

    /// Everything between intent and end; the inner error fails the steps that have no result.
    async fn execute(&mut self, materials: Arc<Materials>) -> Result<Result<(), Fault>, Halt> {
        let stop = self.stop.clone();
        let prepared = match stop.run_until_cancelled(self.prepare()).await {
            Some(prepared) => prepared,
            None => return self.stopped(),
        };
        let connected = match prepared {
            Ok(connected) => connected,
            Err(fault) => return Ok(Err(fault)),
        };
        let connected = Arc::new(connected.minding(materials.sensitive(&self.plan)));
        let stages: Vec<Vec<Step>> =
            self.plan.steps.chunk_by(|a, b| a.stage == b.stage).map(<[Step]>::to_vec).collect();
        for steps in stages {
            self.stage(&connected, &materials, &steps).await?;
            if self.gives_way() && self.plan.steps.iter().any(|step| !self.rows.is_done(step)) {
                return Ok(Err(Fault::Superseded));
            }
            if steps.iter().any(|step| !self.rows.is_done(step)) {
                return Ok(Err(Fault::Skipped));
            }
            let settled = stop.run_until_cancelled(self.settle_kinds(&connected, &steps)).await;
            match settled {
                Some(Ok(())) => {}
                Some(Err(fault)) => return Ok(Err(fault)),
                None => {
                    // Every step of the stage ended before the process was told to stop: what they did is told.
                    self.progress().await?;
                    return self.stopped();
                }
            }
        }
        Ok(Ok(()))
    }

    /// Whether it should stop although the process goes on.
    pub(super) fn gives_way(&self) -> bool {
        self.stop.is_cancelled() && !self.performer.stop.is_cancelled()
    }

    fn stopped(&self) -> Result<Result<(), Fault>, Halt> {
        if self.gives_way() { Ok(Err(Fault::Superseded)) } else { Err(Halt::Stopping) }
    }

    async fn prepare(&mut self) -> Result<Arc<Connected>, Fault> {
        let connected = self.performer.clusters.connect(&self.cluster).await.map_err(Fault::Cluster)?;
        let manager = manager(&self.application.name);
        self.acting = Some(connected.custody.begin_sync());
        connected.hold(&manager).await.map_err(Fault::Custody)?;
        connected.custody.await_acting_told().await.map_err(Fault::Custody)?;
        if let Some(name) = &self.plan.namespace {
            ensure(&connected, name, (&manager, Before::Steps)).await.map_err(Fault::Custody)?;
        }
        Ok(connected)
    }

    /// Ends it for what is wanted now. Steps that were not begun stay pending: the next plan sees to them.
    async fn give_way(&mut self) -> Result<Synced, Halt> {
        self.state.superseded += 1;
        self.state.stage = SyncStage::Superseded { at: now() };
        self.record((EventType::SyncSuperseded, Kind::Fact)).await?;
        Ok(Synced::of(self.recorder.n(), &self.state))
    }

    async fn finish(&mut self) -> Result<Synced, Halt> {
        let outcome = self.rows.outcome(&self.plan);
        if let SyncOutcome::Failed { failure } = &outcome
            && failure.code == "CLUSTER-AUTH"
        {
            self.performer.clusters.forget(&self.cluster.name).await;
        }
        if outcome == SyncOutcome::Succeeded && self.rows.is_complete() {
            let desired = self.desired.as_ref();
            self.state.applied = desired.map(|_| self.plan.desired);
            self.state.commit = desired.map(|desired| desired.commit.clone());
            self.state.manifests = match desired.map(|desired| desired.manifests.clone()) {
                Some(manifests) => Some(self.recorder.settle(manifests).await?),
                None => None,
            };
        }
        self.state.superseded = 0;
        self.state.stage = SyncStage::Finished { at: now(), outcome };
        self.record((EventType::SyncFinished, Kind::Fact)).await?;
        Ok(Synced::of(self.recorder.n(), &self.state))
    }
}
