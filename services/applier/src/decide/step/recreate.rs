//! Deleting an object to create it anew: only if the plan says so, the manifest consents, the server named the
//! change impossible, and it would take the manifest as a new object.

use cluster::{ClusterError, Deleted};
use manifest::may_recreate;
use plan::Reason;

use super::{Answer, Machine, Next, Phase, Task};
use crate::decide::error::Fault;

impl Task {
    pub(super) fn may_recreate(&self) -> bool {
        self.step.reason == Reason::Recreate && may_recreate(self.desired())
    }
}

impl Machine<'_> {
    /// The change was refused; `creatable`: the manifest would be taken as a new object, so the change is at
    /// fault. A manifest that would not be taken deletes nothing.
    pub(super) fn probed(
        &mut self,
        uid: &str,
        (refusal, fields): (ClusterError, Vec<String>),
        creatable: bool,
    ) -> Next {
        if !creatable {
            return self.fail(Fault::Cluster(refusal));
        }
        if !self.task.may_recreate() {
            return self.fail(Fault::Immutable { id: self.task.step.id.clone(), fields });
        }
        self.enter(Phase::Recreating { uid: uid.to_owned() })
    }

    /// The old object is gone, or is not.
    pub(super) fn removed(&mut self, answer: Answer) -> Next {
        let Answer::Deleted(deleted) = answer else { return self.unexpected() };
        let id = self.task.step.id.clone();
        match deleted {
            Deleted::Gone | Deleted::NotFound => self.enter(Phase::Creating),
            Deleted::Terminating { .. } => self.fail(Fault::Terminating { id }),
            Deleted::UidMismatch { .. } | Deleted::VersionMismatch { .. } => {
                self.fail(Fault::Replaced { id })
            }
        }
    }
}
