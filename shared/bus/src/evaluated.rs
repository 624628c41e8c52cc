//! How long ago the members evaluated which cluster: what tells a status that is fresh from one that froze.
//!
//! # Design notes
//! It is told with the heartbeats, not in the log: an event per target and minute would flood it and say nothing
//! new. An age is told, not an instant, so that no two clocks are compared: it grows by itself where the work
//! hangs, and whoever is frozen or dead soon tells nothing any more. An age stands for all clusters of a partition,
//! which bounds what is told; a cluster that is behind is named instead, so that its neighbours do not look stale.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{ClusterName, Partition};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A cluster that was not evaluated for so long is behind: every one is swept once a minute, and a sweep may last.
const BEHIND: Duration = Duration::from_secs(90);

/// Clusters that a member names because they are behind: an outage of a region, in a heartbeat of some kilobytes.
/// More of them make their neighbours look as old as they are, never themselves younger.
const NAMED_MAX: usize = 64;

/// Where a process notes what it has evaluated, and when. Clones note in one place.
#[derive(Debug, Clone, Default)]
pub struct Evaluated(Arc<Mutex<Marks>>);

#[derive(Debug, Default)]
struct Marks {
    /// Until when what the log says was taken in.
    followed: Option<Instant>,
    /// The clusters that are evaluated, and when that was last done.
    clusters: BTreeMap<ClusterName, Option<Instant>>,
}

/// How long ago a member evaluated what, as it tells with a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ages {
    /// The oldest of each partition, apart from clusters that are named.
    partitions: BTreeMap<Partition, Age>,
    /// Clusters that are behind.
    behind: BTreeMap<ClusterName, Age>,
}

/// Whole milliseconds since something was evaluated; `None`: it never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Age(Option<u64>);

impl Evaluated {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that what the log said until then was taken in. Nothing counts as evaluated later than that.
    pub fn followed(&self, at: Instant) {
        self.marks().followed = Some(at);
    }

    /// Notes that a cluster is evaluated here from now on.
    pub fn begin(&self, cluster: ClusterName) {
        self.marks().clusters.entry(cluster).or_default();
    }

    /// Notes that every target of a cluster was evaluated at that instant or later; nothing, if the cluster is
    /// evaluated elsewhere by now.
    pub fn done(&self, cluster: &ClusterName, at: Instant) {
        if let Some(mark) = self.marks().clusters.get_mut(cluster) {
            *mark = Some(at);
        }
    }

    /// Notes that a cluster is not evaluated here any more.
    pub fn end(&self, cluster: &ClusterName) {
        self.marks().clusters.remove(cluster);
    }

    /// What there is to tell now.
    pub fn ages(&self, now: Instant) -> Ages {
        self.marks().ages(now)
    }
}

impl Marks {
    fn ages(&self, now: Instant) -> Ages {
        let age = |mark: &Option<Instant>| {
            let at = mark.zip(self.followed).map(|(mark, followed)| mark.min(followed));
            Age::of(at.map(|at| now.saturating_duration_since(at)))
        };
        let mut oldest: Vec<_> = self.clusters.iter().map(|(name, mark)| (name, age(mark))).collect();
        oldest.sort_by_key(|(_, age)| std::cmp::Reverse(age.0.unwrap_or(u64::MAX)));
        let mut ages = Ages::default();
        for (name, age) in oldest {
            if age.is_behind() && ages.behind.len() < NAMED_MAX {
                ages.behind.insert(name.clone(), age);
            } else {
                ages.partitions.entry(Partition::of_cluster(name)).or_insert(age);
            }
        }
        ages
    }
}

impl Age {
    fn of(age: Option<Duration>) -> Self {
        Self(age.map(|age| age.as_millis().try_into().unwrap_or(u64::MAX)))
    }

    fn is_behind(self) -> bool {
        self.0.is_none_or(|age| Duration::from_millis(age) > BEHIND)
    }
}

impl Ages {
    /// How long ago that member evaluated a cluster; `None`: it never did, or says nothing of it.
    pub fn of(&self, cluster: &ClusterName) -> Option<Duration> {
        let found = self.behind.get(cluster);
        let found = found.or_else(|| self.partitions.get(&Partition::of_cluster(cluster)));
        found.and_then(|age| age.0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn name(i: usize) -> ClusterName {
        format!("eu-{i}").parse().unwrap()
    }

    impl Ages {
        /// What one who has a single cluster tells of it.
        pub(crate) fn one(cluster: &ClusterName, age: Option<Duration>) -> Self {
            let (start, evaluated) = (Instant::now(), Evaluated::default());
            evaluated.begin(cluster.clone());
            evaluated.followed(start);
            let Some(age) = age else { return evaluated.ages(start) };
            evaluated.done(cluster, start);
            evaluated.ages(start + age)
        }
    }

    /// Clusters, of which each was evaluated at its second or never, in a log that was followed until second 1000.
    fn evaluated(start: Instant, clusters: impl IntoIterator<Item = (usize, Option<u32>)>) -> Evaluated {
        let evaluated = Evaluated::default();
        evaluated.followed(start + SECOND * 1000);
        for (i, second) in clusters {
            evaluated.begin(name(i));
            if let Some(second) = second {
                evaluated.done(&name(i), start + SECOND * second);
            }
        }
        evaluated
    }

    /// The first cluster after `i` in the same partition.
    fn neighbour(i: usize) -> usize {
        let partition = Partition::of_cluster(&name(i));
        (i + 1..).find(|other| Partition::of_cluster(&name(*other)) == partition).unwrap()
    }

    #[test]
    fn an_age_grows_by_itself_and_no_mark_is_younger_than_what_the_log_said() {
        let start = Instant::now();
        let evaluated = evaluated(start, [(1, Some(980))]);
        let of = |second| evaluated.ages(start + SECOND * second).of(&name(1));
        assert_eq!((of(1000), of(1030)), (Some(SECOND * 20), Some(SECOND * 50)));
        evaluated.followed(start + SECOND * 970);
        assert_eq!(of(1030), Some(SECOND * 60), "the loop that reads the log hangs since 970");
        assert_eq!(evaluated.ages(start).of(&name(2)), None);
    }

    #[test]
    fn a_cluster_that_is_behind_is_named_and_its_neighbours_stay_young() {
        let start = Instant::now();
        let (stuck, fine) = (1, neighbour(1));
        let new = neighbour(fine);
        let evaluated = evaluated(start, [(stuck, Some(700)), (fine, Some(990)), (new, None)]);
        let ages = evaluated.ages(start + SECOND * 1000);
        assert_eq!(ages.of(&name(stuck)), Some(SECOND * 300));
        assert_eq!(ages.of(&name(fine)), Some(SECOND * 10));
        assert_eq!((ages.of(&name(new)), ages.behind.len()), (None, 2));
    }

    #[test]
    fn of_two_that_are_not_behind_the_older_one_counts() {
        let start = Instant::now();
        let evaluated = evaluated(start, [(1, Some(960)), (neighbour(1), Some(990))]);
        let ages = evaluated.ages(start + SECOND * 1000);
        assert_eq!(ages.of(&name(neighbour(1))), Some(SECOND * 40));
        evaluated.end(&name(1));
        evaluated.done(&name(1), start + SECOND * 999);
        assert_eq!(evaluated.ages(start + SECOND * 1000).of(&name(1)), Some(SECOND * 10), "not ours");
    }

    #[test]
    fn what_is_told_is_bounded_and_never_too_young() {
        let start = Instant::now();
        let all = 0..2_000;
        let evaluated = evaluated(start, all.clone().map(|i| (i, (i % 2 == 0).then_some(100))));
        let ages = evaluated.ages(start + SECOND * 1000);
        assert_eq!(ages.behind.len(), NAMED_MAX);
        assert!(all.into_iter().all(|i| {
            let age = ages.of(&name(i));
            age.is_none_or(|age| age >= SECOND * 900)
        }));
        let bytes = rmp_serde::to_vec_named(&ages).unwrap();
        assert!(bytes.len() < 16 * 1024, "{}", bytes.len());
        assert_eq!(rmp_serde::from_slice::<Ages>(&bytes).unwrap(), ages);
    }
}
