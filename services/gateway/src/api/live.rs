//! Server-sent events: every status, then every change of one.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::Arc,
};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use model::TargetId;
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    run::Gateway,
    wire::{Evaluated, TargetStatus},
};

/// Every status as an event `target`, then `listed`, then every change; `gone` with cluster and application when a
/// target is no more. Who reads too slowly gets everything anew.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, content_type = "text/event-stream")))]
pub async fn events(
    State(gateway): State<Arc<Gateway>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let reader = Reader::new(gateway);
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// One who reads along.
struct Reader {
    gateway: Arc<Gateway>,
    changes: Receiver<Arc<[TargetId]>>,
    /// What was told of each, without its age.
    told: BTreeMap<TargetId, TargetStatus>,
    waiting: VecDeque<Event>,
}

impl Reader {
    fn new(gateway: Arc<Gateway>) -> Self {
        // Whatever changes after this is told again, or for the first time.
        let changes = gateway.watch();
        let mut reader = Self { gateway, changes, told: BTreeMap::new(), waiting: VecDeque::new() };
        reader.tell_all();
        reader
    }

    fn tell_all(&mut self) {
        let mut ids: BTreeSet<TargetId> = self.gateway.picture().ids();
        ids.extend(self.told.keys().cloned());
        ids.iter().for_each(|id| self.tell(id));
        self.waiting.extend(event("listed", &serde_json::json!({})));
    }

    fn tell(&mut self, id: &TargetId) {
        match self.gateway.status(id) {
            Some(status) => {
                // An age grows by itself: that alone is no news.
                let evaluated = Evaluated { seconds: None, ..status.evaluated.clone() };
                let ageless = TargetStatus { evaluated, ..status.clone() };
                if self.told.get(id) != Some(&ageless) {
                    self.told.insert(id.clone(), ageless);
                    self.waiting.extend(event("target", &status));
                }
            }
            None => {
                if self.told.remove(id).is_some() {
                    let gone = serde_json::json!({"cluster": id.cluster, "application": id.application});
                    self.waiting.extend(event("gone", &gone));
                }
            }
        }
    }

    /// The next event; `None`: the gateway ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            match self.changes.recv().await {
                Ok(changed) => changed.iter().for_each(|id| self.tell(id)),
                Err(RecvError::Lagged(_)) => self.tell_all(),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
