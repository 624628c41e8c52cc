//! Events from a newer process, and events that are no events.

use bus::{AppendError, FeedItem, Filter, ReadError, WatchItem};
use model::RetryClass;

use crate::{bed::Bed, samples::*};

/// The aggregate parks, nothing else does.
pub async fn an_unreadable_event_parks_only_its_aggregate(bed: Bed) {
    let log = bed.open().await;
    drop(log.feed("auditor").await.unwrap());
    append_many(&*log, &source(0), 1).await;
    let newest = append_many(&*log, &source(1), 3).await;
    let log = bed.spoil_newest(log, &newest).await;
    let error = log.newest(&source(1)).await.unwrap_err();
    assert!(matches!(&error, ReadError::Undecodable(what) if what.aggregate == source(1)), "{error:?}");
    assert_eq!(error.class(), RetryClass::Permanent);
    for draft in [after(&newest, "four"), first(&source(1), "one")] {
        let error = log.append(vec![draft]).await.pop().unwrap().unwrap_err();
        assert!(matches!(&error, AppendError::Undecodable(_)), "{error:?}");
    }
    assert!(log.history(&source(1), 10).await.unwrap().len() >= 2, "what can be read is shown");

    let other = append_many(&*log, &source(2), 1).await;
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let (mut events, mut parked) = (0, 0);
    loop {
        match within(watch.next()).await.unwrap().unwrap() {
            WatchItem::Event(event) => {
                assert_ne!(*event.aggregate(), source(1));
                events += 1;
            }
            WatchItem::Undecodable(what) => {
                assert_eq!(what.aggregate, source(1));
                assert!(!what.reason.is_empty());
                parked += 1;
            }
            WatchItem::Listed => break,
            WatchItem::Restarted { .. } => panic!("the log is the same"),
        }
    }
    assert_eq!((events, parked), (2, 1));

    let mut feed = log.feed("auditor").await.unwrap();
    let mut unreadable = 0;
    loop {
        match within(feed.next()).await.unwrap() {
            FeedItem::Event(event) if event == other => break,
            FeedItem::Event(_) => {}
            FeedItem::Undecodable { path, .. } => {
                assert_eq!(path, "source/source-1");
                unreadable += 1;
            }
        }
    }
    assert_eq!(unreadable, 1);
}

/// The format of a payload is none of the log's business: whoever decodes it parks.
pub async fn a_newer_format_passes_through(bed: Bed) {
    let log = bed.open().await;
    let mut draft = first(&source(1), "from the future");
    draft.format = 999;
    let stored = append(&*log, draft).await;
    assert_eq!(log.newest(&source(1)).await.unwrap(), Some(stored));
}
