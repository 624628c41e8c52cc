//! The wire: what an event looks like in the log, and the state that each event carries.
//!
//! An event carries the state of its aggregate *after* it, so the newest event is the state: readers never
//! fold. Payloads are MessagePack maps with field names (never the array form, which breaks old readers on
//! any added field). This crate knows no backend; it encodes, decodes and derives ids.

#![warn(missing_docs)]

pub mod content;
pub mod envelope;
pub mod event_type;
pub mod leaf;
pub mod named;
pub mod state;
pub mod table;

pub use content::Content;
pub use envelope::{Draft, Event, EventId};
pub use event_type::EventType;
pub use leaf::{Leaf, Record, Unreadable};
pub use named::{Named, artifacts_of, blobs_of};
pub use state::{DecodeError, State, decode, encode};
pub use table::Table;
