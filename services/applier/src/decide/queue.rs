//! Which targets are looked at next: first come, first served within a cluster, so many at once per cluster.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{ClusterName, TargetId};

/// Targets to be looked at, and those that are busy. A busy one that becomes due again waits for its own end.
#[derive(Debug, Default)]
pub struct Queue {
    clusters: BTreeMap<ClusterName, Line>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<TargetId>,
    queued: BTreeSet<TargetId>,
    busy: BTreeSet<TargetId>,
}

impl Queue {
    /// Queues a target, once.
    pub fn push(&mut self, target: TargetId) {
        let line = self.clusters.entry(target.cluster.clone()).or_default();
        if line.queued.insert(target.clone()) {
            line.waiting.push_back(target);
        }
    }

    /// Takes the next targets that are still due and makes them busy: as many as stay within `at_once` per cluster.
    /// The others are forgotten and take up no room: nothing would call again for those behind them.
    pub fn take<D>(&mut self, at_once: usize, due: impl Fn(&TargetId) -> Option<D>) -> Vec<(TargetId, D)> {
        self.clusters.values_mut().flat_map(|line| line.take(at_once, &due)).collect()
    }

    /// A target is not busy any more.
    pub fn done(&mut self, target: &TargetId) {
        if let Some(line) = self.clusters.get_mut(&target.cluster) {
            line.busy.remove(target);
        }
    }
}

impl Line {
    fn take<D>(&mut self, at_once: usize, due: &impl Fn(&TargetId) -> Option<D>) -> Vec<(TargetId, D)> {
        let mut taken = Vec::new();
        let mut again = VecDeque::new();
        while self.busy.len() < at_once
            && let Some(target) = self.waiting.pop_front()
        {
            if self.busy.contains(&target) {
                again.push_back(target);
                continue;
            }
            self.queued.remove(&target);
            if let Some(work) = due(&target) {
                self.busy.insert(target.clone());
                taken.push((target, work));
            }
        }
        again.append(&mut self.waiting);
        self.waiting = again;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> TargetId {
        let (cluster, application) = text.split_once('/').unwrap();
        TargetId { cluster: cluster.parse().unwrap(), application: application.parse().unwrap() }
    }

    fn take(queue: &mut Queue) -> Vec<String> {
        let due = |target: &TargetId| (!target.application.as_str().starts_with("stale")).then_some(());
        queue.take(2, due).iter().map(|(target, ())| target.to_string()).collect()
    }

    #[test]
    fn what_is_not_due_any_more_takes_no_room() {
        let mut queue = Queue::default();
        for text in ["eu/stale-a", "eu/stale-b", "eu/stale-c", "eu/a"] {
            queue.push(target(text));
        }
        assert_eq!(take(&mut queue), ["eu/a"]);
        assert_eq!(take(&mut queue), [""; 0]);
    }

    #[test]
    fn each_cluster_has_its_own_room_and_nobody_runs_twice() {
        let mut queue = Queue::default();
        for text in ["eu/a", "eu/b", "eu/c", "us/a", "eu/a"] {
            queue.push(target(text));
        }
        assert_eq!(take(&mut queue), ["eu/a", "eu/b", "us/a"]);
        assert_eq!(take(&mut queue), [""; 0]);
        queue.push(target("eu/a"));
        queue.done(&target("eu/b"));
        assert_eq!(take(&mut queue), ["eu/c"]);
        queue.done(&target("eu/c"));
        assert_eq!(take(&mut queue), [""; 0], "still busy");
        queue.done(&target("eu/a"));
        assert_eq!(take(&mut queue), ["eu/a"]);
        assert_eq!(take(&mut queue), [""; 0]);
    }
}
