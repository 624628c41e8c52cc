//! What an entry is found by. It follows from the leaf alone, so that whoever checks the ledger finds the same.

use bus::FeedItem;
use events::{
    Event, Leaf, Record, Unreadable,
    state::{DefinitionsState, RenderState, SourceState, State, SyncState},
};
use ledger::{Dimension, Entry, Facts, Key, Origin};
use model::{Aggregate, CommandScope, Commit, TargetId, Timestamp};

/// An entry of the log as the ledger keeps it.
///
/// # Errors
/// If a value has no encoding (bug).
pub fn entry(incarnation: &str, item: &FeedItem, now: Timestamp) -> Result<Entry, rmp_serde::encode::Error> {
    let leaf = match item {
        FeedItem::Event(event) => Leaf::Event(Record::of(incarnation, event)),
        FeedItem::Undecodable { path, sequence, reason } => Leaf::Unreadable(Unreadable {
            incarnation: incarnation.to_owned(),
            sequence: *sequence,
            aggregate: path.clone(),
            reason: reason.clone(),
            time: now,
        }),
    };
    let Facts { time, keys } = facts_of(&leaf);
    let origin = Origin { incarnation: incarnation.to_owned(), sequence: item.sequence() };
    Ok(Entry { leaf: leaf.encode()?.into(), origin, time, keys })
}

/// What a leaf is found by.
///
/// # Errors
/// If these are no bytes of a leaf (permanent).
pub fn facts(leaf: &[u8]) -> Result<Facts, String> {
    Leaf::decode(leaf).map(|leaf| facts_of(&leaf)).map_err(|error| error.to_string())
}

/// What a leaf is found by that was taken apart.
pub fn facts_of(leaf: &Leaf) -> Facts {
    match leaf {
        Leaf::Event(record) => Facts { time: record.time, keys: keys(record) },
        Leaf::Unreadable(Unreadable { aggregate, time, .. }) => {
            Facts { time: *time, keys: vec![Key::new(Dimension::Aggregate, aggregate)] }
        }
    }
}

/// What a newer version wrote is found by its envelope at least.
fn keys(record: &Record) -> Vec<Key> {
    let mut keys = vec![
        Key::new(Dimension::Event, record.id.to_string()),
        Key::new(Dimension::Aggregate, &record.aggregate),
        Key::new(Dimension::Kind, &record.kind),
    ];
    keys.extend(record.actor.iter().map(|actor| Key::new(Dimension::Actor, actor)));
    keys.extend(record.correlation.iter().map(|change| Key::new(Dimension::Change, change)));
    if let Ok(event) = record.event() {
        keys.extend(names(event.aggregate()));
        if let Some(commit) = commit(&event) {
            // As people are told it, too.
            keys.push(Key::new(Dimension::Commit, commit.short()));
            keys.push(Key::new(Dimension::Commit, commit.to_string()));
        }
    }
    keys
}

/// The cluster and the application that an event is about.
fn names(aggregate: &Aggregate) -> Vec<Key> {
    let of_target = |target: &TargetId| {
        vec![
            Key::new(Dimension::Cluster, target.cluster.as_str()),
            Key::new(Dimension::Application, target.application.as_str()),
        ]
    };
    match aggregate {
        Aggregate::Target(target)
        | Aggregate::Sync(target)
        | Aggregate::Command(CommandScope::Target(target)) => of_target(target),
        Aggregate::Cluster(cluster) | Aggregate::Command(CommandScope::Cluster(cluster)) => {
            vec![Key::new(Dimension::Cluster, cluster.as_str())]
        }
        Aggregate::Render { application, parameters: _ } => {
            vec![Key::new(Dimension::Application, application.as_str())]
        }
        Aggregate::Source(_)
        | Aggregate::Definitions
        | Aggregate::Command(CommandScope::Source(_) | CommandScope::Fleet) => vec![],
    }
}

/// The commit that a state tells of.
fn commit(event: &Event) -> Option<Commit> {
    Some(match event.aggregate() {
        Aggregate::Source(_) => state::<SourceState>(event)?.revision?.commit,
        Aggregate::Definitions => state::<DefinitionsState>(event)?.commit?,
        Aggregate::Render { .. } => state::<RenderState>(event)?.made_from.commit,
        Aggregate::Sync(_) => state::<SyncState>(event)?.commit?,
        Aggregate::Cluster(_) | Aggregate::Target(_) | Aggregate::Command(_) => return None,
    })
}

fn state<S: State>(event: &Event) -> Option<S> {
    events::decode(event.draft.format, &event.draft.payload).ok()
}
