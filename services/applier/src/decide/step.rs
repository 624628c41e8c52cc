//! One step as a machine: what is asked of the cluster next, given its last answer.
//!
//! ```text
//!  create:  look? ─▶ create only if absent ─201─▶ done
//!                        └─409: it exists─▶ look ─▶ ours, or let go of: apply   not ours: refuse, or take over
//!  apply:   look? ─▶ give up what is ignored from now on
//!           without force ─409─▶ with force, if every field is one that we applied last
//!                         ─422─▶ look for fields of others in the way ─▶ remove them ─▶ apply
//!                         ─422, a field that never changes─▶ delete with uid ─▶ create, with consent
//!                         ─200─▶ remove what was dropped and stayed behind ─▶ done
//!  prune:   delete with uid
//!  part:    look ─▶ give back by an empty apply, or orphan by a patch ─▶ dropped
//! ```

mod apply;
mod create;
mod part;
mod recreate;

use std::time::Duration;

use cluster::{Applied, ClusterError, Deleted, Force, Live, Missing};
use diff::Clearing;
use events::state::{ObjectOutcome, Origin};
use model::{
    Application, Fingerprint, RetryClass,
    definition::{FirstContact, Ignored},
};
use plan::{Action, Reason, Step};
use serde_json::Value;

use super::{error::Fault, ownership::manager, returning::LetGo};
use apply::Applying;
use part::Parting;

/// Attempts at one step: a hiccup passes within them, everything longer is the differ's to plan again.
pub const ATTEMPTS_MAX: u32 = 3;
/// Most requests of one step; only an object that others change all the time comes near.
const REQUESTS_MAX: u32 = 30;
/// Wait before the second attempt; four times as long before the third.
pub const WAIT_FIRST: Duration = Duration::from_millis(500);
/// Longest wait that a server can ask for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// All that a step depends on. It holds no secret value.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What the plan says.
    pub step: Step,
    /// Whose it is, and whether objects of others may be taken over.
    pub application: Application,
    /// What of the object is left to others.
    pub ignored: Ignored,
    /// The redacted manifest; `None` for steps that delete or forget.
    pub desired: Option<Value>,
    /// The redacted manifest that we applied last, if it is known.
    pub last: Option<Value>,
    /// What of it was left to others.
    pub last_ignored: Ignored,
    /// The resource version that the last write answered.
    pub version: Option<String>,
    /// How the object became ours, or would.
    pub origin: Origin,
    /// What is known of earlier attempts.
    pub attempted: Attempted,
    /// The object that the target let go of under this id, if it did.
    pub let_go: Option<LetGo>,
}

/// What is known of earlier attempts at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// There was none, or it was answered.
    No,
    /// One may have reached the server: look first.
    Perhaps,
}

impl Task {
    /// Whose fields the applies write.
    pub fn manager(&self) -> String {
        manager(&self.application.name)
    }

    fn desired(&self) -> &Value {
        self.desired.as_ref().unwrap_or(&Value::Null)
    }

    /// The manifest applied last without what was or is left to others.
    fn ours_of(&self, last: &Value, live: &Live) -> Value {
        let ignored = self.ignored.and(&self.last_ignored);
        diff::without(last, &diff::left_out(last, &ignored, Some(live.value.value())))
    }

    fn takes_over(&self) -> bool {
        match self.application.first_contact {
            FirstContact::Refuse => false,
            FirstContact::TakeOver => true,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Ask the cluster.
    Ask {
        /// How long to wait first.
        wait: Duration,
        /// What is asked.
        act: Act,
    },
    /// Nothing more: this is what came of it.
    Finish(StepResult),
}

/// What is asked of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Read the object.
    Look,
    /// Apply, if there is no object of the name.
    Create,
    /// Apply to the object with this uid.
    Apply {
        /// The uid.
        uid: String,
        /// Whether fields of others are taken.
        force: Force,
        /// JSON pointers, in order of removal, of what of the manifest is left out.
        without: Vec<String>,
    },
    /// Give back all our fields of the object with this uid.
    GiveBack {
        /// The uid.
        uid: String,
    },
    /// Remove values of the object at this version, and set others.
    Patch {
        /// Which.
        clearing: Clearing,
        /// The resource version.
        version: String,
    },
    /// Patch the object, to make it ours no more.
    Disown {
        /// The operations of RFC 6902, with a test of the version.
        operations: Value,
    },
    /// Try by dry-run whether the server accepts the manifest as a new object.
    Probe,
    /// Delete the object with this uid.
    Delete {
        /// The uid.
        uid: String,
    },
    /// Ask anew which kinds the cluster serves.
    Rediscover,
}

/// What the cluster answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To `Look`.
    Seen(Option<Live>),
    /// To `Create`, `Apply`, `GiveBack`.
    Applied(Applied),
    /// To `Patch` and `Disown`.
    Patched(Live),
    /// To `Probe`.
    Probed(bool),
    /// To `Delete`.
    Deleted(Deleted),
    /// To `Rediscover`.
    Rediscovered,
    /// To any of them.
    Failed(ClusterError),
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepResult {
    /// The object is as desired.
    Written(Box<Written>),
    /// The object is not in the inventory any more.
    Dropped,
    /// The object is deleted and waits for finalizers.
    Terminating,
    /// Nothing came of it.
    Failed(Fault),
}

/// An object as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its uid.
    pub uid: String,
    /// The version that the last write answered.
    pub resource_version: String,
    /// What was found at our fields.
    pub fingerprint: Option<Fingerprint>,
    /// How it became ours.
    pub origin: Origin,
    /// Created, configured or unchanged.
    pub outcome: ObjectOutcome,
}

/// A step under way.
#[derive(Debug)]
pub struct Machine<'t> {
    task: &'t Task,
    phase: Phase,
    failures: u32,
    requests: u32,
    rediscovered: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// Reads what stands where we want to create.
    Looking,
    Creating,
    /// The server met an object all the same: our fields go back.
    GivingBack {
        uid: String,
        managers: Vec<String>,
    },
    Applying(Applying),
    /// Deletes, to create anew.
    Recreating {
        uid: String,
    },
    Deleting {
        uid: String,
    },
    Parting(Parting),
    Done,
}

impl<'t> Machine<'t> {
    /// The machine and what it does first.
    pub fn begin(task: &'t Task) -> (Self, Next) {
        let unsure = task.attempted == Attempted::Perhaps || task.step.reason == Reason::Unfinished;
        let phase = match &task.step.action {
            Action::Create if unsure => Phase::Looking,
            Action::Create => Phase::Creating,
            Action::Apply { uid } => Phase::Applying(Applying::to(uid, task.origin).preparing(task)),
            Action::Receive { uid, from, origin } => {
                Phase::Applying(Applying::receiving(uid, &manager(from), *origin).preparing(task))
            }
            Action::Prune { uid } => Phase::Deleting { uid: uid.clone() },
            Action::GiveBack { uid } => Phase::Parting(Parting::giving_back(uid)),
            Action::Orphan { uid, .. } => Phase::Parting(Parting::orphaning(uid)),
            Action::Forget | Action::Record { .. } => Phase::Done,
        };
        let mut machine = Self { task, phase, failures: 0, requests: 0, rediscovered: false };
        let first = machine.act();
        (machine, first)
    }

    /// What to do after that answer.
    pub fn next(&mut self, answer: Answer) -> Next {
        self.requests += 1;
        if self.requests >= REQUESTS_MAX {
            return self.fail(Fault::Replaced { id: self.task.step.id.clone() });
        }
        if let Answer::Rediscovered = answer {
            return self.act();
        }
        if let Answer::Failed(error) = answer {
            return self.failed(error);
        }
        match self.phase.clone() {
            Phase::Looking => self.looked(answer),
            Phase::Creating => self.created(answer),
            Phase::GivingBack { managers, .. } => self.refuse_contact(managers),
            Phase::Applying(applying) => self.applied(applying, answer),
            Phase::Recreating { .. } => self.removed(answer),
            Phase::Deleting { .. } => self.deleted(answer),
            Phase::Parting(parting) => self.parted(parting, answer),
            Phase::Done => self.unexpected(),
        }
    }

    /// The request that belongs to the phase.
    fn act(&mut self) -> Next {
        let act = match &self.phase {
            Phase::Looking => Act::Look,
            Phase::Creating => Act::Create,
            Phase::GivingBack { uid, .. } => Act::GiveBack { uid: uid.clone() },
            Phase::Applying(applying) => applying.act(),
            Phase::Recreating { uid } | Phase::Deleting { uid } => Act::Delete { uid: uid.clone() },
            Phase::Parting(parting) => parting.act(),
            Phase::Done => return Next::Finish(StepResult::Dropped),
        };
        Next::Ask { wait: Duration::ZERO, act }
    }

    fn enter(&mut self, phase: Phase) -> Next {
        self.phase = phase;
        self.act()
    }

    fn failed(&mut self, error: ClusterError) -> Next {
        if error.class() == RetryClass::Transient {
            return self.again(error);
        }
        let unserved = matches!(
            error,
            ClusterError::NotFound { missing: Missing::Resource, .. } | ClusterError::Gone { .. }
        );
        if unserved && !self.rediscovered {
            self.rediscovered = true;
            return Next::Ask { wait: Duration::ZERO, act: Act::Rediscover };
        }
        match self.phase.clone() {
            Phase::Creating => self.create_failed(error),
            Phase::GivingBack { managers, .. } => self.refuse_contact(managers),
            Phase::Applying(applying) => self.apply_failed(applying, error),
            // A kind that is served no more has no objects.
            Phase::Deleting { .. } | Phase::Parting(_) if unserved => self.finish(StepResult::Dropped),
            Phase::Parting(parting) => self.part_failed(parting, error),
            Phase::Recreating { .. } | Phase::Deleting { .. }
                if matches!(error, ClusterError::Moved { .. }) =>
            {
                self.again(error)
            }
            Phase::Looking | Phase::Recreating { .. } | Phase::Deleting { .. } | Phase::Done => {
                self.fail(Fault::Cluster(error))
            }
        }
    }

    /// Tries again after a wait, within the bound.
    fn again(&mut self, error: ClusterError) -> Next {
        self.failures += 1;
        if self.failures >= ATTEMPTS_MAX {
            return match self.phase.clone() {
                Phase::GivingBack { managers, .. } => self.refuse_contact(managers),
                Phase::Looking
                | Phase::Creating
                | Phase::Applying(_)
                | Phase::Recreating { .. }
                | Phase::Deleting { .. }
                | Phase::Parting(_)
                | Phase::Done => self.fail(Fault::Cluster(error)),
            };
        }
        let mut wait = WAIT_FIRST * 4_u32.pow(self.failures - 1);
        if let ClusterError::Throttled { retry_after, .. } = &error {
            wait = wait.max(retry_after.unwrap_or_default().min(WAIT_MAX));
        } else if self.phase == Phase::Creating {
            // It may have been done: whoever repeats it blindly does not know what he meets.
            self.phase = Phase::Looking;
        }
        match self.act() {
            Next::Ask { act, .. } => Next::Ask { wait, act },
            finish @ Next::Finish(_) => finish,
        }
    }

    fn deleted(&mut self, answer: Answer) -> Next {
        let Answer::Deleted(deleted) = answer else { return self.unexpected() };
        self.finish(match deleted {
            Deleted::Gone | Deleted::NotFound => StepResult::Dropped,
            Deleted::UidMismatch { found } => {
                tracing::info!(object = %self.task.step.id, found, "another object has the name: not pruned");
                StepResult::Dropped
            }
            Deleted::Terminating { .. } => StepResult::Terminating,
            Deleted::VersionMismatch { .. } => {
                StepResult::Failed(Fault::Replaced { id: self.task.step.id.clone() })
            }
        })
    }

    fn finish(&mut self, result: StepResult) -> Next {
        self.phase = Phase::Done;
        Next::Finish(result)
    }

    fn fail(&mut self, fault: Fault) -> Next {
        self.finish(StepResult::Failed(fault))
    }

    /// An answer to something that was not asked: a bug of the shell.
    fn unexpected(&mut self) -> Next {
        let id = self.task.step.id.clone();
        tracing::error!(object = %id, "an answer that does not belong to its question");
        self.fail(Fault::NotDesired { id })
    }
}

#[cfg(test)]
mod tests;
