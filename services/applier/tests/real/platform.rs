//! Platforms that hold clusters: whose they are, who may take over, and what is not written without that.

use std::{collections::BTreeMap, fs, time::Duration};

use applier::{Config, Custody, CustodyError, Scope};
use bus::{Share, share::Holding};
use cluster::{Lease, LeaseClaim};
use events::EventType;
use manifest::InstallKey;
use model::{Aggregate, RetryClass};
use plan::{Action, Reason};
use serde_json::{Value, json};
use testkit::eventually;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    bed::{BOUND, Bed, apply, create, failure, key, step, succeeded},
    interrupted::held,
};

fn other_key() -> InstallKey {
    InstallKey::from_bytes([8; 32])
}

/// An object that was just created by an applier.
pub async fn created(bed: &mut Bed, name: &str) -> Value {
    let map = bed.config_map(name, json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let state = bed.execute(vec![create(&map)]).await;
    assert!(succeeded(&state), "{state:?}");
    map
}

/// Tries to create an object; answers the failure.
pub async fn refused(bed: &mut Bed, name: &str) -> model::Failure {
    let map = bed.config_map(name, json!({"x": "1"}));
    bed.desire(std::slice::from_ref(&map)).await;
    let failed = failure(&bed.execute(vec![create(&map)]).await);
    assert!(bed.get(&map).await.is_none(), "it was written");
    failed
}

pub async fn wait_for_lease(bed: &Bed, what: &str, fits: impl Fn(&Lease) -> bool) -> Lease {
    eventually(BOUND, what, async || bed.lease().await.filter(|lease| fits(lease))).await
}

/// Writes the platform's Lease as somebody else who holds it.
async fn claim(bed: &Bed, life: Duration, annotations: &[(&str, &str)]) {
    let annotations: BTreeMap<String, String> =
        annotations.iter().map(|(key, text)| (format!("driftless.dev/{key}"), (*text).to_owned())).collect();
    bed.make_namespace(&bed.platform).await;
    let claimed = async || {
        let seen = bed.lease().await;
        let claim = LeaseClaim {
            namespace: &bed.platform,
            name: "driftless.platform",
            holder: Some("somebody"),
            annotations: &annotations,
            life,
            now: bus::now(),
        };
        bed.kube.claim_lease(&claim, seen.as_ref()).await.ok()
    };
    eventually(BOUND, "the Lease is written", claimed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_held_although_there_is_nothing_to_do() {
    let bed = Bed::new().await;
    let applier = bed.start("one");
    let lease = wait_for_lease(&bed, "the Lease", |_| true).await;
    let told = |key: &str| lease.annotations[&format!("driftless.dev/{key}")].as_str();
    assert_eq!(lease.holder, Some(format!("driftless-platform one {}", key().key_id())));
    assert_eq!((told("install"), told("log")), (key().key_id().as_str(), bed.log.incarnation()));
    assert_eq!(told("applications"), bed.target.application.as_str());
    applier.stop().await;
    // It stays and says whose the cluster is, but nobody has to wait for it.
    let left = bed.lease().await.unwrap();
    assert_eq!((left.holder, left.annotations), (None, lease.annotations));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_no_other_install() {
    let mut bed = Bed::new().await;
    let before = bed.start("before");
    created(&mut bed, "a").await;
    before.stop().await;
    let lines = format!("{}\n{}\n", *other_key().to_hex(), *key().to_hex());
    let rotated = InstallKey::from_lines(&lines).unwrap();
    let _after = bed.start_as(Config::new(rotated, "after", Share::Sole));
    created(&mut bed, "b").await;
    let lease = bed.lease().await.unwrap();
    assert_eq!(lease.annotations["driftless.dev/install"], other_key().key_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_install_is_refused_until_a_person_deletes_the_lease() {
    let mut first = Bed::new().await;
    let applier = first.start("first");
    created(&mut first, "a").await;
    let mut second = Bed::beside(&first).await;
    let _second = second.start_as(Config::new(other_key(), "second", Share::Sole));
    let failed = refused(&mut second, "b").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OTHER-INSTALL", RetryClass::Permanent));
    for word in [&first.platform, "driftless.platform", &key().key_id()] {
        assert!(failed.message.contains(word), "{word}: {}", failed.message);
    }
    assert!(failed.remedy.contains("delete the Lease"), "{}", failed.remedy);
    created(&mut first, "c").await;
    // That it runs no more makes the cluster nobody else's.
    applier.stop().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        assert_eq!(refused(&mut second, "d").await.code, "CUSTODY-OTHER-INSTALL");
    }
    second.delete_lease().await;
    eventually(BOUND, "the second has it", async || {
        let map = second.config_map("e", json!({}));
        second.desire(std::slice::from_ref(&map)).await;
        succeeded(&second.execute(vec![create(&map)]).await).then_some(())
    })
    .await;
    let told = second.lease().await.unwrap().annotations["driftless.dev/install"].clone();
    assert_eq!(told, other_key().key_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_applier_of_the_platform_takes_over_at_once() {
    let mut bed = Bed::new().await;
    let (holding, share) = watch::channel(held(Duration::ZERO));
    let _first = bed.start_holding("first", Share::Of(share));
    created(&mut bed, "a").await;
    // The first has it in mind to renew the Lease until it hears of it.
    let (_holding, share) = watch::channel(held(Duration::ZERO));
    holding.send_replace(Holding::default());
    let _second = bed.start_holding("second", Share::Of(share));
    timeout(Duration::from_secs(15), created(&mut bed, "b")).await.unwrap();
    let lease = bed.lease().await.unwrap();
    assert!(lease.holder.as_ref().is_some_and(|holder| holder.contains("second")), "{lease:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_lost_its_lease_writes_nothing_more() {
    let mut bed = Bed::new().await;
    let _applier = bed.start("one");
    let map = created(&mut bed, "a").await;
    claim(&bed, Duration::from_secs(60), &[("install", "another")]).await;
    // It finds out when it renews, which is long before the one that it had is over.
    let begun = Instant::now();
    let (failed, before) = loop {
        assert!(begun.elapsed() < BOUND, "it never notices");
        let before = bed.get(&map).await.unwrap();
        let changed = bed.config_map("a", json!({"x": begun.elapsed().as_nanos().to_string()}));
        bed.desire(std::slice::from_ref(&changed)).await;
        let state = bed.execute(vec![apply(&changed, &before)]).await;
        // A sync that is under way when it finds out tells that it was lost; whose it is, the next one.
        if !succeeded(&state) && failure(&state).code != "CUSTODY-LOST" {
            break (failure(&state), before);
        }
    };
    assert_eq!(failed.code, "CUSTODY-OTHER-INSTALL");
    assert_eq!(bed.get(&map).await.unwrap().resource_version, before.resource_version);
    assert_eq!(bed.lease().await.unwrap().holder.as_deref(), Some("somebody"));
}

/// What tries to sync for hours leave behind: more than is kept of the target.
pub async fn append_many(bed: &Bed) {
    let (newest, state) = bed.sync().await.unwrap();
    for _ in 0..300 {
        bed.publish(Aggregate::Sync(bed.target.clone()), newest.draft.kind, &state).await;
    }
}

fn copy(bed: &Bed) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(bed.folder.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_log_writes_nothing_until_a_person_deletes_the_lease() {
    let mut bed = Bed::new().await;
    let applier = bed.start("one");
    created(&mut bed, "a").await;
    let backup = copy(&bed);
    created(&mut bed, "b").await;
    let (newest, _) = bed.sync().await.unwrap();
    applier.stop().await;
    let told = bed.lease().await.unwrap().annotations["driftless.dev/acted-on"].clone();
    assert!(told.contains(&newest.id.to_string()), "{told}");

    let mut bed = bed.with_log_in(backup).await;
    let applier = bed.start("two");
    let failed = refused(&mut bed, "c").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OLDER-LOG", RetryClass::Permanent));
    assert!(failed.message.contains(&format!("sync/{}", bed.target)), "{}", failed.message);
    assert!(failed.remedy.contains("delete the Lease"), "{}", failed.remedy);
    // That it goes on to where it was makes it no newer.
    while bed.sync().await.unwrap().0.n() <= newest.n() {
        refused(&mut bed, "c").await;
    }
    // Nor that it outgrows what was acted on.
    append_many(&bed).await;
    assert_eq!(refused(&mut bed, "c").await.code, "CUSTODY-OLDER-LOG");
    applier.stop().await;
    let applier = bed.start("three");
    assert_eq!(refused(&mut bed, "c").await.code, "CUSTODY-OLDER-LOG");
    assert_eq!(bed.lease().await.unwrap().annotations["driftless.dev/acted-on"], told);

    applier.stop().await;
    bed.delete_lease().await;
    let _applier = bed.start("four");
    created(&mut bed, "d").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_takes_the_cluster_once_nobody_renews_the_lease_of_the_old_one() {
    let mut bed = Bed::new().await;
    let old = [("install", &*key().key_id()), ("log", "old"), ("acted-on", "sync/real/shop 7 aa 9")];
    claim(&bed, Duration::from_secs(4), &old).await;
    let begun = Instant::now();
    let _applier = bed.start("one");
    created(&mut bed, "a").await;
    assert!(begun.elapsed().as_secs() >= 4, "{:?}", begun.elapsed());
    let lease = bed.lease().await.unwrap();
    assert_eq!(lease.annotations["driftless.dev/log"], bed.log.incarnation());
    let acted = lease.annotations.get("driftless.dev/acted-on");
    assert!(acted.is_none_or(|acted| !acted.contains("shop 7")), "{acted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_is_refused_while_the_platform_of_the_old_one_is_alive() {
    let mut first = Bed::new().await;
    let _first = first.start("first");
    created(&mut first, "a").await;
    let mut second = Bed::beside(&first).await;
    let _second = second.start("second");
    let failed = refused(&mut second, "b").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-OTHER-LOG", RetryClass::Transient));
    assert!(failed.message.contains("driftless-platform first"), "{}", failed.message);
    created(&mut first, "c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_on_which_all_is_over_is_let_go() {
    let mut bed = Bed::new().await;
    let _applier = bed.start("one");
    let map = created(&mut bed, "a").await;
    let uid = bed.get(&map).await.unwrap().uid;
    bed.leave().await;
    let state = bed
        .release(vec![step(&map, Action::Orphan { uid, origin: plan::Origin::Created }, Reason::Released)])
        .await;
    assert!(succeeded(&state), "{state:?}");
    assert!(bed.lease().await.is_some(), "it is not over yet");
    bed.released().await;
    eventually(BOUND, "the Lease is gone", async || bed.lease().await.is_none().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_may_hold_no_lease_writes_nothing() {
    let mut bed = Bed::without_rights().await.with_namespace().await;
    bed.grant_viewer(&bed.namespace, ("", &["configmaps", "namespaces"])).await;
    bed.platform = format!("{}-elsewhere", bed.platform);
    bed.make_namespace(&bed.platform).await;
    bed.define().await;
    let _applier = bed.start("one");
    let failed = refused(&mut bed, "a").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-FORBIDDEN", RetryClass::Permanent));
    for word in ["viewer", "leases", &bed.platform] {
        assert!(failed.message.contains(word), "{word}: {}", failed.message);
    }
    assert!(failed.remedy.contains("leases.coordination.k8s.io"), "{}", failed.remedy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_without_a_namespace_for_its_lease_says_so() {
    // Its rights hold for the whole cluster, so that no other test may be on it.
    let cluster = testkit::cluster::own("applier");
    let mut bed = Bed::without_namespaces(&cluster).await;
    let _applier = bed.start("one");
    let failed = refused(&mut bed, "a").await;
    assert_eq!(failed.code, "CUSTODY-FORBIDDEN");
    assert!(failed.message.contains("the namespace is not there"), "{}", failed.message);
    assert!(failed.message.contains(&bed.platform), "{}", failed.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gives_way_to_a_platform_that_is_alive_and_names_its_application() {
    let mut bed = Bed::new().await;
    let _applier = bed.start("one");
    created(&mut bed, "a").await;
    let cluster = bed.cluster();
    let own = Custody::of(&bed.target.application, &bed.namespace, "a-run".to_owned());
    let error = own.take_at(&cluster, key()).await.unwrap_err();
    assert!(matches!(error, CustodyError::Platform { .. }), "{error}");
    assert!(error.to_string().contains("driftless-platform one"), "{error}");
    assert!(
        bed.kube
            .lease(&bed.namespace, &format!("driftless-{}", bed.target.application))
            .await
            .unwrap()
            .is_none()
    );
    let other = Custody::of(&"other".parse().unwrap(), &bed.namespace, "a-run".to_owned());
    let begun = Instant::now();
    other.take_at(&cluster, key()).await.unwrap();
    assert!(begun.elapsed().as_secs() < 10, "it waits for nothing");
    other.give_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_gives_way_to_a_platform_that_comes_back_while_it_runs() {
    let mut bed = Bed::new().await.with_namespace().await;
    let names = bed.target.application.to_string();
    let told = [("install", "another"), ("applications", &*names)];
    // One that was killed is passed once, and for good.
    claim(&bed, Duration::from_secs(2), &told).await;
    let run = Custody::of(&bed.target.application, &bed.namespace, "a-run".to_owned());
    run.take_at(&bed.cluster(), key()).await.unwrap();
    let lease = async || {
        let name = format!("driftless-{}", bed.target.application);
        bed.kube.lease(&bed.namespace, &name).await.unwrap().map(|lease| lease.resource_version)
    };
    let first = lease().await;
    let renewed = async || lease().await.filter(|version| Some(version) != first.as_ref());
    eventually(BOUND, "the run's Lease is renewed", renewed).await;
    run.check().unwrap();
    claim(&bed, Duration::from_secs(60), &told).await;
    let error = eventually(BOUND, "it notices", async || run.check().err()).await;
    assert!(matches!(error, CustodyError::Platform { .. }), "{error}");
    let scope = Scope::Application(run);
    let _applier = bed.start_as(Config { scope, ..Config::new(key(), "one", Share::Sole) });
    let failed = refused(&mut bed, "a").await;
    assert_eq!((failed.code.as_str(), failed.class), ("CUSTODY-PLATFORM", RetryClass::Transient));
}

/// Renewals come every fifteen seconds.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_new_application_is_named_at_once() {
    let mut bed = Bed::new().await;
    let _applier = bed.start("one");
    let names = |lease: &Lease| lease.annotations["driftless.dev/applications"].clone();
    let own = bed.target.application.to_string();
    wait_for_lease(&bed, "the Lease", |lease| names(lease) == own).await;
    let begun = Instant::now();
    bed.define_also("a-new-one").await;
    wait_for_lease(&bed, "the new name", |lease| names(lease) == format!("a-new-one,{own}")).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// A predecessor that died before its Lease told of its last act must not make this log look old one day.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_recorded_counts_as_acted_on_and_the_last_of_a_target_at_once() {
    let mut bed = Bed::new().await;
    let applier = bed.start("one");
    let map = created(&mut bed, "a").await;
    applier.stop().await;
    let (_, state) = bed.sync().await.unwrap();
    let event = bed.publish(Aggregate::Sync(bed.target.clone()), EventType::SyncProgressed, &state).await;
    let _applier = bed.start("two");
    let tells = |lease: &Lease, id: &str| lease.annotations["driftless.dev/acted-on"].contains(id);
    wait_for_lease(&bed, "the event", |lease| tells(lease, &event.id.to_string())).await;
    let begun = Instant::now();
    let uid = bed.get(&map).await.unwrap().uid;
    bed.leave_cluster_alone().await;
    assert!(succeeded(
        &bed.release(vec![step(
            &map,
            Action::Orphan { uid, origin: plan::Origin::Created },
            Reason::Released
        )])
        .await
    ));
    bed.released().await;
    wait_for_lease(&bed, "the last event", |lease| tells(lease, "retired")).await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}
