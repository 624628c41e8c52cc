//! A desired state whose secret values were sealed under a key that this process does not have.
//!
//! While a key is rotated, others may be ahead of us. Nothing is said about sync or drift until it can be read.

use std::time::Duration;

use events::state::SyncStatus;
use model::Timestamp;

use super::{Facts, Next, Wanted, publish, summary};

/// When it is tried again: somebody has to change our key file and start us again, or it is rendered anew.
const AGAIN: Duration = Duration::from_secs(30);

/// Loads the desired state, or tells why it cannot be loaded.
pub(super) fn load(facts: &Facts<'_>, wanted: Wanted, now: Timestamp) -> Next {
    let sealed = facts.sealed.filter(|sealed| sealed.digest == wanted.digest);
    let Some(failure) = sealed.map(|sealed| &sealed.failure).filter(|it| now < it.at.plus(AGAIN)) else {
        return Next::Load;
    };
    let mut state = summary::own_state(facts, now);
    let known = state.refused.take().filter(|known| known.same_as(failure));
    state.status = SyncStatus::Unknown;
    state.refused = Some(known.unwrap_or_else(|| failure.clone()));
    publish::tell(facts, state, Some(failure.at.plus(AGAIN)))
}
