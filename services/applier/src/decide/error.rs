//! Why a step, or a whole sync, came to nothing: with stable codes and what a person can do.

use std::time::Duration;

use cluster::{ClusterError, FieldConflict};
use model::{Digest, Failure, ObjectId, RetryClass, Timestamp};

use super::ownership::named;
use crate::CustodyError;

/// Longest message kept, in characters: rows are many and an event is small.
const MESSAGE_CHARS_MAX: usize = 1_000;
/// Most fields named in a message.
const FIELDS_MAX: usize = 5;

/// Why a step, or a whole sync, came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An object of somebody else stands where we wanted to create one. It was not changed.
    #[error("{id} exists and is not ours; it belongs to {}", named(managers))]
    FirstContact {
        /// Which object.
        id: ObjectId,
        /// The field managers of it.
        managers: Vec<String>,
    },
    /// Others own fields that the manifest sets otherwise, and we never applied them.
    #[error("{id}: {}", conflicting(conflicts))]
    Conflict {
        /// Which object.
        id: ObjectId,
        /// Who owns what.
        conflicts: Vec<FieldConflict>,
    },
    /// The change touches a field that is set at creation and never again.
    #[error("{id} cannot be changed in place: {}", immutable(fields))]
    Immutable {
        /// Which object.
        id: ObjectId,
        /// The fields, if the server names them.
        fields: Vec<String>,
    },
    /// The object that the plan is about is gone, or another one has its name.
    #[error("{id} is not the object any more that the plan was made for")]
    Replaced {
        /// Which object.
        id: ObjectId,
    },
    /// The object is being deleted; what is applied now would go with it.
    #[error("{id} is being deleted")]
    Terminating {
        /// Which object.
        id: ObjectId,
    },
    /// The sync stopped for what is wanted now.
    #[error("not tried, because another state is wanted by now")]
    Superseded,
    /// An earlier step failed, so this one was not tried.
    #[error("not tried, because an earlier step failed")]
    Skipped,
    /// A definition of custom resources was applied and is not served.
    #[error("{id} is not established after {after:?}")]
    NotEstablished {
        /// Which definition.
        id: ObjectId,
        /// How long it was waited for.
        after: Duration,
    },
    /// The plan names an object that its desired state does not hold.
    #[error("the plan names {id}, which its desired state does not hold")]
    NotDesired {
        /// Which object.
        id: ObjectId,
    },
    /// Manifest and secret values do not fit.
    #[error("the secret values of {id} are not those of its manifest")]
    SecretsMismatch {
        /// Which object.
        id: ObjectId,
    },
    /// A blob that the sync needs is not there.
    #[error("the blob {blob} with the {what} is not in the store")]
    BlobMissing {
        /// What it holds.
        what: &'static str,
        /// Its address.
        blob: Digest,
    },
    /// A blob is there and cannot be used.
    #[error("the {what} cannot be read: {problem}")]
    BlobUnreadable {
        /// What it holds.
        what: &'static str,
        /// Why; never a value of it.
        problem: String,
    },
    /// A sync was interrupted, and its plan is not to be carried out any more.
    #[error("the sync was interrupted and is not resumed: {reason}")]
    Abandoned {
        /// Why.
        reason: String,
    },
    /// Somebody else is at work on the application, or may be.
    #[error("{0}")]
    Custody(CustodyError),
    /// The cluster did not do it.
    #[error("{0}")]
    Cluster(ClusterError),
}

impl Fault {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FirstContact { .. } => "APPLY-FIRST-CONTACT",
            Self::Conflict { .. } => "APPLY-CONFLICT",
            Self::Immutable { .. } => "APPLY-IMMUTABLE",
            Self::Replaced { .. } => "APPLY-REPLACED",
            Self::Terminating { .. } => "APPLY-TERMINATING",
            Self::Superseded => "APPLY-SUPERSEDED",
            Self::Skipped => "APPLY-SKIPPED",
            Self::NotEstablished { .. } => "APPLY-NOT-ESTABLISHED",
            Self::NotDesired { .. } | Self::SecretsMismatch { .. } => "APPLY-BUG",
            Self::BlobMissing { .. } => "APPLY-BLOB-MISSING",
            Self::BlobUnreadable { .. } => "APPLY-BLOB",
            Self::Abandoned { .. } => "APPLY-ABANDONED",
            Self::Custody(error) => error.code(),
            Self::Cluster(error) => error.code(),
        }
    }

    /// What a person can do; empty if the platform itself goes on.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::FirstContact { .. } => {
                "rename it, remove it from the manifests or from the cluster, or take it over (--take-over; firstContact: takeOver in an Application)"
            }
            Self::Conflict { .. } => {
                "remove the field from the manifest, list it under ignore, or stop the other actor"
            }
            Self::Immutable { .. } => {
                "undo the change, give the object another name, or annotate it with driftless.dev/recreate: allowed to have it deleted and created anew"
            }
            Self::NotEstablished { .. } => "see the conditions of the CustomResourceDefinition",
            Self::BlobMissing { .. } => "nothing: it is rendered again; check the disk of the log",
            Self::BlobUnreadable { .. } => {
                "if it names a key, add that key of the platform to the applier's key file, and start it again"
            }
            Self::NotDesired { .. } | Self::SecretsMismatch { .. } => "report it as a bug",
            Self::Custody(error) => error.remedy(),
            Self::Cluster(error) => error.remedy(),
            Self::Replaced { .. }
            | Self::Terminating { .. }
            | Self::Superseded
            | Self::Skipped
            | Self::Abandoned { .. } => "",
        }
    }

    /// What trying again would achieve.
    pub fn class(&self) -> RetryClass {
        match self {
            Self::FirstContact { .. }
            | Self::Conflict { .. }
            | Self::Immutable { .. }
            | Self::BlobUnreadable { .. } => RetryClass::Permanent,
            Self::Replaced { .. } | Self::Superseded | Self::Skipped | Self::Abandoned { .. } => {
                RetryClass::Stale
            }
            Self::Terminating { .. } | Self::NotEstablished { .. } | Self::BlobMissing { .. } => {
                RetryClass::Transient
            }
            Self::NotDesired { .. } | Self::SecretsMismatch { .. } => RetryClass::Bug,
            Self::Custody(error) => error.class(),
            Self::Cluster(error) => error.class(),
        }
    }

    /// As a state, seen at that time; counts on if the failure before it tells the same.
    pub fn failure(&self, at: Timestamp, before: Option<&Failure>) -> Failure {
        let mut failure = Failure {
            code: self.code().to_owned(),
            message: self.to_string().chars().take(MESSAGE_CHARS_MAX).collect(),
            remedy: self.remedy().to_owned(),
            class: self.class(),
            at,
            attempts: 1,
        };
        if let Some(before) = before.filter(|before| before.same_as(&failure)) {
            failure.attempts = before.attempts.saturating_add(1);
        }
        failure
    }
}

fn conflicting(conflicts: &[FieldConflict]) -> String {
    let shown = conflicts.iter().take(FIELDS_MAX).map(|conflict| {
        format!("{} belongs to {}", conflict.field, conflict.manager.as_deref().unwrap_or("another manager"))
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match conflicts.len().saturating_sub(FIELDS_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn immutable(fields: &[String]) -> String {
    match fields {
        [] => "the server accepts the manifest only as a new object".to_owned(),
        [_, ..] => format!("{} cannot change", fields[..fields.len().min(FIELDS_MAX)].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ObjectId {
        ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "a".into(),
        }
    }

    #[test]
    fn sentences_name_field_and_manager() {
        let conflict = |field: &str, manager: Option<&str>| FieldConflict {
            field: field.into(),
            manager: manager.map(str::to_owned),
        };
        let conflicts = vec![conflict(".data.a", Some("alice")), conflict(".data.b", None)];
        assert_eq!(
            Fault::Conflict { id: id(), conflicts }.to_string(),
            "ConfigMap shop/a: .data.a belongs to alice, .data.b belongs to another manager"
        );
        let many = vec![conflict(".x", Some("m")); 7];
        assert!(Fault::Conflict { id: id(), conflicts: many }.to_string().ends_with("and 2 more"));
        assert_eq!(
            Fault::FirstContact { id: id(), managers: vec!["helm".into()] }.to_string(),
            "ConfigMap shop/a exists and is not ours; it belongs to helm"
        );
    }

    #[test]
    fn the_same_failure_again_counts_on() {
        let at = Timestamp::from_millis(1);
        let first = Fault::Skipped.failure(at, None);
        assert_eq!(first.attempts, 1);
        assert_eq!(Fault::Skipped.failure(at, Some(&first)).attempts, 2);
        assert_eq!(Fault::Replaced { id: id() }.failure(at, Some(&first)).attempts, 1);
    }
}
