//! One stage: its steps side by side, what came of them recorded as it comes.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use model::Partition;
use plan::Step;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Halt,
    ask::Errand,
    clusters::Connected,
    established::{defines_a_kind, established},
    now,
    pulse::Pulse,
    sync::Sync,
};
use crate::{
    Error,
    decide::{
        error::Fault,
        materials::Materials,
        step::{Attempted, StepResult},
    },
};

/// Steps of one sync under way at once: more than the requests that may fly, so that these never wait for the
/// next step, not even while progress is recorded.
const WIDTH: usize = 64;

/// Longest time that a result stays unrecorded while the sync runs: the differ judges by what is recorded.
const PROGRESS: Duration = Duration::from_millis(100);

/// A step that ended; `None`: it was left, because the process stops or the cluster is not its own any more.
type Ended = (Step, Option<StepResult>);

/// Where the steps of a stage are done, and how it answers.
#[derive(Clone)]
struct Place {
    cluster: Arc<Connected>,
    materials: Arc<Materials>,
    pulse: Arc<Pulse>,
}

impl Sync<'_> {
    /// Runs the steps of a stage that have no result yet.
    pub(super) async fn stage(
        &mut self,
        cluster: &Arc<Connected>,
        materials: &Arc<Materials>,
        steps: &[Step],
    ) -> Result<(), Halt> {
        let pulse = Arc::new(Pulse::new());
        let place = Place { cluster: cluster.clone(), materials: materials.clone(), pulse: pulse.clone() };
        let mut waiting: VecDeque<Step> =
            steps.iter().filter(|step| !self.rows.is_done(step)).cloned().collect();
        let mut running: JoinSet<Ended> = JoinSet::new();
        // When the oldest result that is not recorded has to be.
        let mut due: Option<Instant> = None;
        let mut left = false;
        loop {
            self.launch(&place, (&mut waiting, &mut running));
            if running.is_empty() {
                break;
            }
            tokio::select! {
                // What is due comes first, however many steps end.
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.progress().await?;
                    due = None;
                }
                Some(ended) = running.join_next() => {
                    match ended.map_err(|error| Halt::Fatal(Error::SyncDied(error)))? {
                        (step, Some(result)) => {
                            self.rows.fold(&step, result, now());
                            due.get_or_insert_with(|| Instant::now() + PROGRESS);
                        }
                        (_, None) => left = true,
                    }
                }
                error = pulse.lost(cluster.client.address()) => {
                    self.rows.fail_rest(steps, &Fault::Cluster(error), now());
                    return Ok(());
                }
            }
        }
        if waiting.is_empty() && !left || self.gives_way() {
            return Ok(());
        }
        if self.performer.holds(&self.cluster.name)
            && let Err(error) = cluster.custody.check()
        {
            self.rows.fail_rest(steps, &Fault::Custody(error), now());
            return Ok(());
        }
        // What was done is told, the rest is for the next one.
        self.progress().await?;
        Err(if self.performer.stop.is_cancelled() { Halt::Stopping } else { Halt::TakenOver })
    }

    fn launch(&mut self, place: &Place, (waiting, running): (&mut VecDeque<Step>, &mut JoinSet<Ended>)) {
        while running.len() < WIDTH
            && !self.stop.is_cancelled()
            && self.performer.holds(&self.cluster.name)
            && place.cluster.custody.check().is_ok()
            && let Some(step) = waiting.pop_front()
        {
            let stop = self.stop.clone();
            match self.errand(place, &step) {
                Ok(errand) => drop(running.spawn(async move { (step, errand.run(&stop).await) })),
                Err(fault) => self.rows.fold(&step, StepResult::Failed(fault), now()),
            }
        }
    }

    fn errand(&self, place: &Place, step: &Step) -> Result<Errand, Fault> {
        let attempted = if self.resumed { Attempted::Perhaps } else { Attempted::No };
        let materials = &place.materials;
        let task = materials.task(step, &self.application, self.before.get(&step.id), attempted)?;
        let manifest = if step.action.applies() { Some(materials.body(step)?) } else { None };
        Ok(Errand {
            cluster: place.cluster.clone(),
            pulse: place.pulse.clone(),
            share: self.performer.config.share.clone(),
            partition: Partition::of_cluster(&self.cluster.name),
            task,
            manifest,
        })
    }

    /// Waits until the kinds that a stage defines are served.
    pub(super) async fn settle_kinds(&mut self, connected: &Connected, steps: &[Step]) -> Result<(), Fault> {
        for step in steps.iter().filter(|step| defines_a_kind(step)) {
            if let Err(fault) = established(connected, step).await {
                self.rows.fold(step, StepResult::Failed(fault), now());
                return Err(Fault::Skipped);
            }
        }
        Ok(())
    }
}
