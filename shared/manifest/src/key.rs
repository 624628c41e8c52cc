//! The install key: the one secret from which redaction and sealing derive theirs.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use model::RetryClass;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Most keys of one installation: one in force, and those that rotations have left until nothing needs them.
pub const KEYS_MAX: usize = 8;

/// 32 secret bytes that belong to one installation, and those that did before; wiped from memory when dropped,
/// never shown.
///
/// Everything is made under the key in force. The previous ones open what was sealed under them, and tell that a
/// value is the same although its hash is another one.
#[derive(Clone)]
pub struct InstallKey {
    secret: Zeroizing<[u8; 32]>,
    id: [u8; 8],
    previous: Vec<InstallKey>,
}

/// Says that a text is not an install key. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallKeyError {
    /// It is something else.
    #[error("not an install key: 64 hexadecimal digits are expected")]
    Malformed,
    /// A line among others is something else.
    #[error("line {0} is not an install key: 64 hexadecimal digits are expected")]
    Line(usize),
    /// More keys than [`KEYS_MAX`].
    #[error("more than {KEYS_MAX} install keys")]
    TooMany,
}

impl InstallKeyError {
    /// Always [`RetryClass::Permanent`].
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

impl InstallKey {
    /// The key made of these bytes, which should come from a strong source of randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let secret = Zeroizing::new(bytes);
        let mut id = [0; 8];
        id.copy_from_slice(&keyed_hash(&secret, &[b"driftless key id"])[..8]);
        Self { secret, id, previous: Vec::new() }
    }

    /// Reads the lines of a key file: the key in force, then the previous ones, the newest of them first. Empty
    /// lines are ignored.
    ///
    /// # Errors
    /// Permanent: a line is something else, there is none, or there are too many.
    pub fn from_lines(text: &str) -> Result<Self, InstallKeyError> {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let read = |(number, line)| Self::from_hex(line).map_err(|_| InstallKeyError::Line(number));
        let mut keys = lines.map(read).collect::<Result<Vec<_>, _>>()?;
        if keys.len() > KEYS_MAX {
            return Err(InstallKeyError::TooMany);
        }
        let previous = keys.split_off(keys.len().min(1));
        let first = keys.pop().ok_or(InstallKeyError::Malformed)?;
        Ok(Self { previous, ..first })
    }

    /// The keys of the installation, that in force first, each for itself.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.previous)
    }

    /// Reads 64 hexadecimal digits, as [`InstallKey::to_hex`] writes them; white space around them is ignored.
    ///
    /// # Errors
    /// Permanent: it is something else.
    pub fn from_hex(text: &str) -> Result<Self, InstallKeyError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(InstallKeyError::Malformed);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self::from_bytes(*bytes))
    }

    /// The key as 64 hexadecimal digits, for the one file that holds it.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.secret.as_slice()))
    }

    /// Names the key without telling it: 16 hexadecimal digits derived from it.
    pub fn key_id(&self) -> String {
        hex(&self.id)
    }

    /// The bytes of [`InstallKey::key_id`].
    pub(crate) fn id_bytes(&self) -> [u8; 8] {
        self.id
    }

    /// A key for one purpose; keys of different purposes tell nothing about each other.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(keyed_hash(&self.secret, &[b"driftless purpose ", purpose.as_bytes()]))
    }
}

impl fmt::Debug for InstallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstallKey({})", self.key_id())
    }
}

/// HMAC-SHA256 over the parts, one after the other.
pub(crate) fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digit(byte: u8) -> Result<u8, InstallKeyError> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(InstallKeyError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_round_trips_and_nothing_else_is_a_key() {
        let key = InstallKey::from_bytes([0xa5; 32]);
        let text = key.to_hex();
        assert_eq!(InstallKey::from_hex(&format!("{}\n", *text)).unwrap().key_id(), key.key_id());
        for bad in ["", "a5", &text[1..], &"g".repeat(64), &"é".repeat(32)] {
            assert!(InstallKey::from_hex(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_holds_the_key_in_force_and_the_previous_ones() {
        let hex = |byte: u8| InstallKey::from_bytes([byte; 32]).to_hex();
        let ids = |text: &str| -> Result<Vec<String>, InstallKeyError> {
            Ok(InstallKey::from_lines(text)?.all().map(InstallKey::key_id).collect())
        };
        let id = |byte: u8| InstallKey::from_bytes([byte; 32]).key_id();
        assert_eq!(ids(&hex(1)), Ok(vec![id(1)]));
        assert_eq!(ids(&format!("\n {} \r\n\n{}\n", *hex(2), *hex(1))), Ok(vec![id(2), id(1)]));
        assert_eq!(ids(" \n"), Err(InstallKeyError::Malformed));
        assert_eq!(ids(&format!("{}\n\nnone", *hex(1))), Err(InstallKeyError::Line(3)));
        let many = |count: usize| format!("{}\n", *hex(1)).repeat(count);
        assert!(ids(&many(KEYS_MAX)).is_ok());
        assert_eq!(ids(&many(KEYS_MAX + 1)), Err(InstallKeyError::TooMany));
    }

    #[test]
    fn debug_tells_the_id_only() {
        let key = InstallKey::from_bytes([0x11; 32]);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("InstallKey({})", key.key_id()));
        assert_eq!(key.key_id().len(), 16);
        assert!(!shown.contains("1111"));
    }

    #[test]
    fn purposes_and_keys_are_apart() {
        let (a, b) = (InstallKey::from_bytes([1; 32]), InstallKey::from_bytes([2; 32]));
        assert_ne!(*a.derive("x"), *a.derive("y"));
        assert_ne!(*a.derive("x"), *b.derive("x"));
        assert_ne!(a.key_id(), b.key_id());
    }
}
