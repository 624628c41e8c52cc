//! Who is there: the input of the question who owns what.

use std::collections::BTreeSet;

use tokio::sync::watch;

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

/// Held while a process is in a group; dropping it leaves.
pub struct Membership {
    members: watch::Receiver<BTreeSet<Member>>,
    held: Box<dyn Held>,
}

/// What keeps a process in its group; dropping it leaves.
pub(crate) trait Held: Send + Sync {
    /// Stops without a word, as a process does that is killed.
    fn abandon(&mut self);
}

impl Membership {
    pub(crate) fn new(members: watch::Receiver<BTreeSet<Member>>, held: impl Held + 'static) -> Self {
        Self { members, held: Box::new(held) }
    }

    /// The members now, oneself included, in order.
    pub fn members(&mut self) -> BTreeSet<Member> {
        self.members.borrow_and_update().clone()
    }

    /// Stops without a word, as a killed process does: the others notice only after the time to live. For
    /// tests of take-overs.
    pub fn abandon(mut self) {
        self.held.abandon();
    }

    /// Waits until the members are others than at the last look. Safe to cancel.
    pub async fn changed(&mut self) -> BTreeSet<Member> {
        if self.members.changed().await.is_err() {
            // The backend's task is gone, which the process supervises elsewhere: nothing changes any more.
            std::future::pending::<()>().await;
        }
        self.members.borrow_and_update().clone()
    }
}

/// A name as a token of a subject: what is not a letter, digit, `-` or `_` becomes `_`.
pub(crate) fn token(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
