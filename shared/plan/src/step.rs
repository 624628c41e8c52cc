//! The plan as a value.

use model::{ApiVersion, ApplicationName, Digest, ObjectId};
use serde::{Deserialize, Serialize};

use crate::Origin;

/// What is done to a target, in order; immutable once published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPlan {
    /// The desired state that it brings about.
    pub desired: Digest,
    /// Namespace to create first if it is missing; not part of the inventory, never pruned.
    pub namespace: Option<String>,
    /// Steps in order: applies by stage, then prunes by reversed stage.
    pub steps: Vec<Step>,
    /// Objects that the plan leaves alone although something is to be done, and why.
    pub held: Vec<HeldObject>,
    /// Objects that need nothing.
    pub in_sync: u32,
}

impl SyncPlan {
    /// Digest of the plan: what an approval names, and what the applier acknowledges.
    pub fn digest(&self) -> Digest {
        Digest::of_parts("plan", [self.encode().as_slice()])
    }

    /// The plan as a named MessagePack map.
    pub fn encode(&self) -> Vec<u8> {
        // Strings, numbers, lists and enums only: these always have an encoding.
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }

    /// Reads an encoded plan.
    ///
    /// # Errors
    /// If the bytes are no plan (permanent).
    pub fn decode(bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        rmp_serde::from_slice(bytes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps that do anything to the cluster, or to what is kept of it.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.reason != Reason::Rekeyed)
    }

    /// The steps that delete.
    pub fn prunes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step.action, Action::Prune { .. }))
    }
}

/// One object and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which object, its namespace resolved.
    pub id: ObjectId,
    /// The version to write or delete it at.
    pub api_version: ApiVersion,
    /// When it happens; steps of one stage run side by side.
    pub stage: Stage,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// Stages, in the order of execution.
/// Source: the order of Flux' staged apply, fluxcd/pkg `ssa/sort.go`, with the order of Argo CD inside a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// What others need to exist: Namespaces, CRDs, classes, cluster roles.
    Foundation,
    /// What workloads read: accounts, configuration, secrets, claims, roles.
    Configuration,
    /// Everything else.
    Workload,
    /// What judges or serves the requests of others: webhooks and API services, when what they call is there.
    Admission,
    /// What enters or leaves the inventory without a request.
    Forget,
    /// Prunes of `Admission`.
    PruneAdmission,
    /// Prunes of `Workload`.
    PruneWorkload,
    /// Prunes of `Configuration`.
    PruneConfiguration,
    /// Prunes of `Foundation`.
    PruneFoundation,
}

/// What is done to an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Created, without force; an existing object is a first contact.
    Create,
    /// Applied over what is ours; force only on paths that we applied last.
    Apply {
        /// The object must still have this uid.
        uid: String,
    },
    /// Deleted, if it still has that uid.
    Prune {
        /// Precondition of the request.
        uid: String,
    },
    /// Dropped from the inventory: it is gone already, or is not ours any more.
    Forget,
    /// Applied over what another of our targets hands over; force only on paths that we applied last or whose
    /// only other owner is that target's manager.
    Receive {
        /// The object must still have this uid.
        uid: String,
        /// Whose it was.
        from: ApplicationName,
        /// How it became ours: as it became theirs.
        origin: Origin,
    },
    /// What we own of it given back, now that another of our targets has received it; dropped from the inventory.
    GiveBack {
        /// The object must still have this uid.
        uid: String,
    },
    /// Stripped of our label and of our ownership without changing a value; dropped from the inventory.
    Orphan {
        /// The object must still have this uid.
        uid: String,
        /// How it became ours; should the target return, it is so again.
        #[serde(default = "adopted")]
        origin: Origin,
    },
    /// Taken into the inventory without a request: it was found on the cluster with our mark, or is in it under
    /// another install key.
    Record {
        /// Its uid.
        uid: String,
    },
}

/// Of an object of which a plan does not say how it became ours: what is never deleted without a person's word.
fn adopted() -> Origin {
    Origin::Adopted
}

impl Action {
    /// Whether the desired manifest is applied.
    pub fn applies(&self) -> bool {
        match self {
            Self::Create | Self::Apply { .. } | Self::Receive { .. } => true,
            Self::Prune { .. }
            | Self::Forget
            | Self::GiveBack { .. }
            | Self::Orphan { .. }
            | Self::Record { .. } => false,
        }
    }
}

/// Why a step is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Desired, and never applied.
    New,
    /// Desired otherwise than applied.
    Changed,
    /// Desired otherwise in a field that never changes: deleted and created anew, as its manifest allows.
    Recreate,
    /// The last attempt failed or was not finished.
    Unfinished,
    /// Desired and applied, and gone.
    Missing,
    /// Live state moved on our fields.
    Drift,
    /// Live state has our values, and no longer says that we set them.
    Ownership,
    /// Found with our mark, in no inventory.
    Found,
    /// Applied, and no longer desired.
    Orphan,
    /// Gone by itself.
    Gone,
    /// Another object under the same name, or no longer marked as ours.
    NotOurs,
    /// Ours by the target's own history, in no inventory, and not desired.
    Stray,
    /// It moves from one of our targets to another.
    HandOver,
    /// The same object is desired under another kind or group.
    SameObject,
    /// Its application leaves the set or the cluster.
    Released,
    /// Desired and applied with the same values; only the install key is another one. Nothing is to be done but to
    /// record it.
    Rekeyed,
}

/// An object that the plan leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldObject {
    /// Which object.
    pub id: ObjectId,
    /// Why.
    pub reason: HeldReason,
}

/// Why an object is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HeldReason {
    /// Deleted and not gone yet: finalizers are awaited.
    Terminating,
    /// Whether it exists cannot be told now.
    LiveUnknown,
    /// An orphan, and pruning is off.
    PruneDisabled,
    /// An orphan of a kind that is pruned only by a person's word: Namespace, CRD, PersistentVolume(Claim).
    PruneNeedsConsent,
    /// An orphan that was taken over from others: pruned only by a person's word.
    PruneAdopted,
    /// An orphan of an inventory that was rebuilt from the cluster and not confirmed yet.
    PruneUnconfirmed,
    /// Drifted, and healing is off.
    HealDisabled,
    /// Drifted, and the next heal is not due yet.
    HealBackoff,
    /// Drifted again and again: another actor wants it otherwise.
    Contested,
    /// A finished Job that its time-to-live removed.
    JobExpired,
    /// The last attempt failed, and the next one is not due yet.
    RetryBackoff,
    /// It carries our mark and is in no inventory, and the target's history does not name it.
    Stray,
    /// It moves from one of our targets to another, and the other one is not so far.
    HandOver,
    /// An orphan, and an application that may still want it is not rendered at this revision.
    AwaitsRender,
}
