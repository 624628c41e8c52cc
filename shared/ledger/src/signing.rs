//! The key that signs checkpoints, and the file that keeps it.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ed25519_dalek::{SECRET_KEY_LENGTH, SignatureError, Signer as _};
use model::{Digest, RetryClass};
use rand::TryRngCore as _;
use signed_note::{Note, Signer, Verifier as _, new_ed25519_verifier_key};
use zeroize::Zeroizing;

use crate::{KeyError, LogName, VerifierKey, merkle};

/// Says why a signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file could not be read or written.
    #[error("the signing key in {} could not be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a signing key: 32 bytes are expected", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("others may read the signing key in {}: its mode is {mode:03o}, 600 is expected", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gave no random bytes.
    #[error("no random bytes for a signing key")]
    Random(#[source] rand::rand_core::OsError),
    /// The key has no form as a verifier key (bug).
    #[error("the signing key has no verifier key")]
    Verifier(#[source] KeyError),
}

impl SigningKeyError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::Random(_) => RetryClass::Transient,
            Self::File { .. } | Self::Malformed { .. } | Self::Exposed { .. } => RetryClass::Permanent,
            Self::Verifier(_) => RetryClass::Bug,
        }
    }
}

/// An Ed25519 key that signs the checkpoints of one log. Its file holds the 32 bytes of the seed and nothing else.
///
/// Source: RFC 8032; C2SP signed-note, "Signatures".
pub struct SigningKey {
    name: LogName,
    key: ed25519_dalek::SigningKey,
    verifier: VerifierKey,
}

impl SigningKey {
    /// Makes a new key and its file, which only the owner may read; a file that is there stays.
    ///
    /// # Errors
    /// Permanent: the file is there or cannot be written. Transient: the system has no random bytes.
    pub fn create(path: &Path, name: LogName) -> Result<Self, SigningKeyError> {
        let mut seed = Zeroizing::new([0; SECRET_KEY_LENGTH]);
        rand::rngs::OsRng.try_fill_bytes(&mut *seed).map_err(SigningKeyError::Random)?;
        let failed = |cause| SigningKeyError::File { path: path.to_owned(), cause };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        file.write_all(&*seed).and_then(|()| file.sync_all()).map_err(failed)?;
        Self::from_seed(&seed, name)
    }

    /// Reads the key from its file.
    ///
    /// # Errors
    /// Permanent: the file cannot be read, others may read it, or it holds something else.
    pub fn open(path: &Path, name: LogName) -> Result<Self, SigningKeyError> {
        let failed = |cause| SigningKeyError::File { path: path.to_owned(), cause };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SigningKeyError::Exposed { path: path.to_owned(), mode });
        }
        let bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
        let malformed = || SigningKeyError::Malformed { path: path.to_owned() };
        let seed: &[u8; SECRET_KEY_LENGTH] = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Self::from_seed(seed, name)
    }

    /// The key with that seed; for one that is kept elsewhere than in a file.
    ///
    /// # Errors
    /// Bug: the key has no form as a verifier key.
    pub fn from_seed(seed: &[u8; SECRET_KEY_LENGTH], name: LogName) -> Result<Self, SigningKeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let text = new_ed25519_verifier_key(name.as_str(), &key.verifying_key());
        let verifier = text.parse().map_err(SigningKeyError::Verifier)?;
        Ok(Self { name, key, verifier })
    }

    /// The log that it signs for.
    pub fn name(&self) -> &LogName {
        &self.name
    }

    /// The key that checks what this one signs.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// A signed checkpoint as text; `None` cannot be, but for a bug in the crates below.
    pub(crate) fn sign(&self, size: u64, root: Digest) -> Option<String> {
        let body = tlog_tiles::Checkpoint::new(self.name.as_str(), size, merkle::hash(&root), "").ok()?;
        let mut note = Note::new(&body.to_bytes(), &[]).ok()?;
        note.add_sigs(&[self]).ok()?;
        String::from_utf8(note.to_bytes()).ok()
    }
}

impl Signer for SigningKey {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn key_id(&self) -> u32 {
        self.verifier.verifier.key_id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.key.try_sign(message)?.to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let name: LogName = "example.com/audit".parse().unwrap();
        let made = SigningKey::create(&path, name.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(SigningKey::create(&path, name.clone()), Err(SigningKeyError::File { .. })));
        let read = SigningKey::open(&path, name.clone()).unwrap();
        assert_eq!(read.verifier_key(), made.verifier_key());
        assert_eq!(format!("{read:?}"), format!("SigningKey({})", read.verifier_key()));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = SigningKey::open(&path, name.clone()).unwrap_err();
        assert!(matches!(refused, SigningKeyError::Exposed { mode: 0o640, .. }), "{refused}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [0; 31]).unwrap();
        assert!(matches!(SigningKey::open(&path, name), Err(SigningKeyError::Malformed { .. })));
    }

    #[test]
    fn what_it_signs_is_a_checkpoint() {
        let key = SigningKey::from_seed(&[7; 32], "example.com/audit".parse().unwrap()).unwrap();
        let text = SigningKey::sign(&key, 5, Digest::of(b"root")).unwrap();
        let checkpoint: crate::Checkpoint = text.parse().unwrap();
        assert_eq!((checkpoint.size(), checkpoint.root()), (5, Digest::of(b"root")));
        checkpoint.check_signature(&[key.verifier_key().clone()]).unwrap();
        let other = SigningKey::from_seed(&[8; 32], key.name().clone()).unwrap();
        assert!(checkpoint.check_signature(&[other.verifier_key().clone()]).is_err());
    }

    /// A key that is trusted for one log says nothing about another one.
    #[test]
    fn a_trusted_key_of_another_log_does_not_count() {
        let [audit, other] = ["example.com/audit", "example.com/other"]
            .map(|name| SigningKey::from_seed(&[7; 32], name.parse().unwrap()).unwrap());
        let text = SigningKey::sign(&audit, 5, Digest::of(b"root")).unwrap();
        let body = text.split_once("\n\n").unwrap().0.to_owned() + "\n";
        let mut note = Note::new(body.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&other]).unwrap();
        let keys = [audit.verifier_key().clone(), other.verifier_key().clone()];
        let checkpoint: crate::Checkpoint = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
        assert!(matches!(checkpoint.check_signature(&keys), Err(crate::CheckpointError::Untrusted { .. })));
        // Beside the log's own signature it does no harm: a witness signs so.
        note.add_sigs(&[&audit]).unwrap();
        let checkpoint: crate::Checkpoint = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
        checkpoint.check_signature(&keys).unwrap();
        checkpoint.check_signature(&keys[..1]).unwrap();
    }
}
