//! The loop: gather what the log tells, append it, acknowledge it, sign.

use std::{sync::Arc, time::Duration};

use bus::{Feed, FeedItem, Log, Patient, Share, now};
use ledger::Batch;
use model::{Aggregate, RetryClass};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, decide,
    perform::{Bodies, Desk, Scribe},
};

/// By this name the log keeps what is not in the ledger yet.
const CONSUMER: &str = "auditor";

/// Entries that are appended together: one flush for all of them.
const BATCH_MAX: usize = 1_000;

/// Bytes of payloads that are appended together: they are in memory several times until they are on the disk.
const BATCH_BYTES: usize = 1024 * 1024;

/// How long an entry waits for others: half of the second within which a checkpoint is signed.
const GATHER: Duration = Duration::from_millis(500);

/// Time between two looks whether something is to be signed.
const LOOK: Duration = Duration::from_millis(250);

/// How long the end of the process waits for what the log has told until then.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Wait before a disk that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes the log into the ledger until it is told to stop. Of several, one does.
///
/// # Errors
/// Whatever ends the process: the log was replaced, or the ledger cannot be used.
pub async fn run(log: Arc<dyn Log>, config: Config, stop: CancellationToken) -> Result<(), Error> {
    let log: Arc<dyn Log> = Arc::new(Patient::new(log, stop.clone()));
    let mut share = config.share.clone();
    while !stop.is_cancelled() {
        if !holds(&share) {
            stop.run_until_cancelled(share.changed()).await;
            continue;
        }
        let over = stop.child_token();
        let ended = {
            let writing = write(&log, &config, Signals { over: &over, stop: &stop });
            tokio::pin!(writing);
            tokio::select! {
                ended = &mut writing => ended,
                () = lost(&mut share) => {
                    // What was begun is finished: the ledger has to be closed before it can be opened again.
                    over.cancel();
                    writing.await
                }
            }
        };
        match ended {
            // A disk that fails until the end is no reason to end badly: what is not in the ledger is in the log.
            Err(_) if stop.is_cancelled() => return Ok(()),
            Err(error) => return Err(error),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Whoever holds the definitions' partition is the one.
fn holds(share: &Share) -> bool {
    share.holds(Aggregate::Definitions.partition())
}

async fn lost(share: &mut Share) {
    while holds(share) {
        share.changed().await;
    }
    tracing::info!("another auditor takes over");
}

/// What ends the writing.
#[derive(Clone, Copy)]
struct Signals<'s> {
    /// Another one writes, or the process ends.
    over: &'s CancellationToken,
    /// The process ends.
    stop: &'s CancellationToken,
}

async fn write(log: &Arc<dyn Log>, config: &Config, signals: Signals<'_>) -> Result<(), Error> {
    let desk = Desk::open(config, &log.position().await?).await?;
    config.door.open(desk.act(|scribe| Ok(scribe.ledger())).await?);
    let ended = follow(log, &desk, signals).await;
    let signed = desk.act(Scribe::sign).await;
    // Whoever has the ledger in hand yet keeps it open.
    config.door.close();
    desk.close().await;
    ended.and(signed)
}

async fn follow(log: &Arc<dyn Log>, desk: &Desk, signals: Signals<'_>) -> Result<(), Error> {
    let mut feed = log.feed(CONSUMER).await?;
    let mut bodies = Bodies::new(log.clone());
    let mut look = time::interval(LOOK);
    let (span, mut last) = desk.act(Scribe::follows).await?;
    let mut end = None;
    while end.is_none_or(|(end, until)| last < end && Instant::now() < until) {
        let first = tokio::select! {
            biased;
            () = signals.over.cancelled(), if end.is_none() => match signals.stop.is_cancelled() {
                // The last words of the others belong to the story, too.
                true => {
                    end = Some((log.position().await?.sequence, Instant::now() + LAST_WORDS));
                    continue;
                }
                false => return Ok(()),
            },
            first = feed.next() => first?,
            _ = look.tick() => {
                again(desk, signals.stop, Scribe::sign_if_due).await?;
                continue;
            }
        };
        let items = gather(first, &mut feed, signals.over).await?;
        last = items.iter().map(FeedItem::sequence).max().unwrap_or(last);
        let entries = items.iter().map(|item| decide::entry(&span, item, now()));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let batch = Arc::new(Batch { entries, bodies: bodies.of(&items).await? });
        drop(items);
        let appending = batch.clone();
        again(desk, signals.stop, move |scribe: &mut Scribe| append(scribe, &appending)).await?;
        bodies.stored(&batch.bodies);
        feed.ack(last).await?;
    }
    Ok(())
}

fn append(scribe: &mut Scribe, batch: &Batch) -> Result<(), Error> {
    let (_, gaps) = scribe.append(batch)?;
    for gap in gaps {
        tracing::error!(%gap, "something is missing in the log");
    }
    scribe.sign_if_due()
}

/// Waits for a while for others behind an entry: each batch costs a flush and its pages of the index, and nobody waits for
/// it.
async fn gather(first: FeedItem, feed: &mut Feed, over: &CancellationToken) -> Result<Vec<FeedItem>, Error> {
    let mut items = vec![first];
    let (mut bytes, deadline) = (items.iter().map(size).sum::<usize>(), Instant::now() + GATHER);
    while items.len() < BATCH_MAX && bytes < BATCH_BYTES {
        tokio::select! {
            biased;
            item = feed.next() => items.push(item?),
            () = over.cancelled() => break,
            () = time::sleep_until(deadline) => break,
        }
        bytes += items.last().map_or(0, size);
    }
    Ok(items)
}

fn size(item: &FeedItem) -> usize {
    match item {
        FeedItem::Event(event) => event.draft.payload.len(),
        FeedItem::Undecodable { .. } => 0,
    }
}

/// Does something to the ledger, again while its disk fails: nothing is acknowledged meanwhile, and nothing lost.
async fn again<F>(desk: &Desk, stop: &CancellationToken, act: F) -> Result<(), Error>
where
    F: Fn(&mut Scribe) -> Result<(), Error> + Clone + Send + 'static,
{
    loop {
        match desk.act(act.clone()).await {
            Err(error) if error.class() == RetryClass::Transient && !stop.is_cancelled() => {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger cannot be written");
                stop.run_until_cancelled(time::sleep(AGAIN)).await;
            }
            done => return done,
        }
    }
}
