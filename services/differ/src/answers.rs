//! Answers of the API server to a target's open questions: in memory, each good for one state of its object.

use std::{collections::BTreeMap, sync::Arc};

use model::{Digest, Failure, ObjectId, Timestamp};
use plan::Provenance;
use serde_json::Value;

use crate::live::GroupKind;

/// A question to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Does it exist? Read by GET: absence from a watch is no answer.
    Existence(ObjectId),
    /// Does the target's own history name it, with that uid?
    Provenance(ObjectId, String),
    /// Would applying the desired manifest change it?
    DryRun(DryRunKey),
}

/// What a dry-run was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DryRunKey {
    /// Which object.
    pub id: ObjectId,
    /// The live state: uid and resource version; `None`: there is no object.
    pub live: Option<(String, String)>,
    /// Digest of the manifest.
    pub manifest: Digest,
}

/// Whether an object exists, as GET answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// It does; with our mark or without.
    Object {
        /// Its uid.
        uid: String,
        /// Its resource version.
        resource_version: String,
        /// Whether it is ours.
        mark: Option<crate::live::Mark>,
        /// Its redacted contents.
        value: Arc<Value>,
    },
    /// It does not.
    Absent,
    /// The API server did not say.
    Unknown(Failure),
}

/// What a dry-run answered.
#[derive(Debug, Clone, PartialEq)]
pub enum DryRun {
    /// No value changes and our owned-field set stays: this is the fingerprint to record.
    Same(model::Fingerprint),
    /// No value changes, but our owned-field set does.
    OwnershipLost {
        /// Fields that would be ours again, readable, at most 20.
        fields: Vec<String>,
        /// Field managers that own one of them now.
        managers: Vec<String>,
    },
    /// Values change.
    Changes {
        /// Fields, readable, at most 20.
        fields: Vec<String>,
        /// Field managers that own one of them now.
        managers: Vec<String>,
        /// The redacted object as it would be.
        after: Arc<Value>,
        /// The redacted object as it is; `None`: there is none.
        before: Option<Arc<Value>>,
    },
    /// A field would change that is set at creation and never again.
    Immutable {
        /// Which, as people read it.
        failure: Failure,
        /// Whether the object may be deleted and created anew.
        recreation: Recreation,
        /// The redacted manifest.
        after: Arc<Value>,
    },
    /// The API server refuses the manifest.
    Refused(Failure),
    /// The API server did not say.
    Unknown(Failure),
}

/// Whether an object may be deleted and created anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recreation {
    /// Its manifest says so.
    Allowed,
    /// Nobody said so.
    Refused,
}

/// The answers to one target's questions.
#[derive(Debug, Default)]
pub struct Answers {
    existence: BTreeMap<ObjectId, Found>,
    provenance: BTreeMap<(ObjectId, String), Provenance>,
    dry_runs: BTreeMap<DryRunKey, DryRun>,
    looked_for: BTreeMap<GroupKind, u64>,
}

impl Answers {
    /// Whether the object exists, if that was asked.
    pub fn existence(&self, id: &ObjectId) -> Option<&Found> {
        self.existence.get(id)
    }

    /// What the dry-run answered, if it was made.
    pub fn dry_run(&self, key: &DryRunKey) -> Option<&DryRun> {
        self.dry_runs.get(key)
    }

    /// What the history says of an object, if that was asked.
    pub fn provenance(&self, id: &ObjectId, uid: &str) -> Option<Provenance> {
        self.provenance.get(&(id.clone(), uid.to_owned())).copied()
    }

    /// The n of the target's sync at which a kind was last looked for, if it was.
    pub fn looked_for(&self, kind: &GroupKind) -> Option<u64> {
        self.looked_for.get(kind).copied()
    }

    /// Notes that a kind is looked for at that n of the target's sync.
    pub fn look_for(&mut self, kind: GroupKind, sync_n: u64) {
        self.looked_for.insert(kind, sync_n);
    }

    /// Takes the answer to [`Question::Provenance`].
    pub fn traced(&mut self, id: ObjectId, uid: String, provenance: Provenance) {
        self.provenance.insert((id, uid), provenance);
    }

    /// Takes the answer to [`Question::Existence`], given at that instant.
    pub fn found(&mut self, id: ObjectId, mut found: Found, at: Timestamp) {
        if let Found::Unknown(failure) = &mut found {
            let before = match self.existence.get(&id) {
                Some(Found::Unknown(before)) => before.attempts,
                Some(Found::Object { .. } | Found::Absent) | None => 0,
            };
            (failure.attempts, failure.at) = (before + 1, at);
        }
        self.existence.insert(id, found);
    }

    /// Takes the answer to [`Question::DryRun`], given at that instant; an older one about the same object is
    /// dropped.
    pub fn dry_ran(&mut self, key: DryRunKey, mut answer: DryRun, at: Timestamp) {
        if let DryRun::Unknown(failure) = &mut answer {
            let before = match self.dry_runs.get(&key) {
                Some(DryRun::Unknown(before)) => before.attempts,
                Some(
                    DryRun::Same(_)
                    | DryRun::OwnershipLost { .. }
                    | DryRun::Changes { .. }
                    | DryRun::Immutable { .. }
                    | DryRun::Refused(_),
                )
                | None => 0,
            };
            (failure.attempts, failure.at) = (before + 1, at);
        }
        self.dry_runs.retain(|known, _| known.id != key.id);
        self.dry_runs.insert(key, answer);
    }

    /// Drops what is known about an object: it has changed.
    pub fn forget(&mut self, id: &ObjectId) {
        self.existence.remove(id);
        self.dry_runs.retain(|known, _| known.id != *id);
    }

    /// Drops everything that is not certain: at every sweep it is asked again.
    pub fn forget_uncertain(&mut self) {
        self.existence.clear();
        self.looked_for.clear();
        // The history may name tomorrow what it does not name today.
        self.provenance.clear();
        self.dry_runs.retain(|_, answer| match answer {
            DryRun::Same(_) | DryRun::OwnershipLost { .. } | DryRun::Changes { .. } => true,
            DryRun::Immutable { .. } | DryRun::Refused(_) | DryRun::Unknown(_) => false,
        });
    }
}
