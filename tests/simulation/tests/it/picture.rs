//! What the log says, read whole.

use events::{
    Content, Event, Table,
    state::{AppliedObject, DefinitionsState, State, SyncState, decode},
};
use model::{Aggregate, ClusterName, DefinitionSet, TargetId};
use testkit::MemoryLog;

/// The newest state of an aggregate.
pub fn newest<S: State>(memory: &MemoryLog, aggregate: &Aggregate) -> Option<(Event, S)> {
    let event = memory.head(aggregate)?;
    let state = decode(event.draft.format, &event.draft.payload).ok()?;
    Some((event, state))
}

/// The bytes of content.
pub fn content(memory: &MemoryLog, content: &Content) -> Vec<u8> {
    match content {
        Content::Inline(bytes) => bytes.clone(),
        Content::Blob(digest) => memory.blob(digest).map(Into::into).unwrap_or_default(),
    }
}

/// The definitions in force.
pub fn definitions(memory: &MemoryLog) -> DefinitionSet {
    let state = newest::<DefinitionsState>(memory, &Aggregate::Definitions);
    let bytes = state.map(|(_, state)| content(memory, &state.set)).unwrap_or_default();
    DefinitionsState::decode_set(&bytes).unwrap_or_default()
}

/// All rows of a sync.
pub fn rows(memory: &MemoryLog, state: &SyncState) -> Vec<AppliedObject> {
    match &state.objects {
        Table::Inline(rows) => rows.clone(),
        Table::Paged { pages, .. } => {
            let bytes = pages.iter().filter_map(|page| memory.blob(page));
            bytes.flat_map(|bytes| Table::read_page(&bytes).unwrap_or_default()).collect()
        }
    }
}

/// All inventories of a cluster.
pub fn inventories(memory: &MemoryLog, cluster: &ClusterName) -> Vec<(TargetId, AppliedObject)> {
    let mut all = vec![];
    for event in memory.heads() {
        let Aggregate::Sync(target) = event.aggregate() else { continue };
        if target.cluster != *cluster {
            continue;
        }
        if let Ok(state) = decode::<SyncState>(event.draft.format, &event.draft.payload) {
            all.extend(rows(memory, &state).into_iter().map(|row| (target.clone(), row)));
        }
    }
    all
}
