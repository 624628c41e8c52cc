//! Writes the ledger: what is appended, when it is signed, and what is missing in it.

use std::{path::PathBuf, sync::Arc, time::Instant};

use bus::{LogPosition, now};
use events::Leaf;
use ledger::{Appended, Batch, Dimension, Key, Ledger, Order, Settings, SigningKey, Window, checkpoint_due};

use super::key_file::signing_key;
use crate::{
    Config, Error,
    decide::{Continuity, Gap, Standing, is_later_life, span_of},
};

/// How the ledger's file is used. What it writes is in few places, and who asks waits for a disk now and then: a cache
/// of 64 MB makes appending to a million entries a tenth faster, and the process 70 MB larger.
pub fn settings() -> Settings {
    Settings { cache_bytes: 8 * 1024 * 1024 }
}

/// Where a later life of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// Among what it has in common with the life before.
    Common,
    /// Behind that.
    Own,
}

/// Who writes the ledger. Every call may wait for the disk.
pub struct Scribe {
    ledger: Arc<Ledger>,
    key: SigningKey,
    copy: Option<PathBuf>,
    continuity: Continuity,
    /// The life of the log that it follows.
    span: String,
    /// Whether what comes may be in the ledger already, from an earlier life of the log.
    beginning: Beginning,
    /// Entries since the newest checkpoint, and when that was signed.
    unsigned: u64,
    signed: Instant,
}

impl Scribe {
    /// Opens the ledger of a log that is at that position.
    ///
    /// # Errors
    /// If it or its key cannot be used (permanent).
    pub fn open(config: &Config, position: &LogPosition) -> Result<Self, Error> {
        let ledger = Arc::new(Ledger::open(&config.folder, &settings())?);
        let key = signing_key(&config.folder, &position.incarnation)?;
        let view = ledger.view()?;
        let continuity = view.last_origin().map(|last| Continuity::after(last.incarnation, last.sequence));
        let signed = view.newest_checkpoint()?.map_or(0, |newest| newest.checkpoint.size());
        let unsigned = view.size() - signed;
        let (copy, continuity) = (config.copy.clone(), continuity.unwrap_or_default());
        let span = span_of(position, view.spans());
        let known = view.spans().last().is_some_and(|newest| newest.incarnation == span);
        let beginning = if is_later_life(&span) && !known { Beginning::Common } else { Beginning::Own };
        if beginning == Beginning::Common {
            tracing::warn!(%span, "the log went back: the ledger goes on with another life of it");
        }
        drop(view);
        Ok(Self { ledger, key, copy, continuity, span, beginning, unsigned, signed: Instant::now() })
    }

    /// The ledger, to look into.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }

    /// Under which name the log is followed, and its last place that is in the ledger; 0: none.
    ///
    /// # Errors
    /// If the disk failed (transient).
    pub fn follows(&mut self) -> Result<(String, u64), Error> {
        let last = self.ledger.view()?.last_origin().filter(|last| last.incarnation == self.span);
        Ok((self.span.clone(), last.map_or(0, |last| last.sequence)))
    }

    /// Appends what the log says; answers how much of it was new, and what is missing before it.
    ///
    /// # Errors
    /// If the disk failed (transient): append the same again. What else it is, is permanent.
    pub fn append(&mut self, batch: &Batch) -> Result<(Appended, Vec<Gap>), Error> {
        let own;
        let batch = match self.beginning {
            Beginning::Own => batch,
            Beginning::Common => {
                own = self.without_common(batch)?;
                &own
            }
        };
        let appended = self.ledger.append(batch)?;
        self.unsigned += appended.indexes.end - appended.indexes.start;
        let new = batch.entries.iter().skip(usize::try_from(appended.skipped).unwrap_or(usize::MAX));
        let mut gaps = Vec::new();
        for (entry, index) in new.zip(appended.indexes.clone()) {
            let Ok(leaf) = Leaf::decode(&entry.leaf) else { continue };
            self.remember(&leaf, index)?;
            gaps.extend(self.continuity.take(&leaf));
        }
        Ok((appended, gaps))
    }

    /// A batch without the events at its beginning that the ledger has from an earlier life of the log.
    fn without_common(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let view = self.ledger.view()?;
        let mut common = 0;
        for entry in &batch.entries {
            let key = entry.keys.iter().find(|key| key.dimension == Dimension::Event);
            let known = key.map(|key| view.by(key, &Window::default(), Order::NewestFirst, 1)).transpose()?;
            if known.is_none_or(|known| known.is_empty()) {
                self.beginning = Beginning::Own;
                break;
            }
            common += 1;
        }
        Ok(Batch { entries: batch.entries[common..].to_vec(), bodies: batch.bodies.clone() })
    }

    /// Reads what the ledger has of an aggregate, once: of most nothing happens while this process lives.
    fn remember(&mut self, leaf: &Leaf, index: u64) -> Result<(), Error> {
        let Leaf::Event(record) = leaf else { return Ok(()) };
        if !self.continuity.lacks(&record.aggregate) {
            return Ok(());
        }
        let key = Key::new(Dimension::Aggregate, &record.aggregate);
        let window = Window { indexes: 0..index, ..Window::default() };
        let before = self.ledger.view()?.by(&key, &window, Order::NewestFirst, 1)?;
        if let Some(Ok(Leaf::Event(newest))) = before.first().map(|entry| Leaf::decode(&entry.leaf)) {
            let standing =
                Standing { incarnation: newest.incarnation, n: newest.n, id: newest.id, kind: newest.kind };
            self.continuity.know(newest.aggregate, standing);
        }
        Ok(())
    }

    /// Signs what is due, and brings the copy up to it.
    ///
    /// # Errors
    /// If the disk failed (transient).
    pub fn sign_if_due(&mut self) -> Result<(), Error> {
        match checkpoint_due(self.unsigned, self.signed.elapsed()) {
            true => self.sign(),
            false => Ok(()),
        }
    }

    /// Signs all there is, and brings the copy up to it.
    ///
    /// # Errors
    /// If the disk failed (transient).
    pub fn sign(&mut self) -> Result<(), Error> {
        self.ledger.sign_checkpoint(&self.key, now())?;
        (self.unsigned, self.signed) = (0, Instant::now());
        if let Some(copy) = &self.copy {
            self.ledger.view()?.publish(copy)?;
        }
        Ok(())
    }
}
