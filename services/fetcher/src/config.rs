//! What the fetcher is started with.

use std::{collections::BTreeSet, path::PathBuf};

use bus::{Evaluated, Share};
use engine::charts::Egress;
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
    /// Where charts may come from. The host of a source's own repository always may give them.
    pub charts: Egress,
    /// Where it notes which sources it looked at, and when.
    pub evaluated: Evaluated,
}

impl Config {
    /// A fetcher with that folder, key and share, which reads secrets from files and its environment, and fetches charts
    /// from public addresses.
    pub fn new(folder: impl Into<PathBuf>, key: InstallKey, share: Share) -> Self {
        let charts = Egress::Public(BTreeSet::new());
        let (credentials, evaluated) = (Credentials::default(), Evaluated::default());
        Self { folder: folder.into(), key, credentials, share, charts, evaluated }
    }
}
