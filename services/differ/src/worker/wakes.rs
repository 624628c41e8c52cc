//! When targets are looked at again by themselves.

use std::collections::{BTreeMap, BTreeSet};

use model::{TargetId, Timestamp};

/// At most one time for each target. The next one is asked for after every round, so it is found without a search.
#[derive(Debug, Default)]
pub struct Wakes {
    by_target: BTreeMap<TargetId, Timestamp>,
    by_time: BTreeSet<(Timestamp, TargetId)>,
}

impl Wakes {
    /// Sets the time of a target in place of its earlier one; `None`: it has none.
    pub fn set(&mut self, target: &TargetId, wake: Option<Timestamp>) {
        if let Some(before) = self.by_target.remove(target) {
            self.by_time.remove(&(before, target.clone()));
        }
        if let Some(wake) = wake {
            self.by_target.insert(target.clone(), wake);
            self.by_time.insert((wake, target.clone()));
        }
    }

    /// The earliest time.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(wake, _)| *wake)
    }

    /// Takes the targets whose time has come.
    pub fn take_due(&mut self, now: Timestamp) -> BTreeSet<TargetId> {
        let mut due = BTreeSet::new();
        while self.next().is_some_and(|wake| wake <= now)
            && let Some((_, target)) = self.by_time.pop_first()
        {
            self.by_target.remove(&target);
            due.insert(target);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_one_time_and_is_taken_when_it_has_come() {
        let target =
            |name: &str| TargetId { cluster: "eu".parse().unwrap(), application: name.parse().unwrap() };
        let at = Timestamp::from_millis;
        let mut wakes = Wakes::default();
        wakes.set(&target("a"), Some(at(5)));
        wakes.set(&target("b"), Some(at(3)));
        wakes.set(&target("c"), Some(at(3)));
        wakes.set(&target("a"), Some(at(9)));
        wakes.set(&target("c"), None);
        assert_eq!(wakes.next(), Some(at(3)));
        assert!(wakes.take_due(at(2)).is_empty());
        assert_eq!(wakes.take_due(at(5)), BTreeSet::from([target("b")]));
        assert_eq!(wakes.next(), Some(at(9)));
        assert_eq!(wakes.take_due(at(9)), BTreeSet::from([target("a")]));
        assert_eq!(wakes.next(), None);
    }
}
