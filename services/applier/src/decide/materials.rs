//! What a plan needs besides itself: manifests, secret values, and what was applied last.

use std::collections::BTreeMap;

use events::state::{AppliedObject, Origin};
use manifest::{DesiredObject, DesiredSecrets, DesiredSet, SecretValues, restore, sensitive_pointers};
use model::{
    Application, Digest, ObjectId,
    definition::{IgnoreRule, Ignored},
};
use plan::{Action, Step, SyncPlan};
use serde_json::Value;

use super::{
    error::Fault,
    intent::Tried,
    last::{Last, last},
    returning::LetGo,
    step::{Attempted, Task},
};

/// What a plan needs besides itself.
#[derive(Debug)]
pub struct Materials {
    /// The desired state.
    pub desired: DesiredSet,
    /// Its secret values.
    pub secrets: DesiredSecrets,
    /// The desired state that was applied in full last.
    pub full: Option<DesiredSet>,
    /// Manifests of desired states in between.
    pub between: BTreeMap<Digest, Value>,
    /// What the target let go of when it left the definitions.
    pub let_go: BTreeMap<ObjectId, LetGo>,
}

impl Materials {
    /// Of a plan that writes no manifest.
    pub fn none() -> Self {
        Self {
            desired: DesiredSet::default(),
            secrets: DesiredSecrets::default(),
            full: None,
            between: BTreeMap::new(),
            let_go: BTreeMap::new(),
        }
    }

    /// What is tried of the objects that the plan writes.
    pub fn tried(&self, plan: &SyncPlan, rules: &[IgnoreRule]) -> BTreeMap<ObjectId, Tried> {
        let tried = |step: &Step| {
            let object = self.desired.resolved(&step.id)?;
            let ignored = Ignored::of(rules, &step.id);
            Some((step.id.clone(), Tried { manifest: digest_of(object, &ignored), ignored }))
        };
        plan.steps.iter().filter_map(tried).collect()
    }

    /// The manifests in between that the tasks of the plan ask for.
    pub fn missing(
        &self,
        plan: &SyncPlan,
        before: &BTreeMap<ObjectId, AppliedObject>,
    ) -> Vec<(ObjectId, Tried)> {
        let missing = |step: &Step| {
            let row = before.get(&step.id)?;
            match self.last(step, row)? {
                Last::Between(manifest) => {
                    Some((step.id.clone(), Tried { manifest, ignored: row.ignored.clone() }))
                }
                Last::Desired | Last::Full => None,
            }
        };
        plan.steps.iter().filter(|step| step.action.applies()).filter_map(missing).collect()
    }

    /// The task of a step, `before` being the object's row as it was before the sync.
    ///
    /// # Errors
    /// If the plan writes something that is not desired (bug).
    pub fn task(
        &self,
        step: &Step,
        application: &Application,
        before: Option<&AppliedObject>,
        attempted: Attempted,
    ) -> Result<Task, Fault> {
        let desired =
            if step.action.applies() { Some(self.wanted(step)?.value.value().clone()) } else { None };
        let last = before.filter(|_| step.action.applies()).and_then(|row| match self.last(step, row)? {
            Last::Desired => desired.clone(),
            Last::Full => Some(self.full.as_ref()?.resolved(&step.id)?.value.value().clone()),
            Last::Between(digest) => self.between.get(&digest).cloned(),
        });
        // What is applied to without a row was found on the cluster.
        let new = match step.action {
            Action::Apply { .. } => Origin::Rebuilt,
            Action::Create
            | Action::Receive { .. }
            | Action::Prune { .. }
            | Action::Forget
            | Action::GiveBack { .. }
            | Action::Orphan { .. }
            | Action::Record { .. } => Origin::Created,
        };
        Ok(Task {
            step: step.clone(),
            application: application.clone(),
            ignored: Ignored::of(&application.ignore, &step.id),
            desired,
            last,
            last_ignored: before.map(|row| row.ignored.clone()).unwrap_or_default(),
            version: before.and_then(|row| row.resource_version.clone()),
            origin: before.map_or(new, |row| row.origin),
            attempted,
            let_go: self.let_go.get(&step.id).cloned(),
        })
    }

    /// The manifest of a step with its secret values, for the API server's eyes only.
    ///
    /// # Errors
    /// If it is not desired, or its values do not fit (bugs).
    pub fn body(&self, step: &Step) -> Result<Value, Fault> {
        let object = self.wanted(step)?;
        let none = SecretValues::default();
        restore(&object.value, self.secrets.get(&object.id).unwrap_or(&none))
            .map_err(|_| Fault::SecretsMismatch { id: step.id.clone() })
    }

    /// Pointers of the sensitive values of each object of the plan that lists some, or did when it was applied last.
    pub fn sensitive(&self, plan: &SyncPlan) -> BTreeMap<ObjectId, Vec<String>> {
        let sets = [Some(&self.desired), self.full.as_ref()];
        let listed = plan.steps.iter().filter_map(|step| {
            let found = sets.into_iter().flatten().filter_map(|set| set.resolved(&step.id));
            let pointers: Vec<_> = found.flat_map(|it| sensitive_pointers(it.value.value())).collect();
            (!pointers.is_empty()).then(|| (step.id.clone(), pointers))
        });
        listed.collect()
    }

    fn wanted(&self, step: &Step) -> Result<&DesiredObject, Fault> {
        self.desired.resolved(&step.id).ok_or_else(|| Fault::NotDesired { id: step.id.clone() })
    }

    fn last(&self, step: &Step, row: &AppliedObject) -> Option<Last> {
        let digest = |set: &DesiredSet| Some(digest_of(set.resolved(&step.id)?, &row.ignored));
        last(row, digest(&self.desired), self.full.as_ref().and_then(digest))
    }
}

/// Digest of an object's redacted manifest as it is applied.
pub fn digest_of(object: &DesiredObject, ignored: &Ignored) -> Digest {
    diff::applied_digest(object.value.value(), ignored)
}
