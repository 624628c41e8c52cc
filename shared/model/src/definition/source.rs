//! `Source`: a Git repository and the reference to follow in it.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::SourceName;

/// Polling period where none is given: short enough to notice a push, long enough for a public host.
pub const POLL_DEFAULT: Duration = Duration::from_secs(30);

/// A Git repository and the reference to follow in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Where it is.
    pub git: Git,
    /// Time between two looks, in milliseconds, jittered by the fetcher.
    #[serde(default = "poll_default_ms")]
    pub poll_ms: u64,
}

fn poll_default_ms() -> u64 {
    POLL_DEFAULT.as_millis() as u64
}

/// The address of a repository and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Git {
    /// `https://…`, `ssh://…`, `git@host:path`, `file:///…` or a local folder.
    pub url: String,
    /// What to follow.
    #[serde(default)]
    pub reference: Reference,
    /// Credentials.
    #[serde(default)]
    pub auth: GitAuth,
    /// PEM file with the authorities to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Proxy address for http(s).
    #[serde(default)]
    pub proxy: Option<String>,
}

/// What to follow in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reference {
    /// The remote's default branch, also after it is renamed.
    #[default]
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// The highest tag within a semantic version range, such as `^1.4`.
    Semver(String),
    /// A commit, in full.
    Commit(String),
}

/// Where a secret value is read from, at the moment of use; the value never enters a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// A file; a trailing line end is cut.
    File(PathBuf),
    /// An environment variable of the role that uses it.
    Env(String),
}

/// Credentials for a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GitAuth {
    /// None, or those of the ssh agent.
    #[default]
    None,
    /// User name and password (or token as password) over https.
    Basic {
        /// User name.
        username: String,
        /// Password or token.
        password: SecretRef,
    },
    /// `Authorization: Bearer …` over https.
    Bearer {
        /// The token.
        token: SecretRef,
    },
    /// An ssh private key.
    #[serde(rename_all = "camelCase")]
    Ssh {
        /// Path of the private key.
        key_file: PathBuf,
        /// Path of the known_hosts file; unknown hosts are refused.
        known_hosts_file: Option<PathBuf>,
    },
}
