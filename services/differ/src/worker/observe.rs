//! From watch events to the live view.

use std::collections::BTreeSet;

use cluster::{Live, Observation};
use futures::StreamExt;
use model::{ApplicationName, Gvk, ObjectId, TargetId};
use serde_json::Value;

use super::{News, Worker};
use crate::{
    LABEL, SOURCE,
    live::{Body, GroupKind, KindView, Seen, Versions},
    perform::mark,
};

impl Worker {
    /// Watches a kind, unless it is watched already. `false`: the cluster does not serve it.
    pub(super) fn start_watch(&mut self, gvk: &Gvk) {
        let kind = (gvk.api_version.group.clone(), gvk.kind.clone());
        let Some(connection) = &self.connection else {
            return;
        };
        if matches!(self.live.kind(&kind), Some(KindView::Pending | KindView::Listed | KindView::Unavailable))
        {
            return;
        }
        let view = match connection.discovery.lookup(gvk) {
            cluster::Lookup::Known(resource) => {
                let watched = kind.clone();
                // It may have been restored while nobody watched: the list begins after this was recorded.
                let seen = match self.live.versions() {
                    Versions::Comparable => self
                        .shared
                        .known(|known| known.recorded_version(&self.cluster.name, &kind).to_owned()),
                    Versions::Void => String::new(),
                };
                let stream = connection.client.observe_since(resource, None, LABEL, &seen);
                self.observations.push(stream.map(move |seen| (watched.clone(), seen)).boxed());
                KindView::Pending
            }
            cluster::Lookup::UnknownKind => KindView::NotServed,
            cluster::Lookup::GroupUnavailable => {
                tracing::warn!(cluster = %self.cluster.name, %gvk, "whether it is served cannot be told now");
                KindView::Undiscovered
            }
        };
        self.live.set_kind(kind, view);
    }

    /// Takes one observation; says which targets it concerns.
    pub(super) fn observe(&mut self, kind: GroupKind, observation: Observation) -> BTreeSet<TargetId> {
        match &observation {
            Observation::Upsert(Live { resource_version, .. })
            | Observation::Gone { resource_version, .. }
            | Observation::Listed { resource_version, .. }
            | Observation::Current { resource_version } => self.live.tell(&kind, resource_version),
            Observation::Restored { .. } | Observation::Unreadable(_) | Observation::Unavailable(_) => {}
        }
        match observation {
            Observation::Upsert(live) => self.upsert(live),
            Observation::Gone { id, .. } => {
                let application = self.live.remove(&id);
                self.concern(&id, application)
            }
            Observation::Listed { present, .. } => {
                let listed: BTreeSet<ObjectId> = present.into_keys().collect();
                self.live.retain_kind(&kind, &listed);
                self.live.set_kind(kind, KindView::Listed);
                self.targets()
            }
            Observation::Current { .. } => match self.live.kind(&kind) {
                Some(KindView::Unavailable) => {
                    self.live.set_kind(kind, KindView::Listed);
                    self.targets()
                }
                Some(KindView::Pending | KindView::Listed | KindView::Undiscovered | KindView::NotServed)
                | None => BTreeSet::new(),
            },
            Observation::Restored { .. } => {
                tracing::warn!(cluster = %self.cluster.name, "the cluster was restored: everything is verified anew");
                self.live.restored(&kind);
                self.news = News::Restored;
                self.answers.clear();
                self.targets()
            }
            Observation::Unreadable(error) | Observation::Unavailable(error) => {
                tracing::warn!(cluster = %self.cluster.name, kind = kind.1, %error, "a kind cannot be watched now");
                self.live.set_kind(kind, KindView::Unavailable);
                self.doubt();
                self.targets()
            }
        }
    }

    fn upsert(&mut self, live: Live) -> BTreeSet<TargetId> {
        let id = live.id.clone();
        let older = self.live.get(&id).is_some_and(|seen| {
            seen.uid == live.uid
                && cluster::order(&live.resource_version, &seen.resource_version)
                    .is_some_and(std::cmp::Ordering::is_lt)
        });
        if older {
            return BTreeSet::new();
        }
        let Some((application, mark)) = mark(live.value.value()) else {
            let application = self.live.remove(&id);
            return self.concern(&id, application);
        };
        let deletion = if live.is_terminating() { plan::Deletion::Requested } else { plan::Deletion::None };
        let seen = Seen {
            application,
            mark,
            source: source(live.value.value()),
            api_version: live.api_version,
            uid: live.uid,
            resource_version: live.resource_version,
            deletion,
            health: health::assess(live.value.value()),
            body: Body::Held(live.value.into_value().into()),
        };
        let applications = self.live.upsert(id.clone(), seen);
        applications.into_iter().flat_map(|application| self.concern(&id, Some(application))).collect()
    }

    /// The target that an application's object concerns; what was answered about the object counts no more.
    fn concern(&mut self, id: &ObjectId, application: Option<ApplicationName>) -> BTreeSet<TargetId> {
        let target =
            application.map(|application| TargetId { cluster: self.cluster.name.clone(), application });
        if let Some(answers) = target.as_ref().and_then(|target| self.answers.get_mut(target)) {
            answers.forget(id);
        }
        target.into_iter().collect()
    }
}

/// The source that an object tells.
fn source(live: &Value) -> Option<String> {
    live.get("metadata")?.get("annotations")?.get(SOURCE)?.as_str().map(ToOwned::to_owned)
}
