//! Whether the newest plan was made from more than is known here.
//!
//! Another differ may have planned from definitions, a render or a sync that have not come here yet: this one was
//! stopped, or its watches tell of the plan first. What it would decide was decided better already, and a state never
//! goes back. Versions are only compared within an aggregate; of two renders the definitions decide first.

use super::{Facts, REST, Step, Wanted};

/// Goes on only if the newest plan was made neither from later definitions nor from a later event of the sync: they
/// will come. Definitions never begin anew; a sync does when it is retired, and is known to be gone by then.
pub(super) fn versions(facts: &Facts<'_>) -> Step<()> {
    let planned = facts.snapshot.own.as_ref().and_then(|own| own.state.plan.as_ref());
    let Some(made_from) = planned.map(|planned| &planned.made_from) else { return Ok(()) };
    let later_sync = facts.snapshot.sync.as_ref().is_some_and(|sync| made_from.sync_n > sync.n);
    if later_sync || made_from.definitions_n > facts.snapshot.definitions_n { Err(REST) } else { Ok(()) }
}

/// Goes on only if the newest plan was not made from a later revision, under the same definitions.
pub(super) fn revision(facts: &Facts<'_>, parameters: model::Digest, wanted: Wanted) -> Step<()> {
    let planned = facts.snapshot.own.as_ref().and_then(|own| own.state.plan.as_ref());
    let later = planned.map(|planned| &planned.made_from).is_some_and(|made_from| {
        made_from.definitions_n == facts.snapshot.definitions_n
            && made_from.parameters == parameters
            && made_from.observation > wanted.observation
    });
    if later { Err(REST) } else { Ok(()) }
}
