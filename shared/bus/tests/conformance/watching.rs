//! List, then watch.

use std::{collections::BTreeSet, sync::Arc};

use bus::{Filter, Log};
use model::{Aggregate, AggregateKind, Partition};

use crate::{bed::Bed, samples::*};

pub async fn an_empty_list_is_listed_at_once(bed: Bed) {
    let log = bed.open().await;
    append(&*log, first(&source(1), "one")).await;
    let mut watch = log.watch(Filter::kinds(&[AggregateKind::Target])).await.unwrap();
    let mut reader = Reader::default();
    reader.list(&mut watch).await;
    assert!(reader.told.is_empty());
    append(&*log, first(&target(1, 1), "one")).await;
    reader.read_until(&mut watch, |reader| reader.newest(&target(1, 1)) == 1).await;
}

pub async fn the_list_holds_only_the_newest_of_what_is_asked(bed: Bed) {
    let log = bed.open().await;
    for i in 0..20 {
        append_many(&*log, &target(i, 0), 3).await;
        append_many(&*log, &source(i), 2).await;
    }
    append_many(&*log, &Aggregate::Definitions, 2).await;
    let wanted: BTreeSet<Partition> = (0..10).map(|i| target(i, 0).partition()).collect();
    let filter = Filter::partitions(&[AggregateKind::Target], wanted.iter().copied());
    let mut reader = Reader::default();
    reader.list(&mut log.watch(filter).await.unwrap()).await;
    let expected: BTreeSet<Aggregate> =
        (0..20).map(|i| target(i, 0)).filter(|target| wanted.contains(&target.partition())).collect();
    assert_eq!(reader.told.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert!(reader.told.values().all(|told| told == &[3]));

    for filter in [
        Filter::kinds(&[AggregateKind::Definitions]),
        Filter::partitions(&[AggregateKind::Definitions], [Aggregate::Definitions.partition()]),
    ] {
        let mut reader = Reader::default();
        reader.list(&mut log.watch(filter).await.unwrap()).await;
        assert_eq!(reader.told, [(Aggregate::Definitions, vec![2])].into());
    }
    let mut everything = Reader::default();
    everything.list(&mut log.watch(Filter::all()).await.unwrap()).await;
    assert_eq!(everything.told.len(), 41);
}

/// Starts `writers` tasks that append `count` events each to targets of their own.
fn start_writers(log: &Arc<dyn Log>, writers: usize, count: u64) -> Vec<tokio::task::JoinHandle<()>> {
    (0..writers)
        .map(|i| {
            let log = log.clone();
            tokio::spawn(async move { drop(append_many(&*log, &target(i, 0), count).await) })
        })
        .collect()
}

pub async fn neither_gap_nor_repeat_while_writers_run(bed: Bed) {
    let log = bed.open().await;
    let writers = start_writers(&log, 8, 100);
    for _ in 0..5 {
        let mut watch = log.watch(Filter::all()).await.unwrap();
        let mut reader = Reader::default();
        reader.list(&mut watch).await;
        reader.read_until(&mut watch, |reader| (0..8).all(|i| reader.newest(&target(i, 0)) > 10)).await;
    }
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut reader = Reader::default();
    reader.read_until(&mut watch, |reader| (0..8).all(|i| reader.newest(&target(i, 0)) == 100)).await;
    for told in reader.told.values() {
        let whole: Vec<u64> = (told[0]..=100).collect();
        assert_eq!(*told, whole, "every change after the list was told");
    }
    futures::future::join_all(writers).await;
}

pub async fn partitions_gained_later_have_a_watch_of_their_own(bed: Bed) {
    let log = bed.open().await;
    let all: BTreeSet<Partition> = (0..8).map(|i| target(i, 0).partition()).collect();
    let (old, gained): (Vec<_>, Vec<_>) = all.iter().partition(|partition| partition.0 % 2 == 0);
    let writers = start_writers(&log, 8, 100);
    let kinds = [AggregateKind::Target];
    let mut first = log.watch(Filter::partitions(&kinds, old.iter().copied().copied())).await.unwrap();
    let mut reader = Reader::default();
    reader.list(&mut first).await;
    let mut second = log.watch(Filter::partitions(&kinds, gained.iter().copied().copied())).await.unwrap();
    reader.listed = false;
    reader.list(&mut second).await;
    let complete = |reader: &Reader, partitions: &[&Partition]| {
        let mut mine = (0..8).map(|i| target(i, 0)).filter(|t| partitions.contains(&&t.partition()));
        mine.all(|target| reader.newest(&target) == 100)
    };
    reader.read_until(&mut first, |reader| complete(reader, &old)).await;
    reader.read_until(&mut second, |reader| complete(reader, &gained)).await;
    futures::future::join_all(writers).await;
}

/// A reader that sleeps while the log goes on holds up nobody and ends with the newest of everything.
pub async fn a_slow_reader_holds_up_nobody_and_misses_no_newest(bed: Bed) {
    let log = bed.open().await;
    append(&*log, first(&source(0), "one")).await;
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut reader = Reader::default();
    reader.list(&mut watch).await;
    let rounds = 15;
    let mut newest: Vec<Option<events::Event>> = vec![None; 900];
    for _ in 0..rounds {
        let drafts = newest.iter().enumerate().map(|(i, event)| match event {
            None => first(&target(i, 0), "1"),
            Some(event) => after(event, "next"),
        });
        let results = within(log.append(drafts.collect())).await;
        newest = results.into_iter().map(|result| Some(result.unwrap())).collect();
    }
    reader.read_until(&mut watch, |reader| (0..900).all(|i| reader.newest(&target(i, 0)) == rounds)).await;
    let told: usize = reader.told.values().map(Vec::len).sum();
    assert!(told < 900 * rounds as usize / 2, "{told} events were told to who only needs the newest");
}

/// A call that is given up takes nothing with it.
pub async fn a_cancelled_read_loses_nothing(bed: Bed) {
    let log = bed.open().await;
    let writers = start_writers(&log, 4, 50);
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut reader = Reader::default();
    within(async {
        while (0..4).any(|i| reader.newest(&target(i, 0)) < 50) {
            let patience = std::time::Duration::from_micros(300);
            if let Ok(item) = tokio::time::timeout(patience, watch.next()).await {
                reader.take(item.unwrap().unwrap());
            }
        }
    })
    .await;
    for told in reader.told.values() {
        assert_eq!(*told, (told[0]..=50).collect::<Vec<_>>());
    }
    futures::future::join_all(writers).await;
}

/// What the list was to tell may be gone when its turn comes; it is told all the same, once, before `Listed`.
pub async fn a_list_is_complete_though_its_events_go_meanwhile(bed: Bed) {
    const COUNT: usize = 900;
    let log = bed.open().await;
    let drafts = (0..COUNT).map(|i| first(&source(i), "one")).collect();
    let stored: Vec<_> = log.append(drafts).await.into_iter().map(Result::unwrap).collect();
    let mut watch = log.watch(Filter::all()).await.unwrap();
    let mut reader = Reader::default();
    reader.read_until(&mut watch, |reader| reader.told.len() == 1).await;
    for event in &stored[COUNT - 20..] {
        let last = events::Draft { kind: events::EventType::SourceRetired, ..after(event, "gone") };
        let last = log.retire(last).await.unwrap();
        append(&*log, after(&last, "again")).await;
    }
    reader.list(&mut watch).await;
    assert_eq!(reader.told.len(), COUNT);
    let all = |reader: &Reader| (COUNT - 20..COUNT).all(|i| reader.newest(&source(i)) == 3);
    reader.read_until(&mut watch, all).await;
    append(&*log, first(&target(1, 1), "end")).await;
    reader.read_until(&mut watch, |reader| reader.newest(&target(1, 1)) == 1).await;
}
