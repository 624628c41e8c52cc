//! The status of a target: one word, one problem, and how far both can be believed.

use std::time::Duration;

use events::state::{Reachability, SyncStatus};
use model::{Aggregate, Failure, HealthStatus, TargetId};

use super::picture::{Assigned, Picture, Standing, SyncFacts, TargetFacts};
use crate::wire::{self, Evaluated, Problem, Sync, TargetStatus};

impl Picture {
    /// The status of a target; `None`: there is none, or it was let go.
    pub fn status(&self, id: &TargetId, evaluated: Evaluated) -> Option<TargetStatus> {
        let (assigned, own) = (self.assigned.get(id), self.targets.get(id));
        let own = own.filter(|own| assigned.is_some() || own.standing == Standing::Ours);
        if assigned.is_none() && own.is_none() {
            return None;
        }
        let sync = self.syncs.get(id);
        let times = own.map(|own| own.at).into_iter().chain(sync.map(|sync| sync.at));
        let render = assigned.and_then(|assigned| self.renders.get(&assigned.render));
        Some(TargetStatus {
            cluster: id.cluster.to_string(),
            application: id.application.to_string(),
            sync: match self.unread_of(id) {
                Some(_) => Sync::Unknown,
                None => word(assigned, own, sync),
            },
            health: own.map_or(HealthStatus::Unknown, |own| own.health).word().to_owned(),
            revision: sync.and_then(|sync| sync.commit.clone()),
            desired: render.map(|render| render.commit.clone()),
            objects: sync.map_or(0, |sync| sync.objects),
            drifted: own.map_or(0, |own| own.drifted),
            paused: own.and_then(|own| own.paused).map(wire::instant),
            waiting: own.and_then(|own| own.waiting.clone()),
            problem: self.problem(id, assigned).map(Problem::from),
            changed: times.max().map(wire::instant),
            evaluated,
        })
    }

    /// What stands in the way, the nearest to its root first: what follows from it is no news.
    fn problem(&self, id: &TargetId, assigned: Option<&Assigned>) -> Option<&Failure> {
        let missed = |aggregate: &Aggregate| self.unread.get(aggregate);
        let below = missed(&Aggregate::Cluster(id.cluster.clone()))
            .or_else(|| missed(&Aggregate::Source(assigned?.source.clone())))
            .or_else(|| missed(&assigned?.render))
            .or_else(|| self.unread_of(id));
        let cluster = match self.clusters.get(&id.cluster) {
            Some(Reachability::Unreachable { failure, .. }) => Some(failure),
            Some(Reachability::Connected { .. }) | None => None,
        };
        let source = assigned.and_then(|assigned| self.sources.get(&assigned.source)?.failure.as_ref());
        let render = assigned.and_then(|assigned| self.renders.get(&assigned.render)?.failure.as_ref());
        let refused = self.targets.get(id).and_then(|own| own.refused.as_ref());
        let failed = self.syncs.get(id).and_then(|sync| sync.failure.as_ref());
        // A failed sync is told until the target is in sync again, whichever plan brought that about.
        let in_sync = self.targets.get(id).is_some_and(|own| own.status == SyncStatus::InSync);
        // Beside what cannot be read, what is read may be over.
        below.or(cluster).or(source).or(render).or(refused).or(failed.filter(|_| !in_sync))
    }

    /// Why it is not known how the target is.
    fn unread_of(&self, id: &TargetId) -> Option<&Failure> {
        let missed = |aggregate| self.unread.get(&aggregate);
        missed(Aggregate::Target(id.clone())).or_else(|| missed(Aggregate::Sync(id.clone())))
    }
}

fn word(assigned: Option<&Assigned>, own: Option<&TargetFacts>, sync: Option<&SyncFacts>) -> Sync {
    if assigned.is_none() {
        return Sync::Leaving;
    }
    let running = sync.is_some_and(|sync| sync.running);
    match own.map(|own| own.status) {
        Some(SyncStatus::InSync) => Sync::InSync,
        Some(SyncStatus::OutOfSync | SyncStatus::Drifted) if running => Sync::Syncing,
        Some(SyncStatus::OutOfSync) => Sync::OutOfSync,
        Some(SyncStatus::Drifted) => Sync::Drifted,
        Some(SyncStatus::Contested) => Sync::Contested,
        Some(SyncStatus::Stalled) => Sync::Stalled,
        Some(SyncStatus::Unknown) | None => Sync::Unknown,
    }
}

/// Who looked last, as it was told `since` ago. It is at least as old as the definitions that are shown, of which there
/// have been newer ones for `outdated`.
pub fn evaluated(
    told: &bus::Freshness,
    since: Duration,
    outdated: Option<Duration>,
    bound: Duration,
) -> Evaluated {
    let seen = |by: &str, age: Duration| {
        let age = (age + since).max(outdated.unwrap_or_default());
        let state = if age <= bound { wire::Freshness::Fresh } else { wire::Freshness::Stale };
        Evaluated { state, by: Some(by.to_owned()), seconds: Some(age.as_secs()) }
    };
    match told {
        bus::Freshness::Fresh { by, age } | bus::Freshness::Stale { by, age } => seen(by, *age),
        bus::Freshness::Unknown { owner } => {
            Evaluated { state: wire::Freshness::Unknown, by: owner.clone(), seconds: None }
        }
    }
}
