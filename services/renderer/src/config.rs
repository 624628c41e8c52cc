//! What the renderer is started with.

use bus::Share;
use manifest::InstallKey;

/// What the renderer is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Opens artifacts, redacts manifests, seals secret values.
    pub key: InstallKey,
    /// Where the programs are, where they may write, and their bounds.
    pub engine: engine::Options,
    /// Its share of the renders.
    pub share: Share,
}
