//! What the log says, as far as it concerns sources, and what this process remembers of its looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use events::{
    DecodeError, Event, EventId, EventType,
    state::{CommandState, DefinitionsState, RequestId, RequestKind, SourceState},
};
use model::{Aggregate, CommandScope, DefinitionSet, Source, SourceName, Timestamp};

use super::{
    Memory, Need, Reading, RemoteId,
    due::{Asked, need},
    visit::{Effort, Look, Visit},
};

/// An event that may lead to others, and what they take over from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The event.
    pub cause: EventId,
    /// The change that it belongs to.
    pub correlation: Option<String>,
    /// Who wanted it.
    pub actor: Option<String>,
    /// Trace context.
    pub traceparent: Option<String>,
}

impl Trace {
    fn of(event: &Event) -> Self {
        let draft = &event.draft;
        Self {
            cause: event.id,
            correlation: draft.correlation.clone(),
            actor: draft.actor.clone(),
            traceparent: draft.traceparent.clone(),
        }
    }
}

/// Whether the newest event says that nothing names the source any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It stands.
    InForce,
    /// It was the last one.
    Retired,
}

/// The newest event of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its version.
    pub n: u64,
    /// Its id.
    pub id: EventId,
    /// Whether it still stands.
    pub standing: Standing,
    /// Its state.
    pub state: SourceState,
}

impl Known {
    /// What the next event follows from: all of the state, but of a retired source only the count, which
    /// must never go back.
    pub fn base(&self) -> SourceState {
        match self.standing {
            Standing::InForce => self.state.clone(),
            Standing::Retired => {
                SourceState { observation: self.state.observation, ..SourceState::default() }
            }
        }
    }
}

#[derive(Debug)]
struct Definitions {
    set: DefinitionSet,
    readings: BTreeMap<SourceName, Arc<Reading>>,
    remotes: BTreeMap<RemoteId, Vec<SourceName>>,
}

#[derive(Debug)]
struct Pending {
    requests: Vec<RequestId>,
    trace: Trace,
}

/// Everything that decisions about sources are made from. Definitions that were not seen yet are unknown, not
/// empty.
#[derive(Debug, Default)]
pub struct Picture {
    definitions: Option<Definitions>,
    known: BTreeMap<SourceName, Known>,
    pending: BTreeMap<SourceName, Pending>,
    parked: BTreeSet<SourceName>,
    memories: BTreeMap<SourceName, Memory>,
}

/// What an event changed.
#[derive(Debug)]
pub enum Taken {
    /// Something about a source.
    Source(SourceName),
    /// A new set of definitions, to be read and then put in force by [`Picture::define`].
    Definitions(Box<DefinitionsState>),
    /// Nothing that matters here.
    Nothing,
}

impl Picture {
    /// Takes an event in; one that is older than what is known changes nothing.
    ///
    /// # Errors
    /// The state cannot be read here (permanent): a source is parked then.
    pub fn take(&mut self, event: &Event) -> Result<Taken, DecodeError> {
        let (format, payload) = (event.draft.format, &event.draft.payload);
        Ok(match event.aggregate() {
            Aggregate::Source(name) => self.take_source(name, event)?,
            Aggregate::Definitions => Taken::Definitions(Box::new(events::decode(format, payload)?)),
            Aggregate::Command(CommandScope::Source(name)) => {
                let state: CommandState = events::decode(format, payload)?;
                let asks = |kind: &RequestKind| match kind {
                    RequestKind::Fetch => true,
                    RequestKind::Sync { .. }
                    | RequestKind::Preview { .. }
                    | RequestKind::ConfirmInventory
                    | RequestKind::Pause
                    | RequestKind::Resume
                    | RequestKind::Approve { .. } => false,
                };
                let requests = state.pending.into_iter().filter(|request| asks(&request.kind));
                let requests = requests.map(|request| request.id).collect();
                self.pending.insert(name.clone(), Pending { requests, trace: Trace::of(event) });
                Taken::Source(name.clone())
            }
            Aggregate::Command(CommandScope::Target(_) | CommandScope::Cluster(_) | CommandScope::Fleet)
            | Aggregate::Render { .. }
            | Aggregate::Cluster(_)
            | Aggregate::Target(_)
            | Aggregate::Sync(_) => Taken::Nothing,
        })
    }

    fn take_source(&mut self, name: &SourceName, event: &Event) -> Result<Taken, DecodeError> {
        if self.known.get(name).is_some_and(|known| known.n >= event.n()) {
            return Ok(Taken::Nothing);
        }
        let state = match events::decode(event.draft.format, &event.draft.payload) {
            Ok(state) => state,
            Err(error) => {
                self.park(name);
                return Err(error);
            }
        };
        let retired = event.draft.kind == EventType::SourceRetired;
        let standing = if retired { Standing::Retired } else { Standing::InForce };
        self.parked.remove(name);
        self.known.insert(name.clone(), Known { n: event.n(), id: event.id, standing, state });
        Ok(Taken::Source(name.clone()))
    }

    /// Keeps hands off a source whose newest event cannot be read here.
    pub fn park(&mut self, name: &SourceName) {
        self.parked.insert(name.clone());
    }

    /// Puts a set of definitions in force.
    pub fn define(&mut self, set: DefinitionSet) {
        let readings = Reading::of_set(&set).into_iter().map(|(name, reading)| (name, Arc::new(reading)));
        let readings = readings.collect();
        let mut remotes: BTreeMap<RemoteId, Vec<SourceName>> = BTreeMap::new();
        for source in set.sources() {
            remotes.entry(RemoteId::of(&source.git)).or_default().push(source.name.clone());
        }
        self.memories.retain(|name, _| set.source(name).is_some());
        self.definitions = Some(Definitions { set, readings, remotes });
    }

    /// All remotes that the definitions name; `None` while they are unknown.
    pub fn remotes(&self) -> Option<impl Iterator<Item = RemoteId>> {
        self.definitions.as_ref().map(|definitions| definitions.remotes.keys().copied())
    }

    /// The remote of a source, if it is defined.
    pub fn remote_of(&self, name: &SourceName) -> Option<RemoteId> {
        let source = self.definitions.as_ref()?.set.source(name)?;
        Some(RemoteId::of(&source.git))
    }

    /// Remembers a look; `None` forgets, so that the next look comes at once.
    pub fn remember(&mut self, name: &SourceName, memory: Option<Memory>) {
        match memory {
            Some(memory) => self.memories.insert(name.clone(), memory),
            None => self.memories.remove(name),
        };
    }

    /// The sources that the log knows and the definitions do not.
    pub fn unnamed(&self) -> Vec<(SourceName, Known)> {
        let Some(definitions) = &self.definitions else { return Vec::new() };
        let stands = |name: &SourceName, known: &Known| match known.standing {
            Standing::InForce => definitions.set.source(name).is_none() && !self.parked.contains(name),
            Standing::Retired => false,
        };
        let unnamed = self.known.iter().filter(|(name, known)| stands(name, known));
        unnamed.map(|(name, known)| (name.clone(), known.clone())).collect()
    }

    /// Decides about a remote: a visit, or when to ask again; `None` if nothing there is ours to look at.
    /// A visit looks at all sources of the remote, because one fetch serves them all.
    pub fn decide(&self, remote: RemoteId, now: Timestamp) -> Option<Result<Visit, Timestamp>> {
        let definitions = self.definitions.as_ref()?;
        let names = definitions.remotes.get(&remote)?.iter().filter(|name| !self.parked.contains(name));
        let sources: Vec<&Source> = names.filter_map(|name| definitions.set.source(name)).collect();
        let needs = sources.iter().map(|source| self.need(definitions, source, now));
        // The greatest need decides; among rests the earliest end.
        let need = needs.reduce(|a, b| match (a, b) {
            (Need::Rest(a), Need::Rest(b)) => Need::Rest(a.min(b)),
            (a, b) => a.max(b),
        })?;
        let effort = match need {
            Need::Rest(until) => return Some(Err(until)),
            Need::Survey => Effort::Survey,
            Need::Fetch => Effort::Fetch,
        };
        let looks = sources.into_iter().map(|source| self.look(definitions, source, effort)).collect();
        Some(Ok(Visit { remote, effort, looks }))
    }

    fn need(&self, definitions: &Definitions, source: &Source, now: Timestamp) -> Need {
        let asked = if self.unanswered(&source.name).is_empty() { Asked::No } else { Asked::Yes };
        let reading = definitions.readings.get(&source.name).cloned().unwrap_or_default();
        need(source, &reading, asked, self.memories.get(&source.name), now)
    }

    fn look(&self, definitions: &Definitions, source: &Source, effort: Effort) -> Look {
        let name = &source.name;
        let memory = self.memories.get(name);
        let known = self.known.get(name).cloned();
        let failures = |known: &Known| known.state.failure.as_ref().map(|failure| failure.attempts);
        let answers = match effort {
            Effort::Fetch => self.unanswered(name),
            Effort::Survey => Vec::new(),
        };
        let trace =
            self.pending.get(name).filter(|_| !answers.is_empty()).map(|pending| pending.trace.clone());
        Look {
            source: source.clone(),
            reading: definitions.readings.get(name).cloned().unwrap_or_default(),
            failures: match memory {
                Some(memory) => memory.failing.map_or(0, |(_, attempts)| attempts),
                None => known.as_ref().and_then(failures).unwrap_or(0),
            },
            rounds: memory.map_or(0, |memory| memory.rounds),
            sight: memory.and_then(|memory| memory.sight.clone()),
            known,
            answers,
            trace,
        }
    }

    fn unanswered(&self, name: &SourceName) -> Vec<RequestId> {
        let Some(pending) = self.pending.get(name) else { return Vec::new() };
        let handled = self.known.get(name).map(|known| known.state.handled.as_slice()).unwrap_or_default();
        pending.requests.iter().filter(|id| !handled.contains(id)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
