//! Follows a run in the log, tells it line by line, and finds its end.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bus::{Filter, Log, Watch, WatchItem};
use events::{
    Content, Event, EventType, Table,
    state::{
        AppliedObject, ObjectOutcome, PathOutcome, RenderState, RequestId, RequestOutcome, SourceState,
        SyncState, TargetState,
    },
};
use model::{Aggregate, AggregateKind, HealthStatus, ObjectId, TargetId};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout_at};

use super::definitions::Wanted;
use crate::{exit::Exit, problem::Problem, state_folder::chain, terminal};

/// What a run tells of.
const KINDS: [AggregateKind; 4] =
    [AggregateKind::Source, AggregateKind::Render, AggregateKind::Target, AggregateKind::Sync];

/// How long a run may be silent: long enough for what is usual, short enough that nobody wonders.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// What a run tells on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Each step, and what is waited for.
    Steps,
    /// What is waited for.
    Waits,
    /// Nothing: a program reads the result.
    Nothing,
}

/// How the wait for health ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Healthy,
    Degraded,
}

/// A run, as far as the log has told it.
pub struct Story {
    log: Arc<dyn Log>,
    watch: Watch,
    target: TargetId,
    request: RequestId,
    telling: Telling,
    /// When something was told last.
    spoke: Cell<Instant>,
    /// Where the files come from.
    repository: String,
    /// Whether the source was looked at for this run.
    looked: bool,
    listed: bool,
    state: Option<TargetState>,
    fetched: Option<String>,
    revision: Option<String>,
    told: BTreeMap<ObjectId, ObjectOutcome>,
    /// What the files of the revision leave out.
    left_out: Vec<String>,
    /// What the render says besides.
    set_aside: Vec<String>,
    objects: Vec<AppliedObject>,
    generation: u64,
    /// The generation that was listed, and what had become of its objects: by a run before this one.
    before: (u64, BTreeMap<ObjectId, ObjectOutcome>),
    /// Namespace of objects that name none.
    namespace: String,
    desired: BTreeSet<ObjectId>,
}

impl Story {
    pub async fn new(
        log: &Arc<dyn Log>,
        wanted: &Wanted,
        request: RequestId,
        telling: Telling,
    ) -> Result<Self, Problem> {
        let watch = log.watch(Filter::kinds(&KINDS)).await.map_err(|error| unreadable(&error))?;
        Ok(Self {
            log: log.clone(),
            watch,
            target: wanted.target.clone(),
            request,
            telling,
            spoke: Cell::new(Instant::now()),
            repository: wanted.set.sources().first().map(|source| source.git.url.clone()).unwrap_or_default(),
            looked: false,
            listed: false,
            state: None,
            fetched: None,
            revision: None,
            told: BTreeMap::new(),
            left_out: vec![],
            set_aside: vec![],
            objects: vec![],
            generation: 0,
            before: Default::default(),
            namespace: wanted.namespace.clone().unwrap_or_else(|| "default".into()),
            desired: BTreeSet::new(),
        })
    }

    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The commit that was rendered last.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// What a person should know of the revision and its render, in whatever order they were told.
    pub fn notes(&self) -> Vec<String> {
        self.left_out.iter().chain(&self.set_aside).cloned().collect()
    }

    /// The inventory as the newest sync left it.
    pub fn objects(&self) -> &[AppliedObject] {
        &self.objects
    }

    /// What this run did to an object, for people; `None`: nothing, and nothing was due.
    pub fn done_to(&self, row: &AppliedObject) -> Option<&'static str> {
        let (generation, outcomes) = &self.before;
        match outcomes.get(&row.id) {
            Some(before) if *generation == self.generation && *before == row.outcome => match before {
                ObjectOutcome::Created | ObjectOutcome::Configured => Some("unchanged"),
                ObjectOutcome::Unchanged
                | ObjectOutcome::Untouched
                | ObjectOutcome::Pending
                | ObjectOutcome::Failed(_)
                | ObjectOutcome::Terminating => outcome_word(before),
            },
            Some(_) | None => outcome_word(&row.outcome),
        }
    }

    /// What is in the inventory and no longer in Git.
    pub fn orphans(&self) -> impl Iterator<Item = &AppliedObject> {
        let desired = |row: &ObjectId| {
            let unnamed = row.namespace.as_ref().is_none_or(|namespace| *namespace == self.namespace);
            let bare = ObjectId { namespace: None, ..row.clone() };
            self.desired.contains(row) || unnamed && self.desired.contains(&bare)
        };
        self.objects.iter().filter(move |row| !desired(&row.id))
    }

    /// The target's newest state.
    pub fn state(&self) -> Option<&TargetState> {
        self.state.as_ref()
    }

    /// Waits for the answer to the request.
    pub async fn answer(&mut self) -> Result<RequestOutcome, Problem> {
        loop {
            let handled = self.state.as_ref().map(|state| state.handled.as_slice()).unwrap_or_default();
            if let Some(done) = handled.iter().find(|done| done.id == self.request) {
                return Ok(done.outcome.clone());
            }
            self.next().await?;
        }
    }

    /// Waits until every object is healthy, or one cannot become so.
    pub async fn health(&mut self) -> Result<Ending, Problem> {
        loop {
            match self.state.as_ref().map(|state| state.health.status) {
                Some(HealthStatus::Healthy | HealthStatus::Suspended) => return Ok(Ending::Healthy),
                Some(HealthStatus::Degraded) => return Ok(Ending::Degraded),
                Some(HealthStatus::Progressing | HealthStatus::Missing | HealthStatus::Unknown) | None => {}
            }
            self.next().await?;
        }
    }

    /// The next event; or a word about what is waited for, if nothing was told for a while.
    async fn next(&mut self) -> Result<(), Problem> {
        let Ok(item) = timeout_at(self.spoke.get() + SILENCE_MAX, self.watch.next()).await else {
            self.still();
            return Ok(());
        };
        match item {
            Some(Ok(WatchItem::Event(event))) => self.take(&event).await,
            Some(Ok(WatchItem::Listed)) => {
                self.listed = true;
                let rows = self.objects.iter().map(|row| (row.id.clone(), row.outcome.clone()));
                self.before = (self.generation, rows.collect());
                Ok(())
            }
            Some(Ok(WatchItem::Undecodable(parked))) => {
                let message = format!("{} cannot be read: {}", parked.aggregate, parked.reason);
                Err(Problem::new("LOG-UNDECODABLE", message, "use the newer driftless"))
            }
            Some(Ok(WatchItem::Restarted { .. })) | None => {
                Err(Problem::new("LOG-RESTARTED", "the log is another one than at the start", "run it again"))
            }
            Some(Err(error)) => Err(unreadable(&error)),
        }
    }

    async fn take(&mut self, event: &Event) -> Result<(), Problem> {
        match event.aggregate() {
            Aggregate::Source(_) => self.source(event).await,
            Aggregate::Render { application, .. } if *application == self.target.application => {
                self.render(event).await
            }
            Aggregate::Target(target) if *target == self.target => {
                self.state = events::decode(event.draft.format, &event.draft.payload).ok();
                Ok(())
            }
            Aggregate::Sync(target) if *target == self.target => self.sync(event).await,
            Aggregate::Definitions
            | Aggregate::Render { .. }
            | Aggregate::Cluster(_)
            | Aggregate::Target(_)
            | Aggregate::Sync(_)
            | Aggregate::Command(_) => Ok(()),
        }
    }

    fn say(&self, text: &str) {
        if self.listed && self.telling == Telling::Steps {
            terminal::progress(text);
            self.spoke.set(Instant::now());
        }
    }

    /// Says what is waited for.
    fn still(&self) {
        self.spoke.set(Instant::now());
        let is_done = |row: &&AppliedObject| outcome_word(&row.outcome).is_some();
        let done = self.objects.iter().filter(is_done).count();
        let answered = self
            .state
            .as_ref()
            .is_some_and(|state| state.handled.iter().any(|handled| handled.id == self.request));
        let waits = self
            .state
            .as_ref()
            .and_then(|state| state.waits.first())
            .map(|wait| format!("still waiting: {wait}"));
        let text = match self.telling {
            Telling::Nothing => return,
            _ if answered => format!("still waiting for health: {}", self.worst()),
            _ if !self.looked => format!("still fetching {}", self.repository),
            _ if self.revision.is_none() => "still rendering".to_owned(),
            _ if waits.is_some() => waits.unwrap_or_default(),
            Telling::Steps if done > 0 => format!("still applying: {done} of {} objects", self.objects.len()),
            Telling::Steps | Telling::Waits => "still comparing with the cluster".to_owned(),
        };
        terminal::progress(&text);
    }

    /// The object that is least healthy, and why.
    fn worst(&self) -> String {
        let health = self.state.as_ref().map(|state| &state.health);
        health.and_then(|health| health.objects.first()).map_or_else(
            || "not every object is healthy".to_owned(),
            |worst| format!("{} is {}: {}", worst.id, worst.status.word(), worst.reason),
        )
    }

    async fn source(&mut self, event: &Event) -> Result<(), Problem> {
        let Ok(state) = events::decode::<SourceState>(event.draft.format, &event.draft.payload) else {
            return Ok(());
        };
        self.looked |= state.handled.contains(&self.request);
        if let (Some(revision), EventType::RevisionObserved) = (&state.revision, event.draft.kind) {
            let fetched = format!("fetched   {} at {}", revision.reference, revision.commit.short());
            // A later event may say only that the request was handled; what was listed is of an earlier run.
            if self.listed && self.fetched.as_ref() != Some(&fetched) {
                self.say(&fetched);
                self.fetched = Some(fetched);
            }
            // A page may be lost until the fetcher has looked: what it says counts then.
            if let Ok(rows) = self.rows(&revision.paths).await {
                let notes = rows.into_iter().flat_map(|row| match row.outcome {
                    PathOutcome::Found { notes, .. } => notes,
                    PathOutcome::Failed(_) => vec![],
                });
                self.left_out = notes.map(|note| note.message).collect();
            }
        }
        Ok(())
    }

    async fn render(&mut self, event: &Event) -> Result<(), Problem> {
        let Ok(state) = events::decode::<RenderState>(event.draft.format, &event.draft.payload) else {
            return Ok(());
        };
        if let (Some(desired), None) = (&state.desired, &state.failure) {
            let manifests = self.content(&desired.manifests).await?;
            let set = manifest::DesiredSet::decode(&manifests)
                .map_err(|error| Problem::new("LOG-CONTENT", chain(&error), ""))?;
            self.desired = set.objects().iter().map(|object| object.id.clone()).collect();
            self.revision = Some(state.made_from.commit.to_string());
            self.set_aside = desired.notes.iter().map(|note| note.message.clone()).collect();
            self.say(&format!("rendered  {} with {}", counted(desired.objects), state.made_from.engine));
            for note in self.notes() {
                self.say(&format!("  note: {note}"));
            }
        }
        Ok(())
    }

    async fn sync(&mut self, event: &Event) -> Result<(), Problem> {
        let Ok(state) = events::decode::<SyncState>(event.draft.format, &event.draft.payload) else {
            return Ok(());
        };
        let rows = self.rows(&state.objects).await?;
        if state.generation != self.generation {
            self.generation = state.generation;
            self.told.clear();
        }
        for row in &rows {
            // What failed is told at the end, with its reason.
            let failed = matches!(row.outcome, ObjectOutcome::Failed(_));
            if let (Some(word), false) = (outcome_word(&row.outcome), failed)
                && self.told.insert(row.id.clone(), row.outcome.clone()).as_ref() != Some(&row.outcome)
            {
                self.say(&format!("  {word:<11} {}", row.id));
            }
        }
        for gone in self.objects.iter().filter(|before| !rows.iter().any(|row| row.id == before.id)) {
            self.say(&format!("  {:<11} {}", "pruned", gone.id));
        }
        self.objects = rows;
        Ok(())
    }

    async fn rows<T: Clone + Serialize + DeserializeOwned>(
        &self,
        table: &Table<T>,
    ) -> Result<Vec<T>, Problem> {
        let Table::Inline(rows) = table else {
            let mut rows = vec![];
            for page in table.pages() {
                let bytes = self.content(&Content::Blob(*page)).await?;
                rows.extend(
                    Table::read_page(&bytes)
                        .map_err(|error| Problem::new("LOG-CONTENT", chain(&error), ""))?,
                );
            }
            return Ok(rows);
        };
        Ok(rows.clone())
    }

    /// The bytes of content.
    pub async fn content(&self, content: &Content) -> Result<Vec<u8>, Problem> {
        match content {
            Content::Inline(bytes) => Ok(bytes.clone()),
            Content::Blob(digest) => {
                let problem = |text: String| Problem::new("LOG-BLOB", text, "run it again");
                let found = self.log.get_blob(digest).await.map_err(|error| problem(chain(&error)))?;
                found.map(|bytes| bytes.to_vec()).ok_or_else(|| problem(format!("blob {digest} is missing")))
            }
        }
    }

    /// In sync, and not healthy.
    pub fn unhealthy(&self) -> Problem {
        Problem::new("UNHEALTHY", self.worst(), "look at the object's events and logs")
            .ending(Exit::Unhealthy)
    }

    /// No answer in time: says how far it came.
    pub fn too_late(&self, bound: Duration) -> Problem {
        let reached = match (&self.state, &self.revision) {
            (_, None) => "nothing was rendered",
            (None, Some(_)) => "nothing was planned",
            (Some(state), Some(_)) if state.plan.is_none() => "nothing was planned",
            (Some(_), Some(_)) => "the plan was not carried out",
        };
        let message = format!("not in sync after {} s: {reached}", bound.as_secs());
        Problem::new("TIMEOUT", message, "run it again with -v, or a longer --timeout").ending(Exit::Failed)
    }
}

/// `1 object`, `2 objects`.
pub fn counted(objects: u32) -> String {
    let ending = if objects == 1 { "" } else { "s" };
    format!("{objects} object{ending}")
}

fn unreadable(error: &bus::ReadError) -> Problem {
    Problem::new(error.code(), chain(error), error.remedy())
}

/// What happened to an object, for people; `None`: nothing did.
pub fn outcome_word(outcome: &ObjectOutcome) -> Option<&'static str> {
    match outcome {
        ObjectOutcome::Created => Some("created"),
        ObjectOutcome::Configured => Some("configured"),
        ObjectOutcome::Unchanged => Some("unchanged"),
        ObjectOutcome::Terminating => Some("terminating"),
        ObjectOutcome::Failed(_) => Some("failed"),
        ObjectOutcome::Pending | ObjectOutcome::Untouched => None,
    }
}
