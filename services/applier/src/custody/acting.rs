//! What is done before an event tells it. The Lease names the newest event only with every renewal; so it says before
//! the first write that something is being done, and not any more once a renewal finds that nothing is. However the
//! process ends, a log that was restored from before is told apart.

use tokio::time::timeout;

use super::{Custody, CustodyError, LOOK, charge::Acting};

impl Custody {
    /// Marks the beginning of a sync, before custody is taken or found: then taking it says so.
    pub(crate) fn begin_sync(&self) -> Acting {
        Acting::on(self.scope.charge())
    }

    /// Waits until the Lease says that something is being done: one write for all that begin within a renewal.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub(crate) async fn await_acting_told(&self) -> Result<(), CustodyError> {
        let Some(charge) = self.scope.charge() else { return Ok(()) };
        loop {
            let told = self.told.notified();
            self.permit()?;
            if self.scope.is_acting_told() {
                return Ok(());
            }
            charge.urge();
            // Custody may be lost meanwhile, of which nobody tells here.
            let _ = timeout(LOOK, told).await;
        }
    }
}
