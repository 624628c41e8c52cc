//! Keeping the mirror whole.
//!
//! The log drops an aggregate's event 256 versions later, whether the mirror has it by then or not; and a
//! mirror is set up a while after the server starts. So a writer never runs farther ahead of the mirror than
//! the log reaches back. While no consumer is registered there is no mirror, and nothing to keep for one: who
//! registers is promised what is appended from then on, and writers ask again long before the log drops that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{ErrorCode, response::Response, stream::Info};
use tokio::time::Instant;

use super::{feed, heads::Known, hub::Hub, streams};
use crate::{Cause, HISTORY_MAX};

/// Versions after which it is asked how far the mirror is: half of what the log keeps.
const ASK_EVERY: u64 = HISTORY_MAX as u64 / 2;

/// Versions that a writer may be ahead at most; six are left for writers that race.
const AHEAD_MAX: u64 = HISTORY_MAX as u64 - 6;

/// Longest wait for the mirror; then the append is refused, and its writer tries again as after any refusal.
/// A round of appends waits meanwhile, so it is short; a mirror begins 0.1 s after its server.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Says that the mirror does not follow.
#[derive(Debug, thiserror::Error)]
#[error(
    "the mirror FEED is at {mirror} and does not reach {wanted}; appending would lose events for the audit"
)]
struct Behind {
    mirror: u64,
    wanted: u64,
}

/// What the server says of the mirror.
enum Standing {
    /// It has everything up to that sequence.
    At(u64),
    /// Nobody is registered, so that nothing has to be in it.
    NotKept,
}

/// How far the mirror is known to be, or how far none was needed.
#[derive(Default)]
pub(super) struct Mirror(AtomicU64);

impl Mirror {
    /// Whether another version may follow without asking.
    pub(super) fn is_safe_behind(known: &Known) -> bool {
        known.n.saturating_sub(known.mirrored_n) < ASK_EVERY
    }

    /// The sequence up to which everything is known to be mirrored.
    pub(super) fn sequence(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn has(&self, sequence: u64) -> bool {
        self.sequence() >= sequence
    }

    /// Makes sure that another version may follow.
    pub(super) async fn make_safe_behind(&self, hub: &Hub, known: &Known) -> Result<(), Cause> {
        if Self::is_safe_behind(known) {
            return Ok(());
        }
        match look(hub).await? {
            Standing::At(sequence) => self.note(sequence),
            Standing::NotKept => self.note(known.sequence),
        }
        if self.has(known.mark.1) || known.n.saturating_sub(known.mirrored_n) < AHEAD_MAX {
            return Ok(());
        }
        self.reach(hub, known.mark.1).await
    }

    /// Waits until everything up to that sequence is mirrored.
    pub(super) async fn reach(&self, hub: &Hub, sequence: u64) -> Result<(), Cause> {
        let deadline = Instant::now() + PATIENCE;
        while !self.has(sequence) {
            let mirror = match look(hub).await? {
                Standing::At(mirror) => mirror,
                Standing::NotKept => sequence,
            };
            self.note(mirror);
            if mirror >= sequence {
                break;
            }
            if Instant::now() >= deadline {
                return Err(Arc::new(Behind { mirror, wanted: sequence }));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn note(&self, sequence: u64) {
        self.0.fetch_max(sequence, Ordering::SeqCst);
    }
}

async fn look(hub: &Hub) -> Result<Standing, Cause> {
    let subject = format!("STREAM.INFO.{}", streams::FEED);
    let answer: Response<Info> =
        hub.jetstream.request(subject, &()).await.map_err(|error| -> Cause { Arc::new(error) })?;
    match answer {
        Response::Ok(info) => Ok(Standing::At(info.state.last_sequence)),
        // Who registers does so before there is a mirror for it.
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            Ok(if feed::floors(hub).await?.is_empty() { Standing::NotKept } else { Standing::At(0) })
        }
        Response::Err { error } => Err(Arc::new(error)),
    }
}
