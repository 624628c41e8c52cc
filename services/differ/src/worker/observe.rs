//! From watch events to the live view.

use std::{collections::BTreeSet, sync::Arc};

use cluster::{ClusterError, Live, Observation, Resource, Scope};
use futures::StreamExt;
use model::{ApplicationName, Failure, Gvk, ObjectId, TargetId, definition::Reach};
use serde_json::Value;

use super::{News, Worker, now};
use crate::{
    LABEL, SOURCE,
    live::{Body, GroupKind, KindView, Part, Seen, Versions},
    perform::{failure, mark},
};

impl Worker {
    /// Watches a kind in every part of the cluster's reach in which it is not watched already.
    pub(super) fn start_watch(&mut self, gvk: &Gvk) {
        let kind = (gvk.api_version.group.clone(), gvk.kind.clone());
        let Some(connection) = &self.connection else {
            return;
        };
        match connection.discovery.found(gvk) {
            cluster::Lookup::Known(resource) => {
                let resource = resource.clone();
                for part in self.parts_of(&resource) {
                    self.watch_part(&resource, part);
                }
            }
            cluster::Lookup::UnknownKind => self.not_watched(kind, KindView::NotServed),
            cluster::Lookup::GroupUnavailable => {
                tracing::warn!(cluster = %self.cluster.name, %gvk, "whether it is served cannot be told now");
                self.not_watched(kind, KindView::Undiscovered);
            }
        }
    }

    /// Watches of a kind that are under way go on, whatever a later discovery says.
    fn not_watched(&mut self, kind: GroupKind, view: KindView) {
        let part = Part::whole(kind);
        if !self.live.part(&part).is_some_and(is_watched) {
            self.live.set(part, view);
        }
    }

    /// The parts in which a resource is looked for: the namespaces within reach, or all at once.
    pub(super) fn parts_of(&self, resource: &Resource) -> Vec<Part> {
        let kind = (resource.gvk.api_version.group.clone(), resource.gvk.kind.clone());
        let whole = Part::whole(kind);
        match (self.cluster.reach.namespaces(), resource.scope) {
            (None, _) => vec![whole],
            (Some(_), Scope::Cluster) if !self.cluster.reach.holds_cluster_resources() => vec![],
            (Some(_), Scope::Cluster) => vec![whole],
            (Some(namespaces), Scope::Namespaced) => {
                let of = |name: &String| Part { namespace: Some(name.clone()), ..whole.clone() };
                namespaces.iter().map(of).collect()
            }
        }
    }

    fn watch_part(&mut self, resource: &Resource, part: Part) {
        let Some(connection) = &self.connection else { return };
        if self.live.part(&part).is_some_and(is_watched) {
            return;
        }
        if self.observations.len() >= cluster::WATCHES_MAX {
            let error = ClusterError::TooManyWatches { request: format!("watch {}", resource.gvk) };
            tracing::warn!(cluster = %self.cluster.name, %error, "a kind is not watched");
            self.live.set(part, KindView::Refused(failure(&error, now())));
            return;
        }
        // It may have been restored while nobody watched: the list begins after this was recorded.
        let seen = match self.live.versions() {
            Versions::Comparable => {
                self.shared.known(|known| known.recorded_version(&self.cluster.name, &part.kind).to_owned())
            }
            Versions::Void => String::new(),
        };
        let stream = connection.client.observe_since(resource, part.namespace.as_deref(), LABEL, &seen);
        let watched = part.clone();
        self.observations.push(stream.map(move |seen| (watched.clone(), seen)).boxed());
        self.live.set(part, KindView::Pending);
    }

    /// Takes one observation; says which targets it concerns.
    pub(super) fn observe(&mut self, part: Part, observation: Observation) -> BTreeSet<TargetId> {
        match &observation {
            Observation::Upsert(Live { resource_version, .. })
            | Observation::Gone { resource_version, .. }
            | Observation::Listed { resource_version, .. }
            | Observation::Current { resource_version } => self.live.tell(&part, resource_version),
            Observation::Restored { .. }
            | Observation::Unreadable(_)
            | Observation::Unavailable(_)
            | Observation::Unserved(_) => {}
        }
        match observation {
            Observation::Upsert(live) => self.upsert(live),
            Observation::Gone { id, .. } => {
                let application = self.live.remove(&id);
                self.concern(&id, application)
            }
            Observation::Listed { present, .. } => {
                let listed: BTreeSet<ObjectId> = present.into_keys().collect();
                self.live.retain(&part, &listed);
                // A list alone lifts no refusal: where only watches are refused, the next one is a moment away.
                if !matches!(self.live.part(&part), Some(KindView::Refused(_))) {
                    self.live.set(part, KindView::Listed);
                }
                self.targets()
            }
            Observation::Current { .. } => match self.live.part(&part) {
                Some(KindView::Unavailable | KindView::Refused(_)) => {
                    self.live.set(part, KindView::Listed);
                    self.targets()
                }
                Some(
                    KindView::Pending
                    | KindView::Listed
                    | KindView::Undiscovered
                    | KindView::NotServed
                    | KindView::OutOfReach,
                )
                | None => BTreeSet::new(),
            },
            Observation::Restored { .. } => {
                tracing::warn!(cluster = %self.cluster.name, "the cluster was restored: everything is verified anew");
                self.live.restored(&part);
                self.news = News::Restored;
                self.answers.clear();
                self.targets()
            }
            Observation::Unserved(error) => self.unserved(part, &error),
            Observation::Unavailable(error) if is_refusal(&error) => self.refused(part, &error),
            Observation::Unreadable(error) | Observation::Unavailable(error) => {
                tracing::warn!(cluster = %self.cluster.name, kind = part.kind.1, namespace = part.namespace, %error, "a kind cannot be watched now");
                self.live.set(part, KindView::Unavailable);
                self.doubt();
                self.targets()
            }
        }
    }

    /// A part has no watch any more. Its kind may be served at another version, or not at all: who wants it looks.
    fn unserved(&mut self, part: Part, error: &ClusterError) -> BTreeSet<TargetId> {
        tracing::warn!(cluster = %self.cluster.name, kind = part.kind.1, namespace = part.namespace, %error,
            "a kind is watched no more");
        if let Some(connection) = &mut self.connection {
            Arc::make_mut(&mut connection.discovery).doubt(&part.kind.0, &part.kind.1);
        }
        self.live.forget(&part);
        self.targets()
    }

    /// The API server will not show a part: an answer, and not the last one. Told once; it is asked on and on.
    fn refused(&mut self, part: Part, error: &ClusterError) -> BTreeSet<TargetId> {
        let failure = refusal(&part.kind, error);
        if let Some(KindView::Refused(known)) = self.live.part(&part)
            && known.same_as(&failure)
        {
            return BTreeSet::new();
        }
        tracing::warn!(cluster = %self.cluster.name, kind = part.kind.1, namespace = part.namespace, %error,
            "a kind may not be watched");
        self.live.set(part.clone(), KindView::Refused(failure));
        if part.namespace.is_none() {
            self.watch_else(part);
        }
        self.targets()
    }

    /// Watches in its namespace what may not be watched on the whole cluster, if there is a namespace for that.
    fn watch_else(&mut self, whole: Part) {
        let (Reach::WholeElse { namespace }, Some(connection)) = (&self.cluster.reach, &self.connection)
        else {
            return;
        };
        let (group, kind) = &whole.kind;
        if let cluster::Lookup::Known(resource) = connection.discovery.preferred(group, kind)
            && resource.scope == Scope::Namespaced
        {
            let (resource, namespace) = (resource.clone(), Some(namespace.clone()));
            self.watch_part(&resource, Part { namespace, ..whole });
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
        let (deletion, held_by) = match live.is_terminating() {
            true => (plan::Deletion::Requested, live.finalizers()),
            false => (plan::Deletion::None, vec![]),
        };
        let seen = Seen {
            application,
            mark,
            source: source(live.value.value()),
            api_version: live.api_version,
            uid: live.uid,
            resource_version: live.resource_version,
            deletion,
            held_by,
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

/// Whether a part has a watch, whatever it shows.
fn is_watched(view: &KindView) -> bool {
    match view {
        KindView::Pending | KindView::Listed | KindView::Unavailable | KindView::Refused(_) => true,
        KindView::Undiscovered | KindView::NotServed | KindView::OutOfReach => false,
    }
}

/// Whether an error is an answer that stays until somebody changes something on the API server: 403, or that the kind
/// can be listed or watched by nobody.
fn is_refusal(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::Forbidden { .. } | ClusterError::Refused { .. } | ClusterError::TooManyWatches { .. }
    )
}

/// What people read of a kind that may not be seen.
fn refusal((group, kind): &GroupKind, error: &ClusterError) -> Failure {
    let failure = failure(error, now());
    if !matches!(error, ClusterError::Forbidden { .. }) {
        return failure;
    }
    let kind = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
    let remedy = format!("grant get, list and watch on {kind} to the user of the kubeconfig");
    Failure { remedy, ..failure }
}

/// The source that an object tells.
fn source(live: &Value) -> Option<String> {
    live.get("metadata")?.get("annotations")?.get(SOURCE)?.as_str().map(ToOwned::to_owned)
}
