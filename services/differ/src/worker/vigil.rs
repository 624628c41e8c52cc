//! Since when a cluster was evaluated: what a reader of a status has to know to believe it.
//!
//! Two things have to be true. A sweep ended with every target at rest, over watches that show what there is; and
//! the API server answered a question, for a watch that tells nothing looks like a cluster in which nothing happens.
//! The earlier of the two beginnings counts, so that a round or a server that hangs stops the clock.

use model::Aggregate;
use tokio::time::Instant;

use super::{Worker, round::Ending};

/// What a worker knows of its own diligence.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// Whether a sweep waits for the cluster to come into view.
    waits: Waits,
    /// When the last whole sweep began.
    swept: Option<Instant>,
    /// When the last question was asked that the API server answered.
    answered: Option<Instant>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Waits {
    /// The last sweep found nothing to look at: another one is due as soon as there is.
    #[default]
    ForView,
    /// The next one comes in its time.
    No,
}

impl Vigil {
    /// Whether a sweep is due as soon as the cluster is in view.
    pub(super) fn is_open(&self) -> bool {
        self.waits == Waits::ForView
    }

    /// Everything until then was evaluated, if anything was.
    fn evaluated(&self) -> Option<Instant> {
        self.swept.zip(self.answered).map(|(swept, answered)| swept.min(answered))
    }
}

impl Worker {
    /// Whether there is a connection, and every watched kind shows what there is.
    pub(super) fn is_in_view(&self) -> bool {
        self.connection.is_some() && self.live.is_current()
    }

    /// Takes the end of a sweep that began then.
    pub(super) fn swept(&mut self, begun: Instant, ending: Ending) {
        if !self.is_in_view() {
            self.vigil.waits = Waits::ForView;
            return;
        }
        self.vigil.waits = Waits::No;
        match ending {
            Ending::AtRest => self.vigil.swept = Some(begun),
            // What could not be evaluated keeps its cluster from looking fresh.
            Ending::Unsettled => {}
        }
        self.note_evaluated();
    }

    /// Takes an answer of the API server to a question asked then.
    pub(super) fn answered(&mut self, asked: Instant) {
        self.vigil.answered = self.vigil.answered.max(Some(asked));
        self.note_evaluated();
    }

    fn note_evaluated(&self) {
        if let Some(at) = self.vigil.evaluated() {
            self.shared.config.evaluated.done(&Aggregate::Cluster(self.cluster.name.clone()), at);
        }
    }
}
