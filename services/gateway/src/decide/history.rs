//! What an event says, in a few words.

use events::{
    Event,
    state::{
        ClusterState, CommandState, DefinitionsState, Reachability, RenderState, RequestKind, SourceState,
        SyncOutcome, SyncStage, SyncState, SyncStatus, TargetState,
    },
};
use model::{Aggregate, Failure};
use serde::de::DeserializeOwned;

use crate::wire::{self, Entry};

/// The event as an entry of a history.
pub fn describe(event: &Event) -> Entry {
    let draft = &event.draft;
    Entry {
        time: wire::instant(draft.time),
        event: draft.kind.word().to_owned(),
        about: draft.aggregate.path(),
        n: draft.n,
        id: event.id.to_string(),
        text: text(event).unwrap_or_else(|| "written by a newer version".to_owned()),
        actor: draft.actor.clone(),
    }
}

fn text(event: &Event) -> Option<String> {
    Some(match event.aggregate() {
        Aggregate::Source(_) => source(&state(event)?),
        Aggregate::Definitions => definitions(&state(event)?),
        Aggregate::Render { .. } => render(&state(event)?),
        Aggregate::Cluster(_) => cluster(&state(event)?),
        Aggregate::Target(_) => target(&state(event)?),
        Aggregate::Sync(_) => sync(&state(event)?),
        Aggregate::Command(_) => command(&state(event)?),
    })
}

fn state<T: events::state::State + DeserializeOwned>(event: &Event) -> Option<T> {
    events::decode(event.draft.format, &event.draft.payload).ok()
}

fn failed(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.message)
}

fn source(state: &SourceState) -> String {
    match (&state.failure, &state.revision) {
        (Some(failure), _) => failed(failure),
        (None, Some(revision)) => format!("{} at {}", revision.reference, revision.commit.short()),
        (None, None) => String::new(),
    }
}

fn definitions(state: &DefinitionsState) -> String {
    state.rejected.as_ref().map(failed).unwrap_or_default()
}

fn render(state: &RenderState) -> String {
    match (&state.failure, &state.desired) {
        (Some(failure), _) => failed(failure),
        (None, Some(desired)) => {
            format!("{} objects at {}", desired.objects, state.made_from.commit.short())
        }
        (None, None) => String::new(),
    }
}

fn cluster(state: &ClusterState) -> String {
    match &state.reachability {
        Reachability::Connected { version } => version.clone(),
        Reachability::Unreachable { failure, .. } => failed(failure),
    }
}

fn target(state: &TargetState) -> String {
    let status = match state.status {
        SyncStatus::InSync => "in sync",
        SyncStatus::OutOfSync => "out of sync",
        SyncStatus::Drifted => "drifted",
        SyncStatus::Contested => "contested",
        SyncStatus::Stalled => "stalled",
        SyncStatus::Unknown => "unknown",
    };
    let mut text = format!("{status}, {}", state.health.status.word());
    if let events::Table::Inline(drift) = &state.drift {
        for drifted in drift.iter().take(3) {
            let managers = match drifted.managers.join(", ") {
                none if none.is_empty() => none,
                some => format!(" by {some}"),
            };
            text.push_str(&format!("; {} {}{managers}", drifted.id, drifted.fields.join(", ")));
        }
    }
    if let Some(failure) = &state.refused {
        text.push_str(&format!("; {}", failed(failure)));
    }
    text
}

fn sync(state: &SyncState) -> String {
    match &state.stage {
        SyncStage::Running { .. } => format!("{} objects", state.objects.len()),
        SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. } => {
            let at = state.commit.as_ref().map(|commit| format!(" at {}", commit.short()));
            format!("succeeded{}", at.unwrap_or_default())
        }
        SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } => failed(failure),
        SyncStage::Rejected { reason } => reason.clone(),
        SyncStage::Superseded { .. } => "gives way to a newer plan".to_owned(),
    }
}

fn command(state: &CommandState) -> String {
    let word = |kind: &RequestKind| match kind {
        RequestKind::Fetch => "fetch",
        RequestKind::Sync { .. } => "sync",
        RequestKind::Preview { .. } => "preview",
        RequestKind::ConfirmInventory => "confirm the inventory",
        RequestKind::Pause => "pause",
        RequestKind::Resume => "resume",
        RequestKind::Approve { .. } => "approve what a guard refused",
    };
    state.pending.last().map(|request| word(&request.kind).to_owned()).unwrap_or_default()
}
