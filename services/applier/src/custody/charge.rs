//! What a platform has in its charge on one cluster, as its Lease tells it: kept up to date by those who know, written
//! with the next renewal, or at once where others rely on it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use events::Event;
use model::ApplicationName;
use tokio::sync::Notify;

use super::statement::{Acted, Applications, Statement, Told};

/// What a platform has in its charge on one cluster.
#[derive(Debug, Default)]
pub struct Charge {
    now: Mutex<Now>,
    news: Notify,
}

/// How it stands.
#[derive(Debug, Default, Clone)]
pub(super) struct Now {
    /// The newest event that was acted on, as far as this process knows.
    pub(super) acted: Option<Acted>,
    /// The applications on the cluster.
    pub(super) applications: Applications,
    /// Syncs at work: what they do is in no event yet.
    pub(super) syncs: usize,
}

/// A sync at work, for as long as it is held.
#[derive(Debug)]
pub struct Acting(Option<Arc<Charge>>);

impl Charge {
    /// An event about the cluster was stored.
    pub fn act_on(&self, event: &Event) {
        let mut now = self.lock();
        if now.acted.as_ref().is_none_or(|newest| newest.sequence < event.sequence) {
            let acted = Acted::of(event);
            if acted.retired {
                self.urge();
            }
            now.acted = Some(acted);
        }
    }

    /// These are the applications on the cluster.
    pub fn comprise(&self, applications: BTreeSet<ApplicationName>) {
        let (applications, mut now) = (Applications::of(applications), self.lock());
        if now.applications != applications {
            now.applications = applications;
            self.urge();
        }
    }

    /// How it stands, to be written. If no sync is at work, it is not told any more that one is: one that begins
    /// after this look waits until it is told anew.
    pub(super) fn look(&self, acting_told: &AtomicBool) -> Now {
        let now = self.lock();
        if now.syncs == 0 {
            acting_told.store(false, Ordering::SeqCst);
        }
        now.clone()
    }

    /// Whether a Lease tells what cannot wait: the applications, because a run goes by them; the last event of an
    /// aggregate, because the one before it is forgotten some day; and that a sync is at work, because it waits for that.
    pub(super) fn is_told(&self, told: &Statement) -> bool {
        let now = self.lock();
        let sequence = |acted: &Acted| acted.sequence;
        let retired = now.acted.as_ref().filter(|acted| acted.retired).map(sequence);
        told.applications == now.applications
            && (told.acting || now.syncs == 0)
            && retired <= told.acted.as_ref().and_then(Told::event).map(sequence)
    }

    /// Waits until there is perhaps something that cannot wait.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Says that there is perhaps something that cannot wait.
    pub(super) fn urge(&self) {
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acting {
    /// Begins.
    pub(super) fn on(charge: Option<Arc<Charge>>) -> Self {
        if let Some(charge) = &charge {
            charge.lock().syncs += 1;
        }
        Self(charge)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if let Some(charge) = &self.0 {
            charge.lock().syncs -= 1;
        }
    }
}
