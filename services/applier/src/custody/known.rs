//! Whether a log knows an event that was acted on once. One that is older does not: not a restored backup, which bears
//! a name of its own and is told apart by that, but a copy of its files, or its disk as it was some time ago.

use bus::{HISTORY_MAX, Log, ReadError};
use events::{
    Event, EventId,
    state::{SyncOutcome, SyncStage, SyncState, decode},
};

use super::{error::OLDER_LOG, statement::Acted};

/// Asks the log.
///
/// # Errors
/// Unavailable (transient).
pub(super) async fn is_known(log: &dyn Log, acted: &Acted) -> Result<bool, ReadError> {
    match log.newest(&acted.aggregate).await {
        Ok(_) => {}
        // Something newer than this program stands there, so the log is not an older one.
        Err(ReadError::Undecodable(_)) => return Ok(true),
        Err(error @ (ReadError::Unavailable(_) | ReadError::Restarted { .. })) => return Err(error),
    }
    // One answer for both: between two, more could be written, and the event would be taken for one long passed.
    let history = log.history(&acted.aggregate, HISTORY_MAX).await?;
    Ok(knows(acted, &history.iter().map(Past::of).collect::<Vec<_>>()))
}

/// An event of the aggregate, as far as it counts here.
#[derive(Debug, Clone, Copy)]
struct Past {
    n: u64,
    id: EventId,
    sequence: u64,
    /// Whether it says that the log was found to be an older one.
    refused: bool,
}

impl Past {
    fn of(event: &Event) -> Self {
        let (id, sequence) = (event.id, event.sequence);
        Self { n: event.n(), id, sequence, refused: tells_older_log(event) }
    }
}

fn tells_older_log(event: &Event) -> bool {
    let state = decode::<SyncState>(event.draft.format, &event.draft.payload);
    state.is_ok_and(|state| match state.stage {
        SyncStage::Finished { outcome: SyncOutcome::Failed { failure }, .. } => failure.code == OLDER_LOG,
        SyncStage::Finished { outcome: SyncOutcome::Succeeded, .. }
        | SyncStage::Running { .. }
        | SyncStage::Rejected { .. }
        | SyncStage::Superseded { .. } => false,
    })
}

/// Decides by what is kept of the aggregate, newest first.
fn knows(acted: &Acted, history: &[Past]) -> bool {
    let (Some(newest), Some(oldest)) = (history.first(), history.last()) else {
        // The last event of an aggregate is forgotten after its time.
        return acted.retired;
    };
    match history.iter().find(|past| past.n == acted.n) {
        Some(there) if there.id == acted.id => true,
        // It appends without having the cluster, and outgrows the event one day.
        _ if history.iter().any(|past| past.refused) => false,
        // In a second life versions begin again, and all that is kept is behind the last event of the first.
        _ if acted.retired => oldest.sequence > acted.sequence,
        Some(_) => false,
        // Not in the history any more: it was passed.
        None => newest.n > acted.n,
    }
}

#[cfg(test)]
mod tests {
    use bus::LogConfig;
    use events::{Draft, EventType};
    use model::{Aggregate, Digest};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_that_is_written_to_meanwhile_knows_no_more_for_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let log = bus::open(LogConfig::embedded(folder.path())).await.unwrap();
        let aggregate = Aggregate::from_words(&["sync", "eu-1", "shop"]).unwrap();
        let id = Digest::of(b"of the newer log").to_string().parse().unwrap();
        let acted = Acted { aggregate: aggregate.clone(), n: 1, id, sequence: 70, retired: false };
        let writer = async {
            let mut previous = None;
            for n in 1..=100 {
                let draft = Draft {
                    aggregate: aggregate.clone(),
                    n,
                    previous,
                    kind: EventType::SyncFinished,
                    format: 1,
                    time: bus::now(),
                    cause: None,
                    correlation: None,
                    actor: None,
                    traceparent: None,
                    payload: n.to_be_bytes().to_vec().into(),
                };
                previous = log.append(vec![draft]).await.pop().unwrap().ok().map(|event| event.id);
            }
        };
        let reader = async {
            while log.newest(&aggregate).await.unwrap().is_none_or(|newest| newest.n() < 100) {
                assert!(!is_known(&*log, &acted).await.unwrap());
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(writer, reader);
    }

    #[test]
    fn an_event_is_found_or_passed_or_the_log_is_another() {
        let id = |text: &str| -> EventId { Digest::of(text.as_bytes()).to_string().parse().unwrap() };
        let acted = |retired| Acted {
            aggregate: Aggregate::from_words(&["sync", "eu-1", "shop"]).unwrap(),
            n: 12,
            id: id("this"),
            sequence: 70,
            retired,
        };
        // A history of these versions, with that event at the twelfth, whose sequences begin there.
        let history = |versions: std::ops::RangeInclusive<u64>, twelfth: &str, sequence: u64| -> Vec<Past> {
            let id = |n: u64| if n == 12 { id(twelfth) } else { id(&n.to_string()) };
            let past = |(i, n): (u64, u64)| Past { n, id: id(n), sequence: sequence + i, refused: false };
            let mut history: Vec<Past> = (0..).zip(versions).map(past).collect();
            history.reverse();
            history
        };
        let refused = |mut history: Vec<Past>| {
            history[0].refused = true;
            history
        };
        for (history, known, known_retired) in [
            (vec![], false, true),
            (history(1..=12, "this", 59), true, true),
            (history(1..=14, "this", 59), true, true),
            (refused(history(1..=14, "this", 59)), true, true),
            (history(645..=900, "", 2_000), true, true),
            // Written after the older copy was put back.
            (history(1..=14, "other", 59), false, false),
            (history(1..=11, "", 59), false, false),
            // That has outgrown the event, as parked as ever.
            (refused(history(645..=900, "", 2_000)), false, false),
            (refused(history(1..=3, "", 71)), false, false),
            // Defined again since, for a short or a long while.
            (history(1..=1, "", 71), false, true),
            (history(1..=30, "other", 71), false, true),
            // An older copy, whose sequences have grown.
            (history(1..=3, "", 69), false, false),
        ] {
            assert_eq!(knows(&acted(false), &history), known, "{history:?}");
            assert_eq!(knows(&acted(true), &history), known_retired, "retired, {history:?}");
        }
    }
}
