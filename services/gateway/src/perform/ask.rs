//! Appends a request to the pending ones of its aggregate.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError, now};
use events::{
    Draft, EventType,
    state::{CommandState, DefinitionsState, Request, RequestId, RequestKind, SourceState, TargetState},
};
use model::{Aggregate, CommandScope};

use super::read::{ReadStateError, state};
use crate::decide::{self, Earlier, NotAdded};

/// Attempts while other gateways write the same aggregate.
const ATTEMPTS: usize = 8;

/// Says why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Too many wait, or the id is taken.
    #[error(transparent)]
    NotAdded(#[from] NotAdded),
    /// Others write the same aggregate all the time.
    #[error("others ask for the same all the time")]
    Contended,
    /// What is pending could not be read.
    #[error(transparent)]
    Read(#[from] ReadStateError),
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[from] ReadError),
    /// The log refused the request.
    #[error("the log refused the request")]
    Append(#[source] AppendError),
    /// The request has no encoding.
    #[error("a request could not be encoded: {0}")]
    Encode(String),
}

/// Asks for something; a request with the id of an earlier one is that one.
pub async fn ask(log: &Arc<dyn Log>, scope: &CommandScope, request: Request) -> Result<(), AskError> {
    let aggregate = Aggregate::Command(scope.clone());
    for _ in 0..ATTEMPTS {
        let handled = handled(log, scope).await?;
        let newest = log.newest(&aggregate).await?;
        let before = match &newest {
            Some(event) => events::decode(event.draft.format, &event.draft.payload)
                .map_err(|error| ReadStateError { aggregate: aggregate.path(), reason: error.to_string() })?,
            None => CommandState::default(),
        };
        let asked = match handled.contains(&request.id) {
            true => asked(log, &aggregate, &request.id).await?,
            false => None,
        };
        let earlier = Earlier { handled: &handled, asked: asked.as_ref() };
        let Some(after) = decide::added(&before, earlier, request.clone())? else { return Ok(()) };
        let told = (kind(&request.kind), now());
        let draft = Draft::after(newest.as_ref(), aggregate.clone(), told, &after);
        let draft = draft.map_err(|error| AskError::Encode(error.to_string()))?;
        let draft = Draft { correlation: Some(request.id.to_string()), ..draft };
        match log.append(vec![draft]).await.into_iter().next() {
            Some(Err(AppendError::Conflict { .. })) => {}
            Some(Err(error)) => return Err(AskError::Append(error)),
            Some(Ok(_)) | None => return Ok(()),
        }
    }
    Err(AskError::Contended)
}

/// What a request that was carried out had asked for, as far back as the log goes.
async fn asked(
    log: &Arc<dyn Log>,
    aggregate: &Aggregate,
    id: &RequestId,
) -> Result<Option<RequestKind>, AskError> {
    let events = log.history(aggregate, bus::HISTORY_MAX).await?;
    let states = events
        .iter()
        .filter_map(|event| events::decode::<CommandState>(event.draft.format, &event.draft.payload).ok());
    let mut requests = states.flat_map(|state| state.pending);
    Ok(requests.find(|request| request.id == *id).map(|request| request.kind))
}

fn kind(request: &RequestKind) -> EventType {
    match request {
        RequestKind::Approve { .. } => EventType::PlanApproved,
        RequestKind::Pause | RequestKind::Resume => EventType::PauseRequested,
        RequestKind::Fetch
        | RequestKind::Sync { .. }
        | RequestKind::Preview { .. }
        | RequestKind::ConfirmInventory => EventType::SyncRequested,
    }
}

/// The requests that the role which carries them out has recorded.
async fn handled(log: &Arc<dyn Log>, scope: &CommandScope) -> Result<Vec<RequestId>, AskError> {
    Ok(match scope {
        CommandScope::Source(name) => {
            let source: Option<SourceState> = state(log, &Aggregate::Source(name.clone())).await?;
            source.map(|source| source.handled).unwrap_or_default()
        }
        CommandScope::Target(target) => {
            let target: Option<TargetState> = state(log, &Aggregate::Target(target.clone())).await?;
            let handled = target.map(|target| target.handled).unwrap_or_default();
            handled.into_iter().map(|handled| handled.id).collect()
        }
        CommandScope::Fleet => {
            let definitions: Option<DefinitionsState> = state(log, &Aggregate::Definitions).await?;
            definitions.map(|definitions| definitions.consent.handled).unwrap_or_default()
        }
        CommandScope::Cluster(_) => vec![],
    })
}
