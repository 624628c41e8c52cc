//! What the fetcher is started with.

use std::path::PathBuf;

use bus::Share;
use manifest::InstallKey;
use source::Credentials;

/// What the fetcher is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The state folder of this process; mirrors lie under `mirrors` in it, fetched
    /// charts under `charts` (0700).
    pub folder: PathBuf,
    /// Seals artifacts.
    pub key: InstallKey,
    /// Reads the secret values that sources refer to.
    pub credentials: Credentials,
    /// Its share of the remotes.
    pub share: Share,
}

impl Config {
    /// A fetcher with that folder, key and share, which reads secrets from files and its environment.
    pub fn new(folder: impl Into<PathBuf>, key: InstallKey, share: Share) -> Self {
        Self { folder: folder.into(), key, credentials: Credentials::default(), share }
    }
}
