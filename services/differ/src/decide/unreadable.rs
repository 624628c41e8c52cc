//! A desired state that cannot be read: a blob of it is lost, or sealed under a key that this process does not have.
//!
//! The renderer makes anew what is lost; while a key is rotated, others may be ahead of us. Nothing is said about sync
//! or drift until it can be read, but why not.

use std::time::Duration;

use events::state::SyncStatus;
use model::{Failure, RetryClass, Timestamp};

use super::{Facts, Next, Wanted, publish, summary};

/// When what is lost is tried again: its renderer has noticed within a minute.
const SOON: Duration = Duration::from_secs(5);

/// When what is sealed is tried again: somebody has to change our key file and start us again, or it is rendered anew.
const AGAIN: Duration = Duration::from_secs(30);

/// Loads the desired state, or tells why it cannot be loaded.
pub(super) fn load(facts: &Facts<'_>, wanted: Wanted, now: Timestamp) -> Next {
    let unreadable = facts.unreadable.filter(|unreadable| unreadable.digest == wanted.digest);
    let Some(failure) = unreadable.map(|unreadable| &unreadable.failure).filter(|it| now < again(it)) else {
        return Next::Load;
    };
    let mut state = summary::own_state(facts, now);
    let known = state.refused.take().filter(|known| known.same_as(failure));
    state.status = SyncStatus::Unknown;
    state.refused = Some(known.unwrap_or_else(|| failure.clone()));
    publish::tell(facts, state, Some(again(failure)))
}

fn again(failure: &Failure) -> Timestamp {
    failure.at.plus(match failure.class {
        RetryClass::Transient | RetryClass::Stale => SOON,
        RetryClass::Permanent | RetryClass::Bug => AGAIN,
    })
}
