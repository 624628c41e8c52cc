//! Why the ledger is not opened, and what a person can do.

use std::path::PathBuf;

use model::RetryClass;

use super::error::Cause;

/// Says why the ledger could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the ledger.
    #[error("the ledger in {} is in use by another process", folder.display())]
    InUse {
        /// Its folder.
        folder: PathBuf,
    },
    /// There is no ledger to read.
    #[error("there is no ledger in {}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The process that had it did not end in order, and reading alone cannot mend that.
    #[error("the ledger in {} was not closed; open it for writing once", folder.display())]
    NotClosed {
        /// Its folder.
        folder: PathBuf,
    },
    /// A newer version of driftless wrote it.
    #[error("the ledger has layout {found}, the newest known here is {known}")]
    NewerLayout {
        /// Layout of the ledger.
        found: u32,
        /// Newest layout known here.
        known: u32,
    },
    /// It holds less than was signed: an older copy was put in its place.
    #[error("the ledger in {} is not the one that signed its checkpoint at size {signed}", folder.display())]
    RolledBack {
        /// Its folder.
        folder: PathBuf,
        /// The size that was signed.
        signed: u64,
    },
    /// The folder or the file in it cannot be used.
    #[error("the ledger in {} could not be opened", folder.display())]
    Storage {
        /// Its folder.
        folder: PathBuf,
        /// What the database said.
        #[source]
        cause: Cause,
    },
}

impl OpenError {
    /// What trying again would achieve.
    pub const fn class(&self) -> RetryClass {
        match self {
            Self::InUse { .. }
            | Self::Missing { .. }
            | Self::NotClosed { .. }
            | Self::NewerLayout { .. }
            | Self::RolledBack { .. }
            | Self::Storage { .. } => RetryClass::Permanent,
        }
    }

    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "LEDGER-IN-USE",
            Self::Missing { .. } => "LEDGER-MISSING",
            Self::NotClosed { .. } => "LEDGER-NOT-CLOSED",
            Self::NewerLayout { .. } => "LEDGER-NEWER",
            Self::RolledBack { .. } => "LEDGER-ROLLED-BACK",
            Self::Storage { .. } => "LEDGER-STORAGE",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the other process, or check the copy that it keeps (--audit-copy)",
            Self::Missing { .. } => "name the state folder of a platform",
            Self::NotClosed { .. } => "start the platform on the folder once, and stop it",
            Self::NewerLayout { .. } => "use the newer driftless",
            Self::RolledBack { .. } => {
                "put the newest copy back; only if it is lost, remove the file `checkpoint` in the folder"
            }
            Self::Storage { .. } => {
                "check that the folder is writable and has space; if it is broken, take a copy"
            }
        }
    }
}
