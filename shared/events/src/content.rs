//! Content that is small in most events and large in few: inline, or a blob.

use model::Digest;
use serde::{Deserialize, Serialize};

/// Largest inline content, in bytes; above it a blob carries it, so that an event stays below its bound.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;

/// Bytes, inline or in a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The bytes themselves; at most [`INLINE_BYTES_MAX`].
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The address of a blob that holds them.
    Blob(Digest),
}
