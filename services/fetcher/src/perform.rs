//! Effects: Git mirrors on disk, and the log.

mod commit;
mod fault;
mod mirrors;
mod published;
mod shelf;
mod survey;

use std::{collections::BTreeSet, pin::pin, sync::Arc};

pub use bus::now;
use bus::{Log, LogPosition};
use engine::{Charts, charts::Egress};
use events::{Content, state::DefinitionsState};
use fault::Fault;
use futures::{StreamExt as _, stream};
use model::{DefinitionSet, SourceName};
use source::{Credentials, Mirror};
use tokio::sync::Semaphore;

pub use commit::End;
use mirrors::Mirrors;

use crate::{
    Config, Error,
    decide::{Finding, Known, Look, Memory, RemoteId, Visit},
};

/// Sealed artifacts held in memory at once, in KiB: two of the largest possible, or thousands of usual ones.
const ARTIFACTS_KIB_MAX: u32 = 256 * 1024;

/// Sources of one repository that are surveyed at once. Most wait: for a core, or for a chart.
const LOOKS_MAX: usize = 16;

/// Events in one batch: as many as the log takes at once.
const APPENDED_MAX: usize = 1000;

/// Carries out what was decided.
pub struct Performer {
    log: Arc<dyn Log>,
    key: manifest::InstallKey,
    mirrors: Arc<Mirrors>,
    charts: Arc<Charts>,
    credentials: Credentials,
    egress: Egress,
    /// Surveys at once: they keep a core busy each.
    surveys: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// How a look went.
pub struct Looked {
    /// The look.
    pub look: Look,
    /// What to remember of it; `None` to look again at once.
    pub memory: Option<Memory>,
    /// What became of the event.
    pub end: End,
}

/// Whether definitions that could not be read are worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They are.
    Now,
    /// They are not.
    Ever,
}

impl Performer {
    pub fn new(log: Arc<dyn Log>, config: Config) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            log,
            key: config.key,
            charts: Arc::new(Charts::new(
                &config.folder.join("charts"),
                &config.folder.join("scratch"),
                None,
            )),
            mirrors: Arc::new(Mirrors::new(config.folder.join("mirrors"), config.credentials.clone())),
            credentials: config.credentials,
            egress: config.charts,
            surveys: Arc::new(Semaphore::new(cores)),
            memory: Arc::new(Semaphore::new(ARTIFACTS_KIB_MAX as usize)),
        }
    }

    /// Carries out a visit: a fetch if need be, a survey for each source, and the events that follow.
    ///
    /// # Errors
    /// What ends the fetcher.
    pub async fn visit(&self, visit: Visit) -> Result<Vec<Looked>, Error> {
        let mirror = mirrors::ready(&self.mirrors, &visit).await?;
        let surveys = stream::iter(visit.looks).map(|look| self.look(&mirror, look));
        // One that waits for a chart holds up no other: what is found is appended as it comes.
        let mut found = pin!(surveys.buffer_unordered(LOOKS_MAX).ready_chunks(APPENDED_MAX));
        let mut looked = Vec::new();
        while let Some(found) = found.next().await {
            let found: Vec<_> = found.into_iter().collect::<Result<_, Error>>()?;
            looked.extend(commit::commit(&self.log, found).await?);
        }
        Ok(looked)
    }

    async fn look(&self, mirror: &Result<Mirror, Fault>, look: Look) -> Result<(Look, Finding), Error> {
        let look = self.checked(look).await;
        let surveyed = match mirror {
            Ok(mirror) => self.survey(mirror, &look).await?,
            Err(fault) => Err(fault.clone()),
        };
        let surveyed = surveyed.map_err(|fault| fault.into_failure(now(), look.failures.saturating_add(1)));
        Ok((look, surveyed.unwrap_or_else(Finding::Failed)))
    }

    /// Retires a source that nothing names any more.
    ///
    /// # Errors
    /// What ends the fetcher.
    pub async fn retire(&self, name: &SourceName, known: &Known) -> Result<End, Error> {
        commit::retire(&self.log, name, known).await
    }

    /// Reads a set of definitions.
    ///
    /// # Errors
    /// It cannot be read now, or ever.
    pub async fn read_set(&self, state: &DefinitionsState) -> Result<DefinitionSet, Unreadable> {
        let bytes = match &state.set {
            Content::Inline(bytes) => bytes.clone().into(),
            Content::Blob(digest) => match self.log.get_blob(digest).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    tracing::warn!(%digest, "the blob of the definitions is missing");
                    return Err(Unreadable::Now);
                }
                Err(error) => {
                    tracing::warn!(%digest, error = &error as &dyn std::error::Error, "definitions not read");
                    return Err(Unreadable::Now);
                }
            },
        };
        DefinitionsState::decode_set(&bytes).map_err(|error| {
            tracing::error!(%error, "the definitions cannot be decoded; the last ones stay in force");
            Unreadable::Ever
        })
    }

    /// Removes the mirrors of remotes that are no longer named.
    pub async fn drop_mirrors(&self, named: BTreeSet<RemoteId>) -> Result<(), Error> {
        let mirrors = Arc::clone(&self.mirrors);
        tokio::task::spawn_blocking(move || mirrors.keep_only(&named)).await.map_err(Error::VisitDied)
    }

    /// Where the log is now.
    ///
    /// # Errors
    /// It is another one than was seen.
    pub async fn check_log(&self, seen: &LogPosition) -> Result<LogPosition, Error> {
        Ok(seen.follow(&*self.log).await?)
    }
}
