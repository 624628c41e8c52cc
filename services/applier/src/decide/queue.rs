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

    /// Takes the next targets and makes them busy: as many as stay within `at_once` per cluster.
    pub fn take(&mut self, at_once: usize) -> Vec<TargetId> {
        self.clusters.values_mut().flat_map(|line| line.take(at_once)).collect()
    }

    /// A target is not busy any more.
    pub fn done(&mut self, target: &TargetId) {
        if let Some(line) = self.clusters.get_mut(&target.cluster) {
            line.busy.remove(target);
        }
    }
}

impl Line {
    fn take(&mut self, at_once: usize) -> Vec<TargetId> {
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
            self.busy.insert(target.clone());
            taken.push(target);
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
        queue.take(2).iter().map(ToString::to_string).collect()
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
