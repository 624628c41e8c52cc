//! Asks a cluster what a step's machine wants to know, until the step is done.

use std::sync::Arc;

use bus::Share;
use cluster::{Apply, ClusterError, Delete, Force, Mode, Propagation, Resource};
use model::Partition;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{clusters::Connected, pulse::Pulse};
use crate::decide::{
    body::{self, Precondition},
    claim::{Permit, permit},
    step::{Act, Answer, Machine, Next, StepResult, Task},
};

/// A step with all that it takes.
pub(super) struct Errand {
    pub(super) cluster: Arc<Connected>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) share: Share,
    pub(super) partition: Partition,
    pub(super) task: Task,
    /// The manifest with its secret values.
    pub(super) manifest: Option<Value>,
}

impl Errand {
    /// Runs the step to its end. `None`: the process stops or has lost the cluster, and what came of the step
    /// is not known.
    pub(super) async fn run(self, stop: &CancellationToken) -> Option<StepResult> {
        let (mut machine, mut next) = Machine::begin(&self.task);
        loop {
            next = match next {
                Next::Finish(result) => return Some(result),
                Next::Ask { wait, act } => {
                    stop.run_until_cancelled(sleep(wait)).await?;
                    let answer = self.ask_when_permitted(act, stop).await?;
                    self.pulse.feel(&answer);
                    machine.next(answer.unwrap_or_else(Answer::Failed))
                }
            };
        }
    }

    /// Asks as soon as it may be asked; what there was no room for in time is not sent, and waits again.
    async fn ask_when_permitted(
        &self,
        act: Act,
        stop: &CancellationToken,
    ) -> Option<Result<Answer, ClusterError>> {
        loop {
            // A request under way is answered soon; a wait may be long.
            let start_by = stop.run_until_cancelled(self.await_permit(&act)).await??;
            let answer = self.ask(act.clone(), start_by).await;
            if !matches!(answer, Err(ClusterError::Late { .. })) {
                return Some(answer);
            }
        }
    }

    async fn ask(&self, act: Act, start_by: Instant) -> Result<Answer, ClusterError> {
        let served = self.cluster.served().await;
        let client = &self.cluster.client;
        let resource = || served.resource(&self.task.step, client.address());
        let id = &self.task.step.id;
        Ok(match act {
            Act::Rediscover => {
                self.cluster.rediscover(&served).await?;
                Answer::Rediscovered
            }
            Act::Look => Answer::Seen(client.get(resource()?, id).await?),
            Act::Create => {
                let body = self.body(Precondition::Absent);
                Answer::Applied(self.apply(resource()?, &body, (Force::No, start_by)).await?)
            }
            Act::Apply { uid, force, without } => {
                let body = diff::without(&self.body(Precondition::Uid(&uid)), &without);
                Answer::Applied(self.apply(resource()?, &body, (force, start_by)).await?)
            }
            Act::GiveBack { uid } => {
                let body = body::empty(&self.task.step, &uid);
                Answer::Applied(self.apply(resource()?, &body, (Force::No, start_by)).await?)
            }
            Act::Patch { clearing, version } => {
                let operations = body::patch(&clearing, self.manifest.as_ref(), &version);
                let manager = self.task.manager();
                Answer::Patched(
                    client.json_patch(resource()?, id, &operations, (&manager, Some(start_by))).await?,
                )
            }
            Act::Disown { operations } => {
                let manager = self.task.manager();
                Answer::Patched(
                    client.json_patch(resource()?, id, &operations, (&manager, Some(start_by))).await?,
                )
            }
            Act::Probe => Answer::Probed(self.probe(resource()?).await?),
            Act::Delete { uid } => {
                let (resource, uid, start_by) = (resource()?, uid.as_str(), Some(start_by));
                let propagation = Propagation::Background;
                let request = Delete { resource, id, uid, resource_version: None, propagation, start_by };
                Answer::Deleted(client.delete(&request).await?)
            }
        })
    }

    async fn apply(
        &self,
        resource: &Resource,
        body: &Value,
        (force, start_by): (Force, Instant),
    ) -> Result<cluster::Applied, ClusterError> {
        let manager = self.task.manager();
        let request = Apply {
            resource,
            id: &self.task.step.id,
            body,
            manager: &manager,
            force,
            mode: Mode::Real,
            start_by: Some(start_by),
        };
        self.cluster.client.apply(&request).await
    }

    async fn probe(&self, resource: &Resource) -> Result<bool, ClusterError> {
        let body = self.body(Precondition::Absent);
        let (id, manager) = (&self.task.step.id, self.task.manager());
        let (force, mode) = (Force::No, Mode::DryRun);
        let request = Apply { resource, id, body: &body, manager: &manager, force, mode, start_by: None };
        self.cluster.client.creatable(&request).await
    }

    fn body(&self, precondition: Precondition<'_>) -> Value {
        let manifest = self.manifest.clone().unwrap_or_default();
        body::apply(manifest, &self.task.step.id, precondition)
    }

    /// Waits until a request may be started: creates only keep a distance from both ends of a claim. Answers
    /// until when it may; `None`: the cluster or the application is not ours any more.
    async fn await_permit(&self, act: &Act) -> Option<Instant> {
        loop {
            let creates = *act == Act::Create;
            let permit = if creates { permit(self.share.claim(self.partition)) } else { Permit::Now(None) };
            match permit {
                Permit::Now(within) => {
                    let claimed = within.map(|within| Instant::now() + within);
                    // Asked after the wait: custody may be lost during it.
                    let held = self.cluster.custody.writable_until()?;
                    return Some(claimed.map_or(held, |claimed| claimed.min(held)));
                }
                Permit::After(wait) => sleep(wait).await,
                Permit::No => return None,
            }
        }
    }
}
