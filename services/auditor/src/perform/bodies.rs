//! The redacted blobs that events name, copied before the events are acknowledged: the log drops them some day.

use std::{collections::HashSet, sync::Arc};

use bus::{FeedItem, Log};
use events::blobs_of;
use futures::StreamExt as _;
use ledger::Body;
use model::Digest;

use crate::Error;

/// Blobs that are known to be in the ledger: most are named again and again. 32 bytes each, some 6 MB with the table.
const KNOWN_MAX: usize = 100_000;

/// Blobs that are read at once.
const AT_ONCE: usize = 8;

/// Copies blobs, each once as far as it remembers.
pub struct Bodies {
    log: Arc<dyn Log>,
    known: HashSet<Digest>,
}

impl Bodies {
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, known: HashSet::new() }
    }

    /// The bodies of what these entries name and the ledger may not have.
    ///
    /// # Errors
    /// If the log does not answer any more (transient).
    pub async fn of(&mut self, items: &[FeedItem]) -> Result<Vec<Body>, Error> {
        let mut wanted: Vec<Digest> =
            items.iter().flat_map(named).filter(|it| !self.known.contains(it)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let log = &self.log;
        let mut reading = futures::stream::iter(wanted)
            .map(|digest| async move { (digest, log.get_blob(&digest).await) })
            .buffer_unordered(AT_ONCE);
        let mut bodies = Vec::new();
        while let Some((digest, blob)) = reading.next().await {
            match blob {
                Ok(Some(bytes)) => bodies.push(Body { digest, bytes }),
                // What was swept meanwhile stays known by its digest, and so does what is damaged.
                Ok(None) => tracing::warn!(%digest, "a blob that an event names is gone"),
                Err(bus::BlobError::Unavailable(cause)) => {
                    return Err(Error::Read(bus::ReadError::Unavailable(cause)));
                }
                Err(error) => tracing::warn!(%digest, %error, "a blob that an event names cannot be read"),
            }
        }
        Ok(bodies)
    }

    /// Notes that these are in the ledger.
    pub fn stored(&mut self, bodies: &[Body]) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.extend(bodies.iter().map(|body| body.digest));
    }
}

/// The redacted blobs that an entry names; none of what cannot be read.
fn named(item: &FeedItem) -> Vec<Digest> {
    match item {
        FeedItem::Event(event) => blobs_of(event).map(|named| named.redacted().collect()).unwrap_or_default(),
        FeedItem::Undecodable { .. } => vec![],
    }
}
