//! Results become rows, and rows the end of a sync.

use events::state::{AppliedObject, ObjectOutcome, SyncOutcome};
use model::{Failure, RetryClass, Timestamp};
use plan::{Step, SyncPlan};

use super::{
    error::Fault,
    intent::Rows,
    step::{StepResult, Written},
};

impl Rows {
    /// Takes in what came of a step.
    pub fn fold(&mut self, step: &Step, result: StepResult, now: Timestamp) {
        match result {
            StepResult::Dropped => drop(self.rows.remove(&step.id)),
            StepResult::Terminating => self.set(step, ObjectOutcome::Terminating),
            StepResult::Failed(fault) => {
                let failure = fault.failure(now, self.before.get(&step.id));
                self.set(step, ObjectOutcome::Failed(failure));
            }
            StepResult::Written(written) => {
                if let Some(row) = self.rows.get_mut(&step.id) {
                    write(row, *written);
                }
            }
        }
    }

    /// Fails those of the steps that have no result yet.
    pub fn fail_rest(&mut self, steps: &[Step], fault: &Fault, now: Timestamp) {
        for step in steps {
            if !self.is_settled(step) {
                self.fold(step, StepResult::Failed(fault.clone()), now);
            }
        }
    }

    /// Whether the step has a result, good or bad.
    pub fn is_settled(&self, step: &Step) -> bool {
        self.get(&step.id).is_none_or(|row| row.outcome != ObjectOutcome::Pending)
    }

    fn set(&mut self, step: &Step, outcome: ObjectOutcome) {
        if let Some(row) = self.rows.get_mut(&step.id) {
            row.outcome = outcome;
        }
    }

    /// Whether a failure left something undone, in this sync or before it.
    pub fn is_complete(&self) -> bool {
        self.rows.values().all(|row| match row.outcome {
            ObjectOutcome::Created
            | ObjectOutcome::Configured
            | ObjectOutcome::Unchanged
            | ObjectOutcome::Untouched
            | ObjectOutcome::Terminating => true,
            ObjectOutcome::Pending | ObjectOutcome::Failed(_) => false,
        })
    }

    /// How a sync of that plan ended: with the failure that matters most to a person, if there is one.
    pub fn outcome(&self, plan: &SyncPlan) -> SyncOutcome {
        let failures = plan.steps.iter().filter_map(|step| match &self.get(&step.id)?.outcome {
            ObjectOutcome::Failed(failure) => Some(failure),
            ObjectOutcome::Pending
            | ObjectOutcome::Created
            | ObjectOutcome::Configured
            | ObjectOutcome::Unchanged
            | ObjectOutcome::Untouched
            | ObjectOutcome::Terminating => None,
        });
        match failures.min_by_key(|failure| weight(failure)) {
            Some(failure) => SyncOutcome::Failed { failure: failure.clone() },
            None => SyncOutcome::Succeeded,
        }
    }
}

fn write(row: &mut AppliedObject, written: Written) {
    row.uid = Some(written.uid);
    row.resource_version = Some(written.resource_version);
    row.fingerprint = written.fingerprint;
    row.origin = written.origin;
    row.outcome = written.outcome;
}

/// What a person has to act on comes first; what only follows from it last.
fn weight(failure: &Failure) -> u8 {
    match failure.class {
        RetryClass::Bug => 0,
        RetryClass::Permanent => 1,
        RetryClass::Transient => 2,
        RetryClass::Stale if failure.code != Fault::Skipped.code() => 3,
        RetryClass::Stale => 4,
    }
}

#[cfg(test)]
mod tests;
