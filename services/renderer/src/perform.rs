//! Effects: the engine's programs, and the log.

mod build;
mod commit;
mod fault;
mod lost;
mod reading;

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

pub use bus::now;
use bus::{Log, LogPosition};
use bytes::Bytes;
use engine::{Engine, EngineError, Kind, RenderedFile, Request};
use events::{Content, Draft, content::INLINE_BYTES_MAX};
use manifest::{Artifact, InstallKey};
use model::{Aggregate, Digest};
use plan::RenderJob;
use tokio::task::spawn_blocking;

pub use commit::{BATCH_MAX, End};
use commit::{Kept, draft_of, kept};
use fault::Fault;
pub use reading::{Reader, Unreadable};

use crate::{
    Config, Error, Marking,
    decide::{Engines, Lane, Order, Outcome, Product, Retry, Work, outcome},
};

/// Renders in process at once: they wait for the log's disk or network most of the time.
const IN_PROCESS_MAX: usize = 16;

/// Carries out what was decided.
pub struct Performer {
    log: Arc<dyn Log>,
    key: InstallKey,
    marking: Marking,
    engine: Engine,
    engines: Engines,
    /// Reads what events only name.
    pub reader: Reader,
}

/// How an order went.
#[derive(Debug)]
pub enum Done {
    /// An event follows.
    Draft(Draft),
    /// It failed as the last time; nobody need hear of it again.
    Silent(Retry),
    /// Its files need a process, and it was not given room for one.
    NeedsProcess,
    /// There is nothing to append any more.
    Ended(End),
}

/// Why there is no product.
enum Stop {
    Fault(Fault),
    NeedsProcess,
}

impl<F: Into<Fault>> From<F> for Stop {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

impl Performer {
    /// Sets the engine up and asks its programs for their versions.
    ///
    /// # Errors
    /// The engine cannot be used. A program that is missing is a failure of the renders that need it.
    pub async fn new(log: Arc<dyn Log>, config: Config) -> Result<Self, Error> {
        let engine = Engine::new(config.engine).await.map_err(Error::Engine)?;
        let (plain, kustomize, helm) = tokio::try_join!(
            version(&engine, Kind::Plain),
            version(&engine, Kind::Kustomize),
            version(&engine, Kind::Helm),
        )?;
        let engines = Engines::new(&plain, &kustomize, &helm);
        let reader = Reader::new(Arc::clone(&log));
        Ok(Self { log, key: config.key, marking: config.marking, engine, engines, reader })
    }

    /// The engines at hand.
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    /// Id of the install key at hand.
    pub fn key_id(&self) -> String {
        self.key.key_id()
    }

    /// How many orders of a lane may run at once.
    pub fn room(lane: Lane) -> usize {
        match lane {
            Lane::InProcess => IN_PROCESS_MAX,
            Lane::Process => available_parallelism().map_or(1, NonZero::get),
        }
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// What ends the renderer.
    pub async fn perform(&self, order: &Order, lane: Lane) -> Result<Done, Error> {
        match &order.work {
            Work::Retire => Ok(Done::Ended(commit::retire(&self.log, order).await?)),
            Work::Fail { made_from, failure } => {
                self.follow_failure(order, made_from.clone(), failure.clone()).await
            }
            Work::Render { job, made_from, artifact } => {
                let mut made_from = made_from.clone();
                match self.render(job, artifact, lane, &mut made_from.engine).await {
                    Err(Stop::NeedsProcess) => Ok(Done::NeedsProcess),
                    Err(Stop::Fault(fault)) => {
                        let failure = fault.into_failure(now(), order.attempts.saturating_add(1));
                        self.follow_failure(order, made_from, failure).await
                    }
                    Ok(product) => follow(order, made_from, Outcome::Rendered(product)),
                }
            }
        }
    }

    async fn follow_failure(
        &self,
        order: &Order,
        made_from: events::state::RenderInputs,
        failure: model::Failure,
    ) -> Result<Done, Error> {
        match kept(&self.log, order).await? {
            Kept::Stale(end) => Ok(Done::Ended(end)),
            Kept::Desired(kept) => follow(order, made_from, Outcome::Failed { failure, kept }),
        }
    }

    /// Makes a product from the files of an artifact; `engine` becomes the name of what took part.
    async fn render(
        &self,
        job: &RenderJob,
        artifact: &Digest,
        lane: Lane,
        engine: &mut String,
    ) -> Result<Product, Stop> {
        let sealed = self.log.get_blob(artifact).await?.ok_or_else(Fault::files_missing)?;
        let key = self.key.clone();
        let artifact = blocking(move || {
            let plain = manifest::open(&key, "artifact", &sealed)?;
            Ok(Artifact::decode(&plain)?)
        });
        let artifact = artifact.await?;
        let path = clean(&job.parameters.source.path);
        let request = Request {
            artifact: &artifact,
            path: &path,
            rendering: &job.parameters.rendering,
            release_name: job.application.as_str(),
            namespace: job.parameters.namespace.as_deref().unwrap_or("default"),
        };
        let (name, needed) = match request.kind() {
            Kind::Plain => (self.engines.plain(), Lane::InProcess),
            Kind::Kustomize => (self.engines.kustomize(), Lane::Process),
            Kind::Helm => (self.engines.helm(), Lane::Process),
        };
        if !lane.covers(needed) {
            return Err(Stop::NeedsProcess);
        }
        name.clone_into(engine);
        let files = self.engine.render(request).await?;
        Ok(self.store(job, files).await?)
    }

    /// Builds the desired set and puts what is too large for an event, and what is secret, into blobs.
    async fn store(&self, job: &RenderJob, files: Vec<RenderedFile>) -> Result<Product, Fault> {
        let (key, job, marking) = (self.key.clone(), job.clone(), self.marking);
        let made = blocking(move || {
            let made = build::build(&files, (&job, marking), &key)?;
            let secrets = &made.built.secrets;
            let sealed = (!secrets.is_empty()).then(|| manifest::seal(&key, "secrets", &secrets.encode()));
            let set = &made.built.set;
            let objects = u32::try_from(set.objects().len()).unwrap_or(u32::MAX);
            Ok((set.digest(), objects, set.encode(), sealed, made.notes))
        });
        let (digest, objects, encoded, sealed, notes) = made.await?;
        let manifests = if encoded.len() <= INLINE_BYTES_MAX {
            Content::Inline(encoded)
        } else {
            Content::Blob(self.log.put_blob(Bytes::from(encoded)).await?)
        };
        let secrets = match sealed {
            Some(sealed) => Some(self.log.put_blob(Bytes::from(sealed)).await?),
            None => None,
        };
        Ok(Product { digest, objects, manifests, secrets, notes })
    }

    /// Appends drafts, at most one for each render.
    ///
    /// # Errors
    /// What ends the renderer.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<(Aggregate, End)>, Error> {
        commit::append(&self.log, drafts).await
    }

    /// Where the log is now.
    ///
    /// # Errors
    /// It is another one than was seen.
    pub async fn check_log(&self, seen: &LogPosition) -> Result<LogPosition, Error> {
        Ok(seen.follow(&*self.log).await?)
    }
}

fn follow(order: &Order, made_from: events::state::RenderInputs, outcome: Outcome) -> Result<Done, Error> {
    match outcome::follow(order.stored.as_ref(), made_from, outcome) {
        Some((kind, state)) => Ok(Done::Draft(draft_of(order, kind, &state)?)),
        None => Ok(Done::Silent(Retry { at: now(), attempts: order.attempts.saturating_add(1) })),
    }
}

async fn version(engine: &Engine, kind: Kind) -> Result<String, Error> {
    match engine.version(kind).await {
        Ok(version) => Ok(version.to_owned()),
        // The name changes once it is installed, and with it everything that waits for it is rendered.
        Err(EngineError::Missing { program, .. }) => Ok(format!("{program} missing")),
        Err(error) => Err(Error::Engine(error)),
    }
}

/// Runs work that keeps a core busy; a panic in it concerns only what it was given.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err(Fault::panicked()))
}

/// The path as artifacts spell it; what leads upwards was refused by the fetcher.
fn clean(path: &str) -> String {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}
