//! The live view of one cluster: what its watches have shown, as little of it as decisions need.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use model::{ApiVersion, ApplicationName, Digest, Failure, ObjectId, definition::Reach};
use serde_json::Value;

/// A group and kind, in whatever version.
pub type GroupKind = (String, String);

/// The group and kind of an object.
pub fn group_kind(id: &ObjectId) -> GroupKind {
    (id.group.clone(), id.kind.clone())
}

/// What one watch shows: a kind, on the whole cluster or in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The kind.
    pub kind: GroupKind,
    /// The namespace; `None`: all of them, or none for kinds that live in none.
    pub namespace: Option<String>,
}

impl Part {
    /// Everything of a kind.
    pub fn whole(kind: GroupKind) -> Self {
        Self { kind, namespace: None }
    }

    /// Whether an object of the kind is a part of it.
    fn holds(&self, id: &ObjectId) -> bool {
        id.group == self.kind.0
            && id.kind == self.kind.1
            && (self.namespace.is_none() || self.namespace == id.namespace)
    }
}

/// How far the watch of a kind is, on the whole cluster or in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindView {
    /// Its list is not complete yet.
    Pending,
    /// Its list is complete and changes follow.
    Listed,
    /// It cannot be watched now; what was seen before stands, and nothing is concluded from absence.
    Unavailable,
    /// The API server answers that it may not be listed or watched, until somebody grants it. What uses the kind is
    /// unknown for that reason; whatever does not use it is judged.
    Refused(Failure),
    /// Whether it is served could not be told: it is asked again with the next sweep.
    Undiscovered,
    /// The API server does not serve it.
    NotServed,
    /// The cluster's definition leaves out where the object lives: nothing is seen of it, and nothing done.
    OutOfReach,
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
    /// The finalizers that hold one that is being deleted.
    pub held_by: Vec<String>,
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
    reach: Reach,
    versions: Versions,
    parts: BTreeMap<Part, KindView>,
    /// The newest version that each watch has told.
    told: BTreeMap<Part, String>,
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
    /// An empty view of a cluster of which so much is within reach.
    pub fn of(reach: Reach) -> Self {
        Self { reach, ..Self::default() }
    }

    /// What of the cluster is within reach.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// How far the watch is that shows an object; `None`: there is none.
    pub fn view(&self, id: &ObjectId) -> Option<&KindView> {
        if !self.reach.holds(id) {
            return Some(&KindView::OutOfReach);
        }
        self.parts.get(&self.part_of(id))
    }

    /// The part that shows an object: its namespace, where that is watched for itself.
    fn part_of(&self, id: &ObjectId) -> Part {
        let mut part = Part { kind: group_kind(id), namespace: None };
        if self.reach != Reach::Whole && id.namespace.is_some() {
            part.namespace.clone_from(&id.namespace);
            if !self.parts.contains_key(&part) {
                part.namespace = None;
            }
        }
        part
    }

    /// How far the watch of a part is; `None`: there is none.
    pub fn part(&self, part: &Part) -> Option<&KindView> {
        self.parts.get(part)
    }

    /// Whether every watched kind shows what there is: one whose list is not complete, or that cannot be watched now,
    /// shows at best what there was. One that is refused never will, and its targets say so.
    pub fn is_current(&self) -> bool {
        self.parts.values().all(|view| match view {
            KindView::Listed | KindView::NotServed | KindView::Refused(_) | KindView::OutOfReach => true,
            KindView::Pending | KindView::Unavailable | KindView::Undiscovered => false,
        })
    }

    /// Forgets the kinds of which it could not be told whether they are served: whoever wants one asks again.
    pub fn forget_undiscovered(&mut self) {
        self.parts.retain(|_, view| *view != KindView::Undiscovered);
    }

    /// Notes how far the watch of a part is. The objects of a kind that is served no more went with its definition.
    pub fn set(&mut self, part: Part, view: KindView) {
        let kind = (view == KindView::NotServed).then(|| part.kind.clone());
        self.parts.insert(part, view);
        kind.iter().for_each(|kind| self.drop_unserved(kind));
    }

    /// Notes that a watch has told of everything up to a version.
    pub fn tell(&mut self, part: &Part, version: &str) {
        match self.told.get_mut(part) {
            Some(told) if cluster::order(version, told) == Some(Ordering::Less) => {}
            Some(told) => version.clone_into(told),
            None => drop(self.told.insert(part.clone(), version.to_owned())),
        }
    }

    /// Whether the watch that shows an object has yet to tell of what happened at a version.
    pub fn is_behind(&self, id: &ObjectId, version: &str) -> bool {
        let told = self.told.get(&self.part_of(id));
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

    /// Notes that the cluster was restored, as the watch of a part has found: its list begins anew. The watches of
    /// the others find it for themselves, each in its time.
    pub fn restored(&mut self, part: &Part) {
        self.void_versions();
        self.told.remove(part);
        self.parts.insert(part.clone(), KindView::Pending);
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

    /// Takes a complete new list of a part: what it does not hold is gone. Says which applications that concerns.
    pub fn retain(&mut self, part: &Part, listed: &BTreeSet<ObjectId>) -> Vec<ApplicationName> {
        let ids = self.objects.keys().filter(|id| part.holds(id) && !listed.contains(*id));
        let gone: Vec<ObjectId> = ids.cloned().collect();
        gone.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Forgets a part that has no watch any more: whoever wants it looks for one.
    pub fn forget(&mut self, part: &Part) {
        self.parts.remove(part);
        self.told.remove(part);
        self.drop_unserved(&part.kind);
    }

    fn drop_unserved(&mut self, kind: &GroupKind) {
        let whole = Part::whole(kind.clone());
        let ids = self.objects.keys().filter(|id| whole.holds(id));
        let gone: Vec<ObjectId> =
            ids.filter(|id| self.view(id) == Some(&KindView::NotServed)).cloned().collect();
        gone.iter().for_each(|id| drop(self.remove(id)));
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
        live.set(whole("Secret"), KindView::NotServed);
        for (view, current) in [
            (KindView::Pending, false),
            (KindView::Listed, true),
            (KindView::Unavailable, false),
            (KindView::Undiscovered, false),
            (KindView::Refused(forbidden()), true),
        ] {
            live.set(whole("ConfigMap"), view.clone());
            assert_eq!(live.is_current(), current, "{view:?}");
        }
        live.set(whole("ConfigMap"), KindView::Undiscovered);
        live.forget_undiscovered();
        assert_eq!(live.part(&whole("ConfigMap")), None, "it is asked for again");
        assert!(live.is_current(), "if nobody wants it, nothing is amiss");
    }

    fn whole(kind: &str) -> Part {
        Part::whole((String::new(), kind.to_owned()))
    }

    fn id(kind: &str, namespace: Option<&str>) -> ObjectId {
        let namespace = namespace.map(str::to_owned);
        ObjectId { group: String::new(), kind: kind.into(), namespace, name: "a".into() }
    }

    #[test]
    fn an_object_is_shown_by_the_watch_of_its_namespace_where_there_is_one() {
        let mut live = LiveView::of(Reach::WholeElse { namespace: "a".into() });
        let (here, there) = (id("Secret", Some("a")), id("Secret", Some("b")));
        assert_eq!(live.view(&here), None);
        live.set(whole("Secret"), KindView::Refused(forbidden()));
        live.set(Part { namespace: Some("a".into()), ..whole("Secret") }, KindView::Listed);
        assert_eq!(live.view(&here), Some(&KindView::Listed));
        assert_eq!(live.view(&there), Some(&KindView::Refused(forbidden())));
    }

    #[test]
    fn what_is_out_of_reach_has_no_other_view() {
        let namespaces = vec!["a".to_owned()];
        let mut live = LiveView::of(Reach::Only { namespaces, cluster_resources: Default::default() });
        live.set(Part { namespace: Some("a".into()), ..whole("Secret") }, KindView::Pending);
        live.set(whole("Node"), KindView::Listed);
        assert_eq!(live.view(&id("Secret", Some("a"))), Some(&KindView::Pending));
        for id in [id("Secret", Some("b")), id("Node", None)] {
            assert_eq!(live.view(&id), Some(&KindView::OutOfReach), "{id}");
        }
    }

    fn seen() -> Seen {
        Seen {
            application: "shop".parse().unwrap(),
            mark: Mark::Ours,
            api_version: "v1".parse().unwrap(),
            uid: "u".into(),
            resource_version: "1".into(),
            deletion: plan::Deletion::None,
            held_by: vec![],
            source: None,
            health: health::assess(&Value::Null),
            body: Body::Held(Value::Null.into()),
        }
    }

    #[test]
    fn a_list_of_one_namespace_takes_nothing_from_the_others() {
        let mut live = LiveView::default();
        let ids = [id("Secret", Some("a")), id("Secret", Some("b"))];
        ids.iter().for_each(|id| drop(live.upsert(id.clone(), seen())));
        live.retain(&Part { namespace: Some("a".into()), ..whole("Secret") }, &BTreeSet::new());
        assert_eq!([live.get(&ids[0]).is_some(), live.get(&ids[1]).is_some()], [false, true]);
    }

    #[test]
    fn what_is_not_served_is_gone_where_nobody_watches_it_any_more() {
        let mut live = LiveView::of(Reach::WholeElse { namespace: "a".into() });
        let part = Part { namespace: Some("a".into()), ..whole("Secret") };
        let ids = [id("Secret", Some("a")), id("Secret", Some("b")), id("ConfigMap", Some("b"))];
        ids.iter().for_each(|id| drop(live.upsert(id.clone(), seen())));
        let left = |live: &LiveView| ids.iter().filter(|id| live.get(id).is_some()).count();
        live.set(part.clone(), KindView::Listed);
        live.set(whole("Secret"), KindView::Undiscovered);
        assert_eq!(left(&live), 3, "whether it is served is not known");
        live.set(whole("Secret"), KindView::NotServed);
        assert_eq!(left(&live), 2, "one watch goes on");
        live.forget(&part);
        assert_eq!(left(&live), 1, "other kinds stay");
    }

    fn forbidden() -> Failure {
        Failure {
            code: "CLUSTER-FORBIDDEN".into(),
            message: "list ConfigMap: no".into(),
            remedy: String::new(),
            class: model::RetryClass::Permanent,
            at: model::Timestamp::from_millis(0),
            attempts: 1,
        }
    }

    #[test]
    fn a_restore_that_one_watch_finds_begins_only_its_own_list_anew() {
        let kind = whole;
        let mut live = LiveView::default();
        for name in ["ConfigMap", "Secret"] {
            live.set(kind(name), KindView::Listed);
            live.tell(&kind(name), "900");
        }
        live.restored(&kind("ConfigMap"));
        live.set(kind("ConfigMap"), KindView::Listed);
        live.restored(&kind("Secret"));
        assert_eq!(
            live.part(&kind("ConfigMap")),
            Some(&KindView::Listed),
            "it was listed since, and tells no more"
        );
        assert_eq!(live.part(&kind("Secret")), Some(&KindView::Pending));
        assert_eq!(live.versions(), Versions::Void);
        assert!(!live.is_behind(&id("Secret", None), "900"), "what it told before was of another history");
    }
}
