//! A target of which somebody asked for quiet: it is judged and shown as ever, and nothing is done by itself. What a
//! person asks for is done nonetheless.

use events::{
    EventType,
    state::{Request, RequestKind, RequestOutcome},
};
use model::{Application, Timestamp};
use plan::Assignment;

use super::{Facts, Next, Step, requests, summary};

/// Carries out a request for quiet, or for its end.
pub(super) fn heed(facts: &Facts<'_>, now: Timestamp) -> Step<()> {
    // Whatever else is asked for: who wants quiet does not wait for the end of it.
    let wants = |request: &&Request| matches!(request.kind, RequestKind::Pause | RequestKind::Resume);
    let Some(request) = requests::open(facts).find(wants) else { return Ok(()) };
    let mut state = summary::own_state(facts, now);
    state.paused = match request.kind {
        RequestKind::Pause => state.paused.or(Some(now)),
        RequestKind::Resume
        | RequestKind::Fetch
        | RequestKind::Sync { .. }
        | RequestKind::Preview { .. }
        | RequestKind::ConfirmInventory
        | RequestKind::Approve { .. } => None,
    };
    if let (RequestKind::Resume, Some(planned)) = (&request.kind, &mut state.plan) {
        // What was left undone meanwhile is open again.
        planned.open += 1;
    }
    requests::record(&mut state, &request.id, RequestOutcome::Noted);
    Err(Next::Append(EventType::HealthChanged, Box::new(state)))
}

/// Whether somebody asked for quiet.
pub(super) fn is_paused(facts: &Facts<'_>) -> bool {
    facts.snapshot.own.as_ref().is_some_and(|own| own.state.paused.is_some())
}

/// The application's policies: nothing happens by itself to one that is paused, and a person who asks for a sync means
/// apply and heal.
pub(super) fn policies(facts: &Facts<'_>, assignment: &Assignment, request: Option<&Request>) -> Application {
    let mut application = assignment.application.clone();
    if request.is_some_and(requests::means_all) {
        application.sync.auto = true;
        application.sync.self_heal = true;
    } else if is_paused(facts) {
        application.sync.auto = false;
        application.sync.self_heal = false;
    }
    application
}
