//! A target's state as it goes into an event: whole while it fits, with what grows in blobs when it does not.

use events::{
    Content, Table,
    content::INLINE_BYTES_MAX,
    envelope::PAYLOAD_BYTES_MAX,
    state::{ReleaseOutcome, RequestOutcome, TargetState},
};
use model::Digest;
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// The largest plan that stays in its event: most are far smaller, and the next event carries it again.
const PLAN_BYTES_MAX: usize = INLINE_BYTES_MAX / 2;

/// Of a state that does not fit, parts of that size stay where they are: their address would be hardly shorter.
const PART_BYTES_MAX: usize = 256;

/// A state, encoded, and the blobs to put before it is appended: address and bytes.
#[derive(Debug, Default)]
pub struct Laid {
    pub payload: Vec<u8>,
    pub blobs: Vec<(Digest, Vec<u8>)>,
}

/// Lays a state out. What is left of one that is told within its bounds fits into an event.
///
/// # Errors
/// `Content` if it has no encoding (bug).
pub fn lay(mut state: TargetState) -> Result<Laid, Error> {
    let mut blobs = Vec::new();
    if let Some(planned) = &mut state.plan {
        move_content(&mut planned.plan, PLAN_BYTES_MAX, &mut blobs);
    }
    let payload = encode(&state)?;
    if payload.len() <= PAYLOAD_BYTES_MAX {
        return Ok(Laid { payload, blobs });
    }
    if let Some(planned) = &mut state.plan {
        move_content(&mut planned.plan, PART_BYTES_MAX, &mut blobs);
    }
    for handled in &mut state.handled {
        if let RequestOutcome::Previewed(preview) = &mut handled.outcome {
            move_content(preview, PART_BYTES_MAX, &mut blobs);
        }
    }
    move_rows(&mut state.drift, &mut blobs)?;
    state.heals_paged = Table::Inline(std::mem::take(&mut state.heals));
    move_rows(&mut state.heals_paged, &mut blobs)?;
    state.refreshed_paged = Table::Inline(std::mem::take(&mut state.refreshed));
    move_rows(&mut state.refreshed_paged, &mut blobs)?;
    if let Some(release) = &mut state.released
        && let ReleaseOutcome::Abandoned { inventory, .. } = &mut release.outcome
    {
        move_rows(inventory, &mut blobs)?;
    }
    Ok(Laid { payload: encode(&state)?, blobs })
}

fn encode(state: &TargetState) -> Result<Vec<u8>, Error> {
    events::encode(state).map_err(|error| unlaid(&error))
}

fn unlaid(error: &dyn std::error::Error) -> Error {
    Error::Content { what: "the state of a target", reason: error.to_string() }
}

fn move_content(content: &mut Content, bytes_max: usize, blobs: &mut Vec<(Digest, Vec<u8>)>) {
    if let Content::Inline(bytes) = content
        && bytes.len() > bytes_max
    {
        let bytes = std::mem::take(bytes);
        let digest = Digest::of(&bytes);
        blobs.push((digest, bytes));
        *content = Content::Blob(digest);
    }
}

fn move_rows<Row: Serialize + DeserializeOwned>(
    table: &mut Table<Row>,
    blobs: &mut Vec<(Digest, Vec<u8>)>,
) -> Result<(), Error> {
    if let Table::Inline(rows) = table {
        let rows = std::mem::take(rows);
        let laid = Table::lay(rows, PART_BYTES_MAX).map_err(|error| unlaid(&error))?;
        *table = laid.table;
        blobs.extend(laid.blobs);
    }
    Ok(())
}
