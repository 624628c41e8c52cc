//! Bodies: what leaves name by their digest.

use std::io::Read as _;

use bytes::Bytes;
use model::Digest;
use redb::{ReadableTable, Table};

use super::{
    entry::{BODY_BYTES_MAX, Body},
    layout,
};

/// Shorter bodies are stored as they are: compressing them gains little.
const PLAIN_BYTES_MAX: usize = 1_024;

/// As in the blobs of the event log: higher levels cost much time for little space.
const LEVEL: i32 = 3;

/// First byte of a stored body.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Stores a body that is not there yet.
pub(super) fn add(
    table: &mut Table<'_, &'static [u8; 32], &'static [u8]>,
    body: &Body,
) -> Result<(), redb::Error> {
    if table.get(body.digest.as_bytes())?.is_some() {
        return Ok(());
    }
    let stored = encode(&body.bytes)?;
    layout::add(table, body.digest.as_bytes(), stored.as_slice(), || format!("the body {}", body.digest))
}

fn encode(bytes: &[u8]) -> Result<Vec<u8>, redb::Error> {
    let mut stored = vec![PLAIN];
    if bytes.len() <= PLAIN_BYTES_MAX {
        stored.extend_from_slice(bytes);
    } else {
        stored[0] = ZSTD;
        zstd::stream::copy_encode(bytes, &mut stored, LEVEL).map_err(redb::Error::Io)?;
    }
    Ok(stored)
}

/// The body with that digest; `None` if something else is stored there.
pub(super) fn decode(digest: &Digest, stored: &[u8]) -> Option<Bytes> {
    let (form, stored) = stored.split_first()?;
    let bytes = match *form {
        PLAIN => stored.to_vec(),
        ZSTD => {
            // Bounded, so that a few bytes cannot become all memory.
            let mut bytes = Vec::new();
            let decoder = zstd::stream::Decoder::new(stored).ok()?;
            decoder.take(BODY_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
            bytes
        }
        _ => return None,
    };
    (Digest::of(&bytes) == *digest).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_read_back_only_under_their_digest() {
        for bytes in [vec![], vec![7; 1_024], vec![7; 100_000]] {
            let stored = encode(&bytes).unwrap();
            assert!(stored.len() <= 1_025, "{}", stored.len());
            assert_eq!(decode(&Digest::of(&bytes), &stored).as_deref(), Some(bytes.as_slice()));
            assert_eq!(decode(&Digest::of(b"other"), &stored), None);
            assert_eq!(decode(&Digest::of(&bytes), &[&[2], &stored[1..]].concat()), None);
        }
    }
}
