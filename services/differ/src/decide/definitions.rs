//! Decides which definitions are in force: pure, as everything about a target is.

use std::collections::BTreeMap;

use events::state::{Consent, DefinitionsState, REQUESTS_MAX, RenderState, Request, RequestKind};
use fleet::{Problem, Reading, Severity};
use model::{Commit, DefinitionSet, Digest, Failure, RetryClass, TargetId, Timestamp};
use plan::departure;

use crate::config::{Bootstrap, FleetChange};

/// Most problems that a rejection tells, and characters of each: together they stay far below what an event holds.
const PROBLEMS_MAX: usize = 8;
const PROBLEM_CHARS_MAX: usize = 400;

/// Says that definitions would come from elsewhere than before, which nobody allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherFleet {
    /// Where they come from.
    pub before: String,
    /// Where they would come from.
    pub now: String,
}

/// The set that has to be in force at the start; `current` is the one that is, if there is one.
///
/// What is in force stays so until the fleet repository has been read.
///
/// # Errors
/// Definitions would come from elsewhere than before.
pub fn begin(
    current: Option<DefinitionSet>,
    bootstrap: &Bootstrap,
    change: FleetChange,
) -> Result<DefinitionSet, OtherFleet> {
    let before = current.as_ref().and_then(DefinitionSet::fleet);
    let moved = match (&before, bootstrap) {
        (None, Bootstrap::Set(_)) => false,
        (Some(_), Bootstrap::Set(_)) => true,
        (Some(before), Bootstrap::Fleet(now)) => !before.is_at(now) || before.is_stricter_than(now),
        (None, Bootstrap::Fleet(_)) => current.as_ref().is_some_and(|set| *set != DefinitionSet::default()),
    };
    if moved && change == FleetChange::Refused {
        let told = |fleet: &model::definition::Fleet| {
            let signed = if fleet.git.verify.is_some() { ", signed" } else { "" };
            format!("{} ({}{signed})", fleet.git.url, fleet.path)
        };
        let handed_over = || "definitions that were handed over".to_owned();
        let now = match bootstrap {
            Bootstrap::Set(_) => handed_over(),
            Bootstrap::Fleet(fleet) => told(fleet),
        };
        return Err(OtherFleet { before: before.as_ref().map_or_else(handed_over, told), now });
    }
    Ok(match bootstrap {
        Bootstrap::Set(set) => set.clone(),
        Bootstrap::Fleet(fleet) => current.unwrap_or_default().read_from(fleet.clone()),
    })
}

/// What follows from a render of the fleet repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The set to put in force with its commit; `None`: that which is stays.
    pub set: Option<(DefinitionSet, Commit)>,
    /// Why the newest revision is not in force.
    pub rejected: Option<Failure>,
}

/// Whether a render was judged already, by us or by who wrote a newer state.
pub fn is_past(render: &RenderState, state: &DefinitionsState) -> bool {
    render.made_from.observation < state.observation
}

/// Judges the newest render: a good desired state counts even if a later revision failed. `reading` is what the desired
/// state says, if there is one.
pub fn judge(
    render: &RenderState,
    current: &DefinitionSet,
    reading: Option<Reading>,
    now: Timestamp,
) -> Judged {
    let refused = reading.as_ref().and_then(|reading| refusal(&reading.problems, now));
    let set = reading.and_then(|reading| reading.set).zip(render.desired.as_ref());
    let set = set.zip(current.fleet()).map(|((set, desired), fleet)| {
        // The fleet repository is not in what it says.
        (set.read_from(fleet), desired.commit.clone())
    });
    Judged { set, rejected: render.failure.clone().or(refused) }
}

/// What a new set is weighed against.
#[derive(Debug, Clone, Copy)]
pub struct Scales<'a> {
    /// The set in force.
    pub current: &'a DefinitionSet,
    /// How many objects are ours, by target; `None` where that cannot be read.
    pub inventories: &'a BTreeMap<TargetId, Option<usize>>,
    /// Largest share of them that may be let go of without a person's word, in percent.
    pub percent: u8,
    /// What people asked of the fleet.
    pub requests: &'a [Request],
    /// What they were told so far.
    pub before: &'a Consent,
}

/// Holds back a set of that digest if it lets go of more than the guard allows and nobody has approved just this one.
/// Whoever asked has been heard then.
pub fn weigh(
    judged: Judged,
    digest: Option<Digest>,
    scales: Scales<'_>,
    now: Timestamp,
) -> (Judged, Consent) {
    let Scales { current, inventories, percent, requests, before } = scales;
    let mut handled = before.handled.clone();
    let open: Vec<&Request> = requests.iter().filter(|request| !handled.contains(&request.id)).collect();
    let approved = |wanted: Digest| {
        open.iter().any(|request| matches!(request.kind, RequestKind::Approve { plan } if plan == wanted))
    };
    let refusal = judged.set.as_ref().zip(digest).and_then(|((set, _), digest)| {
        let refusal = departure(current, set, inventories).guard(percent).err()?;
        (!approved(digest)).then_some((digest, refusal))
    });
    handled.extend(open.iter().map(|request| request.id.clone()));
    handled.drain(..handled.len().saturating_sub(REQUESTS_MAX));
    let Some((digest, refusal)) = refusal else { return (judged, Consent { held: None, handled }) };
    let refused = Failure {
        code: "GUARD-FLEET".into(),
        message: refusal.to_string(),
        remedy: format!(
            "check the commit, above all labels and targets; if it is meant: driftless approve {digest}"
        ),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    };
    // A newer revision that cannot be read has to be mended first.
    let held = judged.rejected.is_none().then_some(digest);
    (Judged { set: None, rejected: judged.rejected.or(Some(refused)) }, Consent { held, handled })
}

/// Tells the errors as one failure.
fn refusal(problems: &[Problem], now: Timestamp) -> Option<Failure> {
    let errors: Vec<&Problem> =
        problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    let first = errors.first()?;
    let mut told: Vec<String> = errors.iter().take(PROBLEMS_MAX).map(|problem| cut(problem)).collect();
    if let Some(more) = errors.len().checked_sub(PROBLEMS_MAX).filter(|more| *more > 0) {
        told.push(format!("{more} more"));
    }
    Some(Failure {
        code: first.code.to_owned(),
        message: told.join("; "),
        remedy: first.remedy.clone(),
        class: RetryClass::Permanent,
        at: now,
        attempts: 1,
    })
}

fn cut(problem: &Problem) -> String {
    problem.to_string().chars().take(PROBLEM_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
