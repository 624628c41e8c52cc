//! How states become payloads.

use serde::{Serialize, de::DeserializeOwned};

/// A state of one kind of aggregate.
pub trait State: Serialize + DeserializeOwned {
    /// Version of the format written; readers accept it and the one before.
    const FORMAT: u16;
}

/// Says why a payload could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer process wrote it.
    #[error("format {found} is newer than {known}, the newest known here")]
    Newer {
        /// Format of the payload.
        found: u16,
        /// Newest format known here.
        known: u16,
    },
    /// The bytes are not what the format says.
    #[error("the payload could not be decoded")]
    Undecodable(#[source] rmp_serde::decode::Error),
}

/// Encodes a state as a map with field names.
///
/// # Errors
/// If a value has no encoding (bug).
pub fn encode<S: Serialize>(state: &S) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(state)
}

/// Decodes a state of the given format.
///
/// # Errors
/// `Newer`: this process must not write the aggregate. `Undecodable`: the aggregate is parked. Both permanent.
pub fn decode<S: State>(format: u16, payload: &[u8]) -> Result<S, DecodeError> {
    if format > S::FORMAT {
        return Err(DecodeError::Newer { found: format, known: S::FORMAT });
    }
    rmp_serde::from_slice(payload).map_err(DecodeError::Undecodable)
}
