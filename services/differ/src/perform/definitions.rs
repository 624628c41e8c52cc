//! Keeps definitions in force: those of the command line, or what the fleet repository says.

mod lost;

use std::sync::Arc;

use ::fleet::{Files, Reading};
use bus::{AppendError, now};
use events::{
    Content, Draft, Event, EventId, EventType,
    content::INLINE_BYTES_MAX,
    state::{Consent, DefinitionsState, DesiredState, RenderState, Request},
};
use manifest::{Artifact, Document};
use model::{Aggregate, DefinitionSet, Failure};
use plan::fleet_render;

use super::{load, sealed};
use crate::{
    Error,
    config::Bootstrap,
    decide::{self, OtherFleet},
    known::Versioned,
    worker::Shared,
};

/// Writes the definitions while their partition is ours.
pub struct DefinitionsKeeper {
    /// What is still to be put in force.
    bootstrap: Option<Bootstrap>,
    /// The render of the fleet repository that was judged last, and what was asked of the fleet then.
    judged: Option<(EventId, Arc<Vec<Request>>)>,
}

/// The newest event of the definitions, read.
struct Standing {
    event: Event,
    state: DefinitionsState,
    set: DefinitionSet,
}

/// Whether an append was ours.
enum Appended {
    Yes,
    /// Another differ was first: everything is read and decided again.
    Overtaken,
}

impl DefinitionsKeeper {
    /// Of a differ with that bootstrap.
    pub fn new(bootstrap: Option<Bootstrap>) -> Self {
        Self { bootstrap, judged: None }
    }

    /// Does what is due now; to be called after whatever the log says.
    ///
    /// # Errors
    /// If the log cannot be used, or definitions would come from elsewhere without a word of a person.
    pub async fn attend(&mut self, shared: &Shared) -> Result<(), Error> {
        if let Some(bootstrap) = &self.bootstrap {
            begin(shared, bootstrap).await?;
            self.bootstrap = None;
        }
        let Some((aggregate, render)) = shared.known(|known| known.fleet_render()) else { return Ok(()) };
        let requests = shared.known(|known| known.fleet_requests().clone());
        if self.judged.as_ref().is_some_and(|(judged, heard)| *judged == render.event && *heard == requests) {
            return Ok(());
        }
        match follow(shared, &aggregate, &render, &requests).await {
            Ok(Appended::Yes) => self.judged = Some((render.event, requests)),
            Ok(Appended::Overtaken) => {}
            // Made again from Git; tried again with whatever happens next.
            Err(error @ (Error::Content { .. } | Error::BlobMissing { .. })) => {
                tracing::error!(%error, "the fleet repository cannot be read from the log");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Puts in force what a differ is started with, unless it is.
async fn begin(shared: &Shared, bootstrap: &Bootstrap) -> Result<(), Error> {
    loop {
        let newest = shared.log.newest(&Aggregate::Definitions).await?;
        let current = match &newest {
            None => None,
            Some(event) => match current(shared, bootstrap, event).await? {
                Current::Standing(standing) => Some(*standing),
                Current::Lost => None,
                Current::Found(Appended::Yes) => return Ok(()),
                Current::Found(Appended::Overtaken) => continue,
            },
        };
        let before = current.as_ref().map(|standing| &standing.state);
        let set = current.as_ref().map(|standing| standing.set.clone());
        let next = decide::begin(set.clone(), bootstrap, shared.config.fleet_change)
            .map_err(|OtherFleet { before, now }| Error::OtherFleet { before, now })?;
        let stands = match bootstrap {
            // What is handed over again is meant, whatever was refused meanwhile.
            Bootstrap::Set(_) => before.is_some_and(|state| state.rejected.is_none()),
            Bootstrap::Fleet(_) => true,
        };
        let (digest, content) = store(shared, &next).await?;
        if stands && before.is_some_and(|state| state.digest == digest) {
            return Ok(());
        }
        let moved = match (set.as_ref().and_then(DefinitionSet::fleet), next.fleet()) {
            (Some(before), Some(now)) => !before.is_at(&now),
            (None, None) => false,
            (None, Some(_)) | (Some(_), None) => true,
        };
        let known = before.map_or(0, |state| state.observation);
        let seen = shared.known(|known| known.fleet_observation());
        let state = DefinitionsState {
            digest,
            set: content,
            // Why the newest revision is not in force stays true however it is reached.
            rejected: match bootstrap {
                Bootstrap::Set(_) => None,
                Bootstrap::Fleet(_) => before.filter(|_| !moved).and_then(|state| state.rejected.clone()),
            },
            commit: match bootstrap {
                Bootstrap::Set(_) => None,
                Bootstrap::Fleet(_) => before.and_then(|state| state.commit.clone()),
            },
            // What was seen of another repository says nothing about this one. Counted from what the fetcher has seen:
            // it goes on from there, and not from how often somebody moved.
            observation: if moved { known.max(seen + 1) } else { known.max(seen) },
            consent: Consent {
                held: before.filter(|_| !moved).and_then(|state| state.consent.held),
                handled: before.map(|state| state.consent.handled.clone()).unwrap_or_default(),
            },
        };
        match append(shared, newest.as_ref(), &state, None).await? {
            Appended::Yes => return Ok(()),
            Appended::Overtaken => {}
        }
    }
}

/// What is in force.
enum Current {
    /// It.
    Standing(Box<Standing>),
    /// It is lost.
    Lost,
    /// It was lost, and made again from Git.
    Found(Appended),
}

/// What is in force. A set that is lost can be handed over again, or is the same as one that the fleet repository held.
async fn current(shared: &Shared, bootstrap: &Bootstrap, event: &Event) -> Result<Current, Error> {
    match (read(shared, event.clone()).await, bootstrap) {
        (Ok(standing), _) => Ok(Current::Standing(Box::new(standing))),
        (Err(Error::BlobMissing { .. }), Bootstrap::Set(_)) => Ok(Current::Lost),
        (Err(Error::BlobMissing { .. }), Bootstrap::Fleet(fleet)) => {
            lost::rebuild(shared, fleet, event).await.map(Current::Found)
        }
        (Err(error), _) => Err(error),
    }
}

async fn read(shared: &Shared, event: Event) -> Result<Standing, Error> {
    let state: DefinitionsState = events::decode(event.draft.format, &event.draft.payload).map_err(bad)?;
    let bytes = shared.intake.content(&state.set).await?;
    let set = DefinitionsState::decode_set(&bytes).map_err(bad)?;
    Ok(Standing { event, state, set })
}

/// Judges a render of the fleet repository, and writes what follows if that is new.
async fn follow(
    shared: &Shared,
    aggregate: &Aggregate,
    render: &Versioned<RenderState>,
    requests: &[Request],
) -> Result<Appended, Error> {
    let Some(newest) = shared.log.newest(&Aggregate::Definitions).await? else {
        return Ok(Appended::Overtaken);
    };
    let Standing { event, state, set } = read(shared, newest).await?;
    if fleet_render(&set).is_none_or(|(newest, _)| newest != *aggregate) {
        return Ok(Appended::Overtaken);
    }
    if decide::is_past(&render.state, &state) {
        return Ok(Appended::Yes);
    }
    let judged = match &render.state.desired {
        None => decide::judge_fleet(&render.state, &set, None, now()),
        Some(desired) => match documents(shared, &render.state, desired).await {
            Ok(reading) => decide::judge_fleet(&render.state, &set, Some(reading), now()),
            Err(Error::Sealed { source, .. }) => {
                decide::Judged { set: None, rejected: Some(sealed(&source, now())) }
            }
            Err(error) => return Err(error),
        },
    };
    let standing = Standing { event, state, set };
    let mut next = weighed(shared, judged, &standing, requests).await?;
    next.observation = render.state.made_from.observation;
    let Standing { event, state, .. } = standing;
    let told = same(next.rejected.as_ref(), state.rejected.as_ref()) && next.consent == state.consent;
    if next.digest == state.digest && told {
        return Ok(Appended::Yes);
    }
    match &next.rejected {
        None => tracing::info!(commit = %render.state.made_from.commit, "definitions are in force"),
        Some(failure) => {
            tracing::warn!(code = failure.code, message = failure.message, "definitions were refused")
        }
    }
    append(shared, Some(&event), &next, Some(render.event)).await
}

/// What follows from a judgement once it is weighed how much would be let go of; only the observation is left as it was.
async fn weighed(
    shared: &Shared,
    judged: decide::Judged,
    standing: &Standing,
    requests: &[Request],
) -> Result<DefinitionsState, Error> {
    let stored = match &judged.set {
        Some((set, _)) => Some(store(shared, set).await?),
        None => None,
    };
    let inventories = shared.known(|known| known.inventories());
    let scales = decide::Scales {
        current: &standing.set,
        inventories: &inventories,
        percent: shared.config.fleet_guard,
        requests,
        before: &standing.state.consent,
    };
    let digest = stored.as_ref().map(|(digest, _)| *digest);
    let (judged, consent) = decide::weigh_fleet(judged, digest, scales, now());
    let mut next = DefinitionsState { rejected: judged.rejected, consent, ..standing.state.clone() };
    if let (Some((_, commit)), Some((digest, content))) = (judged.set, stored)
        && digest != next.digest
    {
        (next.digest, next.set, next.commit) = (digest, content, Some(commit));
    }
    Ok(next)
}

fn same(a: Option<&Failure>, b: Option<&Failure>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same_as(b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// What a desired state of the fleet repository says; what is wrong with it is pointed at in the files.
async fn documents(shared: &Shared, render: &RenderState, desired: &DesiredState) -> Result<Reading, Error> {
    let loaded = load(&shared.intake, desired, &shared.config.key).await?;
    let document = |object: &manifest::DesiredObject| Document {
        file: String::new(),
        line: 0,
        value: object.value.value().clone(),
    };
    let mut documents: Vec<Document> = loaded.set.objects().iter().map(document).collect();
    let reading = ::fleet::read(&documents);
    if reading.problems.is_empty() {
        return Ok(reading);
    }
    let Some(artifact) = artifact(shared, render).await else { return Ok(reading) };
    let files: Files<'_> =
        artifact.files().iter().map(|(path, file)| (path.as_str(), file.bytes.as_slice())).collect();
    ::fleet::find(&mut documents, &files);
    let mut reading = ::fleet::read(&documents);
    ::fleet::point(&mut reading.problems, &files);
    Ok(reading)
}

/// The files of a render; `None`: they are not at hand, and problems are told without their places.
async fn artifact(shared: &Shared, render: &RenderState) -> Option<Artifact> {
    let digest = shared.known(|known| known.fleet_artifact(render))?;
    let sealed = shared.intake.blob(&digest).await.ok()?;
    let plain = manifest::open(&shared.config.key, "artifact", &sealed).ok()?;
    Artifact::decode(&plain).ok()
}

/// Encodes a set, and puts it where an event can name it.
async fn store(shared: &Shared, set: &DefinitionSet) -> Result<(model::Digest, Content), Error> {
    let bytes = DefinitionsState::encode_set(set).map_err(bad)?;
    let digest = DefinitionSet::digest(&bytes);
    let content = if bytes.len() > INLINE_BYTES_MAX {
        Content::Blob(shared.log.put_blob(bytes.into()).await.map_err(Error::Blob)?)
    } else {
        Content::Inline(bytes)
    };
    Ok((digest, content))
}

async fn append(
    shared: &Shared,
    newest: Option<&Event>,
    state: &DefinitionsState,
    cause: Option<EventId>,
) -> Result<Appended, Error> {
    let kind = match state.rejected {
        None => EventType::DefinitionsChanged,
        Some(_) => EventType::DefinitionsRejected,
    };
    let draft = Draft::after(newest, Aggregate::Definitions, (kind, now()), state).map_err(bad)?;
    let draft = Draft { cause, ..draft };
    match shared.log.append(vec![draft]).await.into_iter().next() {
        Some(Err(AppendError::Conflict { .. })) => Ok(Appended::Overtaken),
        Some(Err(source)) => {
            Err(Error::Append { aggregate: Aggregate::Definitions, source: Box::new(source) })
        }
        Some(Ok(_)) | None => Ok(Appended::Yes),
    }
}

fn bad(error: impl ToString) -> Error {
    Error::Content { what: "the definitions", reason: error.to_string() }
}
