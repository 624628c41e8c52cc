//! `sync/<cluster>/<application>`, written by the applier: what was done.

use model::{ApiVersion, Commit, Digest, Failure, Fingerprint, ObjectId, Timestamp, definition::Ignored};
use serde::{Deserialize, Serialize};

use super::State;
use crate::{Content, Table};

/// What was done to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    /// Generation of the plan acted on last.
    pub generation: u64,
    /// Digest of that plan.
    pub plan: Digest,
    /// How far it is.
    pub stage: SyncStage,
    /// The desired state that was applied in full last; `None` before the first.
    pub applied: Option<Digest>,
    /// The revision of it.
    pub commit: Option<Commit>,
    /// The manifests of it: the paths that we applied last are read from here.
    pub manifests: Option<Content>,
    /// The inventory, sorted by id: every object that we applied or are about to.
    pub objects: Table<AppliedObject>,
    /// Syncs in a row that stopped for a newer desired state.
    #[serde(default)]
    pub superseded: u32,
}

impl State for SyncState {
    const FORMAT: u16 = 1;
}

/// How far a sync is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncStage {
    /// It runs.
    Running {
        /// Since when.
        since: Timestamp,
        /// Which process runs it.
        instance: String,
    },
    /// It ended.
    Finished {
        /// When.
        at: Timestamp,
        /// How.
        outcome: SyncOutcome,
    },
    /// The plan was refused as stale; nothing was done.
    Rejected {
        /// Why.
        reason: String,
    },
    /// It stopped for a newer plan.
    Superseded {
        /// When.
        at: Timestamp,
    },
}

/// How a sync ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncOutcome {
    /// Every step was done.
    Succeeded,
    /// Some steps failed; their objects say why.
    Failed {
        /// The first failure that matters most to a person.
        failure: Failure,
    },
}

/// One object of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedObject {
    /// Which object.
    pub id: ObjectId,
    /// The version that it was applied at.
    pub api_version: ApiVersion,
    /// How it became ours.
    pub origin: Origin,
    /// Its uid; `None`: only the intent to create it is recorded.
    pub uid: Option<String>,
    /// Resource version answered by the last write.
    pub resource_version: Option<String>,
    /// Digest of the redacted manifest applied last, as it was applied: without what is ignored.
    pub manifest: Option<Digest>,
    /// What of it was left to others.
    #[serde(default)]
    pub ignored: Ignored,
    /// What the server answered to it.
    pub fingerprint: Option<Fingerprint>,
    /// What the newest sync did to it.
    pub outcome: ObjectOutcome,
}

/// How an object became ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// We created it.
    Created,
    /// It existed and was taken over, by policy; never pruned without consent.
    Adopted,
    /// It was found on the cluster with our mark when the log had no inventory.
    Rebuilt,
}

/// What a sync did to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectOutcome {
    /// Recorded, not tried yet.
    Pending,
    /// Created.
    Created,
    /// Changed.
    Configured,
    /// Applied without any change.
    Unchanged,
    /// Not part of the newest plan.
    Untouched,
    /// Deleted, and still there: finalizers are awaited.
    Terminating,
    /// Tried in vain.
    Failed(Failure),
}
