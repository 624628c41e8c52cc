//! The share of the work that is a process's own: the partitions that it holds now, and for how long.
//!
//! One place for every role: a task follows the members of the role's group and keeps the answer up to date;
//! a role asks [`Share::claim`] and is woken by [`Share::changed`].

use std::{collections::BTreeSet, time::Duration};

use model::{Partition, Timestamp};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::{
    Membership, Ownership,
    membership::{Pulse, Roll},
    ownership::PATIENCE,
};

/// Life of a heartbeat of a role, and with it of a claim that is not renewed.
///
/// A claim has to outlive a request (5 s) when a create is started, also when it is about to be renewed: with
/// a beat every eighth of it (1 s) at least 7 s are left in quiet times, and 5 s after two lost beats. The
/// others look every second too, so that a process that was killed or stopped is replaced within 9 s.
pub const CLAIM: Duration = Duration::from_secs(8);

/// What a process works on.
#[derive(Debug, Clone)]
pub enum Share {
    /// Everything: the log lets in no other process.
    Sole,
    /// What falls to a member of a group, as far as is known.
    Of(watch::Receiver<Holding>),
}

/// What a member holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// The partitions.
    pub partitions: BTreeSet<Partition>,
    /// Until when, if it is not renewed; `None`: as long as it stands here.
    pub until: Option<Instant>,
    /// From when on nobody else can believe that he holds one of them; `None`: not known.
    pub alone_from: Option<Instant>,
}

/// What entitles a process to work on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There is no other process that could.
    Sole,
    /// It holds the partition.
    Held {
        /// For how long yet, if the claim is not renewed; above zero.
        left: Duration,
        /// For how long already nobody else can have believed to hold it; zero: somebody may.
        alone: Duration,
    },
    /// It does not hold the partition, or could not renew its claim.
    None,
}

impl Share {
    /// What falls to that member. Once the membership ends, nothing does.
    pub fn of(membership: &Membership) -> Self {
        let follower = Follower {
            ownership: Ownership::new(membership.member.clone()),
            unbroken: None,
            alone_from: None,
            ttl: membership.ttl,
            clock: Instant::now(),
        };
        let (sender, receiver) = watch::channel(Holding::default());
        tokio::spawn(follow(follower, membership.roll(), sender));
        Self::Of(receiver)
    }

    /// The claim on a partition, now.
    pub fn claim(&self, partition: Partition) -> Claim {
        match self {
            Self::Sole => Claim::Sole,
            Self::Of(holding) => holding.borrow().claim(partition, Instant::now()),
        }
    }

    /// Whether the partition is held now.
    pub fn holds(&self, partition: Partition) -> bool {
        self.claim(partition) != Claim::None
    }

    /// Waits until partitions were gained or lost, or are held again after the claim had ended. Safe to cancel.
    pub async fn changed(&mut self) {
        let over = match self {
            Self::Sole => true,
            Self::Of(holding) => holding.changed().await.is_err(),
        };
        if over {
            std::future::pending::<()>().await;
        }
    }
}

impl Holding {
    fn claim(&self, partition: Partition, now: Instant) -> Claim {
        let left = self.until.map_or(CLAIM, |until| until.saturating_duration_since(now));
        if left.is_zero() || !self.partitions.contains(&partition) {
            return Claim::None;
        }
        let alone = self.alone_from.map_or(Duration::ZERO, |from| now.saturating_duration_since(from));
        Claim::Held { left, alone }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Turns who is there into what is held.
struct Follower {
    ownership: Ownership,
    /// The membership that is followed; another one starts as a newcomer, for so the others see it.
    unbroken: Option<Instant>,
    alone_from: Option<Instant>,
    ttl: Duration,
    /// The beginning of time for the ownership, which wants no other clock than one that never jumps.
    clock: Instant,
}

impl Follower {
    /// What is held, and when to look again if nothing happens.
    fn look(&mut self, roll: &Roll, now: Instant) -> (Holding, Option<Instant>) {
        self.begin_anew_if(roll.pulse, now);
        let me = self.ownership.me();
        if !roll.members.contains(me) {
            return (Holding::default(), None);
        }
        if roll.members.iter().all(|member| member == me) {
            // Whoever is not heard of has been let go, and knows it.
            self.alone_from = self.alone_from.map(|from| from.min(now));
        }
        let decision = self.ownership.decide(&roll.members, self.time(now));
        let again = decision.again.map(|at| self.clock + at.since(Timestamp::default()));
        let until = roll.pulse.map(|pulse| pulse.sent + self.ttl);
        (Holding { partitions: decision.owned, until, alone_from: self.alone_from }, again)
    }

    fn begin_anew_if(&mut self, pulse: Option<Pulse>, now: Instant) {
        let unbroken = pulse.map_or(self.clock, |pulse| pulse.unbroken);
        if self.unbroken == Some(unbroken) {
            return;
        }
        if self.unbroken.replace(unbroken).is_some() {
            tracing::warn!(
                "the others may have taken over; what was held is taken up again like a newcomer's"
            );
            self.ownership = Ownership::new(self.ownership.me().clone());
        }
        // Another may hear of us only when its claim is about to end, and holds on for its patience then.
        self.alone_from = Some(now + PATIENCE + self.ttl);
    }

    fn time(&self, now: Instant) -> Timestamp {
        Timestamp::default().plus(now.saturating_duration_since(self.clock))
    }
}

async fn follow(mut follower: Follower, mut roll: watch::Receiver<Roll>, holding: watch::Sender<Holding>) {
    loop {
        let known = roll.borrow_and_update().clone();
        let now = Instant::now();
        let (held, again) = follower.look(&known, now);
        holding.send_if_modified(|holding| {
            // A renewal that came late is news too: whoever asked before it was told no.
            let news = holding.partitions != held.partitions || holding.is_over(now);
            *holding = held;
            news
        });
        tokio::select! {
            biased;
            () = holding.closed() => return,
            changed = roll.changed() => if changed.is_err() {
                holding.send_replace(Holding::default());
                return;
            },
            () = sleep_until(again.unwrap_or(now)), if again.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Member;

    const SECOND: Duration = Duration::from_secs(1);

    /// A member `a` and what it hears of.
    struct Play {
        follower: Follower,
        start: Instant,
    }

    impl Play {
        fn new() -> Self {
            let start = Instant::now();
            let ownership = Ownership::new(Member::new("a"));
            Self {
                follower: Follower { ownership, unbroken: None, alone_from: None, ttl: CLAIM, clock: start },
                start,
            }
        }

        /// What it holds at that second, having heard its beat of that second, in a membership that began then.
        fn look(&mut self, second: u32, unbroken: u32, members: &[&str]) -> Holding {
            let at = |second: u32| self.start + SECOND * second;
            let pulse = Pulse { sent: at(second), unbroken: at(unbroken) };
            let members = members.iter().map(|name| Member::new(*name)).collect();
            self.follower.look(&Roll { members, pulse: Some(pulse) }, at(second)).0
        }

        fn claim(&self, holding: &Holding, second: u32) -> Claim {
            let partition = *holding.partitions.first().unwrap();
            holding.claim(partition, self.start + SECOND * second)
        }
    }

    #[test]
    fn a_claim_ends_unless_it_is_renewed() {
        let mut play = Play::new();
        let held = play.look(0, 0, &["a"]);
        for left in 1..=8 {
            let claim = Claim::Held { left: SECOND * left, alone: SECOND * (8 - left) };
            assert_eq!(play.claim(&held, 8 - left), claim);
        }
        assert_eq!((play.claim(&held, 8), play.claim(&held, 60)), (Claim::None, Claim::None));
        let renewed = play.look(6, 0, &["a"]);
        assert_eq!(play.claim(&renewed, 8), Claim::Held { left: SECOND * 6, alone: SECOND * 8 });
    }

    #[test]
    fn who_joins_others_holds_after_their_patience_and_is_alone_a_claim_later() {
        let mut play = Play::new();
        assert!(play.look(0, 0, &["a", "b"]).partitions.is_empty());
        assert!(play.look(4, 0, &["a", "b"]).partitions.is_empty());
        let held = play.look(6, 0, &["a", "b"]);
        assert!((90..166).contains(&held.partitions.len()));
        for (second, alone) in [(12, 0), (13, 0), (14, 1)] {
            let held = play.look(second, 0, &["a", "b"]);
            assert_eq!(play.claim(&held, second), Claim::Held { left: CLAIM, alone: SECOND * alone });
        }
    }

    #[test]
    fn what_a_dead_one_held_is_alone_ours_at_once() {
        let mut play = Play::new();
        play.look(0, 0, &["a", "b"]);
        play.look(20, 0, &["a", "b"]);
        let held = play.look(30, 0, &["a", "b", "c"]);
        let dead = play.look(32, 0, &["a", "c"]);
        assert!(dead.partitions.len() > held.partitions.len());
        let gained = *dead.partitions.difference(&held.partitions).next().unwrap();
        let claim = dead.claim(gained, play.start + SECOND * 32);
        assert_eq!(claim, Claim::Held { left: CLAIM, alone: SECOND * 19 });
    }

    #[test]
    fn who_was_away_for_a_claim_comes_back_as_a_newcomer() {
        let mut play = Play::new();
        play.look(0, 0, &["a", "b"]);
        assert!(!play.look(20, 0, &["a", "b"]).partitions.is_empty());
        assert!(play.look(60, 60, &["a", "b"]).partitions.is_empty());
        let held = play.look(66, 60, &["a", "b"]);
        assert_eq!(play.claim(&held, 66), Claim::Held { left: CLAIM, alone: Duration::ZERO });
        let nobody = play.look(90, 90, &["a"]);
        assert_eq!((nobody.partitions.len(), nobody.alone_from), (256, Some(play.start + SECOND * 90)));
    }
}
