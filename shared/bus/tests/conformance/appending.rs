//! Appending: versions, expectations, batches, bounds.

use bus::AppendError;
use bytes::Bytes;
use events::envelope::PAYLOAD_BYTES_MAX;
use model::RetryClass;

use crate::{bed::Bed, samples::*};

pub async fn versions_are_contiguous(bed: Bed) {
    let log = bed.open().await;
    let aggregate = source(1);
    append_many(&*log, &aggregate, 20).await;
    let history = log.history(&aggregate, 100).await.unwrap();
    let versions: Vec<u64> = history.iter().map(|event| event.n()).collect();
    assert_eq!(versions, (1..=20).rev().collect::<Vec<_>>());
    for pair in history.windows(2) {
        assert_eq!(pair[0].draft.previous, Some(pair[1].id));
        assert!(pair[0].sequence > pair[1].sequence);
    }
}

pub async fn everything_in_the_envelope_comes_back(bed: Bed) {
    let log = bed.open().await;
    for aggregate in [source(1), target(1, 1), model::Aggregate::Definitions] {
        let one = append(&*log, first(&aggregate, "one")).await;
        let mut draft = after(&one, "two");
        draft.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
        draft.payload = Bytes::from_static(&[0, 255, 10, 13, 128]);
        let two = append(&*log, draft.clone()).await;
        assert_eq!(two.draft, draft);
        assert_eq!(log.newest(&aggregate).await.unwrap(), Some(two));
    }
    assert_eq!(log.newest(&source(2)).await.unwrap(), None);
}

pub async fn a_stale_version_is_a_conflict(bed: Bed) {
    let log = bed.open().await;
    let one = append(&*log, first(&source(1), "one")).await;
    let two = append(&*log, after(&one, "two")).await;
    let mut gap = after(&two, "four");
    gap.n = 4;
    let mut other_past = after(&two, "three");
    other_past.previous = Some(one.id);
    for stale in [after(&one, "another two"), first(&source(1), "another one"), gap, other_past] {
        let error = log.append(vec![stale]).await.pop().unwrap().unwrap_err();
        assert!(matches!(error, AppendError::Conflict { newest: Some(2), .. }), "{error:?}");
        assert_eq!(error.class(), RetryClass::Stale);
    }
    let mut second_of_none = after(&one, "two");
    second_of_none.aggregate = source(2);
    let error = log.append(vec![second_of_none]).await.pop().unwrap().unwrap_err();
    assert!(matches!(error, AppendError::Conflict { newest: None, .. }), "{error:?}");
    assert_eq!(log.newest(&source(1)).await.unwrap(), Some(two));
}

/// Whoever lost the answer appends the very same draft again, even if the aggregate went on meanwhile, and
/// even through another process that knows nothing of the first try.
pub async fn a_lost_acknowledgement_is_no_conflict(bed: Bed) {
    let log = bed.open().await;
    let draft = first(&source(1), "one");
    let one = append(&*log, draft.clone()).await;
    assert_eq!(append(&*log, draft.clone()).await, one);
    let second = after(&one, "two");
    let two = append(&*log, second.clone()).await;
    let three = append(&*log, after(&two, "three")).await;
    drop(log);
    let log = bed.open().await;
    assert_eq!(append(&*log, draft).await, one);
    assert_eq!(append(&*log, second).await, two);
    assert_eq!(log.newest(&source(1)).await.unwrap(), Some(three));
    assert_eq!(log.position().await.unwrap().sequence, 3);
}

pub async fn a_stale_item_holds_back_no_other(bed: Bed) {
    let log = bed.open().await;
    append(&*log, first(&source(13), "one")).await;
    // Through another opening: nothing is remembered that would sort the stale one out beforehand.
    drop(log);
    let log = bed.open().await;
    let drafts = (0..50).map(|i| first(&source(i), "first")).collect();
    let results = log.append(drafts).await;
    for (i, result) in results.into_iter().enumerate() {
        match result {
            Ok(event) => assert_eq!((event.n(), event.aggregate()), (1, &source(i))),
            Err(error) => {
                assert!(i == 13 && matches!(error, AppendError::Conflict { .. }), "{i}: {error:?}");
            }
        }
    }
    for i in 0..50 {
        let expected = if i == 13 { "one" } else { "first" };
        assert_eq!(log.newest(&source(i)).await.unwrap().unwrap().draft.payload, expected);
    }
}

pub async fn many_writers_share_batches(bed: Bed) {
    let log = bed.open().await;
    let writers = (0..40).map(|i| {
        let log = log.clone();
        tokio::spawn(async move { append_many(&*log, &source(i), 10).await })
    });
    let mut sequences = std::collections::BTreeSet::new();
    for newest in futures::future::join_all(writers).await {
        let newest = newest.unwrap();
        assert_eq!(newest.n(), 10);
        let read = log.newest(newest.aggregate()).await.unwrap();
        assert_eq!(read, Some(newest), "what the append told is what is stored, its sequence too");
    }
    for i in 0..40 {
        for event in log.history(&source(i), 100).await.unwrap() {
            assert_eq!(event.draft.payload, event.n().to_string());
            assert!(sequences.insert(event.sequence), "{} was given twice", event.sequence);
        }
    }
    assert_eq!(sequences.len(), 400);
}

pub async fn one_of_two_racing_writers_wins(bed: Bed) {
    let log = bed.open().await;
    let mut newest = append(&*log, first(&source(1), "one")).await;
    for round in 0..20 {
        let one = after(&newest, &format!("left {round}"));
        let other = after(&newest, &format!("right {round}"));
        let (left, right) = tokio::join!(log.append(vec![one]), log.append(vec![other]));
        let outcomes: Vec<_> = left.into_iter().chain(right).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        newest = outcomes.into_iter().find_map(Result::ok).unwrap();
        assert_eq!(log.newest(&source(1)).await.unwrap().as_ref(), Some(&newest));
    }
}

pub async fn an_event_above_the_bound_is_refused(bed: Bed) {
    let log = bed.open().await;
    let mut draft = first(&source(1), "");
    draft.payload = Bytes::from(vec![7; PAYLOAD_BYTES_MAX + 1]);
    let error = log.append(vec![draft.clone()]).await.pop().unwrap().unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { .. }), "{error:?}");
    draft.payload.truncate(PAYLOAD_BYTES_MAX);
    assert_eq!(append(&*log, draft.clone()).await.draft, draft);
}

pub async fn a_malformed_draft_is_refused(bed: Bed) {
    let log = bed.open().await;
    let sound = first(&source(1), "one");
    let with = |change: fn(&mut events::Draft)| {
        let mut draft = sound.clone();
        change(&mut draft);
        draft
    };
    let malformed = [
        with(|draft| draft.n = 0),
        with(|draft| draft.n = 2),
        with(|draft| draft.kind = events::EventType::SyncStarted),
        with(|draft| draft.actor = Some("two\r\nlines".into())),
        with(|draft| draft.correlation = Some("x".repeat(257))),
    ];
    for draft in malformed {
        let error = log.append(vec![draft]).await.pop().unwrap().unwrap_err();
        assert!(matches!(error, AppendError::Malformed { .. }), "{error:?}");
    }
    let twice = log.append(vec![sound.clone(), first(&source(1), "other")]).await;
    assert!(matches!(twice[..], [Ok(_), Err(AppendError::Malformed { .. })]), "{twice:?}");
}

pub async fn history_is_bounded_and_keeps_the_newest(bed: Bed) {
    let log = bed.open().await;
    append(&*log, first(&source(2), "quiet")).await;
    let newest = append_many(&*log, &source(1), 300).await;
    let history = log.history(&source(1), 1000).await.unwrap();
    let versions: Vec<u64> = history.iter().map(|event| event.n()).collect();
    assert_eq!(versions, (45..=300).rev().collect::<Vec<_>>());
    assert_eq!(log.history(&source(1), 3).await.unwrap()[0], newest);
    assert_eq!(log.history(&source(1), 3).await.unwrap().len(), 3);
    assert_eq!(log.newest(&source(2)).await.unwrap().unwrap().draft.payload, "quiet");
    assert_eq!(log.history(&source(3), 3).await.unwrap(), vec![]);
}
