//! The key of the ledger: made with it, and kept beside it with the key that checks what it signs.

use std::{fs, io, path::Path};

use ledger::{LogName, SigningKey, SigningKeyError, VerifierKey};

/// The file with the key that signs, for its owner alone.
const SIGNS: &str = "signing-key";

/// The file with the key that checks, to be handed on: `name+hash+base64` and a line end.
pub const CHECKS: &str = "verifier-key";

/// What the names of ledgers begin with. Source: C2SP tlog-checkpoint: a name no other log has.
const NAMES: &str = "driftless.dev/ledger/";

/// Says why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file with the key that checks cannot be read or written.
    #[error("{path} could not be used: {cause}")]
    File {
        /// Its path.
        path: String,
        /// What went wrong.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("{path} holds no key that checks signatures")]
    Malformed {
        /// Its path.
        path: String,
    },
    /// The two keys do not belong together.
    #[error("the signing key in {folder} is not the one whose signatures the key beside it checks")]
    Strangers {
        /// The folder of both.
        folder: String,
    },
    /// The key that signs cannot be read or made.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
}

/// The key in a file that checks the checkpoints of a ledger.
///
/// # Errors
/// If there is none, or something else (permanent).
pub fn verifier_key(path: &Path) -> Result<VerifierKey, KeyFileError> {
    let text = fs::read_to_string(path)
        .map_err(|cause| KeyFileError::File { path: path.display().to_string(), cause })?;
    text.trim().parse().map_err(|_| KeyFileError::Malformed { path: path.display().to_string() })
}

/// The key that signs in a folder; a new one, named after the log with that incarnation, if there is none.
///
/// # Errors
/// If the files cannot be used (permanent).
pub(super) fn signing_key(folder: &Path, incarnation: &str) -> Result<SigningKey, KeyFileError> {
    let (signs, checks) = (folder.join(SIGNS), folder.join(CHECKS));
    let malformed = |path: &Path| KeyFileError::Malformed { path: path.display().to_string() };
    let fresh: LogName = format!("{NAMES}{incarnation}").parse().map_err(|_| malformed(&checks))?;
    if !signs.exists() {
        let key = SigningKey::create(&signs, fresh.clone())?;
        write(&checks, &key)?;
        return Ok(key);
    }
    // A process that ended between the two files left a key that has signed nothing yet.
    if !checks.exists() {
        let key = SigningKey::open(&signs, fresh.clone())?;
        write(&checks, &key)?;
        return Ok(key);
    }
    let known = verifier_key(&checks)?;
    let name = known.name().parse().map_err(|_| malformed(&checks))?;
    let key = SigningKey::open(&signs, name)?;
    match key.verifier_key().to_string() == known.to_string() {
        true => Ok(key),
        false => Err(KeyFileError::Strangers { folder: folder.display().to_string() }),
    }
}

fn write(path: &Path, key: &SigningKey) -> Result<(), KeyFileError> {
    fs::write(path, format!("{}\n", key.verifier_key()))
        .map_err(|cause| KeyFileError::File { path: path.display().to_string(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_keeps_its_key_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| signing_key(folder.path(), name);
        let first = key("one").unwrap();
        assert_eq!(key("other").unwrap().verifier_key().to_string(), first.verifier_key().to_string());
        assert_eq!(verifier_key(&folder.path().join(CHECKS)).unwrap().name(), "driftless.dev/ledger/one");
        fs::remove_file(folder.path().join(CHECKS)).unwrap();
        key("one").unwrap();
        fs::remove_file(folder.path().join(SIGNS)).unwrap();
        fs::remove_file(folder.path().join(CHECKS)).unwrap();
        let other = key("one").unwrap();
        fs::write(folder.path().join(CHECKS), first.verifier_key().to_string()).unwrap();
        assert!(matches!(key("one"), Err(KeyFileError::Strangers { .. })));
        assert_ne!(other.verifier_key().to_string(), first.verifier_key().to_string());
    }
}
