//! Writes down what a sync would change.

use std::sync::Arc;

use cluster::Sensitive;
use manifest::{InstallKey, redact};
use model::{ObjectId, definition::FirstContact};
use plan::{Action, HeldReason, ObjectPreview, Preview, PreviewChange, SyncPlan};
use serde_json::Value;

use crate::{
    answers::{Answers, DryRun, DryRunKey, Found, Recreation},
    live::{Body, LiveView},
};

/// What a preview is made from.
pub struct Shown<'a> {
    /// The answers to the dry-runs of the plan.
    pub answers: &'a Answers,
    /// What the watches have shown.
    pub live: &'a LiveView,
    /// Where objects had sensitive values when they were applied last; what has left Git says it nowhere else.
    pub sensitive: &'a Sensitive,
    /// The key that they are hidden under.
    pub key: &'a InstallKey,
}

impl Shown<'_> {
    /// An object as it is on the cluster.
    fn object(&self, id: &ObjectId) -> String {
        let value = match (self.live.get(id).map(|seen| &seen.body), self.answers.existence(id)) {
            (Some(Body::Held(value)), _) | (_, Some(Found::Object { value, .. })) => value,
            (_, Some(Found::Absent | Found::Unknown(_)) | None) => return String::new(),
        };
        match self.sensitive.get(id) {
            Some(pointers) => redact(value.as_ref().clone(), self.key, pointers).0.value().to_string(),
            None => json(value),
        }
    }
}

/// Makes a preview of a plan from the answers to its dry-runs.
pub fn preview(
    plan: &SyncPlan,
    dry_runs: &[DryRunKey],
    shown: &Shown<'_>,
    first_contact: FirstContact,
) -> Preview {
    let answers = shown.answers;
    let mut preview = Preview::default();
    for step in &plan.steps {
        let key = dry_runs.iter().find(|key| key.id == step.id);
        let answer = key.and_then(|key| answers.dry_run(key));
        let object = match (&step.action, answer) {
            (Action::Create, Some(answer)) => created(&step.id, answer, first_contact),
            (Action::Apply { .. } | Action::Receive { .. }, Some(answer)) => applied(answer),
            (Action::Prune { .. }, _) => Some((PreviewChange::Prune, shown.object(&step.id), String::new())),
            (Action::Forget | Action::Record { .. } | Action::GiveBack { .. } | Action::Orphan { .. }, _)
            | (Action::Create | Action::Apply { .. } | Action::Receive { .. }, None) => None,
        };
        if let (Action::Create, FirstContact::TakeOver, Some(answer)) = (&step.action, first_contact, answer)
        {
            preview.notes.extend(taken_over(&step.id, answer));
        }
        if let Some((change, before, after)) = object {
            if let Some(DryRun::Immutable { failure, recreation: Recreation::Allowed, .. }) = answer {
                preview.notes.push(format!("{}: it would be deleted and created anew", failure.message));
            }
            preview.objects.push(ObjectPreview { id: step.id.clone(), change, before, after });
        }
    }
    if let Some(namespace) = &plan.namespace {
        preview.notes.push(format!("namespace {namespace} would be created if it is missing"));
    }
    for held in &plan.held {
        preview.notes.push(format!("{} would be left alone: {}", held.id, words(held.reason)));
    }
    preview
}

/// An object that a create would meet is somebody's: what is ours is applied.
fn created(
    id: &ObjectId,
    answer: &DryRun,
    first_contact: FirstContact,
) -> Option<(PreviewChange, String, String)> {
    let managers = match (first_contact, answer) {
        (FirstContact::Refuse, DryRun::Changes { before: Some(_), managers, .. }) => managers.join(", "),
        (FirstContact::Refuse, DryRun::Same(_) | DryRun::OwnershipLost { .. }) => String::new(),
        (
            FirstContact::Refuse,
            DryRun::Changes { .. } | DryRun::Immutable { .. } | DryRun::Refused(_) | DryRun::Unknown(_),
        )
        | (FirstContact::TakeOver, _) => return applied(answer),
    };
    let owner = if managers.is_empty() { managers } else { format!("; it belongs to {managers}") };
    let reason = format!("{id} exists and is not ours{owner}");
    Some((PreviewChange::Fail(reason), String::new(), String::new()))
}

/// What a create meets is somebody's, and would be ours from then on.
fn taken_over(id: &ObjectId, answer: &DryRun) -> Option<String> {
    let managers = match answer {
        DryRun::Changes { before: Some(_), managers, .. } | DryRun::OwnershipLost { managers, .. } => {
            managers.join(", ")
        }
        DryRun::Same(_) => String::new(),
        DryRun::Changes { before: None, .. }
        | DryRun::Immutable { .. }
        | DryRun::Refused(_)
        | DryRun::Unknown(_) => return None,
    };
    let from = if managers.is_empty() { managers } else { format!(" from {managers}") };
    Some(format!("{id} exists and would be taken over{from}"))
}

fn applied(answer: &DryRun) -> Option<(PreviewChange, String, String)> {
    match answer {
        DryRun::Changes { before: None, after, .. } => {
            Some((PreviewChange::Create, String::new(), json(after)))
        }
        DryRun::Changes { before: Some(before), after, .. } => {
            Some((PreviewChange::Configure, json(before), json(after)))
        }
        DryRun::Immutable { recreation: Recreation::Allowed, after, .. } => {
            Some((PreviewChange::Create, String::new(), json(after)))
        }
        DryRun::Immutable { recreation: Recreation::Refused, failure, .. }
        | DryRun::Refused(failure)
        | DryRun::Unknown(failure) => {
            Some((PreviewChange::Fail(failure.message.clone()), String::new(), String::new()))
        }
        DryRun::Same(_) | DryRun::OwnershipLost { .. } => None,
    }
}

fn json(value: &Arc<Value>) -> String {
    value.to_string()
}

/// Why an object is left alone, for people.
fn words(reason: HeldReason) -> &'static str {
    match reason {
        HeldReason::Terminating => "it is being deleted",
        HeldReason::LiveUnknown => "whether it exists cannot be told now",
        HeldReason::PruneDisabled => "it is no longer in Git, and pruning is off (--prune)",
        HeldReason::PruneNeedsConsent => "its kind is pruned only where guard.pruneKinds names it",
        HeldReason::PruneAdopted => "it existed before it was taken over (guard.pruneAdopted)",
        HeldReason::PruneUnconfirmed => {
            "the inventory was rebuilt from the cluster and is not confirmed (--prune)"
        }
        HeldReason::HealDisabled => "healing is off",
        HeldReason::HealBackoff => "its next heal is not due yet",
        HeldReason::Contested => "another actor keeps changing it back",
        HeldReason::JobExpired => "the finished Job was removed by its time-to-live",
        HeldReason::Stray => "it carries our mark, is in no inventory, and nobody knows it",
        HeldReason::HandOver => "it moves between applications, and the other one is not so far",
        HeldReason::AwaitsRender => "an application that may still want it is not rendered yet",
        HeldReason::RetryBackoff => "its last attempt failed and the next is not due yet",
    }
}
