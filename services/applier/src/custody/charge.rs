//! What a platform has in its charge on one cluster, as its Lease tells it: kept up to date by those who know, written
//! with the next renewal.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use events::Event;
use model::ApplicationName;

use super::statement::{Acted, Applications};

/// What a platform has in its charge on one cluster.
#[derive(Debug, Default)]
pub struct Charge(Mutex<(Option<Acted>, Applications)>);

impl Charge {
    /// An event about the cluster was stored.
    pub fn act_on(&self, event: &Event) {
        let mut charge = self.lock();
        if charge.0.as_ref().is_none_or(|newest| newest.sequence < event.sequence) {
            charge.0 = Some(Acted::of(event));
        }
    }

    /// These are the applications on the cluster.
    pub fn comprise(&self, applications: BTreeSet<ApplicationName>) {
        self.lock().1 = Applications::of(applications);
    }

    /// The newest event that was acted on by this process, and the applications.
    pub(super) fn get(&self) -> (Option<Acted>, Applications) {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Option<Acted>, Applications)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
