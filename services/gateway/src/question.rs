//! Questions to the audit ledger, which goes further back than the log.

use events::{Leaf, Record};
use ledger::{Dimension, Key, Order, ReadError, View, Window};
use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    decide,
    wire::{self, Entry, History},
};

/// Entries of an answer unless more or fewer are asked for.
const ENTRIES: usize = 50;

/// Most entries of one answer.
const ENTRIES_MAX: usize = 1000;

/// Which entries are wanted: those that fit all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// Only about this application, on whatever cluster.
    pub application: Option<String>,
    /// Only about this cluster.
    pub cluster: Option<String>,
    /// Only what this one wanted: an opaque id.
    pub actor: Option<String>,
    /// Only of this commit: all of its id, or the first 8 digits.
    pub commit: Option<String>,
    /// Only of this type, such as `SyncFinished`.
    pub kind: Option<String>,
    /// Only of this change, as `correlation` of events names it.
    pub change: Option<String>,
    /// Only what was decided at this instant or later (RFC 3339).
    pub since: Option<String>,
    /// Only what was decided before this instant (RFC 3339).
    pub until: Option<String>,
    /// The newest so many of them, at most 1000; 50 if nothing is said.
    pub limit: Option<usize>,
}

/// Says why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// That is no instant.
    #[error("{0:?} is no instant: RFC 3339 is expected, such as 2026-11-27T08:00:00Z")]
    Time(String),
    /// The ledger cannot be read.
    #[error("the audit ledger cannot be read")]
    Read(#[from] ReadError),
}

impl Question {
    /// What entries have to have, the rarest first: it is looked through.
    fn keys(&self) -> Vec<Key> {
        let parts = [
            (Dimension::Change, &self.change),
            (Dimension::Commit, &self.commit),
            (Dimension::Actor, &self.actor),
            (Dimension::Application, &self.application),
            (Dimension::Cluster, &self.cluster),
            (Dimension::Kind, &self.kind),
        ];
        parts
            .into_iter()
            .filter_map(|(dimension, value)| Some(Key::new(dimension, value.as_ref()?)))
            .collect()
    }

    fn window(&self) -> Result<Window, QuestionError> {
        let instant = |text: &Option<String>| -> Result<Option<Timestamp>, QuestionError> {
            let parsed =
                text.as_ref().map(|text| text.parse().map_err(|_| QuestionError::Time(text.clone())));
            parsed.transpose()
        };
        Ok(Window { since: instant(&self.since)?, until: instant(&self.until)?, ..Window::default() })
    }
}

/// What the ledger has of it, oldest first.
///
/// # Errors
/// If an instant is none (permanent), or the ledger cannot be read.
pub fn recorded(view: &View, question: &Question) -> Result<History, QuestionError> {
    let limit = question.limit.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX);
    let mut found = view.find(&question.keys(), &question.window()?, Order::NewestFirst, limit)?;
    found.reverse();
    let entries = found.iter().filter_map(|stored| Leaf::decode(&stored.leaf).ok()).map(|leaf| entry(&leaf));
    Ok(History { version: wire::VERSION, entries: entries.collect() })
}

fn entry(leaf: &Leaf) -> Entry {
    match leaf {
        Leaf::Event(record) => {
            record.event().map_or_else(|_| newer(record), |event| decide::describe(&event))
        }
        Leaf::Unreadable(entry) => Entry {
            time: wire::instant(entry.time),
            event: "Unreadable".to_owned(),
            about: entry.aggregate.clone(),
            n: 0,
            id: String::new(),
            text: entry.reason.clone(),
            actor: None,
        },
    }
}

/// A type that is not known here is told by its envelope.
fn newer(record: &Record) -> Entry {
    Entry {
        time: wire::instant(record.time),
        event: record.kind.clone(),
        about: record.aggregate.clone(),
        n: record.n,
        id: record.id.to_string(),
        text: "written by a newer version".to_owned(),
        actor: record.actor.clone(),
    }
}
