//! Server-sent events: every status, then every change of one.

use std::{collections::BTreeSet, convert::Infallible, ops::Bound, sync::Arc};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use model::TargetId;
use serde::Serialize;
use tokio::sync::{
    OwnedSemaphorePermit,
    broadcast::error::{RecvError, TryRecvError},
};

use super::refusal::Refusal;
use crate::{run::Gateway, shown::Changes};

/// Changed targets that are kept for one who reads slowly, some hundred bytes each; past them it gets everything anew.
const CHANGED_MAX: usize = 4096;

/// Every status as an event `target`, then `listed`, then every change; `gone` with cluster and application when a
/// target is no more. Who reads too slowly gets `anew`, then everything, up to another `listed`: what is not among it
/// is no more. Who reads nothing for 30 s is left.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, content_type = "text/event-stream"),
    (status = 503, body = super::refusal::Refused)))]
pub async fn events(
    State(gateway): State<Arc<Gateway>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let reader = Reader::new(gateway);
    let reader = reader.ok_or_else(|| Refusal::busy("as many watch as there is room for"))?;
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// One who reads along.
struct Reader {
    gateway: Arc<Gateway>,
    changes: Changes,
    _place: OwnedSemaphorePermit,
    stage: Stage,
    /// Whose statuses are to be told again.
    changed: BTreeSet<TargetId>,
}

/// What is told now.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// That everything follows once more.
    Anew,
    /// Everything in order, so far up to this one.
    Listing(Option<TargetId>),
    /// What changes; this one was told last.
    Following(Option<TargetId>),
}

impl Reader {
    fn new(gateway: Arc<Gateway>) -> Option<Self> {
        // Whatever changes after this is told again, or for the first time.
        let (changes, place) = gateway.shown.watch()?;
        let stage = Stage::Listing(None);
        Some(Self { gateway, changes, _place: place, stage, changed: BTreeSet::new() })
    }

    /// The next event; `None`: the gateway ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            self.gather();
            if let Some(event) = self.told() {
                return Some(event);
            }
            match self.changes.recv().await {
                Ok(changed) => self.note(&changed),
                Err(RecvError::Lagged(_)) => self.anew(),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Takes up all that has changed by now.
    fn gather(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(changed) => self.note(&changed),
                Err(TryRecvError::Lagged(_)) => self.anew(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn note(&mut self, changed: &[TargetId]) {
        for id in changed {
            // What the list has not come to yet is told by it.
            let is_told = match &self.stage {
                Stage::Listing(last) => last.as_ref().is_some_and(|last| id <= last),
                Stage::Anew => false,
                Stage::Following(_) => true,
            };
            if is_told {
                self.changed.insert(id.clone());
            }
        }
        if self.changed.len() > CHANGED_MAX {
            self.anew();
        }
    }

    fn anew(&mut self) {
        self.stage = Stage::Anew;
        self.changed.clear();
    }

    /// The next event of what is known to be due.
    fn told(&mut self) -> Option<Event> {
        match &self.stage {
            Stage::Anew => {
                self.stage = Stage::Listing(None);
                event("anew", &serde_json::json!({}))
            }
            Stage::Listing(last) => {
                let next = self.gateway.picture().id_after(last.as_ref()).cloned();
                self.stage = match &next {
                    Some(next) => Stage::Listing(Some(next.clone())),
                    None => Stage::Following(None),
                };
                match next {
                    Some(id) => self.tell(&id),
                    None => event("listed", &serde_json::json!({})),
                }
            }
            Stage::Following(last) => {
                // In turn: one that changes all the time keeps no other from being told.
                let from = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
                let next = self.changed.range((from, Bound::Unbounded)).next();
                let id = next.or_else(|| self.changed.first()).cloned()?;
                self.changed.remove(&id);
                self.stage = Stage::Following(Some(id.clone()));
                self.tell(&id)
            }
        }
    }

    fn tell(&self, id: &TargetId) -> Option<Event> {
        match self.gateway.status(id) {
            Some(status) => event("target", &status),
            None => event("gone", &serde_json::json!({"cluster": id.cluster, "application": id.application})),
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
