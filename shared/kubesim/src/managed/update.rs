//! Ownership after a create, an update or a patch: whoever changes a field owns it.

use serde_json::Value;

use super::{Act, Entry, Operation, Tracked, bare, without_identity};
use crate::{
    fields::Step,
    merge::{Comparison, compare},
};

/// More writers than this per object are folded into one.
/// Source: k8s.io/apimachinery, `DefaultMaxUpdateManagers`.
const UPDATERS_MAX: usize = 10;
const FOLDED: &str = "ancient-changes";

/// The entries after `act` turned `live` into `new`. Only a create starts to track.
pub(crate) fn update(live: &Value, new: &Value, entries: Vec<Entry>, act: &Act<'_>) -> Vec<Entry> {
    let created = live.pointer("/metadata/uid").is_none();
    if entries.is_empty() && !created {
        return entries;
    }
    // A scale shows only who owns the replicas, and what has no owner is not tracked.
    if act.tracked == Tracked::Scale && !entries.iter().any(owns_replicas) {
        return entries;
    }
    fold(take(live, new, entries, act))
}

fn owns_replicas(entry: &Entry) -> bool {
    let [spec, replicas] = ["spec", "replicas"].map(|name| Step::Field(name.to_owned()));
    entry.fields.below(&spec).is_some_and(|spec| spec.has(&replicas))
}

/// As [`update`], whether there were entries or not.
pub(super) fn take(live: &Value, new: &Value, mut entries: Vec<Entry>, act: &Act<'_>) -> Vec<Entry> {
    let changes = compare(act.of, &bare(live), &bare(new)).filtered(|set| act.tracked.filter(set));
    yield_changed(&mut entries, &changes, None);
    let mine = without_identity(&changes.modified.union(&changes.added));
    if !mine.is_empty() {
        let at = entries.iter().position(|entry| entry.is(Operation::Update, act));
        let at = at.unwrap_or_else(|| {
            entries.push(Entry::new(Operation::Update, act));
            entries.len() - 1
        });
        entries[at].fields = entries[at].fields.union(&mine);
        // Those of a scale lose their time on the way to the object.
        entries[at].time = (act.tracked != Tracked::Scale).then(|| act.time.to_owned());
    }
    entries
}

/// Everybody but `but` loses the fields that are changed or gone.
pub(super) fn yield_changed(entries: &mut Vec<Entry>, changes: &Comparison, but: Option<usize>) {
    let changed = changes.modified.union(&changes.added);
    for (at, entry) in entries.iter_mut().enumerate() {
        if Some(at) == but {
            continue;
        }
        entry.fields = entry.fields.difference(&changed).difference(&changes.removed);
    }
    entries.retain(|entry| !entry.fields.is_empty());
}

fn fold(mut entries: Vec<Entry>) -> Vec<Entry> {
    let updaters =
        |entries: &[Entry]| entries.iter().filter(|entry| entry.operation == Operation::Update).count();
    let mut order: Vec<Entry> =
        entries.iter().filter(|entry| entry.operation == Operation::Update).cloned().collect();
    if order.len() <= UPDATERS_MAX {
        return entries;
    }
    order.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.manager.cmp(&b.manager)));
    let mut firsts: Vec<Entry> = Vec::new();
    for entry in order {
        if updaters(&entries) <= UPDATERS_MAX {
            break;
        }
        let Some(first) = firsts.iter().find(|first| first.api_version == entry.api_version).cloned() else {
            firsts.push(entry);
            continue;
        };
        entries.retain(|other| *other != entry);
        let bucket = |other: &Entry| {
            other.manager == FOLDED
                && other.operation == Operation::Update
                && other.api_version == entry.api_version
                && other.subresource.is_empty()
        };
        if !entries.iter().any(bucket)
            && let Some(at) = entries.iter().position(|other| *other == first)
        {
            entries[at].manager = FOLDED.to_owned();
            entries[at].subresource = String::new();
        }
        if let Some(at) = entries.iter().position(bucket) {
            entries[at].fields = entries[at].fields.union(&entry.fields);
            entries[at].time = entry.time;
        }
    }
    entries
}
