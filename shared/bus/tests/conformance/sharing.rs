//! Sharing the partitions among the members of a group.

use std::{collections::BTreeSet, time::Duration};

use bus::{Claim, Log, Member, Membership, Share, ownership::PATIENCE};
use model::Partition;
use tokio::time::Instant;

use crate::{bed::Bed, samples::*};

/// As short as heartbeats allow that are sent on a busy machine.
const TTL: Duration = Duration::from_secs(2);

/// A member, and what falls to it.
pub struct Party {
    pub membership: Membership,
    pub share: Share,
}

impl Party {
    pub async fn join(log: &dyn Log, name: &str) -> Self {
        let membership = log.join("applier", Member::new(name), TTL).await.unwrap();
        let share = Share::of(&membership);
        Self { membership, share }
    }

    pub fn held(&self) -> BTreeSet<Partition> {
        Partition::all().filter(|partition| self.share.holds(*partition)).collect()
    }

    pub async fn until(&mut self, holds: impl Fn(&BTreeSet<Partition>) -> bool) -> BTreeSet<Partition> {
        within(async {
            loop {
                let held = self.held();
                if holds(&held) {
                    return held;
                }
                self.share.changed().await;
            }
        })
        .await
    }
}

/// The first holds everything at once; a newcomer is given its part only after a while, and the first gives it
/// away then; together they hold everything, and nothing twice.
pub async fn a_newcomer_waits_and_then_both_share(bed: Bed) {
    let log = bed.open().await;
    let mut a = Party::join(&*log, "a").await;
    a.until(|held| held.len() == 256).await;
    let joined = Instant::now();
    let mut b = Party::join(&*log, "b").await;
    let (left, right) = tokio::join!(a.until(|held| held.len() < 256), b.until(|held| !held.is_empty()));
    assert!(joined.elapsed() >= PATIENCE, "{:?}", joined.elapsed());
    assert!(left.is_disjoint(&right) && left.len() + right.len() == 256);
    let gained = *right.first().unwrap();
    let Claim::Held { left, alone } = b.share.claim(gained) else { panic!("it is held") };
    assert!(left <= TTL.max(bus::share::CLAIM) && alone.is_zero(), "{left:?} {alone:?}");
}

/// One of two is killed and says nothing: the other takes over, and knows that it is alone.
pub async fn what_a_killed_member_held_is_taken_over(bed: Bed) {
    let log = bed.open().await;
    let mut a = Party::join(&*log, "a").await;
    let mut b = Party::join(&*log, "b").await;
    let (_, held) = tokio::join!(a.until(|held| held.len() < 256), b.until(|held| !held.is_empty()));
    let killed = Instant::now();
    drop(b.membership);
    a.until(|held| held.len() == 256).await;
    // Its life, the time between two looks, and a slow machine.
    assert!(killed.elapsed() < TTL + TTL / 5 + Duration::from_secs(2), "{:?}", killed.elapsed());
    assert!(matches!(a.share.claim(*held.first().unwrap()), Claim::Held { .. }));
    within(async {
        while held.iter().any(|partition| b.share.holds(*partition)) {
            b.share.changed().await;
        }
    })
    .await;
}

/// Who leaves and says so is replaced at once.
pub async fn what_a_leaver_held_is_taken_over_at_once(bed: Bed) {
    let log = bed.open().await;
    let mut a = Party::join(&*log, "a").await;
    let mut b = Party::join(&*log, "b").await;
    tokio::join!(a.until(|held| held.len() < 256), b.until(|held| !held.is_empty()));
    let left = Instant::now();
    b.membership.leave().await;
    a.until(|held| held.len() == 256).await;
    assert!(left.elapsed() < TTL, "{:?}", left.elapsed());
}
