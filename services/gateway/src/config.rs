//! What the gateway is started with.

use std::{fmt, time::Duration};

use bus::freshness::STALE_AFTER;
use ledger::Door;

/// Where the gateway listens unless told otherwise: this machine only.
pub const LISTEN: &str = "127.0.0.1:8620";

/// What the gateway is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What a caller of the API has to show; `None`: nothing, which is allowed on a loopback address only.
    pub token: Option<Token>,
    /// What webhooks are signed with; `None`: none is taken.
    pub webhook_secret: Option<Token>,
    /// How old a status may be until it is stale.
    pub stale_after: Duration,
    /// Names the key of the log, for backups; `None`: it is not known here.
    pub key_id: Option<String>,
    /// Leads to the audit ledger, where this process writes it.
    pub ledger: Door,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            webhook_secret: None,
            stale_after: STALE_AFTER,
            key_id: None,
            ledger: Door::default(),
        }
    }
}

/// A secret text. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a text; `None` if nothing is left of it without the spaces around it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// Its bytes, for comparing and signing.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown_and_not_empty() {
        assert_eq!(format!("{:?}", Token::new(" s3cret\n").unwrap()), "Token(…)");
        assert_eq!(Token::new(" \n"), None);
    }
}
