//! The audit ledger: an append-only store of entries under a Merkle tree, and what checks it.
//!
//! [`Ledger`] appends batches and signs checkpoints; a [`View`] answers questions about one state of it, proves,
//! publishes and checks the whole. [`verify`] judges proofs and published copies from bytes alone: it is compiled
//! without the database too. This crate knows bytes, positions and keys for searching; it must not know what a
//! leaf means. Only here are the crates for trees, notes and signatures named.
//!
//! Nothing that was appended can be changed or removed: there is no function for it.

#![warn(missing_docs)]

pub mod checkpoint;
pub mod key;
mod merkle;
pub mod proof_file;
#[cfg(feature = "store")]
pub mod signing;
#[cfg(feature = "store")]
pub mod store;
mod tile_path;
pub mod verify;

pub use checkpoint::{Checkpoint, CheckpointError, checkpoint_due};
pub use key::{KeyError, LogName, VerifierKey};
pub use proof_file::{MalformedProof, ProofFile};
#[cfg(feature = "store")]
pub use signing::{SigningKey, SigningKeyError};
#[cfg(feature = "store")]
pub use store::{
    AppendError, Appended, Archive, AuditError, Batch, Body, Dimension, Door, Entry, Facts, Key, Ledger,
    OpenError, Order, Origin, Progress, PublishError, Published, ReadError, Rules, Settings, SignError, Span,
    StoredCheckpoint, StoredEntry, View, Window,
};
