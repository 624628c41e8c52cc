//! Which event follows a look, if any.

use events::{
    EventType, Table,
    content::INLINE_BYTES_MAX,
    state::{ObservedPath, ObservedRevision, PathOutcome, RequestId, SourceState},
    table::TableError,
};
use model::{Commit, Digest, Failure};

/// Most handled requests kept: as many as can be pending.
const HANDLED_MAX: usize = events::state::REQUESTS_MAX;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A revision.
    Seen(Seen),
    /// All is as the newest event tells.
    Same,
    /// The source could not be read.
    Failed(Failure),
}

/// A revision as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The commit.
    pub commit: Commit,
    /// What resolved to it.
    pub reference: String,
    /// Where it was seen.
    pub origin: Digest,
    /// Every path that is read, sorted.
    pub rows: Vec<ObservedPath>,
    /// Whether another look could find more.
    pub outlook: Outlook,
}

/// Whether another look at the same commit could find more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// All that was found follows from the commit.
    Settled,
    /// A path failed for something that lies outside Git and may change.
    Open,
}

/// The event that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Its type.
    pub kind: EventType,
    /// Its state.
    pub state: SourceState,
    /// Pages to put before it is appended.
    pub blobs: Vec<(Digest, Vec<u8>)>,
}

/// Decides which event follows a finding; `None` if it is no news and no request waits for it.
///
/// # Errors
/// If a row has no encoding (bug).
pub fn next(
    before: Option<&SourceState>,
    finding: Finding,
    answered: &[RequestId],
) -> Result<Option<Next>, TableError> {
    let mut state = before.cloned().unwrap_or_default();
    let (kind, blobs, news) = match finding {
        Finding::Seen(seen) => {
            let laid = Table::lay(seen.rows, INLINE_BYTES_MAX)?;
            let revision = ObservedRevision {
                commit: seen.commit,
                reference: seen.reference,
                paths: laid.table,
                origin: Some(seen.origin),
            };
            let moved = !state.revision.as_ref().is_some_and(|before| is_same(before, &revision));
            let news = moved || state.failure.is_some();
            state.observation += u64::from(moved);
            (state.revision, state.failure) = (Some(revision), None);
            (EventType::RevisionObserved, laid.blobs, news)
        }
        Finding::Same => {
            let news = state.failure.take().is_some();
            (EventType::RevisionObserved, Vec::new(), news)
        }
        Finding::Failed(failure) => {
            let news = !state.failure.as_ref().is_some_and(|known| known.same_as(&failure));
            state.failure = Some(failure);
            (EventType::SourceFailed, Vec::new(), news)
        }
    };
    if !news && answered.is_empty() {
        return Ok(None);
    }
    state.handled.extend(answered.iter().cloned());
    let surplus = state.handled.len().saturating_sub(HANDLED_MAX);
    state.handled.drain(..surplus);
    Ok(Some(Next { kind, state, blobs }))
}

/// Whether both tell the same; that an older version did not tell where it looked is no news.
fn is_same(before: &ObservedRevision, now: &ObservedRevision) -> bool {
    let origin = before.origin.or(now.origin);
    ObservedRevision { origin, ..before.clone() } == *now
}

/// A path's outcome, keeping the failure that is known already if it tells the same: a new time is no news.
pub fn settle(known: Option<&ObservedPath>, found: ObservedPath) -> ObservedPath {
    match (known.map(|row| &row.outcome), &found.outcome) {
        (Some(PathOutcome::Failed(before)), PathOutcome::Failed(failure)) if before.same_as(failure) => {
            ObservedPath { path: found.path, outcome: PathOutcome::Failed(before.clone()) }
        }
        (None | Some(PathOutcome::Failed(_) | PathOutcome::Found { .. }), _) => found,
    }
}

#[cfg(test)]
mod tests {
    use model::{RetryClass, Timestamp};

    use super::*;

    fn seen(commit: char, closures: &[&str]) -> Finding {
        let rows = closures.iter().enumerate().map(|(i, closure)| ObservedPath {
            path: format!("path-{i:04}"),
            outcome: PathOutcome::Found {
                closure: Digest::of(closure.as_bytes()),
                artifact: Digest::of(format!("sealed {closure}").as_bytes()),
                notes: vec![],
            },
        });
        let commit = commit.to_string().repeat(40).parse().unwrap();
        Finding::Seen(Seen {
            commit,
            reference: "main".into(),
            origin: Digest::of(b"here"),
            rows: rows.collect(),
            outlook: Outlook::Settled,
        })
    }

    fn failed(message: &str, millis: i64, attempts: u32) -> Finding {
        Finding::Failed(failure(message, millis, attempts))
    }

    fn failure(message: &str, millis: i64, attempts: u32) -> Failure {
        let (at, class) = (Timestamp::from_millis(millis), RetryClass::Transient);
        let (code, message) = ("GIT-UNREACHABLE".into(), message.into());
        Failure { code, message, remedy: String::new(), class, at, attempts }
    }

    fn ids(names: &[&str]) -> Vec<RequestId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// Runs findings one after the other; shows for each what followed, as `kind observation`.
    fn story(findings: Vec<Finding>) -> Vec<String> {
        let mut state: Option<SourceState> = None;
        let mut told = Vec::new();
        for finding in findings {
            told.push(match next(state.as_ref(), finding, &[]).unwrap() {
                None => "silence".to_owned(),
                Some(next) => {
                    let good = next.state.revision.as_ref().map_or("-", |revision| revision.commit.short());
                    let line = format!("{} {} {}", next.kind.word(), next.state.observation, &good[..1]);
                    state = Some(next.state);
                    line
                }
            });
        }
        told
    }

    #[test]
    fn only_news_becomes_an_event() {
        let told = story(vec![
            failed("host down", 1, 1),
            seen('a', &["x", "y"]),
            seen('a', &["x", "y"]),
            seen('b', &["x", "y"]),
            seen('b', &["x", "z"]),
            failed("host down", 5, 1),
            failed("host down", 6, 2),
            failed("no route", 7, 3),
            seen('b', &["x", "z"]),
            seen('b', &["x"]),
            seen('a', &["x"]),
            Finding::Same,
            failed("no route", 8, 1),
            Finding::Same,
        ]);
        assert_eq!(
            told,
            [
                "SourceFailed 0 -",
                "RevisionObserved 1 a",
                "silence",
                "RevisionObserved 2 b",
                "RevisionObserved 3 b",
                "SourceFailed 3 b",
                "silence",
                "SourceFailed 3 b",
                "RevisionObserved 3 b",
                "RevisionObserved 4 b",
                "RevisionObserved 5 a",
                "silence",
                "SourceFailed 5 a",
                "RevisionObserved 5 a",
            ]
        );
    }

    /// A mirror of the repository, with the very same commit in it.
    #[test]
    fn the_same_commit_elsewhere_is_news() {
        let elsewhere = |finding| {
            let Finding::Seen(seen) = finding else { panic!("a revision") };
            Finding::Seen(Seen { origin: Digest::of(b"elsewhere"), ..seen })
        };
        let told = story(vec![seen('a', &["x"]), elsewhere(seen('a', &["x"])), elsewhere(seen('a', &["x"]))]);
        assert_eq!(told, ["RevisionObserved 1 a", "RevisionObserved 2 a", "silence"]);
        let mut old = next(None, seen('a', &["x"]), &[]).unwrap().unwrap().state;
        old.revision.as_mut().unwrap().origin = None;
        assert_eq!(next(Some(&old), seen('a', &["x"]), &[]).unwrap(), None, "an older version did not tell");
    }

    #[test]
    fn a_request_is_answered_even_when_nothing_is_new() {
        let first = next(None, seen('a', &["x"]), &[]).unwrap().unwrap().state;
        let second = next(Some(&first), seen('a', &["x"]), &ids(&["request-1"])).unwrap().unwrap();
        assert_eq!((second.state.observation, &second.state.handled), (1, &ids(&["request-1"])));
        let third = next(Some(&second.state), failed("down", 1, 1), &ids(&["request-2"])).unwrap().unwrap();
        assert_eq!(third.state.handled, ids(&["request-1", "request-2"]));
        assert_eq!(third.state.revision, first.revision, "the last good revision stands");
        let many: Vec<RequestId> = (0..40).map(|i| format!("request-{i:03}").parse().unwrap()).collect();
        let fourth = next(Some(&third.state), failed("down", 2, 2), &many).unwrap().unwrap();
        assert_eq!(fourth.state.handled, many[8..]);
    }

    #[test]
    fn a_thousand_paths_go_into_pages() {
        let closures: Vec<String> = (0..1000).map(|i| format!("closure {i}")).collect();
        let closures: Vec<&str> = closures.iter().map(String::as_str).collect();
        let large = next(None, seen('a', &closures), &[]).unwrap().unwrap();
        assert_eq!(large.blobs.len(), 4);
        assert!(events::encode(&large.state).unwrap().len() < events::envelope::PAYLOAD_BYTES_MAX);
        assert_eq!(next(Some(&large.state), seen('a', &closures), &[]).unwrap(), None);
    }

    #[test]
    fn a_path_that_fails_as_before_is_no_news() {
        let row = |failure| ObservedPath { path: "a".into(), outcome: PathOutcome::Failed(failure) };
        let known = row(failure("gone", 1, 1));
        assert_eq!(settle(Some(&known), row(failure("gone", 9, 1))), known);
        let other = row(failure("a file", 9, 1));
        assert_eq!(settle(Some(&known), other.clone()), other);
        assert_eq!(settle(None, other.clone()), other);
    }
}
