//! Decides what to do about one target: a pure function of what is known about it.
//!
//! It is asked again after everything that it asked for: an answer, a loaded manifest, an appended event,
//! until it rests. Its steps are in reading order; each either lets the next one go on or ends the decision.

mod approval;
mod around;
mod awaited;
mod behind;
mod bounds;
mod definitions;
mod facts;
mod heals;
mod identity;
mod inventory;
mod judge;
mod legible;
mod pause;
mod preflight;
mod publish;
mod reach;
mod release;
mod requests;
mod strays;
mod summary;
mod too_large;
mod unreadable;
mod waits;

use std::collections::BTreeSet;

use events::{EventType, state::TargetState};
use model::{Digest, Gvk, ObjectId, Timestamp};
use plan::Stock;

pub use definitions::{
    Judged, OtherFleet, Scales, begin, is_past, judge as judge_fleet, weigh as weigh_fleet,
};
pub use facts::{ClusterStanding, Facts, Unreadable};
pub use identity::{Claim, admit, refused};
pub use judge::judged_bodies;
pub use requests::{PreviewDue, previewed};
pub use too_large::too_large;

use crate::{answers::Question, desired::Desired};

/// What to do next about a target.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Nothing, until something changes or that instant comes.
    Rest {
        /// When to look again although nothing changed.
        wake: Option<Timestamp>,
    },
    /// Read the manifests of the desired state.
    Load,
    /// See what the other targets of the cluster say about these objects.
    LookAround(BTreeSet<ObjectId>),
    /// Watch these kinds: nothing can be said before their lists are complete.
    Observe(Vec<Gvk>),
    /// Ask the API server.
    Ask(Vec<Question>),
    /// Write what a sync would change, then answer the preview request with it.
    Preview(Box<PreviewDue>),
    /// Append this state of the target.
    Append(EventType, Box<TargetState>),
}

/// The desired state that a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    /// Its digest.
    digest: Digest,
    /// The source's observation that it stands for.
    observation: u64,
}

impl Wanted {
    /// That of a target that left.
    fn nothing() -> Self {
        Self { digest: plan::release::nothing(), observation: 0 }
    }
}

/// A step of the decision: goes on with a value, or ends it.
type Step<T> = Result<T, Next>;

pub(crate) const REST: Next = Next::Rest { wake: None };

/// Decides. `now` is only compared with times in the facts.
pub fn decide(facts: &Facts<'_>, now: Timestamp) -> Next {
    match steps(facts, now) {
        Ok(next) | Err(next) => next,
    }
}

fn steps(facts: &Facts<'_>, now: Timestamp) -> Step<Next> {
    behind::versions(facts)?;
    pause::heed(facts, now)?;
    legible::legible(facts, now)?;
    let leaving = release::leaving(facts, now)?;
    let assignment = leaving.as_ref().map(|leaving| &leaving.assignment);
    let assignment = assignment.or(facts.snapshot.assignment.as_deref()).ok_or(REST)?;
    // Of one that leaves, too: else an inventory that was rebuilt would keep it for ever.
    requests::confirm(facts, requests::current(facts), now)?;
    let request = if leaving.is_some() { None } else { requests::current(facts) };
    let request = requests::due(facts, request, now)?;
    let wanted = match leaving {
        Some(_) => Wanted::nothing(),
        None => requests::wanted(facts, assignment, request, now)?,
    };
    behind::revision(facts, assignment.parameters, wanted)?;
    requests::cluster_answers(facts, request, now)?;
    let applier = waits::wait_for_applier(facts, assignment, wanted, now)?;
    judge::watches_told(facts, now)?;
    if leaving.is_none() && publish::is_settled(facts, assignment, wanted, request)? {
        return Ok(publish::in_sync(facts, now));
    }
    let nothing = release::nothing();
    let as_wanted = |desired: &&Desired| {
        desired.digest == wanted.digest && desired.rules == assignment.application.ignore
    };
    let desired = match leaving {
        Some(_) => &nothing,
        None => facts.desired.filter(as_wanted).ok_or_else(|| unreadable::load(facts, wanted, now))?,
    };
    reach::within(facts, desired, request, now)?;
    judge::kinds_listed(facts, desired)?;
    publish::kinds_known(facts, desired, request, now)?;
    let inventory = inventory::inventory(facts, (assignment, desired), request, now)?;
    let mut judged = judge::judge(facts, desired, &inventory, now)?;
    // A stray of an application that is not assigned here any more is only reported.
    let strays = if leaving.is_some() { Vec::new() } else { strays::strays(facts, desired)? };
    let around = around::around(facts, desired, (&inventory, &strays), &mut judged)?;
    let planned_for = approval::planned_for(facts, &assignment.application, request);
    let application = pause::policies(facts, assignment, planned_for);
    let gates = heals::gates(facts, &judged, wanted.digest, planned_for, now);
    let situation = plan::Situation {
        application: &application,
        desired_digest: wanted.digest,
        desired: &desired.objects,
        inventory: &inventory,
        strays: &strays,
        live: &judged.live,
        gates: &gates.gates,
        rebuilt_prune: requests::rebuilt_prune(facts),
        retry: requests::retry(facts, planned_for, now),
        neighbours: around.map(|around| around.neighbours.as_slice()).unwrap_or_default(),
        release: leaving.as_ref().map(|leaving| leaving.policy),
    };
    let mut plan = plan::plan(&situation);
    if !facts.live.reach().holds_cluster_resources() {
        // A namespace is a resource of the cluster: who may not make it is not sent to try.
        plan.namespace = None;
    }
    let stock = match (&leaving, around) {
        (Some(_), Some(around)) => Stock::Cluster { leaving: around.leaving, objects: around.objects },
        (None, _) | (_, None) => Stock::of(&situation),
    };
    let (judged, gates) = (&judged, &gates);
    let context = publish::Context { facts, assignment, wanted, request, judged, gates, stock, applier };
    if let Some(preview) = requests::preview(&context, &plan, now)? {
        return Ok(preview);
    }
    publish::publish(&context, &situation, plan, now)
}

#[cfg(test)]
mod tests;
