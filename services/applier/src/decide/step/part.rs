//! Parting with an object: what we own of it is given back, or it is orphaned, its values unchanged.

use cluster::{ClusterError, Missing};
use serde_json::Value;

use super::{Act, Answer, Machine, Next, Phase, StepResult};
use crate::decide::disown::disown;

/// A parting under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parting {
    uid: String,
    way: Way,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Another of our targets has it: what it does not desire goes.
    GiveBack,
    /// Nothing of it changes but whose it is.
    Orphan,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Look,
    GiveBack,
    Disown { operations: Value },
}

impl Parting {
    pub(super) fn giving_back(uid: &str) -> Self {
        Self { uid: uid.to_owned(), way: Way::GiveBack, stage: Stage::Look }
    }

    pub(super) fn orphaning(uid: &str) -> Self {
        Self { way: Way::Orphan, ..Self::giving_back(uid) }
    }

    pub(super) fn act(&self) -> Act {
        match &self.stage {
            Stage::Look => Act::Look,
            Stage::GiveBack => Act::GiveBack { uid: self.uid.clone() },
            Stage::Disown { operations } => Act::Disown { operations: operations.clone() },
        }
    }

    fn at(self, stage: Stage) -> Phase {
        Phase::Parting(Self { stage, ..self })
    }
}

impl Machine<'_> {
    pub(super) fn parted(&mut self, parting: Parting, answer: Answer) -> Next {
        match (&parting.stage, answer) {
            (Stage::Look, Answer::Seen(Some(live))) if live.uid == parting.uid => {
                let name = &self.task.application.name;
                let operations = disown(live.value.value(), name, &live.resource_version);
                match (operations, parting.way) {
                    (None, _) => self.finish(StepResult::Dropped),
                    (Some(_), Way::GiveBack) => self.enter(parting.at(Stage::GiveBack)),
                    (Some(operations), Way::Orphan) => self.enter(parting.at(Stage::Disown { operations })),
                }
            }
            // Gone, or another object: nothing of it is ours.
            (Stage::Look, Answer::Seen(_))
            | (Stage::GiveBack, Answer::Applied(_))
            | (Stage::Disown { .. }, Answer::Patched(_)) => self.finish(StepResult::Dropped),
            _ => self.unexpected(),
        }
    }

    pub(super) fn part_failed(&mut self, parting: Parting, error: ClusterError) -> Next {
        match (&parting.stage, &error) {
            (_, ClusterError::NotFound { missing: Missing::Object | Missing::Namespace, .. }) => {
                self.finish(StepResult::Dropped)
            }
            // The object would not be valid without what only we own of it.
            (Stage::GiveBack, ClusterError::Invalid { .. }) => {
                let parting = Parting { way: Way::Orphan, ..parting };
                self.enter(parting.at(Stage::Look))
            }
            // A failed test of the version is Invalid.
            (Stage::GiveBack | Stage::Disown { .. }, ClusterError::Moved { .. })
            | (Stage::Disown { .. }, ClusterError::Invalid { .. }) => {
                self.phase = parting.at(Stage::Look);
                self.again(error)
            }
            _ => self.fail(crate::decide::error::Fault::Cluster(error)),
        }
    }
}
