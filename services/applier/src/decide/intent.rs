//! What is recorded before the first write: the inventory, and every object that the plan is about.

use std::collections::BTreeMap;

use events::state::{AppliedObject, ObjectOutcome, Origin};
use model::{Digest, Failure, ObjectId, definition::Ignored};
use plan::{Action, Reason, Step, SyncPlan};

/// What of an object is tried: recorded before it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Digest of its manifest as it is applied.
    pub manifest: Digest,
    /// What of it is left to others.
    pub ignored: Ignored,
}

/// The rows of a sync: the inventory while it changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub(super) rows: BTreeMap<ObjectId, AppliedObject>,
    /// How earlier attempts failed, so that failures can be counted.
    pub(super) before: BTreeMap<ObjectId, Failure>,
}

impl Rows {
    /// The rows of a new sync: those with a step are pending, with the manifest that is tried.
    ///
    /// A row of an object that is not ours yet has no uid: it states an intent, not a possession.
    pub fn intent(
        inventory: Vec<AppliedObject>,
        plan: &SyncPlan,
        manifests: &BTreeMap<ObjectId, Tried>,
    ) -> Self {
        let mut rows = Self::default();
        for mut row in inventory {
            rows.note_failure(&row);
            row.outcome = at_rest(row.outcome);
            rows.rows.insert(row.id.clone(), row);
        }
        for step in &plan.steps {
            let manifest = manifests.get(&step.id);
            match &step.action {
                Action::Create | Action::Receive { .. } => rows.intend(step, None, manifest),
                Action::Apply { uid }
                | Action::Prune { uid }
                | Action::GiveBack { uid }
                | Action::Orphan { uid, .. } => rows.intend(step, Some(uid), manifest),
                Action::Record { uid } => rows.note(step, uid, manifest),
                Action::Forget => {
                    if let Some(row) = rows.rows.get_mut(&step.id) {
                        row.outcome = ObjectOutcome::Pending;
                    }
                }
            }
        }
        rows
    }

    /// The rows of a plan that is refused while there is no inventory yet: what it found on the cluster with our
    /// mark. Without them the refusal would say that there is nothing.
    pub fn found(plan: &SyncPlan) -> Self {
        let mut rows = Self::default();
        for step in &plan.steps {
            match &step.action {
                Action::Apply { uid }
                | Action::Prune { uid }
                | Action::GiveBack { uid }
                | Action::Orphan { uid, .. }
                | Action::Record { uid } => {
                    rows.row(step, Some(uid)).outcome = ObjectOutcome::Untouched;
                }
                Action::Create | Action::Receive { .. } | Action::Forget => {}
            }
        }
        rows
    }

    /// The rows of an interrupted sync: what failed in it is tried again, what was done stays done.
    pub fn resumed(recorded: Vec<AppliedObject>, plan: &SyncPlan) -> Self {
        let mut rows = Self::default();
        for row in recorded {
            rows.note_failure(&row);
            rows.rows.insert(row.id.clone(), row);
        }
        for step in &plan.steps {
            if let Some(row) = rows.rows.get_mut(&step.id)
                && matches!(row.outcome, ObjectOutcome::Failed(_))
            {
                row.outcome = ObjectOutcome::Pending;
            }
        }
        rows
    }

    fn note_failure(&mut self, row: &AppliedObject) {
        if let ObjectOutcome::Failed(failure) = &row.outcome {
            self.before.insert(row.id.clone(), failure.clone());
        }
    }

    fn intend(&mut self, step: &Step, uid: Option<&String>, tried: Option<&Tried>) {
        let row = self.row(step, uid);
        row.api_version = step.api_version.clone();
        if let Some(Tried { manifest, ignored }) = tried {
            row.manifest = Some(*manifest);
            row.ignored.clone_from(ignored);
        }
        row.outcome = ObjectOutcome::Pending;
    }

    /// What is only noted. An object that is in the inventory under another key is in it under this one from now on.
    fn note(&mut self, step: &Step, uid: &String, tried: Option<&Tried>) {
        let row = self.row(step, Some(uid));
        row.outcome = ObjectOutcome::Untouched;
        if let (Reason::Rekeyed, Some(Tried { manifest, ignored: _ })) = (step.reason, tried) {
            row.manifest = Some(*manifest);
        }
    }

    /// The row of a step; a new one if there is none. What has a uid and no row was found on the
    /// cluster, unless the history names it.
    fn row(&mut self, step: &Step, uid: Option<&String>) -> &mut AppliedObject {
        self.rows.entry(step.id.clone()).or_insert_with(|| AppliedObject {
            id: step.id.clone(),
            api_version: step.api_version.clone(),
            origin: match (uid, step.reason) {
                (None, _) | (Some(_), Reason::Stray) => Origin::Created,
                (Some(_), _) => Origin::Rebuilt,
            },
            uid: uid.cloned(),
            resource_version: None,
            manifest: None,
            ignored: Default::default(),
            fingerprint: None,
            outcome: ObjectOutcome::Pending,
        })
    }

    /// Whether the step has its result already.
    pub fn is_done(&self, step: &Step) -> bool {
        let outcome = self.rows.get(&step.id).map(|row| &row.outcome);
        match (&step.action, outcome) {
            (
                Action::Prune { .. } | Action::Forget | Action::GiveBack { .. } | Action::Orphan { .. },
                None | Some(ObjectOutcome::Terminating),
            ) => true,
            (
                Action::Create | Action::Apply { .. } | Action::Receive { .. },
                Some(ObjectOutcome::Created | ObjectOutcome::Configured | ObjectOutcome::Unchanged),
            ) => true,
            // The intent itself is the result.
            (Action::Record { .. }, _) => true,
            (
                Action::Create
                | Action::Apply { .. }
                | Action::Receive { .. }
                | Action::Prune { .. }
                | Action::Forget
                | Action::GiveBack { .. }
                | Action::Orphan { .. },
                _,
            ) => false,
        }
    }

    /// The row of an object.
    pub fn get(&self, id: &ObjectId) -> Option<&AppliedObject> {
        self.rows.get(id)
    }

    /// All rows, sorted by id.
    pub fn to_vec(&self) -> Vec<AppliedObject> {
        self.rows.values().cloned().collect()
    }
}

/// The outcome of a row that the plan leaves alone: what failed or waits still does.
fn at_rest(outcome: ObjectOutcome) -> ObjectOutcome {
    match outcome {
        ObjectOutcome::Created
        | ObjectOutcome::Configured
        | ObjectOutcome::Unchanged
        | ObjectOutcome::Untouched => ObjectOutcome::Untouched,
        ObjectOutcome::Pending | ObjectOutcome::Terminating | ObjectOutcome::Failed(_) => outcome,
    }
}
