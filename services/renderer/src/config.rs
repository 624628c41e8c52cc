//! What the renderer is started with.

use std::time::Duration;

use bus::Share;
use manifest::InstallKey;

/// Time between two looks at everything: nothing rests on a wake-up.
const SWEEP: Duration = Duration::from_secs(60);

/// What is written on every object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Marking {
    /// Its application: a platform has its clusters to itself.
    #[default]
    Application,
    /// Its source as well: runs that know nothing of each other tell by it what is theirs.
    ApplicationAndSource,
}

/// What the renderer is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Opens artifacts, redacts manifests, seals secret values.
    pub key: InstallKey,
    /// Where the programs are, where they may write, and their bounds.
    pub engine: engine::Options,
    /// Its share of the renders.
    pub share: Share,
    /// What is written on every object.
    pub marking: Marking,
    /// Time between two looks at everything.
    pub sweep: Duration,
}

impl Config {
    /// The defaults.
    pub fn new(key: InstallKey, engine: engine::Options, share: Share) -> Self {
        Self { key, engine, share, marking: Marking::default(), sweep: SWEEP }
    }
}
