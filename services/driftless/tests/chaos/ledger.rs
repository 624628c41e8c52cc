//! Everything that was ever appended, held against what each process was told that it had appended.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use bus::{FeedItem, Log};
use events::{
    Content, Event, EventId, EventType, Table,
    state::{AppliedObject, SyncState, TargetState, decode},
};
use model::{Aggregate, Digest};
use plan::{Action, SyncPlan};
use tokio::time::timeout;

use crate::witness::Being;

/// How the auditor of a log is called.
const CONSUMER: &str = "chaos";

/// How long the log may take to tell what is in it.
const TELLS_WITHIN: Duration = Duration::from_secs(30);

/// All that the log has told.
#[derive(Default)]
pub struct Ledger {
    newest: BTreeMap<Aggregate, Event>,
    ids: HashSet<EventId>,
    /// How often what happened.
    pub counts: BTreeMap<EventType, u64>,
    /// What plans delete.
    pub prunes: BTreeSet<Being>,
    /// Events that processes were told to be stored.
    pub acknowledged: u64,
    /// How much of each process's output was read.
    offsets: BTreeMap<String, usize>,
}

impl Ledger {
    /// Begins: from now on nothing is dropped that was not read.
    pub async fn register(log: &Arc<dyn Log>) -> Self {
        log.feed(CONSUMER).await.unwrap();
        Self::default()
    }

    /// Reads on up to where the log is now, and checks that it is one history, in which all is that was acknowledged.
    pub async fn read(&mut self, log: &Arc<dyn Log>, folder: &Path) {
        // Before the log: what is acknowledged meanwhile may be behind what is read.
        let acknowledged = self.acknowledgements(folder);
        let end = log.position().await.unwrap().sequence;
        let mut feed = log.feed(CONSUMER).await.unwrap();
        let mut sequence = 0;
        while sequence < end {
            let told = timeout(TELLS_WITHIN, feed.next()).await;
            let item = told.unwrap_or_else(|_| panic!("the log ends at {sequence}, not at {end}")).unwrap();
            sequence = item.sequence();
            match item {
                FeedItem::Event(event) => self.take(event, log).await,
                FeedItem::Undecodable { path, reason, .. } => panic!("{path}: {reason}"),
            }
        }
        feed.ack(sequence).await.unwrap();
        for (process, id) in acknowledged {
            assert!(self.ids.contains(&id), "the {process} was told that {id} is stored, and it is not");
            self.acknowledged += 1;
        }
        assert!(self.acknowledged > 0, "what was acknowledged is not told in a form that is known here");
    }

    /// One event: the successor of the newest one of its aggregate.
    async fn take(&mut self, event: Event, log: &Arc<dyn Log>) {
        let aggregate = event.aggregate().clone();
        let before = self.newest.get(&aggregate);
        let expected = (before.map_or(0, Event::n) + 1, before.map(|before| before.id));
        assert_eq!((event.n(), event.draft.previous), expected, "{aggregate} is no single history");
        assert!(self.ids.insert(event.id), "{aggregate}: {} is there twice", event.id);
        *self.counts.entry(event.draft.kind).or_default() += 1;
        if event.draft.kind == EventType::SyncPlanned {
            self.plan(&event, log).await;
        }
        self.newest.insert(aggregate, event);
    }

    async fn plan(&mut self, event: &Event, log: &Arc<dyn Log>) {
        let state: TargetState = decode(event.draft.format, &event.draft.payload).unwrap();
        let bytes = match state.plan.unwrap().plan {
            Content::Inline(bytes) => bytes,
            Content::Blob(digest) => blob(log, &digest).await,
        };
        for step in SyncPlan::decode(&bytes).unwrap().steps {
            if let Action::Prune { uid } = step.action {
                self.prunes.insert((step.id.name, uid));
            }
        }
    }

    /// How many events the log has told.
    pub fn events(&self) -> usize {
        self.ids.len()
    }

    /// Passes over what processes have said until now.
    pub fn forget_acknowledgements(&mut self, folder: &Path) {
        self.acknowledgements(folder);
    }

    /// What processes have said since the last look that the log had taken.
    fn acknowledgements(&mut self, folder: &Path) -> Vec<(String, EventId)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "out") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let process = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let offset = self.offsets.entry(process.clone()).or_default();
            // A line that is being written is read the next time.
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            let lines = text[*offset..end].lines().filter(|line| line.contains("appended aggregate="));
            let ids = lines.filter_map(|line| line.rsplit_once(" id=")?.1.trim().parse().ok());
            found.extend(ids.map(|id| (process.clone(), id)));
            *offset = end;
        }
        found
    }

    /// What each cluster's syncs say that is there.
    pub async fn inventories(&self, log: &Arc<dyn Log>) -> BTreeMap<String, BTreeSet<Being>> {
        let mut found: BTreeMap<String, BTreeSet<Being>> = BTreeMap::new();
        for (aggregate, event) in &self.newest {
            let Aggregate::Sync(target) = aggregate else { continue };
            let state: SyncState = decode(event.draft.format, &event.draft.payload).unwrap();
            let inventory = found.entry(target.cluster.to_string()).or_default();
            for object in rows(&state.objects, log).await {
                inventory.insert((object.id.name, object.uid.unwrap_or_default()));
            }
        }
        found
    }
}

async fn rows(table: &Table<AppliedObject>, log: &Arc<dyn Log>) -> Vec<AppliedObject> {
    let mut rows = match table {
        Table::Inline(rows) => rows.clone(),
        Table::Paged { .. } => Vec::new(),
    };
    for page in table.pages() {
        rows.extend(Table::<AppliedObject>::read_page(&blob(log, page).await).unwrap());
    }
    rows
}

async fn blob(log: &Arc<dyn Log>, digest: &Digest) -> Vec<u8> {
    let bytes = log.get_blob(digest).await.unwrap();
    bytes.unwrap_or_else(|| panic!("the blob {digest} is gone")).to_vec()
}
