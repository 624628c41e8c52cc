//! How long ago the members evaluated what: the targets of a cluster, a source. It tells a status that is fresh from
//! one that froze.
//!
//! # Design notes
//! It is told with the heartbeats, not in the log: an event per target and minute would flood it and say nothing
//! new. An age is told, not an instant, so that no two clocks are compared: it grows by itself where the work
//! hangs, and whoever is frozen or dead soon tells nothing any more. Each aggregate has its own age under a short hash
//! of its path, which is some eight bytes in a heartbeat: nothing is said of one that is not evaluated yet, whatever its
//! neighbours are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use model::{Aggregate, Digest};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Where a process notes what it has evaluated, and when. Clones note in one place.
#[derive(Debug, Clone, Default)]
pub struct Evaluated(Arc<Mutex<Marks>>);

#[derive(Debug, Default)]
struct Marks {
    /// Until when what the log says was taken in.
    followed: Option<Instant>,
    /// What is evaluated, and when that was last done.
    what: BTreeMap<Aggregate, Option<Instant>>,
}

/// How long ago a member evaluated what, as it tells with a heartbeat: whole milliseconds, for all that it evaluated at
/// least once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ages(BTreeMap<Tag, u64>);

/// The beginning of a hash of an aggregate's path. Of two with the same one the older age counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
struct Tag(u32);

impl Evaluated {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that what the log said until then was taken in. Nothing counts as evaluated later than that.
    pub fn followed(&self, at: Instant) {
        self.marks().followed = Some(at);
    }

    /// Notes that something is evaluated here from now on: every target of a cluster, or a source.
    pub fn begin(&self, what: Aggregate) {
        self.marks().what.entry(what).or_default();
    }

    /// Notes that it was evaluated at that instant or later; nothing, if it is evaluated elsewhere by now.
    pub fn done(&self, what: &Aggregate, at: Instant) {
        if let Some(mark) = self.marks().what.get_mut(what) {
            *mark = Some(at);
        }
    }

    /// Notes that it is not evaluated here any more.
    pub fn end(&self, what: &Aggregate) {
        self.marks().what.remove(what);
    }

    /// Notes that nothing is evaluated here any more but what is kept.
    pub fn retain(&self, kept: impl Fn(&Aggregate) -> bool) {
        self.marks().what.retain(|what, _| kept(what));
    }

    /// What there is to tell now.
    pub fn ages(&self, now: Instant) -> Ages {
        self.marks().ages(now)
    }
}

impl Marks {
    fn ages(&self, now: Instant) -> Ages {
        let mut ages = Ages::default();
        for (what, mark) in &self.what {
            let Some((mark, followed)) = mark.zip(self.followed) else { continue };
            let age = now.saturating_duration_since(mark.min(followed)).as_millis();
            let told = ages.0.entry(Tag::of(what)).or_default();
            *told = age.try_into().unwrap_or(u64::MAX).max(*told);
        }
        ages
    }
}

impl Tag {
    fn of(what: &Aggregate) -> Self {
        let [a, b, c, d, ..] = *Digest::of(what.path().as_bytes()).as_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

impl Ages {
    /// How long ago that member evaluated it; `None`: it never did.
    pub fn of(&self, what: &Aggregate) -> Option<Duration> {
        self.0.get(&Tag::of(what)).copied().map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn name(i: usize) -> Aggregate {
        Aggregate::Cluster(format!("eu-{i}").parse().unwrap())
    }

    impl Ages {
        /// What one who has a single cluster tells of it.
        pub(crate) fn one(cluster: &Aggregate, age: Option<Duration>) -> Self {
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
        let partition = name(i).partition();
        (i + 1..).find(|other| name(*other).partition() == partition).unwrap()
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
    fn each_cluster_has_its_own_age_and_nothing_is_said_of_one_that_is_not_evaluated() {
        let start = Instant::now();
        let (stuck, fine) = (1, neighbour(1));
        let (new, unknown) = (neighbour(fine), neighbour(neighbour(fine)));
        let evaluated = evaluated(start, [(stuck, Some(700)), (fine, Some(990)), (new, None)]);
        let ages = evaluated.ages(start + SECOND * 1000);
        let of = |i| ages.of(&name(i));
        assert_eq!((of(stuck), of(fine)), (Some(SECOND * 300), Some(SECOND * 10)));
        assert_eq!((of(new), of(unknown)), (None, None));
        evaluated.end(&name(fine));
        evaluated.done(&name(fine), start + SECOND * 999);
        assert_eq!(evaluated.ages(start + SECOND * 1000).of(&name(fine)), None, "not ours any more");
    }

    #[test]
    fn of_two_that_cannot_be_told_apart_the_older_one_counts() {
        let mut seen = HashMap::new();
        let (first, second) =
            (0..).find_map(|i| seen.insert(Tag::of(&name(i)), i).map(|before| (before, i))).unwrap();
        let start = Instant::now();
        for seconds in [(900, 990), (990, 900)] {
            let evaluated = evaluated(start, [(first, Some(seconds.0)), (second, Some(seconds.1))]);
            assert_eq!(evaluated.ages(start + SECOND * 1000).of(&name(first)), Some(SECOND * 100));
        }
    }

    #[test]
    fn what_is_told_is_small() {
        let start = Instant::now();
        let evaluated = evaluated(start, (0..2_000).map(|i| (i, Some(950))));
        let ages = evaluated.ages(start + SECOND * 1000);
        let bytes = rmp_serde::to_vec_named(&ages).unwrap();
        assert!(bytes.len() < 17 * 1024, "{}", bytes.len());
        assert_eq!(rmp_serde::from_slice::<Ages>(&bytes).unwrap(), ages);
    }
}
