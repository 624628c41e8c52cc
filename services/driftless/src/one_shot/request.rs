//! The request of a one-shot run: written to the log as the gateway would, answered there by the differ.

use std::sync::Arc;

use bus::{AppendError, Log, now};
use events::{
    Draft, EventType,
    state::{Asker, CommandState, DefinitionsState, Request, RequestId, RequestKind},
};
use model::{Aggregate, CommandScope, Digest};

use super::definitions::Wanted;
use crate::{exit::Exit, problem::Problem, state_folder::chain};

/// A request and the aggregates that hold it.
pub struct Asked {
    /// Its id.
    pub id: RequestId,
    aggregates: [Aggregate; 2],
}

/// Refuses a state folder whose log is about another application or cluster: a sync there would take it for gone.
pub async fn check_owner(log: &Arc<dyn Log>, wanted: &Wanted) -> Result<(), Problem> {
    let newest = log.newest(&Aggregate::Definitions).await.map_err(|error| unreadable(&error))?;
    let Some(event) = newest else { return Ok(()) };
    let Ok(state) = events::decode::<DefinitionsState>(event.draft.format, &event.draft.payload) else {
        return Ok(());
    };
    let bytes = match &state.set {
        events::Content::Inline(bytes) => bytes.clone(),
        events::Content::Blob(_) => return Err(other("a fleet")),
    };
    let Ok(set) = DefinitionsState::decode_set(&bytes) else { return Ok(()) };
    let application = set.application(&wanted.target.application).is_some() && set.applications().len() == 1;
    let cluster = set.cluster(&wanted.target.cluster).is_some() && set.clusters().len() == 1;
    if application && cluster {
        return Ok(());
    }
    let names: Vec<String> =
        set.applications().iter().map(|application| application.name.to_string()).collect();
    Err(other(&names.join(", ")))
}

fn other(whose: &str) -> Problem {
    let message = format!("the state folder belongs to another target: {whose}");
    Problem::new(
        "STATE-OTHER",
        message,
        "use another --state folder, or the same --application and --context",
    )
}

fn unreadable(error: &bus::ReadError) -> Problem {
    Problem::new(error.code(), chain(error), error.remedy())
}

/// Asks the source to look now, and the target for what follows from it.
pub async fn ask(
    log: &Arc<dyn Log>,
    wanted: &Wanted,
    kind: fn(Option<RequestId>) -> RequestKind,
    approved: Option<Digest>,
) -> Result<Asked, Problem> {
    let id = new_id()?;
    let source = wanted.set.sources().iter().map(|source| source.name.clone()).next();
    let source = source.ok_or_else(|| Problem::new("BUG", "the set has no source", "report it as a bug"))?;
    let of_source = Aggregate::Command(CommandScope::Source(source));
    let of_target = Aggregate::Command(CommandScope::Target(wanted.target.clone()));
    replace(log, &of_source, vec![(id.clone(), RequestKind::Fetch)]).await?;
    let mut requests = vec![(id.clone(), kind(Some(id.clone())))];
    if let Some(plan) = approved {
        requests.push((new_id()?, RequestKind::Approve { plan }));
    }
    replace(log, &of_target, requests).await?;
    Ok(Asked { id, aggregates: [of_source, of_target] })
}

fn new_id() -> Result<RequestId, Problem> {
    let text = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
    text.parse().map_err(|_| Problem::new("BUG", "a request id was refused", "report it as a bug"))
}

impl Asked {
    /// Drops the request: it is answered, or nobody waits for it any more.
    pub async fn done(&self, log: &Arc<dyn Log>) {
        for aggregate in &self.aggregates {
            if let Err(problem) = replace(log, aggregate, Vec::new()).await {
                tracing::debug!(?problem, "the request stays; the next run drops it");
            }
        }
    }
}

/// Makes the pending requests of an aggregate just these: those of an interrupted run are waited for by nobody.
async fn replace(
    log: &Arc<dyn Log>,
    aggregate: &Aggregate,
    requests: Vec<(RequestId, RequestKind)>,
) -> Result<(), Problem> {
    let newest = log.newest(aggregate).await.map_err(|error| unreadable(&error))?;
    let now = now();
    let kind = if requests.is_empty() { EventType::CommandsHandled } else { EventType::SyncRequested };
    let asked = |(id, kind)| Request { id, kind, at: now, by: Asker::Person };
    let pending = requests.into_iter().map(asked).collect();
    let state = CommandState { pending };
    let draft = Draft::after(newest.as_ref(), aggregate.clone(), (kind, now), &state)
        .map_err(|error| Problem::new("BUG", error.to_string(), "report it as a bug"))?;
    let appended = log.append(vec![draft]).await.into_iter().next();
    let refused = |error: AppendError| {
        Problem::new("LOG-APPEND", chain(&error), "check the disk of the state folder").ending(Exit::Failed)
    };
    appended.map_or(Ok(()), |answer| answer.map(|_| ()).map_err(refused))
}
