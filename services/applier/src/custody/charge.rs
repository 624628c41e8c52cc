//! What a platform has in its charge on one cluster, as its Lease tells it: kept up to date by those who know, written
//! with the next renewal, or at once where others rely on it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use events::Event;
use model::ApplicationName;
use tokio::sync::Notify;

use super::statement::{Acted, Applications, Statement, Told};

/// What a platform has in its charge on one cluster.
#[derive(Debug, Default)]
pub struct Charge {
    told: Mutex<(Option<Acted>, Applications)>,
    news: Notify,
}

impl Charge {
    /// An event about the cluster was stored.
    pub fn act_on(&self, event: &Event) {
        let mut charge = self.lock();
        if charge.0.as_ref().is_none_or(|newest| newest.sequence < event.sequence) {
            let acted = Acted::of(event);
            if acted.retired {
                self.news.notify_one();
            }
            charge.0 = Some(acted);
        }
    }

    /// These are the applications on the cluster.
    pub fn comprise(&self, applications: BTreeSet<ApplicationName>) {
        let (applications, mut charge) = (Applications::of(applications), self.lock());
        if charge.1 != applications {
            charge.1 = applications;
            self.news.notify_one();
        }
    }

    /// The newest event that was acted on by this process, and the applications.
    pub(super) fn get(&self) -> (Option<Acted>, Applications) {
        self.lock().clone()
    }

    /// Whether a Lease tells what cannot wait: the applications, because a run goes by them, and the last event of an
    /// aggregate, because the one before it is forgotten some day.
    pub(super) fn is_told(&self, told: &Statement) -> bool {
        let charge = self.lock();
        let sequence = |acted: &Acted| acted.sequence;
        let retired = charge.0.as_ref().filter(|acted| acted.retired).map(sequence);
        told.applications == charge.1 && retired <= told.acted.as_ref().and_then(Told::event).map(sequence)
    }

    /// Waits until there is perhaps something that cannot wait.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Option<Acted>, Applications)> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
