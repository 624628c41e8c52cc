//! Whether a log knows an event that was acted on once: an older copy of it does not.

use bus::{HISTORY_MAX, Log, ReadError};
use events::EventId;

use super::statement::Acted;

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
    let newest = history.first().map(|event| (event.n(), event.sequence));
    let there = history.iter().find(|event| event.n() == acted.n).map(|event| event.id);
    Ok(knows(acted, newest, there))
}

/// Decides by the newest version of the aggregate, with its sequence, and by what stands at the event's own version.
fn knows(acted: &Acted, newest: Option<(u64, u64)>, there: Option<EventId>) -> bool {
    match newest {
        // The last event of an aggregate is forgotten after its time.
        None => acted.retired,
        // In a second life versions begin again, behind the last event of the first.
        Some((_, sequence)) if acted.retired && sequence > acted.sequence => true,
        Some((newest, _)) if newest < acted.n => false,
        // Not in the history any more: it was passed.
        Some(_) => there.is_none_or(|id| id == acted.id),
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
        for (newest, there, known) in [
            (Some(12), Some("this"), true),
            (Some(14), Some("this"), true),
            (Some(900), None, true),
            // Written after the older copy was put back.
            (Some(14), Some("other"), false),
            (Some(11), None, false),
            (None, None, false),
        ] {
            let newest = newest.map(|n| (n, 60 + n));
            assert_eq!(knows(&acted(false), newest, there.map(id)), known, "{newest:?} {there:?}");
        }
        assert!(knows(&acted(true), None, None));
        assert!(!knows(&acted(true), Some((3, 63)), None), "before its last event");
        assert!(knows(&acted(true), Some((1, 71)), None), "defined again since");
    }
}
