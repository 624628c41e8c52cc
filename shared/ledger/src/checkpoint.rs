//! Checkpoints: what a log signs about its tree.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use model::{Digest, RetryClass};
use signed_note::{Note, NoteError, VerifierList};

use crate::{LogName, VerifierKey, merkle};

/// So many entries without a checkpoint are enough for one.
const DUE_ENTRIES: u64 = 1_000;

/// So long an entry waits for a checkpoint at most.
const DUE_AFTER: Duration = Duration::from_secs(1);

/// Whether a checkpoint should be signed: after 1,000 entries, or a second after the last one if there are any.
pub fn checkpoint_due(entries_since: u64, since: Duration) -> bool {
    entries_since >= DUE_ENTRIES || (entries_since > 0 && since >= DUE_AFTER)
}

/// Says why a checkpoint cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note, or its text is no checkpoint.
    #[error("the text is not a checkpoint")]
    Malformed,
    /// No trusted key has signed it.
    #[error("no trusted key has signed the checkpoint of {origin} at size {size}")]
    Untrusted {
        /// Its origin line.
        origin: LogName,
        /// Its tree size.
        size: u64,
    },
    /// A signature by a trusted key is wrong.
    #[error("the signature of {origin} at size {size} is wrong")]
    WrongSignature {
        /// Its origin line.
        origin: LogName,
        /// Its tree size.
        size: u64,
    },
}

impl CheckpointError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

/// A checkpoint as it is written: origin, tree size and root, with signatures that are not checked yet.
///
/// Source: C2SP tlog-checkpoint; C2SP signed-note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    text: String,
    origin: LogName,
    size: u64,
    root: Digest,
}

impl Checkpoint {
    /// The log that it says it is from.
    pub fn origin(&self) -> &LogName {
        &self.origin
    }

    /// The number of entries of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The whole note, signatures included, byte for byte.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Checks that one of the keys has signed it, and that this key is one of the log that it names.
    ///
    /// A note with a signature that no key is known for is fine: rotated keys and witnesses leave such ones.
    ///
    /// Source: C2SP signed-note, "Signatures".
    ///
    /// # Errors
    /// Permanent: no trusted signature, or a wrong one by a trusted key.
    pub fn check_signature(&self, keys: &[VerifierKey]) -> Result<(), CheckpointError> {
        let untrusted = || CheckpointError::Untrusted { origin: self.origin.clone(), size: self.size };
        let note = Note::from_bytes(self.text.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        match note.verify(&known(keys)) {
            Ok((signatures, _)) if signatures.iter().any(|one| one.name() == self.origin.as_str()) => Ok(()),
            Ok(_) | Err(NoteError::UnverifiedNote) => Err(untrusted()),
            Err(_) => Err(CheckpointError::WrongSignature { origin: self.origin.clone(), size: self.size }),
        }
    }
}

/// The keys as the notes' crate wants them; one that is given twice counts once, two keys with one id would not.
fn known(keys: &[VerifierKey]) -> VerifierList {
    let keys: BTreeMap<String, &VerifierKey> = keys.iter().map(|key| (key.to_string(), key)).collect();
    VerifierList::new(keys.into_values().map(|key| Box::new(key.verifier.clone()) as Box<_>).collect())
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        let body = tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        Ok(Self {
            text: text.to_owned(),
            origin: body.origin().parse().map_err(|_| CheckpointError::Malformed)?,
            size: body.size(),
            root: merkle::digest(*body.hash()),
        })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_after_many_entries_or_a_second() {
        let second = Duration::from_secs(1);
        for (entries, since, due) in [
            (0, second * 60, false),
            (1, second, true),
            (1, second - Duration::from_millis(1), false),
            (999, Duration::ZERO, false),
            (1_000, Duration::ZERO, true),
        ] {
            assert_eq!(checkpoint_due(entries, since), due, "{entries} {since:?}");
        }
    }
}
