//! The live view of one cluster: what its watches have shown, as little of it as decisions need.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use model::{ApiVersion, ApplicationName, Digest, ObjectId};
use serde_json::Value;

/// A group and kind, in whatever version.
pub type GroupKind = (String, String);

/// The group and kind of an object.
pub fn group_kind(id: &ObjectId) -> GroupKind {
    (id.group.clone(), id.kind.clone())
}

/// How far the watch of a kind is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindView {
    /// Its list is not complete yet.
    Pending,
    /// Its list is complete and changes follow.
    Listed,
    /// It cannot be watched now; what was seen before stands, and nothing is concluded from absence.
    Unavailable,
    /// Whether it is served could not be told: it is asked again with the next sweep.
    Undiscovered,
    /// The API server does not serve it.
    NotServed,
}

/// Whether an object that carries our label is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It has an Apply entry of our manager, too.
    Ours,
    /// The label alone, which controllers copy.
    LabelOnly,
}

/// The contents of a live object, kept only while a question may need them.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// All of it, redacted.
    Held(Arc<Value>),
    /// It was judged to match the fingerprint with that hash.
    Judged(Digest),
}

/// One live object.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The application that its label names.
    pub application: ApplicationName,
    /// Whether it is ours.
    pub mark: Mark,
    /// The source that it tells, if it does.
    pub source: Option<String>,
    /// The version that it was read at.
    pub api_version: ApiVersion,
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub resource_version: String,
    /// Whether it is being deleted.
    pub deletion: plan::Deletion,
    /// Its health.
    pub health: health::Health,
    /// Its contents.
    pub body: Body,
}

/// Whether resource versions recorded earlier still mean something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// They do: an equal one is the same state, a lower one an earlier state.
    #[default]
    Comparable,
    /// The cluster was restored from a backup: only contents count.
    Void,
}

/// What the watches of one cluster have shown.
#[derive(Debug, Default)]
pub struct LiveView {
    versions: Versions,
    kinds: BTreeMap<GroupKind, KindView>,
    /// The newest version that a watch has told of each kind.
    told: BTreeMap<GroupKind, String>,
    /// Looked up many times a decision; the ids of a cluster share long beginnings, which an ordered map would compare
    /// again at every step.
    objects: HashMap<ObjectId, Seen>,
    by_application: BTreeMap<ApplicationName, BTreeSet<ObjectId>>,
}

impl Seen {
    /// Whether it is the application's.
    pub fn is_of(&self, application: &ApplicationName) -> bool {
        self.mark == Mark::Ours && self.application == *application
    }
}

impl LiveView {
    /// How far the watch of a kind is; `None`: there is none.
    pub fn kind(&self, kind: &GroupKind) -> Option<&KindView> {
        self.kinds.get(kind)
    }

    /// Whether every watched kind shows what there is: one whose list is not complete, or that cannot be watched now,
    /// shows at best what there was.
    pub fn is_current(&self) -> bool {
        self.kinds.values().all(|view| match view {
            KindView::Listed | KindView::NotServed => true,
            KindView::Pending | KindView::Unavailable | KindView::Undiscovered => false,
        })
    }

    /// Forgets the kinds of which it could not be told whether they are served: whoever wants one asks again.
    pub fn forget_undiscovered(&mut self) {
        self.kinds.retain(|_, view| *view != KindView::Undiscovered);
    }

    /// Notes how far the watch of a kind is.
    pub fn set_kind(&mut self, kind: GroupKind, view: KindView) {
        self.kinds.insert(kind, view);
    }

    /// Notes that a watch has told of everything up to a version.
    pub fn tell(&mut self, kind: &GroupKind, version: &str) {
        match self.told.get_mut(kind) {
            Some(told) if cluster::order(version, told) == Some(Ordering::Less) => {}
            Some(told) => version.clone_into(told),
            None => drop(self.told.insert(kind.clone(), version.to_owned())),
        }
    }

    /// Whether the watch of a kind has yet to tell of what happened at a version.
    pub fn is_behind(&self, kind: &GroupKind, version: &str) -> bool {
        let told = self.told.get(kind);
        told.is_some_and(|told| cluster::order(told, version) == Some(Ordering::Less))
    }

    /// Whether recorded resource versions count.
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// Notes that recorded versions count no more.
    pub fn void_versions(&mut self) {
        self.versions = Versions::Void;
    }

    /// Notes that the cluster was restored, as the watch of a kind has found: its list begins anew. The watches of
    /// the others find it for themselves, each in its time.
    pub fn restored(&mut self, kind: &GroupKind) {
        self.void_versions();
        self.told.remove(kind);
        self.kinds.insert(kind.clone(), KindView::Pending);
    }

    /// The object, if a watch has shown it and not shown its end.
    pub fn get(&self, id: &ObjectId) -> Option<&Seen> {
        self.objects.get(id)
    }

    /// Takes a new state of an object; says which applications it concerns.
    pub fn upsert(&mut self, id: ObjectId, seen: Seen) -> Vec<ApplicationName> {
        let mut concerned = vec![seen.application.clone()];
        self.by_application.entry(seen.application.clone()).or_default().insert(id.clone());
        let application = seen.application.clone();
        if let Some(before) = self.objects.insert(id.clone(), seen)
            && before.application != application
        {
            self.forget_index(&before.application, &id);
            concerned.push(before.application);
        }
        concerned
    }

    /// Takes the end of an object; says which application it concerns.
    pub fn remove(&mut self, id: &ObjectId) -> Option<ApplicationName> {
        let seen = self.objects.remove(id)?;
        self.forget_index(&seen.application, id);
        Some(seen.application)
    }

    /// Takes a complete new list of a kind: what it does not hold is gone. Says which applications that concerns.
    pub fn retain_kind(&mut self, kind: &GroupKind, listed: &BTreeSet<ObjectId>) -> Vec<ApplicationName> {
        let gone: Vec<ObjectId> = self
            .objects
            .keys()
            .filter(|id| id.group == kind.0 && id.kind == kind.1 && !listed.contains(*id))
            .cloned()
            .collect();
        gone.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Drops the contents of an object that was judged to match a fingerprint.
    pub fn judged(&mut self, id: &ObjectId, uid: &str, resource_version: &str, fingerprint: Digest) {
        if let Some(seen) = self.objects.get_mut(id)
            && seen.uid == uid
            && seen.resource_version == resource_version
        {
            seen.body = Body::Judged(fingerprint);
        }
    }

    /// Everything that carries the label of an application.
    pub fn of_application(&self, application: &ApplicationName) -> impl Iterator<Item = (&ObjectId, &Seen)> {
        let ids = self.by_application.get(application).into_iter().flatten();
        ids.filter_map(|id| self.objects.get(id).map(|seen| (id, seen)))
    }

    fn forget_index(&mut self, application: &ApplicationName, id: &ObjectId) {
        if let Some(ids) = self.by_application.get_mut(application) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_application.remove(application);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_watched_is_not_in_view_though_what_it_showed_stands() {
        let mut live = LiveView::default();
        live.set_kind((String::new(), "Secret".into()), KindView::NotServed);
        for (view, current) in [
            (KindView::Pending, false),
            (KindView::Listed, true),
            (KindView::Unavailable, false),
            (KindView::Undiscovered, false),
        ] {
            live.set_kind((String::new(), "ConfigMap".into()), view.clone());
            assert_eq!(live.is_current(), current, "{view:?}");
        }
        live.forget_undiscovered();
        assert_eq!(live.kind(&(String::new(), "ConfigMap".into())), None, "it is asked for again");
        assert!(live.is_current(), "if nobody wants it, nothing is amiss");
    }

    #[test]
    fn a_restore_that_one_watch_finds_begins_only_its_own_list_anew() {
        let kind = |name: &str| (String::new(), name.to_owned());
        let mut live = LiveView::default();
        for name in ["ConfigMap", "Secret"] {
            live.set_kind(kind(name), KindView::Listed);
            live.tell(&kind(name), "900");
        }
        live.restored(&kind("ConfigMap"));
        live.set_kind(kind("ConfigMap"), KindView::Listed);
        live.restored(&kind("Secret"));
        assert_eq!(
            live.kind(&kind("ConfigMap")),
            Some(&KindView::Listed),
            "it was listed since, and tells no more"
        );
        assert_eq!(live.kind(&kind("Secret")), Some(&KindView::Pending));
        assert_eq!(live.versions(), Versions::Void);
        assert!(!live.is_behind(&kind("Secret"), "900"), "what it told before was of another history");
    }
}
