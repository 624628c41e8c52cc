//! How long a killed or frozen worker is missed: from the signal to the first event by which another one does its work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{Filter, Freshness, Log, WatchItem, freshness, ownership::owner};
use cluster::{ClusterClient, ConnectOptions};
use events::EventType;
use manifest::InstallKey;
use model::{Aggregate, AggregateKind, ClusterName, Partition};
use testkit::eventually;
use tokio::time::timeout;

use crate::{
    options::{by_hand, clusters, number},
    platform::Backend,
    script::Act,
    world::{Spread, World},
};

const APPLICATIONS: usize = 10;

/// For a fleet that starts, on a slow machine.
const BOUND: Duration = Duration::from_secs(300);

/// What is promised.
const PROMISE: Duration = Duration::from_secs(10);

/// What a machine that does many other things may add: heartbeats come late there.
const BUSY: Duration = Duration::from_secs(10);

/// Makes something happen to a process.
type Making = fn(&'static str) -> Act;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worker {
    Differ,
    Applier,
}

impl Worker {
    fn group(self) -> &'static str {
        match self {
            Self::Differ => "differ",
            Self::Applier => "applier",
        }
    }

    /// The event by which it answers a commit.
    fn answer(self) -> EventType {
        match self {
            Self::Differ => EventType::SyncPlanned,
            Self::Applier => EventType::SyncStarted,
        }
    }
}

/// A platform on one cluster, and what is read of both.
struct Stage {
    world: World,
    log: Arc<dyn Log>,
    client: ClusterClient,
    cluster: ClusterName,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_or_frozen_is_replaced_soon() {
    let mut stage = Stage::new().await;
    stage.world.converge(BOUND).await;
    let kinds: [(Worker, Making, Making); 4] = [
        (Worker::Applier, Act::Freeze, Act::Thaw),
        (Worker::Differ, Act::Kill, Act::Start),
        (Worker::Applier, Act::Kill, Act::Start),
        (Worker::Differ, Act::Freeze, Act::Thaw),
    ];
    let mut all = Vec::new();
    for i in 0..number("ROUNDS").unwrap_or(2) {
        let (worker, strike, repair) = kinds[i % kinds.len()];
        let name = stage.settled(worker).await;
        let took = stage.missed(worker, &strike(name)).await;
        eprintln!("{:?} is missed for {took:.1?}", strike(name));
        all.push(took);
        stage.world.perform(&repair(name)).await;
        stage.world.converge(BOUND).await;
    }
    stage.world.audit().await;
    stage.world.end().await;
    all.sort_unstable();
    let (middle, longest) = (all[all.len() / 2], all[all.len() - 1]);
    eprintln!("{} takeovers: p50 {middle:.1?}, longest {longest:.1?}", all.len());
    let bound = if by_hand() { PROMISE } else { PROMISE + BUSY };
    assert!(longest < bound, "{longest:?} is longer than {bound:?}");
}

impl Stage {
    async fn new() -> Self {
        let clusters = clusters(1);
        let world = World::new(Backend::Nats, &clusters, APPLICATIONS, Spread::One).await;
        let options = ConnectOptions { key: InstallKey::from_bytes([7; 32]), user_agent: "chaos".into() };
        let client = ClusterClient::connect(&clusters[0].admin(), options).await.unwrap();
        let log = world.platform.log().await;
        let cluster = world.sites[0].name.parse().unwrap();
        Self { world, log, client, cluster }
    }

    /// Waits until two of a role are there, and one of them does what falls to it; that one's process.
    async fn settled(&self, worker: Worker) -> &'static str {
        let does = async || {
            let reports = self.log.members(worker.group()).await.unwrap();
            let members: Vec<_> = reports.iter().map(|report| report.member.clone()).collect();
            let due = owner(Partition::of_cluster(&self.cluster), &members)?.name.clone();
            let does = match worker {
                Worker::Differ => match freshness(&Aggregate::Cluster(self.cluster.clone()), &reports, BOUND)
                {
                    Freshness::Fresh { by, .. } => Some(by),
                    Freshness::Stale { .. } | Freshness::Unknown { .. } => None,
                },
                Worker::Applier => self.holder().await,
            };
            (members.len() == 2 && does.as_ref() == Some(&due)).then_some(due)
        };
        let name = eventually(BOUND, "two that share the work", does).await;
        let processes = Backend::Nats.processes().iter();
        processes.copied().find(|process| name.starts_with(&format!("{process}-"))).unwrap()
    }

    /// The process that holds the cluster's Lease, which tells the instance as its second word.
    async fn holder(&self) -> Option<String> {
        let namespace = format!("{}-platform", self.world.name);
        let holder = self.client.lease(&namespace, "driftless.platform").await.unwrap()?.holder?;
        holder.split(' ').nth(1).map(str::to_owned)
    }

    /// Strikes, commits, and waits for the answer to the commit.
    async fn missed(&mut self, worker: Worker, strike: &Act) -> Duration {
        let kinds = [AggregateKind::Target, AggregateKind::Sync];
        let mut watch = self.log.watch(Filter::kinds(&kinds)).await.unwrap();
        while watch.next().await.unwrap().unwrap() != WatchItem::Listed {}
        let struck = Instant::now();
        self.world.perform(strike).await;
        let all = (0..APPLICATIONS).collect();
        self.world.perform(&Act::Commit { changed: all, toggled: vec![] }).await;
        let answered = async {
            loop {
                if let WatchItem::Event(event) = watch.next().await.unwrap().unwrap()
                    && event.draft.kind == worker.answer()
                {
                    return struck.elapsed();
                }
            }
        };
        timeout(BOUND, answered).await.unwrap()
    }
}
