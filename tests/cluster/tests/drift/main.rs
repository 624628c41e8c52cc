//! The fingerprint against the dry-run, on a real API server: random manifests of many kinds, random edits by
//! other actors.
//!
//! In sync must mean that a forced dry-run of the same bytes changes nothing: zero exceptions. Drift may be a
//! false alarm, if recording anew after that one dry-run ends it.
//!
//! `DRIFT_CASES=100000 cargo test -p drift-oracle` for a longer run; `DRIFT_SEED` repeats one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod case;
mod edits;
mod foreign;
mod kinds;
mod pods;
mod report;
mod template;
mod templates;
mod tree;
mod unkept;

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use cluster::{ClusterClient, ConnectOptions};
use futures::{StreamExt as _, stream};
use manifest::InstallKey;
use serde_json::json;
use testkit::{cluster::TestCluster, eventually};

use case::Bench;
use foreign::Foreign;
use report::Counts;

const MANAGER: &str = "driftless:shop";
/// Cases on one object: long enough that the traces of others pile up.
const ROUNDS: usize = 4;
/// About a minute on 2 cores.
const CASES: u64 = 2000;
/// Objects at a time.
const CONCURRENCY: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_sync_means_that_a_dry_run_changes_nothing() {
    let cluster = testkit::cluster::own("drift");
    let bench = bench(&cluster).await;
    let cases = number("DRIFT_CASES").unwrap_or(CASES);
    let seed = number("DRIFT_SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("DRIFT_SEED={seed}");
    let objects = cases.div_ceil(ROUNDS as u64);
    let mut counts = Counts::default();
    let mut runs =
        stream::iter(0..objects).map(|n| case::run(&bench, seed + n)).buffer_unordered(CONCURRENCY);
    while let Some(done) = runs.next().await {
        counts.add(done);
    }
    // Past the capture of a test that passes: how many cases there were belongs into every run.
    writeln!(io::stderr(), "{counts}").unwrap();
    assert!(counts.false_sync.is_empty(), "false \"in sync\" (DRIFT_SEED={seed}): {counts}");
    assert!(counts.unsettled_alarm.is_empty(), "alarms without end (DRIFT_SEED={seed}): {counts}");
    // Known of `binaryData: {}` in a ConfigMap that others make immutable (1 case in 30,000): an exception that
    // is seen more often than that has to be looked at.
    assert!(counts.refused_over_nothing.len() as u64 <= 2 + cases / 5000, "{counts}");
    assert!(counts.refused_over_nothing.iter().all(|case| case.contains("ConfigMap")), "{counts}");
    // What the server itself turns to and fro cannot be settled by anyone: known of items of custom lists whose
    // only key is filled by a default, and rare. Of any other kind it would be a fight without an opponent.
    assert!(counts.unsettled.iter().all(|kind| kinds::CUSTOM.contains(kind)), "{counts}");
    assert!(counts.unsettled.len() as u64 <= 1 + objects / 50, "{counts}");
    // A server that refuses everything would prove nothing.
    if cases >= CASES {
        assert!(counts.kinds() >= 23 && counts.cases as u64 > cases / 2, "{counts}");
        assert!(counts.in_sync > counts.cases / 10 && counts.drift > counts.cases / 10, "{counts}");
        assert!(counts.edits.values().all(|[taken, _]| *taken > 20), "each kind of edit: {counts}");
        assert!(counts.unknown.len() < counts.cases / 100, "{counts}");
    }
}

async fn bench(cluster: &TestCluster) -> Bench {
    let key = InstallKey::from_bytes([7; 32]);
    let options = ConnectOptions { key: key.clone(), user_agent: "driftless-test".into() };
    let client = ClusterClient::connect(&cluster.admin(), options).await.unwrap();
    let foreign = Foreign::new(cluster);
    let namespace = testkit::cluster::unique("d");
    for name in [namespace.clone(), format!("{namespace}-apart")] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        foreign.create("/api/v1/namespaces", &object).await;
    }
    for definition in kinds::definitions() {
        foreign.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await;
    }
    for plural in ["widgets", "gadgets"] {
        let path = format!("/apis/oracle.driftless.dev/v1/{plural}");
        eventually(Duration::from_secs(90), plural, async || {
            (!foreign.get(&path).await.is_null()).then_some(())
        })
        .await;
    }
    Bench { client, foreign, kinds: kinds::kinds(), namespace, key }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is no number")))
}
