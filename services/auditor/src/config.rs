//! What the auditor is started with.

use std::path::PathBuf;

use bus::Share;
use ledger::Door;

/// Folder of the ledger in a state folder.
pub const FOLDER: &str = "ledger";

/// What the auditor is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the ledger, with the key that signs its checkpoints; made if it is not there.
    pub folder: PathBuf,
    /// Where a copy is kept that anybody may check (C2SP tlog-tiles); `None`: nowhere.
    pub copy: Option<PathBuf>,
    /// Whether it is this process that writes the ledger.
    pub share: Share,
    /// Leads to the ledger while it is open, for others in this process.
    pub door: Door,
}

impl Config {
    /// An auditor with its ledger in that state folder, and no copy of it.
    pub fn new(state: &std::path::Path, share: Share) -> Self {
        Self { folder: state.join(FOLDER), copy: None, share, door: Door::default() }
    }
}
