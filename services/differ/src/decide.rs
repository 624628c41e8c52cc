//! Decides what to do about one target: a pure function of what is known about it.
//!
//! It is asked again after everything that it asked for: an answer, a loaded manifest, an appended event,
//! until it rests. Its steps are in reading order; each either lets the next one go on or ends the decision.

mod facts;
mod heals;
mod inventory;
mod judge;
mod publish;
mod requests;
mod strays;
mod summary;
mod waits;

use events::{EventType, state::TargetState};
use model::{Gvk, Timestamp};

pub use facts::{ClusterStanding, Facts};
pub use judge::judged_bodies;
pub use requests::{PreviewDue, previewed};

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
    /// Watch these kinds: nothing can be said before their lists are complete.
    Observe(Vec<Gvk>),
    /// Ask the API server.
    Ask(Vec<Question>),
    /// Write what a sync would change, then answer the preview request with it.
    Preview(Box<PreviewDue>),
    /// Append this state of the target.
    Append(EventType, Box<TargetState>),
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
    let assignment = facts.snapshot.assignment.as_deref().ok_or(REST)?;
    let request = requests::current(facts);
    requests::confirm(facts, request, now)?;
    let wanted = requests::wanted(facts, assignment, request, now)?;
    requests::cluster_answers(facts, request, now)?;
    let applier = waits::wait_for_applier(facts, assignment, &wanted, now)?;
    judge::watches_told(facts, now)?;
    if publish::is_settled(facts, assignment, &wanted, request)? {
        return Ok(publish::in_sync(facts, now));
    }
    let as_wanted = |desired: &&Desired| {
        desired.digest == wanted.digest && desired.rules == assignment.application.ignore
    };
    let desired = facts.desired.filter(as_wanted).ok_or(Next::Load)?;
    judge::kinds_listed(facts, desired)?;
    publish::kinds_known(facts, desired, request, now)?;
    let inventory = inventory::inventory(facts)?;
    let judged = judge::judge(facts, desired, &inventory)?;
    let strays = strays::strays(facts, desired)?;
    let application = requests::policies(assignment, request);
    let gates = heals::gates(facts, &judged, wanted.digest, request, now);
    let situation = plan::Situation {
        application: &application,
        desired_digest: wanted.digest,
        desired: &desired.objects,
        inventory: &inventory,
        strays: &strays,
        live: &judged.live,
        gates: &gates.gates,
        rebuilt_prune: requests::rebuilt_prune(facts),
        retry: requests::retry(facts, request, now),
        neighbours: &[],
        release: None,
    };
    let plan = plan::plan(&situation);
    let context = publish::Context {
        facts,
        assignment,
        wanted: &wanted,
        request,
        judged: &judged,
        gates: &gates,
        applier,
    };
    if let Some(preview) = requests::preview(&context, &plan)? {
        return Ok(preview);
    }
    publish::publish(&context, &situation, plan, now)
}

#[cfg(test)]
mod tests;
