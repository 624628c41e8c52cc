//! Every status as it was at an instant, from the audit ledger: an event carries the state after it, so that the past is
//! the newest event of each aggregate before then. Nothing has to be replayed.

use std::sync::Arc;

use events::{Content, Event, Leaf, state::DefinitionsState};
use ledger::{ReadError, View};
use model::{Aggregate, DefinitionSet, Timestamp};

use crate::{
    decide::{Picture, Reason, Taken, Told, failure},
    wire::{self, Evaluated, Problem, TargetList, TargetStatus},
};

/// Says why it is not known how everything was.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Nothing was defined yet, or the ledger began later.
    #[error("nothing is recorded of what was defined at {0}")]
    Undefined(Timestamp),
    /// The definitions of that time cannot be read here.
    #[error("the definitions of that time cannot be read: {0}")]
    Definitions(String),
    /// The ledger cannot be read.
    #[error("the audit ledger cannot be read")]
    Read(#[from] ReadError),
}

impl PastError {
    /// What to do about it, if the ledger can be read.
    pub const REMEDY: &str =
        "name a later time; `driftless log --kind DefinitionsChanged` tells when something was defined";
}

/// The status of every target of the definitions that were in force at an instant. Who had looked, and when, is recorded
/// nowhere.
///
/// # Errors
/// If nothing is recorded of the definitions of then (permanent), or the ledger cannot be read.
pub fn at(view: &View, time: Timestamp) -> Result<TargetList, PastError> {
    let mut picture = Picture::default();
    let definitions = newest(view, &Aggregate::Definitions, time)?.ok_or(PastError::Undefined(time))?;
    let taken = picture.take(&definitions).map_err(|error| PastError::Definitions(error.to_string()))?;
    if let Taken::Definitions(n, state) = taken {
        let set = read_set(view, &state)?;
        let DefinitionsState { commit, rejected, consent, .. } = *state;
        picture.define(n, Arc::new(set), Told { commit, rejected, consent });
    }
    let clusters = picture.set().clusters().iter().map(|it| Aggregate::Cluster(it.name.clone()));
    for aggregate in picture.aggregates(|_| true).into_iter().chain(clusters.collect::<Vec<_>>()) {
        let Some(event) = newest(view, &aggregate, time)? else { continue };
        if let Err(error) = picture.take(&event) {
            picture.miss(&aggregate, failure(&aggregate, &Reason::Form(error.to_string()), event.draft.time));
        }
    }
    let ids = picture.ids();
    let targets: Vec<TargetStatus> =
        ids.iter().filter_map(|id| picture.status(id, Evaluated::default())).collect();
    let rejected = picture.definitions().rejected.as_ref().map(Problem::from);
    Ok(TargetList { version: wire::VERSION, rejected, unread: None, targets })
}

/// The newest event of an aggregate then; what a newer version wrote counts for nothing.
fn newest(view: &View, aggregate: &Aggregate, time: Timestamp) -> Result<Option<Event>, ReadError> {
    let stored = view.newest_before(&aggregate.path(), time)?;
    Ok(stored.and_then(|stored| match Leaf::decode(&stored.leaf).ok()? {
        Leaf::Event(record) => record.event().ok(),
        Leaf::Unreadable(_) => None,
    }))
}

fn read_set(view: &View, state: &DefinitionsState) -> Result<DefinitionSet, PastError> {
    let bytes = match &state.set {
        Content::Inline(bytes) => bytes.clone(),
        Content::Blob(digest) => {
            let body = view.body(digest)?;
            body.ok_or_else(|| PastError::Definitions(format!("blob {digest} is not in the ledger")))?
                .to_vec()
        }
    };
    DefinitionsState::decode_set(&bytes).map_err(|error| PastError::Definitions(error.to_string()))
}
