//! Names of sources, clusters and applications.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name, in bytes: a Kubernetes label value and a subject token of the log must both hold it.
/// Source: RFC 1123 label, Kubernetes "Object Names and IDs".
pub const NAME_BYTES_MAX: usize = 63;

/// What the fleet repository itself is called, as a source and as the application that is rendered from it; nothing in
/// it may be called so.
pub const FLEET: &str = "driftless-fleet";

/// Says why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a name: use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"
)]
pub struct NameError {
    text: String,
}

fn check(text: &str) -> Result<(), NameError> {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    let inner = bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    if bytes.len() <= NAME_BYTES_MAX && edge(bytes.first()) && edge(bytes.last()) && inner {
        Ok(())
    } else {
        Err(NameError { text: text.chars().take(80).collect() })
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text: an RFC 1123 label of 1 to 63 bytes.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// Names a `Source`.
    SourceName
);
name_type!(
    /// Names a `Cluster`.
    ClusterName
);
name_type!(
    /// Names an `Application`.
    ApplicationName
);

impl SourceName {
    /// The fleet repository.
    pub fn fleet() -> Self {
        Self(FLEET.to_owned())
    }
}

impl ApplicationName {
    /// What is rendered from the fleet repository.
    pub fn fleet() -> Self {
        Self(FLEET.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labels_are_names() {
        let long = "a".repeat(64);
        for (text, good) in [
            ("shop", true),
            ("eu-1", true),
            ("0", true),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("a.b", false),
            ("A", false),
            ("a b", false),
            ("a*", false),
            (long.as_str(), false),
            (&long[..63], true),
        ] {
            assert_eq!(text.parse::<ApplicationName>().is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn the_name_of_the_fleet_is_one() {
        assert_eq!(FLEET.parse(), Ok(SourceName::fleet()));
        assert_eq!(FLEET.parse(), Ok(ApplicationName::fleet()));
    }

    #[test]
    fn a_bad_name_does_not_get_in_through_serde() {
        assert!(serde_json::from_str::<ClusterName>("\"eu-1\"").is_ok());
        assert!(serde_json::from_str::<ClusterName>("\"ev.>\"").is_err());
    }
}
