//! What no event may say, whoever says it.

use events::{
    Draft, EventType,
    state::{State, SyncState, TargetState, decode},
};
use model::{Aggregate, TargetId};
use plan::{HeldReason, Reason, SyncPlan};
use testkit::MemoryLog;

use crate::picture;

/// The guard's share in every definition here.
pub const GUARD_PERCENT: usize = 60;

/// What is wrong with an event that is about to follow what stands there.
pub fn broken_by(memory: &MemoryLog, draft: &Draft) -> Vec<String> {
    let mut broken = vec![];
    match &draft.aggregate {
        Aggregate::Target(target) => {
            let (Some(next), before) =
                (read::<TargetState>(draft), picture::newest::<TargetState>(memory, &draft.aggregate))
            else {
                return vec![format!("{} cannot be read", draft.aggregate)];
            };
            let before = before.filter(|(event, _)| event.draft.kind != EventType::TargetRetired);
            if let Some((_, before)) = before {
                broken.extend(went_back(&before, &next));
            }
            if draft.kind == EventType::SyncPlanned {
                broken.extend(unguarded(memory, target, &next));
            }
        }
        Aggregate::Sync(_) => {
            let before = picture::newest::<SyncState>(memory, &draft.aggregate);
            if let (Some((_, before)), Some(next)) = (before, read::<SyncState>(draft))
                && next.generation < before.generation
            {
                broken.push(format!("a sync went from plan {} to {}", before.generation, next.generation));
            }
        }
        Aggregate::Source(_)
        | Aggregate::Definitions
        | Aggregate::Render { .. }
        | Aggregate::Cluster(_)
        | Aggregate::Command(_) => {}
    }
    broken
}

fn read<S: State>(draft: &Draft) -> Option<S> {
    decode(draft.format, &draft.payload).ok()
}

/// A plan is never older than the one before it.
fn went_back(before: &TargetState, next: &TargetState) -> Option<String> {
    let (before, next) = (before.plan.as_ref()?, next.plan.as_ref()?);
    let (old, new) = (&before.made_from, &next.made_from);
    let older = next.generation < before.generation
        || new.definitions_n < old.definitions_n
        || new.sync_n < old.sync_n
        || (new.parameters == old.parameters
            && new.definitions_n == old.definitions_n
            && new.observation < old.observation);
    older.then(|| format!("a plan went back from {old:?} to {new:?}"))
}

/// A plan never deletes more than the guard's share; nobody gives consent here.
fn unguarded(memory: &MemoryLog, target: &TargetId, state: &TargetState) -> Option<String> {
    let planned = state.plan.as_ref()?;
    let Ok(plan) = SyncPlan::decode(&picture::content(memory, &planned.plan)) else {
        return Some("a plan cannot be read".to_owned());
    };
    let prunes = plan.prunes().filter(|step| step.reason != Reason::Released).count();
    let sync = picture::newest::<SyncState>(memory, &Aggregate::Sync(target.clone()));
    let (event, sync) = sync?;
    if prunes == 0 || event.n() != planned.made_from.sync_n {
        return None;
    }
    let inventory = picture::rows(memory, &sync).len();
    // A single one may give way to others, which may be on their way here.
    let comes = plan.steps.iter().any(|step| step.action.applies());
    let is_on_its_way = plan.held.iter().any(|held| held.reason == HeldReason::HandOver);
    let gives_way = inventory == 1 && (comes || is_on_its_way);
    let all = prunes >= inventory && !gives_way;
    let over = all || inventory >= 4 && prunes * 100 > GUARD_PERCENT * inventory;
    over.then(|| format!("a plan deletes {prunes} of {inventory}"))
}
