//! The states that events carry: one type per kind of aggregate, and how they are encoded.
//!
//! Rules for a change: add fields with `#[serde(default)]`, never rename or reuse one; raise `FORMAT` when an
//! old reader would act wrongly on the new meaning, as it would on a field that names a blob
//! ([`named`](crate::named)). No `skip_serializing_if`, `flatten` or `untagged`.

mod cluster;
mod codec;
mod command;
mod definitions;
mod render;
mod source;
mod sync;
mod target;

pub use cluster::{ClusterIdentity, ClusterState, Reachability};
pub use codec::{DecodeError, State, decode, encode};
pub use command::{Asker, CommandState, REQUESTS_MAX, Request, RequestId, RequestKind};
pub use definitions::{Consent, DefinitionsState};
pub use render::{DesiredState, Note, RenderInputs, RenderState};
pub use source::{NOTES_MAX, ObservedPath, ObservedRevision, PathOutcome, SourceState};
pub use sync::{AppliedObject, ObjectOutcome, Origin, SyncOutcome, SyncStage, SyncState};
pub use target::{
    DriftedObject, Handled, HealAttempt, HealthSummary, InputVector, ObjectHealth, PlannedSync,
    RebuiltInventory, Refreshed, Release, ReleaseOutcome, RequestOutcome, StrayObject, SyncStatus,
    TargetState, Wait, WaitReason,
};
