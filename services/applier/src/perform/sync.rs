//! One sync: intent, cluster, namespace, stages, end.

use std::{collections::BTreeMap, sync::Arc};

use cluster::{Apply, ClusterError, Force, Mode};
use events::{
    EventType,
    state::{AppliedObject, DesiredState, SyncOutcome, SyncStage, SyncState},
};
use model::{Aggregate, ApiVersion, Application, Cluster, ObjectId, TargetId};
use plan::{Action, Reason, Stage, Step, SyncPlan};
use tokio::time::sleep;

use super::{
    Halt, Performer,
    attend::{Newest, blank},
    clusters::Connected,
    now,
    read::Unread,
    record::{Kind, Recorder},
};
use crate::decide::{
    body,
    error::Fault,
    intent::Rows,
    materials::Materials,
    ownership::manager,
    picture::{Defined, Synced},
    step::{ATTEMPTS_MAX, WAIT_FIRST},
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
    recorder: Recorder<'p>,
    state: SyncState,
    desired: DesiredState,
}

impl Performer {
    /// Carries out the newest plan, from its beginning or from where it was interrupted.
    pub(super) async fn carry_out(
        &self,
        target: &TargetId,
        defined: &Defined,
        newest: Newest,
    ) -> Result<Option<Synced>, Halt> {
        let (Some(assignment), Some(cluster), Some(planned), Some(desired)) =
            (&defined.assignment, &defined.cluster, &newest.planned, &newest.desired)
        else {
            return Ok(None);
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
        let mut sync = Sync {
            performer: self,
            application: assignment.application.clone(),
            cluster: cluster.clone(),
            rows: Rows::default(),
            before,
            resumed,
            recorder,
            state: SyncState { generation: planned.generation, plan: planned.digest, ..state },
            desired: desired.clone(),
            plan,
        };
        let before = (newest.sync.as_ref().map(|(_, state)| state), recorded);
        sync.run(&assignment.render(), before).await.map(Some)
    }
}

impl Sync<'_> {
    async fn run(
        &mut self,
        render: &Aggregate,
        (previous, recorded): (Option<&SyncState>, Vec<AppliedObject>),
    ) -> Result<Synced, Halt> {
        let materials =
            self.performer.load_materials(&self.plan, &self.desired, (render, previous, &self.before));
        let materials = match materials.await {
            Ok(materials) => Ok(materials),
            Err(Unread::Halt(halt)) => return Err(halt),
            Err(Unread::Fault(fault)) => Err(fault),
        };
        let digests = materials.as_ref().map(|materials| materials.digests(&self.plan)).unwrap_or_default();
        self.rows = if self.resumed {
            Rows::resumed(recorded, &self.plan)
        } else {
            Rows::intent(recorded, &self.plan, &digests)
        };
        self.start().await?;
        let done = match materials {
            Ok(materials) => self.execute(Arc::new(materials)).await?,
            Err(fault) => Err(fault),
        };
        let now = now();
        if let Err(fault) = done {
            self.rows.fail_rest(&self.plan, &fault, now);
        }
        self.finish().await
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
        let connected = match self.performer.clusters.connect(&self.cluster).await {
            Ok(connected) => connected,
            Err(error) => return Ok(Err(Fault::Cluster(error))),
        };
        let _minded = connected.mind(materials.sensitive(&self.plan));
        if let Some(name) = self.plan.namespace.clone()
            && let Err(error) = self.ensure_namespace(&connected, &name).await
        {
            return Ok(Err(Fault::Cluster(error)));
        }
        let stages: Vec<Vec<Step>> =
            self.plan.steps.chunk_by(|a, b| a.stage == b.stage).map(<[Step]>::to_vec).collect();
        for steps in stages {
            self.stage(&connected, &materials, &steps).await?;
            let failed = steps.iter().any(|step| !self.rows.is_done(step));
            if failed {
                return Ok(Err(Fault::Skipped));
            }
            if steps.iter().any(|step| step.stage == Stage::Foundation)
                && let Err(fault) = self.settle_kinds(&connected, &steps).await
            {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    }

    /// Creates the namespace if it is missing: plain, not ours, never pruned.
    async fn ensure_namespace(&self, connected: &Connected, name: &str) -> Result<(), ClusterError> {
        let id = body::namespace_id(name);
        let api_version = ApiVersion { group: String::new(), version: "v1".into() };
        let (stage, action, reason) = (Stage::Foundation, Action::Create, Reason::New);
        let step = Step { id: id.clone(), api_version, stage, action, reason };
        let body = body::namespace(name);
        let manager = manager(&self.application.name);
        for attempt in 1.. {
            let served = connected.served().await;
            let resource = served.resource(&step, connected.client.address())?;
            let (force, mode) = (Force::No, Mode::Real);
            let request =
                Apply { resource, id: &id, body: &body, manager: &manager, force, mode, start_by: None };
            match connected.client.apply(&request).await {
                Ok(_) | Err(ClusterError::Moved { .. } | ClusterError::AlreadyExists { .. }) => return Ok(()),
                // Perhaps it is there, and only may not be created by us: the steps will tell.
                Err(ClusterError::Forbidden { .. }) => return Ok(()),
                Err(error) if error.class() == model::RetryClass::Transient && attempt < ATTEMPTS_MAX => {
                    sleep(WAIT_FIRST * attempt).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<Synced, Halt> {
        let outcome = self.rows.outcome(&self.plan);
        if let SyncOutcome::Failed { failure } = &outcome
            && failure.code == "CLUSTER-AUTH"
        {
            self.performer.clusters.forget(&self.cluster.name).await;
        }
        if outcome == SyncOutcome::Succeeded && self.rows.is_complete() {
            self.state.applied = Some(self.plan.desired);
            self.state.commit = Some(self.desired.commit.clone());
            let manifests = self.desired.manifests.clone();
            self.state.manifests = Some(self.recorder.settle(manifests).await?);
        }
        self.state.stage = SyncStage::Finished { at: now(), outcome };
        self.record((EventType::SyncFinished, Kind::Fact)).await?;
        Ok(Synced::of(&self.state))
    }
}
