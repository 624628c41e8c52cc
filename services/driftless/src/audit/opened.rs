//! The ledger in a state folder, as somebody reads it to whom the platform is of no concern.

use std::path::{Path, PathBuf};

use ledger::{Archive, Ledger, OpenError, ReadError, VerifierKey, View};

use crate::{
    exit::Exit,
    problem::Problem,
    state_folder::{self, chain},
};

/// The ledger of a state folder.
pub struct Opened {
    folder: PathBuf,
    reader: Reader,
}

enum Reader {
    /// It was closed in order.
    Archive(Archive),
    /// Its process was killed: opening it anew mended what that left behind.
    Mended(Ledger),
}

impl Opened {
    /// Opens it; nothing may have it open.
    pub fn of(state: Option<PathBuf>) -> Result<Self, Problem> {
        let folder = state_folder::or_of_platform(state)?.join(auditor::FOLDER);
        let settings = auditor::settings();
        let reader = match Archive::open(&folder, &settings) {
            Ok(archive) => Reader::Archive(archive),
            Err(OpenError::NotClosed { .. }) => {
                Reader::Mended(Ledger::open(&folder, &settings).map_err(|error| refused(&error))?)
            }
            Err(error) => return Err(refused(&error)),
        };
        Ok(Self { folder, reader })
    }

    /// What is in it.
    pub fn view(&self) -> Result<View, Problem> {
        let view = match &self.reader {
            Reader::Archive(archive) => archive.view(),
            Reader::Mended(ledger) => ledger.view(),
        };
        view.map_err(|error| unreadable(&error))
    }

    /// The key in that file; without one, the key beside the ledger.
    pub fn key(&self, file: Option<&Path>) -> Result<VerifierKey, Problem> {
        key(file.unwrap_or(&self.key_file()))
    }

    /// The key beside the ledger.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join(auditor::CHECKS)
    }
}

/// The key in a file.
pub fn key(file: &Path) -> Result<VerifierKey, Problem> {
    let remedy = "name the file `verifier-key` from beside the ledger, as it was kept elsewhere, with --key";
    auditor::verifier_key(file).map_err(|error| Problem::new("AUDIT-KEY", chain(&error), remedy))
}

/// The ledger cannot be read.
pub fn unreadable(error: &ReadError) -> Problem {
    let remedy = "check the disk; a copy or a backup of the folder may be whole";
    Problem::new("LEDGER-UNREADABLE", chain(error), remedy).ending(Exit::Failed)
}

fn refused(error: &OpenError) -> Problem {
    let problem = Problem::new(error.code(), chain(error), error.remedy());
    match error {
        // It is there and can be read: it is not what it should be.
        OpenError::RolledBack { .. } => problem.ending(Exit::Failed),
        OpenError::InUse { .. }
        | OpenError::Missing { .. }
        | OpenError::NotClosed { .. }
        | OpenError::NewerLayout { .. }
        | OpenError::Storage { .. } => problem,
    }
}
