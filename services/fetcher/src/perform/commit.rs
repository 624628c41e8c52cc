//! From findings to events: all that a visit found goes to the log in one append.

use std::sync::Arc;

use bus::{AppendError, Log, ReadError};
use bytes::Bytes;
use events::{
    Draft, Event, EventType, Table,
    content::INLINE_BYTES_MAX,
    state::{SourceState, State as _},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{Aggregate, Digest, RetryClass, SourceName};

use super::{Looked, now};
use crate::{
    Error,
    decide::{Finding, Known, Look, Memory, Outlook, Seen, Sight, Trace, next},
};

/// Events in one append: enough to make its disk write cheap, few enough to keep it short.
const BATCH_MAX: usize = 256;
/// Pages on their way at once.
const PUTS_MAX: usize = 32;

/// What became of the event of a look.
#[derive(Debug)]
pub enum End {
    /// There was nothing to tell.
    Silent,
    /// It is in the log.
    Stored(Event),
    /// Another one was first; this is the newest.
    Overtaken(Option<Event>),
    /// The newest event cannot be read here.
    Parked,
}

/// Appends what follows from the findings of a visit.
///
/// # Errors
/// What ends the fetcher.
pub async fn commit(log: &Arc<dyn Log>, found: Vec<(Look, Finding)>) -> Result<Vec<Looked>, Error> {
    let mut looked = Vec::with_capacity(found.len());
    let (mut drafts, mut authors) = (Vec::new(), Vec::new());
    for (look, finding) in found {
        // Without a sight nothing is known of what the log holds: pages may be lost even if nothing is new.
        if let (Finding::Seen(seen), None) = (&finding, look.current_sight()) {
            let laid = Table::lay(seen.rows.clone(), INLINE_BYTES_MAX);
            put_pages(log, laid.map_err(|error| Error::Encode(error.to_string()))?.blobs).await?;
        }
        let memory = remember(&look, &finding);
        let base = look.known.as_ref().map(Known::base);
        let followed = next::next(base.as_ref(), finding, &look.answers);
        if let Some(next) = followed.map_err(|error| Error::Encode(error.to_string()))? {
            put_pages(log, next.blobs).await?;
            let (name, known, trace) = (&look.source.name, look.known.as_ref(), look.trace.as_ref());
            drafts.push(draft(name, known, trace, next.kind, &next.state)?);
            authors.push(looked.len());
        }
        looked.push(Looked { look, memory: Some(memory), end: End::Silent });
    }
    for (drafts, authors) in drafts.chunks(BATCH_MAX).zip(authors.chunks(BATCH_MAX)) {
        let results = log.append(drafts.to_vec()).await;
        for (result, author) in results.into_iter().zip(authors) {
            if let Some(looked) = looked.get_mut(*author) {
                settle(log, looked, result).await?;
            }
        }
    }
    Ok(looked)
}

/// Appends the last event of a source that nothing names any more.
///
/// # Errors
/// What ends the fetcher.
pub async fn retire(log: &Arc<dyn Log>, name: &SourceName, known: &Known) -> Result<End, Error> {
    let draft = draft(name, Some(known), None, EventType::SourceRetired, &known.state)?;
    end_of(log, name, log.retire(draft).await).await
}

async fn settle(
    log: &Arc<dyn Log>,
    looked: &mut Looked,
    result: Result<Event, AppendError>,
) -> Result<(), Error> {
    looked.end = end_of(log, &looked.look.source.name, result).await?;
    match (&looked.end, &mut looked.memory) {
        (End::Stored(event), Some(Memory { sight: Some(sight), .. })) => Arc::make_mut(sight).n = event.n(),
        (End::Overtaken(_), memory) => *memory = None,
        (End::Silent | End::Stored(_) | End::Parked, _) => {}
    }
    Ok(())
}

async fn end_of(
    log: &Arc<dyn Log>,
    name: &SourceName,
    result: Result<Event, AppendError>,
) -> Result<End, Error> {
    match result {
        Ok(event) => Ok(End::Stored(event)),
        Err(AppendError::Conflict { .. }) => newest(log, &Aggregate::Source(name.clone())).await,
        Err(AppendError::Undecodable(found)) => {
            tracing::error!(aggregate = %found.aggregate, reason = found.reason, "parked");
            Ok(End::Parked)
        }
        Err(
            error @ (AppendError::TooLarge { .. }
            | AppendError::Malformed { .. }
            | AppendError::Restarted { .. }
            | AppendError::Unavailable { .. }),
        ) => Err(Error::Append(error)),
    }
}

async fn newest(log: &Arc<dyn Log>, aggregate: &Aggregate) -> Result<End, Error> {
    match log.newest(aggregate).await {
        Ok(event) => Ok(End::Overtaken(event)),
        Err(ReadError::Undecodable(_)) => Ok(End::Parked),
        Err(error) => Err(error.into()),
    }
}

/// Puts the pages of a table before the event that names them.
async fn put_pages(log: &Arc<dyn Log>, blobs: Vec<(Digest, Vec<u8>)>) -> Result<(), Error> {
    let puts = blobs.into_iter().map(|(_, bytes)| log.put_blob(Bytes::from(bytes)));
    stream::iter(puts).buffer_unordered(PUTS_MAX).try_for_each(async |_| Ok(())).await.map_err(Error::Blob)
}

fn remember(look: &Look, finding: &Finding) -> Memory {
    let n = look.known.as_ref().map_or(0, |known| known.n);
    let (failing, sight) = match finding {
        Finding::Failed(failure) => (Some((failure.class, failure.attempts)), look.current_sight().cloned()),
        Finding::Same => (None, look.sight.clone()),
        Finding::Seen(seen) => {
            let failing = match seen.outlook {
                Outlook::Settled => None,
                // Soon, and then with each poll: whatever else the source holds must not wait for it.
                Outlook::Open => Some((RetryClass::Permanent, look.failures.saturating_add(1))),
            };
            (failing, Some(Arc::new(sight(n, look, seen))))
        }
    };
    Memory {
        at: now(),
        git: look.source.git.clone(),
        reading: Arc::clone(&look.reading),
        rounds: look.rounds.wrapping_add(1),
        failing,
        sight,
    }
}

fn sight(n: u64, look: &Look, seen: &Seen) -> Sight {
    Sight {
        n,
        reading: Arc::clone(&look.reading),
        commit: seen.commit.clone(),
        reference: seen.reference.clone(),
        origin: seen.origin,
        signers: look.source.git.verify.clone(),
        rows: Arc::new(seen.rows.clone()),
    }
}

fn draft(
    name: &SourceName,
    known: Option<&Known>,
    trace: Option<&Trace>,
    kind: EventType,
    state: &SourceState,
) -> Result<Draft, Error> {
    let payload = events::encode(state).map_err(|error| Error::Encode(error.to_string()))?;
    let own = || format!("source/{name}/{}", state.observation);
    Ok(Draft {
        aggregate: Aggregate::Source(name.clone()),
        n: known.map_or(1, |known| known.n + 1),
        previous: known.map(|known| known.id),
        kind,
        format: SourceState::FORMAT,
        time: now(),
        cause: trace.map(|trace| trace.cause),
        correlation: Some(trace.and_then(|trace| trace.correlation.clone()).unwrap_or_else(own)),
        actor: trace.and_then(|trace| trace.actor.clone()),
        traceparent: trace.and_then(|trace| trace.traceparent.clone()),
        payload: Bytes::from(payload),
    })
}
