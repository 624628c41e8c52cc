//! Who owns which partition: a pure function of the members, with patience towards newcomers.
//!
//! Ownership saves work; nothing rests on it. Two members may disagree for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Digest, Partition, Timestamp};

use crate::Member;

/// How long a newcomer has to stay before it is given anything: a process that starts and dies again and
/// again would otherwise move partitions each time.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Largest weight that counts, which bounds the work of an assignment.
pub const WEIGHT_MAX: u32 = 64;

/// The owner of a partition among members: the highest of all tickets, of which each member draws as many
/// as it weighs. A join takes partitions only for the newcomer, a leave gives away only those of the leaver.
pub fn owner<'a>(partition: Partition, members: impl IntoIterator<Item = &'a Member>) -> Option<&'a Member> {
    members.into_iter().max_by_key(|member| (ticket(partition, member), &member.name))
}

fn ticket(partition: Partition, member: &Member) -> Option<Digest> {
    let draw = |number: u32| {
        let number = number.to_be_bytes();
        Digest::of_parts("ownership", [&[partition.0][..], member.name.as_bytes(), &number])
    };
    (0..member.weight.min(WEIGHT_MAX)).map(draw).max()
}

/// One member's view of who owns what.
#[derive(Debug, Clone)]
pub struct Ownership {
    me: Member,
    settled: BTreeSet<Member>,
    /// Newcomers, and when they were first seen.
    joining: BTreeMap<Member, Timestamp>,
    view: View,
    /// What is ours among these members: worked out anew only when they are others.
    mine: Option<(BTreeSet<Member>, BTreeSet<Partition>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    /// Nothing was seen yet: those who are there are no newcomers.
    None,
    Seen,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The partitions that are ours.
    pub owned: BTreeSet<Partition>,
    /// When to decide again if the members stay as they are.
    pub again: Option<Timestamp>,
}

impl Ownership {
    /// The view of a member that has seen nothing yet.
    pub fn new(me: Member) -> Self {
        Self { me, settled: BTreeSet::new(), joining: BTreeMap::new(), view: View::None, mine: None }
    }

    /// Whose view it is.
    pub fn me(&self) -> &Member {
        &self.me
    }

    /// Decides from the members that are there now.
    pub fn decide(&mut self, members: &BTreeSet<Member>, now: Timestamp) -> Decision {
        let there = |member: &Member| *member == self.me || members.contains(member);
        self.settled.retain(there);
        self.joining.retain(|member, _| there(member));
        for member in members.iter().chain([&self.me]) {
            if self.settled.contains(member) {
                continue;
            }
            if self.view == View::None && *member != self.me {
                self.settled.insert(member.clone());
            } else {
                self.joining.entry(member.clone()).or_insert(now);
            }
        }
        self.view = View::Seen;
        self.settle(now);
        Decision { owned: self.mine(), again: self.joining.values().map(|since| since.plus(PATIENCE)).min() }
    }

    fn mine(&mut self) -> BTreeSet<Partition> {
        if let Some((among, mine)) = &self.mine
            && *among == self.settled
        {
            return mine.clone();
        }
        let mine = |partition: &Partition| owner(*partition, &self.settled) == Some(&self.me);
        let mine: BTreeSet<Partition> = Partition::all().filter(mine).collect();
        self.mine = Some((self.settled.clone(), mine.clone()));
        mine
    }

    /// Takes in who has waited long enough; where nobody is settled, there is nobody to wait for.
    fn settle(&mut self, now: Timestamp) {
        let nobody = self.settled.is_empty();
        let (ready, waiting): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.joining)
            .into_iter()
            .partition(|(_, since)| nobody || now >= since.plus(PATIENCE));
        self.settled.extend(ready.into_keys());
        self.joining = waiting;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn names(names: &[&str]) -> BTreeSet<Member> {
        names.iter().map(|name| Member::new(*name)).collect()
    }

    fn assignment(members: &BTreeSet<Member>) -> Vec<Member> {
        Partition::all().map(|partition| owner(partition, members).unwrap().clone()).collect()
    }

    #[test]
    fn the_first_owns_everything_at_once() {
        let mut a = Ownership::new(Member::new("a"));
        assert_eq!(
            a.decide(&names(&["a"]), at(0)),
            Decision { owned: Partition::all().collect(), again: None }
        );
    }

    #[test]
    fn a_newcomer_waits_and_both_agree() {
        let (mut a, mut b) = (Ownership::new(Member::new("a")), Ownership::new(Member::new("b")));
        a.decide(&names(&["a"]), at(0));
        let both = names(&["a", "b"]);
        for second in 10..15 {
            assert_eq!(a.decide(&both, at(second)).owned.len(), 256, "after {second} s");
            assert_eq!(a.decide(&both, at(second)).again, Some(at(15)));
            assert_eq!(b.decide(&both, at(second)).owned.len(), 0);
        }
        let (left, right) = (a.decide(&both, at(15)).owned, b.decide(&both, at(15)).owned);
        assert!(left.is_disjoint(&right) && left.len() + right.len() == 256);
        assert!(left.len() > 90 && right.len() > 90, "{} and {}", left.len(), right.len());
    }

    #[test]
    fn a_leaver_is_replaced_at_once_and_comes_back_as_a_newcomer() {
        let mut a = Ownership::new(Member::new("a"));
        a.decide(&names(&["a"]), at(0));
        let both = names(&["a", "b"]);
        a.decide(&both, at(0));
        assert!(a.decide(&both, at(5)).owned.len() < 256);
        assert_eq!(a.decide(&names(&["a"]), at(6)).owned.len(), 256);
        assert_eq!(a.decide(&both, at(7)).owned.len(), 256);
        assert!(a.decide(&both, at(12)).owned.len() < 256);
    }

    #[test]
    fn when_all_settled_ones_die_the_newcomer_takes_over() {
        let mut b = Ownership::new(Member::new("b"));
        assert_eq!(b.decide(&names(&["a", "b"]), at(0)).owned.len(), 0);
        assert_eq!(b.decide(&names(&["b"]), at(1)).owned.len(), 256);
    }

    #[test]
    fn weights_share_out() {
        let mut members = names(&["a", "b", "c"]);
        members.insert(Member { name: "big".into(), weight: 3 });
        let big = assignment(&members).iter().filter(|member| member.name == "big").count();
        assert!((100..156).contains(&big), "half of 256 is meant, not {big}");
    }

    proptest! {
        // Each case hashes some thousand times, which takes a while without optimisation.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_join_or_leave_moves_about_one_nth(seed in 0u64.., count in 2usize..20) {
            let all: BTreeSet<Member> = (0..count).map(|i| Member::new(format!("{seed}-{i}"))).collect();
            let leaver = all.first().unwrap().clone();
            let mut rest = all.clone();
            rest.remove(&leaver);
            let mut moved = 0;
            for (with, without) in assignment(&all).iter().zip(assignment(&rest)) {
                if *with == leaver {
                    moved += 1;
                } else {
                    prop_assert_eq!(with, &without, "only what the leaver had moves");
                }
            }
            // Six standard deviations of the binomial around 256 / N.
            let mean = 256.0 / count as f64;
            let bound = 6.0 * (mean * (1.0 - 1.0 / count as f64)).sqrt();
            prop_assert!((moved as f64 - mean).abs() <= bound, "{} instead of {}", moved, mean);
        }

        #[test]
        fn settled_views_share_everything_without_overlap(
            steps in proptest::collection::vec((0usize..5, any::<bool>()), 1..30),
        ) {
            let everyone: Vec<Member> = (0..5).map(|i| Member::new(format!("m{i}"))).collect();
            let mut there: BTreeSet<Member> = [everyone[0].clone()].into();
            let mut views: BTreeMap<Member, Ownership> = BTreeMap::new();
            for (second, (i, joins)) in (0..).zip(steps) {
                if joins { there.insert(everyone[i].clone()); } else { there.remove(&everyone[i]); }
                views.retain(|member, _| there.contains(member));
                for member in &there {
                    let view = views.entry(member.clone()).or_insert_with(|| Ownership::new(member.clone()));
                    view.decide(&there, at(second));
                }
            }
            let mut owned = Vec::new();
            for view in views.values_mut() {
                owned.extend(view.decide(&there, at(1000)).owned);
            }
            owned.sort();
            let whole: Vec<Partition> = if there.is_empty() { vec![] } else { Partition::all().collect() };
            prop_assert_eq!(owned, whole);
        }
    }
}
