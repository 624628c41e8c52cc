//! Server-side apply: merging what is applied, removing what is applied no longer, and conflicts.

use serde_json::Value;

use super::{
    Act, BEFORE_FIRST_APPLY, Entry, Operation, bare, live as live_entries,
    update::{take, yield_changed},
    without_identity,
};
use crate::{
    fields::{FieldSet, shown},
    merge::{combine, compare, owned, remove, same},
    schema::Type,
    typed::stored,
};

/// A field that somebody else owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// As errors name a manager: `"alice" using v1`.
    pub(crate) manager: String,
    /// As errors name a field.
    pub(crate) field: String,
}

/// Whether fields of others are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    Yes,
    No,
}

/// Applies a configuration to what is there (an empty object if nothing is): the object that comes out, not yet in its
/// stored form, and the entries.
///
/// # Errors
/// Every field that somebody else owns, by managers.
pub(crate) fn apply(
    live: &Value,
    config: &Value,
    force: Force,
    act: &Act<'_>,
) -> Result<(Value, Vec<Entry>), Vec<Conflict>> {
    let (mut entries, live) = (live_entries(live), bare(live));
    if entries.is_empty() {
        let before = Act { manager: BEFORE_FIRST_APPLY, ..act.clone() };
        entries = take(&empty(act.of, &live), &live, entries, &before);
    }
    let merged = combine(act.of, Some(&live), Some(config)).unwrap_or(Value::Null);
    let mine = entries.iter().position(|entry| entry.is(Operation::Apply, act));
    let last = mine.map(|at| entries[at].fields.clone()).unwrap_or_default();
    let at = mine.unwrap_or_else(|| {
        entries.push(Entry::new(Operation::Apply, act));
        entries.len() - 1
    });
    entries[at].fields = act.tracked.filter(&owned(act.of, config));
    entries[at].api_version = act.api_version.to_owned();
    let merged = if last.is_empty() { merged } else { prune(act.of, merged, &entries, &last) };

    let changes = compare(act.of, &live, &merged).filtered(|set| act.tracked.filter(set));
    let changed = changes.modified.union(&changes.added);
    let others = entries.iter().enumerate().filter(|(other, _)| *other != at);
    let conflicts: Vec<_> = others.flat_map(|(_, entry)| conflicts(entry, &changed)).collect();
    if !conflicts.is_empty() && force == Force::No {
        return Err(conflicts);
    }
    let me = entries[at].clone();
    yield_changed(&mut entries, &changes, Some(at));
    if let Some(at) = entries.iter().position(|entry| *entry == me) {
        entries[at].fields = without_identity(&entries[at].fields);
        if !same(&live, &merged) {
            entries[at].time = Some(act.time.to_owned());
        }
        entries.retain(|entry| !entry.fields.is_empty());
    }
    Ok((merged, entries))
}

/// What an object of this kind is before anything is set.
pub(crate) fn empty(of: &Type, identity: &Value) -> Value {
    let names = ["apiVersion", "kind"].iter();
    let identity = names.filter_map(|name| Some(((*name).to_owned(), identity.get(name)?.clone())));
    let identity = Value::Object(identity.collect());
    if of.is_built_in() { stored(of, &identity) } else { identity }
}

/// Takes out what was applied last time and is not this time, unless somebody else owns it.
fn prune(of: &Type, merged: Value, entries: &[Entry], last: &FieldSet) -> Value {
    let last = last.with_named_parents(of);
    let pruned = remove(of, &merged, &last);
    let managed = entries.iter().fold(FieldSet::default(), |all, entry| all.union(&entry.fields));
    let managed = managed.with_named_parents(of);
    let merged_set = owned(of, &merged).with_named_parents(of);
    let kept = owned(of, &pruned).with_named_parents(of).union(&managed);
    let pruned = remove(of, &merged, &merged_set.difference(&kept));
    let pruned_set = owned(of, &pruned).with_named_parents(of);
    // What nobody ever applied stays, though nobody owns it.
    remove(of, &merged, &merged_set.difference(&pruned_set).intersection(&last))
}

fn conflicts(entry: &Entry, changed: &FieldSet) -> Vec<Conflict> {
    let mut manager = format!("{:?}", entry.manager);
    if !entry.subresource.is_empty() {
        manager = format!("{manager} with subresource {:?}", entry.subresource);
    }
    if entry.operation == Operation::Update {
        manager = format!("{manager} using {}", entry.api_version);
    }
    let paths = entry.fields.intersection(changed).paths();
    paths.iter().map(|path| Conflict { manager: manager.clone(), field: shown(path) }).collect()
}
