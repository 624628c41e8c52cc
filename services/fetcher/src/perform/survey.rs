//! A survey: the revision that a reference stands for, the closures of all paths in it, and the artifacts of
//! those that changed.

use std::{collections::BTreeMap, sync::Arc};

use bus::BlobError;
use bytes::Bytes;
use events::{
    Table,
    state::{NOTES_MAX, Note, ObservedPath, PathOutcome},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use manifest::{Artifact, InstallKey};
use model::{Digest, RetryClass};
use source::{Mirror, Resolved, Snapshot};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use super::{
    ARTIFACTS_KIB_MAX, Performer,
    fault::{Cause, Fault},
    now,
    shelf::{Shelf, Way},
};
use crate::{
    Error,
    decide::{Finding, Look, Outlook, Seen, Subcharts, Wanted, next},
};

/// Blobs on their way at once: enough to share the log's disk writes.
const PUTS_MAX: usize = 256;

/// Longest note: a path and a half-sentence.
const NOTE_CHARS_MAX: usize = 200;

/// What an artifact is sealed for.
const PURPOSE: &str = "artifact";

struct Sealed {
    bytes: Bytes,
    _memory: OwnedSemaphorePermit,
}

impl Performer {
    /// Surveys one source in a mirror.
    ///
    /// # Errors
    /// Outer: what ends the fetcher. Inner: what the source's state tells.
    pub async fn survey(&self, mirror: &Mirror, look: &Look) -> Result<Result<Finding, Fault>, Error> {
        let core =
            Core { all: Arc::clone(&self.surveys), held: self.surveys.clone().acquire_owned().await.ok() };
        let rows = match self.known_rows(look).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(Fault::of_blob(&error))),
        };
        let (send, mut receive) = mpsc::channel(1);
        let mut survey = Survey {
            mirror: mirror.clone(),
            look: look.clone(),
            // What this process has not sealed itself is sealed anew: equal files and keys give equal blobs, so
            // that a lost blob comes back, and under a new key everything follows.
            outcomes: look.current_sight().map(|_| outcomes(&rows)).unwrap_or_default(),
            rows,
            shelf: Shelf::new(self.charts.round(), look.source.git.clone(), self.way()),
            core,
            sealing: Sealing { key: self.key.clone(), memory: Arc::clone(&self.memory), send },
        };
        let survey = tokio::task::spawn_blocking(move || survey.run());
        let puts = stream::poll_fn(move |cx| receive.poll_recv(cx))
            .map(|sealed: Sealed| async move {
                let Sealed { bytes, _memory } = sealed;
                self.log.put_blob(bytes).await
            })
            .buffer_unordered(PUTS_MAX)
            .try_for_each(|_| std::future::ready(Ok(())));
        // A failed put drops the receiving end, which ends the survey.
        let (found, puts) = tokio::join!(survey, puts);
        let found = found.map_err(Error::VisitDied)?;
        Ok(match puts {
            Ok(()) => found,
            Err(error) => Err(Fault::of_blob(&error)),
        })
    }

    fn way(&self) -> Way {
        Way { credentials: self.credentials.clone(), egress: self.egress.clone() }
    }

    /// The rows of the newest event, by path.
    async fn known_rows(&self, look: &Look) -> Result<BTreeMap<String, ObservedPath>, BlobError> {
        let rows = match look.current_sight() {
            Some(sight) => sight.rows.as_ref().clone(),
            None => {
                let revision = look.known.as_ref().and_then(|known| known.state.revision.as_ref());
                match revision.map(|revision| &revision.paths) {
                    None => Vec::new(),
                    Some(Table::Inline(rows)) => rows.clone(),
                    Some(Table::Paged { pages, .. }) => self.read_pages(pages).await?,
                }
            }
        };
        Ok(rows.into_iter().map(|row| (row.path.clone(), row)).collect())
    }

    /// A page that is gone or spoilt costs only that its artifacts are made again.
    async fn read_pages(&self, pages: &[Digest]) -> Result<Vec<ObservedPath>, BlobError> {
        let mut rows = Vec::new();
        for digest in pages {
            let page = match self.log.get_blob(digest).await {
                Ok(Some(bytes)) => Table::<ObservedPath>::read_page(&bytes).ok(),
                Ok(None) | Err(BlobError::Corrupt { .. }) => None,
                Err(error @ (BlobError::Unavailable(_) | BlobError::TooLarge { .. })) => return Err(error),
            };
            rows.extend(page.unwrap_or_default());
        }
        Ok(rows)
    }
}

/// Outcomes by closure. Equal closures hold equal files, so one artifact serves all paths that have it.
fn outcomes(rows: &BTreeMap<String, ObservedPath>) -> BTreeMap<Digest, PathOutcome> {
    let found = rows.values().filter_map(|row| match &row.outcome {
        PathOutcome::Found { closure, .. } => Some((*closure, row.outcome.clone())),
        PathOutcome::Failed(_) => None,
    });
    found.collect()
}

/// What the artifact leaves out, in sentences, bounded.
fn notes(left_out: &[source::Note]) -> Vec<Note> {
    let told = left_out.iter().take(NOTES_MAX - 1).map(|note| match note {
        source::Note::Submodule(path) => {
            ("GIT-SUBMODULE", format!("{path} is a submodule: its files are not part of the source"))
        }
        source::Note::LfsPointer(path) => {
            ("GIT-LFS", format!("{path} lies in Git LFS: only the pointer to it is part of the source"))
        }
    });
    let more = left_out.len().saturating_sub(NOTES_MAX - 1);
    let more = (more > 0).then(|| ("GIT-MORE", format!("{more} more files are only pointed to by Git")));
    told.chain(more)
        .map(|(code, message)| Note {
            code: code.to_owned(),
            message: message.chars().take(NOTE_CHARS_MAX).collect(),
        })
        .collect()
}

/// The blocking part, on a thread of its own.
struct Survey {
    mirror: Mirror,
    look: Look,
    rows: BTreeMap<String, ObservedPath>,
    outcomes: BTreeMap<Digest, PathOutcome>,
    shelf: Shelf,
    core: Core,
    sealing: Sealing,
}

/// The survey's share of the machine. It is given back while a survey waits for others.
struct Core {
    all: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Core {
    fn wait_for<T>(&mut self, others: impl Future<Output = T>) -> T {
        self.held = None;
        Handle::current().block_on(async {
            let done = others.await;
            self.held = Arc::clone(&self.all).acquire_owned().await.ok();
            done
        })
    }
}

struct Sealing {
    key: InstallKey,
    memory: Arc<Semaphore>,
    send: mpsc::Sender<Sealed>,
}

impl Survey {
    fn run(&mut self) -> Result<Finding, Fault> {
        let resolved = self.mirror.resolve(&self.look.source.git.reference);
        let resolved = resolved.map_err(|error| Fault::of_source(&error))?;
        let (commit, reference) = (&resolved.commit, &resolved.name);
        let origin = self.look.source.git.origin();
        let same = self.look.current_sight().is_some_and(|sight| {
            (&sight.commit, &sight.reference, sight.origin) == (commit, reference, origin)
                && sight.reading == self.look.reading
                && sight.signers == self.look.source.git.verify
        });
        // What failed may lie outside Git.
        if same && self.look.failures == 0 {
            return Ok(Finding::Same);
        }
        // Before anything is read of it. What was seen was checked then, by the same signers.
        let git = &self.look.source.git;
        if let Some(signers) = &git.verify {
            let verified = self.mirror.verify(&resolved, &git.reference, signers);
            verified.map_err(|error| Fault::of_source(&error))?;
        }
        let Resolved { commit, name: reference } = resolved;
        let reading = Arc::clone(&self.look.reading);
        let snapshot = self.mirror.at(&commit).map_err(|error| Fault::of_source(&error))?;
        let (mut rows, mut outlook) = (Vec::with_capacity(reading.len()), Outlook::Settled);
        for (path, wanted) in reading.iter() {
            let outcome = match self.outcome(&snapshot, path, wanted) {
                Ok(outcome) => outcome,
                // One chart that cannot be had must not hold up the rest.
                Err(fault) if fault.cause == Cause::Charts => {
                    outlook = Outlook::Open;
                    PathOutcome::Failed(fault.into_failure(now(), self.look.failures.saturating_add(1)))
                }
                // What may pass by itself is a failure of the look; the path has none of its own.
                Err(fault) if fault.class != RetryClass::Permanent => return Err(fault),
                Err(fault) => PathOutcome::Failed(fault.into_failure(now(), 1)),
            };
            let row = ObservedPath { path: path.to_owned(), outcome };
            rows.push(next::settle(self.rows.get(path), row));
        }
        Ok(Finding::Seen(Seen { commit, reference, origin, rows, outlook }))
    }

    fn outcome(&mut self, snapshot: &Snapshot, path: &str, wanted: &Wanted) -> Result<PathOutcome, Fault> {
        let values_files: Vec<String> = wanted.values_files.iter().cloned().collect();
        let found = snapshot.closure(path, &values_files).map_err(|error| Fault::of_source(&error))?;
        let chart = match (wanted.subcharts, found.subcharts) {
            (Subcharts::Read, source::Subcharts::Named) => Some(path),
            (Subcharts::Read, source::Subcharts::None) | (Subcharts::Ignored, _) => None,
        };
        // Which charts come with it follows from the same files and the path.
        let closure = chart.map_or(found.digest, |path| {
            Digest::of_parts("closure with charts", [found.digest.as_bytes(), path.as_bytes()])
        });
        if let Some(known) = self.outcomes.get(&closure) {
            return Ok(known.clone());
        }
        let roots: Vec<&str> = found.roots.iter().map(String::as_str).collect();
        let mut contents = snapshot.read(&roots).map_err(|error| Fault::of_source(&error))?;
        if let Some(path) = chart {
            let missing = Shelf::missing(&contents.artifact, path)?;
            if !missing.is_empty() {
                let (fill, send) = (self.shelf.fill(&mut contents.artifact, missing), &self.sealing.send);
                // Nobody takes what is sealed: the process ends, or a put has failed.
                self.core.wait_for(async {
                    tokio::select! {
                        filled = fill => filled,
                        () = send.closed() => Err(Fault::interrupted()),
                    }
                })?;
            }
        }
        let artifact = self.seal(&contents.artifact)?;
        let found = PathOutcome::Found { closure, artifact, notes: notes(&contents.notes) };
        self.outcomes.insert(closure, found.clone());
        Ok(found)
    }

    /// Seals files and hands them on; returns their address.
    fn seal(&self, artifact: &Artifact) -> Result<Digest, Fault> {
        let Sealing { key, memory, send } = &self.sealing;
        let bytes = Bytes::from(manifest::seal(key, PURPOSE, &artifact.encode()));
        let address = Digest::of(&bytes);
        let kib = u32::try_from(bytes.len() / 1024 + 1).unwrap_or(u32::MAX).min(ARTIFACTS_KIB_MAX);
        let room = Handle::current().block_on(Arc::clone(memory).acquire_many_owned(kib));
        let room = room.map_err(|_| Fault::interrupted())?;
        send.blocking_send(Sealed { bytes, _memory: room }).map_err(|_| Fault::interrupted())?;
        Ok(address)
    }
}
