//! What to do about one render.

use std::time::Duration;

use events::{
    EventId,
    state::{ObservedPath, PathOutcome, RenderInputs},
};
use model::{Aggregate, Commit, Digest, Failure, RetryClass, Timestamp};
use plan::RenderJob;

use super::{Engines, Observed, Trace};

/// First wait after a failure that may pass by itself.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// Longest wait after such failures.
const BACK_OFF_LAST: Duration = Duration::from_secs(300);

/// Whether the newest event says that nothing names the render any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It stands.
    InForce,
    /// It was the last one.
    Retired,
}

/// The newest event of a render, without its manifests: there may be very many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its version.
    pub n: u64,
    /// Its id.
    pub id: EventId,
    /// Whether it still stands.
    pub standing: Standing,
    /// What it was made from.
    pub made_from: RenderInputs,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The last good desired state: its digest, and where it was rendered first.
    pub desired: Option<(Digest, Commit, u64)>,
    /// The blobs that it needs.
    pub blobs: Vec<Digest>,
}

/// Whether the log still holds what the newest event of a render names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holding {
    /// As far as is known.
    #[default]
    Whole,
    /// A blob is lost: only another render brings it back.
    Lost,
}

/// Attempts that failed without being news; `at` is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// When the last one ended.
    pub at: Timestamp,
    /// How many in a row.
    pub attempts: u32,
}

/// All that the decision about one render is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The render that the definitions ask for; `None` if they ask for none.
    pub job: Option<&'a RenderJob>,
    /// The revision of its source.
    pub observed: Option<&'a Observed>,
    /// What stands there at its path.
    pub row: Option<&'a ObservedPath>,
    /// The newest event.
    pub stored: Option<&'a Stored>,
    /// What this process remembers of failed attempts.
    pub retry: Option<Retry>,
    /// Whether its blobs are there.
    pub holding: Holding,
    /// The engines at hand.
    pub engines: &'a Engines,
    /// The install key at hand.
    pub key_id: &'a str,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something changes.
    Rest,
    /// Nothing before that instant.
    Wait(Timestamp),
    /// Work.
    Do(Box<Order>),
}

/// Work on one render: a value that says all that its execution needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The aggregate.
    pub render: Aggregate,
    /// The newest event; what follows is decided against it.
    pub stored: Option<Stored>,
    /// Attempts in a row that failed so far.
    pub attempts: u32,
    /// What led to it.
    pub trace: Option<Trace>,
    /// The work.
    pub work: Work,
}

/// What is to be done with a render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Make manifests from the files.
    Render {
        /// The job.
        job: RenderJob,
        /// What it is made from; the engine is the presumed one until the files are read.
        made_from: RenderInputs,
        /// Blob with the sealed files.
        artifact: Digest,
    },
    /// Record that there are no files to make anything from.
    Fail {
        /// What it would have been made from.
        made_from: RenderInputs,
        /// Why there are none.
        failure: Failure,
    },
    /// Append the last event: nothing names the render any more.
    Retire,
}

/// Decides about one render.
pub fn step(render: &Aggregate, situation: &Situation<'_>, now: Timestamp) -> Step {
    let stored = situation.stored.filter(|stored| stored.standing == Standing::InForce);
    let Some(job) = situation.job else {
        return match stored {
            Some(_) => work_on(render, situation, 0, Work::Retire),
            None => Step::Rest,
        };
    };
    // Before the fetcher has looked, nothing is known about the path; it is not missing.
    let (Some(observed), Some(row)) = (situation.observed, situation.row) else { return Step::Rest };
    match &row.outcome {
        PathOutcome::Failed(failure) => {
            let made_from = inputs(job, observed, None, situation);
            let told = stored.is_some_and(|stored| {
                let same = stored.failure.as_ref().is_some_and(|known| known.same_as(failure));
                same && is_current(&stored.made_from, &made_from, job, situation.engines)
            });
            if told {
                return Step::Rest;
            }
            work_on(render, situation, 0, Work::Fail { made_from, failure: failure.clone() })
        }
        PathOutcome::Found { closure, artifact, notes: _ } => {
            let made_from = inputs(job, observed, Some(*closure), situation);
            let current =
                stored.filter(|stored| is_current(&stored.made_from, &made_from, job, situation.engines));
            let attempts = match current.map(|stored| due(stored, situation, now)) {
                None => 0,
                Some(Due::Never) => return Step::Rest,
                Some(Due::At(at)) => return Step::Wait(at),
                Some(Due::Now(attempts)) => attempts,
            };
            let work = Work::Render { job: job.clone(), made_from, artifact: *artifact };
            work_on(render, situation, attempts, work)
        }
    }
}

enum Due {
    Never,
    At(Timestamp),
    Now(u32),
}

/// When a render that was made from the very same inputs is worth another attempt.
fn due(stored: &Stored, situation: &Situation<'_>, now: Timestamp) -> Due {
    let Some(failure) = &stored.failure else {
        return match situation.holding {
            Holding::Whole => Due::Never,
            Holding::Lost => Due::Now(0),
        };
    };
    match failure.class {
        RetryClass::Permanent | RetryClass::Bug => Due::Never,
        RetryClass::Transient | RetryClass::Stale => {
            let recorded = Retry { at: failure.at, attempts: failure.attempts };
            let Retry { at, attempts } = situation.retry.unwrap_or(recorded);
            let next = at.plus(back_off(attempts));
            // A clock that went back must not hold it up for as long.
            if now >= next || now < at { Due::Now(attempts) } else { Due::At(next) }
        }
    }
}

fn back_off(attempts: u32) -> Duration {
    (BACK_OFF_FIRST * 2u32.pow(attempts.saturating_sub(1).min(16))).min(BACK_OFF_LAST)
}

fn inputs(
    job: &RenderJob,
    observed: &Observed,
    closure: Option<Digest>,
    situation: &Situation<'_>,
) -> RenderInputs {
    RenderInputs {
        source: job.parameters.source.name.clone(),
        observation: observed.observation,
        commit: observed.commit.clone(),
        closure,
        engine: situation.engines.presumed(&job.parameters.rendering).to_owned(),
        key_id: situation.key_id.to_owned(),
    }
}

/// Whether what is recorded was made from what is there now. Commits and observations do not count: the same
/// files give the same manifests.
fn is_current(recorded: &RenderInputs, now: &RenderInputs, job: &RenderJob, engines: &Engines) -> bool {
    recorded.source == now.source
        && recorded.closure == now.closure
        && recorded.key_id == now.key_id
        && engines.admits(&job.parameters.rendering, &recorded.engine)
}

fn work_on(render: &Aggregate, situation: &Situation<'_>, attempts: u32, work: Work) -> Step {
    let trace = match &work {
        Work::Render { .. } | Work::Fail { .. } => situation.observed.map(|observed| observed.trace.clone()),
        Work::Retire => None,
    };
    let stored = situation.stored.cloned();
    Step::Do(Box::new(Order { render: render.clone(), stored, attempts, trace, work }))
}

#[cfg(test)]
mod tests;
