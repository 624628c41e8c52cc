//! The newest signed checkpoint beside the database: an older copy in the database's place is noticed.
//!
//! A log must not sign two trees that do not continue each other, and a ledger that was put back to an older state
//! would do so with its next entries. Who removes the file too is not stopped by it, but by published copies.
//!
//! Source: C2SP tlog-checkpoint, "Signatures".

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::{open_error::OpenError, view::View};
use crate::Checkpoint;

const FILE: &str = "checkpoint";

/// Keeps a checkpoint, on the disk before anybody gets to see it.
pub(super) fn keep(folder: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let beside = folder.join("checkpoint.new");
    let mut file = File::create(&beside)?;
    file.write_all(checkpoint.as_str().as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, folder.join(FILE))
}

/// Refuses a ledger that does not have what was signed.
pub(super) fn check(folder: &Path, view: &View) -> Result<(), OpenError> {
    let Some(kept) = read(folder) else { return Ok(()) };
    let signed = kept.size();
    let same = signed <= view.size() && view.root(signed).is_ok_and(|root| root == kept.root());
    if same { Ok(()) } else { Err(OpenError::RolledBack { folder: folder.to_owned(), signed }) }
}

fn read(folder: &Path) -> Option<Checkpoint> {
    let text = match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "the checkpoint beside the ledger could not be read");
            }
            return None;
        }
    };
    let kept = text
        .parse()
        .inspect_err(|error| tracing::warn!(%error, "the checkpoint beside the ledger is broken"));
    kept.ok()
}
