//! The loop: gather what the log tells, append it, acknowledge it, sign.

use std::{sync::Arc, time::Duration};

use bus::{Feed, FeedItem, Log, Patient, Share, now};
use futures::FutureExt as _;
use ledger::Batch;
use model::{Aggregate, RetryClass};
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, decide,
    perform::{Bodies, Scribe},
};

/// By this name the log keeps what is not in the ledger yet.
const CONSUMER: &str = "auditor";

/// Entries that are appended together: one flush for all of them.
const BATCH_MAX: usize = 1_000;

/// Time between two looks whether something is to be signed.
const LOOK: Duration = Duration::from_millis(250);

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
        tokio::select! {
            // A disk that fails until the end is no reason to end badly: what is not in the ledger is in the log.
            ended = write(&log, &config, &over) => {
                config.door.close();
                return if stop.is_cancelled() { Ok(()) } else { ended };
            }
            () = lost(&mut share) => over.cancel(),
        }
        config.door.close();
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

async fn write(log: &Arc<dyn Log>, config: &Config, stop: &CancellationToken) -> Result<(), Error> {
    let incarnation = log.position().await?.incarnation;
    let (opening, name) = (config.clone(), incarnation.clone());
    let mut scribe = blocking(move || Scribe::open(&opening, &name)).await?;
    config.door.open(scribe.ledger());
    let mut feed = log.feed(CONSUMER).await?;
    let mut bodies = Bodies::new(log.clone());
    let mut look = time::interval(LOOK);
    loop {
        let items = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            items = gather(&mut feed) => items?,
            _ = look.tick() => vec![],
        };
        let Some(last) = items.last().map(FeedItem::sequence) else {
            scribe = again((scribe, stop), Scribe::sign_if_due).await?;
            continue;
        };
        let entries = items.iter().map(|item| decide::entry(&incarnation, item, now()));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let batch = Arc::new(Batch { entries, bodies: bodies.of(&items).await? });
        let appending = batch.clone();
        scribe = again((scribe, stop), move |scribe| append(scribe, &appending)).await?;
        bodies.stored(&batch.bodies);
        feed.ack(last).await?;
    }
    again((scribe, stop), Scribe::sign).await.map(drop)
}

fn append(scribe: &mut Scribe, batch: &Batch) -> Result<(), Error> {
    let (_, gaps) = scribe.append(batch)?;
    for gap in gaps {
        tracing::error!(%gap, "something is missing in the log");
    }
    scribe.sign_if_due()
}

/// Waits for an entry, and takes what follows it at once. Safe to cancel before the first.
async fn gather(feed: &mut Feed) -> Result<Vec<FeedItem>, Error> {
    let mut items = vec![feed.next().await?];
    while items.len() < BATCH_MAX {
        match feed.next().now_or_never() {
            Some(item) => items.push(item?),
            None => break,
        }
    }
    Ok(items)
}

/// Does something to the ledger, again while its disk fails: nothing is acknowledged meanwhile, and nothing lost.
async fn again<F>((mut scribe, stop): (Scribe, &CancellationToken), act: F) -> Result<Scribe, Error>
where
    F: Fn(&mut Scribe) -> Result<(), Error> + Clone + Send + 'static,
{
    loop {
        let act = act.clone();
        let (back, done) = blocking(move || {
            let done = act(&mut scribe);
            Ok((scribe, done))
        })
        .await?;
        scribe = back;
        match done {
            Ok(()) => return Ok(scribe),
            Err(error) if error.class() == RetryClass::Transient && !stop.is_cancelled() => {
                tracing::error!(error = &error as &dyn std::error::Error, "the ledger cannot be written");
                stop.run_until_cancelled(time::sleep(AGAIN)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::TaskDied)?
}
