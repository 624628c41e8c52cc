//! Git object ids.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Says that a text is not a Git object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Git object id: 40 or 64 hexadecimal digits are expected")]
pub struct GitIdError(String);

fn check(text: &str) -> Result<String, GitIdError> {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && matches!(text.len(), 40 | 64) {
        Ok(text.to_owned())
    } else {
        Err(GitIdError(text.chars().take(80).collect()))
    }
}

macro_rules! git_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// All digits, in lower case.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first 8 digits, for people.
            pub fn short(&self) -> &str {
                &self.0[..8]
            }
        }

        impl FromStr for $name {
            type Err = GitIdError;
            fn from_str(text: &str) -> Result<Self, GitIdError> {
                check(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = GitIdError;
            fn try_from(text: String) -> Result<Self, GitIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

git_id!(
    /// The id of a commit: a revision.
    Commit
);
git_id!(
    /// The id of a tree: equal for equal folders, at whatever commit.
    TreeId
);
