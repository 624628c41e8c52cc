//! The way to the ledger that this process writes, for those in it who only have questions.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::{Ledger, error::ReadError, view::View};

/// Leads to the ledger of this process while it is open. Clones lead to the same one.
#[derive(Clone, Default)]
pub struct Door(Arc<RwLock<Option<Arc<Ledger>>>>);

impl Door {
    /// Leads to that ledger from now on.
    pub fn open(&self, ledger: Arc<Ledger>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(ledger);
    }

    /// Leads nowhere from now on; whoever has a view keeps it until the ledger is closed.
    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The state of the ledger as it is now; `None`: this process has none open.
    ///
    /// # Errors
    /// Transient: the disk failed. Permanent: the file is broken.
    pub fn view(&self) -> Result<Option<View>, ReadError> {
        let ledger = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        ledger.map(|ledger| ledger.view()).transpose()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door(…)")
    }
}
