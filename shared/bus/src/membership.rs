//! Who is there: the input of the question who owns what.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use tokio::{sync::watch, time::Instant};

use crate::Evaluated;

/// A process in a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// Unique in its group and over restarts; letters, digits, `-` and `_`.
    pub name: String,
    /// Its share relative to the others; 1 unless machines differ.
    pub weight: u32,
}

impl Member {
    /// A member of weight 1.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), weight: 1 }
    }
}

/// Held while a process is in a group. Dropping it is like being killed: where a server stands between the
/// members, the others notice only after the time to live.
pub struct Membership {
    pub(crate) member: Member,
    pub(crate) ttl: Duration,
    evaluated: Evaluated,
    roll: watch::Receiver<Roll>,
    /// The members at the last look.
    last: BTreeSet<Member>,
    held: Box<dyn Held>,
}

/// Who is there, and whether we are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// The members, oneself included.
    pub members: BTreeSet<Member>,
    /// Our own heartbeats; `None` where there are none, because nobody can be there unnoticed.
    pub pulse: Option<Pulse>,
}

/// What came back of our own heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When the newest one was sent that came back: no other lets us go before the time to live after that.
    pub sent: Instant,
    /// Since when no other can have let us go.
    pub unbroken: Instant,
}

/// What keeps a process in its group; dropping it ends that without a word.
#[async_trait]
pub(crate) trait Held: Send + Sync {
    /// Tells the others at once.
    async fn leave(&mut self);
}

impl Membership {
    pub(crate) fn new(
        (member, ttl): (Member, Duration),
        evaluated: Evaluated,
        roll: watch::Receiver<Roll>,
        held: impl Held + 'static,
    ) -> Self {
        let last = roll.borrow().members.clone();
        Self { member, ttl, evaluated, roll, last, held: Box::new(held) }
    }

    /// A membership of which somebody else tells all; for tests of those who share work.
    pub fn of(member: Member, ttl: Duration, roll: watch::Receiver<Roll>) -> Self {
        Self::new((member, ttl), Evaluated::default(), roll, Told)
    }

    /// The members now, oneself included, in order.
    pub fn members(&mut self) -> BTreeSet<Member> {
        self.last.clone_from(&self.roll.borrow_and_update().members);
        self.last.clone()
    }

    /// Waits until the members are others than at the last look. Safe to cancel.
    pub async fn changed(&mut self) -> BTreeSet<Member> {
        while self.roll.borrow_and_update().members == self.last {
            if self.roll.changed().await.is_err() {
                // The backend's task is gone, which the process supervises elsewhere: nothing changes any more.
                std::future::pending::<()>().await;
            }
        }
        self.members()
    }

    /// Where to note what was evaluated: it is told with every heartbeat.
    pub fn evaluated(&self) -> Evaluated {
        self.evaluated.clone()
    }

    /// Leaves, and tells the others, who take over at once: only for a process that has come to rest.
    pub async fn leave(mut self) {
        self.held.leave().await;
    }

    pub(crate) fn roll(&self) -> watch::Receiver<Roll> {
        self.roll.clone()
    }
}

/// Nothing to hold: somebody else says who is there.
struct Told;

#[async_trait]
impl Held for Told {
    async fn leave(&mut self) {}
}

/// A name as a token of a subject: what is not a letter, digit, `-` or `_` becomes `_`.
pub(crate) fn token(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
