//! Retiring aggregates.

use std::time::Duration;

use bus::{AppendError, Filter};
use events::{Draft, EventType};
use model::AggregateKind;

use crate::{bed::Bed, feeding::next_event, samples::*};

fn last(after_event: &events::Event) -> Draft {
    Draft { kind: EventType::SourceRetired, ..after(after_event, "gone") }
}

pub async fn a_retired_aggregate_is_rolled_up_and_goes_on(bed: Bed) {
    let log = bed.open_with_ttl(Duration::from_secs(3600)).await;
    let mut feed = log.feed("auditor").await.unwrap();
    let tenth = append_many(&*log, &source(1), 10).await;
    let retired = log.retire(last(&tenth)).await.unwrap();
    assert_eq!(retired.n(), 11);
    assert_eq!(log.retire(last(&tenth)).await.unwrap(), retired, "a lost acknowledgement");
    assert_eq!(log.history(&source(1), 100).await.unwrap(), std::slice::from_ref(&retired));
    let error = log.append(vec![first(&source(1), "again")]).await.pop().unwrap().unwrap_err();
    assert!(matches!(error, AppendError::Conflict { newest: Some(11), .. }), "{error:?}");
    let again = append(&*log, after(&retired, "again")).await;
    assert_eq!(again.n(), 12);
    let mut reader = Reader::default();
    reader.list(&mut log.watch(Filter::kinds(&[AggregateKind::Source])).await.unwrap()).await;
    assert_eq!(reader.told, [(source(1), vec![12])].into());
    for n in 1..=12 {
        assert_eq!(next_event(&mut feed).await.n(), n, "the feed keeps what was rolled up");
    }
}

pub async fn after_its_time_it_starts_again(bed: Bed) {
    let log = bed.open_with_ttl(Duration::from_secs(1)).await;
    let one = append_many(&*log, &source(1), 1).await;
    let kept = append_many(&*log, &source(2), 3).await;
    log.retire(last(&one)).await.unwrap();
    within(async {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while log.newest(&source(1)).await.unwrap().is_some() {
            looks.tick().await;
        }
    })
    .await;
    let mut reader = Reader::default();
    reader.list(&mut log.watch(Filter::all()).await.unwrap()).await;
    assert_eq!(reader.told, [(source(2), vec![3])].into());
    // The very same first event as in the first life.
    let reborn = append(&*log, one.draft.clone()).await;
    assert_eq!(reborn.n(), 1);
    assert!(reborn.sequence > kept.sequence, "a new event, not the old one");
    assert_eq!(log.history(&source(1), 10).await.unwrap(), [reborn]);
}

pub async fn one_that_went_on_outlives_its_last_event(bed: Bed) {
    let log = bed.open_with_ttl(Duration::from_secs(1)).await;
    let one = append_many(&*log, &source(1), 1).await;
    let retired = log.retire(last(&one)).await.unwrap();
    let again = append(&*log, after(&retired, "again")).await;
    within(async {
        // On the file system nothing is dropped before the next write.
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let mut other = append_many(&*log, &source(2), 1).await;
        while log.history(&source(1), 10).await.unwrap().len() > 1 {
            looks.tick().await;
            other = append(&*log, after(&other, "x")).await;
        }
    })
    .await;
    assert_eq!(log.newest(&source(1)).await.unwrap(), Some(again.clone()));
    assert_eq!(append(&*log, after(&again, "more")).await.n(), 4);
}
