//! Who signs: names of logs, and the keys that check what they signed.

use std::{fmt, str::FromStr};

use model::RetryClass;
use signed_note::{StandardVerifier, Verifier as _, is_key_name_valid};

/// Longest name of a log, in bytes: as long as a host name may be.
const NAME_BYTES_MAX: usize = 253;

/// Says why a name or a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a name of a log.
    #[error(
        "{0:?} is no name of a log: 1 to 253 bytes without spaces, control characters and `+` are expected"
    )]
    Name(String),
    /// Not a verifier key.
    #[error("not a verifier key: `name+hash+base64` for Ed25519 is expected")]
    Verifier,
}

impl KeyError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }
}

/// The name of a log: the origin line of its checkpoints and the name of its key.
///
/// Source: C2SP signed-note, "Format"; C2SP tlog-checkpoint, "Note text".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName(String);

impl LogName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogName {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let valid =
            is_key_name_valid(text) && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
        if valid { Ok(Self(text.to_owned())) } else { Err(KeyError::Name(text.to_owned())) }
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that checks signatures of one log. Its text is `name+hash+base64`.
///
/// Source: C2SP signed-note, "Verifier keys".
#[derive(Clone)]
pub struct VerifierKey {
    text: String,
    pub(crate) verifier: StandardVerifier,
}

impl VerifierKey {
    /// The log that signs with it.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim().to_owned();
        let verifier = StandardVerifier::new(&text).map_err(|_| KeyError::Verifier)?;
        let _: LogName = verifier.name().parse()?;
        Ok(Self { text, verifier })
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({})", self.text)
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VerifierKey {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: C2SP signed-note, "Verifier keys": the example there.
    const EXAMPLE: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn verifier_keys_are_read_and_shown() {
        let key: VerifierKey = EXAMPLE.parse().unwrap();
        assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", EXAMPLE));
        for broken in
            ["", "a+b", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "x+00000000+"]
        {
            assert_eq!(broken.parse::<VerifierKey>(), Err(KeyError::Verifier), "{broken}");
        }
    }

    #[test]
    fn names_are_checked() {
        assert!("example.com/audit".parse::<LogName>().is_ok());
        for broken in ["", "a b", "a+b", "a\u{7f}b", "a\nb", &"x".repeat(254)] {
            assert!(broken.parse::<LogName>().is_err(), "{broken:?}");
        }
    }
}
