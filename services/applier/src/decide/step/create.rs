//! Creating: only where nothing stands. Whatever stands there is looked at before anything is written.

use cluster::{ClusterError, Outcome};
use events::state::Origin;
use plan::Reason;

use super::{Answer, Applying, Attempted, Machine, Next, Phase};
use crate::decide::{
    error::Fault,
    ownership::{is_ours, other_managers},
};

impl Machine<'_> {
    pub(super) fn created(&mut self, answer: Answer) -> Next {
        let Answer::Applied(applied) = answer else { return self.unexpected() };
        let ours = self.task.manager();
        let others = match applied.outcome {
            Outcome::Created => Vec::new(),
            // A server that does not know the precondition wrote to an object that was there before.
            Outcome::Updated => other_managers(applied.object.value.value(), &ours),
        };
        if others.is_empty() {
            let applying = Applying::created(&applied.object.uid);
            return self.handed_over(applying, &applied.object);
        }
        if self.task.takes_over() {
            let applying = Applying::to(&applied.object.uid, Origin::Adopted);
            return self.handed_over(applying, &applied.object);
        }
        self.enter(Phase::GivingBack { uid: applied.object.uid, managers: others })
    }

    pub(super) fn create_failed(&mut self, error: ClusterError) -> Next {
        let exists = matches!(
            error,
            ClusterError::Moved { .. } | ClusterError::AlreadyExists { .. } | ClusterError::Conflict { .. }
        );
        if exists { self.enter(Phase::Looking) } else { self.fail(Fault::Cluster(error)) }
    }

    pub(super) fn looked(&mut self, answer: Answer) -> Next {
        let Answer::Seen(seen) = answer else { return self.unexpected() };
        let Some(live) = seen else { return self.enter(Phase::Creating) };
        if live.is_terminating() {
            return self.fail(Fault::Terminating { id: self.task.step.id.clone() });
        }
        let object = live.value.value();
        if is_ours(object, &self.task.application.name) {
            return self.enter(Phase::Applying(self.found(&live.uid).preparing(self.task)));
        }
        if self.task.takes_over() {
            return self.enter(Phase::Applying(Applying::taking_over(&live.uid).preparing(self.task)));
        }
        if let Some(returned) = self.task.let_go.as_ref().filter(|gone| gone.uid == live.uid) {
            return self.enter(Phase::Applying(Applying::returning(returned).preparing(self.task)));
        }
        self.refuse_contact(other_managers(object, &self.task.manager()))
    }

    /// An object with our mark: an earlier attempt of ours made it, if there was one in this sync or before.
    fn found(&self, uid: &str) -> Applying {
        let tried = self.failures > 0
            || self.task.attempted == Attempted::Perhaps
            || self.task.step.reason == Reason::Unfinished;
        if tried { Applying::created(uid) } else { Applying::to(uid, Origin::Rebuilt) }
    }

    pub(super) fn refuse_contact(&mut self, managers: Vec<String>) -> Next {
        self.fail(Fault::FirstContact { id: self.task.step.id.clone(), managers })
    }
}
