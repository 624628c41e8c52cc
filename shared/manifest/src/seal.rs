//! Sealing: authenticated encryption of blobs under the install key.
//!
//! # Design notes
//! Blobs are named by the digest of their bytes, so equal contents must give equal sealed bytes. The nonce is
//! therefore a keyed hash of the contents (as in SIV modes): a nonce repeats only if the contents do, and
//! then nothing is told but that they are equal. 192 bits of nonce leave no room for chance.
//! Layout: version byte, 8 bytes of key id, 24 bytes of nonce, ciphertext with its 16-byte tag.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use model::RetryClass;

use crate::{
    InstallKey,
    key::{hex, keyed_hash},
};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8;
const NONCE: usize = 24;

/// Says why sealed bytes cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// They were sealed under an install key that is not at hand.
    #[error("sealed under key {sealed}, but the install key is {ours}")]
    WrongKey {
        /// Id of the key that sealed them.
        sealed: String,
        /// Ids of the keys at hand, that in force first.
        ours: String,
    },
    /// They were changed, cut, sealed for another purpose, or never sealed.
    #[error("the sealed bytes are damaged or were sealed for another purpose")]
    Corrupt,
}

impl OpenError {
    /// Always [`RetryClass::Permanent`]: another key or another copy is needed.
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }

    /// `SEAL-KEY` or `SEAL-CORRUPT`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKey { .. } => "SEAL-KEY",
            Self::Corrupt => "SEAL-CORRUPT",
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::WrongKey { .. } => {
                "add that key of the platform to the key file of this role, below the one in force, and start it again"
            }
            Self::Corrupt => "the blob is made again from Git at the next render; check the disk it was on",
        }
    }
}

/// Seals bytes for one purpose. Equal bytes, purpose and key give equal results.
pub fn seal(key: &InstallKey, purpose: &str, plaintext: &[u8]) -> Vec<u8> {
    let nonce_key = key.derive(&format!("nonce {purpose}"));
    let nonce = &keyed_hash(&nonce_key, &[plaintext])[..NONCE];
    let mut sealed = Vec::with_capacity(HEADER + NONCE + plaintext.len() + 16);
    sealed.push(VERSION);
    sealed.extend(key.id_bytes());
    let payload = Payload { msg: plaintext, aad: &sealed };
    let body = cipher(key, purpose).encrypt(&x_nonce(nonce), payload);
    let body = body.expect("encryption fails only beyond 256 GiB");
    sealed.extend_from_slice(nonce);
    sealed.extend(body);
    sealed
}

/// Opens what [`seal`] made for the same purpose, under whichever of the keys.
///
/// # Errors
/// Permanent: [`OpenError::WrongKey`], [`OpenError::Corrupt`].
pub fn open(key: &InstallKey, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (header, rest) = sealed.split_at_checked(HEADER).ok_or(OpenError::Corrupt)?;
    let (nonce, body) = rest.split_at_checked(NONCE).ok_or(OpenError::Corrupt)?;
    if header[0] != VERSION {
        return Err(OpenError::Corrupt);
    }
    let Some(key) = key.all().find(|key| header[1..] == key.id_bytes()) else {
        let ours = key.all().map(InstallKey::key_id).collect::<Vec<_>>().join(", ");
        return Err(OpenError::WrongKey { sealed: hex(&header[1..]), ours });
    };
    let payload = Payload { msg: body, aad: header };
    cipher(key, purpose).decrypt(&x_nonce(nonce), payload).map_err(|_| OpenError::Corrupt)
}

fn cipher(key: &InstallKey, purpose: &str) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.derive(&format!("seal {purpose}"))).into())
}

fn x_nonce(bytes: &[u8]) -> XNonce {
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(bytes);
    nonce.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> InstallKey {
        InstallKey::from_bytes([7; 32])
    }

    #[test]
    fn another_key_and_another_purpose_do_not_open() {
        let sealed = seal(&key(), "artifact", b"text");
        let other = InstallKey::from_bytes([8; 32]);
        let wrong = OpenError::WrongKey { sealed: key().key_id(), ours: other.key_id() };
        assert_eq!(open(&other, "artifact", &sealed), Err(wrong));
        assert_eq!(open(&key(), "secrets", &sealed), Err(OpenError::Corrupt));
        assert_eq!(open(&key(), "artifact", b""), Err(OpenError::Corrupt));
        assert_ne!(sealed, seal(&key(), "secrets", b"text"));
    }

    #[test]
    fn a_previous_key_opens_and_does_not_seal() {
        let new = InstallKey::from_bytes([8; 32]);
        let both = InstallKey::from_lines(&format!("{}\n{}", *new.to_hex(), *key().to_hex())).unwrap();
        assert_eq!(open(&both, "p", &seal(&key(), "p", b"text")).unwrap(), b"text");
        assert_eq!(seal(&both, "p", b"text"), seal(&new, "p", b"text"));
        let stranger = seal(&InstallKey::from_bytes([9; 32]), "p", b"text");
        let Err(OpenError::WrongKey { ours, .. }) = open(&both, "p", &stranger) else { panic!("not ours") };
        assert_eq!(ours, format!("{}, {}", new.key_id(), key().key_id()));
    }

    #[test]
    fn other_contents_have_another_nonce() {
        let nonce = |text: &[u8]| seal(&key(), "p", text)[HEADER..HEADER + NONCE].to_vec();
        assert_ne!(nonce(b"a"), nonce(b"b"));
        assert_ne!(nonce(b"a"), nonce(b""));
    }

    proptest! {
        #[test]
        fn opens_to_the_same_bytes_and_equal_bytes_seal_equally(text in prop::collection::vec(any::<u8>(), 0..64)) {
            let sealed = seal(&key(), "p", &text);
            prop_assert_eq!(&sealed, &seal(&key(), "p", &text));
            prop_assert_eq!(open(&key(), "p", &sealed).unwrap(), text);
        }

        #[test]
        fn any_changed_or_missing_byte_is_noticed(text in prop::collection::vec(any::<u8>(), 0..32), at: usize, bit in 0_u8..8) {
            let mut sealed = seal(&key(), "p", &text);
            let at = at % sealed.len();
            prop_assert!(open(&key(), "p", &sealed[..at]).is_err());
            sealed[at] ^= 1_u8 << bit;
            prop_assert!(open(&key(), "p", &sealed).is_err());
        }
    }
}
