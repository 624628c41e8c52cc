//! Which blobs an event names. They are kept for as long as the event is; all others are garbage.
//!
//! States are taken apart in full, so that whoever adds a field decides here whether it names a blob. If it does,
//! `FORMAT` has to be raised: an older process would take the blob for garbage.

use model::{Aggregate, Digest};

use crate::{
    Content, DecodeError, Event, State, Table,
    state::{
        ClusterState, CommandState, DefinitionsState, DesiredState, Handled, ObservedPath, ObservedRevision,
        PathOutcome, PlannedSync, Release, ReleaseOutcome, RenderState, RequestOutcome, SourceState,
        SyncState, TargetState,
    },
    table::TableError,
};

/// The blobs that an event names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// All of them.
    pub blobs: Vec<Digest>,
    /// Those of them that are pages of observed paths, which name others: see [`artifacts_of`].
    pub path_pages: Vec<Digest>,
    /// Those of them that are sealed, because secret values are in them.
    pub sealed: Vec<Digest>,
}

impl Named {
    /// Those that anybody may read who may read the events: no secret value is in them.
    pub fn redacted(&self) -> impl Iterator<Item = Digest> {
        self.blobs.iter().copied().filter(|digest| !self.sealed.contains(digest))
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Inline(_) => {}
            Content::Blob(digest) => self.blobs.push(*digest),
        }
    }

    fn table<Row>(&mut self, table: &Table<Row>) {
        self.blobs.extend(table.pages());
    }

    fn paths(&mut self, paths: &Table<ObservedPath>) {
        match paths {
            Table::Inline(rows) => {
                self.blobs.extend(artifacts(rows));
                self.sealed.extend(artifacts(rows));
            }
            Table::Paged { pages, rows: _ } => {
                self.blobs.extend(pages);
                self.path_pages.extend(pages);
            }
        }
    }
}

/// The blobs that an event names.
///
/// # Errors
/// The state cannot be read here (permanent): what it names is unknown.
pub fn blobs_of(event: &Event) -> Result<Named, DecodeError> {
    match event.aggregate() {
        Aggregate::Source(_) => state(event).map(|state| of_source(&state)),
        Aggregate::Definitions => state(event).map(|state| of_definitions(&state)),
        Aggregate::Render { .. } => state(event).map(|state| of_render(&state)),
        Aggregate::Cluster(_) => {
            let ClusterState { definition: _, reachability: _, restored: _, identity: _ } = state(event)?;
            Ok(Named::default())
        }
        Aggregate::Target(_) => state(event).map(|state| of_target(&state)),
        Aggregate::Sync(_) => state(event).map(|state| of_sync(&state)),
        Aggregate::Command(_) => {
            let CommandState { pending: _ } = state(event)?;
            Ok(Named::default())
        }
    }
}

/// The artifacts that a page of observed paths names.
///
/// # Errors
/// If the page is not what was written (permanent).
pub fn artifacts_of(page: &[u8]) -> Result<Vec<Digest>, TableError> {
    Ok(artifacts(&Table::<ObservedPath>::read_page(page)?).collect())
}

fn artifacts(rows: &[ObservedPath]) -> impl Iterator<Item = Digest> {
    rows.iter().filter_map(|row| match &row.outcome {
        PathOutcome::Found { closure: _, artifact, notes: _ } => Some(*artifact),
        PathOutcome::Failed(_) => None,
    })
}

fn state<S: State>(event: &Event) -> Result<S, DecodeError> {
    crate::decode(event.draft.format, &event.draft.payload)
}

fn of_source(state: &SourceState) -> Named {
    let SourceState { observation: _, revision, failure: _, handled: _ } = state;
    let mut named = Named::default();
    if let Some(ObservedRevision { commit: _, reference: _, paths, origin: _ }) = revision {
        named.paths(paths);
    }
    named
}

fn of_definitions(state: &DefinitionsState) -> Named {
    let DefinitionsState { digest: _, set, rejected: _, commit: _, observation: _, consent: _ } = state;
    let mut named = Named::default();
    named.content(set);
    named
}

fn of_render(state: &RenderState) -> Named {
    let RenderState { made_from: _, desired, failure: _ } = state;
    let blobs = desired.iter().flat_map(DesiredState::blobs).collect();
    let sealed = desired.iter().filter_map(|desired| desired.secrets).collect();
    Named { blobs, sealed, ..Named::default() }
}

fn of_sync(state: &SyncState) -> Named {
    let SyncState {
        generation: _,
        plan: _,
        stage: _,
        applied: _,
        commit: _,
        manifests,
        objects,
        superseded: _,
    } = state;
    let mut named = Named::default();
    manifests.iter().for_each(|content| named.content(content));
    named.table(objects);
    named
}

fn of_target(state: &TargetState) -> Named {
    let TargetState {
        status: _,
        plan,
        refused: _,
        drift,
        heals: _,
        refreshed: _,
        health: _,
        handled,
        supersede: _,
        strays: _,
        rebuilt: _,
        released,
        paused: _,
        waits: _,
        heals_paged,
        refreshed_paged,
    } = state;
    let mut named = Named::default();
    if let Some(PlannedSync {
        generation: _,
        digest: _,
        plan,
        made_from: _,
        open: _,
        since: _,
        silence_ms: _,
        asked: _,
    }) = plan
    {
        named.content(plan);
    }
    named.table(drift);
    named.table(heals_paged);
    named.table(refreshed_paged);
    for Handled { id: _, outcome } in handled {
        match outcome {
            RequestOutcome::Previewed(content) => named.content(content),
            RequestOutcome::InSync
            | RequestOutcome::Failed(_)
            | RequestOutcome::Refused(_)
            | RequestOutcome::Confirmed
            | RequestOutcome::Noted => {}
        }
    }
    if let Some(Release { at: _, outcome }) = released {
        match outcome {
            ReleaseOutcome::Emptied => {}
            ReleaseOutcome::Abandoned { unreachable_since: _, inventory } => named.table(inventory),
        }
    }
    named
}

#[cfg(test)]
mod tests;
