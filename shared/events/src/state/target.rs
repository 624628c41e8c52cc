//! `target/<cluster>/<application>`, written by the differ that owns the cluster.

use std::fmt;

use model::{Digest, Failure, Fingerprint, HealthStatus, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AppliedObject, RequestId, State};
use crate::{Content, Table};

/// Plan, drift and health of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// Whether live state is what Git describes.
    pub status: SyncStatus,
    /// The newest plan; executed, running, waiting or refused by now.
    pub plan: Option<PlannedSync>,
    /// Why there is no plan although one is due: a guard, an unknown kind, a failed preflight.
    pub refused: Option<Failure>,
    /// Objects that live changes moved away from what we applied, sorted.
    pub drift: Table<DriftedObject>,
    /// Heals tried since desired state changed last, sorted by object; none if they are paged.
    pub heals: Vec<HealAttempt>,
    /// Fingerprints recorded again by the differ, until a sync passes the one that they belong to; none if they
    /// are paged.
    pub refreshed: Vec<Refreshed>,
    /// Health.
    pub health: HealthSummary,
    /// Requests carried out, newest last, at most 32.
    pub handled: Vec<Handled>,
    /// Generation of the plan whose running sync should stop: what it was made from is not wanted any more.
    #[serde(default)]
    pub supersede: Option<u64>,
    /// Objects that carry our mark, are in no inventory and nobody knows: reported and left alone; at most 32.
    #[serde(default)]
    pub strays: Vec<StrayObject>,
    /// Whether a person vouched for what only the cluster vouches for.
    #[serde(default)]
    pub rebuilt: RebuiltInventory,
    /// How it was let go; `None`: it is ours.
    #[serde(default)]
    pub released: Option<Release>,
    /// Since when somebody wants nothing to be done by itself; `None`: nobody does.
    #[serde(default)]
    pub paused: Option<Timestamp>,
    /// What is left alone because somebody else has to do something first, longest first, at most 20.
    #[serde(default)]
    pub waits: Vec<Wait>,
    /// The heals, if this event has no room for them.
    #[serde(default)]
    pub heals_paged: Table<HealAttempt>,
    /// The fingerprints, if this event has no room for them.
    #[serde(default)]
    pub refreshed_paged: Table<Refreshed>,
}

impl State for TargetState {
    const FORMAT: u16 = 1;
}

/// Whether live state is what Git describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncStatus {
    /// Not enough is known.
    Unknown,
    /// Live state is what Git describes.
    InSync,
    /// Desired state moved and is not applied in full.
    OutOfSync,
    /// Live state moved on fields that we own.
    Drifted,
    /// Another actor keeps undoing our heals; we stopped.
    Contested,
    /// A plan waits for the applier, or an object for somebody else, for longer than the wait is bound to.
    Stalled,
}

/// The end of a target: its application left the set, or the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// What became of its objects.
    pub outcome: ReleaseOutcome,
}

/// What became of the objects of a released target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReleaseOutcome {
    /// None is ours any more: orphaned, deleted or handed over, as the newest syncs say.
    Emptied,
    /// The cluster did not answer for too long.
    Abandoned {
        /// Since when it does not answer.
        unreachable_since: Timestamp,
        /// What was ours there then.
        inventory: Table<AppliedObject>,
    },
}

/// A plan and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSync {
    /// Grows by one with each plan of the target.
    pub generation: u64,
    /// Digest of the encoded plan.
    pub digest: Digest,
    /// The encoded plan.
    pub plan: Content,
    /// What it was made from.
    pub made_from: InputVector,
    /// Objects that it leaves for later: not seen, not gone, not due.
    pub open: u32,
    /// When it was published: since then it waits for the applier.
    #[serde(default)]
    pub since: Timestamp,
    /// Milliseconds that the applier may be silent about it, counted from the newest sign of life.
    #[serde(default)]
    pub silence_ms: u64,
    /// Requests that were open when it was made: what becomes of it is their answer too. At most 32.
    #[serde(default)]
    pub asked: Vec<RequestId>,
}

/// The versions that a decision was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputVector {
    /// Version of the definitions.
    pub definitions_n: u64,
    /// Digest of the target's own slice of the definitions.
    pub slice: Digest,
    /// Parameters of the render.
    pub parameters: Digest,
    /// The source's observation that the desired state stands for.
    pub observation: u64,
    /// The desired state.
    pub desired: Digest,
    /// Version of the sync aggregate; 0 before its first event.
    pub sync_n: u64,
}

/// An object that live changes moved away from what we applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftedObject {
    /// Which object.
    pub id: ObjectId,
    /// Since when it is known.
    pub since: Timestamp,
    /// The fields, readable, at most 20.
    pub fields: Vec<String>,
    /// Field managers that own one of them now.
    pub managers: Vec<String>,
}

/// Whether a person vouched for the objects of an inventory that was rebuilt from the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RebuiltInventory {
    /// Nobody did: none of them is pruned.
    #[default]
    Unconfirmed,
    /// Somebody did.
    Confirmed,
}

/// An object that carries our mark and that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrayObject {
    /// Which object.
    pub id: ObjectId,
    /// Its uid.
    pub uid: String,
}

/// Heals of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealAttempt {
    /// Which object.
    pub id: ObjectId,
    /// Digest of the drifted fields and their managers: another set starts anew.
    pub fields: Digest,
    /// Heals so far.
    pub attempts: u32,
    /// When the newest one was planned.
    pub last: Timestamp,
}

/// A fingerprint that the differ recorded anew after a dry-run showed no difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshed {
    /// Which object.
    pub id: ObjectId,
    /// Its uid.
    pub uid: String,
    /// The sync whose fingerprint it replaces.
    pub sync_n: u64,
    /// The fingerprint.
    pub fingerprint: Fingerprint,
}

/// Health of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSummary {
    /// The worst of its objects.
    pub status: HealthStatus,
    /// Since when it is that.
    pub since: Timestamp,
    /// Objects that are not healthy, worst first, at most 20.
    pub objects: Vec<ObjectHealth>,
}

/// Health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHealth {
    /// Which object.
    pub id: ObjectId,
    /// How it does.
    pub status: HealthStatus,
    /// Why, in a few words.
    pub reason: String,
}

/// An object that is left alone until somebody else has done something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Which object.
    pub id: ObjectId,
    /// What is awaited.
    pub reason: WaitReason,
    /// Who has to do it: finalizers, or applications; at most 5.
    pub whom: Vec<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What an object waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitReason {
    /// That it is gone: it is deleted, and finalizers hold it.
    Deletion,
    /// That another application lets go of it, or has taken it.
    HandOver,
    /// That it is known whether another application desires it.
    Render,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, reason, whom, .. } = self;
        let (waits, by) = match reason {
            WaitReason::Deletion => ("is deleted and not gone yet", "held by the finalizer"),
            WaitReason::HandOver => ("is not handed over yet", "with the application"),
            WaitReason::Render => ("is not pruned yet", "awaiting the render of"),
        };
        write!(f, "{id} {waits}")?;
        if whom.is_empty() { Ok(()) } else { write!(f, ", {by} {}", whom.join(", ")) }
    }
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// Which one.
    pub id: RequestId,
    /// How it went.
    pub outcome: RequestOutcome,
}

/// How a request went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestOutcome {
    /// The target is in sync.
    InSync,
    /// It is not, and nothing more is tried by itself.
    Failed(Failure),
    /// A guard wants a person's word.
    Refused(Failure),
    /// The inventory is confirmed.
    Confirmed,
    /// It is paused, or no longer.
    Noted,
    /// What a sync would change: an encoded `plan::Preview`.
    Previewed(Content),
}
